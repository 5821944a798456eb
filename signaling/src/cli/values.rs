// SPDX-License-Identifier: MPL-2.0
//! The values of a configuration file: how each is written, and what it is where nothing is said.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ipnet::IpNet;
use porthole_protocol::grant::{MAX_LEASE_SECONDS, Permission};
use porthole_protocol::key::is_camera_id;
use serde::de::{Deserialize, Deserializer, Error as _};
use url::Url;

use crate::hosts::check_url;
use crate::registry::SecretDigest;
use crate::rights::{DEFAULT_LEASE_SECONDS, GUEST};
use crate::room::{MAX_CAMERAS, MAX_VIEWERS};
use crate::server::{
    DEFAULT_AUDIT_DAYS, DEFAULT_AUDIT_ROWS, DEFAULT_CALL_DAYS, DEFAULT_CALL_SNAPSHOTS,
};

/// Where a server listens for which nothing is said: for the same machine alone.
pub(super) const DEFAULT_LISTEN: SocketAddr =
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

pub(super) fn default_listen() -> SocketAddr {
    DEFAULT_LISTEN
}

pub(super) fn listen<'de, D: Deserializer<'de>>(d: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(d)?;
    text.parse().map_err(|_| {
        let problem = match text.parse::<IpAddr>() {
            Ok(_) => "the port is missing",
            Err(_) => "this is no address with a port",
        };
        D::Error::custom(format!(
            "{problem}: write it as 127.0.0.1:8080 or [::1]:8080"
        ))
    })
}

pub(super) fn metrics_listen<'de, D: Deserializer<'de>>(
    d: D,
) -> Result<Option<SocketAddr>, D::Error> {
    listen(d).map(Some)
}

pub(super) fn default_max_cameras() -> usize {
    MAX_CAMERAS
}

pub(super) fn default_max_viewers() -> usize {
    MAX_VIEWERS
}

pub(super) fn default_audit_days() -> u16 {
    DEFAULT_AUDIT_DAYS
}

pub(super) fn default_audit_rows() -> u64 {
    DEFAULT_AUDIT_ROWS
}

pub(super) fn default_call_days() -> u16 {
    DEFAULT_CALL_DAYS
}

pub(super) fn default_call_snapshots() -> u64 {
    DEFAULT_CALL_SNAPSHOTS
}

pub(super) fn default_perms() -> Vec<Permission> {
    vec![Permission::View, Permission::Listen]
}

pub(super) fn default_lease() -> u32 {
    DEFAULT_LEASE_SECONDS
}

pub(super) fn camera_id<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    let id = String::deserialize(d)?;
    if is_camera_id(&id) {
        Ok(id)
    } else {
        Err(D::Error::custom("use 1 to 64 of a-z, 0-9 and -"))
    }
}

pub(super) fn user<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    let name = String::deserialize(d)?;
    check_user(&name).map_err(D::Error::custom)?;
    Ok(name)
}

/// Whether a viewer can have this name.
pub(super) fn check_user(name: &str) -> Result<(), &'static str> {
    match name {
        GUEST => Err("\"guest\" stands for those without a link: choose another name"),
        _ if name.is_empty() || name.len() > MAX_USER_BYTES => Err("use 1 to 64 characters"),
        _ if name.chars().any(char::is_control) => Err("a name has no control characters"),
        _ => Ok(()),
    }
}

/// Longest name of a viewer: it stands in every grant and log line.
const MAX_USER_BYTES: usize = 64;

pub(super) fn sha256<'de, D: Deserializer<'de>>(d: D) -> Result<SecretDigest, D::Error> {
    let text = String::deserialize(d)?;
    SecretDigest::from_hex(&text).ok_or_else(|| D::Error::custom("use 64 hexadecimal digits"))
}

pub(super) fn lease<'de, D: Deserializer<'de>>(d: D) -> Result<u32, D::Error> {
    let seconds = u32::deserialize(d)?;
    check_lease(seconds).map_err(D::Error::custom)?;
    Ok(seconds)
}

/// Whether a session can last this long.
pub(super) fn check_lease(seconds: u32) -> Result<(), String> {
    match seconds {
        1..=MAX_LEASE_SECONDS => Ok(()),
        _ => Err(format!("use 1 to {MAX_LEASE_SECONDS} seconds")),
    }
}

pub(super) fn http_url<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Url>, D::Error> {
    let text = String::deserialize(d)?;
    let url: Url = text.parse().map_err(|e| match e {
        url::ParseError::RelativeUrlWithoutBase => D::Error::custom(format!(
            "begin it with https:// or http://, as in https://{text}"
        )),
        e => D::Error::custom(e),
    })?;
    check_url(&url).map_err(D::Error::custom)?;
    Ok(Some(url))
}

/// Addresses or networks.
pub(super) fn networks<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<IpNet>, D::Error> {
    let texts = Vec::<String>::deserialize(d)?;
    let network = |text: &String| {
        let network = text.parse::<IpNet>().ok();
        network.or_else(|| Some(text.parse::<IpAddr>().ok()?.into()))
    };
    let networks = texts.iter().map(network).collect::<Option<_>>();
    networks.ok_or_else(|| {
        D::Error::custom("use addresses such as 10.0.0.1 or networks such as 10.0.0.0/8")
    })
}
