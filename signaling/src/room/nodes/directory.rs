// SPDX-License-Identifier: MPL-2.0
//! Which camera is connected to which server.

use std::collections::BTreeMap;

use porthole_protocol::wire::{Code, PeerRole};
use serde_json::Value;

use super::{ClientId, NodeId, NodeMessage, OwnedCamera};
use crate::room::admission::REPLACED;
use crate::room::table::Tell;
use crate::room::{Action, Listed, Now, Room};

/// Cameras that one message names: with the largest `meta` of each (1 KiB) it stays well below what NATS takes (1 MiB).
const OWNED_PART: usize = 256;

/// Cameras of which others speak before the database does: a fleet that is enrolled at once.
const MAX_EARLY: usize = 1024;

/// Whose a camera is, and since which of its connections.
#[derive(Clone, Copy, Default)]
pub(in crate::room) struct Fence {
    /// The server it is connected to, or was last.
    pub(in crate::room) owner: Option<NodeId>,
    /// Of the connection by which it is.
    pub(in crate::room) number: u64,
    /// Of the connection that comes next, if the database has given it already.
    claimed: Option<u64>,
}

impl Fence {
    /// This server's, by one more connection; `false` if another has a later one already.
    pub(in crate::room) fn take(&mut self) -> bool {
        let number = self.claimed.take().unwrap_or(self.number + 1);
        let is_latest = number > self.number;
        if is_latest {
            (self.owner, self.number) = (Some(NodeId::HERE), number);
        }
        is_latest
    }
}

/// What others said of cameras that were enrolled a moment ago, of which this server hears from the database.
#[derive(Default)]
pub(in crate::room) struct Early(BTreeMap<String, (NodeId, OwnedCamera)>);

impl Early {
    fn remember(&mut self, node: NodeId, owned: OwnedCamera) {
        let is_later = |known: &(NodeId, OwnedCamera)| known.1.fence <= owned.fence;
        let known = self.0.get(&owned.id);
        if known.map_or(self.0.len() < MAX_EARLY, is_later) {
            self.0.insert(owned.id.clone(), (node, owned));
        }
    }
}

impl Room {
    /// A camera was enrolled, of which others may have spoken before.
    pub(in crate::room) fn heard_early(&mut self, id: &str) {
        if let Some((node, owned)) = self.early.0.remove(id)
            && self.nodes.contains(&node)
        {
            self.owned_elsewhere(node, owned, self.clock);
        }
    }

    /// A camera has connected to this server: all hear of it, and those who have its sessions elsewhere come back for them.
    pub(in crate::room) fn came_here(&mut self, id: &str) {
        // What another said of it counts no more.
        self.unlist(id);
        self.bring_home(id);
        self.tell_nodes_of(id);
    }

    /// The next connection of a camera to this server has this fence, which the database gave it.
    pub fn claimed(&mut self, camera: &str, fence: u64) {
        if let Some(camera) = self.cameras.get_mut(camera) {
            camera.fence.claimed = Some(fence);
        }
    }

    /// The other server that decides about a camera.
    pub(crate) fn owner_elsewhere(&self, camera: &str) -> Option<NodeId> {
        let owner = self.cameras.get(camera)?.fence.owner?;
        (owner != NodeId::HERE).then_some(owner)
    }

    /// Tells all that a camera is this server's, and whether it is listed.
    pub(in crate::room) fn tell_nodes_of(&mut self, camera: &str) {
        if self.nodes.is_empty() {
            return;
        }
        let Some(owned) = self.owned(camera) else {
            return;
        };
        for node in self.nodes.clone() {
            let cameras = vec![OwnedCamera {
                id: owned.id.clone(),
                meta: owned.meta.clone(),
                ..owned
            }];
            self.tell_node(node, NodeMessage::Owned { cameras });
        }
    }

    fn owned(&self, id: &str) -> Option<OwnedCamera> {
        let camera = self.cameras.get(id)?;
        (camera.fence.owner == Some(NodeId::HERE)).then(|| OwnedCamera {
            id: id.to_owned(),
            fence: camera.fence.number,
            meta: camera.listed.as_ref().map(|listed| listed.meta.clone()),
        })
    }

    /// Tells one server of all that is this one's.
    pub(super) fn tell_owned(&mut self, node: NodeId) {
        let all = self.cameras.keys().filter_map(|id| self.owned(id));
        let mut all = all.collect::<Vec<_>>().into_iter().peekable();
        while all.peek().is_some() {
            let cameras = all.by_ref().take(OWNED_PART).collect();
            self.tell_node(node, NodeMessage::Owned { cameras });
        }
    }

    /// Another server says that a camera is its own, and whether it is listed.
    pub(super) fn owned_elsewhere(&mut self, node: NodeId, owned: OwnedCamera, now: Now) {
        let OwnedCamera { id, fence, meta } = owned;
        // Of one that was enrolled a moment ago this server hears from the database.
        let Some(camera) = self.cameras.get(&id) else {
            let owned = OwnedCamera { id, fence, meta };
            return self.early.remember(node, owned);
        };
        let known = camera.fence;
        if fence < known.number || (fence == known.number && known.owner == Some(NodeId::HERE)) {
            return;
        }
        let moved = known.owner != Some(node);
        if moved || fence > known.number {
            if known.owner == Some(NodeId::HERE) || known.owner.is_none() {
                self.release(&id, fence, node, now);
            }
            self.unlist(&id);
        }
        if let Some(camera) = self.cameras.get_mut(&id) {
            (camera.fence.owner, camera.fence.number) = (Some(node), fence);
        }
        // Between two of its connections to one server it may have been at another, of which this one has not heard.
        if moved || fence > known.number + 1 {
            self.follow_camera(&id, node);
        }
        match meta {
            Some(meta) => self.show(&id, meta),
            None => self.unlist(&id),
        }
    }

    /// A camera is this server's no more: its connection is dropped, and of its sessions this server forgets what it knew, since they
    /// are the new owner's. Their viewers follow.
    fn release(&mut self, id: &str, fence: u64, node: NodeId, now: Now) {
        let Some(camera) = self.cameras.get_mut(id) else {
            return;
        };
        // Whoever comes by an older fence is too late.
        (camera.fence.owner, camera.fence.number) = (Some(node), fence);
        if let Some(client) = camera.client {
            self.expel(client, Code::Replaced, REPLACED, now);
        }
        let Some(camera) = self.cameras.get(id) else {
            return;
        };
        for session in camera.sessions.clone() {
            if self.is_at_sfu(&session) {
                // The camera does not know of it, and the SFU's client is this server's.
                self.end(&session, Code::CameraGone, Tell::Both);
            } else {
                self.hand_over(id, &session);
            }
        }
        let awaited = self.cameras.get_mut(id);
        let awaited = awaited.map(|camera| std::mem::take(&mut camera.awaited));
        for (session, viewer) in awaited.unwrap_or_default() {
            if let Some(client) = self.clients.get_mut(&viewer) {
                client.awaited.remove(&session);
            }
            self.goes_elsewhere(id, &session, viewer);
        }
    }

    /// Forgets a session that is another server's now.
    fn hand_over(&mut self, camera: &str, id: &str) {
        let Some(session) = self.take_session(id) else {
            return;
        };
        self.forget_idle(&session.whose);
        if let Some(viewer) = session.viewer {
            self.goes_elsewhere(camera, id, viewer);
        }
    }

    /// Of other servers' viewers those hear of the new owner as this one does.
    fn goes_elsewhere(&mut self, camera: &str, session: &str, viewer: ClientId) {
        match viewer.is_here() {
            true => self.is_elsewhere(camera, session, viewer, None),
            false => {
                self.idle_guests.insert(viewer);
            }
        }
    }

    /// A server is gone: nobody knows of its cameras until they connect to another.
    pub(super) fn disown(&mut self, node: NodeId) {
        self.early.0.retain(|_, (from, _)| *from != node);
        let its = self
            .cameras
            .iter()
            .filter(|(_, camera)| camera.fence.owner == Some(node));
        let its: Vec<_> = its.map(|(id, _)| id.clone()).collect();
        for id in its {
            if let Some(camera) = self.cameras.get_mut(&id) {
                camera.fence.owner = None;
            }
            self.unlist(&id);
        }
    }

    fn show(&mut self, id: &str, meta: Value) {
        let Some(camera) = self.cameras.get_mut(id) else {
            return;
        };
        if camera.listed.as_ref().map(|listed| &listed.meta) == Some(&meta) {
            return;
        }
        let is_back = camera.listed.is_none();
        camera.listed = Some(Listed::new(meta.clone(), false));
        if is_back {
            self.actions.push(Action::Online(id.to_owned(), true));
        }
        self.tell_listeners(id, &[PeerRole::Producer], meta);
    }
}
