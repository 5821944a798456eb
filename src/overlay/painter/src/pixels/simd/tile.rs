// SPDX-License-Identifier: MPL-2.0
//! Transposing and reversing in terms of a few instructions that every vector unit has.

use super::{Source, Target, scalar};

/// A register of one or two lanes of 16 bytes. A word is two bytes.
///
/// # Safety
/// All functions may be called only where the processor has the instructions, `load` and `store` only with pointers to as
/// many bytes as they say.
pub(super) trait Vector: Copy {
    /// Lanes in the register.
    const LANES: usize;

    /// Reads 16 bytes for each lane; the second lane's are `apart` bytes after the first's.
    unsafe fn load(from: *const u8, apart: isize) -> Self;

    /// Writes `16 * LANES` bytes.
    unsafe fn store(self, to: *mut u8);

    /// In each lane, takes units of `N` (1, 2 or 4) bytes from `self` and `other` in turns: first those of the lower halves,
    /// then those of the upper halves.
    unsafe fn zip<const N: usize>(self, other: Self) -> (Self, Self);

    /// The units of `N` (1, 2 or 4) bytes of the whole register in reverse order.
    unsafe fn reverse<const N: usize>(self) -> Self;

    /// These four bytes, least significant first, over and over.
    unsafe fn splat(pair: u32) -> Self;

    /// The bits that are set in both.
    unsafe fn and(self, other: Self) -> Self;

    /// The bits that are set in either.
    unsafe fn or(self, other: Self) -> Self;

    /// The means of the bytes, rounded down.
    unsafe fn mean(self, other: Self) -> Self;

    /// Of each four bytes the one at `N`, there and two bytes from there; the others are 0.
    unsafe fn spread<const N: usize>(self) -> Self;

    /// Each byte times a word of `weight` (0 to 32767, which stands for 1), rounded. There are as many words as bytes.
    unsafe fn weighted(self, weight: *const i16) -> Self;

    /// The sums of the bytes, at most 255.
    unsafe fn add(self, other: Self) -> Self;

    /// The words of each pair exchanged.
    unsafe fn swap(self) -> Self;
}

/// What the units of a plane are, as far as turning has to know.
///
/// # Safety
/// As for [`Vector`].
pub(super) trait Unit {
    /// Bytes that stay together when a plane is transposed.
    const BYTES: usize;

    /// Bytes that stay together when a row is reversed.
    const REVERSED_BYTES: usize;

    /// What has to be done to two rows, an even one and the next in the order in which they are read, before they are
    /// transposed.
    unsafe fn transposing<V: Vector>(even: V, odd: V) -> (V, V);

    /// What has to be done to a row that has been reversed.
    unsafe fn reversed<V: Vector>(row: V) -> V;
}

/// `N` bytes that stay as they are.
pub(super) struct Bytes<const N: usize>;

impl<const N: usize> Unit for Bytes<N> {
    const BYTES: usize = N;
    const REVERSED_BYTES: usize = N;

    #[inline(always)]
    unsafe fn transposing<V: Vector>(even: V, odd: V) -> (V, V) {
        (even, odd)
    }

    #[inline(always)]
    unsafe fn reversed<V: Vector>(row: V) -> V {
        row
    }
}

/// A word of YUY2 (`LUMA_FIRST`) or UYVY: the luma of a pixel and one of the two chroma samples that it shares with its
/// neighbour. U is in even columns, V in odd ones.
pub(super) struct Yuv422<const LUMA_FIRST: bool>;

impl<const LUMA_FIRST: bool> Unit for Yuv422<LUMA_FIRST> {
    const BYTES: usize = 2;
    const REVERSED_BYTES: usize = 4;

    /// What will be a pair of pixels gets the mean of the chroma that its two pixels had: U goes with the first of them, V with
    /// the second.
    #[inline(always)]
    unsafe fn transposing<V: Vector>(even: V, odd: V) -> (V, V) {
        // Safety: the caller's.
        unsafe {
            let mean = even.mean(odd);
            let (luma, u, v) = if LUMA_FIRST {
                (
                    V::splat(0x00FF_00FF),
                    mean.spread::<1>(),
                    mean.spread::<3>(),
                )
            } else {
                (
                    V::splat(0xFF00_FF00),
                    mean.spread::<0>(),
                    mean.spread::<2>(),
                )
            };
            (even.and(luma).or(u), odd.and(luma).or(v))
        }
    }

    /// The pairs are in order, but their luma has to be exchanged.
    #[inline(always)]
    unsafe fn reversed<V: Vector>(row: V) -> V {
        let (luma, chroma) = if LUMA_FIRST {
            (0x00FF_00FF, 0xFF00_FF00)
        } else {
            (0xFF00_FF00, 0x00FF_00FF)
        };
        // Safety: the caller's.
        unsafe { row.swap().and(V::splat(luma)).or(row.and(V::splat(chroma))) }
    }
}

/// A transposition of units, with rows in reverse order told by negative strides.
#[derive(Clone, Copy)]
pub(super) struct Tiles {
    from: *const u8,
    from_stride: isize,
    to: *mut u8,
    to_stride: isize,
    width: usize,
    height: usize,
}

impl Tiles {
    /// The arguments of [`super::transpose`], whose checks must have been made.
    pub(super) fn new(from: &Source<'_>, to: &mut Target<'_>, width: usize, height: usize) -> Self {
        let first = |stride: usize, rows: usize, upwards: bool| {
            if upwards {
                ((rows - 1) * stride, -(stride as isize))
            } else {
                (0, stride as isize)
            }
        };
        let (from_start, from_stride) = first(from.stride, width, from.upwards);
        let (to_start, to_stride) = first(to.stride, height, to.upwards);
        Self {
            from: from.data.as_ptr().wrapping_add(from_start),
            from_stride,
            to: to.data.as_mut_ptr().wrapping_add(to_start),
            to_stride,
            width,
            height,
        }
    }

    /// Row `y` of the source from byte `x` on.
    #[inline(always)]
    unsafe fn source(&self, x: usize, y: usize) -> *const u8 {
        // Safety: the caller asks for a byte that exists.
        unsafe { self.from.offset(self.from_stride * y as isize).add(x) }
    }

    /// Row `y` of the target from byte `x` on.
    #[inline(always)]
    unsafe fn target(&self, x: usize, y: usize) -> *mut u8 {
        // Safety: the caller asks for a byte that exists.
        unsafe { self.to.offset(self.to_stride * y as isize).add(x) }
    }
}

/// Bytes of a line of the cache. So many columns are written before the next rows are, so that no line leaves the cache
/// half full.
const LINE: usize = 64;

/// Transposes whole blocks of 16 bytes by as many rows as there are units in them, then what is left at the edges: by blocks
/// that overlap the last ones where the plane is large enough for one, else unit by unit.
///
/// # Safety
/// The processor must have the instructions of `V`, and the planes all rows that `tiles` speaks of. For [`Yuv422`], `width`
/// and `height` must be even.
#[inline(always)]
pub(super) unsafe fn transpose<V: Vector, U: Unit>(tiles: Tiles) {
    // Safety: the caller's.
    unsafe {
        match U::BYTES {
            1 => transpose_blocks::<V, U, 1, 16>(tiles),
            2 => transpose_blocks::<V, U, 2, 8>(tiles),
            4 => transpose_blocks::<V, U, 4, 4>(tiles),
            _ => transpose_units::<U>(tiles),
        }
    }
}

/// `N` is the unit's length, `K` the rows of the target in a block.
#[inline(always)]
unsafe fn transpose_blocks<V: Vector, U: Unit, const N: usize, const K: usize>(tiles: Tiles) {
    let across = K * V::LANES;
    let (width, height) = (tiles.width, tiles.height);
    if width < across || height < K {
        // Safety: the caller's.
        return unsafe { transpose_units::<U>(tiles) };
    }
    let mut left = 0;
    while left < width {
        let end = (left + LINE / N).min(width);
        for y in (0..height).step_by(K) {
            // An edge that no block ends at is reached by a block that starts earlier.
            let top = y.min(height - K);
            for x in (left..end).step_by(across) {
                // Safety: x + across <= width and top + K <= height.
                unsafe { transpose_block::<V, U, N, K>(&tiles, x.min(width - across), top) };
            }
        }
        left = end;
    }
}

/// One block of `K * LANES` columns and `K` rows of the target. Taking units in turns from rows that are half the block apart,
/// as often as `K` can be halved, transposes it.
#[inline(always)]
unsafe fn transpose_block<V: Vector, U: Unit, const N: usize, const K: usize>(
    tiles: &Tiles,
    x: usize,
    y: usize,
) {
    // Safety: the caller's, for all rows of the block.
    unsafe {
        let apart = tiles.from_stride * K as isize;
        let mut rows: [V; K] = std::array::from_fn(|i| V::load(tiles.source(y * N, x + i), apart));
        for i in (0..K).step_by(2) {
            (rows[i], rows[i + 1]) = U::transposing(rows[i], rows[i + 1]);
        }
        for _ in 0..K.ilog2() {
            let before = rows;
            for i in 0..K / 2 {
                (rows[2 * i], rows[2 * i + 1]) = before[i].zip::<N>(before[i + K / 2]);
            }
        }
        for (i, row) in rows.into_iter().enumerate() {
            row.store(tiles.target(x * N, y + i));
        }
    }
}

/// Any size, in squares that stay in the cache.
unsafe fn transpose_units<U: Unit>(tiles: Tiles) {
    const SIDE: usize = 32;
    for left in (0..tiles.width).step_by(SIDE) {
        for top in (0..tiles.height).step_by(SIDE) {
            for y in (top..(top + SIDE).min(tiles.height)).step_by(2) {
                for x in (left..(left + SIDE).min(tiles.width)).step_by(2) {
                    // Safety: the caller's, for the four units, as far as they exist.
                    unsafe { transpose_four::<U>(&tiles, x, y) };
                }
            }
        }
    }
}

/// The units of columns `x`, `x + 1` and rows `y`, `y + 1` of the target, as far as they exist.
#[inline(always)]
unsafe fn transpose_four<U: Unit>(tiles: &Tiles, x: usize, y: usize) {
    let n = U::BYTES;
    let (columns, rows) = (2.min(tiles.width - x), 2.min(tiles.height - y));
    let mut lanes = [[0; 16]; 2];
    // Safety: only units that exist are read and written; the planes do not overlap, since one is borrowed for writing.
    unsafe {
        for (i, lane) in lanes.iter_mut().enumerate().take(columns) {
            let from = tiles.source(y * n, x + i);
            std::ptr::copy_nonoverlapping(from, lane.as_mut_ptr(), rows * n);
        }
        let [even, odd] = lanes.map(scalar::Lane);
        let (even, odd) = U::transposing(even, odd);
        for (i, scalar::Lane(lane)) in [even, odd].iter().enumerate().take(columns) {
            for j in 0..rows {
                let from = lane[j * n..].as_ptr();
                std::ptr::copy_nonoverlapping(from, tiles.target((x + i) * n, y + j), n);
            }
        }
    }
}

/// Writes the units of `from` in reverse order to `to`.
///
/// # Safety
/// The processor must have the instructions of `V`; the slices must be equally long, a multiple of `U::REVERSED_BYTES`.
#[inline(always)]
pub(super) unsafe fn reverse<V: Vector, U: Unit>(from: &[u8], to: &mut [u8]) {
    // Safety: the caller's.
    unsafe {
        match U::REVERSED_BYTES {
            1 => reverse_blocks::<V, U, 1>(from, to),
            2 => reverse_blocks::<V, U, 2>(from, to),
            4 => reverse_blocks::<V, U, 4>(from, to),
            _ => reverse_units::<U>(from, to),
        }
    }
}

#[inline(always)]
unsafe fn reverse_blocks<V: Vector, U: Unit, const N: usize>(from: &[u8], to: &mut [u8]) {
    let (step, len) = (16 * V::LANES, from.len());
    if len < step {
        // Safety: the caller's.
        return unsafe { reverse_units::<U>(from, to) };
    }
    for at in (0..len).step_by(step) {
        // The last step overlaps the one before, so that start + step <= len always.
        let start = at.min(len - step);
        // Safety: as said, in both slices.
        unsafe {
            let row = V::load(from.as_ptr().add(start), 16).reverse::<N>();
            U::reversed(row).store(to.as_mut_ptr().add(len - step - start));
        }
    }
}

unsafe fn reverse_units<U: Unit>(from: &[u8], to: &mut [u8]) {
    let n = U::REVERSED_BYTES;
    for (to, from) in to.chunks_exact_mut(n).zip(from.chunks_exact(n).rev()) {
        let mut lane = [0; 16];
        lane[..n].copy_from_slice(from);
        // Safety: plain Rust needs no instructions.
        let scalar::Lane(lane) = unsafe { U::reversed(scalar::Lane(lane)) };
        to.copy_from_slice(&lane[..n]);
    }
}

/// See [`scalar::blend`].
///
/// # Safety
/// The processor must have the instructions of `V`; the slices must be equally long.
#[inline(always)]
pub(super) unsafe fn blend<V: Vector>(row: &mut [u8], weight: &[i16], add: &[u8]) {
    let step = 16 * V::LANES;
    let whole = row.len() - row.len() % step;
    for at in (0..whole).step_by(step) {
        // Safety: at + step <= whole, which is not more than the length of any of them.
        unsafe {
            let sample = V::load(row.as_ptr().add(at), 16);
            let kept = sample.weighted(weight.as_ptr().add(at));
            let out = kept.add(V::load(add.as_ptr().add(at), 16));
            out.store(row.as_mut_ptr().add(at));
        }
    }
    scalar::blend(&mut row[whole..], &weight[whole..], &add[whole..]);
}
