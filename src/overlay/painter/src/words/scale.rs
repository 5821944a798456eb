// SPDX-License-Identifier: MPL-2.0
//! Bitmaps in other sizes.

use std::ops::Range;

use crate::Bitmap;

/// The longest side of a picture in GStreamer.
const MAX_SIDE: usize = 32767;

/// How far the filter reaches to both sides, in pixels of the smaller image.
const REACH: f32 = 2.0;

impl Bitmap {
    /// The same image in another size, in pixels. It is empty if a side is 0 or longer than a picture's can be.
    #[must_use]
    pub fn scaled(&self, width: usize, height: usize) -> Self {
        if (width, height) == (self.width, self.height) {
            return self.clone();
        }
        let sides = [self.width, self.height, width, height];
        if !sides.iter().all(|side| (1..=MAX_SIDE).contains(side)) {
            return Self::default();
        }
        let columns: Vec<_> = (0..width).map(|x| Taps::of(x, self.width, width)).collect();
        let mut row = vec![[0.0; 4]; self.width];
        let mut pixels = Vec::with_capacity(width * height);
        for y in 0..height {
            self.mix_rows(&Taps::of(y, self.height, height), &mut row);
            pixels.extend(columns.iter().map(|taps| taps.mix(&row)));
        }
        Self {
            width,
            height,
            pixels,
        }
    }

    /// Mixes whole rows into one, so that shrinking a photo takes no second photo in floating point.
    fn mix_rows(&self, taps: &Taps, row: &mut [[f32; 4]]) {
        row.fill([0.0; 4]);
        let rows = self.pixels.chunks_exact(self.width);
        for (source, weight) in rows.skip(taps.first).zip(&taps.weights) {
            for (sum, pixel) in row.iter_mut().zip(source) {
                add(sum, pixel.map(f32::from), *weight);
            }
        }
    }
}

/// Which pixels of a row or column of the source make one of the result, and how much each of them counts.
struct Taps {
    first: usize,
    weights: Vec<f32>,
}

impl Taps {
    /// Of the pixel `at`, where `source` pixels become `wanted`.
    fn of(at: usize, source: usize, wanted: usize) -> Self {
        let ratio = source as f32 / wanted as f32;
        // A smaller image takes in all the pixels that it replaces; a larger one lies between its few.
        let scale = ratio.max(1.0);
        let centre = (at as f32 + 0.5) * ratio;
        let Range { start, end } = Self::range(centre, scale * REACH, source);
        let mut weights: Vec<f32> = (start..end)
            .map(|pixel| catmull_rom((pixel as f32 - (centre - 0.5)) / scale))
            .collect();
        let sum: f32 = weights.iter().sum();
        for weight in &mut weights {
            *weight /= sum;
        }
        Self {
            first: start,
            weights,
        }
    }

    /// The pixels that are not further than `reach` from `centre`, at least one.
    fn range(centre: f32, reach: f32, source: usize) -> Range<usize> {
        // Negative values become 0.
        let first = ((centre - reach).floor() as usize).min(source - 1);
        let end = ((centre + reach).ceil() as usize).clamp(first + 1, source);
        first..end
    }

    fn mix(&self, row: &[[f32; 4]]) -> [u8; 4] {
        let mut sum = [0.0; 4];
        for (pixel, weight) in row[self.first..].iter().zip(&self.weights) {
            add(&mut sum, *pixel, *weight);
        }
        // The filter overshoots beside an edge, and a colour may do so where its alpha does not.
        let [red, green, blue, alpha] = sum.map(|component| component.round() as u8);
        [red.min(alpha), green.min(alpha), blue.min(alpha), alpha]
    }
}

fn add(sum: &mut [f32; 4], pixel: [f32; 4], weight: f32) {
    for (sum, component) in sum.iter_mut().zip(pixel) {
        *sum += component * weight;
    }
}

/// The cubic filter of Catmull and Rom: sharp, and exact where a pixel lies on one of the source.
fn catmull_rom(distance: f32) -> f32 {
    let d = distance.abs();
    if d < 1.0 {
        (9.0 * d - 15.0) * d * d / 6.0 + 1.0
    } else if d < REACH {
        ((15.0 - 3.0 * d) * d - 24.0) * d / 6.0 + 2.0
    } else {
        0.0
    }
}
