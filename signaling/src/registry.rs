// SPDX-License-Identifier: MPL-2.0
//! Who may connect: enrolled cameras, viewers and logged-in pages, known by digests of their secrets.
//!
//! All calls are short and synchronous; the registry stands behind a `std::sync::Mutex` that is
//! never held across an await and under which no other lock is taken.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::time::Instant;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use porthole_protocol::grant::Permission;
use tokio::sync::watch;

use crate::room::{Cameras, DEFAULT_LEASE_SECONDS, Principal, Rights};

/// Log-ins of one viewer's token, beyond which the oldest without a connection ends. A shared link is opened by many
/// browsers, each a log-in; more than [`crate::room::MAX_CONNECTIONS_PER_USER`], so a page that is open stays.
/// Bounds the table, since every entry belongs to an enrolled viewer.
const MAX_LOGINS_PER_VIEWER: usize = 256;

/// The SHA-256 digest of a secret. Secrets are 256 random bits, so they need no slow hash.
#[derive(Clone, Copy)]
pub struct SecretDigest([u8; 32]);

impl SecretDigest {
    /// The digest of a secret.
    pub fn of(secret: &str) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, secret.as_bytes()).as_ref());
        Self(bytes)
    }

    /// Reads 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(bytes))
    }

    /// The digest as 64 hexadecimal digits.
    pub fn to_hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Compares in constant time.
    pub fn matches(&self, other: &Self) -> bool {
        verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretDigest(..)")
    }
}

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

struct Login {
    token: SecretDigest,
    /// When it ends. Its connections watch this, and end when it is dropped.
    until: watch::Sender<Instant>,
}

/// A log-in as a connection sees it.
pub(crate) type LoginEnd = watch::Receiver<Instant>;

#[derive(Default)]
pub(crate) struct Registry {
    cameras: BTreeMap<String, CameraEntry>,
    viewers: BTreeMap<String, ViewerEntry>,
    /// By the digest of the cookie.
    logins: HashMap<[u8; 32], Login>,
}

impl Registry {
    pub(crate) fn has_camera(&self, id: &str) -> bool {
        self.cameras.contains_key(id)
    }

    pub(crate) fn camera_count(&self) -> usize {
        self.cameras.len()
    }

    pub(crate) fn add_camera(&mut self, camera: CameraEntry) {
        self.cameras.insert(camera.id.clone(), camera);
    }

    /// Whether there was one.
    pub(crate) fn remove_camera(&mut self, id: &str) -> bool {
        for viewer in self.viewers.values_mut() {
            // Another camera may get this id, and is not for everyone who might see the old one.
            if let Cameras::Only(ids) = &mut viewer.cameras {
                ids.remove(id);
            }
        }
        self.cameras.remove(id).is_some()
    }

    pub(crate) fn camera(&self, id: &str) -> Option<&CameraEntry> {
        self.cameras.get(id)
    }

    /// Whether it replaced an earlier one of the same name.
    pub(crate) fn add_viewer(&mut self, viewer: ViewerEntry) -> bool {
        let old = self.viewers.insert(viewer.user.clone(), viewer);
        self.log_out_unknown();
        old.is_some()
    }

    /// Whether a viewer of this name has this token already.
    pub(crate) fn is_same_viewer(&self, viewer: &ViewerEntry) -> bool {
        let old = self.viewers.get(&viewer.user);
        old.is_some_and(|old| old.token.matches(&viewer.token))
    }

    /// Whether there was one.
    pub(crate) fn remove_viewer(&mut self, user: &str) -> bool {
        let old = self.viewers.remove(user);
        self.log_out_unknown();
        old.is_some()
    }

    fn log_out_unknown(&mut self) {
        let tokens: BTreeSet<_> = self.viewers.values().map(|viewer| viewer.token.0).collect();
        self.logins
            .retain(|_, login| tokens.contains(&login.token.0));
    }

    /// Whose secret this is. Compares with every entry, each in constant time, so that the time
    /// taken says nothing about how near a guess came.
    pub(crate) fn identify(&self, secret: &SecretDigest) -> Option<Principal> {
        let camera = every(self.cameras.values(), |camera| {
            camera.secret.matches(secret)
        });
        let viewer = every(self.viewers.values(), |viewer| viewer.token.matches(secret));
        let camera = camera.map(|camera| Principal::Camera {
            id: camera.id.clone(),
        });
        camera.or_else(|| viewer.map(|viewer| Principal::Viewer(viewer.rights())))
    }

    /// Remembers until `until` that the bearer of `cookie` has shown the viewer's `token`.
    pub(crate) fn log_in(
        &mut self,
        cookie: &str,
        token: SecretDigest,
        now: Instant,
        until: Instant,
    ) {
        self.logins.retain(|_, login| *login.until.borrow() > now);
        let own = self
            .logins
            .iter()
            .filter(|(_, login)| login.token.0 == token.0);
        let mut own: Vec<_> = own
            .map(|(cookie, login)| {
                let connected = login.until.receiver_count() > 0;
                (connected, *login.until.borrow(), *cookie)
            })
            .collect();
        own.sort();
        let surplus = (own.len() + 1).saturating_sub(MAX_LOGINS_PER_VIEWER);
        for (_, _, oldest) in own.into_iter().take(surplus) {
            self.logins.remove(&oldest);
        }
        let login = Login {
            token,
            until: watch::Sender::new(until),
        };
        self.logins.insert(SecretDigest::of(cookie).0, login);
    }

    /// The bearer of `cookie` has shown `token` again. Whether the cookie was of that token and goes on until `until`.
    pub(crate) fn log_in_again(
        &mut self,
        cookie: &str,
        token: SecretDigest,
        now: Instant,
        until: Instant,
    ) -> bool {
        let login = self.logins.get(&SecretDigest::of(cookie).0);
        let login = login.filter(|l| l.token.matches(&token) && *l.until.borrow() > now);
        if let Some(login) = login {
            login.until.send_replace(until);
        }
        login.is_some()
    }

    /// The viewer's token behind a cookie. The table is keyed by digest, which no one can aim at.
    pub(crate) fn logged_in(&self, cookie: &str, now: Instant) -> Option<(SecretDigest, LoginEnd)> {
        let login = self.logins.get(&SecretDigest::of(cookie).0)?;
        (*login.until.borrow() > now).then(|| (login.token, login.until.subscribe()))
    }

    /// Ends a log-in and, with it, the connections made by it.
    pub(crate) fn log_out(&mut self, cookie: &str) {
        self.logins.remove(&SecretDigest::of(cookie).0);
    }
}

/// Finds what matches, and looks at the rest as well.
fn every<T>(entries: impl Iterator<Item = T>, matches: impl Fn(&T) -> bool) -> Option<T> {
    entries.fold(
        None,
        |found, entry| if matches(&entry) { Some(entry) } else { found },
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_secret_is_known_by_its_digest_alone() {
        let mut registry = Registry::default();
        registry.add_viewer(ViewerEntry::new("alice", "t0ken"));
        assert!(registry.identify(&SecretDigest::of("t0ken")).is_some());
        assert!(registry.identify(&SecretDigest::of("t0kem")).is_none());
    }

    #[test]
    fn a_digest_reads_back_from_hex_and_nothing_else_does() {
        let digest = SecretDigest::of("abc");
        assert!(
            SecretDigest::from_hex(&digest.to_hex())
                .unwrap()
                .matches(&digest)
        );
        for bad in ["", "00", &"g".repeat(64), &"+1".repeat(32), &"é".repeat(32)] {
            assert!(SecretDigest::from_hex(bad).is_none(), "{bad}");
        }
    }

    const LIFETIME: Duration = Duration::from_secs(100);

    fn registry_of_alice() -> (Registry, SecretDigest, Instant) {
        let mut registry = Registry::default();
        let viewer = ViewerEntry::new("alice", "t");
        let token = viewer.token;
        registry.add_viewer(viewer);
        (registry, token, Instant::now())
    }

    #[test]
    fn a_login_ends_after_its_lifetime_and_with_its_viewer() {
        let (mut registry, token, start) = registry_of_alice();
        registry.log_in("cookie", token, start, start + LIFETIME);
        let half = start + LIFETIME / 2;
        assert!(registry.logged_in("cookie", half).is_some());
        assert!(registry.logged_in("cookie", start + LIFETIME).is_none());
        registry.remove_viewer("alice");
        assert!(registry.logged_in("cookie", start).is_none());
    }

    #[test]
    fn a_cookie_goes_on_when_its_own_token_is_shown_again() {
        let (mut registry, token, start) = registry_of_alice();
        registry.log_in("cookie", token, start, start + LIFETIME);
        let (_, end) = registry.logged_in("cookie", start).unwrap();
        let later = start + LIFETIME * 2;
        assert!(!registry.log_in_again("cookie", SecretDigest::of("other"), start, later));
        assert!(!registry.log_in_again("unknown", token, start, later));
        assert_eq!(*end.borrow(), start + LIFETIME);
        assert!(registry.log_in_again("cookie", token, start, later));
        assert_eq!(*end.borrow(), later);
        assert!(!registry.log_in_again("cookie", token, later, later + LIFETIME));
    }

    #[test]
    fn a_login_that_ends_is_seen_by_its_connections() {
        let (mut registry, token, start) = registry_of_alice();
        registry.log_in("cookie", token, start, start + LIFETIME);
        let (_, end) = registry.logged_in("cookie", start).unwrap();
        assert!(end.has_changed().is_ok());
        registry.log_out("cookie");
        assert!(end.has_changed().is_err());
    }

    #[test]
    fn too_many_logins_of_one_viewer_end_the_oldest_that_is_not_connected() {
        let (mut registry, token, start) = registry_of_alice();
        let mut connected = None;
        for n in 0..=MAX_LOGINS_PER_VIEWER {
            let now = start + Duration::from_millis(n as u64);
            registry.log_in(&format!("cookie {n}"), token, now, now + LIFETIME);
            connected = connected.or_else(|| registry.logged_in("cookie 0", now));
        }
        assert!(registry.logged_in("cookie 0", start).is_some());
        assert!(registry.logged_in("cookie 1", start).is_none());
        assert!(registry.logged_in("cookie 2", start).is_some());
        assert_eq!(registry.logins.len(), MAX_LOGINS_PER_VIEWER);
    }
}
