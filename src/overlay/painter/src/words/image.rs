// SPDX-License-Identifier: MPL-2.0
//! Reads an image from a file to lay it over the picture.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::decode;
use crate::{Bitmap, Orientation};

/// A photo as cameras write it has a third of it, a logo a hundredth.
pub const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// The longest side that is decoded: twice the width of a 4K picture.
pub const MAX_SIDE: u32 = 8192;

/// A photo of 16 million pixels. Decoding, turning and shrinking it takes up to 192 MiB for a moment, as much as a small
/// camera can spare; a file of a few bytes may claim many more pixels.
pub const MAX_PIXELS: u64 = 16 * 1024 * 1024;

/// A larger image is shrunk until its longer side has as many pixels: pictures are rarely larger, and an image that is
/// kept takes 16 MiB at most.
pub const MAX_KEPT_SIDE: usize = 2048;

/// Why an image cannot be shown; its text is for the person who named the file.
#[derive(Debug, thiserror::Error)]
#[error("the image {} cannot be shown: {problem}", path.display())]
pub struct ImageError {
    path: PathBuf,
    problem: Problem,
}

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("it cannot be read ({0}); check the path, and that this process may read it")]
    Io(#[from] io::Error),
    #[error("it is no file; give the path of a PNG or JPEG file")]
    NoFile,
    #[error("it has more than 16 MiB; scale it down to {MAX_KEPT_SIDE} pixels, more are not shown")]
    LargeFile,
    #[error("{0}")]
    Content(#[from] DecodeError),
}

/// Why bytes are not an image that can be shown.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The first bytes are those of no known format.
    #[error("it is neither PNG nor JPEG; convert it to PNG")]
    UnknownFormat,
    /// More pixels than a camera has memory for.
    #[error(
        "it has {0} x {1} pixels, and {MAX_SIDE} on each side and 16 million in all are allowed; scale it down to \
         {MAX_KEPT_SIDE}, more are not shown"
    )]
    TooManyPixels(u32, u32),
    /// The decoder of PNG files gave up.
    #[error("it is damaged, or of a rare kind ({0}); save it anew as PNG")]
    Png(#[from] png::DecodingError),
    /// The decoder of JPEG files gave up.
    #[error("it is damaged, or of a rare kind ({0}); save it anew as PNG")]
    Jpeg(#[from] zune_jpeg::errors::DecodeErrors),
}

/// Reads a PNG or JPEG file.
pub fn load(path: &Path) -> Result<Bitmap, ImageError> {
    read(path)
        .and_then(|bytes| Ok(decode(&bytes)?))
        .map_err(|problem| ImageError {
            path: path.to_owned(),
            problem,
        })
}

fn read(path: &Path) -> Result<Vec<u8>, Problem> {
    // Opening a named pipe would wait for a writer.
    if !std::fs::metadata(path)?.is_file() {
        return Err(Problem::NoFile);
    }
    let mut bytes = Vec::new();
    let limit = MAX_FILE_BYTES + 1;
    let length = File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    if length as u64 == limit {
        return Err(Problem::LargeFile);
    }
    Ok(bytes)
}

/// Decodes the bytes of a PNG or JPEG file, turned as its EXIF data says and no larger than [`MAX_KEPT_SIDE`]. A JPEG that
/// breaks off is grey from there on, as in other viewers.
pub fn decode(bytes: &[u8]) -> Result<Bitmap, DecodeError> {
    let (bitmap, orientation) = if decode::is_png(bytes) {
        decode::png(bytes)?
    } else if decode::is_jpeg(bytes) {
        decode::jpeg(bytes)?
    } else {
        return Err(DecodeError::UnknownFormat);
    };
    // The unshrunk copies go one by one, for they are large.
    Ok(shrunk(turned(bitmap, orientation)))
}

fn turned(bitmap: Bitmap, orientation: Orientation) -> Bitmap {
    if orientation == Orientation::Identity {
        return bitmap;
    }
    let (columns, rows) = (bitmap.width, bitmap.height);
    let lookup = orientation.lookup();
    let (width, height) = if lookup.transpose {
        (rows, columns)
    } else {
        (columns, rows)
    };
    let mut pixels = Vec::with_capacity(width * height);
    for y in 0..height {
        pixels.extend((0..width).map(|x| {
            let (x, y) = if lookup.transpose { (y, x) } else { (x, y) };
            let x = if lookup.flip_x { columns - 1 - x } else { x };
            let y = if lookup.flip_y { rows - 1 - y } else { y };
            bitmap.pixels[y * columns + x]
        }));
    }
    Bitmap {
        width,
        height,
        pixels,
    }
}

fn shrunk(bitmap: Bitmap) -> Bitmap {
    let longer = bitmap.width.max(bitmap.height);
    if longer <= MAX_KEPT_SIDE {
        return bitmap;
    }
    let side = |length: usize| (length * MAX_KEPT_SIDE / longer).max(1);
    bitmap.scaled(side(bitmap.width), side(bitmap.height))
}

#[cfg(test)]
#[path = "image_tests.rs"]
mod tests;
