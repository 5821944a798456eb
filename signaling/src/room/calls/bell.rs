// SPDX-License-Identifier: MPL-2.0
//! The bells of the cameras: at each of them one call at a time, and those that are over of which the camera may not have heard.
//! Only this file adds, changes and removes, and keeps the indexes.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use porthole_protocol::wire::{CallEnd, CallState, CameraCall};

use super::call::{Call, Recipient};
use super::doorbells::Doorbells;
use crate::limit::{Bucket, RING_RATE};
use crate::model::Window;
use crate::rights::{Rights, share_user};

/// Presses that are remembered of one call, and calls of one camera: a camera says a press again when its link is back, and
/// then it is one of the last.
const MAX_REMEMBERED: usize = 16;

/// The rights that are about a camera, of everybody who is known.
pub type CandidateSource = Box<dyn Fn(&str) -> Vec<Arc<Rights>> + Send>;

/// A call that runs.
pub(in crate::room) struct Running {
    pub(super) id: String,
    /// The presses that are part of it. The first made it.
    rings: Vec<String>,
    pub(super) since: Timestamp,
    /// While it may give rights, by the time of day.
    pub(super) window: Window,
    pub(super) has_snapshot: bool,
    pub(super) call: Call,
}

impl Running {
    pub(super) fn ring(&self) -> &str {
        self.rings.first().map_or("", String::as_str)
    }

    pub(super) fn for_camera(&self) -> CameraCall {
        CameraCall {
            id: self.id.clone(),
            ring_id: self.ring().to_owned(),
            state: self.call.state(),
            by: self.call.by().map(ToString::to_string),
            reason: self.call.reason(),
        }
    }

    /// Whom someone is in it, by the name of an account or of the call's own link.
    pub(super) fn person(&self, user: &str) -> Option<&Arc<str>> {
        let mut rung = self.call.rung();
        let own = |(who, to): &(&Arc<str>, &Recipient)| match user.strip_prefix(SHARE) {
            Some(link) => to.link == link,
            None => ***who == *user,
        };
        rung.find(own).map(|(who, _)| who)
    }
}

/// How names begin of those who have opened a link.
const SHARE: &str = "share:";

/// A call that is over.
struct Over {
    rings: Vec<String>,
    call: CameraCall,
}

/// One camera's bell.
struct Bell {
    running: Option<Running>,
    over: VecDeque<Over>,
    pace: Bucket,
    missed: u32,
}

/// All bells.
pub(in crate::room) struct Calls {
    pub(super) doorbells: Doorbells,
    pub(super) candidates: Option<CandidateSource>,
    bells: BTreeMap<String, Bell>,
    /// At which camera a call runs.
    by_id: HashMap<String, String>,
    /// At which cameras calls ring someone, or whoever has opened a link.
    by_user: HashMap<String, BTreeSet<String>>,
    /// When each is due, in that order.
    deadlines: BTreeSet<(Instant, String)>,
}

impl Calls {
    pub(in crate::room) fn new() -> Self {
        Self {
            doorbells: Doorbells::default(),
            candidates: None,
            bells: BTreeMap::new(),
            by_id: HashMap::new(),
            by_user: HashMap::new(),
            deadlines: BTreeSet::new(),
        }
    }

    pub(super) fn at(&self, camera: &str) -> Option<&Running> {
        self.bells.get(camera)?.running.as_ref()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&String, &Running)> {
        let bells = self.bells.iter();
        bells.filter_map(|(camera, bell)| Some((camera, bell.running.as_ref()?)))
    }

    /// At which camera this one runs.
    pub(in crate::room) fn camera_of(&self, call: &str) -> Option<&String> {
        self.by_id.get(call)
    }

    /// The cameras and calls in which someone has a part.
    pub(super) fn of<'a>(
        &'a self,
        user: &str,
    ) -> impl Iterator<Item = (&'a String, &'a Running)> + use<'a> {
        let cameras = self.by_user.get(user).into_iter().flatten();
        cameras.filter_map(|camera| Some((camera, self.at(camera)?)))
    }

    pub(in crate::room) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// The camera whose call is due first, if it is by now.
    pub(super) fn due(&self, now: Instant) -> Option<String> {
        let (at, camera) = self.deadlines.first()?;
        (*at <= now).then(|| camera.clone())
    }

    /// Changes the call at a camera, if one runs, and keeps its deadline in order.
    pub(super) fn change<T>(
        &mut self,
        camera: &str,
        change: impl FnOnce(&mut Running) -> T,
    ) -> Option<T> {
        let running = self.bells.get_mut(camera)?.running.as_mut()?;
        let before = running.call.due();
        let changed = change(running);
        let due = running.call.due();
        if before != due {
            if let Some(before) = before {
                self.deadlines.remove(&(before, camera.to_owned()));
            }
            if let Some(due) = due {
                self.deadlines.insert((due, camera.to_owned()));
            }
        }
        Some(changed)
    }

    /// What has become of a press of before; one that is new to a call that runs joins that.
    pub(super) fn known(&mut self, camera: &str, ring: &str) -> Option<CameraCall> {
        let bell = self.bells.get_mut(camera)?;
        let is_it = |over: &&Over| over.rings.iter().any(|known| known == ring);
        if let Some(over) = bell.over.iter().find(is_it) {
            return Some(over.call.clone());
        }
        let running = bell.running.as_mut()?;
        let is_new = !running.rings.iter().any(|known| known == ring);
        if is_new && running.rings.len() < MAX_REMEMBERED {
            running.rings.push(ring.to_owned());
        }
        Some(running.for_camera())
    }

    /// Whether this camera may make one more call, and how many presses made none before; `None` if it may not.
    pub(super) fn may_ring(&mut self, camera: &str, now: Instant) -> Option<u32> {
        let bell = self
            .bells
            .entry(camera.to_owned())
            .or_insert_with(|| Bell::new(now));
        if bell.pace.has_room(now) {
            return Some(std::mem::take(&mut bell.missed));
        }
        bell.missed = bell.missed.saturating_add(1);
        None
    }

    /// Begins a call at a camera at which none runs.
    pub(super) fn begin(&mut self, camera: &str, begun: Begun, now: Instant) {
        let Begun {
            id,
            ring,
            since,
            window,
            call,
        } = begun;
        let bell = self
            .bells
            .entry(camera.to_owned())
            .or_insert_with(|| Bell::new(now));
        self.by_id.insert(id.clone(), camera.to_owned());
        if let Some(due) = call.due() {
            self.deadlines.insert((due, camera.to_owned()));
        }
        bell.running = Some(Running {
            id,
            rings: vec![ring],
            since,
            window,
            has_snapshot: false,
            call,
        });
    }

    /// The call has come to someone.
    pub(super) fn join(&mut self, camera: &str, user: &str, link: &str) {
        for name in [user.to_owned(), share_user(link)] {
            let own = self.by_user.entry(name).or_default();
            own.insert(camera.to_owned());
        }
    }

    /// Someone has no part in the call at a camera any more.
    pub(super) fn leave(&mut self, camera: &str, user: &str, link: &str) {
        for name in [user.to_owned(), share_user(link)] {
            if let Some(own) = self.by_user.get_mut(&name) {
                own.remove(camera);
                if own.is_empty() {
                    self.by_user.remove(&name);
                }
            }
        }
    }

    /// Takes out a call that is over.
    pub(super) fn take_over(&mut self, camera: &str) -> Option<Running> {
        let bell = self.bells.get_mut(camera)?;
        let is_over = |running: &&mut Running| running.call.state() == CallState::Ended;
        bell.running.as_mut().filter(is_over)?;
        let running = bell.running.take()?;
        if bell.over.len() >= MAX_REMEMBERED {
            bell.over.pop_front();
        }
        bell.over.push_back(Over {
            rings: running.rings.clone(),
            call: running.for_camera(),
        });
        self.by_id.remove(&running.id);
        let rung: Vec<_> = running.call.rung().collect();
        for (user, recipient) in rung {
            self.leave(camera, user, &recipient.link);
        }
        Some(running)
    }

    /// A camera is there no more, and no call at it.
    pub(in crate::room) fn forget(&mut self, camera: &str) {
        self.bells.remove(camera);
    }

    /// Every index agrees with the calls.
    #[cfg(test)]
    pub(in crate::room) fn assert_consistent(&self) {
        let mut ids = HashMap::new();
        let mut users: HashMap<String, BTreeSet<String>> = HashMap::new();
        let mut deadlines = BTreeSet::new();
        for (camera, running) in self.all() {
            assert_ne!(running.call.state(), CallState::Ended, "it is kept");
            ids.insert(running.id.clone(), camera.clone());
            deadlines.extend(running.call.due().map(|due| (due, camera.clone())));
            for (user, recipient) in running.call.rung() {
                for name in [user.to_string(), share_user(&recipient.link)] {
                    users.entry(name).or_default().insert(camera.clone());
                }
            }
        }
        assert_eq!(ids, self.by_id);
        assert_eq!(users, self.by_user);
        assert_eq!(deadlines, self.deadlines);
        for bell in self.bells.values() {
            assert!(bell.over.len() <= MAX_REMEMBERED);
        }
    }
}

/// A call to begin.
pub(super) struct Begun {
    pub(super) id: String,
    pub(super) ring: String,
    pub(super) since: Timestamp,
    pub(super) window: Window,
    pub(super) call: Call,
}

impl Bell {
    fn new(now: Instant) -> Self {
        Self {
            running: None,
            over: VecDeque::new(),
            pace: Bucket::new(RING_RATE, now),
            missed: 0,
        }
    }
}

/// What has become of a press that made no call, since there were too many.
pub(super) fn too_often(id: String, ring: &str) -> CameraCall {
    CameraCall {
        id,
        ring_id: ring.to_owned(),
        state: CallState::Ended,
        by: None,
        reason: Some(CallEnd::Busy),
    }
}
