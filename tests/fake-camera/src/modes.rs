// SPDX-License-Identifier: MPL-2.0
//! What the cameras can do.

use gst::{glib, prelude::*};

use crate::{
    behaviour::{Behaviour, Modes},
    chart::Colours,
};

/// Sizes of all cameras, in pixels, the usual one first.
const SIZES: [(i32, i32); 3] = [(1280, 720), (640, 480), (1920, 1080)];
const RATES: [i32; 2] = [15, 30];
/// A USB camera's raw modes are few, since the bus is slow: size and rate.
const USB_RAW: [(i32, i32, i32); 2] = [(640, 480, 30), (1280, 720, 10)];
const USB_JPEG: (i32, i32, i32) = (1280, 720, 30);
const THERMAL: (i32, i32, i32) = (160, 120, 9);
const BAYER: (i32, i32, i32) = (640, 480, 30);
/// What one that adjusts can do, the smaller first, and what it lists, which is more.
const ADJUSTED: [(i32, i32); 2] = [(640, 480), (1280, 720)];
const LISTED: [(i32, i32); 4] = [(640, 480), (800, 600), (960, 540), (1280, 720)];
const MOST_ADJUSTED: gst::Fraction = gst::Fraction::from_integer(15);
/// What it does if nobody chooses.
pub(crate) const USUAL: (i32, i32, i32) = (1280, 720, 30);

fn raw(width: i32, height: i32, rates: &[i32], chart: Option<Colours>) -> gst::Structure {
    let rates = rates.iter().map(|rate| gst::Fraction::from_integer(*rate));
    gst::Structure::builder("video/x-raw")
        .field("format", gst::List::new(["I420", "NV12"]))
        .field("width", width)
        .field("height", height)
        .field("framerate", gst::List::new(rates))
        .field_if_some("colorimetry", chart.map(Colours::colorimetry))
        .build()
}

fn jpeg((width, height, rate): (i32, i32, i32)) -> gst::Structure {
    gst::Structure::builder("image/jpeg")
        .field("width", width)
        .field("height", height)
        .field("framerate", gst::Fraction::from_integer(rate))
        .build()
}

/// As libcamera's provider lists a stream: sizes that are common, then any; neither rates nor colours.
fn unrated(width: glib::SendValue, height: glib::SendValue) -> gst::Structure {
    let mut mode = gst::Structure::builder("video/x-raw")
        .field("format", "NV12")
        .build();
    mode.set_value("width", width);
    mode.set_value("height", height);
    mode
}

fn any_size() -> gst::Structure {
    let ((least, lowest), (most, highest)) = (ADJUSTED[0], ADJUSTED[1]);
    let range = |from, to| gst::IntRange::with_step(from, to, 2).to_send_value();
    unrated(range(least, most), range(lowest, highest))
}

/// The modes of a camera that behaves so.
pub(crate) fn modes(behaviour: &Behaviour) -> gst::Caps {
    let chart = behaviour.chart;
    let modes: Vec<gst::Structure> = match (behaviour.size, behaviour.modes) {
        (Some((width, height)), _) => vec![raw(width as i32, height as i32, &RATES, chart)],
        (None, Modes::Usual) => {
            let modes = SIZES.iter();
            modes
                .map(|(width, height)| raw(*width, *height, &RATES, chart))
                .collect()
        }
        (None, Modes::Usb) => {
            let modes = USB_RAW.iter();
            let modes = modes.map(|(width, height, rate)| raw(*width, *height, &[*rate], chart));
            modes.chain([jpeg(USB_JPEG)]).collect()
        }
        (None, Modes::Libcamera) => {
            let sizes = LISTED.iter();
            let sizes =
                sizes.map(|(width, height)| unrated(width.to_send_value(), height.to_send_value()));
            sizes.chain([any_size()]).collect()
        }
        (None, Modes::Thermal) => vec![fixed("video/x-raw", THERMAL, "GRAY16_LE")],
        (None, Modes::Bayer) => vec![fixed("video/x-bayer", BAYER, "rggb")],
    };
    modes.into_iter().collect()
}

fn fixed(name: &str, (width, height, rate): (i32, i32, i32), format: &str) -> gst::Structure {
    gst::Structure::builder(name)
        .field("format", format)
        .field("width", width)
        .field("height", height)
        .field("framerate", gst::Fraction::from_integer(rate))
        .build()
}

/// What a camera that adjusts gives when this is asked of it.
pub(crate) fn adjusted(asked: &mut gst::StructureRef) {
    let size = asked.get::<i32>("width").ok().zip(asked.get("height").ok());
    let (width, height) = match size {
        Some(size) if ADJUSTED.contains(&size) => size,
        _ => ADJUSTED[1],
    };
    asked.set("width", width);
    asked.set("height", height);
    let rate = asked.get("framerate").unwrap_or(MOST_ADJUSTED);
    asked.set("framerate", rate.min(MOST_ADJUSTED));
    asked.set("colorimetry", "bt709");
}

/// All that any camera could do.
pub(crate) fn template() -> gst::Caps {
    let side = gst::IntRange::new(2, i32::MAX);
    let rate = gst::FractionRange::new(
        gst::Fraction::from_integer(1),
        gst::Fraction::from_integer(60),
    );
    let builder = |name| {
        gst::Structure::builder(name)
            .field("width", side)
            .field("height", side)
            .field("framerate", rate)
    };
    let raw = builder("video/x-raw").field("format", gst::List::new(["I420", "NV12", "GRAY16_LE"]));
    let mut template = gst::Caps::new_empty();
    {
        let template = template.make_mut();
        template.append_structure(raw.build());
        template.append_structure(builder("image/jpeg").build());
        template.append_structure(builder("video/x-bayer").field("format", "rggb").build());
    }
    template
}
