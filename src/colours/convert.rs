// SPDX-License-Identifier: MPL-2.0
//! Colours that are written by one matrix and range, written by another. Pure: rows of samples, in place.
//!
//! Between two such forms of YCbCr all is linear, and grey stays grey: the new differences follow from the old ones alone, and luma takes
//! a share of them. So nothing is brought to red, green and blue, and the differences stay as coarse as they are.

use porthole_painter::Matrix;

/// Binary digits behind the point.
const BITS: i32 = 14;
const HALF: i32 = 1 << (BITS - 1);
/// The middle of a difference.
const GREY: i32 = 128;

/// How a sample of the new form is made from those of the old one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Conversion {
    luma: i32,
    /// What is added to luma for each step of the differences, and always.
    luma_of: [i32; 2],
    offset: i32,
    /// Both differences of both differences.
    differences: [[i32; 2]; 2],
}

impl Conversion {
    /// `None` where both are the same.
    pub(super) fn new(from: Matrix, to: Matrix) -> Option<Self> {
        let ((low, height, width), (new_low, new_height, new_width)) = (range(from), range(to));
        let fixed = |value: f64| (value * f64::from(1 << BITS)).round() as i32;
        let [blue, red] =
            [[1.0, 0.0], [0.0, 1.0]].map(|difference| rewritten(difference, from, to));
        let luma = new_height / height;
        let conversion = Self {
            luma: fixed(luma),
            luma_of: [blue[0], red[0]].map(|share| fixed(share * new_height / width)),
            offset: fixed(new_low - low * luma),
            differences: [1, 2]
                .map(|new| [blue[new], red[new]].map(|share| fixed(share * new_width / width))),
        };
        (conversion != Self::nothing()).then_some(conversion)
    }

    fn nothing() -> Self {
        let one = 1 << BITS;
        Self {
            luma: one,
            luma_of: [0; 2],
            offset: 0,
            differences: [[one, 0], [0, one]],
        }
    }

    /// What a pair of differences adds to luma.
    pub(super) fn share(&self, [blue, red]: [u8; 2]) -> i32 {
        let [of_blue, of_red] = self.luma_of;
        of_blue * (i32::from(blue) - GREY) + of_red * (i32::from(red) - GREY) + self.offset + HALF
    }

    /// Luma with the share of the differences that are at the same place.
    pub(super) fn luma(&self, luma: u8, share: i32) -> u8 {
        ((i32::from(luma) * self.luma + share) >> BITS).clamp(0, 255) as u8
    }

    pub(super) fn differences(&self, [blue, red]: [u8; 2]) -> [u8; 2] {
        let (blue, red) = (i32::from(blue) - GREY, i32::from(red) - GREY);
        self.differences.map(|[of_blue, of_red]| {
            let value = (of_blue * blue + of_red * red + HALF) >> BITS;
            (value + GREY).clamp(0, 255) as u8
        })
    }
}

/// Where luma begins, its height, and the width of the differences.
fn range(matrix: Matrix) -> (f64, f64, f64) {
    match matrix.full_range {
        true => (0.0, 255.0, 255.0),
        false => (16.0, 219.0, 224.0),
    }
}

/// Luma and differences by the new matrix of what has these differences, and no luma, by the old one; all in parts of their range.
fn rewritten([blue, red]: [f64; 2], from: Matrix, to: Matrix) -> [f64; 3] {
    let (kr, kb) = (from.kr, from.kb);
    let (r, b) = (red * (2.0 - 2.0 * kr), blue * (2.0 - 2.0 * kb));
    let g = -(kr * r + kb * b) / (1.0 - kr - kb);
    let (kr, kb) = (to.kr, to.kb);
    let luma = kr * r + (1.0 - kr - kb) * g + kb * b;
    [
        luma,
        (b - luma) / (2.0 - 2.0 * kb),
        (r - luma) / (2.0 - 2.0 * kr),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const BT709: Matrix = Matrix {
        kr: 0.2126,
        kb: 0.0722,
        full_range: false,
    };
    const FULL: Matrix = Matrix {
        full_range: true,
        ..Matrix::BT601
    };

    /// Luma, blue and red as a standard has them.
    fn written([r, g, b]: [f64; 3], matrix: Matrix) -> [f64; 3] {
        let (kr, kb) = (matrix.kr, matrix.kb);
        let luma = kr * r + (1.0 - kr - kb) * g + kb * b;
        let (low, height, width) = range(matrix);
        [
            low + height * luma,
            128.0 + width * (b - luma) / (2.0 - 2.0 * kb),
            128.0 + width * (r - luma) / (2.0 - 2.0 * kr),
        ]
    }

    #[test]
    fn a_colour_is_the_same_colour_afterwards() {
        for from in [BT709, FULL] {
            let conversion = Conversion::new(from, Matrix::BT601).unwrap();
            for colour in 0..216_u32 {
                let channel = |place: u32| f64::from(colour / 6_u32.pow(place) % 6) / 5.0;
                let colour = [channel(0), channel(1), channel(2)];
                let [luma, blue, red] = written(colour, from).map(|value| value.round() as u8);
                let [new_blue, new_red] = conversion.differences([blue, red]);
                let new_luma = conversion.luma(luma, conversion.share([blue, red]));
                let wanted = written(colour, Matrix::BT601);
                for (new, wanted) in [new_luma, new_blue, new_red].iter().zip(wanted) {
                    assert!(
                        (f64::from(*new) - wanted).abs() < 2.0,
                        "{colour:?}: {new}, {wanted}"
                    );
                }
            }
        }
    }

    #[test]
    fn where_both_are_the_same_nothing_is_done() {
        assert_eq!(Conversion::new(Matrix::BT601, Matrix::BT601), None);
        assert_eq!(Conversion::new(FULL, FULL), None);
    }
}
