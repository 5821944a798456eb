// SPDX-License-Identifier: MPL-2.0
//! What a server finds in the database when it starts.

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

use tokio::sync::mpsc;

use super::apply::{account, entry, share_account};
use super::logins::account_of;
use super::password::{Passwords, generate};
use super::{Access, By, LINK_MEMORY, Ledger};
use crate::data_lock::DataDirLock;
use crate::hub::Change;
use crate::lock::lock;
use crate::model::{CallRecord, Login, Role, Share, User};
#[cfg(feature = "notify")]
use crate::notify::PushKey;
use crate::registry::{Origin, Registry};
use crate::store::{Heard, Put, Snapshot, Store, StoreError};

/// A database and what is in it.
pub struct Data {
    pub(crate) store: Arc<dyn Store>,
    snapshot: Snapshot,
    links: Vec<Share>,
    /// Calls that were not over when the server before this one ended.
    calls: Vec<CallRecord>,
    heard: Option<mpsc::Receiver<Heard>>,
    lock: Option<DataDirLock>,
    /// What second factors are sealed with.
    key: Option<String>,
    pub(crate) device_secret: Option<String>,
    #[cfg(feature = "notify")]
    pub(crate) push_key: Option<PushKey>,
}

impl std::fmt::Debug for Data {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Data").finish_non_exhaustive()
    }
}

impl Data {
    /// Reads what counts now or later.
    pub async fn load(store: Arc<dyn Store>) -> Result<Self, StoreError> {
        // First, so that nothing is missed in between.
        let heard = store.watch().await?;
        let now = Timestamp::now();
        let snapshot = store.snapshot(now).await?;
        let links = store.shares(now - LINK_MEMORY).await?;
        let calls = store.take_calls().await?;
        Ok(Self {
            store,
            snapshot,
            links,
            calls,
            heard,
            lock: None,
            key: None,
            device_secret: None,
            #[cfg(feature = "notify")]
            push_key: None,
        })
    }

    /// The same for a server that asks administrators for a second factor, which is sealed with `key`: a secret that is not in
    /// the database. Log-ins of those who have none yet end.
    pub async fn load_sealed(store: Arc<dyn Store>, key: &str) -> Result<Self, StoreError> {
        store.end_logins_without_second_factor().await?;
        Ok(Self::load(store).await?.sealed_with(key))
    }

    /// The same, with what second factors are sealed with, for those who want one. Without it nobody comes in who has a
    /// passkey.
    #[must_use]
    pub fn sealed_with(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    pub(crate) fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// The same, with the key by which push services know this server. Without it there is no Web Push.
    #[cfg(feature = "notify")]
    #[must_use]
    pub fn with_push_key(mut self, key: PushKey) -> Self {
        self.push_key = Some(key);
        self
    }

    /// The same, which a server keeps to itself for as long as it lives.
    #[must_use]
    pub fn held_by(mut self, lock: DataDirLock) -> Self {
        self.lock = Some(lock);
        self
    }

    /// The same, with what makes the cookies by which devices are known that were here before. Without it they follow
    /// from the key that signs grants, and are void with the next one.
    #[must_use]
    pub fn with_device_secret(mut self, secret: String) -> Self {
        self.device_secret = Some(secret);
        self
    }

    /// Calls that were not over when the server before this one ended, the latest first.
    pub(crate) fn take_calls(&mut self) -> Vec<CallRecord> {
        std::mem::take(&mut self.calls)
    }

    /// What others on the same database change.
    pub(crate) fn take_heard(&mut self) -> Option<mpsc::Receiver<Heard>> {
        self.heard.take()
    }

    pub(crate) fn take_lock(&mut self) -> Option<DataDirLock> {
        self.lock.take()
    }

    /// Makes an administrator of this name in a database, and returns its password. `actor` says who did it in the
    /// audit log.
    pub async fn add_administrator(
        store: &dyn Store,
        name: &str,
        actor: &str,
    ) -> Result<String, StoreError> {
        let unusable = |text: &str| StoreError::Unusable(text.to_owned());
        if !crate::model::is_user_name(name) {
            return Err(unusable("this cannot be a user's name"));
        }
        let by = By {
            actor: actor.to_owned(),
            at: Timestamp::now(),
        };
        let (password, hash) = made_password().await?;
        let user = User {
            name: name.to_owned(),
            role: Role::Administrator,
            password: Some(hash),
            token: None,
            created: by.at,
        };
        let mut audit = by.entry("user.added");
        audit.user = Some(name.to_owned());
        store.put_user(&user, Put::New, &audit).await?;
        Ok(password)
    }

    /// Gives a user another password, and returns it.
    #[cfg(feature = "cli")]
    pub(crate) async fn renew_password(
        store: &dyn Store,
        user: &User,
        actor: &str,
    ) -> Result<String, StoreError> {
        let by = By {
            actor: actor.to_owned(),
            at: Timestamp::now(),
        };
        let (password, hash) = made_password().await?;
        let user = User {
            password: Some(hash),
            ..user.clone()
        };
        let mut audit = by.entry("user.changed");
        audit.user = Some(user.name.clone());
        audit.details = serde_json::json!({ "password": true });
        store.put_user_anew(&user, None, &audit).await?;
        Ok(password)
    }
}

/// A new password and its hash.
async fn made_password() -> Result<(String, String), StoreError> {
    let password = generate();
    let hash = Passwords::new().hash(password.clone()).await;
    let hash = hash.map_err(|e| StoreError::Unusable(e.to_string()))?;
    Ok((password, hash))
}

impl Access {
    /// Takes over what was in the database. `Err` names what is in the configuration file as well.
    pub(crate) fn take_over(&self, data: Data, now: Timestamp) -> Result<(), String> {
        let mut registry = lock(&self.registry);
        check_clashes(&registry, &data.snapshot)?;
        let Snapshot {
            users,
            cameras,
            bookings,
            logins,
            ..
        } = data.snapshot;
        let mut ledger = Ledger::new(users, bookings);
        for camera in cameras {
            let (id, name) = (camera.id.clone(), camera.name.clone());
            self.tell(Change::CameraAdded { id, name });
            registry.put_camera(entry(&camera), Origin::Store);
            ledger.cameras.insert(camera.id.clone(), camera);
        }
        for user in ledger.users_after(None) {
            if let Some(rights) = ledger.rights(&user.name) {
                let _ = registry.put_account(account(user, rights));
            }
        }
        for share in data.links {
            if share.window.end > now {
                let _ = registry.put_account(share_account(&share));
            }
            ledger.put_share(share);
        }
        for login in logins {
            self.take_login(&mut registry, &login, now);
        }
        drop(registry);
        *lock(&self.ledger) = ledger;
        Ok(())
    }

    /// Lets in by the cookie of a log-in of the database.
    fn take_login(&self, registry: &mut Registry, login: &Login, now: Timestamp) {
        let mono = Instant::now();
        let user = account_of(&login.holder);
        if registry.account(&user).is_some() {
            let ends = (mono, self.end_of(login, now, mono));
            let made = Some(login.created);
            registry.logins.add(login.cookie, &user, None, made, ends);
        }
    }
}

fn check_clashes(registry: &Registry, snapshot: &Snapshot) -> Result<(), String> {
    let mut users = snapshot.users.iter().map(|user| &user.name);
    if let Some(name) = users.find(|name| registry.account(name).is_some()) {
        return Err(format!(
            "[[viewer]] name = \"{name}\" is in the database as well: remove one"
        ));
    }
    let mut cameras = snapshot.cameras.iter().map(|camera| &camera.id);
    if let Some(id) = cameras.find(|id| registry.camera(id).is_some()) {
        return Err(format!(
            "[[camera]] id = \"{id}\" is in the database as well: remove one"
        ));
    }
    registry.check_places(snapshot.cameras.len()).map_err(|max| {
        format!("there are more than max-cameras, {max}, in the database and the configuration file together")
    })
}
