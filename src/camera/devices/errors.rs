// SPDX-License-Identifier: MPL-2.0
//! What an error of GStreamer's means for the camera, and what the user can do about it. Pure but for a look at the device's path.

use std::{fs::OpenOptions, io::ErrorKind, path::Path};

use gst::glib;

use crate::camera::problem::{Problem, Reason};

/// Why a text names no camera. Names the fix.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DeviceError {
    #[error(
        "camera={0}: a file needs its whole path, with three slashes: camera=file:///home/pi/road.mp4"
    )]
    Relative(String),
    #[error("camera={0}: there is no such pattern; one of {1}")]
    Pattern(String, String),
    #[error("camera=rtsp:... is not understood: {0}")]
    Rtsp(String),
}

/// What the driver or server said, in elements' debug texts, whose codes say less.
const SAID: [(&str, Reason); 15] = [
    ("Device or resource busy", Reason::Busy),
    ("Could not acquire", Reason::Busy),
    ("Failed to acquire", Reason::Busy),
    ("Permission denied", Reason::Denied),
    ("Operation not permitted", Reason::Denied),
    (UNTRUSTED, Reason::Denied),
    ("Unauthorized", Reason::Refused),
    ("Forbidden", Reason::Refused),
    ("No such device", Reason::Gone),
    ("closed the connection", Reason::Gone),
    ("No such file or directory", Reason::Missing),
    (NO_ANSWER, Reason::Stalled),
    (NO_RTSP, Reason::Damaged),
    (CLOSED, Reason::Gone),
    (RESET, Reason::Gone),
];

/// What a camera's own debug text says of a certificate; its message has the fix.
pub(super) const UNTRUSTED: &str = "Unacceptable TLS certificate";

/// What rtspsrc says of a server.
const NO_ANSWER: &str = "Timeout while waiting for server response";
const NO_RTSP: &str = "Could not receive message. (Parse error)";
const CLOSED: &str = "Could not receive message. (Received end-of-file)";
const RESET: &str = "Could not receive message. (System error)";

/// What looking at a path found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// It has none.
    Nowhere,
    Missing,
    Denied,
    Busy,
    There,
}

/// Why there is no picture, from an error on the bus of the camera's pipeline. `path` is the device or file it uses.
pub(crate) fn problem(error: &glib::Error, debug: Option<&str>, path: Option<&Path>) -> Problem {
    let debug = debug.unwrap_or_default();
    let reason = reason(error, debug, look(path));
    Problem::new(reason, text(reason, error, debug, path))
}

fn look(path: Option<&Path>) -> Look {
    let Some(path) = path else {
        return Look::Nowhere;
    };
    // Opening does no harm: each driver lets a device be opened by several, and only used by one.
    match OpenOptions::new().read(true).open(path) {
        Ok(_) => Look::There,
        Err(error) => match error.kind() {
            ErrorKind::NotFound => Look::Missing,
            ErrorKind::PermissionDenied => Look::Denied,
            ErrorKind::ResourceBusy => Look::Busy,
            // A device node whose driver has let go of it.
            _ => Look::Missing,
        },
    }
}

fn reason(error: &glib::Error, debug: &str, look: Look) -> Reason {
    use gst::{CoreError, ResourceError, StreamError};

    let said = SAID.iter().find(|(words, _)| debug.contains(words));
    let said = said.map(|(_, reason)| *reason);
    let opening = match look {
        Look::Missing => Some(Reason::Missing),
        Look::Denied => Some(Reason::Denied),
        Look::Busy => Some(Reason::Busy),
        Look::Nowhere | Look::There => None,
    };
    // Once it has been open, a path that is not there any more means that it was pulled out.
    let running = match look {
        Look::Missing => Some(Reason::Gone),
        _ => None,
    };
    match error.kind::<ResourceError>() {
        Some(ResourceError::Busy) => return Reason::Busy,
        Some(ResourceError::NotFound) => return Reason::Missing,
        Some(ResourceError::NotAuthorized) => return Reason::Refused,
        Some(ResourceError::OpenRead | ResourceError::OpenWrite | ResourceError::OpenReadWrite) => {
            let unknown = match look {
                // A server, or a camera that has no path: what cannot be reached is not there.
                Look::Nowhere => Reason::Missing,
                _ => Reason::Failed,
            };
            return opening.or(said).unwrap_or(unknown);
        }
        Some(_) => return running.or(said).unwrap_or(Reason::Failed),
        None => (),
    }
    match error.kind::<StreamError>() {
        Some(
            StreamError::Decode
            | StreamError::Demux
            | StreamError::Format
            | StreamError::WrongType
            | StreamError::TypeNotFound,
        ) => return Reason::Damaged,
        Some(StreamError::Failed) => return running.or(said).unwrap_or(Reason::Failed),
        _ => (),
    }
    match error.kind::<CoreError>() {
        Some(CoreError::StateChange) => opening.or(said).unwrap_or(Reason::Failed),
        _ => Reason::Failed,
    }
}

fn text(reason: Reason, error: &glib::Error, debug: &str, path: Option<&Path>) -> String {
    let message = error.message().trim_end_matches('.');
    let device = path.map(|path| path.display().to_string());
    let is_device = path.is_some_and(|path| path.starts_with("/dev"));
    match (reason, device) {
        (Reason::Missing, Some(device)) => {
            format!("there is no {device}: check the plug; scripts/cameras lists what there is")
        }
        (Reason::Missing, None) => {
            format!(
                "{message}: check its name and that it is on; scripts/cameras lists what there is"
            )
        }
        (Reason::Busy, Some(device)) => {
            format!("another program uses {device}: end it; `fuser -v {device}` names it")
        }
        (Reason::Busy, None) => {
            "another program uses it: end that one; with libcamera only one may use a camera".into()
        }
        (Reason::Denied, Some(device)) if is_device => format!(
            "this user may not open {device}: `sudo usermod -aG video $USER`, then log in again"
        ),
        (Reason::Denied, Some(device)) => {
            format!("this user may not read {device}: check its permissions")
        }
        // With the fix in it, of a certificate.
        (Reason::Denied, None) if debug.contains(UNTRUSTED) => message.to_owned(),
        (Reason::Refused, _) => {
            format!("{message}: check the user and the password, rtsp://USER:PASSWORD@HOST/...")
        }
        (Reason::Stalled, _) if debug.contains(NO_ANSWER) => {
            "it does not answer: check the port, or turn it off and on".into()
        }
        (Reason::Damaged, _) if debug.contains(NO_RTSP) => {
            "what answers there does not speak RTSP: check the port".into()
        }
        (Reason::Gone, None) if debug.contains(CLOSED) || debug.contains(RESET) => {
            "its server closes the connection at once: check the path and the port".into()
        }
        (Reason::Gone, Some(device)) => format!("{device} has gone: check its plug and its power"),
        (Reason::Gone, None) => format!("it has gone ({message}): check its plug and its power"),
        (Reason::Damaged, _) => format!("what it sends cannot be decoded ({message})"),
        (Reason::Denied | Reason::Stalled | Reason::Failed, _) => match driver(debug) {
            Some(said) => format!("{message} ({said})"),
            None => message.to_owned(),
        },
    }
}

/// The line of a debug text in which an element hands on what its driver said.
fn driver(debug: &str) -> Option<&str> {
    debug.lines().skip(1).find(|line| !line.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use gst::{CoreError, ResourceError, StreamError};

    fn resource(kind: ResourceError) -> glib::Error {
        gst::init().unwrap();
        glib::Error::new(kind, "It does not work.")
    }

    fn of(error: &glib::Error, debug: &str, look: Look) -> Reason {
        reason(error, debug, look)
    }

    #[test]
    fn what_an_element_says_outright_is_taken_from_it() {
        for (kind, reason) in [
            (ResourceError::Busy, Reason::Busy),
            (ResourceError::NotFound, Reason::Missing),
            (ResourceError::NotAuthorized, Reason::Refused),
        ] {
            assert_eq!(of(&resource(kind), "", Look::There), reason);
        }
    }

    #[test]
    fn a_device_that_cannot_be_opened_is_looked_at() {
        let error = resource(ResourceError::OpenReadWrite);
        for (look, reason) in [
            (Look::Missing, Reason::Missing),
            (Look::Denied, Reason::Denied),
            (Look::Busy, Reason::Busy),
            (Look::There, Reason::Failed),
            (Look::Nowhere, Reason::Missing),
        ] {
            assert_eq!(of(&error, "", look), reason, "{look:?}");
        }
    }

    #[test]
    fn a_device_that_vanishes_while_it_runs_has_gone() {
        let error = resource(ResourceError::Read);
        assert_eq!(of(&error, "", Look::Missing), Reason::Gone);
        let debug = "gstv4l2src.c(1014)\nsystem error: No such device";
        assert_eq!(of(&error, debug, Look::There), Reason::Gone);
        assert_eq!(of(&error, "", Look::There), Reason::Failed);
        gst::init().unwrap();
        let error = glib::Error::new(StreamError::Failed, "Internal data stream error.");
        assert_eq!(of(&error, "", Look::Missing), Reason::Gone);
    }

    #[test]
    fn what_the_driver_said_decides_where_the_code_does_not() {
        let settings = resource(ResourceError::Settings);
        let busy = "x\nCall to S_FMT failed: Device or resource busy";
        assert_eq!(of(&settings, busy, Look::There), Reason::Busy);
        let open = resource(ResourceError::OpenRead);
        assert_eq!(of(&open, "Permission denied", Look::There), Reason::Denied);
        assert_eq!(
            of(&open, "Unauthorized (401)", Look::Nowhere),
            Reason::Refused
        );
    }

    #[test]
    fn what_cannot_be_decoded_is_damaged() {
        gst::init().unwrap();
        for kind in [
            StreamError::Decode,
            StreamError::Demux,
            StreamError::TypeNotFound,
        ] {
            let error = glib::Error::new(kind, "Bad");
            assert_eq!(of(&error, "", Look::There), Reason::Damaged);
        }
        let error = glib::Error::new(CoreError::MissingPlugin, "No decoder");
        assert_eq!(of(&error, "", Look::There), Reason::Failed);
    }

    #[test]
    fn the_text_names_the_device_and_the_fix() {
        let path = Path::new("/dev/video99");
        let problem = problem(&resource(ResourceError::OpenReadWrite), None, Some(path));
        assert_eq!(problem.reason, Reason::Missing);
        assert!(problem.text.contains("/dev/video99") && problem.text.contains("scripts/cameras"));
        let denied = text(
            Reason::Denied,
            &resource(ResourceError::OpenRead),
            "",
            Some(path),
        );
        assert!(denied.contains("usermod -aG video"), "{denied}");
        let failed = text(
            Reason::Failed,
            &resource(ResourceError::Failed),
            "v4l2.c(12)\nsystem error: Input/output error",
            Some(path),
        );
        assert_eq!(
            failed,
            "It does not work (system error: Input/output error)"
        );
    }
}
