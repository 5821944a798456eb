// SPDX-License-Identifier: MPL-2.0
//! Calls of other servers' cameras that ring people who are connected here.

use std::collections::BTreeMap;
use std::sync::Arc;

use porthole_protocol::wire::{CallState, Extension, ViewerCall};

use super::{NodeId, NodeMessage};
use crate::model::Window;
use crate::room::{Action, ClientId, Now, Outgoing, Room};

/// Calls of other servers that are remembered. Beyond that people hear of a call, and cannot answer it from here.
const MAX_CALLS: usize = 1024;

/// A call at another server's camera.
struct Known {
    /// Which server has it; `None` while that is not known.
    node: Option<NodeId>,
    window: Window,
    /// As each of those was told whom it rings: by the name of an account, or of the call's own link.
    told: BTreeMap<Arc<str>, ViewerCall>,
}

/// Those that ring people at this server, or may.
#[derive(Default)]
pub(in crate::room) struct CallsElsewhere(BTreeMap<String, Known>);

impl CallsElsewhere {
    /// The cameras at which such calls ring someone.
    pub(in crate::room) fn of(&self, user: &str) -> impl Iterator<Item = (&str, Window)> {
        let all = self.0.values();
        let own = all.filter_map(move |known| Some((known.told.get(user)?, known.window)));
        own.map(|(call, window)| (call.camera.as_str(), window))
    }

    fn told<'a>(&'a self, user: &'a str) -> impl Iterator<Item = &'a ViewerCall> {
        self.0
            .values()
            .filter_map(move |known| known.told.get(user))
    }

    /// The server to which what is said to a call is passed on.
    pub(super) fn node(&self, call: &str) -> Option<NodeId> {
        self.0.get(call)?.node
    }
}

impl Room {
    /// Someone is rung, or hears of what became of that: by the names under which it may be connected to any server.
    pub(in crate::room) fn tell_nodes_of_call(
        &mut self,
        users: [Arc<str>; 2],
        window: Window,
        call: &ViewerCall,
    ) {
        for node in self.nodes.clone() {
            let users = users.to_vec();
            let call = call.clone();
            self.tell_node(
                node,
                NodeMessage::Call {
                    users,
                    window,
                    call,
                },
            );
        }
    }

    /// There is a picture of the press that made a call, which may be another server's.
    pub(in crate::room) fn tell_nodes_of_picture(&mut self, call: &str) {
        if self.calls.camera_of(call).is_some() {
            return;
        }
        for node in self.nodes.clone() {
            let call = call.to_owned();
            self.tell_node(node, NodeMessage::Picture { call });
        }
    }

    /// What another server says of a call.
    pub(super) fn call_elsewhere(
        &mut self,
        from: NodeId,
        users: Vec<Arc<str>>,
        window: Window,
        call: ViewerCall,
        now: Now,
    ) {
        if self.owner_elsewhere(&call.camera) != Some(from) {
            return;
        }
        let id = call.id.clone();
        let is_over = call.state == CallState::Ended;
        let all = &mut self.calls_elsewhere.0;
        if !is_over && (all.len() < MAX_CALLS || all.contains_key(&id)) {
            let known = all.entry(id.clone()).or_insert_with(|| Known {
                node: None,
                window,
                told: BTreeMap::new(),
            });
            (known.node, known.window) = (Some(from), window);
            for user in &users {
                known.told.insert(user.clone(), call.clone());
            }
        }
        if is_over && let Some(known) = all.get_mut(&id) {
            known.told.retain(|user, _| !users.contains(user));
            if known.told.is_empty() {
                all.remove(&id);
            }
        }
        // Before it hears of the call, since it may look at once; and of the end before its right is gone.
        if !is_over {
            self.rights_follow(&users, now);
        }
        let here = users.iter().flat_map(|user| self.all_of(user));
        let here = here.flat_map(|user| &user.connections).copied();
        let here = here.filter(|client| client.is_here() && self.has_announced(*client));
        let here: Vec<ClientId> = here.collect();
        if !here.is_empty() {
            let message = Outgoing::Extension(Extension::Call { call });
            self.actions.push(Action::SendAll(here, message));
        }
        if is_over {
            self.rights_follow(&users, now);
        }
    }

    fn rights_follow(&mut self, users: &[Arc<str>], now: Now) {
        for user in users {
            self.rights_follow_calls(user, now);
        }
    }

    /// A viewer has announced itself: it hears of the calls of other servers' cameras too.
    pub(in crate::room) fn tell_calls_elsewhere(&mut self, client: ClientId) {
        let Some(user) = self.user_of(client).map(|user| user.rights.user.clone()) else {
            return;
        };
        let calls: Vec<_> = self.calls_elsewhere.told(&user).cloned().collect();
        for call in calls {
            self.extend(client, Extension::Call { call });
        }
    }

    /// A server is gone: whoever has its camera next tells of the call again, if it goes on.
    pub(super) fn calls_lost_at(&mut self, node: NodeId) {
        for known in self.calls_elsewhere.0.values_mut() {
            if known.node == Some(node) {
                known.node = None;
            }
        }
    }

    /// Forgets what is over at the latest by now, in whatever way it ended.
    pub(super) fn forget_calls_elsewhere(&mut self, now: Now) {
        let is_over = |known: &Known| known.window.end <= now.wall;
        let over: Vec<_> = self
            .calls_elsewhere
            .0
            .extract_if(.., |_, known| is_over(known))
            .collect();
        for (_, known) in over {
            let users: Vec<_> = known.told.into_keys().collect();
            self.rights_follow(&users, now);
        }
    }
}
