// SPDX-License-Identifier: MPL-2.0
//! What calls let people do while they ring them, as one more rule of their rights; and that it ends with the call.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use porthole_protocol::grant::Permission;
use porthole_protocol::wire::{CallState, Code};

use super::LONGEST_CALL;
use super::bell::Running;
use super::doorbells::call_perms;
use crate::model::Window;
use crate::rights::{Perms, Rights, RightsId, share_user};
use crate::room::table::{End, Tell};
use crate::room::{Now, Room};

const CALL_OVER: &str = "the call is over";

impl Room {
    /// What someone may do follows the calls that ring it.
    pub(in crate::room) fn rights_follow_calls(&mut self, user: &str, now: Now) {
        let all = self.users.range(RightsId::account(user)..);
        let own = all.take_while(|(id, _)| *id.user == *user);
        let own: Vec<_> = own
            .map(|(id, user)| (id.clone(), user.kept.clone()))
            .collect();
        for (id, kept) in own {
            self.change_rights(&id, kept, now);
        }
    }

    /// What is kept of someone's rights, and what calls that ring it give besides.
    pub(in crate::room) fn with_calls(&self, kept: &Arc<Rights>) -> Arc<Rights> {
        let mut rights = kept.clone();
        for (camera, running) in self.calls.of(&kept.user) {
            // Whoever has opened a link has it from that.
            let mut gives = match kept.shared {
                true => Perms::NONE,
                false => call_perms(),
            };
            if self.has_door(camera, running, &kept.user) {
                gives = gives | [Permission::Door].into();
            }
            if gives != Perms::NONE
                && let Some(with) = rights.with(camera, gives, running.window)
            {
                rights = Arc::new(with);
            }
        }
        // Of those whom another server's camera rings that server decides; here they see that it is there.
        for (camera, window) in self.calls_elsewhere.of(&kept.user) {
            if !kept.shared
                && let Some(with) = rights.with(camera, call_perms(), window)
            {
                rights = Arc::new(with);
            }
        }
        rights
    }

    /// Whether a call gives someone the door: to whoever has answered, where the camera's rule says so.
    fn has_door(&self, camera: &str, running: &Running, user: &str) -> bool {
        let is_answered = matches!(
            running.call.state(),
            CallState::Answered | CallState::Talking
        );
        let by = running.call.by().filter(|_| is_answered);
        let by = by.filter(|by| running.person(user) == Some(*by));
        by.is_some_and(|by| self.calls.doorbells.gives_door(camera, by))
    }

    /// The call at this camera that gives someone the door.
    pub(in crate::room) fn call_with_door(&self, camera: &str, user: &str) -> Option<String> {
        let running = self.calls.at(camera)?;
        self.has_door(camera, running, user)
            .then(|| running.id.clone())
    }

    /// Whoever has answered may open the door, or may no more.
    pub(super) fn door_follows_call(&mut self, camera: &str, now: Now) {
        let Some(running) = self.calls.at(camera) else {
            return;
        };
        let by = running.call.by();
        let by = by.and_then(|by| running.call.recipients().get_key_value(by));
        let names = by.map(|(who, to)| [who.to_string(), share_user(&to.link)]);
        for user in names.into_iter().flatten() {
            self.rights_follow_calls(&user, now);
        }
    }

    /// Ends what runs by the link of a call.
    pub(super) fn drop_link(&mut self, link: &str, now: Now) {
        let whose = RightsId::account(&share_user(link));
        let Some(gone) = self.users.get(&whose) else {
            return;
        };
        let end = End {
            detail: Some(CALL_OVER),
            ..Code::Revoked.into()
        };
        let (sessions, connections) = (gone.sessions.clone(), gone.connections.clone());
        for session in sessions {
            self.end(&session, end, Tell::Both);
        }
        for client in connections {
            self.expel(client, Code::Revoked, CALL_OVER, now);
        }
        self.forget_idle(&whose);
    }

    /// Someone's account is there no more, or everything of it was ended.
    pub(in crate::room) fn leave_calls(&mut self, whose: &RightsId, now: Now) {
        if whose.token.is_some() {
            // One of several tokens, or log-ins, of one person: what ran by it ends by itself.
            return;
        }
        let cameras = self.calls.of(&whose.user).map(|(camera, _)| camera.clone());
        for camera in cameras.collect::<Vec<_>>() {
            let left = self
                .calls
                .change(&camera, |running| running.call.leave(&whose.user));
            self.follow_call(&camera, left.unwrap_or_default(), now);
        }
    }

    /// The time of day is another: calls last as long as they do.
    pub(in crate::room) fn calls_after_clock_set(&mut self, now: Now) {
        let length = SignedDuration::try_from(LONGEST_CALL).unwrap_or(SignedDuration::ZERO);
        let running = self.calls.all().map(|(camera, running)| {
            let left = running.call.expires().saturating_duration_since(now.mono);
            (camera.clone(), left)
        });
        for (camera, left) in running.collect::<Vec<(String, Duration)>>() {
            let end = now.wall + SignedDuration::try_from(left).unwrap_or(SignedDuration::ZERO);
            let people = self.calls.change(&camera, |running| {
                running.window = Window {
                    start: end - length,
                    end,
                };
                let rung = running.call.rung();
                rung.map(|(user, _)| user.clone()).collect::<Vec<_>>()
            });
            for user in people.unwrap_or_default() {
                self.rights_follow_calls(&user, now);
            }
            // Also of whoever has it by a link.
            self.door_follows_call(&camera, now);
        }
    }
}
