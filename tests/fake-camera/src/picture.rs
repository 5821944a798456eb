// SPDX-License-Identifier: MPL-2.0
//! The picture: a bright corner, which tells how it is turned; a mark that moves; the number of the frame, as blocks.

use gst_video::{VideoFrameExt, VideoOrientationMethod as Direction};

use crate::chart::{self, Colours};

/// Far from what a slate is: all of it is orange.
const CHROMA: (u8, u8) = (90, 170);
const BACKGROUND: i32 = 110;
const BRIGHT: u8 = 235;
const DARK: u8 = 16;
/// The corner, the mark and the blocks are this part of the picture's sides.
const CORNER: usize = 8;
const MARK: usize = 10;
const BITS: usize = 32;
const BITS_HEIGHT: usize = 16;
/// Pixels that the mark goes on with each frame.
const STEP: usize = 8;

/// How a picture is to look.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) number: u64,
    /// -100 to 100.
    pub(crate) brightness: i32,
    pub(crate) direction: Direction,
    /// What is seen in place of the usual.
    pub(crate) scene: Option<Scene>,
}

/// What a camera may look at.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scene {
    Chart(Colours),
    /// White, or nothing.
    Flash(bool),
}

/// Whether the sensor can turn the picture so: as those of real cameras do, in rows and columns.
pub(crate) fn can_turn(direction: Direction) -> bool {
    matches!(
        direction,
        Direction::Identity | Direction::_180 | Direction::Horiz | Direction::Vert
    )
}

/// One plane of bytes.
struct Plane<'a> {
    bytes: &'a mut [u8],
    stride: usize,
    width: usize,
    height: usize,
    direction: Direction,
}

impl Plane<'_> {
    /// Fills a rectangle, which is told as seen before the picture is turned.
    fn fill(&mut self, x: usize, y: usize, width: usize, height: usize, value: u8) {
        let from_right = matches!(self.direction, Direction::_180 | Direction::Horiz);
        let from_below = matches!(self.direction, Direction::_180 | Direction::Vert);
        let turned = |from_end, start: usize, length: usize, all: usize| match from_end {
            true => all.saturating_sub(start + length),
            false => start,
        };
        let x = turned(from_right, x, width, self.width);
        let y = turned(from_below, y, height, self.height);
        for row in self.bytes.chunks_mut(self.stride).skip(y).take(height) {
            if let Some(row) = row.get_mut(x..x + width) {
                row.fill(value);
            }
        }
    }
}

/// Paints the luma plane.
pub(crate) fn paint(bytes: &mut [u8], stride: usize, (width, height): (usize, usize), look: Look) {
    let background = BACKGROUND + look.brightness;
    bytes.fill(background.clamp(DARK.into(), BRIGHT.into()) as u8);
    let mut plane = Plane {
        bytes,
        stride,
        width,
        height,
        direction: look.direction,
    };
    plane.fill(0, 0, width / CORNER, height / CORNER, BRIGHT);
    let side = height / MARK;
    let room = (width - side).max(1);
    plane.fill(
        look.number as usize * STEP % room,
        (height - side) / 2,
        side,
        side,
        DARK,
    );
    let (width, tall) = (width / BITS, height / BITS_HEIGHT);
    for bit in 0..BITS {
        let value = if look.number >> (BITS - 1 - bit) & 1 == 1 {
            BRIGHT
        } else {
            DARK
        };
        plane.fill(bit * width, height - tall, width, tall, value);
    }
}

/// Paints a whole frame in I420 or NV12.
pub(crate) fn paint_frame(
    frame: &mut gst_video::VideoFrameRef<&mut gst::BufferRef>,
    look: Look,
) -> Option<()> {
    match look.scene {
        Some(Scene::Chart(colours)) => return chart::paint(frame, colours),
        Some(Scene::Flash(is_lit)) => return fill(frame, if is_lit { BRIGHT } else { DARK }),
        None => (),
    }
    let size = (frame.width() as usize, frame.height() as usize);
    let stride = frame.plane_stride()[0] as usize;
    paint(frame.plane_data_mut(0).ok()?, stride, size, look);
    match frame.n_planes() {
        2 => {
            for pair in frame.plane_data_mut(1).ok()?.chunks_exact_mut(2) {
                pair.copy_from_slice(&[CHROMA.0, CHROMA.1]);
            }
        }
        _ => {
            frame.plane_data_mut(1).ok()?.fill(CHROMA.0);
            frame.plane_data_mut(2).ok()?.fill(CHROMA.1);
        }
    }
    Some(())
}

/// Grey all over.
fn fill(frame: &mut gst_video::VideoFrameRef<&mut gst::BufferRef>, luma: u8) -> Option<()> {
    frame.plane_data_mut(0).ok()?.fill(luma);
    for plane in 1..frame.n_planes() {
        frame.plane_data_mut(plane).ok()?.fill(128);
    }
    Some(())
}

/// Of JPEG, from 1 to 100.
const QUALITY: u8 = 75;
/// The same where the colours are looked at.
const CHART_QUALITY: u8 = 95;

/// Much as it is otherwise, if not the same.
fn orange(size: (usize, usize), look: Look) -> Vec<u8> {
    let mut luma = vec![0; size.0 * size.1];
    paint(&mut luma, size.0, size, look);
    luma.iter().flat_map(|y| [*y, y / 2, y / 4]).collect()
}

/// The picture as JPEG.
pub(crate) fn jpeg(width: u32, height: u32, look: Look) -> Option<Vec<u8>> {
    let size = (width as usize, height as usize);
    let (pixels, quality) = match look.scene {
        Some(Scene::Chart(_)) => (chart::pixels(size.0, size.1), CHART_QUALITY),
        _ => (orange(size, look), QUALITY),
    };
    let mut file = Vec::new();
    let (width, height) = (width.try_into().ok()?, height.try_into().ok()?);
    jpeg_encoder::Encoder::new(&mut file, quality)
        .encode(&pixels, width, height, jpeg_encoder::ColorType::Rgb)
        .ok()?;
    Some(file)
}

/// In 16 bits of grey: the right half is warmer.
pub(crate) fn thermal(width: u32, height: u32) -> Vec<u8> {
    let (cold, warm) = (0x4000_u16.to_le_bytes(), 0xc000_u16.to_le_bytes());
    let half = width as usize / 2;
    let row = [cold.repeat(half), warm.repeat(width as usize - half)].concat();
    row.repeat(height as usize)
}

/// What a sensor `rggb` sees of something red.
pub(crate) fn bayer(width: u32, height: u32) -> Vec<u8> {
    let pairs = width as usize / 2;
    let rows = [[BRIGHT, DARK].repeat(pairs), [DARK, DARK].repeat(pairs)].concat();
    rows.repeat(height as usize / 2)
}

/// What has the beginning and the end of a JPEG file, and nothing of one between.
pub(crate) fn damaged() -> Vec<u8> {
    let (start, end) = ([0xff, 0xd8], [0xff, 0xd9]);
    [&start[..], &[0x55; 5000], &end[..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: (usize, usize) = (64, 48);

    fn painted(number: u64, brightness: i32, direction: Direction) -> Vec<u8> {
        let mut bytes = vec![0; SIZE.0 * SIZE.1];
        let look = Look {
            number,
            brightness,
            direction,
            scene: None,
        };
        paint(&mut bytes, SIZE.0, SIZE, look);
        bytes
    }

    #[test]
    fn each_direction_is_the_same_picture_turned() {
        let upright = painted(77, 0, Direction::Identity);
        let rows =
            |bytes: &[u8]| -> Vec<Vec<u8>> { bytes.chunks(SIZE.0).map(<[u8]>::to_vec).collect() };
        let mirrored = |bytes: &[u8]| -> Vec<u8> {
            let rows = rows(bytes).into_iter();
            rows.flat_map(|row| row.into_iter().rev()).collect()
        };
        let overhead =
            |bytes: &[u8]| -> Vec<u8> { rows(bytes).into_iter().rev().flatten().collect() };
        assert_eq!(painted(77, 0, Direction::Horiz), mirrored(&upright));
        assert_eq!(painted(77, 0, Direction::Vert), overhead(&upright));
        assert_eq!(
            painted(77, 0, Direction::_180),
            mirrored(&overhead(&upright))
        );
    }

    #[test]
    fn no_two_pictures_are_the_same_and_brightness_shows() {
        let first = painted(1, 0, Direction::Identity);
        assert_ne!(first, painted(2, 0, Direction::Identity));
        let brighter = painted(1, 50, Direction::Identity);
        let sum = |bytes: &[u8]| bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>();
        assert!(sum(&brighter) > sum(&first));
    }
}
