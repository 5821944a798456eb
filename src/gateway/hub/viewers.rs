// SPDX-License-Identifier: MPL-2.0
//! Viewers come, go, and may do more or less than before.

use std::time::{Duration, Instant};

use super::{Hub, Output, Rights, Viewer};
use crate::{
    bucket::{Bucket, Rate},
    gateway::{
        envelope::Kind,
        outbox::QueuedMessage,
        wheel::{Reason, ViewerId},
    },
};

/// How often a viewer may ask for the wheel or hand it over, of which all others are told, or for the door.
const ASKING: Rate = Rate {
    burst: 20,
    period: Duration::from_millis(250),
};

impl Viewer {
    pub(super) fn new(session: String, user: String, rights: Rights) -> Self {
        Self {
            session,
            user,
            rights,
            bundles: false,
            asking: Bucket::new(ASKING),
            nonce: None,
            steered: 0,
            is_steering: false,
            last_wheel: Vec::new(),
            last_talk: Vec::new(),
        }
    }
}

impl Hub {
    pub(super) fn viewer_joined(&mut self, id: ViewerId, viewer: Viewer) {
        self.viewers.insert(id, viewer);
        self.notify_hello(id);
        let services = self.services_word();
        self.state(id, Kind::Services, &services);
        self.notify_wheel(Some(id), None);
        self.notify_talk(Some(id));
        self.show_newest(id);
        self.notify_viewers();
    }

    /// What counts of each service until its next message.
    fn show_newest(&mut self, id: ViewerId) {
        if !self
            .viewers
            .get(&id)
            .is_some_and(|viewer| viewer.rights.view)
        {
            return;
        }
        let newest = self.services.iter().filter_map(|s| s.newest.clone());
        // There is one of each, and it must not be lost.
        let newest = newest.map(|message| QueuedMessage {
            now: false,
            ..message
        });
        let outputs = newest.map(|message| Output::Viewer(id, message));
        self.outputs.extend(outputs);
    }

    pub(super) fn viewer_rights(&mut self, id: ViewerId, rights: Rights, now: Instant) {
        self.flush_bundles();
        let Some(viewer) = self.viewers.get_mut(&id) else {
            return;
        };
        viewer.rights = rights;
        if !rights.control {
            let released = self.wheel.leave(id, Reason::NotPermitted, now);
            self.wheel_moved(released, now);
        } else {
            match self.wheel.set_booked(id, rights.booked, now) {
                Some(released) => self.released(released, now),
                None => self.notify_wheel(None, None),
            }
        }
        self.notify_talk(Some(id));
        self.recall_door();
    }

    /// Programs and all who watch hear how the viewer is called now.
    pub(super) fn viewer_named(&mut self, id: ViewerId, user: String) {
        let Some(viewer) = self.viewers.get_mut(&id) else {
            return;
        };
        viewer.user = user;
        self.notify_hello(id);
        self.notify_wheel(None, None);
        self.notify_talk(None);
        self.notify_viewers();
    }

    pub(super) fn viewer_left(&mut self, id: ViewerId, reason: Reason, now: Instant) {
        if !self.viewers.contains_key(&id) {
            return;
        }
        // While its name is still known.
        let released = self.wheel.leave(id, reason, now);
        self.wheel_moved(released, now);
        self.report_driver();
        self.viewers.remove(&id);
        self.recall_door();
        self.notify_viewers();
    }
}
