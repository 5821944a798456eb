// SPDX-License-Identifier: MPL-2.0
//! From red, green and blue to what a format stores.

use crate::pixels::format::{Channel, Format, PlaneShape};

/// How luma and chroma are made from red, green and blue; formats that store these themselves do not use it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Matrix {
    /// Weight of red in luma, between 0 and 1.
    pub kr: f64,
    /// Weight of blue in luma, between 0 and 1.
    pub kb: f64,
    /// Whether 8-bit samples use 0 to 255 instead of 16 to 235 (luma) and 16 to 240 (chroma).
    pub full_range: bool,
}

impl Matrix {
    /// BT.601, limited range: what a video without further information has.
    pub const BT601: Self = Self {
        kr: 0.299,
        kb: 0.114,
        full_range: false,
    };
}

/// A sample as a weighted sum of premultiplied red, green, blue and opacity of 0 to 255 each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Affine {
    factors: [f32; 4],
    /// The greatest value that a sample can have.
    top: f32,
}

impl Affine {
    /// The affine form for a channel of `format`, in steps of its 8 or 10 bits.
    pub(crate) fn new(channel: Channel, format: Format, matrix: &Matrix) -> Self {
        let ten = format.ten_bit_shift().is_some();
        let Matrix { kr, kb, full_range } = *matrix;
        let kg = 1.0 - kr - kb;
        let top = if ten { 1023.0 } else { 255.0 };
        let limited = if ten { 4.0 } else { 1.0 };
        let (black, luma, chroma) = if full_range {
            (0.0, top, top)
        } else {
            (16.0 * limited, 219.0 * limited, 224.0 * limited)
        };
        let grey = if ten { 512.0 } else { 128.0 };
        let (u, v) = (chroma / (2.0 * (1.0 - kb)), chroma / (2.0 * (1.0 - kr)));
        let [r, g, b, constant] = match channel {
            Channel::Y => [luma * kr, luma * kg, luma * kb, black],
            Channel::U => [-u * kr, -u * kg, u * (1.0 - kb), grey],
            Channel::V => [v * (1.0 - kr), -v * kg, -v * kb, grey],
            Channel::Red => [top, 0.0, 0.0, 0.0],
            Channel::Green => [0.0, top, 0.0, 0.0],
            Channel::Blue => [0.0, 0.0, top, 0.0],
            Channel::Alpha => [0.0, 0.0, 0.0, top],
        };
        Self {
            factors: [r, g, b, constant].map(|factor| (factor / 255.0) as f32),
            top: top as f32,
        }
    }

    /// The mean over so many pixels, whose components add up to what it is called with, rounded.
    #[inline(always)]
    pub(crate) fn mean_of(&self, pixels: u32) -> impl Fn([f32; 4]) -> u16 {
        let (share, top) = (1.0 / pixels as f32, self.top);
        let [r, g, b, a] = self.factors.map(|factor| factor * share);
        move |sum| rounded((sum[0] * r + sum[1] * g + sum[2] * b + sum[3] * a).clamp(0.0, top))
    }
}

/// A number of 0 to 65535, rounded, in a way that the compiler vectorises: what is added leaves room for no fraction.
#[inline(always)]
pub(crate) fn rounded(value: f32) -> u16 {
    const WHOLE: f32 = 8_388_608.0;
    (value + WHOLE).to_bits() as u16
}

/// An opaque colour as it is stored: the bytes of one unit of each plane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ink {
    pub(crate) units: [[u8; 4]; 3],
}

impl Ink {
    /// `[red, green, blue]` in a format.
    pub(crate) fn new([r, g, b]: [u8; 3], format: Format, matrix: &Matrix) -> Self {
        Self::from_samples(format, |channel| {
            let sum = [r, g, b, 255].map(f32::from);
            Affine::new(channel, format, matrix).mean_of(1)(sum)
        })
    }

    /// Grey of this 8-bit luma, whatever the range, in formats that store luma; else white or black, whichever is nearer.
    pub(crate) fn block(luma: u8, format: Format) -> Self {
        let times = if format.ten_bit_shift().is_some() {
            4
        } else {
            1
        };
        Self::from_samples(format, |channel| match channel {
            Channel::Y => u16::from(luma) * times,
            Channel::U | Channel::V => 128 * times,
            Channel::Alpha => 255,
            _ => {
                if luma < 128 {
                    0
                } else {
                    255
                }
            }
        })
    }

    /// `sample` gives the value of a channel in steps of the format's 8 or 10 bits.
    pub(crate) fn from_samples(format: Format, mut sample: impl FnMut(Channel) -> u16) -> Self {
        let mut ink = Self::default();
        let shapes: [PlaneShape; 3] = format.shapes();
        for component in format.components() {
            let value = sample(component.channel);
            let unit = &mut ink.units[component.plane];
            for at in (component.offset..shapes[component.plane].bytes).step_by(component.pitch) {
                match format.ten_bit_shift() {
                    None => unit[at] = value as u8,
                    Some(shift) => {
                        unit[at..at + 2].copy_from_slice(&(value << shift).to_le_bytes());
                    }
                }
            }
        }
        ink
    }
}

/// Writes `unit`, repeated, over the whole of `row`.
pub(crate) fn fill(row: &mut [u8], unit: [u8; 4], bytes: usize) {
    fn repeat<const N: usize>(row: &mut [u8], unit: [u8; 4]) {
        let [a, b, c, d] = unit;
        let mut value = [0; N];
        value.copy_from_slice(&[a, b, c, d][..N]);
        row.as_chunks_mut::<N>().0.fill(value);
    }
    match bytes {
        1 => row.fill(unit[0]),
        2 => repeat::<2>(row, unit),
        3 => repeat::<3>(row, unit),
        _ => repeat::<4>(row, unit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn yuv(rgb: [u8; 3], matrix: &Matrix) -> [u8; 3] {
        let ink = Ink::new(rgb, Format::I420, matrix);
        ink.units.map(|unit| unit[0])
    }

    #[test]
    fn the_usual_colours_have_their_usual_values() {
        assert_eq!(yuv([0, 0, 0], &Matrix::BT601), [16, 128, 128]);
        assert_eq!(yuv([255, 255, 255], &Matrix::BT601), [235, 128, 128]);
        assert_eq!(yuv([255, 0, 0], &Matrix::BT601), [81, 90, 240]);
        let bt709 = Matrix {
            kr: 0.2126,
            kb: 0.0722,
            full_range: false,
        };
        assert_eq!(yuv([255, 0, 0], &bt709), [63, 102, 240]);
        let full = Matrix {
            full_range: true,
            ..Matrix::BT601
        };
        assert_eq!(yuv([0, 0, 255], &full), [29, 255, 107]);
        assert_eq!(yuv([255, 255, 255], &full), [255, 128, 128]);
    }

    #[test]
    fn a_unit_has_its_bytes_in_the_formats_order() {
        let red = |format| Ink::new([255, 0, 0], format, &Matrix::BT601).units;
        assert_eq!(
            red(Format::Yv12),
            [[81, 0, 0, 0], [240, 0, 0, 0], [90, 0, 0, 0]]
        );
        assert_eq!(red(Format::Nv12)[1], [90, 240, 0, 0]);
        assert_eq!(red(Format::Nv21)[1], [240, 90, 0, 0]);
        assert_eq!(red(Format::Yuy2)[0], [81, 90, 81, 240]);
        assert_eq!(red(Format::Uyvy)[0], [90, 81, 240, 81]);
        assert_eq!(red(Format::Bgr)[0], [0, 0, 255, 0]);
        assert_eq!(red(Format::Argb)[0], [255, 255, 0, 0]);
        assert_eq!(red(Format::Gray8)[0], [81, 0, 0, 0]);
        let [y, u, _] = red(Format::I420Ten);
        assert_eq!((y, u), ([0x46, 0x01, 0, 0], [0x69, 0x01, 0, 0]));
        let [y, uv, _] = red(Format::P010);
        let (y, uv) = (u16::from_le_bytes([y[0], y[1]]), uv);
        assert_eq!((y >> 6, y & 63), (326, 0));
        assert_eq!(u16::from_le_bytes([uv[2], uv[3]]) >> 6, 960);
    }

    #[test]
    fn a_row_is_filled_unit_by_unit() {
        for bytes in 1..=4 {
            let mut row = vec![0; bytes * 3];
            fill(&mut row, [1, 2, 3, 4], bytes);
            let unit = &[1, 2, 3, 4][..bytes];
            assert_eq!(row, [unit, unit, unit].concat());
        }
    }
}
