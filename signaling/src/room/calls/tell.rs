// SPDX-License-Identifier: MPL-2.0
//! Who is told of a call: each connection of each who is rung, and of whoever has opened a link of theirs.

use std::sync::Arc;

use porthole_protocol::wire::{CallPart, Extension, ViewerCall};

use super::bell::Running;
use super::call::Recipient;
use crate::model::Window;
use crate::rights::share_user;
use crate::room::{Action, ClientId, Outgoing, Role, Room};

/// What one person is told of a call.
pub(super) struct Told {
    /// By its connections to this server.
    clients: Vec<ClientId>,
    /// And by those to others, under these names.
    users: [Arc<str>; 2],
    window: Window,
    call: ViewerCall,
}

impl Room {
    /// A viewer has announced itself: it hears of the calls that ring it.
    pub(in crate::room) fn tell_running_calls(&mut self, client: ClientId) {
        let Some(Role::Viewer(whose)) = self.clients.get(&client).map(|client| &client.role) else {
            return;
        };
        let parts = self.calls.of(&whose.user).filter_map(|(camera, running)| {
            let person = running.person(&whose.user)?;
            Some((camera.clone(), person.clone()))
        });
        for (camera, person) in parts.collect::<Vec<_>>() {
            self.tell_of_call(&camera, client, &person);
        }
    }

    /// Tells one connection of someone.
    pub(super) fn tell_of_call(&mut self, camera: &str, client: ClientId, person: &Arc<str>) {
        if let Some(running) = self.calls.at(camera)
            && let Some(you) = running.call.part_of(person)
        {
            let call = self.viewer_call(camera, running, you);
            self.extend(client, Extension::Call { call });
        }
    }

    /// Tells all connections of someone.
    pub(super) fn tell_person(&mut self, camera: &str, person: &Arc<str>) {
        if let Some(running) = self.calls.at(camera)
            && let Some(recipient) = running.call.recipients().get(person)
        {
            let told = self.told_one(camera, running, (person, recipient));
            self.send_calls(told.into_iter().collect());
        }
    }

    /// Tells a server that is there again of all calls.
    pub(in crate::room) fn tell_all_calls(&mut self) {
        let all = self.calls.all();
        let told = all.flat_map(|(camera, running)| self.told_of(camera, running));
        for Told {
            users,
            window,
            call,
            ..
        } in told.collect::<Vec<_>>()
        {
            self.tell_nodes_of_call(users, window, &call);
        }
    }

    /// What all are told whom a call has come to, and by which connections.
    pub(super) fn told_of(&self, camera: &str, running: &Running) -> Vec<Told> {
        let rung = running.call.rung();
        rung.filter_map(|one| self.told_one(camera, running, one))
            .collect()
    }

    fn told_one(
        &self,
        camera: &str,
        running: &Running,
        (person, recipient): (&Arc<str>, &Recipient),
    ) -> Option<Told> {
        let you = running.call.part_of(person)?;
        let by_link = share_user(&recipient.link);
        let own = self.all_of(person).chain(self.all_of(&by_link));
        let clients = own.flat_map(|user| &user.connections).copied();
        // Those of other servers hear it there.
        let clients = clients.filter(|client| client.is_here() && self.has_announced(*client));
        let clients: Vec<_> = clients.collect();
        if clients.is_empty() && self.nodes.is_empty() {
            return None;
        }
        Some(Told {
            clients,
            users: [person.clone(), by_link.into()],
            window: running.window,
            call: self.viewer_call(camera, running, you),
        })
    }

    pub(super) fn send_calls(&mut self, told: Vec<Told>) {
        for Told {
            clients,
            users,
            window,
            call,
        } in told
        {
            self.tell_nodes_of_call(users, window, &call);
            if !clients.is_empty() {
                let message = Outgoing::Extension(Extension::Call { call });
                self.actions.push(Action::SendAll(clients, message));
            }
        }
    }

    fn viewer_call(&self, camera: &str, running: &Running, you: CallPart) -> ViewerCall {
        ViewerCall {
            id: running.id.clone(),
            camera: camera.to_owned(),
            name: self.name_of(camera),
            state: running.call.state(),
            since: running.since,
            by: running.call.by().map(ToString::to_string),
            reason: running.call.reason(),
            you,
            snapshot: running
                .has_snapshot
                .then(|| format!("/api/v1/calls/{}/snapshot", running.id)),
        }
    }

    /// What a camera is called, as it says itself where it does.
    pub(super) fn name_of(&self, camera: &str) -> String {
        let Some(known) = self.cameras.get(camera) else {
            return camera.to_owned();
        };
        let own = known.listed.as_ref();
        let own = own.and_then(|listed| listed.meta["name"].as_str());
        own.unwrap_or(&known.name).to_owned()
    }
}
