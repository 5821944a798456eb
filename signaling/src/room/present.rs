// SPDX-License-Identifier: MPL-2.0
//! Those who are here: connected as viewers, or with a session that waits for them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

use super::now::Now;
use super::{ClientId, Room};
use crate::rights::{GUEST, Rights, RightsId};

/// Someone who is connected as a viewer, or was and has a session still.
pub(super) struct User {
    /// What is kept of what it may do.
    pub(super) kept: Arc<Rights>,
    /// The same, and what calls that ring it give besides.
    pub(super) rights: Arc<Rights>,
    pub(super) connections: BTreeSet<ClientId>,
    pub(super) sessions: BTreeSet<String>,
    /// The time of day for which its connections were last told of cameras that come and go.
    pub(super) told: Timestamp,
    /// While it is here: when that changes next.
    pub(super) due: Option<Instant>,
}

impl Room {
    /// Those of one name who are here.
    pub(super) fn all_of(&self, user: &str) -> impl Iterator<Item = &User> {
        let own = self.users.range(RightsId::account(user)..);
        let own = own.take_while(move |(id, _)| *id.user == *user);
        own.map(|(_, user)| user)
    }

    /// All the rights that are kept of a name. Of those who are here, as they have heard of them.
    pub(super) fn kept_rights(&self, user: &str) -> Vec<Arc<Rights>> {
        let mut all = match &self.guest {
            Some(guest) if user == GUEST => vec![guest.clone()],
            _ => (self.rights)(user),
        };
        for rights in &mut all {
            if let Some(present) = self.users.get(&rights.id()) {
                *rights = present.kept.clone();
            }
        }
        all
    }

    /// Takes someone in who comes, or whose session is back, with the rights that are kept of it.
    pub(super) fn take_in(&mut self, kept: Arc<Rights>, now: Now) {
        let id = kept.id();
        if !self.users.contains_key(&id) {
            let rights = self.with_calls(&kept);
            self.by_camera.add(&rights);
            self.users.insert(id, User::new(kept, rights, now));
        }
    }

    /// Forgets someone who has left, and whose sessions are over.
    pub(super) fn forget_idle(&mut self, id: &RightsId) {
        let idle = |user: &User| user.connections.is_empty() && user.sessions.is_empty();
        if self.users.get(id).is_some_and(idle)
            && let Some(user) = self.users.remove(id)
        {
            self.by_camera.remove(&user.rights);
            if let Some(due) = user.due {
                self.user_deadlines.remove(&(due, id.clone()));
            }
        }
    }
}

impl User {
    /// Those to this server.
    pub(super) fn connections_here(&self) -> usize {
        let here = self.connections.iter().filter(|client| client.is_here());
        here.count()
    }

    fn new(kept: Arc<Rights>, rights: Arc<Rights>, now: Now) -> Self {
        Self {
            kept,
            rights,
            told: now.wall,
            due: None,
            connections: BTreeSet::new(),
            sessions: BTreeSet::new(),
        }
    }
}
