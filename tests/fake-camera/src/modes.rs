// SPDX-License-Identifier: MPL-2.0
//! What the cameras can do.

use crate::{behaviour::Behaviour, chart::Colours};

/// Sizes of all cameras, in pixels, the usual one first.
const SIZES: [(i32, i32); 3] = [(1280, 720), (640, 480), (1920, 1080)];
const RATES: [i32; 2] = [15, 30];
/// A USB camera's raw modes are few, since the bus is slow: size and rate.
const USB_RAW: [(i32, i32, i32); 2] = [(640, 480, 30), (1280, 720, 10)];
const USB_JPEG: (i32, i32, i32) = (1280, 720, 30);
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

/// The modes of a camera that behaves so.
pub(crate) fn modes(behaviour: &Behaviour) -> gst::Caps {
    let mut modes = gst::Caps::new_empty();
    {
        let (modes, chart) = (modes.make_mut(), behaviour.chart);
        if let Some((width, height)) = behaviour.size {
            modes.append_structure(raw(width as i32, height as i32, &RATES, chart));
        } else if behaviour.usb {
            for (width, height, rate) in USB_RAW {
                modes.append_structure(raw(width, height, &[rate], chart));
            }
            modes.append_structure(jpeg(USB_JPEG));
        } else {
            for (width, height) in SIZES {
                modes.append_structure(raw(width, height, &RATES, chart));
            }
        }
    }
    modes
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
    let raw = builder("video/x-raw").field("format", gst::List::new(["I420", "NV12"]));
    let mut template = gst::Caps::new_empty();
    {
        let template = template.make_mut();
        template.append_structure(raw.build());
        template.append_structure(builder("image/jpeg").build());
    }
    template
}
