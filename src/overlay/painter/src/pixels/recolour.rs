// SPDX-License-Identifier: MPL-2.0
//! Colours that are written by one matrix and range, written by another, in place.
//!
//! Between two such forms of YCbCr all is linear, and grey stays grey: the new differences follow from the old ones alone, and luma takes
//! a share of them. So nothing is brought to red, green and blue, and the differences stay as coarse as they are.

use super::{Matrix, PlaneMut};

/// Binary digits behind the point.
const BITS: i32 = 14;
const HALF: i32 = 1 << (BITS - 1);
/// The middle of a difference.
const GREY: i32 = 128;

/// How a sample of the new form is made from those of the old one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recolouring {
    luma: i32,
    /// What is added to luma for each step of the differences, and always.
    luma_of: [i32; 2],
    offset: i32,
    /// Both differences of both differences.
    differences: [[i32; 2]; 2],
}

impl Recolouring {
    /// From one form to another; `None` where both are the same.
    pub fn new(from: Matrix, to: Matrix) -> Option<Self> {
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
    fn share(&self, [blue, red]: [u8; 2]) -> i32 {
        let [of_blue, of_red] = self.luma_of;
        of_blue * (i32::from(blue) - GREY) + of_red * (i32::from(red) - GREY) + self.offset + HALF
    }

    /// Luma with the share of the differences that are at the same place.
    fn luma(&self, luma: u8, share: i32) -> u8 {
        ((i32::from(luma) * self.luma + share) >> BITS).clamp(0, 255) as u8
    }

    /// Writes a picture anew; `None` if its planes are smaller than it.
    pub fn apply(&self, mut picture: Subsampled<'_>) -> Option<()> {
        let (across, down) = picture.shift;
        let rows = picture.height.div_ceil(1 << down);
        let mut shares = vec![0; picture.width.div_ceil(1 << across)];
        let stride = picture.luma.stride.max(1);
        let mut luma = picture.luma.data.chunks_mut(stride << down).take(rows);
        for row in 0..rows {
            picture.differences.rewrite(row, self, &mut shares)?;
            for luma in luma.next()?.chunks_mut(stride) {
                self.add(&shares, across, luma.get_mut(..picture.width)?);
            }
        }
        Some(())
    }

    /// Writes a pair of differences anew; what luma has of the old ones.
    fn rewrite(&self, blue: &mut u8, red: &mut u8) -> i32 {
        let old = [*blue, *red];
        [*blue, *red] = self.differences(old);
        self.share(old)
    }

    fn add(&self, shares: &[i32], across: usize, luma: &mut [u8]) {
        if across == 0 {
            for (luma, share) in luma.iter_mut().zip(shares) {
                *luma = self.luma(*luma, *share);
            }
            return;
        }
        for (group, share) in luma.chunks_mut(1 << across).zip(shares) {
            for luma in group {
                *luma = self.luma(*luma, *share);
            }
        }
    }

    fn differences(&self, [blue, red]: [u8; 2]) -> [u8; 2] {
        let (blue, red) = (i32::from(blue) - GREY, i32::from(red) - GREY);
        self.differences.map(|[of_blue, of_red]| {
            let value = (of_blue * blue + of_red * red + HALF) >> BITS;
            (value + GREY).clamp(0, 255) as u8
        })
    }
}

/// A picture of eight bits a sample, whose differences are apart from its luma.
#[derive(Debug)]
pub struct Subsampled<'a> {
    /// Pixels of luma.
    pub width: usize,
    /// Rows of luma.
    pub height: usize,
    /// Pixels that share a sample of the differences, as a power of two: across, and down.
    pub shift: (usize, usize),
    /// One byte a pixel.
    pub luma: PlaneMut<'a>,
    /// The rest.
    pub differences: Differences<'a>,
}

/// Where the differences are.
#[derive(Debug)]
pub enum Differences<'a> {
    /// A plane of blue and one of red.
    Planes(PlaneMut<'a>, PlaneMut<'a>),
    /// In pairs, of which blue is the first.
    BlueRed(PlaneMut<'a>),
    /// In pairs, of which red is the first.
    RedBlue(PlaneMut<'a>),
}

impl Differences<'_> {
    /// Writes a row anew; leaves what luma has of the old one. `None` if there is no such row.
    fn rewrite(&mut self, row: usize, by: &Recolouring, shares: &mut [i32]) -> Option<()> {
        match self {
            Self::Planes(blue, red) => {
                let blue = blue.data.get_mut(row * blue.stride..)?;
                let red = red.data.get_mut(row * red.stride..)?;
                for ((blue, red), share) in blue.iter_mut().zip(red).zip(shares) {
                    *share = by.rewrite(blue, red);
                }
            }
            Self::BlueRed(pairs) => {
                let pairs = pairs.data.get_mut(row * pairs.stride..)?;
                for (pair, share) in pairs.as_chunks_mut().0.iter_mut().zip(shares) {
                    let [blue, red] = pair;
                    *share = by.rewrite(blue, red);
                }
            }
            Self::RedBlue(pairs) => {
                let pairs = pairs.data.get_mut(row * pairs.stride..)?;
                for (pair, share) in pairs.as_chunks_mut().0.iter_mut().zip(shares) {
                    let [red, blue] = pair;
                    *share = by.rewrite(blue, red);
                }
            }
        }
        Some(())
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
            let conversion = Recolouring::new(from, Matrix::BT601).unwrap();
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
        assert_eq!(Recolouring::new(Matrix::BT601, Matrix::BT601), None);
        assert_eq!(Recolouring::new(FULL, FULL), None);
    }
}
