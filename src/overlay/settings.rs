// SPDX-License-Identifier: MPL-2.0
//! The element's properties: what the user asks for.

use std::sync::LazyLock;

use gst::glib;
use gst::prelude::*;
use gst_video::VideoOrientationMethod;

use super::painter::Style;
use super::text::Align;

/// Where in the picture the text is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstPortholeOverlayPosition")]
pub(crate) enum Position {
    #[default]
    #[enum_value(name = "Top left", nick = "top-left")]
    TopLeft,
    #[enum_value(name = "Top", nick = "top")]
    Top,
    #[enum_value(name = "Top right", nick = "top-right")]
    TopRight,
    #[enum_value(name = "Left", nick = "left")]
    Left,
    #[enum_value(name = "Center", nick = "center")]
    Center,
    #[enum_value(name = "Right", nick = "right")]
    Right,
    #[enum_value(name = "Bottom left", nick = "bottom-left")]
    BottomLeft,
    #[enum_value(name = "Bottom", nick = "bottom")]
    Bottom,
    #[enum_value(name = "Bottom right", nick = "bottom-right")]
    BottomRight,
}

impl Position {
    fn anchor(self) -> (Align, Align) {
        let column = match self {
            Self::TopLeft | Self::Left | Self::BottomLeft => Align::Left,
            Self::Top | Self::Center | Self::Bottom => Align::Centre,
            Self::TopRight | Self::Right | Self::BottomRight => Align::Right,
        };
        let row = match self {
            Self::TopLeft | Self::Top | Self::TopRight => Align::Left,
            Self::Left | Self::Center | Self::Right => Align::Centre,
            Self::BottomLeft | Self::Bottom | Self::BottomRight => Align::Right,
        };
        (column, row)
    }
}

/// The values of the properties.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) direction: VideoOrientationMethod,
    pub(crate) text: Option<String>,
    font_size: f64,
    color: u32,
    background: u32,
    position: Position,
    margin: f64,
    pub(crate) latency_clock: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            direction: VideoOrientationMethod::Identity,
            text: None,
            font_size: 0.045,
            color: 0xFFFF_FFFF,
            background: 0x8000_0000,
            position: Position::default(),
            margin: 0.02,
            latency_clock: false,
        }
    }
}

impl Settings {
    /// Whether a frame may have to be drawn on.
    pub(crate) fn draws(&self) -> bool {
        self.latency_clock || self.text.as_ref().is_some_and(|text| !text.is_empty())
    }

    /// How the text is set.
    pub(crate) fn style(&self) -> Style {
        Style {
            font_size: self.font_size,
            margin: self.margin,
            color: self.color,
            background: self.background,
            anchor: self.position.anchor(),
        }
    }

    /// Takes a property's value; `None` if there is no such property or the value has another type.
    pub(crate) fn set(&mut self, name: &str, value: &glib::Value) -> Option<()> {
        match name {
            "video-direction" => self.direction = value.get().ok()?,
            "text" => self.text = value.get().ok()?,
            "font-size" => self.font_size = value.get().ok()?,
            "color" => self.color = value.get().ok()?,
            "background" => self.background = value.get().ok()?,
            "position" => self.position = value.get().ok()?,
            "margin" => self.margin = value.get().ok()?,
            "latency-clock" => self.latency_clock = value.get().ok()?,
            _ => return None,
        }
        Some(())
    }

    /// A property's value, `None` if there is no such property.
    pub(crate) fn get(&self, name: &str) -> Option<glib::Value> {
        Some(match name {
            "video-direction" => self.direction.to_value(),
            "text" => self.text.to_value(),
            "font-size" => self.font_size.to_value(),
            "color" => self.color.to_value(),
            "background" => self.background.to_value(),
            "position" => self.position.to_value(),
            "margin" => self.margin.to_value(),
            "latency-clock" => self.latency_clock.to_value(),
            _ => return None,
        })
    }
}

/// The declarations of all properties.
pub(crate) fn properties() -> &'static [glib::ParamSpec] {
    static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
        let default = Settings::default();
        vec![
            glib::ParamSpecEnum::builder_with_default("video-direction", default.direction)
                .nick("Video direction")
                .blurb(
                    "How to turn the picture: one of the eight orientations, or auto to follow the stream's \
                     image-orientation tag",
                )
                .mutable_playing()
                .build(),
            glib::ParamSpecString::builder("text")
                .nick("Text")
                .blurb(
                    "Text to draw: strftime format with {camera}, {viewers}, {fps}, {res} and %n for a new line, up to \
                     1024 characters; none draws nothing",
                )
                .mutable_playing()
                .build(),
            glib::ParamSpecDouble::builder("font-size")
                .nick("Font size")
                .blurb("Font size as a fraction of the picture's height, 0.01 to 0.5")
                .minimum(0.01)
                .maximum(0.5)
                .default_value(default.font_size)
                .mutable_playing()
                .build(),
            glib::ParamSpecUInt::builder("color")
                .nick("Color")
                .blurb("Color of the text as 0xAARRGGBB, 0 to 0xffffffff; AA=00 is invisible, AA=ff opaque")
                .default_value(default.color)
                .mutable_playing()
                .build(),
            glib::ParamSpecUInt::builder("background")
                .nick("Background")
                .blurb("Color of the box behind the text as 0xAARRGGBB, 0 to 0xffffffff; AA=00 is no box, AA=ff opaque")
                .default_value(default.background)
                .mutable_playing()
                .build(),
            glib::ParamSpecEnum::builder_with_default("position", default.position)
                .nick("Position")
                .blurb("Where in the turned picture the text is: one of nine places")
                .mutable_playing()
                .build(),
            glib::ParamSpecDouble::builder("margin")
                .nick("Margin")
                .blurb("Distance of the text's box from the picture's edges as a fraction of its height, 0 to 0.5")
                .minimum(0.0)
                .maximum(0.5)
                .default_value(default.margin)
                .mutable_playing()
                .build(),
            glib::ParamSpecBoolean::builder("latency-clock")
                .nick("Latency clock")
                .blurb("Whether to paint the time of day in milliseconds as black and white blocks at the bottom left")
                .default_value(default.latency_clock)
                .mutable_playing()
                .build(),
        ]
    });
    &PROPERTIES
}
