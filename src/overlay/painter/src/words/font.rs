// SPDX-License-Identifier: MPL-2.0
//! Where glyphs come from: the font the user chose, the built-in font, and the system's fonts for what both lack.

use std::fs::File;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use cosmic_text::fontdb::{self, Database, FaceInfo, Source, Stretch, Style, Weight};
use cosmic_text::{Attrs, Family, FontSystem};

use super::system;
use super::text::{Look, Rasteriser};

/// DejaVu Sans 2.37, see `fonts/LICENSE-DejaVu.txt`. Built in so that text looks the same on every machine, and so that a
/// camera without any font still has text.
static BUILT_IN: &[u8] = include_bytes!("../../fonts/DejaVuSans.ttf");

/// The family of the built-in font.
pub(crate) const FAMILY: &str = "DejaVu Sans";

/// The family under which the user's font is known here, so that no other font of its name is taken for it.
const CHOSEN: &str = "chosen by the user";

/// A larger file is not read. The largest in use, collections of all Chinese, Japanese and Korean characters, have 20 MB a
/// weight; a mistyped path may lead to a recording of many gigabytes.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// What must be drawable without a panic before a file is accepted.
const SAMPLE: &str = "0123456789 :-./ ABCDEFGHIJKLMNOPQRSTUVWXYZ abcdefghijklmnopqrstuvwxyz äéñ";

/// Why a font cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FontError {
    /// The file is missing, is not a file, or may not be read.
    #[error(
        "cannot read the font file {path}: {source}; give the path of a .ttf, .otf or .ttc file"
    )]
    Unreadable {
        /// As the user gave it.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is larger than any font.
    #[error("{path} is larger than {} MiB and so not taken for a font file; give the path of a .ttf, .otf or .ttc file", MAX_FILE_BYTES >> 20)]
    TooLarge {
        /// As the user gave it.
        path: String,
    },
    /// The file is no font, or a broken one.
    #[error("{path} is not a font file or is damaged; give the path of a .ttf, .otf or .ttc file")]
    Invalid {
        /// As the user gave it.
        path: String,
    },
    /// No font of this system has that family name.
    #[error(
        "no font family \"{family}\" on this system; see `fc-list : family`, or give the path of a .ttf file"
    )]
    UnknownFamily {
        /// As the user gave it.
        family: String,
    },
    /// What follows the family name is not known.
    #[error(
        "\"{style}\" is no font style; after the family name and a colon may stand thin, light, regular, medium, semibold, bold, black, italic, oblique or condensed"
    )]
    UnknownStyle {
        /// As the user gave it.
        style: String,
    },
}

/// A font that has been found and read; cheap to clone. The default is the built-in font.
#[derive(Clone, Debug, Default)]
pub struct FontChoice(Option<Chosen>);

#[derive(Clone, Debug)]
struct Chosen {
    face: FaceInfo,
    weight: Weight,
    style: Style,
}

impl FontChoice {
    /// Finds the font that the user means by
    ///
    /// - nothing or `DejaVu Sans`: the built-in font,
    /// - the path of a .ttf, .otf or .ttc file (its first font): what contains a slash or ends in one of these,
    /// - a family name, with styles after colons if wanted: `Noto Sans`, `DejaVu Sans Mono:bold:italic`.
    ///
    /// Reads a file or, the first time a family is asked for in this process, all fonts of the system, which may take a
    /// second. Not for the thread that draws.
    pub fn find(font: &str) -> Result<Self, FontError> {
        let font = font.trim();
        if font.is_empty() || font.eq_ignore_ascii_case(FAMILY) {
            return Ok(Self::default());
        }
        if is_path(font) {
            return Self::read(font);
        }
        let mut parts = font.split(':').map(str::trim);
        let family = parts.next().unwrap_or_default();
        let mut wanted = Wanted::default();
        for style in parts {
            wanted.add(style)?;
        }
        let system = &mut *system::lock();
        let choice = catch_unwind(AssertUnwindSafe(|| Self::of_family(system, family, wanted)));
        choice
            .ok()
            .flatten()
            .ok_or_else(|| FontError::UnknownFamily {
                family: family.to_owned(),
            })
    }

    /// Finds, on the calling thread, fonts for the characters of `text` that this font and the built-in one lack, so that a
    /// text which is known beforehand is complete from the first picture on. May take a second if there are any. Without
    /// it [`Rasteriser::bitmap`] does the same in the background.
    pub fn prepare(&self, text: &str) {
        let lacking = Fonts::new(self).lacking(text);
        if !lacking.is_empty() && !system::has_searched(lacking.iter().copied()) {
            system::search(text, &lacking);
        }
    }

    fn read(path: &str) -> Result<Self, FontError> {
        let unreadable = |source| FontError::Unreadable {
            path: path.to_owned(),
            source,
        };
        // Opening something else, a pipe for instance, might block for ever.
        let metadata = std::fs::metadata(path).map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(unreadable(std::io::Error::other("it is not a file")));
        }
        let file = File::open(path).map_err(unreadable)?;
        let mut bytes = Vec::new();
        let limited = &mut file.take(MAX_FILE_BYTES + 1);
        limited.read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(FontError::TooLarge {
                path: path.to_owned(),
            });
        }
        let source = Source::Binary(Arc::new(bytes));
        // The libraries panic on some broken fonts.
        let choice = catch_unwind(AssertUnwindSafe(|| Self::of_source(source)));
        choice.ok().flatten().ok_or_else(|| FontError::Invalid {
            path: path.to_owned(),
        })
    }

    /// The first font in a file, if it can be used.
    fn of_source(source: Source) -> Option<Self> {
        let mut db = Database::new();
        let id = db.load_font_source(source).first().copied()?;
        let face = db.face(id)?.clone();
        let choice = Self(Some(Chosen {
            weight: face.weight,
            style: face.style,
            face,
        }));
        let mut fonts = Fonts::new(&choice);
        let id = fonts.chosen?;
        fonts.system.get_font(id, Weight::NORMAL)?;
        let mut rasteriser = Rasteriser::with_font(choice.clone());
        rasteriser.render_unguarded(SAMPLE, &Look::default());
        Some(choice)
    }

    fn of_family(system: &mut FontSystem, family: &str, wanted: Wanted) -> Option<Self> {
        let db = system.db();
        let names = db.faces().flat_map(|face| &face.families);
        let (name, _) = names
            .into_iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(family))?;
        let id = db.query(&fontdb::Query {
            families: &[Family::Name(name)],
            weight: wanted.weight,
            stretch: wanted.stretch,
            style: wanted.style,
        })?;
        let font = system.get_font(id, wanted.weight)?;
        let mut axes = font.as_swash().variations();
        let face = system.db().face(id)?.clone();
        let is_variable = axes.any(|axis| axis.tag() == u32::from_be_bytes(*b"wght"));
        Some(Self(Some(Chosen {
            weight: if is_variable {
                wanted.weight
            } else {
                face.weight
            },
            style: wanted.style,
            face,
        })))
    }
}

fn is_path(font: &str) -> bool {
    let extension = Path::new(font).extension().and_then(|e| e.to_str());
    font.contains('/')
        || extension.is_some_and(|e| {
            ["ttf", "otf", "ttc", "otc"]
                .iter()
                .any(|known| e.eq_ignore_ascii_case(known))
        })
}

/// The styles after a family name.
#[derive(Clone, Copy, Debug, Default)]
struct Wanted {
    weight: Weight,
    style: Style,
    stretch: Stretch,
}

impl Wanted {
    fn add(&mut self, style: &str) -> Result<(), FontError> {
        match style.to_ascii_lowercase().as_str() {
            "thin" => self.weight = Weight::THIN,
            "light" => self.weight = Weight::LIGHT,
            "regular" => self.weight = Weight::NORMAL,
            "medium" => self.weight = Weight::MEDIUM,
            "semibold" => self.weight = Weight::SEMIBOLD,
            "bold" => self.weight = Weight::BOLD,
            "black" => self.weight = Weight::BLACK,
            "italic" => self.style = Style::Italic,
            "oblique" => self.style = Style::Oblique,
            "condensed" => self.stretch = Stretch::Condensed,
            _ => {
                return Err(FontError::UnknownStyle {
                    style: style.to_owned(),
                });
            }
        }
        Ok(())
    }
}

/// A database with nothing but the built-in font.
pub(crate) fn built_in_only() -> Database {
    let mut db = Database::new();
    db.load_font_source(Source::Binary(Arc::new(BUILT_IN)));
    db
}

pub(crate) fn is_built_in(face: &FaceInfo) -> bool {
    matches!(&face.source, Source::Binary(data) if data.as_ref().as_ref().as_ptr() == BUILT_IN.as_ptr())
}

pub(crate) fn system_of(db: Database) -> FontSystem {
    // The locale only chooses between regional shapes of Chinese characters.
    FontSystem::new_with_locale_and_db("en-US".to_owned(), db)
}

/// The fonts of one text: few, so that the layout never tries many for a character.
pub(crate) struct Fonts {
    pub(crate) system: FontSystem,
    pub(crate) attrs: Attrs<'static>,
    chosen: Option<fontdb::ID>,
    /// Faces taken from the system's so far.
    taken: usize,
}

impl Fonts {
    /// Knows only the chosen and the built-in font at first.
    pub(crate) fn new(choice: &FontChoice) -> Self {
        let mut db = built_in_only();
        let mut attrs = Attrs::new().family(Family::Name(FAMILY));
        let mut chosen = None;
        if let Some(choice) = &choice.0 {
            let mut face = choice.face.clone();
            for (name, _) in &mut face.families {
                CHOSEN.clone_into(name);
            }
            attrs = Attrs::new()
                .family(Family::Name(CHOSEN))
                .weight(choice.weight)
                .style(choice.style)
                .stretch(face.stretch);
            chosen = Some(db.push_face_info(face));
        }
        Self {
            system: system_of(db),
            attrs,
            chosen,
            taken: 0,
        }
    }

    /// The characters of `text` that none of these fonts has.
    pub(crate) fn lacking(&mut self, text: &str) -> Vec<char> {
        let mut lacking: Vec<char> = text.chars().filter(|c| is_visible(*c)).collect();
        let ids: Vec<_> = self.system.db().faces().map(|face| face.id).collect();
        for id in ids {
            if lacking.is_empty() {
                break;
            }
            if let Some(font) = self.system.get_font(id, self.attrs.weight) {
                let charmap = font.as_swash().charmap();
                lacking.retain(|c| charmap.map(*c) == 0);
            }
        }
        lacking
    }

    /// Takes the faces that searches have found in the meantime; whether there were any.
    pub(crate) fn take_found(&mut self) -> bool {
        let faces = system::faces_after(self.taken);
        self.taken += faces.len();
        let any = !faces.is_empty();
        for face in faces {
            self.system.db_mut().push_face_info(face);
        }
        any
    }
}

/// Controls, spaces, joiners and other format characters need no glyph.
fn is_visible(c: char) -> bool {
    let is_format = matches!(c,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}');
    !(c.is_control() || c.is_whitespace() || is_format)
}

#[cfg(test)]
#[path = "font_tests.rs"]
pub(crate) mod tests;
