// SPDX-License-Identifier: MPL-2.0
//! Privacy masks made ready for pictures of one shape. Whatever a mask touches is hidden, grown to whole 2x2 pixels (so that no
//! colour shows through) or, where it is pixelated, to whole blocks.

use crate::pixels::colour::{self, Ink, Matrix};
use crate::pixels::format::MOST_COMPONENTS;
use crate::pixels::mask::{Cover, Mask};
use crate::pixels::picture::{PictureMut, Shape};

/// Rows and columns that masks are grown to: what shares a chroma sample.
const QUAD: usize = 2;

/// Blocks across the height of a pixelated picture: few enough that faces and number plates cannot be read.
const BLOCKS: usize = 24;

/// A block is not smaller than this in pixels, since a small one hides nothing, and not larger, so that it fits a band.
const BLOCK_RANGE: (usize, usize) = (8, 64);

/// Columns `left..right` of the pixel rows `top..bottom`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    top: usize,
    bottom: usize,
    left: usize,
    right: usize,
}

/// What must not be seen of a picture.
#[derive(Debug, Default)]
pub struct Hidden {
    /// Rows of blocks to show as blocks.
    blocks: Vec<Run>,
    block: usize,
    fills: Vec<(Run, Ink)>,
}

impl Hidden {
    /// The parts of a picture of this shape that `masks` hide.
    pub fn new(masks: &[Mask], shape: Shape, matrix: &Matrix) -> Self {
        let (least, most) = BLOCK_RANGE;
        let block = (shape.height / BLOCKS)
            .next_power_of_two()
            .clamp(least, most);
        let mut hidden = Self {
            block,
            ..Self::default()
        };
        for mask in masks {
            match mask.cover {
                Cover::Fill(rgb) => {
                    let ink = Ink::new(rgb, shape.format, matrix);
                    let runs = runs(&mask.corners, shape, QUAD);
                    hidden.fills.extend(runs.into_iter().map(|run| (run, ink)));
                }
                Cover::Pixelate => hidden.blocks.extend(runs(&mask.corners, shape, block)),
            }
        }
        hidden
    }

    /// Hides what lies in the band, whose rows must start at a multiple of the largest block.
    pub(crate) fn hide(&self, band: &mut PictureMut<'_>) {
        let reach = (band.top, band.top + band.rows);
        // Blocks first: the mean of what was filled would be another colour.
        for run in within(&self.blocks, reach, |run| *run) {
            for left in (run.left..run.right).step_by(self.block) {
                let right = (left + self.block).min(run.right);
                let block = Run { left, right, ..run };
                let mean = mean(band, block);
                fill(band, block, &mean);
            }
        }
        for (run, ink) in within(&self.fills, reach, |(run, _)| *run) {
            fill(band, run, &ink);
        }
    }

    /// Whether nothing is hidden.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty() && self.fills.is_empty()
    }
}

/// The entries that touch these rows, which are few, or are dismissed by two comparisons each.
fn within<T: Copy>(
    list: &[T],
    (top, bottom): (usize, usize),
    run: impl Fn(&T) -> Run,
) -> impl Iterator<Item = T> {
    list.iter()
        .copied()
        .filter(move |entry| run(entry).top < bottom && run(entry).bottom > top)
}

/// The runs of cells of `cell` by `cell` pixels that a polygon touches.
fn runs(corners: &[(f64, f64)], shape: Shape, cell: usize) -> Vec<Run> {
    let scale = (
        shape.width as f64 / cell as f64,
        shape.height as f64 / cell as f64,
    );
    let points: Vec<_> = corners
        .iter()
        .map(|(x, y)| (x * scale.0, y * scale.1))
        .collect();
    let mut runs: Vec<Run> = Vec::new();
    for row in 0..shape.height.div_ceil(cell) {
        for (from, to) in spans(&points, row as f64, (row + 1) as f64) {
            let run = Run {
                top: row * cell,
                bottom: ((row + 1) * cell).min(shape.height),
                left: from.floor().max(0.0) as usize * cell,
                right: (to.ceil().max(0.0) as usize * cell).min(shape.width),
            };
            // A rectangle is one run of many rows, except where blocks have to be told apart.
            match runs.last_mut() {
                Some(last)
                    if cell == QUAD
                        && last.bottom == run.top
                        && (last.left, last.right) == (run.left, run.right) =>
                {
                    last.bottom = run.bottom;
                }
                _ if run.left < run.right => runs.push(run),
                _ => (),
            }
        }
    }
    runs
}

/// The columns that the polygon touches between two horizontal lines, as ranges that do not touch each other.
///
/// A point inside is either below a point of the upper line that is inside, or below an edge that it meets on its way up: so
/// the ranges inside on the upper line, and the ranges that the edges sweep in between, are all there is. Where a polygon
/// crosses itself, a point that it goes round in any direction counts as inside.
fn spans(points: &[(f64, f64)], top: f64, bottom: f64) -> Vec<(f64, f64)> {
    let mut found: Vec<(f64, f64)> = Vec::new();
    let mut crossings: Vec<(f64, i32)> = Vec::new();
    let next = points.iter().cycle().skip(1);
    for (&(x0, y0), &(x1, y1)) in points.iter().zip(next) {
        let ((xa, ya), (xb, yb), direction) = if y0 <= y1 {
            ((x0, y0), (x1, y1), 1)
        } else {
            ((x1, y1), (x0, y0), -1)
        };
        // An edge along a line of the grid belongs to neither side of it alone, but hides nothing that the others do not.
        if yb <= top || ya >= bottom {
            continue;
        }
        let at = |y: f64| xa + (xb - xa) * ((y - ya) / (yb - ya)).clamp(0.0, 1.0);
        let (from, to) = if ya == yb {
            (xa, xb)
        } else {
            (at(top), at(bottom))
        };
        found.push((from.min(to), from.max(to)));
        if ya <= top {
            crossings.push((at(top), direction));
        }
    }
    crossings.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut winding = 0;
    for pair in crossings.windows(2) {
        winding += pair[0].1;
        if winding != 0 {
            found.push((pair[0].0, pair[1].0));
        }
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    found
        .into_iter()
        .fold(Vec::new(), |mut spans: Vec<(f64, f64)>, (from, to)| {
            match spans.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => spans.push((from, to)),
            }
            spans
        })
}

/// Writes one colour over the part of the run that is in the band.
fn fill(band: &mut PictureMut<'_>, run: Run, ink: &Ink) {
    for (plane, shape) in band.shape.format.shapes().into_iter().enumerate() {
        let (left, right) = (
            (run.left >> shape.across) * shape.bytes,
            shape.row_bytes(run.right),
        );
        let (top, bottom) = (run.top >> shape.down, shape.rows(run.bottom));
        for (_, row) in band.plane_rows(plane, top, bottom) {
            colour::fill(&mut row[left..right], ink.units[plane], shape.bytes);
        }
    }
}

/// The mean colour of a block that lies in the band.
fn mean(band: &mut PictureMut<'_>, block: Run) -> Ink {
    let format = band.shape.format;
    let width = band.shape.width;
    let components = format.components();
    let mut means = [0; MOST_COMPONENTS];
    for (component, mean) in components.iter().zip(&mut means) {
        let from = block.left >> component.across;
        let to = block.right.min(width).div_ceil(1 << component.across);
        let (top, bottom) = (
            block.top >> component.down,
            block.bottom.div_ceil(1 << component.down),
        );
        let (mut sum, mut count) = (0_u64, 0_u64);
        for (_, row) in band.plane_rows(component.plane, top, bottom) {
            let samples = row[component.offset..]
                .chunks(component.pitch)
                .take(to)
                .skip(from);
            count += (to - from) as u64;
            sum += match format.ten_bit_shift() {
                None => samples.map(|sample| u64::from(sample[0])).sum::<u64>(),
                Some(shift) => samples
                    .map(|s| u64::from(u16::from_le_bytes([s[0], s[1]]) >> shift))
                    .sum(),
            };
        }
        *mean = (sum / count.max(1)) as u16;
    }
    Ink::from_samples(format, |channel| {
        let i = components.iter().position(|c| c.channel == channel);
        i.and_then(|i| means.get(i)).copied().unwrap_or(0)
    })
}

#[cfg(test)]
#[path = "hidden_tests.rs"]
mod tests;
