// SPDX-License-Identifier: MPL-2.0
//! Reads an image from a file to lay it over the picture.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};

use ::image::codecs::jpeg::JpegDecoder;
use ::image::codecs::png::PngDecoder;
use ::image::metadata::Orientation;
use ::image::{DynamicImage, ImageDecoder, ImageFormat, Limits, RgbaImage, guess_format};

use crate::Bitmap;

/// A photo as cameras write it has a third of it, a logo a hundredth.
pub const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// The longest side that is decoded: twice the width of a 4K picture.
pub const MAX_SIDE: u32 = 8192;

/// A photo of 16 million pixels. Decoding, turning and shrinking it takes up to 260 MiB for a moment, as much as a small
/// camera can spare; a file of a few bytes may claim many more pixels.
pub const MAX_PIXELS: u64 = 16 * 1024 * 1024;

/// What the PNG decoder may allocate besides the pixels, for one row and for metadata.
const MAX_DECODER_BYTES: u64 = 64 * 1024 * 1024;

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
    /// The decoder gave up.
    #[error("it is damaged, or of a rare kind ({0}); save it anew as PNG")]
    Broken(#[from] ::image::ImageError),
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
    let input = Cursor::new(bytes);
    match guess_format(bytes) {
        Ok(ImageFormat::Png) => {
            let mut limits = Limits::no_limits();
            limits.max_alloc = Some(MAX_DECODER_BYTES);
            pixels(PngDecoder::with_limits(input, limits)?)
        }
        Ok(ImageFormat::Jpeg) => pixels(JpegDecoder::new(input)?),
        _ => Err(DecodeError::UnknownFormat),
    }
}

fn pixels(mut decoder: impl ImageDecoder) -> Result<Bitmap, DecodeError> {
    let (width, height) = decoder.dimensions();
    if width.max(height) > MAX_SIDE || u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(DecodeError::TooManyPixels(width, height));
    }
    // Damaged metadata is no reason not to show the image.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder)?;
    image.apply_orientation(orientation);
    // The unshrunk copies go one by one, for they are large.
    let bitmap = premultiplied(&image.into_rgba8());
    Ok(shrunk(bitmap))
}

fn premultiplied(image: &RgbaImage) -> Bitmap {
    let (width, height) = image.dimensions();
    let pixels = image.pixels().map(|pixel| {
        let [red, green, blue, alpha] = pixel.0;
        let times_alpha = |colour: u8| crate::pixels::bitmap::times(colour, alpha);
        [
            times_alpha(red),
            times_alpha(green),
            times_alpha(blue),
            alpha,
        ]
    });
    Bitmap {
        width: width as usize,
        height: height as usize,
        pixels: pixels.collect(),
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
