// SPDX-License-Identifier: MPL-2.0
//! Privacy masks as the user describes them.

/// A part of the picture that nobody may see.
#[derive(Clone, Debug, PartialEq)]
pub struct Mask {
    /// The corners of a polygon (at least three, not all on one line) in fractions of the turned picture's width and height,
    /// each between 0 and 1, `(0, 0)` at the upper left. A rectangle is four corners.
    pub corners: Vec<(f64, f64)>,
    /// What is there instead.
    pub cover: Cover,
}

/// What a masked part of the picture shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cover {
    /// One colour: red, green, blue.
    Fill([u8; 3]),
    /// Blocks of the mean colour, so large that neither a face nor a number plate can be recognised.
    Pixelate,
}
