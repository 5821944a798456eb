// SPDX-License-Identifier: MPL-2.0
//! The declarations of the properties.

use std::sync::LazyLock;

use gst::glib;
use gst::prelude::*;

use super::direction::VideoDirection;
use super::place::Position;
use super::settings::Settings;

/// More threads than this do not make a frame ready sooner: it is memory that they wait for.
const MAX_THREADS: u32 = 16;

/// All properties; all of them may change while playing.
pub(crate) fn all() -> &'static [glib::ParamSpec] {
    static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
        let mut list = vec![glib::ParamSpecOverride::for_interface::<VideoDirection>(
            "video-direction",
        )];
        list.extend(text());
        list.extend(image());
        list.extend(others());
        list
    });
    &PROPERTIES
}

fn text() -> Vec<glib::ParamSpec> {
    let default = Settings::default();
    vec![
        string(
            "text",
            "Text to draw: strftime format with {camera}, {viewers}, {fps}, {res} and %n for a new line, up to 1024 characters; \
             none draws nothing",
        ),
        string(
            "font",
            "Font of the text: a family that is installed, or the path of a .ttf, .otf or .ttc file; none is the built-in \
             DejaVu Sans",
        ),
        glib::ParamSpecDouble::builder("font-size")
            .blurb("Font size as a fraction of the picture's height, 0.01 to less than 1, or in pixels, 1 to 512")
            .minimum(0.01)
            .maximum(512.0)
            .default_value(default.font_size)
            .controllable()
            .mutable_playing()
            .build(),
        color("color", "Color of the text as 0xAARRGGBB, 0 to 0xffffffff; AA=00 is invisible, AA=ff opaque", default.color),
        color(
            "background",
            "Color of the box behind the text as 0xAARRGGBB, 0 to 0xffffffff; AA=00 is no box, AA=ff opaque",
            default.background,
        ),
        position("position", "Where in the turned picture the text is: one of nine places", default.position),
        fraction(
            "margin",
            "Distance of text and image from the picture's edges as a fraction of its height, 0 to 0.5",
            0.5,
            default.margin,
        ),
        string("time-zone", "Time zone of the text as an IANA name such as Europe/Berlin; none is the system's"),
        string(
            "time",
            "Time to show in text and latency clock instead of the present one, for tests, as in RFC 3339: \
             2026-03-07T08:09:10Z; none is the present",
        ),
    ]
}

fn image() -> Vec<glib::ParamSpec> {
    let default = Settings::default();
    vec![
        string("image", "Path of a PNG or JPEG file, up to 16 MiB, to lay over the picture; none draws nothing"),
        position("image-position", "Where in the turned picture the image is: one of nine places", default.image_position),
        glib::ParamSpecDouble::builder("image-size")
            .blurb("Height of the image as a fraction of the picture's height, 0.01 to 1; its width follows")
            .minimum(0.01)
            .maximum(1.0)
            .default_value(default.image_size)
            .controllable()
            .mutable_playing()
            .build(),
        fraction("image-opacity", "Opacity of the image, 0 (invisible) to 1", 1.0, default.image_opacity),
    ]
}

fn others() -> Vec<glib::ParamSpec> {
    let default = Settings::default();
    vec![
        string(
            "masks",
            "Parts of the turned picture that nobody may see, in fractions of its width and height, 0 to 1: \
             'rect X Y WIDTH HEIGHT' or 'polygon X1 Y1 X2 Y2 X3 Y3 ...', each filled with black, or with a color after \
             'fill=#RRGGBB', or made unrecognisable after 'pixelate'; separated by ';', up to 64. No frame passes while a mask is \
             not understood",
        ),
        glib::ParamSpecBoolean::builder("latency-clock")
            .blurb("Whether to paint the time of day in milliseconds as black and white blocks at the bottom left")
            .default_value(default.latency_clock)
            .controllable()
            .mutable_playing()
            .build(),
        glib::ParamSpecUInt::builder("threads")
            .blurb("Threads that share the work on a frame, 1 to 16; more than 1 pays for large frames that are turned")
            .minimum(1)
            .maximum(MAX_THREADS)
            .default_value(1)
            .mutable_playing()
            .build(),
    ]
}

fn string(name: &'static str, blurb: &'static str) -> glib::ParamSpec {
    glib::ParamSpecString::builder(name)
        .blurb(blurb)
        .mutable_playing()
        .build()
}

fn color(name: &'static str, blurb: &'static str, default: u32) -> glib::ParamSpec {
    glib::ParamSpecUInt::builder(name)
        .blurb(blurb)
        .default_value(default)
        .controllable()
        .mutable_playing()
        .build()
}

fn fraction(name: &'static str, blurb: &'static str, most: f64, default: f64) -> glib::ParamSpec {
    glib::ParamSpecDouble::builder(name)
        .blurb(blurb)
        .minimum(0.0)
        .maximum(most)
        .default_value(default)
        .controllable()
        .mutable_playing()
        .build()
}

fn position(name: &'static str, blurb: &'static str, default: Position) -> glib::ParamSpec {
    glib::ParamSpecEnum::builder_with_default(name, default)
        .blurb(blurb)
        .controllable()
        .mutable_playing()
        .build()
}
