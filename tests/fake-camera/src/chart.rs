// SPDX-License-Identifier: MPL-2.0
//! What a camera sees whose colours are looked at: eight patches, two rows of four, written by one matrix and range or another.

use gst_video::VideoFrameExt;

/// Red, green and blue of each patch, row by row.
pub const PATCHES: [[u8; 3]; 8] = [
    [235, 235, 235],
    [191, 191, 20],
    [20, 180, 180],
    [40, 160, 60],
    [180, 40, 170],
    [200, 40, 30],
    [30, 50, 190],
    [24, 24, 24],
];
const COLUMNS: usize = 4;
const ROWS: usize = 2;

/// How the camera writes colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    Bt601,
    Bt709,
    /// BT.601 in the full range of each channel, as JPEG has it.
    Full,
}

impl Colours {
    /// As caps have it.
    pub(crate) fn colorimetry(self) -> &'static str {
        match self {
            Self::Bt601 => "bt601",
            Self::Bt709 => "bt709",
            Self::Full => "1:4:0:0",
        }
    }

    /// Luma and both differences, as ITU-R BT.601 and BT.709 define them.
    fn written(self, colour: [u8; 3]) -> [u8; 3] {
        let [red, green, blue] = colour.map(|channel| f64::from(channel) / 255.0);
        let (kr, kb) = match self {
            Self::Bt601 | Self::Full => (0.299, 0.114),
            Self::Bt709 => (0.2126, 0.0722),
        };
        let luma = kr * red + (1.0 - kr - kb) * green + kb * blue;
        let differences = [
            (blue - luma) / (2.0 - 2.0 * kb),
            (red - luma) / (2.0 - 2.0 * kr),
        ];
        let (offset, height, width) = match self {
            Self::Full => (0.0, 255.0, 255.0),
            Self::Bt601 | Self::Bt709 => (16.0, 219.0, 224.0),
        };
        let [cb, cr] = differences.map(|value| (128.0 + width * value).round() as u8);
        [(offset + height * luma).round() as u8, cb, cr]
    }
}

/// The patch at a place in a picture of this size.
fn patch((x, y): (usize, usize), (width, height): (usize, usize)) -> [u8; 3] {
    let (column, row) = (x * COLUMNS / width.max(1), y * ROWS / height.max(1));
    PATCHES[row.min(ROWS - 1) * COLUMNS + column.min(COLUMNS - 1)]
}

/// Paints a whole frame in I420 or NV12.
pub(crate) fn paint(
    frame: &mut gst_video::VideoFrameRef<&mut gst::BufferRef>,
    colours: Colours,
) -> Option<()> {
    let planes = frame.n_planes();
    for plane in 0..planes {
        let stride = frame.plane_stride()[plane as usize] as usize;
        // Of NV12 the second plane holds pairs.
        let (first, per) = match (plane, planes) {
            (0, _) => (0, 1),
            (_, 2) => (1, 2),
            (plane, _) => (plane as usize, 1),
        };
        let shift = u32::from(plane > 0);
        let size = (
            (frame.width() >> shift) as usize,
            (frame.height() >> shift) as usize,
        );
        let data = frame.plane_data_mut(plane).ok()?;
        for (y, row) in data.chunks_mut(stride).take(size.1).enumerate() {
            for (x, samples) in row.chunks_exact_mut(per).take(size.0).enumerate() {
                let written = colours.written(patch((x, y), size));
                samples.copy_from_slice(&written[first..first + per]);
            }
        }
    }
    Some(())
}

/// Red, green and blue of all pixels.
pub(crate) fn pixels(width: usize, height: usize) -> Vec<u8> {
    let row = |y: usize| (0..width).flat_map(move |x| patch((x, y), (width, height)));
    (0..height).flat_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_written_as_the_standards_have_it() {
        assert_eq!(Colours::Bt601.written([255, 0, 0]), [81, 90, 240]);
        assert_eq!(Colours::Bt709.written([255, 0, 0]), [63, 102, 240]);
        assert_eq!(Colours::Full.written([255, 255, 255]), [255, 128, 128]);
        assert_eq!(Colours::Bt709.written([0, 0, 0]), [16, 128, 128]);
    }

    #[test]
    fn each_patch_has_its_place() {
        let size = (64, 32);
        assert_eq!(patch((0, 0), size), PATCHES[0]);
        assert_eq!(patch((63, 0), size), PATCHES[3]);
        assert_eq!(patch((17, 31), size), PATCHES[5]);
        assert_eq!(pixels(64, 32).len(), 64 * 32 * 3);
    }
}
