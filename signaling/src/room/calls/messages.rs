// SPDX-License-Identifier: MPL-2.0
//! What cameras, viewers and the API say of calls. None of it is trusted: a camera has its own calls alone, and a viewer those
//! that ring it.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;
use porthole_protocol::limits::MAX_SESSIONS_PER_CAMERA;
use porthole_protocol::ring::{MAX_RING_ID_BYTES, is_ring_id};
use porthole_protocol::wire::{CallEnd, CameraCall, Code, Extension, Ring};

use super::LONGEST_CALL;
use super::bell::{Begun, too_often};
use super::call::{Call, Change, Recipient, Refused};
use super::event::CallChange;
use crate::model::Window;
use crate::rights::RightsId;
use crate::room::{Action, ClientId, LOGIN_OVER, Now, Refusal, Role, Room, UNKNOWN_SENDER};

/// What someone whom a call rings says to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::room) enum Word {
    Answer,
    Decline,
    NobodyHome,
    HangUp,
}

/// A call that the API has made, or joined.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Rang {
    /// The call.
    pub call: CameraCall,
    /// So many people are rung now.
    pub ringing: usize,
}

/// Why the API could not ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RingRefused {
    /// There is no such camera.
    NoSuchCamera,
    /// Whoever asked may not.
    NotPermitted,
    /// The camera is not connected.
    Offline,
    /// It was rung too often of late.
    TooOften,
}

const NO_SUCH_CALL: Refusal =
    Refusal::new(Code::NoSuchCall, "there is no such call: it may be over");

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NoSuchCall => NO_SUCH_CALL,
            Refused::Taken => Self::new(Code::CallTaken, "somebody else has answered"),
            Refused::NotAnswered => Self::new(
                Code::NotPermitted,
                "nobody has answered: decline, or say that nobody is at home",
            ),
        }
    }
}

impl Room {
    /// A camera says that its button was pressed.
    pub(in crate::room) fn camera_rings(
        &mut self,
        from: ClientId,
        Ring { ring_id }: Ring,
        now: Now,
    ) -> Result<(), Refusal> {
        let camera = self.ringing_camera(from)?;
        if !is_ring_id(&ring_id) {
            return Err(Refusal::new(Code::BadMessage, "the id of a ring is a UUID"));
        }
        let call = self.press(&camera, &ring_id, None, now);
        self.extend(from, Extension::CameraCall { call });
        Ok(())
    }

    /// Whoever stood at the door has hung up.
    pub(in crate::room) fn camera_ends_call(
        &mut self,
        from: ClientId,
        call: &str,
        now: Now,
    ) -> Result<(), Refusal> {
        let camera = self.ringing_camera(from)?;
        // One that is over crosses its end on the wire: the camera has heard of it.
        if self.calls.camera_of(call) == Some(&camera) {
            self.end_call_at(&camera, CallEnd::HungUpAtDoor, now);
        }
        Ok(())
    }

    /// Someone says something to a call.
    pub(in crate::room) fn call_word(
        &mut self,
        from: ClientId,
        id: &str,
        word: Word,
        now: Now,
    ) -> Result<(), Refusal> {
        let client = self.clients.get(&from).ok_or(UNKNOWN_SENDER)?;
        let Role::Viewer(RightsId { user, .. }) = &client.role else {
            return Err(Refusal::new(
                Code::NotPermitted,
                "calls are answered by viewers",
            ));
        };
        if client.login_over {
            return Err(LOGIN_OVER);
        }
        let user = user.clone();
        let (camera, person, changes) = self.said(&user, id, word, now)?;
        if changes.is_empty() {
            // It may not have heard the answer to what it said before.
            self.tell_of_call(&camera, from, &person);
        }
        self.follow_call(&camera, changes, now);
        Ok(())
    }

    /// What comes of a word, to be followed: at which camera, and as whom it was said.
    fn said(
        &mut self,
        user: &str,
        id: &str,
        word: Word,
        now: Now,
    ) -> Result<(String, Arc<str>, Vec<Change>), Refusal> {
        let known = self
            .calls
            .camera_of(id)
            .filter(|_| id.len() <= MAX_RING_ID_BYTES);
        let camera = known.ok_or(NO_SUCH_CALL)?.clone();
        let running = self.calls.at(&camera).ok_or(NO_SUCH_CALL)?;
        let person = running.person(user).ok_or(NO_SUCH_CALL)?.clone();
        let has_media = self.has_picture(&camera, &person);
        let changes = self.calls.change(&camera, |running| match word {
            Word::Answer => running.call.answer(&person, has_media, now.mono),
            Word::Decline => running.call.decline(&person),
            Word::NobodyHome => running.call.nobody_home(&person),
            Word::HangUp => running.call.hang_up(&person),
        });
        let changes = changes.ok_or(NO_SUCH_CALL)??;
        Ok((camera, person, changes))
    }

    /// Someone whom a call rings declines it by the API. Whether it rings there; once somebody has answered, there is nothing to
    /// decline any more, and nothing changes.
    pub fn decline(&mut self, user: &str, call: &str, now: Now) -> (bool, Vec<Action>) {
        self.note(now);
        let said = self.said(user, call, Word::Decline, now);
        let is_there = said.is_ok();
        if let Ok((camera, _, changes)) = said {
            self.follow_call(&camera, changes, now);
        }
        (is_there, self.take_actions())
    }

    /// Rings a camera's bell for someone who asks by the API. `may` is whether it may control the camera.
    pub fn ring(
        &mut self,
        camera: &str,
        by: &str,
        may: bool,
        now: Now,
    ) -> (Result<Rang, RingRefused>, Vec<Action>) {
        self.note(now);
        let rang = self.try_ring(camera, by, may, now);
        (rang, self.take_actions())
    }

    fn try_ring(
        &mut self,
        camera_id: &str,
        by: &str,
        may: bool,
        now: Now,
    ) -> Result<Rang, RingRefused> {
        let camera = self.cameras.get(camera_id);
        let camera = camera.ok_or(RingRefused::NoSuchCamera)?;
        if !may && !self.calls.doorbells.may_press(camera_id, by) {
            return Err(RingRefused::NotPermitted);
        }
        let client = camera.client.ok_or(RingRefused::Offline)?;
        let ring_id = (self.next_id)();
        let runs = self.calls.at(camera_id).is_some();
        let call = self.press(camera_id, &ring_id, Some(by), now);
        if self.calls.known(camera_id, &ring_id).is_none() {
            return Err(RingRefused::TooOften);
        }
        if !runs {
            // The camera hears of the press before what has become of it.
            self.extend(client, Extension::Ring(Ring { ring_id }));
        }
        self.extend(client, Extension::CameraCall { call: call.clone() });
        let running = self.calls.at(camera_id);
        let ringing = running.map_or(0, |running| running.call.rung().count());
        Ok(Rang { call, ringing })
    }

    /// What comes of a press: a call, or a part in the one that runs. The same press again is the same.
    fn press(&mut self, camera: &str, ring: &str, by: Option<&str>, now: Now) -> CameraCall {
        if let Some(known) = self.calls.known(camera, ring) {
            return known;
        }
        let Some(missed) = self.calls.may_ring(camera, now.mono) else {
            return too_often((self.next_id)(), ring);
        };
        let recipients = self.recipients(camera, now);
        let (is_nobody, is_full) = (recipients.is_empty(), self.is_full(camera, &recipients));
        let id = (self.next_id)();
        let length = SignedDuration::try_from(LONGEST_CALL).unwrap_or(SignedDuration::ZERO);
        let window = Window {
            start: now.wall,
            end: now.wall + length,
        };
        let call = Call::new(recipients, now.mono);
        let begun = Begun {
            id: id.clone(),
            ring: ring.to_owned(),
            since: now.wall,
            window,
            call,
        };
        self.calls.begin(camera, begun, now.mono);
        let made = CallChange::Made {
            ring: ring.to_owned(),
            name: self.name_of(camera),
            by: by.map(str::to_owned),
            until: window.end,
            missed,
        };
        self.call_happened(&id, camera, made);
        let end = match (is_nobody, is_full) {
            (true, _) => Some(CallEnd::Nobody),
            (_, true) => Some(CallEnd::Busy),
            _ => None,
        };
        let begun = self.calls.change(camera, |running| {
            let changes = match end {
                Some(reason) => running.call.end(reason),
                None => running.call.tick(now.mono),
            };
            (changes, running.for_camera())
        });
        let Some((changes, call)) = begun else {
            return too_often(id, ring);
        };
        match self.calls.take_over(camera) {
            // Whoever rang is answered with it.
            Some(over) => self.call_is_over(camera, &over, now),
            None => self.follow_call(camera, changes, now),
        }
        call
    }

    /// Those whom a press rings, each with the id of a link of its own.
    fn recipients(&mut self, camera: &str, now: Now) -> BTreeMap<Arc<str>, Recipient> {
        let calls = &self.calls;
        let candidates = || match &calls.candidates {
            Some(candidates) => candidates(camera),
            None => {
                let here = self.by_camera.of(camera);
                let here = here.filter_map(|id| self.users.get(id));
                here.map(|user| user.kept.clone()).collect()
            }
        };
        let is_here = |user: &str| self.all_of(user).any(|user| !user.connections.is_empty());
        let recipients = calls
            .doorbells
            .recipients(camera, candidates, is_here, now.wall);
        let mut all = BTreeMap::new();
        for (user, after) in recipients {
            let link = (self.next_id)();
            all.insert(user, Recipient::new(link, now.mono + after));
        }
        all
    }

    /// Whether none of these could look: all places of the camera are taken by others.
    fn is_full(&self, camera: &str, recipients: &BTreeMap<Arc<str>, Recipient>) -> bool {
        let camera = self.cameras.get(camera);
        let sessions = camera.into_iter().flat_map(|camera| &camera.sessions);
        let sessions: Vec<_> = sessions.filter(|id| !self.is_at_sfu(id)).collect();
        let mut all = sessions.iter().filter_map(|id| self.sessions.get(*id));
        sessions.len() >= MAX_SESSIONS_PER_CAMERA
            && !all.any(|session| recipients.contains_key(&session.whose.user))
    }

    fn ringing_camera(&self, from: ClientId) -> Result<String, Refusal> {
        let client = self.clients.get(&from).ok_or(UNKNOWN_SENDER)?;
        match &client.role {
            Role::Camera(id) => Ok(id.clone()),
            _ => Err(Refusal::new(
                Code::NotPermitted,
                "a doorbell is a camera's: ring by the API",
            )),
        }
    }

    /// Ends the call at a camera, if one runs.
    pub(in crate::room) fn end_call_at(&mut self, camera: &str, reason: CallEnd, now: Now) {
        let ended = self
            .calls
            .change(camera, |running| running.call.end(reason));
        self.follow_call(camera, ended.unwrap_or_default(), now);
    }
}
