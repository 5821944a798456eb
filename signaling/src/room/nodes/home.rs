// SPDX-License-Identifier: MPL-2.0
//! Viewers of this server whose sessions are at the cameras of others.

use std::collections::BTreeSet;

use porthole_protocol::wire::{ClientExtension, ClientMessage, Code, IncomingMessage};

use super::{ClientId, NodeId, NodeMessage, ViewerOfNode};
use crate::room::limits::MAX_SESSIONS_PER_VIEWER;
use crate::room::{LOGIN_OVER, Now, Refusal, Role, Room, UNKNOWN_SENDER};

/// Where a session of one of this server's viewers is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::room) struct Elsewhere {
    /// Whose it is.
    pub(in crate::room) client: ClientId,
    /// The server that has it; `None` while its camera's is not known.
    pub(in crate::room) node: Option<NodeId>,
}

impl Room {
    /// Passes on what a viewer of this server says to another one's camera. What is for this room comes back.
    pub(in crate::room) fn pass_on(
        &mut self,
        from: ClientId,
        message: ClientMessage,
    ) -> Result<Option<ClientMessage>, Refusal> {
        let client = self.clients.get(&from).ok_or(UNKNOWN_SENDER)?;
        if !from.is_here() || !matches!(client.role, Role::Viewer(_)) {
            return Ok(Some(message));
        }
        let session = match &message {
            ClientMessage::Extension(ClientExtension::ViewerStats(stats)) => &stats.session_id,
            ClientMessage::Extension(
                ClientExtension::AnswerCall(call)
                | ClientExtension::DeclineCall(call)
                | ClientExtension::NobodyHome(call)
                | ClientExtension::HangUp(call),
            ) => {
                let Some(node) = self.calls_elsewhere.node(&call.call_id) else {
                    return Ok(Some(message));
                };
                if client.login_over {
                    return Err(LOGIN_OVER);
                }
                self.tell_viewer(node, from);
                self.say(node, from, message);
                return Ok(None);
            }
            ClientMessage::Extension(_) => return Ok(Some(message)),
            ClientMessage::Peer(said) => match &said.message {
                IncomingMessage::StartSession(wanted) => {
                    let Some(node) = self.owner_elsewhere(&wanted.peer_id) else {
                        return Ok(Some(message));
                    };
                    self.check_elsewhere(from)?;
                    self.tell_viewer(node, from);
                    self.say(node, from, message);
                    return Ok(None);
                }
                IncomingMessage::Peer(said) => &said.session_id,
                IncomingMessage::EndSession(end) => &end.session_id,
                _ => return Ok(Some(message)),
            },
        };
        let Some(camera) = client.elsewhere.get(session) else {
            return Ok(Some(message));
        };
        let (camera, session) = (camera.clone(), session.clone());
        let ends = matches!(&message, ClientMessage::Peer(said) if matches!(said.message, IncomingMessage::EndSession(_)));
        let node = self.node_of(&camera, &session);
        if ends {
            // At once: it is not to come back for it, if the link breaks before the answer.
            self.leave_elsewhere(&camera, &session);
        }
        match node {
            Some(node) => self.say(node, from, message),
            None if ends => {
                if let Some(user) = self.user_of(from).map(|user| user.rights.user.clone()) {
                    self.remember_left(&session, &user, &camera);
                }
            }
            // What is said while the other end is away is lost, as it would be on the wire.
            None => (),
        }
        if ends {
            self.drop_if_over(from, self.clock);
        }
        Ok(None)
    }

    /// A viewer of this server that has shown a session's secret is back for it, at another one's camera.
    pub(in crate::room) fn back_elsewhere(
        &mut self,
        viewer: ClientId,
        camera: &str,
        session: &str,
    ) -> Result<bool, Refusal> {
        let Some(node) = self.owner_elsewhere(camera).filter(|_| viewer.is_here()) else {
            return Ok(false);
        };
        self.check_elsewhere(viewer)?;
        self.is_elsewhere(camera, session, viewer, None);
        self.send_back(node, viewer, camera, session);
        Ok(true)
    }

    /// Whether a viewer may begin something at another server's camera. The rest is that server's to say.
    fn check_elsewhere(&self, viewer: ClientId) -> Result<(), Refusal> {
        let client = self.clients.get(&viewer).ok_or(UNKNOWN_SENDER)?;
        if client.login_over {
            return Err(LOGIN_OVER);
        }
        let own = client.sessions.len() + client.awaited.len() + client.elsewhere.len();
        if own >= MAX_SESSIONS_PER_VIEWER {
            return Err(Refusal::new(
                Code::TooMany,
                "too many sessions: end one first",
            ));
        }
        Ok(())
    }

    fn node_of(&self, camera: &str, session: &str) -> Option<NodeId> {
        self.cameras.get(camera)?.elsewhere.get(session)?.node
    }

    /// Whether a client of this server may be sent what `node` says of a session: not once it is somebody else's.
    pub fn may_hear(&self, client: u64, session: Option<&str>, node: NodeId) -> bool {
        let Some(session) = session else {
            return true;
        };
        let client = ClientId::here(client);
        let known = self
            .clients
            .get(&client)
            .and_then(|c| c.elsewhere.get(session));
        known.is_some_and(|camera| self.node_of(camera, session) == Some(node))
    }

    /// Notes that a session of this viewer's is elsewhere.
    pub(super) fn is_elsewhere(
        &mut self,
        camera_id: &str,
        session: &str,
        client: ClientId,
        node: Option<NodeId>,
    ) {
        let (Some(camera), Some(known)) = (
            self.cameras.get_mut(camera_id),
            self.clients.get_mut(&client),
        ) else {
            return;
        };
        let before = camera
            .elsewhere
            .insert(session.to_owned(), Elsewhere { client, node });
        known
            .elsewhere
            .insert(session.to_owned(), camera_id.to_owned());
        if let Some(before) = before.filter(|before| before.client != client)
            && let Some(before) = self.clients.get_mut(&before.client)
        {
            before.elsewhere.remove(session);
        }
    }

    /// Forgets a session that was elsewhere.
    fn leave_elsewhere(&mut self, camera: &str, session: &str) {
        let camera = self.cameras.get_mut(camera);
        let known = camera.and_then(|camera| camera.elsewhere.remove(session));
        if let Some(client) = known.and_then(|known| self.clients.get_mut(&known.client)) {
            client.elsewhere.remove(session);
        }
    }

    /// Another server has a session of one of this one's viewers, or has it no more.
    pub(super) fn session_elsewhere(
        &mut self,
        from: NodeId,
        client: u64,
        (camera, session): (&str, String),
        runs: bool,
        now: Now,
    ) {
        let client = ClientId::here(client);
        if runs {
            if !self.clients.contains_key(&client) {
                // It left while its session began.
                let client = client.number;
                return self.tell_node(from, NodeMessage::Gone { client });
            }
            // What an older owner says has no effect.
            if self.owner_elsewhere(camera) == Some(from) {
                self.is_elsewhere(camera, &session, client, Some(from));
            }
            return;
        }
        let known = self.cameras.get(camera);
        let known = known.and_then(|camera| camera.elsewhere.get(&session));
        if known.is_some_and(|known| (known.client, known.node) == (client, Some(from))) {
            self.leave_elsewhere(camera, &session);
            self.drop_if_over(client, now);
        }
    }

    /// A camera is another server's now: those of this one's viewers who have sessions there go after it.
    pub(super) fn follow_camera(&mut self, camera_id: &str, node: NodeId) {
        let Some(camera) = self.cameras.get(camera_id) else {
            return;
        };
        let all = camera.elsewhere.iter();
        let all: Vec<_> = all.map(|(id, known)| (id.clone(), known.client)).collect();
        for (session, client) in all {
            self.send_back(node, client, camera_id, &session);
        }
    }

    /// A camera is this server's now: those of its viewers who have sessions there wait until it has said which it has.
    pub(in crate::room) fn bring_home(&mut self, camera_id: &str) {
        let Some(camera) = self.cameras.get_mut(camera_id) else {
            return;
        };
        for (session, known) in std::mem::take(&mut camera.elsewhere) {
            if let Some(client) = self.clients.get_mut(&known.client) {
                client.elsewhere.remove(&session);
                client.awaited.insert(session.clone(), camera_id.to_owned());
                camera.awaited.insert((session, known.client));
            }
        }
    }

    /// A server is gone: where the sessions are that it had shows when their cameras connect to another.
    pub(super) fn sessions_lost_at(&mut self, node: NodeId) {
        let all = self.cameras.values_mut();
        for known in all.flat_map(|camera| camera.elsewhere.values_mut()) {
            if known.node == Some(node) {
                known.node = None;
            }
        }
    }

    /// A viewer leaves all that it has elsewhere: since its connection is gone, or because it may not watch any more.
    pub(in crate::room) fn leave_nodes(&mut self, viewer: ClientId, may_not: bool) {
        let Some(client) = self.clients.get_mut(&viewer) else {
            return;
        };
        let mut nodes = BTreeSet::new();
        for (session, camera) in std::mem::take(&mut client.elsewhere) {
            let camera = self.cameras.get_mut(&camera);
            let known = camera.and_then(|camera| camera.elsewhere.remove(&session));
            nodes.extend(known.and_then(|known| known.node));
        }
        let client = viewer.number;
        for node in nodes {
            let message = match may_not {
                true => NodeMessage::LoggedOut { client },
                false => NodeMessage::Gone { client },
            };
            self.tell_node(node, message);
        }
    }

    /// What has changed of a viewer is told where it has sessions.
    pub(in crate::room) fn tell_nodes_of_viewer(&mut self, viewer: ClientId) {
        let Some(client) = self.clients.get(&viewer) else {
            return;
        };
        let nodes = client.elsewhere.iter();
        let nodes: BTreeSet<_> = nodes
            .filter_map(|(session, camera)| self.node_of(camera, session))
            .collect();
        for node in nodes {
            self.tell_viewer(node, viewer);
        }
    }

    fn send_back(&mut self, node: NodeId, viewer: ClientId, camera: &str, session: &str) {
        let known = self.cameras.get_mut(camera);
        if let Some(known) = known.and_then(|camera| camera.elsewhere.get_mut(session)) {
            known.node = Some(node);
        }
        self.tell_viewer(node, viewer);
        let back = NodeMessage::Back {
            client: viewer.number,
            camera: camera.to_owned(),
            session: session.to_owned(),
        };
        self.tell_node(node, back);
    }

    fn say(&mut self, node: NodeId, viewer: ClientId, message: ClientMessage) {
        let said = NodeMessage::Said {
            client: viewer.number,
            message: Box::new(message),
        };
        self.tell_node(node, said);
    }

    /// Who a viewer of this server is, for one that may not have heard of it.
    fn tell_viewer(&mut self, node: NodeId, viewer: ClientId) {
        let (Some(client), Some(user)) = (self.clients.get(&viewer), self.user_of(viewer)) else {
            return;
        };
        let whose = user.kept.id();
        let viewer_of_node = ViewerOfNode {
            rights: whose.token.is_some().then(|| user.kept.clone()),
            whose,
            network: client.network,
            peer_id: client.peer_id.clone(),
            announced: client.announced.is_some(),
            offers: client.announced.as_ref().is_some_and(|a| a.offers),
            called: client.called.clone(),
        };
        let viewer = NodeMessage::Viewer {
            client: viewer.number,
            viewer: viewer_of_node,
        };
        self.tell_node(node, viewer);
    }
}
