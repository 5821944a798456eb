// SPDX-License-Identifier: MPL-2.0
//! What the user asked of `portholesink`, and what of it makes sense. The properties are declared in `imp`.

use std::{
    env, fs,
    io::{self, Read as _},
    net::SocketAddr,
    time::Duration,
};

use gst::glib;
use porthole_protocol::{
    key::{CameraKey, KeyError},
    limits::MAX_SESSIONS_PER_CAMERA,
};

use porthole_signaling::SecretDigest;
use url::Url;

use super::address;
use crate::{
    gateway::address::Address,
    ladder::{Bitrates, Config, codec::Codec, rendition::BadRenditions},
    signaller::whip::Target,
    talk::Mode,
};

/// Reachable on the whole network by the port people expect of a small web server.
pub(crate) const LISTEN: &str = "0.0.0.0:8080";
/// A Pi encodes for about this many; more is the operator's decision.
pub(crate) const MAX_VIEWERS: u32 = 16;
/// As many as the server sends to one camera.
pub(crate) const MOST_VIEWERS: u32 = MAX_SESSIONS_PER_CAMERA as u32;
/// Long enough for a server's restart, short enough that cutting the link does not outlive a revocation.
pub(crate) const ORPHAN_TIMEOUT: u32 = 60;
/// A day: more is no bound.
pub(crate) const LONGEST_ORPHAN_TIMEOUT: u32 = 24 * 60 * 60;
/// Every browser has one of them, and hardware of most machines encodes the first.
const AUTO_CODECS: [Codec; 2] = [Codec::H264, Codec::Vp8];
/// The best there is.
pub(crate) const AUTO: &str = "auto";
/// Where the smallest rendition still shows something.
pub(crate) const MIN_BITRATE: u32 = 60_000;
/// What a wired network carries and no browser needs.
pub(crate) const MAX_BITRATE: u32 = 20_000_000;
/// What upstream's webrtcsink starts from: most networks carry it.
pub(crate) const START_BITRATE: u32 = 2_048_000;
/// The bounds of congestion control (`pacer`).
pub(crate) const LEAST_START_BITRATE: u32 = 30_000;
pub(crate) const MOST_START_BITRATE: u32 = 50_000_000;
/// A minute: who waits that long for a key unit has asked for one.
pub(crate) const LONGEST_KEYFRAME_INTERVAL: u32 = 60;
/// A robot that goes 1 m/s is half a metre further: the most that a driver who is gone may cost.
pub(crate) const CONTROL_TIMEOUT: u32 = 500;
/// Below this an ordinary network's jitter takes the wheel away.
pub(crate) const SHORTEST_CONTROL_TIMEOUT: u32 = 100;
/// Above this nobody would call it one.
pub(crate) const LONGEST_CONTROL_TIMEOUT: u32 = 10_000;
/// A token of fewer characters can be guessed.
const SHORTEST_TOKEN: usize = 16;
/// A camera key is about 300 bytes: a longer file is another file.
const MAX_KEY_FILE_BYTES: u64 = 8 * 1024;
/// Environment variable with the camera key.
const KEY_VARIABLE: &str = "PORTHOLE_CAMERA_KEY";

/// Not `Debug`, since it holds the camera key.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) camera_key: Option<String>,
    pub(crate) camera_key_file: Option<String>,
    pub(crate) camera_name: Option<String>,
    pub(crate) listen: String,
    pub(crate) data_dir: Option<String>,
    pub(crate) open_access: bool,
    pub(crate) print_link: bool,
    pub(crate) allowed_hosts: Option<String>,
    pub(crate) max_viewers: u32,
    pub(crate) stun_server: Option<String>,
    pub(crate) upnp: bool,
    pub(crate) whep: bool,
    pub(crate) orphan_timeout: u32,
    pub(crate) video_caps: Option<gst::Caps>,
    pub(crate) codec: String,
    pub(crate) renditions: String,
    pub(crate) bitrate: u32,
    pub(crate) min_bitrate: u32,
    pub(crate) max_bitrate: u32,
    pub(crate) start_bitrate: u32,
    pub(crate) keyframe_interval: u32,
    pub(crate) gateway: Option<String>,
    pub(crate) gateway_token_file: Option<String>,
    pub(crate) control_timeout: u32,
    pub(crate) talk: String,
    pub(crate) talk_ducks: bool,
    pub(crate) ring_tones: bool,
    pub(crate) ring_sound: Option<String>,
    pub(crate) coming_sound: Option<String>,
    pub(crate) nobody_sound: Option<String>,
    pub(crate) words_voice: Option<String>,
    pub(crate) whip: Option<String>,
    pub(crate) whip_token_file: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            camera_key: None,
            camera_key_file: None,
            camera_name: None,
            listen: LISTEN.into(),
            data_dir: None,
            open_access: false,
            print_link: true,
            allowed_hosts: None,
            max_viewers: MAX_VIEWERS,
            stun_server: None,
            upnp: false,
            whep: false,
            orphan_timeout: ORPHAN_TIMEOUT,
            video_caps: None,
            codec: AUTO.into(),
            renditions: AUTO.into(),
            bitrate: 0,
            min_bitrate: MIN_BITRATE,
            max_bitrate: MAX_BITRATE,
            start_bitrate: START_BITRATE,
            keyframe_interval: 0,
            gateway: None,
            gateway_token_file: None,
            control_timeout: CONTROL_TIMEOUT,
            talk: Mode::ONE.into(),
            talk_ducks: false,
            ring_tones: true,
            ring_sound: None,
            coming_sound: None,
            nobody_sound: None,
            words_voice: None,
            whip: None,
            whip_token_file: None,
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
    #[error(
        "codec={0}: give auto, or one or more of h264, vp8, vp9, av1, h265 separated by commas, the best first"
    )]
    Codec(String),
    #[error(
        "video-caps={0}: none of it is a codec that viewers can be sent; say codec=h264,vp8 in its place"
    )]
    VideoCaps(String),
    #[error("renditions={text}: {error}")]
    Renditions { text: String, error: BadRenditions },
    #[error("gateway={text}: {error}")]
    Gateway {
        text: String,
        error: crate::gateway::address::BadAddress,
    },
    #[error("gateway-token-file is for gateway, which is not set; set it, or drop this one")]
    TokenForNothing,
    #[error(
        "gateway-token-file={path}: {error}. Give a file whose first line is a token, as made by: openssl rand -hex 16"
    )]
    TokenFile { path: String, error: String },
    #[error("talk={0}: give one (one viewer is heard, the next waits) or mix (all are heard)")]
    Talk(String),
    #[error(
        "whip={0}: give the address of a WHIP endpoint, for example https://sfu.example.org/front/whip"
    )]
    Whip(String),
    #[error("whip-token-file is for whip, which is not set; set it, or drop this one")]
    WhipTokenForNothing,
    #[error(
        "whip-token-file={path}: {error}. Give a file whose first line is the token that the SFU wants"
    )]
    WhipTokenFile { path: String, error: String },
    #[error("min-bitrate={0} is above max-bitrate={1}; give a smaller one")]
    Bitrates(u32, u32),
}

impl Settings {
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

    /// Where programs connect, and the token they show.
    pub(crate) fn gateway(&self) -> Result<Option<(Address, Option<SecretDigest>)>, BadSetting> {
        let token = match &self.gateway_token_file {
            Some(_) if self.gateway.is_none() => return Err(BadSetting::TokenForNothing),
            Some(path) => Some(read_token(path)?),
            None => None,
        };
        let Some(text) = self.gateway.as_deref() else {
            return Ok(None);
        };
        let address = Address::parse(text, token.is_some()).map_err(|error| {
            let text = text.into();
            BadSetting::Gateway { text, error }
        })?;
        Ok(Some((address, token)))
    }

    pub(crate) fn control_timeout(&self) -> Duration {
        Duration::from_millis(self.control_timeout.into())
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

    /// What the ladder is to make.
    pub(crate) fn ladder(&self) -> Result<Config, BadSetting> {
        if self.min_bitrate > self.max_bitrate {
            return Err(BadSetting::Bitrates(self.min_bitrate, self.max_bitrate));
        }
        let renditions = self.renditions.parse().map_err(|error| {
            let text = self.renditions.clone();
            BadSetting::Renditions { text, error }
        })?;
        Ok(Config {
            codecs: self.codecs()?,
            renditions,
            bitrates: self.bitrates(),
            keyframe_interval: self.keyframe_interval,
        })
    }

    /// What may change while playing, where one of two bounds may come before the other.
    pub(crate) fn bitrates(&self) -> Bitrates {
        Bitrates {
            best: self.bitrate(),
            min: self.min_bitrate.min(self.max_bitrate),
            max: self.max_bitrate,
            start: self.start_bitrate,
        }
    }

    /// What the best rendition may cost, if the user said so.
    pub(crate) fn bitrate(&self) -> Option<u32> {
        (self.bitrate > 0).then_some(self.bitrate)
    }

    /// Best first.
    fn codecs(&self) -> Result<Vec<Codec>, BadSetting> {
        if let Some(caps) = &self.video_caps {
            let named = |s: &gst::StructureRef| Codec::of_caps(&gst::Caps::from(s.to_owned()));
            let codecs: Vec<Codec> = caps.iter().filter_map(named).collect();
            return match codecs.is_empty() {
                true => Err(BadSetting::VideoCaps(caps.to_string())),
                false => Ok(codecs),
            };
        }
        if self.codec == AUTO {
            return Ok(AUTO_CODECS.to_vec());
        }
        let find = |name: &str| {
            Codec::ALL
                .into_iter()
                .find(|codec| codec.name() == name.trim())
        };
        let mut codecs = Vec::new();
        for name in self.codec.split(',') {
            let codec = find(name).ok_or_else(|| BadSetting::Codec(self.codec.clone()))?;
            if !codecs.contains(&codec) {
                codecs.push(codec);
            }
        }
        Ok(codecs)
    }

    pub(crate) fn talk(&self) -> Result<Mode, BadSetting> {
        let bad = |()| BadSetting::Talk(self.talk.clone());
        self.talk.parse().map_err(bad)
    }

    /// The SFU that has the picture as well.
    pub(crate) fn whip(&self) -> Result<Option<Target>, BadSetting> {
        let Some(text) = self.whip.as_deref().filter(|text| !text.is_empty()) else {
            return match &self.whip_token_file {
                Some(_) => Err(BadSetting::WhipTokenForNothing),
                None => Ok(None),
            };
        };
        let url = Url::parse(text).ok().filter(|url| {
            matches!(url.scheme(), "http" | "https") && url.has_host() && url.password().is_none()
        });
        let url = url.ok_or_else(|| BadSetting::Whip(without_secrets(text)))?;
        let token = self.whip_token_file.as_deref().map(read_whip_token);
        Ok(Some(Target {
            url,
            token: token.transpose()?,
        }))
    }

    pub(crate) fn orphan_timeout(&self) -> Duration {
        Duration::from_secs(self.orphan_timeout.into())
    }

    pub(crate) fn max_viewers(&self) -> usize {
        usize::try_from(self.max_viewers).unwrap_or(usize::MAX)
    }
}

fn read_key_file(path: &str) -> Result<String, BadSetting> {
    read_short(path).map_err(|error| BadSetting::KeyFile {
        path: path.into(),
        error: error.to_string(),
    })
}

/// An address as the log may have it.
fn without_secrets(text: &str) -> String {
    let end = text.find(['?', '#']).unwrap_or(text.len());
    let shown = &text[..end];
    match (shown.find("://"), shown.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => {
            format!("{}...{}", &shown[..scheme + 3], &shown[at..])
        }
        _ => shown.to_owned(),
    }
}

fn read_whip_token(path: &str) -> Result<String, BadSetting> {
    let bad = |error: String| BadSetting::WhipTokenFile {
        path: path.into(),
        error,
    };
    let text = read_short(path).map_err(|error| bad(error.to_string()))?;
    match text.lines().next().map(str::trim) {
        Some(token) if !token.is_empty() => Ok(token.to_owned()),
        _ => Err(bad("its first line is empty".to_owned())),
    }
}

fn read_token(path: &str) -> Result<SecretDigest, BadSetting> {
    let bad = |error: String| BadSetting::TokenFile {
        path: path.into(),
        error,
    };
    let text = read_short(path).map_err(|error| bad(error.to_string()))?;
    let token = text.lines().next().unwrap_or_default().trim();
    if token.len() < SHORTEST_TOKEN {
        let short = format!("the token has fewer than {SHORTEST_TOKEN} characters");
        return Err(bad(short));
    }
    Ok(SecretDigest::of(token))
}

fn read_short(path: &str) -> io::Result<String> {
    let mut text = String::new();
    let file = fs::File::open(path)?;
    file.take(MAX_KEY_FILE_BYTES).read_to_string(&mut text)?;
    Ok(text)
}
