// SPDX-License-Identifier: MPL-2.0
//! Mapped video frames as the planes that the pure files work on. Strides and offsets come from the frame, so padded
//! buffers and buffers with a video meta need nothing special.

use gst_video::prelude::*;
use gst_video::{VideoColorMatrix, VideoColorRange, VideoFormat, VideoFrameRef, VideoInfo};

use super::blend::{Canvas, Chroma, Matrix};
use super::orient::{Orientation, Plane, PlaneMut, orient_plane};

type ReadFrame<'a> = VideoFrameRef<&'a gst::BufferRef>;
type WriteFrame<'a> = VideoFrameRef<&'a mut gst::BufferRef>;

/// Size of a plane in samples of that plane, and its stride in bytes.
struct Layout {
    width: usize,
    height: usize,
    stride: usize,
}

fn layout<T: VideoFrameExt>(frame: &T, plane: u32) -> Option<Layout> {
    // In I420 and NV12 the component with the plane's number lies in that plane.
    Some(Layout {
        width: frame.comp_width(plane) as usize,
        height: frame.comp_height(plane) as usize,
        stride: usize::try_from(*frame.plane_stride().get(plane as usize)?).ok()?,
    })
}

fn read<'a>(frame: &'a ReadFrame<'_>, plane: u32) -> Option<Plane<'a>> {
    let layout = layout(frame, plane)?;
    Some(Plane {
        data: frame.plane_data(plane).ok()?,
        stride: layout.stride,
        width: layout.width,
        height: layout.height,
    })
}

/// The frame as something to draw on, or `None` if it is neither I420 nor NV12.
pub(crate) fn canvas<'a>(frame: &'a mut WriteFrame<'_>) -> Option<Canvas<'a>> {
    let format = frame.format();
    let (y, u) = (layout(frame, 0)?, layout(frame, 1)?);
    let v = match format {
        VideoFormat::I420 => Some(layout(frame, 2)?),
        VideoFormat::Nv12 => None,
        _ => return None,
    };
    let plane = |data: &'a mut [u8], layout: Layout| PlaneMut {
        data,
        stride: layout.stride,
        width: layout.width,
        height: layout.height,
    };
    let [luma, first, second, _] = frame.planes_data_mut();
    let first = plane(first, u);
    Some(Canvas {
        luma: plane(luma, y),
        chroma: match v {
            Some(v) => Chroma::Planar(first, plane(second, v)),
            None => Chroma::Interleaved(first),
        },
    })
}

/// Writes `input` turned by `orientation` onto `output`; `None` if the formats do not match.
pub(crate) fn orient(
    input: &ReadFrame<'_>,
    output: &mut Canvas<'_>,
    orientation: Orientation,
) -> Option<()> {
    orient_plane::<1>(read(input, 0)?, &mut output.luma, orientation);
    match &mut output.chroma {
        Chroma::Planar(u, v) => {
            orient_plane::<1>(read(input, 1)?, u, orientation);
            orient_plane::<1>(read(input, 2)?, v, orientation);
        }
        Chroma::Interleaved(uv) => orient_plane::<2>(read(input, 1)?, uv, orientation),
    }
    Some(())
}

/// How colours are written in this video.
pub(crate) fn matrix(info: &VideoInfo) -> Matrix {
    let colorimetry = info.colorimetry();
    let (kr, kb) = match colorimetry.matrix() {
        VideoColorMatrix::Bt709 => (0.2126, 0.0722),
        VideoColorMatrix::Bt2020 => (0.2627, 0.0593),
        VideoColorMatrix::Fcc => (0.30, 0.11),
        VideoColorMatrix::Smpte240m => (0.212, 0.087),
        _ => (0.299, 0.114),
    };
    Matrix {
        kr,
        kb,
        full_range: colorimetry.range() == VideoColorRange::Range0_255,
    }
}
