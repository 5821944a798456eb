// SPDX-License-Identifier: MPL-2.0
//! The camera key: one opaque line that enrols a camera at a server.
//!
//! Form: `phk1.` and the unpadded base64url of a JSON object `{url, id, secret, grantKey, ca}`. It holds a
//! secret: it belongs in a file only the camera can read, never in a process list or a log.

use std::{fmt, str::FromStr};

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::grant::GrantKey;

/// How a camera key begins; the digit is the version of its form.
pub const KEY_PREFIX: &str = "phk1.";

/// Longest camera id, in characters: it stands in URLs, logs and every grant.
pub const MAX_ID_CHARS: usize = 64;

/// What a camera needs to know of its server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CameraKey {
    /// The server's address, `http://` or `https://`.
    pub url: Url,
    /// The camera's id at that server.
    pub id: String,
    /// The camera's secret, sent as a bearer token (RFC 6750) when it connects.
    pub secret: String,
    /// The key that the server signs grants with.
    pub grant_key: GrantKey,
    /// The certificates that the server's must be signed by, for a server with a private one; those of the system if
    /// there are none here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ca: Vec<Certificate>,
}

/// A certificate (X.509, DER). In JSON as unpadded base64url.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate(pub Vec<u8>);

impl Serialize for Certificate {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&BASE64_URL_SAFE_NO_PAD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Certificate {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(String::deserialize(d)?);
        bytes.map(Self).map_err(serde::de::Error::custom)
    }
}

impl fmt::Debug for CameraKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CameraKey")
            .field("url", &self.url.as_str())
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for CameraKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json = serde_json::to_vec(self).map_err(|_| fmt::Error)?;
        write!(f, "{KEY_PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(json))
    }
}

/// Why a text is not a camera key. None of these shows any of the text, which may be a secret.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    /// It does not begin as a camera key does.
    #[error("a camera key begins with \"{KEY_PREFIX}\"")]
    Prefix,
    /// It was cut off or changed on the way.
    #[error("the camera key is damaged: was it copied whole?")]
    Damaged,
    /// The server's address is not http or https.
    #[error("the server's address in the camera key is not http:// or https://")]
    Scheme,
}

impl FromStr for CameraKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let body = text
            .trim()
            .strip_prefix(KEY_PREFIX)
            .ok_or(KeyError::Prefix)?;
        let json = BASE64_URL_SAFE_NO_PAD
            .decode(body)
            .map_err(|_| KeyError::Damaged)?;
        let key: Self = serde_json::from_slice(&json).map_err(|_| KeyError::Damaged)?;
        if !is_camera_id(&key.id) {
            return Err(KeyError::Damaged);
        }
        match key.url.scheme() {
            "http" | "https" => Ok(key),
            _ => Err(KeyError::Scheme),
        }
    }
}

impl CameraKey {
    /// The address of the server's WebSocket.
    pub fn websocket_url(&self) -> Url {
        let mut url = self.url.clone();
        let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
        // Both are special schemes, between which the URL standard allows a change.
        let _ = url.set_scheme(scheme);
        let path = format!("{}/ws", url.path().trim_end_matches('/'));
        url.set_path(&path);
        url
    }
}

/// Whether `id` can name a camera: 1 to [`MAX_ID_CHARS`] of `a-z 0-9 -`.
pub fn is_camera_id(id: &str) -> bool {
    (1..=MAX_ID_CHARS).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// Makes a camera id of a name people gave: `Front door` becomes `front-door`. Empty if nothing is left.
pub fn slug(name: &str) -> String {
    let words: String = name
        .to_lowercase()
        .chars()
        .map(|c| {
            if c.is_ascii_lowercase() || c.is_ascii_digit() {
                c
            } else {
                '-'
            }
        })
        .take(MAX_ID_CHARS)
        .collect();
    words
        .split('-')
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::GrantSigner;

    fn key() -> CameraKey {
        CameraKey {
            url: Url::parse("https://example.org/base/").unwrap(),
            id: "front".into(),
            secret: "s3cret".into(),
            grant_key: GrantSigner::generate().unwrap().public_key(),
            ca: vec![Certificate(vec![1, 2, 3])],
        }
    }

    #[test]
    fn a_key_reads_back_from_its_text() {
        let key = key();
        let text = format!(" {}\n", key_text(&key));
        assert_eq!(text.parse::<CameraKey>().unwrap(), key);
    }

    fn key_text(key: &CameraKey) -> String {
        key.to_string()
    }

    #[test]
    fn garbage_and_cut_keys_say_what_is_wrong() {
        assert_eq!("hello".parse::<CameraKey>(), Err(KeyError::Prefix));
        let text = key_text(&key());
        assert_eq!(
            text[..text.len() - 9].parse::<CameraKey>(),
            Err(KeyError::Damaged)
        );
    }

    #[test]
    fn debug_output_does_not_hold_the_secret() {
        assert!(!format!("{:?}", key()).contains("s3cret"));
    }

    #[test]
    fn the_websocket_address_follows_the_scheme_and_keeps_the_path() {
        assert_eq!(key().websocket_url().as_str(), "wss://example.org/base/ws");
    }

    #[test]
    fn a_name_becomes_an_id() {
        assert_eq!(slug("  Front door #2 "), "front-door-2");
        assert!(is_camera_id(&slug("Front door")));
        assert!(!is_camera_id("Front door") && !is_camera_id(""));
    }
}
