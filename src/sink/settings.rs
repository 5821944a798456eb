// SPDX-License-Identifier: MPL-2.0
//! What the user asked of `portholesink`: each property with its default, unit and range.

use std::{env, fs, io::Read as _, net::SocketAddr, sync::LazyLock, time::Duration};

use gst::{glib, prelude::*};
use porthole_protocol::{
    key::{CameraKey, KeyError},
    limits::MAX_SESSIONS_PER_CAMERA,
};

use super::address;

/// Reachable on the whole network by the port people expect of a small web server.
const DEFAULT_LISTEN: &str = "0.0.0.0:8080";
/// A Pi encodes for about this many; more is the operator's decision.
const DEFAULT_MAX_VIEWERS: u32 = 16;
/// Long enough for a server's restart, short enough that cutting the link does not outlive a revocation.
const DEFAULT_ORPHAN_TIMEOUT: u32 = 60;
/// A camera key is about 300 bytes: a longer file is another file.
const MAX_KEY_FILE_BYTES: u64 = 8 * 1024;
/// Environment variable with the camera key.
const KEY_VARIABLE: &str = "PORTHOLE_CAMERA_KEY";

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) camera_key: Option<String>,
    pub(crate) camera_key_file: Option<String>,
    pub(crate) camera_name: Option<String>,
    pub(crate) listen: String,
    pub(crate) open_access: bool,
    pub(crate) print_link: bool,
    pub(crate) allowed_hosts: Option<String>,
    pub(crate) max_viewers: u32,
    pub(crate) stun_server: Option<String>,
    pub(crate) orphan_timeout: u32,
    pub(crate) video_caps: Option<gst::Caps>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            camera_key: None,
            camera_key_file: None,
            camera_name: None,
            listen: DEFAULT_LISTEN.into(),
            open_access: false,
            print_link: true,
            allowed_hosts: None,
            max_viewers: DEFAULT_MAX_VIEWERS,
            stun_server: None,
            orphan_timeout: DEFAULT_ORPHAN_TIMEOUT,
            video_caps: None,
        }
    }
}

/// A property holds something the sink cannot work with. Names the property and the fix.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadSetting {
    #[error("{origin}: {error}. Make one with `porthole-signaling camera add NAME`")]
    Key { origin: String, error: KeyError },
    #[error("camera-key-file={path}: {error}. Give the file that holds the camera key")]
    KeyFile { path: String, error: String },
    #[error("listen={text}: {error}")]
    Listen {
        text: String,
        error: address::BadAddress,
    },
    #[error("allowed-hosts={text}: {error}")]
    AllowedHosts {
        text: String,
        error: address::BadAddress,
    },
    #[error(
        "stun-server={0}: give it as stun://HOST:PORT, for example stun://stun.example.org:3478"
    )]
    Stun(String),
}

impl Settings {
    /// Takes the value of property `name`, whose type GObject has checked.
    pub(crate) fn set(&mut self, name: &str, value: &glib::Value) {
        let text = || value.get::<Option<String>>().ok().flatten();
        let number = |old: u32| value.get().unwrap_or(old);
        match name {
            "camera-key" => self.camera_key = text(),
            "camera-key-file" => self.camera_key_file = text(),
            "camera-name" => self.camera_name = text(),
            "listen" => self.listen = text().unwrap_or_else(|| DEFAULT_LISTEN.into()),
            "open-access" => self.open_access = value.get().unwrap_or_default(),
            "print-link" => self.print_link = value.get().unwrap_or(true),
            "allowed-hosts" => self.allowed_hosts = text(),
            "max-viewers" => self.max_viewers = number(self.max_viewers),
            "stun-server" => self.stun_server = text(),
            "orphan-timeout" => self.orphan_timeout = number(self.orphan_timeout),
            "video-caps" => self.video_caps = value.get().ok().flatten(),
            _ => (),
        }
    }

    /// The value of property `name`, if it is a setting that may be read.
    pub(crate) fn get(&self, name: &str) -> Option<glib::Value> {
        Some(match name {
            "camera-key-file" => self.camera_key_file.to_value(),
            "camera-name" => self.camera_name.to_value(),
            "listen" => self.listen.to_value(),
            "open-access" => self.open_access.to_value(),
            "print-link" => self.print_link.to_value(),
            "allowed-hosts" => self.allowed_hosts.to_value(),
            "max-viewers" => self.max_viewers.to_value(),
            "stun-server" => self.stun_server.to_value(),
            "orphan-timeout" => self.orphan_timeout.to_value(),
            "video-caps" => self.video_caps.to_value(),
            _ => return None,
        })
    }

    /// The camera key, from the property, the file or the environment, in that order; `None` where
    /// there is none and the server is to run here.
    pub(crate) fn key(&self) -> Result<Option<CameraKey>, BadSetting> {
        let (origin, text) = if let Some(text) = &self.camera_key {
            ("camera-key".to_owned(), text.clone())
        } else if let Some(path) = &self.camera_key_file {
            (format!("camera-key-file={path}"), read_key_file(path)?)
        } else if let Some(text) = env::var(KEY_VARIABLE).ok().filter(|text| !text.is_empty()) {
            (KEY_VARIABLE.to_owned(), text)
        } else {
            return Ok(None);
        };
        text.parse()
            .map(Some)
            .map_err(|error| BadSetting::Key { origin, error })
    }

    pub(crate) fn listen(&self) -> Result<SocketAddr, BadSetting> {
        address::parse(&self.listen).map_err(|error| BadSetting::Listen {
            text: self.listen.clone(),
            error,
        })
    }

    pub(crate) fn allowed_hosts(&self) -> Result<Vec<String>, BadSetting> {
        let text = self.allowed_hosts.as_deref().unwrap_or_default();
        address::hosts(text).map_err(|error| BadSetting::AllowedHosts {
            text: text.into(),
            error,
        })
    }

    pub(crate) fn check_stun(&self) -> Result<(), BadSetting> {
        match &self.stun_server {
            Some(text) if !address::is_stun(text) => Err(BadSetting::Stun(text.clone())),
            _ => Ok(()),
        }
    }

    /// The display name, if the user gave one.
    pub(crate) fn given_name(&self) -> Option<&str> {
        self.camera_name
            .as_deref()
            .filter(|name| !name.trim().is_empty())
    }

    /// The display name on the page of this process: what the user gave, or the machine's host name.
    pub(crate) fn name(&self) -> String {
        self.given_name()
            .map_or_else(|| glib::host_name().to_string(), str::to_owned)
    }

    pub(crate) fn orphan_timeout(&self) -> Duration {
        Duration::from_secs(self.orphan_timeout.into())
    }

    pub(crate) fn max_viewers(&self) -> usize {
        usize::try_from(self.max_viewers).unwrap_or(usize::MAX)
    }
}

fn read_key_file(path: &str) -> Result<String, BadSetting> {
    let mut text = String::new();
    fs::File::open(path)
        .and_then(|file| file.take(MAX_KEY_FILE_BYTES).read_to_string(&mut text))
        .map(|_| text)
        .map_err(|error| BadSetting::KeyFile {
            path: path.into(),
            error: error.to_string(),
        })
}

/// What server and camera agree on.
const MOST_VIEWERS: u32 = MAX_SESSIONS_PER_CAMERA as u32;

pub(crate) static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
    vec![
        glib::ParamSpecString::builder("camera-key")
            .nick("Camera key")
            .blurb("Camera key made by `porthole-signaling camera add`. Shows in the process list: prefer camera-key-file or the variable PORTHOLE_CAMERA_KEY. Without a key the server runs in this process")
            .write_only()
            .mutable_ready()
            .build(),
        glib::ParamSpecString::builder("camera-key-file")
            .nick("Camera key file")
            .blurb("File that holds the camera key made by `porthole-signaling camera add`")
            .mutable_ready()
            .build(),
        glib::ParamSpecString::builder("camera-name")
            .nick("Camera name")
            .blurb("Name of the camera as viewers see it. If not set: with a camera key the name it was enrolled under, else the machine's host name")
            .mutable_ready()
            .build(),
        glib::ParamSpecString::builder("listen")
            .nick("Listen address")
            .blurb("ADDRESS:PORT of the page and the signaling server in this process, used when there is no camera key. Port 0 takes a free one. Sinks with the same value share one page")
            .default_value(Some(DEFAULT_LISTEN))
            .mutable_ready()
            .build(),
        glib::ParamSpecBoolean::builder("open-access")
            .nick("Open access")
            .blurb("Let everyone watch who can reach the page, without a token. Only for the server in this process")
            .mutable_ready()
            .build(),
        glib::ParamSpecBoolean::builder("print-link")
            .nick("Print links")
            .blurb("Print the links under which the page of this process is reached to standard error, with the token that lets their holder watch. Message porthole/server on the bus carries them (url, links) all the same")
            .default_value(true)
            .mutable_ready()
            .build(),
        glib::ParamSpecString::builder("allowed-hosts")
            .nick("Allowed hosts")
            .blurb("Names, separated by commas, under which viewers reach the page of this process, besides its addresses and the machine's own name, for example look.example.org")
            .mutable_ready()
            .build(),
        glib::ParamSpecUInt::builder("max-viewers")
            .nick("Most viewers")
            .blurb("Number of viewers at the same time; the next one is told that the camera is full")
            .minimum(1)
            .maximum(MOST_VIEWERS)
            .default_value(DEFAULT_MAX_VIEWERS)
            .mutable_playing()
            .build(),
        glib::ParamSpecString::builder("stun-server")
            .nick("STUN server")
            .blurb("STUN server for viewers outside this network, as stun://HOST:PORT; none if not set")
            .mutable_ready()
            .build(),
        glib::ParamSpecUInt::builder("orphan-timeout")
            .nick("Orphan timeout")
            .blurb("Seconds that running sessions go on while the signaling server is out of reach")
            .minimum(1)
            .maximum(24 * 60 * 60)
            .default_value(DEFAULT_ORPHAN_TIMEOUT)
            .mutable_ready()
            .build(),
        glib::ParamSpecBoxed::builder::<gst::Caps>("video-caps")
            .nick("Video codecs")
            .blurb("Codecs offered to viewers, first the preferred one; for raw video VP8 and H.264 if not set, for encoded video the one that comes in")
            .mutable_ready()
            .build(),
        glib::ParamSpecUInt::builder("viewers")
            .nick("Viewers")
            .blurb("Number of viewers admitted now")
            .read_only()
            .build(),
        glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
            .nick("Statistics")
            .blurb("Viewers, refusals, the state of the server, and for each session its user, permissions, seconds watched and left, and webrtcsink's statistics")
            .read_only()
            .build(),
    ]
});
