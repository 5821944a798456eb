// SPDX-License-Identifier: MPL-2.0
//! What turning and drawing cost beside a plain copy of the frame. `scripts/bench overlay` runs this and prints a table.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion};
use porthole_painter::{
    Bitmap, Clock, Drawing, Format, Input, Isa, Matrix, Orientation, Patch, Picture, PictureMut,
    Plane, PlaneMut, Shape, paint,
};

const FORMATS: [Format; 4] = [Format::I420, Format::Nv12, Format::Yuy2, Format::Bgrx];
const SIZES: [(usize, usize); 3] = [(640, 480), (1280, 720), (1920, 1080)];

/// Bytes and strides of the planes, as GStreamer lays them out.
fn layout(shape: Shape) -> [(usize, usize); 3] {
    let Shape {
        format,
        width,
        height,
    } = shape;
    match format {
        Format::I420 => {
            let half = (width / 2 * height / 2, width / 2);
            [(width * height, width), half, half]
        }
        Format::Nv12 => [(width * height, width), (width * height / 2, width), (0, 0)],
        Format::Yuy2 => [(width * height * 2, width * 2), (0, 0), (0, 0)],
        _ => [(width * height * 4, width * 4), (0, 0), (0, 0)],
    }
}

fn planes(shape: Shape, mut data: &[u8]) -> [Plane<'_>; 3] {
    layout(shape).map(|(bytes, stride)| {
        let (plane, rest) = data.split_at(bytes);
        data = rest;
        Plane {
            data: plane,
            stride,
        }
    })
}

fn planes_mut(shape: Shape, data: &mut [u8]) -> [PlaneMut<'_>; 3] {
    let mut rest = data;
    layout(shape).map(|(bytes, stride)| {
        let (data, below) = std::mem::take(&mut rest).split_at_mut(bytes);
        rest = below;
        PlaneMut { data, stride }
    })
}

/// A box as large as that of `12:34:56 front door` at the default font size.
fn text(shape: Shape) -> Patch {
    let (width, height) = (shape.height * 52 / 100, shape.height * 78 / 1000);
    let pixels = (0..width * height).map(|i| if i % 3 == 0 { [255; 4] } else { [0, 0, 0, 128] });
    let bitmap = Bitmap {
        width,
        height,
        pixels: pixels.collect(),
    };
    Patch::new(&bitmap, (14, 14), shape, &Matrix::BT601)
}

fn compare(c: &mut Criterion, format: Format, (width, height): (usize, usize)) {
    let shape = Shape {
        format,
        width,
        height,
    };
    let upright = Shape {
        width: height,
        height: width,
        ..shape
    };
    let bytes: usize = layout(shape).iter().map(|(bytes, _)| bytes).sum();
    let source: Vec<u8> = (0..bytes).map(|i| (i * 31) as u8).collect();
    let mut target = vec![0; bytes];
    let text = text(shape);
    let mut clock = Clock::new(shape).expect("the picture is large enough");
    clock.set(0x1234_5678);
    let nothing = Drawing::default();
    let with_text = Drawing {
        patches: [Some(&text), None],
        ..nothing
    };
    let both = Drawing {
        clock: Some(&clock),
        ..with_text
    };
    let mut group = c.benchmark_group(format!("{format:?} {width}x{height}"));
    group.bench_function(BenchmarkId::new("memcpy", ""), |b| {
        b.iter(|| black_box(&mut target).copy_from_slice(black_box(&source)));
    });
    let cases = [
        ("180", Some(Orientation::Half), shape, nothing),
        ("180 + clock + text", Some(Orientation::Half), shape, both),
        ("horiz", Some(Orientation::MirrorHorizontal), shape, nothing),
        ("90r", Some(Orientation::Right90), upright, nothing),
        ("90l", Some(Orientation::Left90), upright, nothing),
        ("identity + text", None, shape, with_text),
    ];
    for isa in Isa::available() {
        for (name, orientation, to, drawing) in &cases {
            group.bench_function(BenchmarkId::new(*name, isa.name()), |b| {
                b.iter(|| {
                    let from = Picture::new(shape, planes(shape, black_box(&source)));
                    let to = PictureMut::new(*to, planes_mut(*to, black_box(&mut target)));
                    let (Some(from), Some(to)) = (from, to) else {
                        panic!("incomplete planes")
                    };
                    let input = orientation.map_or(Input::InPlace, |o| Input::Turned(&from, o));
                    paint(isa, input, drawing, to, None)
                });
            });
        }
    }
    group.finish();
}

fn main() {
    let mut c = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600))
        .sample_size(20)
        .without_plots()
        .configure_from_args();
    for format in FORMATS {
        for size in SIZES {
            compare(&mut c, format, size);
        }
    }
    c.final_summary();
}
