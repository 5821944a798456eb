// SPDX-License-Identifier: MPL-2.0
//! What a server is started with: the configuration, the key and the data.

use std::path::Path;
use std::sync::Arc;

use porthole_protocol::grant::GrantSigner;

use super::Failure;
use super::config::{Config, SecondFactorOf};
use super::place::Kept;
use crate::access::Data;
use crate::data_lock::DataDirLock;
use crate::places;
use crate::server::{Offline, ServerOptions};
use crate::store::{self, Store};

/// What the server is started with, but for its data.
pub(super) fn options(
    config: &Config,
    path: &Path,
    signer: GrantSigner,
) -> Result<ServerOptions, Failure> {
    let mut options = ServerOptions::new(signer);
    options.open_access = config.open_access;
    options.ice_servers = config.ice_servers();
    options.turn = config
        .turn(path)
        .map_err(|e| Failure::input(format!("{}: [turn]: {e}", path.display())))?;
    options.backend = config
        .backend(path)
        .map_err(|e| Failure::input(format!("{}: [auth]: {e}", path.display())))?;
    options.openid = config
        .openid(path)
        .map_err(|e| Failure::input(format!("{}: [auth.openid]: {e}", path.display())))?;
    options.second_factor = config.second_factor == SecondFactorOf::Administrators;
    options.url = config.url.clone();
    options.allowed_hosts = config.allowed_hosts.clone();
    options.embed_origins = config.embed_origins().to_vec();
    options.trusted_proxies = config.trusted_proxies.clone();
    options.max_cameras = config.max_cameras;
    options.max_viewers = config.max_viewers;
    options.max_connections = Some(places::standalone(config.max_cameras + config.max_viewers));
    options.whep = config.whep();
    options.tls = config.tls(path);
    options.audit_days = config.audit_days;
    options.audit_rows = config.audit_rows;
    options.doorbells = config
        .doorbells()
        .map_err(|e| Failure::input(format!("{}: {e}", path.display())))?;
    options.notify = config
        .notify(path)
        .map_err(|e| Failure::input(format!("{}: {e}", path.display())))?;
    options.call_days = config.call_days;
    options.call_snapshots = config.call_snapshots;
    options.viewers = config.viewers().collect();
    options.cameras = config.cameras().collect();
    options.adapters = config.adapters();
    Ok(options)
}

/// Opens the database of a data directory.
pub(super) async fn open_store(data: &Kept) -> Result<Arc<dyn Store>, Failure> {
    let opened = store::open(&data.database()).await;
    opened.map_err(|e| Failure::system(format!("{}: {e}", data.dir.path().display())))
}

/// What is in a data directory that was locked before anything of it was read.
pub(super) async fn load(data: &Kept, lock: DataDirLock) -> Result<Data, Failure> {
    let secret = data.dir.device_secret(&data.signer()?);
    let secret = secret.map_err(Failure::system)?;
    let store = open_store(data).await?;
    let key = data.dir.second_factor_key().map_err(Failure::system)?;
    let push = data.dir.push_key().map_err(Failure::system)?;
    let loaded = match data.config.second_factor {
        SecondFactorOf::Nobody => Data::load(store).await,
        SecondFactorOf::Administrators => Data::load_sealed(store, &key).await,
    };
    let loaded = loaded.map(|data| {
        let data = data.held_by(lock).with_device_secret(secret);
        data.sealed_with(&key).with_push_key(push)
    });
    loaded.map_err(|e| Failure::system(format!("{}: {e}", data.dir.path().display())))
}

/// The service without a server around it.
pub(super) async fn offline(data: &Kept, lock: DataDirLock) -> Result<Offline, Failure> {
    let mut options = options(&data.config, &data.config_path, data.signer()?)?;
    options.data = Some(load(data, lock).await?);
    Offline::start(options, data.config.listen).map_err(Failure::system)
}
