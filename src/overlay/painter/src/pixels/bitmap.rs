// SPDX-License-Identifier: MPL-2.0
//! What is laid over a picture: a text with its box, an image.

/// Pixels with premultiplied colour: `[r, g, b, a]`, 8 bits each, no component greater than `a`; rows from the top without
/// padding, so that pixel (x, y) is `pixels[y * width + x]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bitmap {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// `width * height` pixels.
    pub pixels: Vec<[u8; 4]>,
}

impl Bitmap {
    /// The same image with its opacity lowered: 255 leaves it as it is, 0 makes it invisible.
    #[must_use]
    pub fn faded(&self, opacity: u8) -> Self {
        let fade = |pixel: &[u8; 4]| pixel.map(|component| times(component, opacity));
        Self {
            width: self.width,
            height: self.height,
            pixels: self.pixels.iter().map(fade).collect(),
        }
    }
}

/// Multiplies where 255 stands for 1.
pub(crate) fn times(a: u8, b: u8) -> u8 {
    // At most 255 * 255 / 255.
    ((u32::from(a) * u32::from(b) + 127) / 255) as u8
}
