// SPDX-License-Identifier: MPL-2.0
//! The one way from the database to memory: what the database has of something now is taken over, and whoever runs by it hears.
//!
//! All of these are called while nobody else changes anything (see `Access::order`).

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

use super::Access;
use super::visit::left;
use crate::hub::Change;
use crate::lock::lock;
use crate::model::{Booking, Camera, Holder, Login, Role, Share, User};
use crate::registry::{Account, CameraEntry, Kept, Origin};
use crate::rights::{Rights, RightsId, Rule, share_user};

impl Access {
    /// A user, or that there is none of this name. Whether it is to log in again.
    pub(super) fn apply_user(&self, name: &str, user: Option<User>) -> bool {
        let Some(user) = user else {
            lock(&self.ledger).remove_user(name);
            self.forget_account(name);
            return true;
        };
        let origin = lock(&self.registry)
            .account(name)
            .map(|account| account.origin);
        if origin == Some(Origin::File) {
            // Another server on the same database has added it.
            tracing::error!(
                user = name,
                "this user is in the configuration file, and stays as it is there"
            );
            return false;
        }
        let (rights, before) = {
            let mut ledger = lock(&self.ledger);
            let before = ledger.user(name).cloned();
            (ledger.put_user(user.clone()), before)
        };
        let differs = |differs: &dyn Fn(&User) -> bool| before.as_ref().is_some_and(differs);
        if differs(&|before| before.token != user.token) {
            // What was let in by the old link is out.
            self.tell_removed([RightsId::account(name)]);
        }
        self.put_account(account(&user, rights));
        differs(&|before| {
            (&before.password, before.token, before.role) != (&user.password, user.token, user.role)
        })
    }

    /// Ends what runs for a user, who stays what it is: also what it watches by its own link.
    pub(super) fn sign_out_here(&self, name: &str) {
        let rights = lock(&self.ledger).rights(name);
        let mut registry = lock(&self.registry);
        registry.logins.remove_all(name, None);
        self.tell_removed([RightsId::account(name)]);
        if let Some(rights) = rights {
            self.tell(Change::ViewerSet { rights });
        }
    }

    /// The log-ins of a user or of a share link. Others end; of those that are over by themselves and by which a session goes
    /// on, if its user is to log in `anew`.
    pub(super) fn apply_logins(&self, user: &str, logins: Vec<Login>, now: Timestamp, anew: bool) {
        let mut registry = lock(&self.registry);
        let origin = registry.account(user).map(|account| account.origin);
        if origin != Some(Origin::Store) {
            return;
        }
        let mono = Instant::now();
        if anew {
            registry.logins.remove_over(user, mono);
        }
        let kept = logins.into_iter().map(|login| Kept {
            cookie: login.cookie,
            made: login.created,
            until: self.end_of(&login, now, mono),
        });
        registry.logins.agree(user, kept.collect(), mono);
    }

    /// When a log-in of the database ends.
    pub(super) fn end_of(&self, login: &Login, now: Timestamp, mono: Instant) -> Instant {
        let left = left(login.until, now);
        mono + match login.holder {
            Holder::User(_) => left.min(self.login),
            Holder::Share(_) => left,
        }
    }

    /// A camera, or that there is none of this id.
    pub(super) fn apply_camera(&self, id: &str, camera: Option<Camera>, now: Timestamp) {
        let Some(camera) = camera else {
            lock(&self.ledger).cameras.remove(id);
            return self.forget_camera(id, now);
        };
        let origin = lock(&self.registry).camera(id).map(|camera| camera.origin);
        if origin == Some(Origin::File) {
            tracing::error!(
                camera = id,
                "this camera is in the configuration file, and stays as it is there"
            );
            return;
        }
        let before = lock(&self.ledger)
            .cameras
            .insert(id.to_owned(), camera.clone());
        let is_rotated = before.is_some_and(|before| before.secret != camera.secret);
        let mut registry = lock(&self.registry);
        if is_rotated {
            self.tell(Change::CameraRemoved { id: id.to_owned() });
        }
        registry.put_camera(entry(&camera), Origin::Store);
        self.tell(Change::CameraAdded {
            id: camera.id,
            name: camera.name,
        });
        if is_rotated {
            // The hub has forgotten who may see it.
            for rights in registry.rights_at(id) {
                self.tell(Change::ViewerSet { rights });
            }
        }
    }

    fn forget_camera(&self, id: &str, now: Timestamp) {
        let changed = {
            let mut registry = lock(&self.registry);
            let known = registry.camera(id).map(|camera| camera.origin);
            // One of the configuration file is not the database's to remove.
            if known != Some(Origin::Store) {
                return;
            }
            let changed = registry.remove_camera(id).unwrap_or_default();
            self.tell(Change::CameraRemoved { id: id.to_owned() });
            for rights in &changed {
                let rights = rights.clone();
                self.tell(Change::ViewerSet { rights });
            }
            changed
        };
        for rights in changed {
            match rights.user.strip_prefix("share:") {
                Some(link) => self.apply_share(link, None, now),
                None => lock(&self.ledger).without_camera(&rights),
            }
        }
    }

    /// A booking whose last window ends at that time, or that there is none of this id.
    pub(super) fn apply_booking(
        &self,
        id: &str,
        booking: Option<(Booking, Timestamp)>,
        now: Timestamp,
    ) {
        let changed = {
            let mut ledger = lock(&self.ledger);
            match booking.filter(|(_, over)| *over > now) {
                Some((booking, over)) => ledger.put_booking(&booking, over),
                None => ledger.remove_booking(id).into_iter().collect(),
            }
        };
        for rights in changed {
            self.announce(rights);
        }
    }

    /// A share link, or that there is none of this id.
    pub(super) fn apply_share(&self, id: &str, share: Option<Share>, now: Timestamp) {
        let before = lock(&self.ledger).share(id).map(|share| share.secret);
        let user = share_user(id);
        let Some(share) = share else {
            lock(&self.ledger).remove_share(id);
            return self.forget_account(&user);
        };
        if before.is_some_and(|before| before != share.secret) {
            // Whoever has opened the old one is out.
            self.forget_account(&user);
        }
        lock(&self.ledger).put_share(share.clone());
        if share.window.end > now {
            self.put_account(share_account(&share));
        }
    }

    fn put_account(&self, account: Account) {
        let rights = account.rights.clone();
        let mut registry = lock(&self.registry);
        let visitors = registry.put_account(account);
        // Sent under the lock, so that the hub hears of changes in the order they were made.
        self.tell_removed(visitors);
        self.tell(Change::ViewerSet { rights });
    }

    /// Tells registry and hub what a user may do now.
    fn announce(&self, rights: Arc<Rights>) {
        let mut registry = lock(&self.registry);
        registry.set_rights(rights.clone());
        self.tell(Change::ViewerSet { rights });
    }

    /// Ends what runs for a user or a share link that is there no more.
    pub(super) fn forget_account(&self, user: &str) {
        let mut registry = lock(&self.registry);
        let known = registry.account(user).map(|account| account.origin);
        if known == Some(Origin::Store) && registry.remove_account(user) {
            self.tell_removed([RightsId::account(user)]);
        }
    }

    /// Forgets what is over: it stays in the database for whoever looks it up.
    pub(super) fn forget_over(&self, now: Timestamp, links: Timestamp) {
        let (changed, over) = lock(&self.ledger).forget(now, links);
        for rights in changed {
            self.announce(rights);
        }
        for link in over {
            self.forget_account(&share_user(&link));
        }
    }
}

/// A user's account.
pub(super) fn account(user: &User, rights: Arc<Rights>) -> Account {
    Account {
        rights,
        role: user.role,
        token: user.token,
        origin: Origin::Store,
    }
}

/// The account of whoever opens a link.
pub(super) fn share_account(share: &Share) -> Account {
    let rights = Rights::new(share_user(&share.id), [Rule::share(share)]).shared(true);
    Account {
        rights: rights.into(),
        role: Role::Viewer,
        token: None,
        origin: Origin::Store,
    }
}

/// What the registry knows of a camera.
pub(super) fn entry(camera: &Camera) -> CameraEntry {
    CameraEntry {
        id: camera.id.clone(),
        name: camera.name.clone(),
        secret: camera.secret,
    }
}
