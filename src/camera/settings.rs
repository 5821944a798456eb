// SPDX-License-Identifier: MPL-2.0
//! What the user asked of `portholesrc`.

use super::device::Asked;

pub(crate) const CAMERA: &str = "auto";
pub(crate) const AUDIO_DEVICE: &str = "auto";
/// Seconds. A viewer who reloads the page is back within this.
pub(crate) const IDLE_TIMEOUT: u32 = 5;
/// Seconds in a day: more is always on, which is on-demand=false.
pub(crate) const MAX_IDLE_TIMEOUT: u32 = 24 * 60 * 60;
/// Seconds without a picture, after which a camera is taken to hang.
pub(crate) const STALL_TIMEOUT: u32 = 2;
/// Seconds. A camera that takes a picture a minute is none to look through.
pub(crate) const MAX_STALL_TIMEOUT: u32 = 60;
pub(crate) const WIDTH: i32 = 1280;
pub(crate) const HEIGHT: i32 = 720;
/// Pixels; wider than any camera, and what all encoders' integers hold.
pub(crate) const MAX_SIZE: i32 = 16_384;
/// Pictures a second: none is the camera's own, and no camera gives a thousand.
pub(crate) const MIN_FRAMERATE: gst::Fraction = gst::Fraction::from_integer(0);
pub(crate) const MAX_FRAMERATE: gst::Fraction = gst::Fraction::from_integer(1000);
pub(crate) const FRAMERATE: gst::Fraction = gst::Fraction::from_integer(30);

/// The values of the properties.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) camera: String,
    pub(crate) audio_device: String,
    pub(crate) width: i32,
    pub(crate) height: i32,
    pub(crate) framerate: gst::Fraction,
    pub(crate) format: Option<String>,
    pub(crate) encoded: bool,
    pub(crate) on_demand: bool,
    /// Seconds.
    pub(crate) idle_timeout: u32,
    /// Seconds.
    pub(crate) stall_timeout: u32,
    pub(crate) controls: Option<gst::Structure>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            camera: CAMERA.into(),
            audio_device: AUDIO_DEVICE.into(),
            width: WIDTH,
            height: HEIGHT,
            framerate: FRAMERATE,
            format: None,
            encoded: false,
            on_demand: true,
            idle_timeout: IDLE_TIMEOUT,
            stall_timeout: STALL_TIMEOUT,
            controls: None,
        }
    }
}

impl Settings {
    pub(crate) fn asked(&self) -> Asked {
        Asked {
            width: self.width,
            height: self.height,
            framerate: self.framerate,
            format: self.format.clone(),
            encoded: self.encoded,
        }
    }
}
