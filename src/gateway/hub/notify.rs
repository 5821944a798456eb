// SPDX-License-Identifier: MPL-2.0
//! What the hub tells viewers and programs of how things stand.

use super::{Hub, Output, ProgramId, stop::Cause};
use crate::calling::Call;
use crate::gateway::{
    envelope::{self, Kind, Mark},
    outbox::{Class, QueuedMessage},
    wheel::ViewerId,
    words::{self, AtTalk, AtWheel, HelloWord, Person, ServiceWord, TalkWord, WheelWord},
};

impl Hub {
    pub(super) fn notify_hello(&mut self, id: ViewerId) {
        let Some(viewer) = self.viewers.get(&id) else {
            return;
        };
        let hello = HelloWord {
            version: words::VERSION,
            id,
            user: &viewer.user,
            control_timeout: words::milliseconds(self.timeout()),
            gateway: self.config.gateway,
            talk: self.config.talk.as_deref(),
            steer: true,
            bundles: true,
            door: true,
        };
        let hello = words::json(&hello);
        self.state(id, Kind::Hello, &hello);
    }

    pub(super) fn notify_viewers(&mut self) {
        let event = words::event("viewers", &self.names());
        self.tell_programs(&event);
    }

    /// Tells programs what has become of a ring; one that comes later hears of a call that runs.
    pub(super) fn call_changed(&mut self, call: Call) {
        let event = words::event("call", &call);
        self.tell_programs(&event);
        self.call = Some(call).filter(|call| !call.is_over());
        self.recall_door();
    }

    fn tell_programs(&mut self, event: &str) {
        let programs: Vec<ProgramId> = self.services.iter().filter_map(|s| s.program).collect();
        for program in programs {
            self.outputs.push(Output::Event(program, event.to_owned()));
        }
    }

    pub(super) fn notify_services(&mut self) {
        self.flush_bundles();
        let word = self.services_word();
        for viewer in self.viewer_ids() {
            self.state(viewer, Kind::Services, &word);
        }
    }

    /// Tells one viewer, or all, how it stands with the wheel, if that has changed; who has lost it hears why.
    pub(super) fn notify_wheel(&mut self, only: Option<ViewerId>, cause: Option<&Cause>) {
        let driver = self.wheel.driver();
        for id in only.map_or_else(|| self.viewer_ids(), |id| vec![id]) {
            let Some(viewer) = self.viewers.get(&id) else {
                continue;
            };
            let you = match () {
                () if !viewer.rights.control => AtWheel::NotPermitted,
                () if driver == Some(id) => AtWheel::Driving,
                () if self.wheel.waiting().any(|other| other == id) => AtWheel::Waiting,
                () => AtWheel::Watching,
            };
            let cause = cause.filter(|cause| cause.concerns(id));
            let word = words::json(&WheelWord {
                you,
                driver: driver.and_then(|id| self.person(id)),
                waiting: self
                    .wheel
                    .waiting()
                    .filter_map(|id| self.person(id))
                    .collect(),
                reason: cause.map(|cause| cause.reason),
                by: cause.and_then(|cause| cause.by.as_deref()),
                detail: cause.and_then(|cause| cause.detail.as_deref()),
            });
            if let Some(viewer) = self.viewers.get_mut(&id) {
                if viewer.last_wheel == word {
                    continue;
                }
                viewer.last_wheel.clone_from(&word);
            }
            match cause {
                // It must not give way to a newer one without a reason.
                Some(_) => self.answer(id, envelope::write(Kind::Wheel, Mark::NONE, &word)),
                None => self.state(id, Kind::Wheel, &word),
            }
        }
    }

    pub(super) fn notify_talk(&mut self, only: Option<ViewerId>) {
        let by_session = |session: &String| {
            let mut all = self.viewers.iter();
            all.find(|(_, viewer)| viewer.session == *session)
                .map(|(id, _)| *id)
        };
        let speakers: Vec<_> = self.talk.speakers.iter().filter_map(by_session).collect();
        let waiting: Vec<_> = self.talk.waiting.iter().filter_map(by_session).collect();
        for id in only.map_or_else(|| self.viewer_ids(), |id| vec![id]) {
            let Some(viewer) = self.viewers.get(&id) else {
                continue;
            };
            let you = match () {
                () if !viewer.rights.talk => AtTalk::NotPermitted,
                () if speakers.contains(&id) => AtTalk::Speaking,
                () if waiting.contains(&id) => AtTalk::Waiting,
                () => AtTalk::Silent,
            };
            let speaker = speakers.iter().find(|s| **s == id).or(speakers.first());
            let word = self.config.talk.is_some().then(|| TalkWord {
                you,
                speaker: speaker.and_then(|id| self.person(*id)),
                waiting: waiting.iter().filter_map(|id| self.person(*id)).collect(),
                level: self.talk.level,
            });
            let word = words::json(&word);
            if let Some(viewer) = self.viewers.get_mut(&id) {
                if viewer.last_talk == word {
                    continue;
                }
                viewer.last_talk.clone_from(&word);
            }
            self.state(id, Kind::Talk, &word);
        }
    }

    pub(super) fn state(&mut self, viewer: ViewerId, kind: Kind, word: &[u8]) {
        let bytes = envelope::write(kind, Mark::NONE, word);
        let message = QueuedMessage::new(Class::State(kind), false, bytes);
        self.outputs.push(Output::Viewer(viewer, message));
    }

    pub(super) fn services_word(&self) -> Vec<u8> {
        let words = self.services.iter().zip(1u8..);
        let words: Vec<_> = words
            .map(|(service, number)| ServiceWord {
                service: number,
                name: &service.name,
                here: service.program.is_some(),
                describe: service.raw.as_deref(),
            })
            .collect();
        words::json(&words)
    }

    pub(super) fn person(&self, id: ViewerId) -> Option<Person<'_>> {
        let viewer = self.viewers.get(&id)?;
        Some(Person {
            id,
            user: &viewer.user,
        })
    }

    pub(super) fn names(&self) -> Vec<&str> {
        self.viewers.values().map(|v| v.user.as_str()).collect()
    }

    pub(super) fn viewer_ids(&self) -> Vec<ViewerId> {
        self.viewers.keys().copied().collect()
    }
}
