// SPDX-License-Identifier: MPL-2.0
//! The one pass: rows are turned, redacted and drawn on while they are in the cache.

use rayon_core::ThreadPool;

use crate::pixels::clock::Clock;
use crate::pixels::hidden::Hidden;
use crate::pixels::orientation::Orientation;
use crate::pixels::patch::Patch;
use crate::pixels::picture::{Picture, PictureMut};
use crate::pixels::simd::Isa;
use crate::pixels::turn;

/// Rows of pixels that are finished before the next ones are begun: a multiple of the largest block of a pixelated mask; a
/// transposed band of so many bytes reads whole lines of the cache, also of halved chroma; and it stays in a cache of 1 MiB up
/// to a width of 4096 pixels.
const BAND: usize = 128;

/// What is done to a picture besides turning it, in this order: parts are hidden, then patches are laid over it, then the
/// clock is painted. All of it must have been made for pictures of the shape of the result.
#[derive(Clone, Copy, Debug, Default)]
pub struct Drawing<'a> {
    /// Parts that must not be seen.
    pub hidden: Option<&'a Hidden>,
    /// What is laid over, the first below the others.
    pub patches: [Option<&'a Patch>; 2],
    /// The latency clock.
    pub clock: Option<&'a Clock>,
}

/// Where the picture comes from.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// It is there already and drawn on in place.
    InPlace,
    /// Another picture, turned. Its size must be that of the result before turning, its format the same.
    Turned(&'a Picture<'a>, Orientation),
}

/// Makes the picture `to`. With `threads`, these and the caller's share the work.
///
/// Returns `None`, and leaves `to` as it is, if the shapes do not match.
pub fn paint(
    isa: Isa,
    input: Input<'_>,
    drawing: &Drawing<'_>,
    to: PictureMut<'_>,
    threads: Option<&ThreadPool>,
) -> Option<()> {
    if let Input::Turned(from, orientation) = input {
        let (mut shape, target) = (from.shape, to.shape);
        if orientation.transposes() {
            (shape.width, shape.height) = (shape.height, shape.width);
        }
        if shape != target {
            return None;
        }
    }
    let Some(pool) = threads else {
        paint_bands(isa, input, drawing, to);
        return Some(());
    };
    let shares = pool.current_num_threads() + 1;
    let rows = to.rows.div_ceil(shares).next_multiple_of(BAND);
    pool.in_place_scope(|scope| {
        let mut rest = to;
        while rest.rows > rows {
            let (share, below) = rest.split_at(rows);
            rest = below;
            scope.spawn(move |_| paint_bands(isa, input, drawing, share));
        }
        paint_bands(isa, input, drawing, rest);
    });
    Some(())
}

fn paint_bands(isa: Isa, input: Input<'_>, drawing: &Drawing<'_>, to: PictureMut<'_>) {
    match input {
        Input::InPlace => draw(isa, drawing, to),
        Input::Turned(from, orientation) => {
            let mut rest = to;
            while rest.rows > 0 {
                let rows = BAND.min(rest.rows);
                let (mut band, below) = rest.split_at(rows);
                rest = below;
                turn::turn(isa, from, &mut band, orientation);
                draw(isa, drawing, band);
            }
        }
    }
}

fn draw(isa: Isa, drawing: &Drawing<'_>, mut band: PictureMut<'_>) {
    if let Some(hidden) = drawing.hidden {
        hidden.hide(&mut band);
    }
    for patch in drawing.patches.into_iter().flatten() {
        patch.blend(isa, &mut band);
    }
    if let Some(clock) = drawing.clock {
        clock.paint(&mut band);
    }
}
