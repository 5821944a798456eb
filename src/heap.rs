// SPDX-License-Identifier: MPL-2.0
//! Gives memory back that nobody uses any more.
//!
//! glibc keeps what was freed: a block that was freed in the middle of an arena stays with the process, and of an arena of a
//! thread that has ended even its end does. After the encoders' trial at the start and after viewers these are tens of
//! megabytes that a small board has better uses for. `malloc_trim` gives the former back and `mallopt` the latter, which the C
//! library has and Rust has no safe form of. What each is worth: docs/measured.md.

use std::{
    env,
    sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst},
    time::Duration,
};

use crate::runtime;

/// How long nobody has to watch before memory is given back: who loads a page again is there before, a session's threads have
/// ended, and so have the encoders, which the ladder keeps for ten seconds.
const QUIET: Duration = Duration::from_secs(12);

/// What may be free at the end of an arena, and how large a block is that gets a mapping of its own: what glibc begins with. By
/// itself it raises both with the largest block that was ever freed, to megabytes after the first frames, and in each arena.
const THRESHOLD: i32 = 128 * 1024;
/// By these a user has chosen already.
const CHOSEN: [&str; 3] = [
    "MALLOC_TRIM_THRESHOLD_",
    "MALLOC_MMAP_THRESHOLD_",
    "GLIBC_TUNABLES",
];

/// The sinks of this process that somebody watches. Trimming holds each arena's lock for a moment, and a streaming thread
/// that allocates would wait for it.
static WATCHED: AtomicUsize = AtomicUsize::new(0);
/// Counts the ends, so that of several soon after one another the last alone is followed by a look.
static ENDS: AtomicU64 = AtomicU64::new(0);

/// Whether somebody watches one sink.
#[derive(Debug, Default)]
pub(crate) struct Watched(AtomicBool);

impl Watched {
    /// Says it anew. The memory goes back some seconds after nobody watches any sink of the process.
    pub(crate) fn set(&self, is_watched: bool) {
        match (self.0.swap(is_watched, SeqCst), is_watched) {
            (false, true) => {
                WATCHED.fetch_add(1, SeqCst);
            }
            (true, false) => {
                WATCHED.fetch_sub(1, SeqCst);
                trim_soon();
            }
            _ => (),
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.set(false);
    }
}

/// After the quiet, if it lasts.
pub(crate) fn trim_soon() {
    let end = ENDS.fetch_add(1, SeqCst) + 1;
    // Without threads there is little to give back.
    let Ok(runtime) = runtime::handle() else {
        return;
    };
    runtime.spawn(async move {
        tokio::time::sleep(QUIET).await;
        if ENDS.load(SeqCst) == end && WATCHED.load(SeqCst) == 0 {
            let _ = tokio::task::spawn_blocking(trim).await;
        }
    });
}

/// Has what frames took go back as soon as it is freed, in the whole process. To be called before the first frame.
pub(crate) fn keep_small() {
    if !CHOSEN.iter().any(|name| env::var_os(name).is_some()) {
        hold_threshold();
    }
}

#[cfg(target_env = "gnu")]
#[allow(unsafe_code)]
fn hold_threshold() {
    // SAFETY: mallopt(3) takes two numbers, locks the allocator for itself, and says by its result what it does not know.
    unsafe { libc::mallopt(libc::M_TRIM_THRESHOLD, THRESHOLD) };
}

#[cfg(not(target_env = "gnu"))]
fn hold_threshold() {}

#[cfg(target_env = "gnu")]
#[allow(unsafe_code)]
fn trim() {
    // SAFETY: malloc_trim(3) takes a number, may be called from any thread, and touches only memory that is free.
    unsafe { libc::malloc_trim(0) };
}

#[cfg(not(target_env = "gnu"))]
fn trim() {}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: usize = 24 << 20;

    #[cfg(target_env = "gnu")]
    fn resident() -> usize {
        let text = std::fs::read_to_string("/proc/self/statm").expect("Linux has it");
        let pages = text.split(' ').nth(1).and_then(|pages| pages.parse().ok());
        pages.unwrap_or(0) * 4096
    }

    #[cfg(target_env = "gnu")]
    #[test]
    fn what_was_freed_after_a_larger_block_goes_back_at_once() {
        let fill = |bytes| drop(std::hint::black_box(vec![1u8; bytes]));
        keep_small();
        // It is an arena of a thread's own, whose end malloc_trim leaves alone.
        let grown = std::thread::spawn(move || {
            let before = resident();
            fill(BLOCK + BLOCK / 4);
            fill(BLOCK);
            resident().saturating_sub(before)
        });
        let grown = grown.join().expect("it does not panic");
        assert!(grown < BLOCK / 2, "{grown}");
    }

    #[test]
    fn a_sink_counts_once_however_often_it_is_said() {
        // Other tests of this process may have sinks: what is compared is the difference.
        let (one, other) = (Watched::default(), Watched::default());
        one.set(true);
        one.set(true);
        other.set(true);
        assert!(WATCHED.load(SeqCst) >= 2);
        one.set(false);
        one.set(false);
        assert!(WATCHED.load(SeqCst) >= 1);
        drop(other);
        trim();
    }
}
