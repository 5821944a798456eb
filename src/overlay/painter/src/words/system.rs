// SPDX-License-Identifier: MPL-2.0
//! The system's fonts, shared by all texts of the process, for characters that a text's own fonts lack.
//!
//! They are scanned at most once, and never on the thread that draws: a text that lacks a character asks for it, goes on
//! with what there is, and looks again when [`finished`] has changed. Only the few faces that some text has needed are
//! handed out: a layout that may try every font of a desktop system would take seconds for a character that none of them has.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use cosmic_text::fontdb::{self, FaceInfo};
use cosmic_text::{Attrs, Buffer, Family, FontSystem, Metrics, Shaping};

use super::font;
use super::text::with_new_lines;

/// More faces than a text in many scripts needs. It bounds what each text tries for a character that no font has.
const MAX_FACES: usize = 64;

/// Characters remembered as searched for. A text has at most 1024; beyond the limit the memory starts afresh.
const MAX_SEARCHED: usize = 8192;

#[derive(Default)]
struct Found {
    faces: Vec<FaceInfo>,
    searched: HashSet<char>,
}

static SYSTEM: OnceLock<Mutex<FontSystem>> = OnceLock::new();
static FOUND: Mutex<Option<Found>> = Mutex::new(None);
static SEARCHING: AtomicBool = AtomicBool::new(false);
static FINISHED: AtomicUsize = AtomicUsize::new(0);

/// All fonts of this machine. The first call may take a second.
pub(crate) fn lock() -> MutexGuard<'static, FontSystem> {
    SYSTEM
        .get_or_init(|| {
            let all = catch_unwind(|| {
                let mut db = font::built_in_only();
                db.load_system_fonts();
                db
            });
            // A file that makes the scan panic must not take the pipeline with it.
            Mutex::new(font::system_of(
                all.unwrap_or_else(|_| font::built_in_only()),
            ))
        })
        .lock()
        // A panic in a broken font leaves nothing behind that the next search could not use.
        .unwrap_or_else(PoisonError::into_inner)
}

/// Calls `look` with what has been found. Held only to look something up or to add to it, so drawing may wait for it.
fn found<T>(look: impl FnOnce(&mut Found) -> T) -> T {
    let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    look(found.get_or_insert_default())
}

/// How many searches have ended.
pub(crate) fn finished() -> usize {
    FINISHED.load(Ordering::Acquire)
}

/// The faces found so far, without the first `known`.
pub(crate) fn faces_after(known: usize) -> Vec<FaceInfo> {
    found(|found| found.faces.get(known..).unwrap_or_default().to_vec())
}

/// Whether a search would be in vain, since there has been one for each of these characters.
pub(crate) fn has_searched(mut characters: impl Iterator<Item = char>) -> bool {
    found(|found| characters.all(|c| found.searched.contains(&c)))
}

/// Searches on a thread of its own. Does nothing while there is another search: when that ends, `finished` changes.
pub(crate) fn search_in_background(text: &str, lacking: Vec<char>) {
    if SEARCHING.swap(true, Ordering::AcqRel) {
        return;
    }
    let text = text.to_owned();
    let spawned = thread::Builder::new()
        .name("porthole-fonts".to_owned())
        .spawn(move || {
            search(&text, &lacking);
            SEARCHING.store(false, Ordering::Release);
            // Again, now that the next search may start.
            FINISHED.fetch_add(1, Ordering::AcqRel);
        });
    if spawned.is_err() {
        SEARCHING.store(false, Ordering::Release);
    }
}

/// Finds fonts for the characters `lacking` in `text`; may take a second.
pub(crate) fn search(text: &str, lacking: &[char]) {
    let system = &mut *lock();
    // A broken font may make the libraries panic; the characters then have no font, like those that no font has.
    let faces = catch_unwind(AssertUnwindSafe(|| faces_for(system, text))).unwrap_or_default();
    found(|found| {
        if found.searched.len() + lacking.len() > MAX_SEARCHED {
            found.searched.clear();
        }
        found.searched.extend(lacking);
        for face in faces {
            let is_new = found.faces.iter().all(|other| other.id != face.id);
            if is_new && found.faces.len() < MAX_FACES {
                found.faces.push(face);
            }
        }
    });
    FINISHED.fetch_add(1, Ordering::AcqRel);
}

/// The faces that a layout of `text` uses besides the built-in one.
pub(crate) fn faces_for(system: &mut FontSystem, text: &str) -> Vec<FaceInfo> {
    let mut buffer = Buffer::new_empty(Metrics::new(16.0, 20.0));
    let attrs = Attrs::new().family(Family::Name(font::FAMILY));
    buffer.set_text(&with_new_lines(text), &attrs, Shaping::Advanced, None);
    buffer.shape_until_scroll(system, false);
    let mut ids: Vec<fontdb::ID> = Vec::new();
    for glyph in buffer.layout_runs().flat_map(|run| run.glyphs) {
        // Glyph 0 stands for a character that no font has.
        if glyph.glyph_id != 0 && !ids.contains(&glyph.font_id) {
            ids.push(glyph.font_id);
        }
    }
    let faces = ids.iter().filter_map(|id| system.db().face(*id));
    faces
        .filter(|face| !font::is_built_in(face))
        .cloned()
        .collect()
}

#[cfg(test)]
#[path = "system_tests.rs"]
mod tests;
