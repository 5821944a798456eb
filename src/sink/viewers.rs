// SPDX-License-Identifier: MPL-2.0
//! Who watches: what the sink remembers of each admitted session. Pure.

use std::{collections::BTreeMap, time::Instant};

use porthole_protocol::grant::Permission;

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
