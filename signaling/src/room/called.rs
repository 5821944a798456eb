// SPDX-License-Identifier: MPL-2.0
//! What a guest wants to be called. Who comes by a link has no name of its own, and two of one link are alike to everybody.
//! What they say is shown beside what they are, and never in its place: anybody can say any name.

use std::sync::Arc;

use porthole_protocol::wire::Code;

use super::now::Now;
use super::{ClientId, Event, Refusal, Room, UNKNOWN_SENDER};

/// Longest name, in characters: half a line of a page.
const MAX_CALLED_CHARS: usize = 40;

impl Room {
    pub(super) fn call_me(&mut self, from: ClientId, name: &str, now: Now) -> Result<(), Refusal> {
        let is_guest = self.user_of(from).is_some_and(|user| user.rights.shared);
        if !is_guest {
            // Who has an account has a name. An error would be taken for the answer to what else was asked.
            return Ok(());
        }
        let name = name.trim();
        if name.chars().count() > MAX_CALLED_CHARS || name.chars().any(char::is_control) {
            return Err(Refusal::new(
                Code::BadMessage,
                "a guest's name has up to 40 characters, and no control characters",
            ));
        }
        let client = self.clients.get_mut(&from).ok_or(UNKNOWN_SENDER)?;
        client.called = Some(Arc::from(name)).filter(|name: &Arc<str>| !name.is_empty());
        for id in client.sessions.clone() {
            self.name_session(from, &id, now);
        }
        self.tell_nodes_of_viewer(from);
        Ok(())
    }

    /// Calls a session's viewer by what its connection says.
    pub(super) fn name_session(&mut self, viewer: ClientId, id: &str, now: Now) {
        let called = self
            .clients
            .get(&viewer)
            .and_then(|client| client.called.clone());
        let known = self.sessions.get(id);
        let Some(session) = known.filter(|session| session.called != called) else {
            return;
        };
        self.happened(Event::GuestNamed {
            session: id.to_owned(),
            user: session.whose.user.to_string(),
            called: called.as_deref().map(str::to_owned),
            camera: session.camera_id.clone(),
        });
        self.change_session(id, |session| session.called = called);
        // Where there is nothing to renew it ends, by itself and for a reason of its own.
        let _ = self.renew(id, Vec::new(), now);
    }
}
