// SPDX-License-Identifier: MPL-2.0
//! Bitmaps in other sizes.

use image::imageops::{FilterType, resize};
use image::{ImageBuffer, Rgba};

use crate::Bitmap;

/// The longest side of a picture in GStreamer.
const MAX_SIDE: u32 = 32767;

impl Bitmap {
    /// The same image in another size, in pixels. It is empty if a side is 0 or longer than a picture's can be.
    #[must_use]
    pub fn scaled(&self, width: usize, height: usize) -> Self {
        if (width, height) == (self.width, self.height) {
            return self.clone();
        }
        self.resized(width, height).unwrap_or_default()
    }

    fn resized(&self, width: usize, height: usize) -> Option<Self> {
        let side = |length: usize| {
            let side = u32::try_from(length).ok()?;
            (1..=MAX_SIDE).contains(&side).then_some(side)
        };
        let source = ImageBuffer::<Rgba<u8>, &[u8]>::from_raw(
            side(self.width)?,
            side(self.height)?,
            self.pixels.as_flattened(),
        )?;
        let image = resize(&source, side(width)?, side(height)?, FilterType::CatmullRom);
        let pixels = image.pixels().map(|pixel| {
            let [red, green, blue, alpha] = pixel.0;
            // The filter overshoots beside an edge, and a colour may do so where its alpha does not.
            [red.min(alpha), green.min(alpha), blue.min(alpha), alpha]
        });
        Some(Self {
            width,
            height,
            pixels: pixels.collect(),
        })
    }
}
