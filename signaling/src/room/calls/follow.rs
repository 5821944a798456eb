// SPDX-License-Identifier: MPL-2.0
//! What comes of a change in a call, by whatever it came about: a word, time, a camera that goes, a picture that comes.

use std::sync::Arc;

use porthole_protocol::wire::{CallEnd, CallState, Extension};

use super::bell::{CandidateSource, Running};
use super::call::{Change, Recipient};
use super::doorbells::Doorbells;
use super::event::{CallChange, CallEvent};
use crate::room::table::Session;
use crate::room::{Action, ClientId, Event, Now, Room};

impl Room {
    /// The same with these doorbells. `candidates` are the rights that are about a camera.
    #[must_use]
    pub fn with_doorbells(mut self, doorbells: Doorbells, candidates: CandidateSource) -> Self {
        self.calls.doorbells = doorbells;
        self.calls.candidates = Some(candidates);
        self
    }

    /// Doorbells ring others from the next press on, and of calls that run others may open the door at once.
    pub fn set_doorbells(&mut self, doorbells: Doorbells, now: Now) -> Vec<Action> {
        self.note(now);
        self.calls.doorbells = doorbells;
        let cameras = self.calls.all().map(|(camera, _)| camera.clone());
        for camera in cameras.collect::<Vec<_>>() {
            self.door_follows_call(&camera, now);
        }
        self.take_actions()
    }

    /// There is a picture of the press now.
    pub fn call_has_snapshot(&mut self, call: &str, now: Now) -> Vec<Action> {
        self.note(now);
        self.picture_of(call);
        self.tell_nodes_of_picture(call);
        self.take_actions()
    }

    /// There is a picture of the press, which may have come to another server.
    pub(in crate::room) fn picture_of(&mut self, call: &str) {
        if let Some(camera) = self.calls.camera_of(call).cloned() {
            let is_new = self.calls.change(&camera, |running| {
                !std::mem::replace(&mut running.has_snapshot, true)
            });
            if is_new == Some(true)
                && let Some(running) = self.calls.at(&camera)
            {
                let told = self.told_of(&camera, running);
                self.send_calls(told);
            }
        }
    }

    /// What time brings to calls.
    pub(in crate::room) fn tick_calls(&mut self, now: Now) {
        while let Some(camera) = self.calls.due(now.mono) {
            let changes = self
                .calls
                .change(&camera, |running| running.call.tick(now.mono));
            let changes = changes.unwrap_or_default();
            if changes.is_empty() {
                // A deadline that brings nothing would be looked at for ever.
                debug_assert!(false, "a call was due and nothing came of it");
                return;
            }
            self.follow_call(&camera, changes, now);
        }
    }

    /// Has everything follow what has changed in the call at a camera.
    pub(super) fn follow_call(&mut self, camera: &str, changes: Vec<Change>, now: Now) {
        for change in changes {
            match change {
                Change::Rings(users) => {
                    for user in users {
                        self.call_rings(camera, &user, now);
                    }
                }
                Change::Declined(user) => self.call_declined(camera, user),
                Change::Left(user, recipient) => self.call_left(camera, user, &recipient, now),
                Change::Answered(by) => {
                    if let Some(id) = self.calls.at(camera).map(|running| running.id.clone()) {
                        self.call_happened(&id, camera, CallChange::Answered { by });
                        self.door_follows_call(camera, now);
                    }
                }
                Change::State => self.call_changed(camera, now),
            }
        }
    }

    fn call_rings(&mut self, camera: &str, user: &Arc<str>, now: Now) {
        let Some(running) = self.calls.at(camera) else {
            return;
        };
        let Some(recipient) = running.call.recipients().get(user) else {
            return;
        };
        let (id, link) = (running.id.clone(), recipient.link.clone());
        self.calls.join(camera, user, &link);
        // Before it hears of the call, since it may look at once.
        self.rights_follow_calls(user, now);
        let rings = CallChange::Rings {
            user: user.clone(),
            link,
        };
        self.call_happened(&id, camera, rings);
        self.tell_person(camera, user);
    }

    fn call_declined(&mut self, camera: &str, user: Arc<str>) {
        let Some(running) = self.calls.at(camera) else {
            return;
        };
        let is_over = running.call.state() == CallState::Ended;
        let id = running.id.clone();
        if !is_over {
            // Of the end all hear.
            self.tell_person(camera, &user);
        }
        self.call_happened(&id, camera, CallChange::Declined { user });
    }

    fn call_left(&mut self, camera: &str, user: Arc<str>, recipient: &Recipient, now: Now) {
        let Some(running) = self.calls.at(camera) else {
            return;
        };
        let id = running.id.clone();
        self.calls.leave(camera, &user, &recipient.link);
        self.rights_follow_calls(&user, now);
        self.drop_link(&recipient.link, now);
        self.call_happened(&id, camera, CallChange::Left { user });
    }

    fn call_changed(&mut self, camera: &str, now: Now) {
        let Some(running) = self.calls.at(camera) else {
            return;
        };
        let call = running.for_camera();
        if let Some(client) = self.cameras.get(camera).and_then(|camera| camera.client) {
            let call = call.clone();
            self.extend(client, Extension::CameraCall { call });
        }
        if let Some(over) = self.calls.take_over(camera) {
            return self.call_is_over(camera, &over, now);
        }
        if let Some(running) = self.calls.at(camera) {
            let id = running.id.clone();
            let by = running.call.by().cloned();
            let told = self.told_of(camera, running);
            self.send_calls(told);
            if let Some(by) = by.filter(|_| call.state == CallState::Talking) {
                self.call_happened(&id, camera, CallChange::Talking { by });
            }
        }
    }

    /// All hear of it, and then every right ends that it gave.
    pub(super) fn call_is_over(&mut self, camera: &str, over: &Running, now: Now) {
        let told = self.told_of(camera, over);
        self.send_calls(told);
        let ended = CallChange::Ended {
            by: over.call.by().cloned(),
            reason: over.call.reason().unwrap_or(CallEnd::Other),
            since: over.since,
        };
        self.call_happened(&over.id, camera, ended);
        for (user, recipient) in over.call.rung() {
            self.rights_follow_calls(user, now);
            self.drop_link(&recipient.link, now);
        }
    }

    /// A camera's link to the server broke, or it shows nothing any more.
    pub(in crate::room) fn call_camera_gone(&mut self, camera: &str, now: Now) {
        self.calls
            .change(camera, |running| running.call.camera_gone(now.mono));
    }

    /// A camera is back; by the first word on a connection it hears of the call that runs.
    pub(in crate::room) fn call_camera_back(
        &mut self,
        client: ClientId,
        camera: &str,
        is_first: bool,
    ) {
        let call = self.calls.change(camera, |running| {
            running.call.camera_back();
            running.for_camera()
        });
        if let Some(call) = call
            && is_first
        {
            self.extend(client, Extension::CameraCall { call });
        }
    }

    /// A session has a picture.
    pub(in crate::room) fn call_media(&mut self, session: &str, now: Now) {
        let Some(session) = self.sessions.get_mut(session) else {
            return;
        };
        session.has_media = true;
        let camera = session.camera_id.clone();
        let Some(person) = self
            .calls
            .at(&camera)
            .and_then(|running| running.person(&session.whose.user))
            .cloned()
        else {
            return;
        };
        let changes = self
            .calls
            .change(&camera, |running| running.call.has_media(&person));
        self.follow_call(&camera, changes.unwrap_or_default(), now);
    }

    /// A session is over.
    pub(in crate::room) fn call_lost_session(&mut self, session: &Session) {
        let camera = &session.camera_id;
        let running = self.calls.at(camera);
        let person = running.and_then(|running| running.person(&session.whose.user));
        if let Some(person) = person.cloned()
            && !self.has_picture(camera, &person)
        {
            let now = self.clock.mono;
            self.calls
                .change(camera, |running| running.call.lost_media(&person, now));
        }
    }

    /// Whether someone, or whoever has opened its link, has a picture of the camera at which a call rings it.
    pub(super) fn has_picture(&self, camera: &str, person: &Arc<str>) -> bool {
        let Some(running) = self.calls.at(camera) else {
            return false;
        };
        let camera = self.cameras.get(camera);
        let sessions = camera.into_iter().flat_map(|camera| &camera.sessions);
        let mut sessions = sessions.filter_map(|id| self.sessions.get(id));
        sessions
            .any(|session| session.has_media && running.person(&session.whose.user) == Some(person))
    }

    pub(in crate::room) fn call_happened(&mut self, call: &str, camera: &str, change: CallChange) {
        self.happened(Event::Call(CallEvent {
            call: call.to_owned(),
            camera: camera.to_owned(),
            change,
        }));
    }
}
