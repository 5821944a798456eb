// SPDX-License-Identifier: MPL-2.0
//! Mapped video frames as pictures to paint. Strides and offsets come from the frame, so padded buffers and buffers with a
//! video meta need nothing special.

use gst_video::prelude::*;
use gst_video::{
    VideoColorMatrix, VideoColorRange, VideoFormat, VideoFrameRef, VideoInfo,
    VideoOrientationMethod,
};
use porthole_painter::{Format, Matrix, Orientation, Picture, PictureMut, Plane, PlaneMut, Shape};

/// The formats that are painted, as GStreamer calls them and as the painter does. The first is preferred.
pub(crate) const FORMATS: [(VideoFormat, Format); 19] = [
    (VideoFormat::I420, Format::I420),
    (VideoFormat::Nv12, Format::Nv12),
    (VideoFormat::Yv12, Format::Yv12),
    (VideoFormat::Nv21, Format::Nv21),
    (VideoFormat::Yuy2, Format::Yuy2),
    (VideoFormat::Uyvy, Format::Uyvy),
    (VideoFormat::I42010le, Format::I420Ten),
    (VideoFormat::P01010le, Format::P010),
    (VideoFormat::Rgb, Format::Rgb),
    (VideoFormat::Bgr, Format::Bgr),
    (VideoFormat::Rgbx, Format::Rgbx),
    (VideoFormat::Bgrx, Format::Bgrx),
    (VideoFormat::Xrgb, Format::Xrgb),
    (VideoFormat::Xbgr, Format::Xbgr),
    (VideoFormat::Rgba, Format::Rgba),
    (VideoFormat::Bgra, Format::Bgra),
    (VideoFormat::Argb, Format::Argb),
    (VideoFormat::Abgr, Format::Abgr),
    (VideoFormat::Gray8, Format::Gray8),
];

/// The shape of frames, `None` if it cannot be painted.
pub(crate) fn shape(info: &VideoInfo) -> Option<Shape> {
    let (_, format) = FORMATS
        .iter()
        .find(|(format, _)| *format == info.format())?;
    Some(Shape {
        format: *format,
        width: info.width() as usize,
        height: info.height() as usize,
    })
}

/// A frame to read; `None` if its planes are not what the shape needs.
pub(crate) fn read<'a>(
    frame: &'a VideoFrameRef<&gst::BufferRef>,
    shape: Shape,
) -> Option<Picture<'a>> {
    let mut planes = [Plane::default(); 3];
    for (i, plane) in planes
        .iter_mut()
        .enumerate()
        .take(frame.n_planes() as usize)
    {
        *plane = Plane {
            data: frame.plane_data(u32::try_from(i).ok()?).ok()?,
            stride: usize::try_from(*frame.plane_stride().get(i)?).ok()?,
        };
    }
    Picture::new(shape, planes)
}

/// A frame to write; `None` as for [`read`].
pub(crate) fn write<'a>(
    frame: &'a mut VideoFrameRef<&mut gst::BufferRef>,
    shape: Shape,
) -> Option<PictureMut<'a>> {
    let mut strides = [0; 3];
    for (to, from) in strides.iter_mut().zip(frame.plane_stride()) {
        *to = usize::try_from(*from).ok()?;
    }
    let [first, second, third, _] = frame.planes_data_mut();
    let plane = |data, stride| PlaneMut { data, stride };
    let planes = [
        plane(first, strides[0]),
        plane(second, strides[1]),
        plane(third, strides[2]),
    ];
    PictureMut::new(shape, planes)
}

/// How colours are written in this video.
pub(crate) fn matrix(info: &VideoInfo) -> Matrix {
    let colorimetry = info.colorimetry();
    let (kr, kb) = match colorimetry.matrix() {
        VideoColorMatrix::Bt709 => (0.2126, 0.0722),
        VideoColorMatrix::Bt2020 => (0.2627, 0.0593),
        VideoColorMatrix::Fcc => (0.30, 0.11),
        VideoColorMatrix::Smpte240m => (0.212, 0.087),
        _ => (Matrix::BT601.kr, Matrix::BT601.kb),
    };
    Matrix {
        kr,
        kb,
        full_range: colorimetry.range() == VideoColorRange::Range0_255,
    }
}

/// The orientation that a method names; `custom` (and `auto`, which is not one of the eight) mean identity.
pub(crate) fn orientation(method: VideoOrientationMethod) -> Orientation {
    match method {
        VideoOrientationMethod::_90r => Orientation::Right90,
        VideoOrientationMethod::_180 => Orientation::Half,
        VideoOrientationMethod::_90l => Orientation::Left90,
        VideoOrientationMethod::Horiz => Orientation::MirrorHorizontal,
        VideoOrientationMethod::Vert => Orientation::MirrorVertical,
        VideoOrientationMethod::UlLr => Orientation::Transpose,
        VideoOrientationMethod::UrLl => Orientation::AntiTranspose,
        _ => Orientation::Identity,
    }
}
