// SPDX-License-Identifier: MPL-2.0
//! Programs come, go, and say something: to viewers, or to the gateway itself.

use std::time::{Duration, Instant};

use super::{Hub, MAX_SERVICES, Output, Payload, ProgramId, Service, stop::Cause};
use crate::gateway::{
    envelope::{self, Kind, Mark},
    outbox::{Class, QueuedMessage},
    wheel::Reason,
    words::{self, Description, ProgramWord},
};

/// From one `lost` that a program is told to the next.
pub(super) const LOST_PERIOD: Duration = Duration::from_secs(1);

impl Hub {
    pub(super) fn program_joined(&mut self, program: ProgramId, name: String, now: Instant) {
        let known = self.services.iter().position(|s| s.name == name);
        let service = Service {
            name,
            program: Some(program),
            raw: None,
            description: Description::default(),
            newest: None,
            lost: 0,
            until: None,
            steering: None,
        };
        match known {
            Some(place) => self.services[place] = service,
            None if self.services.len() < MAX_SERVICES => self.services.push(service),
            // The door has counted them.
            None => return,
        }
        let names = self.names();
        let viewers = words::event("viewers", &names);
        self.outputs.push(Output::Event(program, viewers));
        self.notify_driver(Some(program), now);
        if let Some(call) = &self.call {
            let event = words::event("call", call);
            self.outputs.push(Output::Event(program, event));
        }
        self.take_timeout(now);
        self.notify_services();
    }

    pub(super) fn program_left(&mut self, program: ProgramId, now: Instant) {
        let mut services = self.services.iter_mut();
        if let Some(service) = services.find(|service| service.program == Some(program)) {
            service.program = None;
            service.newest = None;
            service.until = None;
            self.take_timeout(now);
            self.notify_services();
        }
        self.door_lapses(|its, _| its == program);
    }

    pub(super) fn program_message(&mut self, program: ProgramId, payload: Payload, now: Instant) {
        let place = self
            .services
            .iter()
            .position(|service| service.program == Some(program));
        let Some((place, number)) = place.and_then(|p| Some((p, u8::try_from(p + 1).ok()?))) else {
            return;
        };
        let service = &mut self.services[place];
        let (kind, bytes) = match &payload {
            Payload::Text(text) => {
                if let Some(word) = text.strip_prefix(words::RESERVED) {
                    match words::program_word(word) {
                        Ok(ProgramWord::Describe(raw, description)) => {
                            if service
                                .raw
                                .as_ref()
                                .is_some_and(|old| old.get() == raw.get())
                            {
                                return;
                            }
                            let acknowledges = description.acknowledge;
                            service.raw = Some(raw);
                            service.description = *description;
                            service.newest = None;
                            self.outputs
                                .push(Output::Acknowledges(program, acknowledges));
                            self.take_timeout(now);
                            self.notify_services();
                        }
                        Ok(ProgramWord::Release(reason)) => {
                            let cause = Cause {
                                driver: None,
                                reason: Reason::Program,
                                by: Some(service.name.clone()),
                                detail: reason,
                            };
                            self.stop(cause, None, now);
                        }
                        Ok(ProgramWord::Bell(push)) => self.outputs.push(Output::Bell(push)),
                        Ok(ProgramWord::Door(id, answer)) => {
                            self.door_answered(program, id, answer)
                        }
                        Err(error) => {
                            let details = serde_json::json!({ "code": "bad-word", "message": error.to_string() });
                            let event = words::event("error", &details);
                            self.outputs.push(Output::Event(program, event));
                        }
                    }
                    return;
                }
                (Kind::Text, text.as_bytes())
            }
            Payload::Binary(bytes) => (Kind::Binary, bytes.as_slice()),
        };
        let mark = Mark {
            service: number,
            number: 0,
        };
        let class = Class::Service {
            service: number,
            latest: service.description.latest,
        };
        let bytes = envelope::write(kind, mark, bytes);
        let queued = QueuedMessage::new(class, service.description.now, bytes);
        service.newest = service.description.latest.then(|| queued.clone());
        let mut bundles = false;
        for (id, viewer) in self.viewers.iter().filter(|(_, v)| v.rights.view) {
            match viewer.bundles {
                true => bundles = true,
                false => self.outputs.push(Output::Viewer(*id, queued.clone())),
            }
        }
        if bundles {
            let leave = self.bundler.push(queued, now);
            self.send_bundles(&leave);
        }
    }

    /// To all who understand them and may see it.
    pub(super) fn send_bundles(&mut self, bundles: &[QueuedMessage]) {
        for bundle in bundles {
            let viewers = self.viewers.iter();
            for (id, _) in viewers.filter(|(_, v)| v.bundles && v.rights.view) {
                self.outputs.push(Output::Viewer(*id, bundle.clone()));
            }
        }
    }

    /// What waits leaves before something that it must not follow.
    pub(super) fn flush_bundles(&mut self) {
        let bundles = self.bundler.flush();
        self.send_bundles(&bundles);
    }

    pub(super) fn lost(&mut self, service: u8, count: u32, now: Instant) {
        let place = usize::from(service).checked_sub(1);
        if let Some(service) = place.and_then(|place| self.services.get_mut(place)) {
            service.lost = service.lost.saturating_add(count);
            self.lost_due.get_or_insert(now + LOST_PERIOD);
        }
    }

    /// Tells programs, once in a while, what did not reach viewers.
    pub(super) fn notify_lost(&mut self, now: Instant) {
        if self.lost_due.is_none_or(|at| at > now) {
            return;
        }
        self.lost_due = None;
        for service in &mut self.services {
            let count = std::mem::take(&mut service.lost);
            if let Some(program) = service.program.filter(|_| count > 0) {
                let event = words::event("lost", &serde_json::json!({ "count": count }));
                self.outputs.push(Output::Event(program, event));
            }
        }
    }
}
