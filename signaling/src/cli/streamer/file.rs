// SPDX-License-Identifier: MPL-2.0
//! The configuration file of the dual-camera streamer, as it is. Pure.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

use crate::cli::Failure;
use crate::cli::mistake::located;
use crate::cli::nearest::nearest;

/// Cameras in one file: more than anyone plugs into one machine, and each is a process.
const MAX_CAMERAS: usize = 16;
/// Longest side of a picture.
const MAX_SIDE: u32 = 16_384;
const MAX_FPS: u32 = 1000;

/// What the file says.
#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) server: ServerTable,
    pub(super) video: VideoTable,
    pub(super) webrtc: WebrtcTable,
    /// By the names of their tables.
    pub(super) cameras: BTreeMap<String, CameraTable>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ServerTable {
    #[serde(alias = "web_port")]
    pub(super) web_port: u16,
    #[serde(alias = "bind_ip")]
    pub(super) bind_ip: IpAddr,
}

impl Default for ServerTable {
    fn default() -> Self {
        Self {
            web_port: 8080,
            bind_ip: Ipv4Addr::UNSPECIFIED.into(),
        }
    }
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct CameraTable {
    /// A path, a number as in `/dev/video0`, or any other camera of `portholesrc`.
    #[serde(default = "first_device", deserialize_with = "device")]
    pub(super) device: String,
    #[serde(default, deserialize_with = "side")]
    pub(super) width: Option<u32>,
    #[serde(default, deserialize_with = "side")]
    pub(super) height: Option<u32>,
    #[serde(default, alias = "framerate", deserialize_with = "fps")]
    pub(super) fps: Option<u32>,
    /// Where this camera alone is reached by WebSocket.
    #[serde(alias = "webrtc_port")]
    pub(super) webrtc_port: Option<u16>,
    #[serde(default, alias = "flip_method")]
    pub(super) flip_method: Flip,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct VideoTable {
    #[serde(deserialize_with = "codec")]
    pub(super) codec: Option<String>,
    /// In kbit/s, or in bit/s if it is a number that only makes sense so.
    pub(super) bitrate: Option<u32>,
    /// In pictures.
    #[serde(alias = "keyframe_interval")]
    pub(super) keyframe_interval: Option<u32>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WebrtcTable {
    #[serde(alias = "stun_server", deserialize_with = "stun")]
    pub(super) stun_server: Option<String>,
    #[serde(alias = "max_clients", deserialize_with = "clients")]
    pub(super) max_clients: Option<u32>,
}

/// A way to turn the picture, by the names and numbers of `videoflip`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flip(usize);

/// What `videoflip` calls them, and what GStreamer's video direction does.
const FLIPS: [(&str, &str); 9] = [
    ("none", "identity"),
    ("clockwise", "90r"),
    ("rotate-180", "180"),
    ("counterclockwise", "90l"),
    ("horizontal-flip", "horiz"),
    ("vertical-flip", "vert"),
    ("upper-left-diagonal", "ul-lr"),
    ("upper-right-diagonal", "ur-ll"),
    ("automatic", "auto"),
];

impl Flip {
    /// For `video-direction`; `None` if the picture stays as it is.
    pub(super) fn direction(self) -> Option<&'static str> {
        let (_, direction) = FLIPS.get(self.0)?;
        (self.0 > 0).then_some(direction)
    }
}

impl<'de> Deserialize<'de> for Flip {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(untagged)]
        enum Said {
            Number(usize),
            Name(String),
        }
        let number = match Said::deserialize(d)? {
            Said::Number(number) => Some(number).filter(|number| *number < FLIPS.len()),
            Said::Name(name) => FLIPS
                .iter()
                .position(|(known, direction)| *known == name || *direction == name),
        };
        number.map(Self).ok_or_else(|| {
            let names = FLIPS.map(|(name, _)| name).join(", ");
            D::Error::custom(format!("use one of {names}, or its number, 0 to 8"))
        })
    }
}

impl File {
    pub(super) fn parse(text: &str, path: &Path) -> Result<Self, Failure> {
        let parsed = toml_edit::de::from_str::<Self>(text);
        let file =
            parsed.map_err(|e| Failure::Input(located(path, text, e.span(), e.message())))?;
        file.check()
            .map_err(|e| Failure::Input(format!("{}: {e}", path.display())))?;
        Ok(file)
    }

    fn check(&self) -> Result<(), String> {
        if self.cameras.is_empty() {
            return Err("there is no camera: add a table [camera1]".to_owned());
        }
        if self.cameras.len() > MAX_CAMERAS {
            return Err(format!("there are more than {MAX_CAMERAS} cameras"));
        }
        let mut ports = vec![("[server] web-port", self.server.web_port)];
        for (name, camera) in &self.cameras {
            let Some(port) = camera.webrtc_port else {
                continue;
            };
            // Port 0 is a free one each time.
            if let Some((other, _)) = ports.iter().find(|(_, of)| *of == port && port != 0) {
                return Err(format!("[{name}] webrtc-port is that of {other}: {port}"));
            }
            ports.push((name, port));
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for File {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Tables;
        impl<'de> Visitor<'de> for Tables {
            type Value = File;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("tables")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<File, A::Error> {
                let mut file = File::default();
                while let Some(name) = map.next_key::<String>()? {
                    match name.as_str() {
                        "server" => file.server = map.next_value()?,
                        "video" => file.video = map.next_value()?,
                        "webrtc" => file.webrtc = map.next_value()?,
                        _ if is_camera(&name) => {
                            file.cameras.insert(name, map.next_value()?);
                        }
                        _ => return Err(unknown(&name)),
                    }
                }
                Ok(file)
            }
        }
        d.deserialize_map(Tables)
    }
}

fn is_camera(name: &str) -> bool {
    let number = name.strip_prefix("camera");
    number.is_some_and(|n| (1..=3).contains(&n.len()) && n.bytes().all(|b| b.is_ascii_digit()))
}

fn unknown<E: serde::de::Error>(name: &str) -> E {
    const TABLES: [&str; 5] = ["server", "camera1", "camera2", "video", "webrtc"];
    match nearest(name, TABLES.into_iter()) {
        Some(nearest) => E::custom(format!("unknown table [{name}]: did you mean [{nearest}]?")),
        None => E::custom(format!(
            "unknown table [{name}]: there are [server], [camera1], [camera2] and so on, [video] and [webrtc]"
        )),
    }
}

fn first_device() -> String {
    "/dev/video0".to_owned()
}

fn device<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Said {
        Number(u8),
        Path(String),
    }
    let device = match Said::deserialize(d)? {
        Said::Number(number) => format!("/dev/video{number}"),
        Said::Path(path) => path,
    };
    if device.is_empty() || device.chars().any(char::is_control) {
        return Err(D::Error::custom("use a device such as /dev/video0"));
    }
    Ok(device)
}

fn within(value: u32, max: u32, what: &str) -> Result<Option<u32>, String> {
    match (1..=max).contains(&value) {
        true => Ok(Some(value)),
        false => Err(format!("use 1 to {max}{what}")),
    }
}

fn side<'de, D: Deserializer<'de>>(d: D) -> Result<Option<u32>, D::Error> {
    within(u32::deserialize(d)?, MAX_SIDE, " pixels").map_err(D::Error::custom)
}

fn fps<'de, D: Deserializer<'de>>(d: D) -> Result<Option<u32>, D::Error> {
    within(u32::deserialize(d)?, MAX_FPS, " pictures a second").map_err(D::Error::custom)
}

fn clients<'de, D: Deserializer<'de>>(d: D) -> Result<Option<u32>, D::Error> {
    within(u32::deserialize(d)?, 64, " viewers of each camera").map_err(D::Error::custom)
}

fn codec<'de, D: Deserializer<'de>>(d: D) -> Result<Option<String>, D::Error> {
    const CODECS: [&str; 6] = ["auto", "h264", "vp8", "vp9", "av1", "h265"];
    let said = String::deserialize(d)?;
    let codec = said.to_ascii_lowercase();
    if CODECS.contains(&codec.as_str()) {
        return Ok(Some(codec));
    }
    let error = match nearest(&codec, CODECS.into_iter()) {
        Some(nearest) => format!("unknown codec \"{said}\": did you mean \"{nearest}\"?"),
        None => format!("unknown codec \"{said}\": use one of {}", CODECS.join(", ")),
    };
    Err(D::Error::custom(error))
}

/// As a browser writes it; GStreamer's way has two slashes more.
fn stun<'de, D: Deserializer<'de>>(d: D) -> Result<Option<String>, D::Error> {
    let said = String::deserialize(d)?;
    if said.is_empty() {
        return Ok(None);
    }
    let host = said.strip_prefix("stun:").unwrap_or(&said);
    let host = host.trim_start_matches('/');
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    if host.is_empty() || !host.chars().all(is_host) {
        return Err(D::Error::custom("use stun://HOST:PORT"));
    }
    Ok(Some(format!("stun:{host}")))
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
