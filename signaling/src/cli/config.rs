// SPDX-License-Identifier: MPL-2.0
//! The configuration file. Each key is explained in `config.example.toml`.

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use porthole_protocol::grant::Permission;
use porthole_protocol::wire::IceServer;
use url::Url;

use super::Failure;
use super::adapters::{SocketIoTable, ThreeServiceTable};
use super::auth::AuthTable;
#[cfg(feature = "cluster")]
use super::cluster::ClusterTable;
use super::doorbell::{DoNotDisturbTable, DoorbellTable, doorbells};
use super::embed::EmbedTable;
use super::mistake::located;
use super::notifiers::{NotifyTable, notifiers};
use super::sfu::SfuTable;
use super::turn::TurnTable;
use super::values::{
    camera_id, default_audit_days, default_audit_rows, default_call_days, default_call_snapshots,
    default_lease, default_listen, default_max_cameras, default_max_viewers, default_perms,
    http_url, lease, listen, metrics_listen, networks, sha256, user,
};
use super::whep::WhepTable;
use crate::adapters::AdapterOptions;
use crate::backend::Backend;
#[cfg(feature = "cluster")]
use crate::cluster::ClusterOptions;
use crate::hosts::Hosts;
use crate::notify::NotifyOptions;
use crate::openid::OpenidOptions;
use crate::registry::{CameraEntry, SecretDigest, ViewerEntry};
use crate::rights::Cameras;
use crate::room::Doorbells;
use crate::sfu::SfuOptions;
use crate::tls::TlsFiles;
use crate::turn::Turn;
use crate::whep::WhepOptions;

/// A configuration file that was read and makes sense.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Where to listen.
    #[serde(default = "default_listen", deserialize_with = "listen")]
    pub listen: SocketAddr,
    /// Where the metrics are for whoever asks.
    #[serde(default, deserialize_with = "metrics_listen")]
    pub metrics_listen: Option<SocketAddr>,
    /// Where the server is reached from outside.
    #[serde(default, deserialize_with = "http_url")]
    pub url: Option<Url>,
    /// Further host names the server answers to.
    #[serde(default)]
    pub allowed_hosts: Vec<String>,
    /// Proxies whose forwarded headers are believed.
    #[serde(default, deserialize_with = "networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// Lets everybody see and hear all cameras.
    #[serde(default)]
    pub open_access: bool,
    data_dir: Option<PathBuf>,
    database: Option<DatabaseTable>,
    #[cfg(feature = "cluster")]
    cluster: Option<ClusterTable>,
    /// Cameras that can be enrolled.
    #[serde(default = "default_max_cameras")]
    pub max_cameras: usize,
    /// Viewers that can be connected at a time.
    #[serde(default = "default_max_viewers")]
    pub max_viewers: usize,
    /// Of whom a second factor is asked.
    #[serde(default)]
    pub second_factor: SecondFactorOf,
    /// Days for which the audit log is kept.
    #[serde(default = "default_audit_days")]
    pub audit_days: u16,
    /// Entries of the audit log that are kept.
    #[serde(default = "default_audit_rows")]
    pub audit_rows: u64,
    /// Days for which calls of doorbells and their pictures are kept.
    #[serde(default = "default_call_days")]
    pub call_days: u16,
    /// Pictures of calls that are kept.
    #[serde(default = "default_call_snapshots")]
    pub call_snapshots: u64,
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    #[serde(default, rename = "ice-server")]
    ice_servers: Vec<IceServerTable>,
    turn: Option<TurnTable>,
    auth: Option<AuthTable>,
    socketio: Option<SocketIoTable>,
    three_service: Option<ThreeServiceTable>,
    sfu: Option<SfuTable>,
    whep: Option<WhepTable>,
    #[serde(default)]
    embed: EmbedTable,
    #[serde(default, rename = "doorbell")]
    doorbells: Vec<DoorbellTable>,
    #[serde(default)]
    do_not_disturb: Vec<DoNotDisturbTable>,
    #[serde(default)]
    notify: Vec<NotifyTable>,
    #[serde(default, rename = "camera")]
    cameras: Vec<CameraTable>,
    #[serde(default, rename = "viewer")]
    viewers: Vec<ViewerTable>,
}

/// Of whom a second factor is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecondFactorOf {
    /// Of nobody.
    #[default]
    Nobody,
    /// Of administrators with an account here.
    Administrators,
}

#[derive(serde::Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct DatabaseTable {
    url: String,
}

impl fmt::Debug for DatabaseTable {
    /// The address may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseTable(..)")
    }
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct IceServerTable {
    urls: Vec<String>,
    username: Option<String>,
    credential: Option<String>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CameraTable {
    #[serde(deserialize_with = "camera_id")]
    id: String,
    name: String,
    #[serde(deserialize_with = "sha256")]
    secret_sha256: SecretDigest,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ViewerTable {
    #[serde(deserialize_with = "user")]
    name: String,
    #[serde(deserialize_with = "sha256")]
    token_sha256: SecretDigest,
    cameras: Option<BTreeSet<String>>,
    #[serde(default = "default_perms")]
    perms: Vec<Permission>,
    #[serde(default = "default_lease", deserialize_with = "lease")]
    lease: u32,
}

impl Config {
    /// Reads the text of the file at `path`.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Failure> {
        let config: Self = toml_edit::de::from_str(text)
            .map_err(|e| Failure::Input(located(path, text, e.span(), e.message())))?;
        config
            .check()
            .map_err(|e| Failure::Input(format!("{}: {e}", path.display())))?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        let twice = |names: Vec<&str>| {
            let mut seen = BTreeSet::new();
            names
                .into_iter()
                .find(|name| !seen.insert(*name))
                .map(str::to_owned)
        };
        if let Some(id) = twice(
            self.cameras
                .iter()
                .map(|camera| camera.id.as_str())
                .collect(),
        ) {
            return Err(format!(
                "[[camera]] id = \"{id}\" is there twice: remove one"
            ));
        }
        if let Some(name) = twice(self.viewers.iter().map(|v| v.name.as_str()).collect()) {
            return Err(format!(
                "[[viewer]] name = \"{name}\" is there twice: remove one"
            ));
        }
        let max = self.max_cameras;
        if self.cameras.len() > max {
            return Err(format!(
                "[[camera]]: there are more than max-cameras, {max}"
            ));
        }
        #[cfg(feature = "cluster")]
        if let Some(cluster) = &self.cluster {
            let checked = cluster.check(self.is_shared());
            checked.map_err(|error| format!("[cluster]: {error}"))?;
        }
        self.doorbells()?;
        self.notify.iter().try_for_each(NotifyTable::check)?;
        Hosts::new(self.url.as_ref(), &self.allowed_hosts, "")?;
        if self.tls_cert.is_some() != self.tls_key.is_some() {
            return Err("tls-cert and tls-key belong together: give both or neither".to_owned());
        }
        Ok(())
    }

    /// The data directory, its path taken from where the file at `path` is.
    pub fn data_dir(&self, path: &Path) -> Option<PathBuf> {
        let folder = path.parent().unwrap_or(Path::new(""));
        self.data_dir.as_ref().map(|dir| folder.join(dir))
    }

    /// The address of a database that is not in the data directory.
    pub fn database_url(&self) -> Option<&str> {
        self.database.as_ref().map(|table| table.url.as_str())
    }

    /// Whether other servers may share the database.
    #[cfg(feature = "cluster")]
    fn is_shared(&self) -> bool {
        let scheme = self.database_url().and_then(|url| url.split_once("://"));
        scheme.is_some_and(|(scheme, _)| matches!(scheme, "postgres" | "postgresql"))
    }

    /// How this server and others are one, if they are. Files are looked for from where the file at `path` is.
    #[cfg(feature = "cluster")]
    pub(super) fn cluster(&self, path: &Path) -> Result<Option<ClusterOptions>, String> {
        let folder = path.parent().unwrap_or(Path::new(""));
        let Some(table) = &self.cluster else {
            return Ok(None);
        };
        if table.is_plain() {
            tracing::warn!(
                "cluster.nats is reached without TLS: who is on the way can read what servers tell each other, so trust the network or write tls://"
            );
        }
        table.options(folder).map(Some)
    }

    /// Whether it is one of the same servers.
    #[cfg(feature = "cluster")]
    pub(super) fn has_cluster_of(&self, other: &Self) -> bool {
        self.cluster == other.cluster
    }

    /// Whether data is kept at the same place.
    pub(super) fn has_data_of(&self, other: &Self) -> bool {
        (&self.data_dir, &self.database) == (&other.data_dir, &other.database)
    }

    /// The certificate, its paths taken from where the file at `path` is.
    pub fn tls(&self, path: &Path) -> Option<TlsFiles> {
        let folder = path.parent().unwrap_or(Path::new(""));
        let (cert, key) = (self.tls_cert.as_ref()?, self.tls_key.as_ref()?);
        Some(TlsFiles {
            cert: folder.join(cert),
            key: folder.join(key),
        })
    }

    /// Whether there is a certificate.
    pub(super) fn has_tls(&self) -> bool {
        self.tls_cert.is_some()
    }

    /// Takes over what a running server follows, and leaves the rest as the server was started with it.
    pub(super) fn take_entries(&mut self, new: Self) {
        self.cameras = new.cameras;
        self.viewers = new.viewers;
        self.turn = new.turn;
        self.doorbells = new.doorbells;
        self.do_not_disturb = new.do_not_disturb;
        self.notify = new.notify;
        if self.auth.is_some() && new.auth.is_some() {
            self.auth = new.auth;
        }
    }

    /// Which clients of other systems are let in.
    pub fn adapters(&self) -> AdapterOptions {
        let three_service = self.three_service.as_ref();
        AdapterOptions {
            socketio: self.socketio.as_ref().and_then(SocketIoTable::options),
            three_service: three_service.is_some_and(|table| table.enabled),
        }
    }

    /// Where clients of three-service systems connect besides.
    pub fn three_service_listen(&self) -> Option<SocketAddr> {
        let table = self.three_service.as_ref().filter(|table| table.enabled);
        table?.listen
    }

    /// Where some watch, if at all. What runs there is written down in `data`.
    pub(super) fn sfu(
        &self,
        path: &Path,
        data: Option<&Path>,
    ) -> Result<Option<SfuOptions>, String> {
        let folder = path.parent().unwrap_or(Path::new(""));
        let table = self.sfu.as_ref();
        table.map(|table| table.options(folder, data)).transpose()
    }

    /// Whether the same watch at the same SFU.
    pub(super) fn has_sfu_of(&self, other: &Self) -> bool {
        self.sfu == other.sfu
    }

    /// Whether the same clients of other systems are let in.
    pub(super) fn has_adapters_of(&self, other: &Self) -> bool {
        (&self.socketio, &self.three_service) == (&other.socketio, &other.three_service)
    }

    /// Whom doorbells ring, and when not.
    pub fn doorbells(&self) -> Result<Doorbells, String> {
        doorbells(&self.doorbells, &self.do_not_disturb)
    }

    /// How people are told of calls besides, the files of it seen from where the file at `path` is.
    pub fn notify(&self, path: &Path) -> Result<NotifyOptions, String> {
        let folder = path.parent().unwrap_or(Path::new(""));
        notifiers(&self.notify, folder)
    }

    /// The STUN and TURN servers.
    pub fn ice_servers(&self) -> Vec<IceServer> {
        let servers = self.ice_servers.iter().map(|table| IceServer {
            urls: table.urls.clone(),
            username: table.username.clone(),
            credential: table.credential.clone(),
        });
        servers.collect()
    }

    /// The TURN server with a shared secret, whose file is looked for from where the file at `path` is.
    pub fn turn(&self, path: &Path) -> Result<Option<Turn>, String> {
        let folder = path.parent().unwrap_or(Path::new(""));
        self.turn
            .as_ref()
            .map(|table| table.read(folder))
            .transpose()
    }

    /// How players may ask by HTTP, if they may.
    pub fn whep(&self) -> Option<WhepOptions> {
        self.whep.as_ref().and_then(WhepTable::options)
    }

    /// Whose pages may show our cameras.
    pub fn embed_origins(&self) -> &[String] {
        &self.embed.origins
    }

    /// The existing backend, whose files are looked for from where the file at `path` is.
    pub fn backend(&self, path: &Path) -> Result<Option<Backend>, String> {
        let folder = path.parent().unwrap_or(Path::new(""));
        let table = self.auth.as_ref();
        let backend = table.map(|table| table.read(folder)).transpose();
        backend.map(Option::flatten)
    }

    /// The identity provider for the page, whose secret is looked for from where the file at `path` is.
    pub fn openid(&self, path: &Path) -> Result<Option<OpenidOptions>, String> {
        let folder = path.parent().unwrap_or(Path::new(""));
        let table = self.auth.as_ref();
        let openid = table.map(|table| table.openid(folder)).transpose()?;
        Ok(openid.flatten())
    }

    /// What is in the files of the existing backend, which are looked for from where the file at `path` is.
    pub(super) fn backend_contents(&self, path: &Path) -> Result<Vec<SecretDigest>, String> {
        let folder = path.parent().unwrap_or(Path::new(""));
        let table = self.auth.as_ref();
        table.map_or(Ok(Vec::new()), |table| table.contents(folder))
    }

    /// Whether there is an existing backend.
    pub(super) fn has_backend(&self) -> bool {
        self.auth.as_ref().is_some_and(AuthTable::has_backend)
    }

    /// Whether people log in to the page with the same provider.
    pub(super) fn has_openid_of(&self, other: &Self) -> bool {
        match (&self.auth, &other.auth) {
            (Some(own), Some(other)) => own.has_openid_of(other),
            (own, other) => !own.iter().chain(other).any(AuthTable::has_openid),
        }
    }

    /// Whether the existing backend is the same, apart from what is in its files.
    pub(super) fn has_backend_of(&self, other: &Self) -> bool {
        self.auth == other.auth
    }

    /// The enrolled cameras.
    pub fn cameras(&self) -> impl Iterator<Item = CameraEntry> {
        self.cameras.iter().map(|table| CameraEntry {
            id: table.id.clone(),
            name: table.name.clone(),
            secret: table.secret_sha256,
        })
    }

    /// The viewers.
    pub fn viewers(&self) -> impl Iterator<Item = ViewerEntry> {
        self.viewers.iter().map(|table| ViewerEntry {
            user: table.name.clone(),
            token: table.token_sha256,
            cameras: table.cameras.clone().map_or(Cameras::All, Cameras::Only),
            perms: table.perms.clone(),
            lease: table.lease,
            shared: false,
        })
    }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
