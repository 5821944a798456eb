// SPDX-License-Identifier: MPL-2.0
//! Who may connect: enrolled cameras, users and logged-in pages, each found by the digest of its secret.
//!
//! All calls are short and synchronous; the registry stands behind a `std::sync::Mutex` that is
//! never held across an await and under which no other lock is taken.

mod logins;
mod visits;

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;
use std::time::Instant;

use porthole_protocol::grant::Permission;

pub use crate::digest::SecretDigest;
use logins::Logins;
pub(crate) use logins::{Kept, LoginEnd};
use visits::Visits;

use crate::model::Role;
use crate::rights::{ByCamera, Cameras, DEFAULT_LEASE_SECONDS, Rights, RightsId};
use crate::room::{MAX_CAMERAS, Principal};

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
        let cameras = self.cameras.clone();
        Rights::always(&self.user, cameras, &self.perms, self.lease).shared(self.shared)
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
    /// With an identity provider, where it has logged in for this page.
    Openid,
}

/// Someone who may connect as a viewer.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) rights: Arc<Rights>,
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
    User(Arc<str>),
}

pub(crate) struct Registry {
    max_cameras: usize,
    cameras: BTreeMap<String, Enrolled>,
    accounts: BTreeMap<Arc<str>, Account>,
    /// Whose rights, of accounts and visits, are about which camera.
    by_camera: ByCamera,
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
            by_camera: ByCamera::default(),
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

    /// In the order of their ids, those after one.
    pub(crate) fn cameras_after(&self, after: Option<&str>) -> impl Iterator<Item = &Enrolled> {
        let after = after.map_or(Unbounded, Excluded);
        let rest = self.cameras.range::<str, _>((after, Unbounded));
        rest.map(|(_, camera)| camera)
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

    /// Returns the rights that are other ones now: another camera may get this id, and is not for everyone who might see the
    /// old one. `None` if there was no such camera.
    pub(crate) fn remove_camera(&mut self, id: &str) -> Option<Vec<Arc<Rights>>> {
        let old = self.cameras.remove(id)?;
        self.disown(Some(old.entry.secret), &Owner::Camera(id.to_owned()));
        let mut changed = Vec::new();
        for rights in self.rights_at(id) {
            if let Some(without) = rights.without_camera(id) {
                let without = Arc::new(without);
                self.set_rights(without.clone());
                changed.push(without);
            }
        }
        Some(changed)
    }

    pub(crate) fn account(&self, user: &str) -> Option<&Account> {
        self.accounts.get(user)
    }

    /// The rights that are about this camera, be it as one of all.
    pub(crate) fn rights_at(&self, camera: &str) -> Vec<Arc<Rights>> {
        let ids = self.by_camera.of(camera);
        let accounts = ids.filter_map(|id| self.account_of(id));
        accounts.map(|account| account.rights.clone()).collect()
    }

    /// All the rights that go by this name.
    pub(crate) fn rights_of(&self, user: &str) -> Vec<Arc<Rights>> {
        let account = self.accounts.get(user).into_iter();
        let all = account.chain(self.visits.of(user));
        all.map(|account| account.rights.clone()).collect()
    }

    fn account_of(&self, id: &RightsId) -> Option<&Account> {
        match &id.token {
            Some(token) => self.visits.get(token),
            None => self.accounts.get(&id.user),
        }
    }

    /// Adds a user, or changes one: the token it had is void, and its log-ins stay. Names the visits of whoever a
    /// backend calls by this name, which end: that is someone else.
    pub(crate) fn put_account(&mut self, account: Account) -> Vec<RightsId> {
        let (user, token) = (account.rights.user.clone(), account.token);
        let visitors = self.visits.remove_all(&user, &mut self.by_camera);
        let new = account.rights.clone();
        let old = self.accounts.insert(user.clone(), account);
        match &old {
            Some(old) => self.by_camera.replace(&old.rights, &new),
            None => self.by_camera.add(&new),
        }
        let owner = Owner::User(user);
        self.disown(old.and_then(|old| old.token), &owner);
        if let Some(token) = token {
            self.owners.insert(token, owner);
        }
        visitors
    }

    /// Takes over what a user, or the bearer of a token, may do.
    pub(crate) fn set_rights(&mut self, rights: Arc<Rights>) {
        let account = match &rights.token {
            Some(token) => self.visits.get_mut(token),
            None => self.accounts.get_mut(&rights.user),
        };
        if let Some(account) = account {
            self.by_camera.replace(&account.rights, &rights);
            account.rights = rights;
        }
    }

    /// Removes a user and its log-ins, and says whether there was one.
    pub(crate) fn remove_account(&mut self, user: &str) -> bool {
        self.logins.remove_all(user, None);
        let Some(old) = self.accounts.remove(user) else {
            return false;
        };
        self.by_camera.remove(&old.rights);
        self.disown(old.token, &Owner::User(user.into()));
        true
    }

    /// Takes over what a backend says until `until` of the bearer of a token or of a log-in, which is in the rights.
    /// Names the visit that gave way. `None` if someone here has the name, or there are too many.
    pub(crate) fn admit(
        &mut self,
        account: Account,
        now: Instant,
        until: Instant,
    ) -> Option<Option<RightsId>> {
        let id = account.rights.token?;
        match self.accounts.contains_key(&account.rights.user) {
            true => None,
            false => self
                .visits
                .put(id, account, (now, until), &mut self.by_camera),
        }
    }

    /// Until when what the backend said of this token, or at this log-in, counts.
    pub(crate) fn visit_end(&self, id: &SecretDigest) -> Option<Instant> {
        self.visits.end(id)
    }

    /// Whether someone goes by this name, with an account or as a visitor.
    pub(crate) fn is_taken(&self, user: &str) -> bool {
        self.accounts.contains_key(user) || self.visits.has(user)
    }

    /// Whether the backend has to be asked about this token again.
    pub(crate) fn is_stale(&self, token: &SecretDigest, now: Instant) -> bool {
        self.visits.is_over(token, now)
    }

    /// Has the backend asked again about everyone, since it says other things now.
    pub(crate) fn doubt_visitors(&mut self) {
        self.visits.doubt();
    }

    /// Removes the visits that are over, and names them.
    pub(crate) fn forget_visitors(&mut self, now: Instant) -> Vec<RightsId> {
        self.visits.forget(now, &mut self.by_camera)
    }

    fn disown(&mut self, secret: Option<SecretDigest>, owner: &Owner) {
        if let Some(secret) = secret
            && self.owners.get(&secret) == Some(owner)
        {
            self.owners.remove(&secret);
        }
    }

    /// Whose key, or link, this is, and the role it has.
    pub(crate) fn bearer(&self, secret: &SecretDigest) -> Option<(Principal, Role)> {
        let user = match self.owners.get(secret) {
            Some(Owner::Camera(id)) => {
                return Some((Principal::Camera { id: id.clone() }, Role::Viewer));
            }
            Some(Owner::User(user)) => self.accounts.get(user),
            None => self.visits.get(secret),
        };
        user.map(Account::principal)
    }

    /// As whom a user's token lets in.
    pub(crate) fn account_of_token(&self, token: &SecretDigest, user: &str) -> Option<&Account> {
        let account = match self.visits.get(token) {
            Some(visitor) => Some(visitor),
            None => self
                .accounts
                .get(user)
                .filter(|own| own.token == Some(*token)),
        };
        account.filter(|account| *account.rights.user == *user)
    }

    /// As whom a log-in lets in.
    pub(crate) fn account_of_login(
        &self,
        user: &str,
        visit: Option<&SecretDigest>,
    ) -> Option<&Account> {
        match visit {
            Some(visit) => self.visits.get(visit),
            None => self.accounts.get(user),
        }
    }

    /// Whose credential this is: a key, a link's token or a cookie. A cookie counts only where one was looked for,
    /// so this is for asking again.
    pub(crate) fn identify(&self, credential: &SecretDigest) -> Option<Principal> {
        if let Some((principal, _)) = self.bearer(credential) {
            return Some(principal);
        }
        let (user, visit) = self.logins.user(credential)?;
        let account = self.account_of_login(user, visit)?;
        Some(account.principal().0)
    }
}

impl Account {
    pub(crate) fn principal(&self) -> (Principal, Role) {
        (Principal::Viewer(self.rights.clone()), self.role)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn account(user: &str, token: &str) -> Account {
        let viewer = ViewerEntry::new(user, token);
        Account {
            rights: viewer.rights().into(),
            role: Role::Viewer,
            token: Some(viewer.token),
            origin: Origin::File,
        }
    }

    fn user_of(registry: &Registry, secret: &str) -> Option<String> {
        match registry.bearer(&SecretDigest::of(secret))?.0 {
            Principal::Viewer(rights) => Some(rights.user.to_string()),
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
        assert!(registry.remove_camera("front").is_some());
        assert_eq!(user_of(&registry, "key"), None);
    }

    #[test]
    fn a_cookie_is_no_bearer_token_and_goes_with_its_user() {
        let (mut registry, now) = (Registry::default(), Instant::now());
        let cookie = SecretDigest::of("cookie");
        registry.put_account(account("alice", "t"));
        let until = now + Duration::from_secs(1);
        registry
            .logins
            .add(cookie, "alice", None, None, (now, until));
        assert!(registry.bearer(&cookie).is_none());
        assert!(registry.identify(&cookie).is_some());
        registry.remove_account("alice");
        assert!(registry.identify(&cookie).is_none());
    }
}
