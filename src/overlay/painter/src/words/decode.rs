// SPDX-License-Identifier: MPL-2.0
//! Turns the bytes of PNG and JPEG files into pixels.

use std::io::Cursor;

use png::{BitDepth, ColorType, Transformations};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::exif;
use super::image::{DecodeError, MAX_PIXELS, MAX_SIDE};
use crate::pixels::bitmap::times;
use crate::{Bitmap, Orientation};

/// What the PNG decoder may allocate besides the pixels, for one row and for metadata.
const MAX_DECODER_BYTES: usize = 64 * 1024 * 1024;

/// Whether the bytes begin as those of a PNG file do.
pub(super) fn is_png(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x89PNG\r\n\x1a\n")
}

/// Whether the bytes begin as those of a JPEG file do.
pub(super) fn is_jpeg(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xff, 0xd8, 0xff])
}

/// The pixels of a PNG file, and how they are to be turned.
pub(super) fn png(bytes: &[u8]) -> Result<(Bitmap, Orientation), DecodeError> {
    let limits = png::Limits {
        bytes: MAX_DECODER_BYTES,
    };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_ignore_text_chunk(true);
    let (width, height) = decoder.read_header_info()?.size();
    check_size(width, height)?;
    // Palettes, transparent colours and less than 8 bits become whole samples; 16 bits stay.
    decoder.set_transformations(Transformations::EXPAND);
    let mut reader = decoder.read_info()?;
    let size = reader.output_buffer_size();
    let mut samples = vec![0; size.ok_or(DecodeError::TooManyPixels(width, height))?];
    reader.next_frame(&mut samples)?;
    let (colour, depth) = reader.output_color_type();
    if depth == BitDepth::Sixteen {
        narrow(&mut samples);
    }
    let exif = reader.info().exif_metadata.as_deref();
    let bitmap = Bitmap {
        width: width as usize,
        height: height as usize,
        pixels: premultiplied(&samples, colour),
    };
    Ok((bitmap, exif::orientation(exif.unwrap_or_default())))
}

/// The pixels of a JPEG file, and how they are to be turned.
pub(super) fn jpeg(bytes: &[u8]) -> Result<(Bitmap, Orientation), DecodeError> {
    // Sizes are checked below, for the error that names them.
    let options = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX);
    let mut header = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    header.decode_headers()?;
    let info = header.info().unwrap_or_default();
    check_size(info.width.into(), info.height.into())?;
    let (space, colour) = match header.input_colorspace() {
        Some(ColorSpace::Luma) => (ColorSpace::Luma, ColorType::Grayscale),
        _ => (ColorSpace::RGB, ColorType::Rgb),
    };
    let options = options.jpeg_set_out_colorspace(space);
    let samples = JpegDecoder::new_with_options(ZCursor::new(bytes), options).decode()?;
    let bitmap = Bitmap {
        width: info.width.into(),
        height: info.height.into(),
        pixels: premultiplied(&samples, colour),
    };
    let exif = info.exif_data.unwrap_or_default();
    Ok((bitmap, exif::orientation(&exif)))
}

fn check_size(width: u32, height: u32) -> Result<(), DecodeError> {
    if width.max(height) > MAX_SIDE || u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(DecodeError::TooManyPixels(width, height));
    }
    Ok(())
}

/// Rounds samples of 16 bits, most significant byte first, to 8 bits, in place: for a large image a copy would be 128 MiB.
fn narrow(samples: &mut Vec<u8>) {
    let length = samples.len() / 2;
    for at in 0..length {
        let sample = u16::from_be_bytes([samples[2 * at], samples[2 * at + 1]]);
        // At most (65535 + 128) / 257 = 255.
        samples[at] = ((u32::from(sample) + 128) / 257) as u8;
    }
    samples.truncate(length);
}

fn premultiplied(samples: &[u8], colour: ColorType) -> Vec<[u8; 4]> {
    match colour {
        ColorType::Grayscale => samples.iter().map(|&y| [y, y, y, 255]).collect(),
        ColorType::GrayscaleAlpha => {
            let pixels = samples.as_chunks().0.iter();
            pixels
                .map(|&[y, alpha]| {
                    let y = times(y, alpha);
                    [y, y, y, alpha]
                })
                .collect()
        }
        // A palette has been expanded into these.
        ColorType::Rgb | ColorType::Indexed => {
            let pixels = samples.as_chunks().0.iter();
            pixels.map(|&[r, g, b]| [r, g, b, 255]).collect()
        }
        ColorType::Rgba => {
            let pixels = samples.as_chunks().0.iter();
            pixels
                .map(|&[r, g, b, alpha]| [times(r, alpha), times(g, alpha), times(b, alpha), alpha])
                .collect()
        }
    }
}
