// SPDX-License-Identifier: MPL-2.0
//! What the database holds that counts now or later, in memory: nobody who asks waits for the database. Pure.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::rights::{self, Booked};
use crate::model::{Camera, Role, Share, User};
use crate::registry::SecretDigest;
use crate::room::Rights;
use crate::store::Snapshot;

#[derive(Default)]
pub(crate) struct Ledger {
    pub(super) users: BTreeMap<String, User>,
    pub(super) cameras: BTreeMap<String, Camera>,
    bookings: HashMap<String, Booked>,
    shares: HashMap<String, Share>,
    shares_by_secret: HashMap<SecretDigest, String>,
}

impl Ledger {
    pub(super) fn new(snapshot: Snapshot) -> Self {
        let by_name = |user: User| (user.name.clone(), user);
        let by_id = |camera: Camera| (camera.id.clone(), camera);
        let mut ledger = Self {
            users: snapshot.users.into_iter().map(by_name).collect(),
            cameras: snapshot.cameras.into_iter().map(by_id).collect(),
            ..Self::default()
        };
        for booked in snapshot.bookings {
            ledger.put_booking(booked);
        }
        for share in snapshot.shares {
            ledger.put_share(share);
        }
        ledger
    }

    /// Forgets bookings that are over at `now`. A share link stays until `links`, so that it can be said to be over.
    pub(super) fn forget(&mut self, now: Timestamp, links: Timestamp) {
        self.bookings.retain(|_, (_, windows)| {
            windows.retain(|window| window.end > now);
            !windows.is_empty()
        });
        self.shares.retain(|_, share| share.window.end > links);
        let shares = &self.shares;
        self.shares_by_secret
            .retain(|_, id| shares.contains_key(id));
    }

    /// What a user may do now and later.
    pub(super) fn rights(&self, user: &User) -> Rights {
        let bookings = self.bookings_of(&user.name);
        match user.role {
            Role::Administrator => rights::administrator(&user.name, bookings),
            Role::Viewer => rights::booked(&user.name, bookings),
        }
    }

    pub(super) fn bookings_of(&self, user: &str) -> impl Iterator<Item = &Booked> {
        self.bookings.values().filter(move |(b, _)| b.user == user)
    }

    pub(super) fn put_booking(&mut self, booked: Booked) {
        self.bookings.insert(booked.0.id.clone(), booked);
    }

    pub(super) fn remove_booking(&mut self, id: &str) -> Option<Booked> {
        self.bookings.remove(id)
    }

    pub(super) fn shares(&self) -> impl Iterator<Item = &Share> {
        self.shares.values()
    }

    pub(super) fn share(&self, id: &str) -> Option<&Share> {
        self.shares.get(id)
    }

    pub(super) fn share_by(&self, secret: &SecretDigest) -> Option<&Share> {
        self.shares.get(self.shares_by_secret.get(secret)?)
    }

    pub(super) fn put_share(&mut self, share: Share) {
        self.remove_share(&share.id);
        self.shares_by_secret.insert(share.secret, share.id.clone());
        self.shares.insert(share.id.clone(), share);
    }

    pub(super) fn remove_share(&mut self, id: &str) {
        if let Some(old) = self.shares.remove(id) {
            self.shares_by_secret.remove(&old.secret);
        }
    }

    /// Removes a user with its bookings.
    pub(super) fn remove_user(&mut self, name: &str) {
        self.users.remove(name);
        self.bookings.retain(|_, (booking, _)| booking.user != name);
    }

    /// Removes a camera with its bookings and share links. Returns whose rights are other ones now, and those links.
    pub(super) fn remove_camera(&mut self, id: &str) -> (Vec<String>, Vec<String>) {
        self.cameras.remove(id);
        let at = self.bookings.values().filter(|(b, _)| b.camera == id);
        let mut users: Vec<_> = at.map(|(booking, _)| booking.user.clone()).collect();
        users.sort_unstable();
        users.dedup();
        self.bookings.retain(|_, (booking, _)| booking.camera != id);
        let links = self.shares.values().filter(|share| share.camera == id);
        let links: Vec<_> = links.map(|share| share.id.clone()).collect();
        for link in &links {
            self.remove_share(link);
        }
        (users, links)
    }
}
