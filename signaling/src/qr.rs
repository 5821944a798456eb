// SPDX-License-Identifier: MPL-2.0
//! QR codes, for what is typed by nobody: links, keys, and what apps for second factors are made of. Pure.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use qrcode::QrCode;
use qrcode::render::svg;

/// Shortest side, in pixels of a page: a telephone reads it from a screen.
const SIDE: u32 = 220;

/// A QR code as the address of an image (`data:`), which no browser asks anybody for. `None` of what is too long for one.
pub(crate) fn picture(text: &str) -> Option<String> {
    let code = QrCode::new(text).ok()?;
    let mut renderer = code.render::<svg::Color<'_>>();
    let picture = renderer.min_dimensions(SIDE, SIDE).build();
    let encoded = BASE64_STANDARD.encode(picture);
    Some(format!("data:image/svg+xml;base64,{encoded}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_an_image_and_what_does_not_is_none() {
        let picture = picture(&"k".repeat(600)).unwrap();
        let encoded = picture.strip_prefix("data:image/svg+xml;base64,").unwrap();
        let text = String::from_utf8(BASE64_STANDARD.decode(encoded).unwrap()).unwrap();
        assert!(text.contains("<svg"), "{text}");
        assert_eq!(super::picture(&"k".repeat(4000)), None);
    }
}
