// SPDX-License-Identifier: MPL-2.0
//! The cameras that are there, for programs and people.

use gst::glib;

use super::{monitor, named};
use crate::camera::devices::{native, select::mode};

/// A camera that is there now.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// What the property `camera` of `portholesrc` takes; it names the same camera when that is plugged in again.
    pub camera: String,
    /// What its maker or driver calls it. Several may have the same name.
    pub name: String,
    /// Its own modes. libcamera lists hundreds.
    pub modes: Vec<Mode>,
    /// What can be set of it.
    pub controls: Vec<Control>,
}

/// One thing that can be set of a camera.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Control {
    /// As the property `controls` of `portholesrc` names it.
    pub name: String,
    /// What it takes, such as `0 to 255`; empty if the camera does not tell.
    pub range: String,
    /// What it is set to; empty if the camera does not tell.
    pub value: String,
    /// Another name, which means the same with every kind of camera, and what it takes, such as `exposure-time (microseconds)`; empty
    /// if there is none.
    pub also: String,
}

/// A mode of a camera, or several that differ in what is a range.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mode {
    /// A raw format as GStreamer names it, `MJPEG` or `H.264`.
    pub format: String,
    /// Pixels, such as `1280x720` or `32-3280x32-2464`; empty if the camera leaves it open.
    pub size: String,
    /// Frames per second, such as `30` or `7.5-30`; empty if the camera leaves it open.
    pub framerate: String,
}

impl Found {
    /// The setting for a `gst-launch-1.0` line, quoted for a shell if need be: `camera=/dev/v4l/by-id/usb-...`.
    #[must_use]
    pub fn setting(&self) -> String {
        named::setting(&self.camera)
    }
}

/// Looks which cameras there are, in the order in which `camera=auto` tries them. Opens each for a moment, so it may take
/// seconds and needs no running camera to be closed.
///
/// # Errors
/// If GStreamer cannot be initialised.
pub fn cameras() -> Result<Vec<Found>, glib::Error> {
    gst::init()?;
    let found = monitor::cameras().into_iter().map(|camera| Found {
        camera: camera.spelling,
        name: camera.name,
        modes: mode::words(&camera.caps)
            .into_iter()
            .map(|words| Mode {
                format: words.coding,
                size: words.size,
                framerate: words.rate,
            })
            .collect(),
        controls: native::controls(&*camera.kind)
            .into_iter()
            .map(|control| Control {
                name: control.name,
                range: control.range,
                value: control.value,
                also: control.also,
            })
            .collect(),
    });
    Ok(found.collect())
}
