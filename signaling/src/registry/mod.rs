// SPDX-License-Identifier: MPL-2.0
//! Who may connect: enrolled cameras, users and logged-in pages, each found by the digest of its secret.
//!
//! All calls are short and synchronous; the registry stands behind a `std::sync::Mutex` that is
//! never held across an await and under which no other lock is taken.

mod logins;
mod visits;

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use porthole_protocol::grant::Permission;

pub use crate::digest::SecretDigest;
pub(crate) use logins::LoginEnd;
use logins::Logins;
use visits::Visits;

use crate::model::Role;
use crate::room::{Cameras, DEFAULT_LEASE_SECONDS, MAX_CAMERAS, Principal, Rights};

/// An enrolled camera.
#[derive(Clone, Debug)]
pub struct CameraEntry {
    /// Its id; see [`porthole_protocol::key::is_camera_id`].
    pub id: String,
    /// Name shown where the camera itself gives none.
    pub name: String,
    /// Digest of its secret.
    pub secret: SecretDigest,
}

/// Someone who may watch.
#[derive(Clone, Debug)]
pub struct ViewerEntry {
    /// Unique name, shown in grants, messages and logs.
    pub user: String,
    /// Digest of the token that is in the viewer's link.
    pub token: SecretDigest,
    /// Which cameras.
    pub cameras: Cameras,
    /// What, at each of them.
    pub perms: Vec<Permission>,
    /// For how long a session is granted, in seconds.
    pub lease: u32,
    /// Whether many people were given this token, who must not count as one.
    pub shared: bool,
}

impl ViewerEntry {
    /// A viewer who may see and hear all cameras, known by `token`. Only the token's digest is kept.
    pub fn new(user: &str, token: &str) -> Self {
        Self {
            user: user.to_owned(),
            token: SecretDigest::of(token),
            cameras: Cameras::All,
            perms: vec![Permission::View, Permission::Listen],
            lease: DEFAULT_LEASE_SECONDS,
            shared: false,
        }
    }

    /// Says whether many people were given this token.
    #[must_use]
    pub fn shared(self, shared: bool) -> Self {
        Self { shared, ..self }
    }

    pub(crate) fn rights(&self) -> Rights {
        Rights {
            shared: self.shared,
            ..Rights::always(&self.user, self.cameras.clone(), &self.perms, self.lease)
        }
    }
}

/// Where an entry is kept, and thus where it is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// In the configuration, or with the application that runs the server.
    File,
    /// In the database.
    Store,
    /// With an existing backend, which was asked.
    Backend,
}

/// Someone who may connect as a viewer.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) rights: Rights,
    pub(crate) role: Role,
    /// What its own link holds.
    pub(crate) token: Option<SecretDigest>,
    pub(crate) origin: Origin,
}

/// A camera, and where it is kept.
#[derive(Clone, Debug)]
pub(crate) struct Enrolled {
    pub(crate) entry: CameraEntry,
    pub(crate) origin: Origin,
}

/// Whose a secret is.
#[derive(Clone, PartialEq, Eq)]
enum Owner {
    Camera(String),
    User(String),
}

pub(crate) struct Registry {
    max_cameras: usize,
    cameras: BTreeMap<String, Enrolled>,
    accounts: BTreeMap<String, Account>,
    owners: HashMap<SecretDigest, Owner>,
    visits: Visits,
    pub(crate) logins: Logins,
}

impl Default for Registry {
    fn default() -> Self {
        Self::new(MAX_CAMERAS)
    }
}

impl Registry {
    /// One for so many cameras.
    pub(crate) fn new(max_cameras: usize) -> Self {
        Self {
            max_cameras,
            cameras: BTreeMap::new(),
            accounts: BTreeMap::new(),
            owners: HashMap::new(),
            visits: Visits::default(),
            logins: Logins::default(),
        }
    }

    /// Whether so many more cameras have a place; if not, how many have one.
    pub(crate) fn check_places(&self, more: usize) -> Result<(), usize> {
        match self.cameras.len() + more > self.max_cameras {
            true => Err(self.max_cameras),
            false => Ok(()),
        }
    }

    /// In the order of their ids.
    pub(crate) fn cameras(&self) -> impl Iterator<Item = &Enrolled> {
        self.cameras.values()
    }

    pub(crate) fn camera(&self, id: &str) -> Option<&Enrolled> {
        self.cameras.get(id)
    }

    /// Enrols a camera, or changes one: the secret it had is void.
    pub(crate) fn put_camera(&mut self, entry: CameraEntry, origin: Origin) {
        let (id, secret) = (entry.id.clone(), entry.secret);
        let old = self.cameras.insert(id.clone(), Enrolled { entry, origin });
        let owner = Owner::Camera(id);
        self.disown(old.map(|old| old.entry.secret), &owner);
        self.owners.insert(secret, owner);
    }

    /// Whether there was one.
    pub(crate) fn remove_camera(&mut self, id: &str) -> bool {
        for account in self.accounts.values_mut() {
            // Another camera may get this id, and is not for everyone who might see the old one.
            account.rights.forget(id);
        }
        let old = self.cameras.remove(id);
        let secret = old.as_ref().map(|old| old.entry.secret);
        self.disown(secret, &Owner::Camera(id.to_owned()));
        old.is_some()
    }

    pub(crate) fn account(&self, user: &str) -> Option<&Account> {
        self.accounts.get(user)
    }

    /// The rights in which this camera has a name.
    pub(crate) fn rights_at(&self, camera: &str) -> Vec<Rights> {
        let all = self.accounts.values().map(|account| &account.rights);
        let named = |rights: &&Rights| rights.cameras().is_some_and(|ids| ids.contains(camera));
        all.filter(named).cloned().collect()
    }

    /// Adds a user, or changes one: the token it had is void, and its log-ins stay. Returns what it was.
    pub(crate) fn put_account(&mut self, account: Account) -> Option<Account> {
        let (user, token) = (account.rights.user.clone(), account.token);
        // Whoever a backend calls by this name is someone else.
        self.visits.remove(&user);
        let old = self.accounts.insert(user.clone(), account);
        let owner = Owner::User(user);
        self.disown(old.as_ref().and_then(|old| old.token), &owner);
        if let Some(token) = token {
            self.owners.insert(token, owner);
        }
        old
    }

    /// Takes over what a user may do.
    pub(crate) fn set_rights(&mut self, rights: Rights) {
        if let Some(account) = self.accounts.get_mut(&rights.user) {
            account.rights = rights;
        }
    }

    /// Removes a user and its log-ins, and says whether there was one.
    pub(crate) fn remove_account(&mut self, user: &str) -> bool {
        self.logins.remove_all(user, None);
        self.visits.remove(user);
        let old = self.accounts.remove(user);
        let token = old.as_ref().and_then(|old| old.token);
        self.disown(token, &Owner::User(user.to_owned()));
        old.is_some()
    }

    /// Takes over what a backend says of someone until `until`. Not if someone else here has the name, or there are too
    /// many.
    pub(crate) fn admit(
        &mut self,
        account: Account,
        token: Option<SecretDigest>,
        now: Instant,
        until: Instant,
    ) -> bool {
        let user = account.rights.user.clone();
        let is_taken = |known: &Account| known.origin != Origin::Backend;
        if self.accounts.get(&user).is_some_and(is_taken)
            || !self.visits.add(&user, token, now, until)
        {
            return false;
        }
        self.accounts.insert(user, account);
        true
    }

    /// Until when the backend's word of this user counts; `None` for users of other kinds.
    pub(crate) fn visit_end(&self, user: &str) -> Option<Instant> {
        self.visits.end(user)
    }

    /// Whether the backend has to be asked about this token again.
    pub(crate) fn is_stale(&self, token: &SecretDigest, now: Instant) -> bool {
        self.visits.is_over(token, now)
    }

    /// Removes those whose visit is over, and names them.
    pub(crate) fn forget_visitors(&mut self, now: Instant) -> Vec<String> {
        let gone = self.visits.forget(now);
        for user in &gone {
            self.remove_account(user);
        }
        gone
    }

    fn disown(&mut self, secret: Option<SecretDigest>, owner: &Owner) {
        if let Some(secret) = secret
            && self.owners.get(&secret) == Some(owner)
        {
            self.owners.remove(&secret);
        }
    }

    /// Whose key, or link, this is.
    pub(crate) fn bearer(&self, secret: &SecretDigest) -> Option<Principal> {
        let Some(owner) = self.owners.get(secret) else {
            return self.viewer(self.visits.user(secret)?);
        };
        match owner {
            Owner::Camera(id) => Some(Principal::Camera { id: id.clone() }),
            Owner::User(user) => self.viewer(user),
        }
    }

    /// Whether this is a token of the user's at present.
    pub(crate) fn is_token_of(&self, token: &SecretDigest, user: &str) -> bool {
        let own = self.accounts.get(user).and_then(|account| account.token);
        own == Some(*token) || self.visits.user(token) == Some(user)
    }

    /// Who `user` is as a viewer.
    pub(crate) fn viewer(&self, user: &str) -> Option<Principal> {
        let account = self.accounts.get(user)?;
        Some(Principal::Viewer(account.rights.clone()))
    }

    /// Whose credential this is: a key, a link's token or a cookie. A cookie counts only where one was looked for,
    /// so this is for asking again.
    pub(crate) fn identify(&self, credential: &SecretDigest) -> Option<Principal> {
        let bearer = self.bearer(credential);
        bearer.or_else(|| self.viewer(self.logins.user(credential)?))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn account(user: &str, token: &str) -> Account {
        let viewer = ViewerEntry::new(user, token);
        Account {
            rights: viewer.rights(),
            role: Role::Viewer,
            token: Some(viewer.token),
            origin: Origin::File,
        }
    }

    fn user_of(registry: &Registry, secret: &str) -> Option<String> {
        match registry.bearer(&SecretDigest::of(secret))? {
            Principal::Viewer(rights) => Some(rights.user),
            Principal::Camera { id } => Some(format!("camera {id}")),
        }
    }

    #[test]
    fn a_secret_is_known_by_its_digest_alone() {
        let mut registry = Registry::default();
        registry.put_account(account("alice", "t0ken"));
        assert_eq!(user_of(&registry, "t0ken").as_deref(), Some("alice"));
        assert_eq!(user_of(&registry, "t0kem"), None);
    }

    #[test]
    fn a_secret_that_was_replaced_or_whose_owner_went_is_nobodys() {
        let mut registry = Registry::default();
        registry.put_account(account("alice", "old"));
        registry.put_account(account("alice", "new"));
        assert_eq!(user_of(&registry, "old"), None);
        // It has found a new owner before the old one went.
        registry.put_account(account("bob", "new"));
        assert!(registry.remove_account("alice"));
        assert_eq!(user_of(&registry, "new").as_deref(), Some("bob"));
        let camera = CameraEntry {
            id: "front".to_owned(),
            name: String::new(),
            secret: SecretDigest::of("key"),
        };
        registry.put_camera(camera, Origin::File);
        assert_eq!(user_of(&registry, "key").as_deref(), Some("camera front"));
        assert!(registry.remove_camera("front"));
        assert_eq!(user_of(&registry, "key"), None);
    }

    #[test]
    fn a_cookie_is_no_bearer_token_and_goes_with_its_user() {
        let (mut registry, now) = (Registry::default(), Instant::now());
        let cookie = SecretDigest::of("cookie");
        registry.put_account(account("alice", "t"));
        let until = now + Duration::from_secs(1);
        registry.logins.add(cookie, "alice", now, until);
        assert!(registry.bearer(&cookie).is_none());
        assert!(registry.identify(&cookie).is_some());
        registry.remove_account("alice");
        assert!(registry.identify(&cookie).is_none());
    }
}
