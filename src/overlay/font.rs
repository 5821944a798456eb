// SPDX-License-Identifier: MPL-2.0
//! Where glyphs come from: the built-in font, and the system's fonts for characters it lacks.

use std::sync::Arc;

use cosmic_text::{FontSystem, fontdb};

/// DejaVu Sans 2.37, see `fonts/LICENSE-DejaVu.txt`. Built in so that text looks the same on every machine, and so that a
/// camera without any font still has text.
static BUILT_IN: &[u8] = include_bytes!("fonts/DejaVuSans.ttf");

/// The family of the built-in font.
pub(crate) const FAMILY: &str = "DejaVu Sans";

/// The built-in font, and the system's fonts once a text has needed them.
pub(crate) struct Fonts {
    pub(crate) system: FontSystem,
    built_in: Option<fontdb::ID>,
    has_system_fonts: bool,
}

impl Fonts {
    /// Knows only the built-in font at first.
    pub(crate) fn new() -> Self {
        let mut db = fontdb::Database::new();
        let source = fontdb::Source::Binary(Arc::new(BUILT_IN));
        let built_in = db.load_font_source(source).first().copied();
        Self {
            // The locale only chooses between regional shapes of Chinese characters.
            system: FontSystem::new_with_locale_and_db("en-US".to_owned(), db),
            built_in,
            has_system_fonts: false,
        }
    }

    /// Reads the system's fonts (which may take a second) if the built-in font lacks a character of `text`.
    pub(crate) fn prepare(&mut self, text: &str) {
        if self.has_system_fonts || !self.lacks(text) {
            return;
        }
        self.has_system_fonts = true;
        let (locale, mut db) =
            std::mem::replace(&mut self.system, Self::new().system).into_locale_and_db();
        db.load_system_fonts();
        self.system = FontSystem::new_with_locale_and_db(locale, db);
    }

    fn lacks(&mut self, text: &str) -> bool {
        let font = self
            .built_in
            .and_then(|id| self.system.get_font(id, fontdb::Weight::NORMAL));
        let Some(font) = font else { return true };
        let charmap = font.as_swash().charmap();
        text.chars()
            .any(|c| !c.is_control() && !c.is_whitespace() && charmap.map(c) == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latin_greek_and_cyrillic_need_no_system_fonts() {
        let mut fonts = Fonts::new();
        fonts.prepare("Grüße, Καλημέρα, Привет\n12:34");
        assert!(!fonts.has_system_fonts);
    }

    #[test]
    fn a_character_the_built_in_font_lacks_is_noticed() {
        assert!(Fonts::new().lacks("你"));
    }
}
