// SPDX-License-Identifier: MPL-2.0
//! Who opened a camera's door, for those who write it down. As with who drives, the camera says it, of its own sessions alone:
//! those that it has, and those that it had a short while ago.

use porthole_protocol::door::{DoorRequest, DoorResult};
use porthole_protocol::grant::Permission;
use porthole_protocol::ring::is_ring_id;
use porthole_protocol::wire::Code;

use super::calls::CallChange;
use super::drives::earlier;
use super::limits::{MAX_ID_BYTES, short_line};
use super::now::Now;
use super::{ClientId, Event, NO_SUCH_SESSION, Refusal, Role, Room, UNKNOWN_SENDER};
use crate::rights::Rights;

impl Room {
    pub(super) fn door(
        &mut self,
        from: ClientId,
        request: DoorRequest,
        now: Now,
    ) -> Result<(), Refusal> {
        let client = self.clients.get(&from).ok_or(UNKNOWN_SENDER)?;
        let Role::Camera(camera_id) = &client.role else {
            return Err(Refusal::new(
                Code::NotPermitted,
                "who opened the door is a camera's to say",
            ));
        };
        let id = &request.session_id;
        let camera = self.cameras.get_mut(camera_id).ok_or(NO_SUCH_SESSION)?;
        let (user, started) = match self.sessions.get(id) {
            _ if id.len() > MAX_ID_BYTES => return Err(NO_SUCH_SESSION),
            Some(session) if session.camera == Some(from) => {
                (session.whose.user.to_string(), session.started)
            }
            Some(_) => return Err(NO_SUCH_SESSION),
            None => {
                let (user, started) = camera.ended.whose(id).ok_or(NO_SUCH_SESSION)?;
                (user.to_owned(), started)
            }
        };
        let Some(missed) = camera.doors.take(now) else {
            return Ok(());
        };
        let camera_id = camera_id.clone();
        let at = earlier(now.wall, request.ago).max(started).min(now.wall);
        let call = request.call_id.filter(|call| is_ring_id(call));
        if request.result == DoorResult::Opened
            && let Some(call) = &call
        {
            self.call_happened(call, &camera_id, CallChange::DoorOpened { at });
        }
        self.happened(Event::DoorAsked {
            session: request.session_id,
            user,
            camera: camera_id,
            asked: at,
            result: request.result,
            call,
            detail: request.detail.map(|text| short_line(&text)),
            missed,
        });
        Ok(())
    }

    /// The call that gives someone the door at a camera, if nothing else does.
    pub(super) fn door_call(
        &self,
        kept: &Rights,
        camera: &str,
        perms: &[Permission],
        now: Now,
    ) -> Option<String> {
        let own = kept.open(camera, now.wall);
        let has_own = own.is_some_and(|open| open.perms.contains(Permission::Door));
        if has_own || !perms.contains(&Permission::Door) {
            return None;
        }
        self.call_with_door(camera, &kept.user)
    }
}
