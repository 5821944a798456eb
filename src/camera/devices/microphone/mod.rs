// SPDX-License-Identifier: MPL-2.0
//! The microphone of a camera, and any other that the property `audio-device` names: by ALSA, or by the sound server where there is one.

mod nodes;
mod usb;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use gst::prelude::*;

use nodes::Node;
pub(super) use nodes::bus;
use usb::Pcm;

use crate::camera::{
    device::{AudioDevice, Microphone, OpenMicrophone, Timing},
    problem::{Problem, Reason},
};

/// Words of `audio-device`.
const OWN: &str = "auto";
const SILENCE: &str = "none";
/// A name of ALSA's that has no colon.
const DEFAULT: &str = "default";
const SYS: &str = "/sys";

/// What the property names.
pub(crate) fn parse(text: &str) -> AudioDevice {
    match text {
        OWN => AudioDevice::Own,
        SILENCE => AudioDevice::Silence,
        _ => AudioDevice::Other(Arc::new(Named(text.to_owned()))),
    }
}

/// What is known of a camera by which its microphone is found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Own {
    /// Its V4L2 device.
    pub(super) path: Option<PathBuf>,
    /// Its USB ids, of vendor and product.
    pub(super) usb: Option<(String, String)>,
    /// Where it is plugged in, as a sound server says it.
    pub(super) bus: Option<String>,
    /// Whether a sound server has it, and therefore its microphone too.
    pub(super) is_served: bool,
}

impl Own {
    fn pcm(&self, sys: &Path) -> Option<Pcm> {
        let by_path = || {
            let path = fs::canonicalize(self.path.as_ref()?).ok()?;
            usb::of_camera(sys, path.file_name()?.to_str()?)
        };
        let by_ids = || {
            let (vendor, product) = self.usb.as_ref()?;
            usb::of_product(sys, vendor, product)
        };
        by_path().or_else(by_ids)
    }

    /// The same as a sound server has it.
    fn node(&self, pcm: Option<Pcm>) -> Option<Node> {
        if pcm.is_none() && self.bus.is_none() {
            return None;
        }
        let card = pcm.map(|pcm| pcm.card);
        let mut nodes = nodes::all().into_iter();
        nodes.find(|node| node.belongs_to(card, self.bus.as_deref()))
    }
}

fn nothing() -> Problem {
    Problem::new(
        Reason::Missing,
        "the camera has no microphone of its own: set audio-device=hw:1 for another one (`arecord -l` lists them), or \
         audio-device=none for silence",
    )
}

impl Microphone for Own {
    fn open(&self) -> Result<OpenMicrophone, Problem> {
        let pcm = self.pcm(Path::new(SYS));
        let node = || self.node(pcm);
        let served = if self.is_served { node() } else { None };
        match (served, pcm) {
            (Some(node), _) => node.open(),
            (None, Some(pcm)) if has_alsa() => alsa(&pcm.name()),
            (None, Some(_)) => node().map_or_else(|| Err(no_alsa()), |node| node.open()),
            (None, None) => node().map_or_else(|| Err(nothing()), |node| node.open()),
        }
    }
}

/// One that the user has named.
#[derive(Debug)]
struct Named(String);

impl Microphone for Named {
    fn open(&self) -> Result<OpenMicrophone, Problem> {
        let name = self.0.as_str();
        if is_of_alsa(name) {
            return alsa(name);
        }
        let nodes = nodes::all();
        match nodes.iter().find(|node| node.is_called(name)) {
            Some(node) => node.open(),
            None => Err(Problem::new(Reason::Missing, missing(name, &nodes))),
        }
    }
}

fn missing(name: &str, nodes: &[Node]) -> String {
    let there: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
    let there = match there.is_empty() {
        true => "no sound server has a microphone".to_owned(),
        false => format!("there is {}", there.join(", ")),
    };
    format!(
        "audio-device={name} is not there: {there}; `arecord -l` lists those of ALSA, which are called hw:CARD,DEVICE"
    )
}

fn is_of_alsa(name: &str) -> bool {
    name == DEFAULT || name.contains(':')
}

fn has_alsa() -> bool {
    gst::ElementFactory::find("alsasrc").is_some()
}

fn no_alsa() -> Problem {
    let text = "alsasrc is missing: install the package gstreamer1.0-alsa";
    Problem::new(Reason::Failed, text)
}

fn alsa(name: &str) -> Result<OpenMicrophone, Problem> {
    let made = gst::ElementFactory::make("alsasrc").property("device", name);
    let element = made.build().map_err(|_| no_alsa())?;
    stamp_by_the_clock(&element);
    Ok(OpenMicrophone {
        element,
        name: name.to_owned(),
        // Of the driver, or of the moment in which it was read: by the clock in both cases.
        timing: Timing::Stamped,
    })
}

/// Leaves the clock to the pictures, and the drift between both to us: of GStreamer's ways to follow another clock, `skew` lets a fast
/// card run ahead without end, and a slow one stay behind by all that its buffer holds (docs/upstream.md).
fn stamp_by_the_clock(element: &gst::Element) {
    if element.has_property("provide-clock") {
        element.set_property("provide-clock", false);
    }
    if element.has_property("slave-method") {
        element.set_property_from_str("slave-method", "re-timestamp");
    }
}

/// What is to be said of a microphone that cannot be opened, or has stopped.
pub(crate) fn problem(error: &gst::glib::Error, debug: Option<&str>, name: &str) -> Problem {
    // Its device is not looked at: to open one that is in use waits until it is free.
    let problem = super::errors::problem(error, debug, None);
    let fix = match problem.reason {
        Reason::Busy => {
            "another program uses it: end it (`fuser -v /dev/snd/*` names it), or set audio-device=default where a sound server shares it"
        }
        Reason::Denied => {
            "this user may not open it: `sudo usermod -aG audio $USER`, then log in again"
        }
        Reason::Missing => "it is not there: check the plug; `arecord -l` lists what there is",
        Reason::Gone => "it has gone: check its plug and its power",
        _ => &problem.text,
    };
    Problem::new(problem.reason, format!("{name}: {fix}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_property_names_the_cameras_own_none_or_another() {
        assert!(matches!(parse("auto"), AudioDevice::Own));
        assert!(matches!(parse("none"), AudioDevice::Silence));
        assert!(matches!(parse("hw:1"), AudioDevice::Other(_)));
    }

    #[test]
    fn names_of_alsa_are_told_from_those_of_a_sound_server() {
        for name in ["hw:1", "plughw:CARD=C920,DEV=0", "default"] {
            assert!(is_of_alsa(name), "{name}");
        }
        assert!(!is_of_alsa("alsa_input.usb-046d_C920.analog-stereo"));
    }

    #[test]
    fn a_camera_without_a_microphone_says_what_can_be_set() {
        gst::init().unwrap();
        let problem = Own::default().open().unwrap_err();
        assert_eq!(problem.reason, Reason::Missing);
        for part in [
            "no microphone of its own",
            "audio-device=hw:1",
            "arecord -l",
        ] {
            assert!(problem.text.contains(part), "{problem}");
        }
    }

    #[test]
    fn a_name_that_is_not_there_says_so() {
        gst::init().unwrap();
        let problem = Named("no-such-node".into()).open().unwrap_err();
        assert_eq!(problem.reason, Reason::Missing);
        assert!(
            problem.text.contains("audio-device=no-such-node"),
            "{problem}"
        );
    }

    #[test]
    fn what_keeps_a_microphone_from_being_heard_says_the_fix() {
        gst::init().unwrap();
        let of = |kind, debug| {
            let error = gst::glib::Error::new(kind, "Could not open audio device for recording.");
            problem(&error, debug, "hw:1,0")
        };
        let busy = of(gst::ResourceError::Busy, None);
        assert_eq!(busy.reason, Reason::Busy);
        assert!(busy.text.starts_with("hw:1,0: another program"), "{busy}");
        let missing = Some("open error on device 'hw:1,0': No such file or directory");
        assert_eq!(
            of(gst::ResourceError::OpenRead, missing).reason,
            Reason::Missing
        );
        let denied = Some("open error on device 'hw:1,0': Permission denied");
        let denied = of(gst::ResourceError::OpenRead, denied);
        assert!(denied.text.contains("usermod -aG audio"), "{denied}");
    }
}
