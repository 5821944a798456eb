// SPDX-License-Identifier: MPL-2.0
//! Who watches: what the sink remembers of each admitted session. Pure.

use std::{collections::BTreeMap, time::Instant};

use porthole_protocol::grant::Permission;

use crate::signaller::link::Event;

/// One admitted session.
#[derive(Clone, Debug)]
pub(crate) struct Viewer {
    pub(crate) user: String,
    pub(crate) permissions: Vec<Permission>,
    pub(crate) since: Instant,
    pub(crate) until: Instant,
}

/// The sessions, and how many were turned away since the start.
#[derive(Clone, Debug, Default)]
pub(crate) struct Viewers {
    pub(crate) sessions: BTreeMap<String, Viewer>,
    pub(crate) refused: u32,
}

impl Viewers {
    /// Keeps up with what the link reports.
    pub(crate) fn follow(&mut self, event: &Event, now: Instant) {
        match event {
            Event::Joined {
                session,
                user,
                permissions,
                until,
            } => {
                let viewer = Viewer {
                    user: user.clone(),
                    permissions: permissions.clone(),
                    since: now,
                    until: *until,
                };
                self.sessions.insert(session.clone(), viewer);
            }
            Event::Renewed {
                session,
                permissions,
                until,
            } => {
                if let Some(viewer) = self.sessions.get_mut(session) {
                    viewer.permissions.clone_from(permissions);
                    viewer.until = *until;
                }
            }
            Event::Left { session, .. } => {
                self.sessions.remove(session);
            }
            Event::Refused { .. } => self.refused = self.refused.saturating_add(1),
            Event::Online | Event::Offline { .. } => (),
        }
    }

    pub(crate) fn may(&self, session: &str, permission: Permission) -> bool {
        self.sessions
            .get(session)
            .is_some_and(|viewer| viewer.permissions.contains(&permission))
    }
}

/// `view listen`, as bus messages and statistics show permissions.
pub(crate) fn in_words(permissions: &[Permission]) -> String {
    permissions
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(" ")
}
