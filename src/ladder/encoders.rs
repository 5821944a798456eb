// SPDX-License-Identifier: MPL-2.0
//! Which encoder makes a codec here, and how each is set up for low latency.
//!
//! One line for each encoder that is known: the best first, those of hardware before those of software. What is measured
//! stands in docs/latency.md; encoders of hardware are set up from their documentation alone.

use gst::prelude::*;

use super::codec::Codec;

/// In which unit an encoder's property has its bitrate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Bits,
    Kilobits,
}

/// How an encoder is made and spoken to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Encoder {
    codec: Codec,
    pub(crate) factory: &'static str,
    /// The property with the bitrate, and its unit; the V4L2 encoders have it among their controls.
    bitrate: (&'static str, Unit),
    /// The property with the most frames between key units.
    interval: &'static str,
    /// Properties and values in the order in which they are set. Those that an installed version lacks are left out.
    settings: &'static [(&'static str, &'static str)],
}

use Codec::{Av1, H264, H265, Vp8, Vp9};
use Unit::{Bits, Kilobits};

const VA: &[(&str, &str)] = &[
    ("rate-control", "cbr"),
    ("b-frames", "0"),
    ("ref-frames", "1"),
    ("target-usage", "6"),
];
const VAAPI: &[(&str, &str)] = &[("rate-control", "cbr"), ("max-bframes", "0")];
const NV: &[(&str, &str)] = &[
    ("rc-mode", "cbr-ld-hq"),
    ("zerolatency", "true"),
    ("bframes", "0"),
    ("preset", "low-latency-hq"),
];
const JETSON: &[(&str, &str)] = &[
    ("control-rate", "constant_bitrate"),
    ("preset-level", "UltraFastPreset"),
    ("maxperf-enable", "true"),
    ("insert-vui", "true"),
    ("insert-sps-pps", "true"),
];
const QSV: &[(&str, &str)] = &[
    ("low-latency", "true"),
    ("disable-hrd-conformance", "true"),
    ("rate-control", "cbr"),
    ("b-frames", "0"),
];
/// Frames are small and even: a rate that is held within a few frames is worth more to a live picture than the bits.
const VPX: &[(&str, &str)] = &[
    ("deadline", "1"),
    ("end-usage", "cbr"),
    ("lag-in-frames", "0"),
    ("error-resilient", "default"),
    ("buffer-initial-size", "100"),
    ("buffer-optimal-size", "120"),
    ("buffer-size", "150"),
    ("max-intra-bitrate", "250"),
];

const fn encoder(
    codec: Codec,
    factory: &'static str,
    bitrate: (&'static str, Unit),
    interval: &'static str,
    settings: &'static [(&'static str, &'static str)],
) -> Encoder {
    Encoder {
        codec,
        factory,
        bitrate,
        interval,
        settings,
    }
}

/// Best first within each codec.
const ENCODERS: [Encoder; 35] = [
    encoder(
        H264,
        "v4l2h264enc",
        ("video_bitrate", Bits),
        "h264_i_frame_period",
        &[],
    ),
    encoder(H264, "v4l2slh264enc", ("bitrate", Bits), "gop-size", &[]),
    encoder(
        H264,
        "mpph264enc",
        ("bps", Bits),
        "gop",
        &[("rc-mode", "cbr"), ("zero-copy-pkt", "true")],
    ),
    encoder(
        H264,
        "nvv4l2h264enc",
        ("bitrate", Bits),
        "idrinterval",
        JETSON,
    ),
    encoder(
        H264,
        "vah264lpenc",
        ("bitrate", Kilobits),
        "key-int-max",
        VA,
    ),
    encoder(H264, "vah264enc", ("bitrate", Kilobits), "key-int-max", VA),
    encoder(H264, "nvh264enc", ("bitrate", Kilobits), "gop-size", NV),
    encoder(H264, "qsvh264enc", ("bitrate", Kilobits), "gop-size", QSV),
    encoder(
        H264,
        "vaapih264enc",
        ("bitrate", Kilobits),
        "keyframe-period",
        VAAPI,
    ),
    encoder(H264, "vpuenc_h264", ("bitrate", Kilobits), "gop-size", &[]),
    encoder(
        H264,
        "x264enc",
        ("bitrate", Kilobits),
        "key-int-max",
        &[
            ("tune", "zerolatency"),
            ("speed-preset", "ultrafast"),
            ("b-adapt", "false"),
            ("vbv-buf-capacity", "120"),
            ("byte-stream", "true"),
        ],
    ),
    encoder(
        H264,
        "openh264enc",
        ("bitrate", Bits),
        "gop-size",
        &[
            ("rate-control", "bitrate"),
            ("complexity", "low"),
            ("background-detection", "false"),
            ("scene-change-detection", "false"),
        ],
    ),
    encoder(
        Vp8,
        "v4l2vp8enc",
        ("video_bitrate", Bits),
        "video_gop_size",
        &[],
    ),
    encoder(
        Vp8,
        "nvv4l2vp8enc",
        ("bitrate", Bits),
        "idrinterval",
        JETSON,
    ),
    encoder(Vp8, "vavp8lpenc", ("bitrate", Kilobits), "key-int-max", VA),
    encoder(Vp8, "vavp8enc", ("bitrate", Kilobits), "key-int-max", VA),
    encoder(
        Vp8,
        "vaapivp8enc",
        ("bitrate", Kilobits),
        "keyframe-period",
        VAAPI,
    ),
    encoder(
        Vp8,
        "vp8enc",
        ("target-bitrate", Bits),
        "keyframe-max-dist",
        VPX,
    ),
    encoder(
        Vp9,
        "v4l2vp9enc",
        ("video_bitrate", Bits),
        "video_gop_size",
        &[],
    ),
    encoder(
        Vp9,
        "nvv4l2vp9enc",
        ("bitrate", Bits),
        "idrinterval",
        JETSON,
    ),
    encoder(Vp9, "vavp9lpenc", ("bitrate", Kilobits), "key-int-max", VA),
    encoder(Vp9, "vavp9enc", ("bitrate", Kilobits), "key-int-max", VA),
    encoder(
        Vp9,
        "vaapivp9enc",
        ("bitrate", Kilobits),
        "keyframe-period",
        VAAPI,
    ),
    encoder(
        Vp9,
        "vp9enc",
        ("target-bitrate", Bits),
        "keyframe-max-dist",
        VPX,
    ),
    encoder(Av1, "nvav1enc", ("bitrate", Kilobits), "gop-size", NV),
    encoder(Av1, "vaav1lpenc", ("bitrate", Kilobits), "key-int-max", VA),
    encoder(Av1, "vaav1enc", ("bitrate", Kilobits), "key-int-max", VA),
    encoder(
        Av1,
        "svtav1enc",
        ("target-bitrate", Kilobits),
        "intra-period-length",
        &[("preset", "12")],
    ),
    encoder(
        Av1,
        "av1enc",
        ("target-bitrate", Kilobits),
        "keyframe-max-dist",
        &[
            ("end-usage", "cbr"),
            ("usage-profile", "realtime"),
            ("cpu-used", "8"),
            ("lag-in-frames", "0"),
        ],
    ),
    encoder(
        H265,
        "v4l2h265enc",
        ("video_bitrate", Bits),
        "video_gop_size",
        &[],
    ),
    encoder(
        H265,
        "nvv4l2h265enc",
        ("bitrate", Bits),
        "idrinterval",
        JETSON,
    ),
    encoder(
        H265,
        "vah265lpenc",
        ("bitrate", Kilobits),
        "key-int-max",
        VA,
    ),
    encoder(H265, "vah265enc", ("bitrate", Kilobits), "key-int-max", VA),
    encoder(H265, "nvh265enc", ("bitrate", Kilobits), "gop-size", NV),
    encoder(
        H265,
        "x265enc",
        ("bitrate", Kilobits),
        "key-int-max",
        &[("tune", "zerolatency"), ("speed-preset", "ultrafast")],
    ),
];

/// One that cannot be made.
#[cfg(test)]
pub(super) static MISSING: Encoder = encoder(Vp8, "no-such-encoder", ("bitrate", Bits), "gop", &[]);

/// Of a software encoder. More would cut the time that a frame takes where cores are idle, and cost a third more of them for
/// the same frame: what they wait for each other is spent waiting.
const THREADS: &str = "1";

/// What an encoder is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    /// Bits each second.
    pub(crate) bitrate: u32,
    /// The most frames between key units.
    pub(crate) interval: u32,
}

/// The encoders of a codec that are installed, best first.
pub(crate) fn installed(codec: Codec) -> Vec<&'static Encoder> {
    let is_there = |e: &&Encoder| gst::ElementFactory::find(e.factory).is_some();
    ENCODERS
        .iter()
        .filter(|e| e.codec == codec)
        .filter(is_there)
        .collect()
}

impl Encoder {
    /// Made and set up, in NULL.
    pub(crate) fn make(&self, order: Order) -> Option<gst::Element> {
        let element = gst::ElementFactory::make(self.factory).build().ok()?;
        for (name, value) in self.settings {
            set(&element, name, value);
        }
        match self.factory {
            "vp8enc" | "vp9enc" => {
                set(&element, "threads", THREADS);
                set(&element, "keyframe-mode", "disabled");
                let speed = if self.codec == Vp8 { "-16" } else { "8" };
                set(&element, "cpu-used", speed);
                set(&element, "row-mt", "true");
            }
            "x264enc" => set(&element, "threads", THREADS),
            "openh264enc" => set(&element, "multi-thread", THREADS),
            _ => (),
        }
        if self.is_v4l2() {
            self.set_controls(&element, order);
        } else {
            set_number(&element, self.interval, order.interval);
            self.set_bitrate(&element, order.bitrate);
        }
        Some(element)
    }

    /// While it encodes.
    pub(crate) fn set_bitrate(&self, element: &gst::Element, bits: u32) {
        let (name, unit) = self.bitrate;
        if self.is_v4l2() {
            let controls = gst::Structure::builder("controls")
                .field(name, clamp(bits))
                .build();
            element.set_property("extra-controls", controls);
            return;
        }
        let value = match unit {
            Bits => bits,
            Kilobits => (bits / 1000).max(1),
        };
        set(element, name, &value.to_string());
    }

    pub(crate) fn is_of_hardware(&self) -> bool {
        let factory = gst::ElementFactory::find(self.factory);
        factory.is_some_and(|factory| factory.klass().contains("Hardware"))
    }

    /// The stateful encoders of V4L2, among them the Raspberry Pi's up to model 4.
    fn is_v4l2(&self) -> bool {
        self.factory.starts_with("v4l2") && !self.factory.starts_with("v4l2sl")
    }

    fn set_controls(&self, element: &gst::Element, order: Order) {
        let mut controls = gst::Structure::builder("controls")
            .field("repeat_sequence_header", 1i32)
            .field("video_bitrate_mode", 1i32)
            .field(self.bitrate.0, clamp(order.bitrate))
            .field(self.interval, clamp(order.interval));
        if self.codec == H264 {
            controls = controls.field("h264_minimum_qp_value", 16i32);
        }
        element.set_property("extra-controls", controls.build());
    }

    /// Caps between the encoder and its parser: what receivers of every kind take.
    pub(crate) fn output(&self) -> &'static str {
        match (self.codec, self.factory) {
            // The V4L2 encoders choose the lowest level there is, unless told.
            (H264, "v4l2h264enc") => "video/x-h264,profile=constrained-baseline,level=(string)4",
            (H264, _) => "video/x-h264,profile=constrained-baseline",
            (codec, _) => codec.media_type(),
        }
    }
}

fn clamp(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// Sets a property to a number, or to the largest or smallest that it takes: encoders count key units up to 1,024 or two
/// billion, and GObject leaves a value out that is beyond.
fn set_number(element: &gst::Element, name: &str, value: u32) {
    use gst::glib::{ParamSpecInt, ParamSpecUInt};
    let Some(spec) = element.find_property(name) else {
        return;
    };
    let value = i64::from(value);
    let bounds = match (
        spec.downcast_ref::<ParamSpecInt>(),
        spec.downcast_ref::<ParamSpecUInt>(),
    ) {
        (Some(spec), _) => (spec.minimum().into(), spec.maximum().into()),
        (_, Some(spec)) => (spec.minimum().into(), spec.maximum().into()),
        _ => (value, value),
    };
    set(element, name, &value.clamp(bounds.0, bounds.1).to_string());
}

/// Sets a property from text if the installed version has it and the value fits; both differ between versions.
fn set(element: &gst::Element, name: &str, value: &str) {
    let Some(spec) = element.find_property(name) else {
        return;
    };
    match gst::glib::Value::deserialize_with_pspec(value, &spec) {
        Ok(value) => element.set_property_from_value(name, &value),
        Err(_) => gst::debug!(gst::CAT_RUST, obj = element, "has no {name}={value}"),
    }
}

#[cfg(test)]
#[path = "encoders_tests.rs"]
mod tests;
