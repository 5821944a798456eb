// SPDX-License-Identifier: MPL-2.0
//! What a kind of camera is to the rest of portholesrc: something that makes a bin, on a thread that may block.
use std::{
    fmt::{self, Debug},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use gst_video::VideoOrientationMethod;

use super::problem::Problem;

/// The mode that the user asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Pixels; 0 leaves it to the camera.
    pub(crate) width: i32,
    pub(crate) height: i32,
    /// 0/1 leaves it to the camera.
    pub(crate) framerate: gst::Fraction,
    /// A raw video format as GStreamer names it, such as NV12; `None` leaves the choice.
    pub(crate) format: Option<String>,
    /// H.264 as the camera makes it, in place of raw video.
    pub(crate) encoded: bool,
}

/// What a camera is opened with.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) asked: Asked,
    /// What downstream takes of our formats.
    pub(crate) allowed: gst::Caps,
    /// Fixed caps that a live picture has had before in this run: the picture has to come in the same now.
    pub(crate) settled: Option<gst::Caps>,
    /// Whether somebody wants the sound.
    pub(crate) sound: bool,
    /// What the user set of the device's controls.
    pub(crate) controls: Option<gst::Structure>,
    /// How the picture is wanted, as seen from the sensor.
    pub(crate) direction: VideoOrientationMethod,
}

/// From opening to the first picture. A driver that hangs takes for ever.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);

/// A camera that can be opened.
pub(crate) trait Device: Debug + Send + Sync {
    /// As the user wrote it.
    fn name(&self) -> &str;

    /// The caps that its picture will have, if they are known without touching it.
    fn known_mode(&self, _request: &Request) -> Option<gst::Caps> {
        None
    }

    /// How long it may take from opening to its first picture.
    fn open_timeout(&self) -> Duration {
        OPEN_TIMEOUT
    }

    /// Whether it has sound of its own.
    fn has_sound(&self) -> bool {
        false
    }

    /// Whether the password that was refused is another one by now, so that it may be tried at once.
    fn is_let_in_anew(&self) -> bool {
        false
    }

    /// Finds out the caps that its picture will have, without capturing. Blocks. `None` where only a picture tells.
    fn look(&self, request: &Request) -> Result<Option<gst::Caps>, Problem> {
        Ok(self.known_mode(request))
    }

    /// Makes what gives its pictures. Opens the device if its modes are known only then; may block.
    fn build(&self, request: &Request) -> Result<Source, Problem>;
}

/// What a device made, in state NULL or READY.
pub(crate) struct Source {
    /// Has a source pad `video` from the start, whose pictures fit the request, and may get one named `audio`, in
    /// [`super::slate::sound`]'s caps.
    pub(crate) bin: gst::Bin,
    /// Whether its buffers have to wait for their time, as those of a file.
    pub(crate) paced: bool,
    /// What was opened, for people: the device's own name where `camera` left the choice.
    pub(crate) device: String,
    /// What is to be said about it, in a whole sentence.
    pub(crate) warning: Option<String>,
    /// Where its sound is, if the bin does not give it.
    pub(crate) microphone: Option<Arc<dyn Microphone>>,
    /// The file or device node whose absence explains an error.
    pub(crate) path: Option<PathBuf>,
    /// What of it can be set while it runs.
    pub(crate) handles: Box<dyn Handles>,
}

/// What sound is taken from.
#[derive(Clone, Debug)]
pub(crate) enum AudioDevice {
    /// The camera's own.
    Own,
    Silence,
    Other(Arc<dyn Microphone>),
}

impl AudioDevice {
    pub(crate) fn is_own(&self) -> bool {
        matches!(self, Self::Own)
    }
}

/// Something to listen to, which need not be there.
pub(crate) trait Microphone: Debug + Send + Sync {
    /// Makes its source element. Looks it up each time, since it may be plugged in elsewhere; may block.
    fn open(&self) -> Result<OpenMicrophone, Problem>;
}

/// A microphone's source, in state NULL.
#[derive(Debug)]
pub(crate) struct OpenMicrophone {
    pub(crate) element: gst::Element,
    /// For people.
    pub(crate) name: String,
    pub(crate) timing: Timing,
}

/// What is known of when a buffer of sound was captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timing {
    /// What its timestamp says, to which it has to wait, as in a file. Samples and timestamps agree.
    Paced,
    /// What its timestamp says, by the clock. Its samples may be counted by another.
    Stamped,
    /// When it comes.
    Arrival,
}

/// One thing that can be set of a camera, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Control {
    pub(crate) name: String,
    /// What it takes, such as `0 to 255`; empty if nobody tells.
    pub(crate) range: String,
    /// What it is set to; empty if nobody tells.
    pub(crate) value: String,
    /// Another name, which means the same with every kind of camera, and what it takes; empty if there is none.
    pub(crate) also: String,
}

impl fmt::Display for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match (self.range.as_str(), self.value.as_str()) {
            ("", "") => Ok(()),
            (range, "") => write!(f, " ({range})"),
            ("", value) => write!(f, " (now {value})"),
            (range, value) => write!(f, " ({range}, now {value})"),
        }?;
        match self.also.as_str() {
            "" => Ok(()),
            also => write!(f, " or {also}"),
        }
    }
}

/// What of an open camera can be set while it runs. Each call may block.
pub(crate) trait Handles: Send {
    /// What can be set.
    fn controls(&self) -> Vec<Control> {
        Vec::new()
    }

    /// Sets controls; all the right ones even if another is wrong. The error lists what there is.
    fn set_controls(&self, _controls: &gst::Structure) -> Result<(), String> {
        Err("this camera has no controls".into())
    }

    /// Turns the picture in the sensor, as far as it can; how it is turned now, as seen from the sensor.
    fn turn(&self, _wanted: VideoOrientationMethod) -> VideoOrientationMethod {
        VideoOrientationMethod::Identity
    }
}

/// For a camera that has nothing to set.
impl Handles for () {}
