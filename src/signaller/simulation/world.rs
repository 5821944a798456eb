// SPDX-License-Identifier: MPL-2.0
//! All ends, what happens to them, and what must hold.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use porthole_protocol::{
    grant::{GrantKey, GrantSigner, Permission},
    limits::CONFIRM_TIMEOUT,
    wire::{Code, PeerMessage, PeerMessageInner, SdpMessage, SessionStats},
};
use porthole_signaling::model::Window;
use porthole_signaling::rights::{Cameras, Rights, RightsId, Rule, When};
use porthole_signaling::room::{Action, ClientId, Now, Outgoing, Principal, Room, fixed};
use serde_json::{Value, json};

use super::{
    CAMERA, OFFER,
    net::{Agenda, Chance, Wire},
    viewer::Viewer,
};
use crate::lock::lock;
use crate::signaller::{
    gate::Gate,
    link::{Link, SharedGate},
    message::{Event, Input, Media, Output, Why},
};

/// The camera's orphan timeout here.
const ORPHAN: Duration = Duration::from_secs(20);
/// After so long without a word either end gives a connection up.
const SILENCE: Duration = Duration::from_secs(12);
/// The longest a message takes on a network that is not cut.
const DELAY: Duration = Duration::from_millis(300);
/// The longest from one try to connect to the next.
const RETRY: Duration = Duration::from_secs(2);
/// An end that is told of takes effect within this, where both are connected.
const ONLINE_BOUND: Duration = Duration::from_secs(1);
/// How long an impostor stays: mostly not so long that the camera would miss the confirmation of its sessions.
const IMPOSTOR_STAYS: [Duration; 3] = [
    Duration::from_secs(3),
    Duration::from_secs(3),
    Duration::from_secs(9),
];
/// How long the world is troubled, and how long it is then left in peace.
const TROUBLED: Duration = Duration::from_secs(240);
const PEACE: Duration = Duration::from_secs(150);
/// A session's length.
const LEASE: u32 = 90;
const VIEWERS: [&str; 4] = ["alice", "alice", "bob", "carol"];

enum Happens {
    Arrives {
        wire: u64,
        to_server: bool,
        text: String,
    },
    /// This end notices that the wire is broken.
    ServerNotices(u64),
    ClientNotices(u64),
    CameraTries,
    ViewerTries(usize),
    ViewerAsks(usize),
    CameraPings(u64),
    Offer(String),
    Flows(String),
    Measured(String),
    Mischief,
    Restart,
    Heal,
    GivesUp {
        wire: u64,
        cut: u64,
    },
    ImpostorLeaves,
}

/// What was true of a session, for judging its end.
struct Known {
    viewer: Option<usize>,
    /// When the camera's lease for it ends, as the server said last, and when it said so.
    promised: Instant,
    said: Instant,
}

pub(super) struct World {
    seed: u64,
    /// Tells what happens, for a seed that is looked into.
    tells: bool,
    chance: Chance,
    start: Instant,
    now: Instant,
    agenda: Agenda<Happens>,
    /// The server's signer, as it is on its disk.
    signer: String,
    grant_key: GrantKey,
    /// The server's first key, and what someone who stole it says of the next one.
    stolen: (GrantKey, Vec<String>),
    /// What the operator wants; the server learns it, at once or when it starts.
    rights: BTreeMap<&'static str, Rights>,
    /// The same, as the server reads them.
    stored: Arc<Mutex<BTreeMap<&'static str, Rights>>>,
    room: Option<Room>,
    wires: BTreeMap<u64, Wire>,
    next_wire: u64,
    ids: Arc<Mutex<u64>>,
    gate: SharedGate<()>,
    link: Link<()>,
    camera_wire: Option<u64>,
    viewers: Vec<Viewer>,
    cuts: u64,
    /// So long someone else answers in the server's place, without its key.
    impostor_until: Instant,
    impostor_since: Option<Instant>,
    /// The camera's last word of the real server.
    last_word: Instant,
    /// Since when camera and server have been talking without disturbance.
    calm_since: Instant,
    /// When a user's permission was last taken or cut short.
    curtailed: HashMap<&'static str, Instant>,
    /// Who has had no right to watch, since when.
    closed: HashMap<&'static str, Instant>,
    start_of_day: Timestamp,
    /// How far the server's clock was set.
    clock_off: SignedDuration,
    known: BTreeMap<String, Known>,
    recorded: Vec<String>,
    joined: u64,
    /// How often a viewer heard the camera's.
    statistics: u64,
}

fn rights(user: &str) -> Rights {
    let perms = [Permission::View, Permission::Listen];
    Rights::always(user, Cameras::All, &perms, LEASE)
}

fn with_lease(rights: &Rights, lease: u32) -> Rights {
    let rules = rights.rules().iter().cloned();
    rights.with_rules(rules.map(|rule| Rule { lease, ..rule }))
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let signer = GrantSigner::generate().unwrap();
        let start = Instant::now();
        let gate = Gate::new(CAMERA, signer.public_key(), 16, ORPHAN);
        let gate: SharedGate<()> = Arc::new(Mutex::new(gate));
        let mut n = 0;
        let nonces = Box::new(move || {
            n += 1;
            format!("nonce {n}")
        });
        let link = Link::new(gate.clone(), Arc::default(), None, nonces);
        let mut world = Self {
            seed,
            tells: std::env::var_os("PORTHOLE_TELL").is_some(),
            chance: Chance(seed),
            start,
            now: start,
            agenda: Agenda::new(),
            signer: signer.to_string(),
            grant_key: signer.public_key(),
            stolen: (
                signer.public_key(),
                signer.rotated().unwrap().chain().to_vec(),
            ),
            rights: ["alice", "bob", "carol", "mallory"]
                .into_iter()
                .map(|user| (user, rights(user)))
                .collect(),
            stored: Arc::default(),
            room: None,
            wires: BTreeMap::new(),
            next_wire: 0,
            ids: Arc::new(Mutex::new(0)),
            gate,
            link,
            camera_wire: None,
            viewers: VIEWERS.map(|user| Viewer::new(user, start)).into(),
            cuts: 0,
            impostor_until: start,
            impostor_since: None,
            last_word: start,
            calm_since: start,
            curtailed: HashMap::new(),
            closed: HashMap::new(),
            start_of_day: Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * 20_000),
            clock_off: SignedDuration::ZERO,
            known: BTreeMap::new(),
            recorded: Vec::new(),
            joined: 0,
            statistics: 0,
        };
        // The last one is hostile: it has a credential, and no manners.
        world.viewers.push(Viewer::new("mallory", start));
        world.restart();
        let ready = world.link.handle(Input::Ready(true), start);
        world.perform(ready);
        world.agenda.add(start, Happens::CameraTries);
        for n in 0..world.viewers.len() {
            world.after(Duration::from_secs(1), Happens::ViewerTries(n));
        }
        world.after(Duration::from_secs(5), Happens::Mischief);
        world
    }

    fn after(&mut self, delay: Duration, what: Happens) {
        self.agenda.add(self.now + delay, what);
    }

    fn soon(&mut self, longest: Duration, what: Happens) {
        let delay = self.chance.between(Duration::ZERO, longest);
        self.after(delay, what);
    }

    /// Runs to the end, and says how many sessions there were, and how many statistics of them.
    pub(super) fn run(mut self) -> (u64, u64) {
        let (peace, end) = (self.start + TROUBLED, self.start + TROUBLED + PEACE);
        self.go_on_until(peace);
        self.make_peace();
        self.go_on_until(end);
        self.everyone_is_where_they_belong();
        for viewer in 0..self.viewers.len() {
            self.leave(viewer);
        }
        self.go_on_until(end + PEACE);
        self.nothing_is_left();
        (self.joined, self.statistics)
    }

    fn go_on_until(&mut self, end: Instant) {
        loop {
            let room = self.room.as_ref().and_then(Room::next_deadline);
            let times = [self.agenda.next_at(), self.link.next_deadline(), room];
            let Some(at) = times.into_iter().flatten().min().filter(|at| *at <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(at);
            let ticked = self.link.tick(self.now);
            self.perform(ticked);
            let now = self.clock();
            if let Some(actions) = self.room.as_mut().map(|room| room.tick(now)) {
                self.act(actions);
            }
            if self.agenda.next_at().is_some_and(|at| at <= self.now)
                && let Some(event) = self.agenda.next()
            {
                self.happen(event);
            }
            self.note_who_may_watch();
            self.nobody_watches_beyond_their_terms();
        }
    }

    fn note_who_may_watch(&mut self) {
        let wall = self.clock().wall;
        for user in VIEWERS {
            let rights = self.rights.get(user);
            if rights.is_some_and(|rights| rights.may_see(CAMERA, wall)) {
                self.closed.remove(user);
            } else {
                self.closed.entry(user).or_insert(self.now);
            }
        }
    }

    fn happen(&mut self, event: Happens) {
        match event {
            Happens::Arrives {
                wire,
                to_server,
                text,
            } => self.arrives(wire, to_server, text),
            Happens::ServerNotices(wire) => {
                let now = self.clock();
                let actions = self
                    .room
                    .as_mut()
                    .map(|room| room.gone(ClientId::here(wire), now));
                self.act(actions.unwrap_or_default());
            }
            Happens::ClientNotices(wire) => self.client_notices(wire),
            Happens::CameraTries => self.camera_tries(),
            Happens::ViewerTries(n) => self.viewer_tries(n),
            Happens::ViewerAsks(n) => {
                if let Some(say) = self.viewers[n].ask() {
                    self.viewer_says(n, &say);
                }
                if n < VIEWERS.len() && self.viewers[n].session.is_none() {
                    self.soon(3 * RETRY, Happens::ViewerAsks(n));
                }
            }
            Happens::CameraPings(wire) => self.camera_pings(wire),
            Happens::Offer(session) => {
                let sdp = OFFER.to_owned();
                let peer_message = PeerMessageInner::Sdp(SdpMessage::Offer { sdp });
                let offer = PeerMessage {
                    session_id: session,
                    peer_message,
                };
                self.link(Input::Peer(offer));
            }
            Happens::Flows(session) => {
                for held in self.viewers.iter_mut().filter_map(|v| v.session.as_mut()) {
                    held.live |= held.id == session;
                }
                self.link(Input::MediaFlows(session));
            }
            Happens::Measured(session) => self.link(Input::Measured(SessionStats {
                session_id: session,
                rung: 0,
                rungs: 1,
                width: 640,
                height: 360,
                estimate: 1_000_000,
                sent: 500_000,
                loss: 0.0,
                rtt: None,
            })),
            Happens::Mischief => self.mischief(),
            Happens::Restart => self.restart(),
            Happens::Heal => self.heal(),
            Happens::ImpostorLeaves => {
                self.impostor_since = None;
                self.calm_since = self.now;
                self.link(Input::Lost("lost".into()));
                self.soon(RETRY, Happens::CameraTries);
            }
            Happens::GivesUp { wire, cut } => {
                // Still cut, and by the same cut: the silence was too long.
                if cut == self.cuts && self.wires.get(&wire).is_some_and(|wire| wire.cut) {
                    self.break_wire(wire, Duration::ZERO);
                }
            }
        }
    }

    // -- wires --------------------------------------------------------------------------------------

    fn send(&mut self, wire: u64, to_server: bool, text: String) {
        let delay = self.chance.between(Duration::from_millis(1), DELAY);
        let now = self.now;
        let Some(own) = self.wires.get_mut(&wire).filter(|wire| wire.whole) else {
            return;
        };
        if own.cut {
            own.held.push((to_server, text));
            return;
        }
        let at = own.arrival(to_server, now, delay);
        let arrives = Happens::Arrives {
            wire,
            to_server,
            text,
        };
        self.agenda.add(at, arrives);
    }

    fn arrives(&mut self, wire: u64, to_server: bool, text: String) {
        if !self.wires.get(&wire).is_some_and(|wire| wire.whole) {
            return;
        }
        self.tell(|| {
            format!(
                "{} {wire}: {:.300}",
                if to_server { "from" } else { "to" },
                text
            )
        });
        if to_server {
            let now = self.clock();
            let actions = self
                .room
                .as_mut()
                .map(|room| match serde_json::from_str(&text) {
                    Ok(message) => room.message(ClientId::here(wire), message, now),
                    Err(_) => room.unreadable(ClientId::here(wire)),
                });
            self.act(actions.unwrap_or_default());
        } else if self.camera_wire == Some(wire) {
            self.last_word = self.now;
            if text.contains("\"grant\"") {
                self.recorded.push(text.clone());
            }
            self.link(Input::Message(text));
        } else if let Some(n) = self.viewers.iter().position(|v| v.wire == Some(wire)) {
            self.viewer_hears(n, &text);
        }
    }

    /// Nothing more gets through; both ends notice within `longest`.
    fn break_wire(&mut self, wire: u64, longest: Duration) {
        if let Some(own) = self.wires.get_mut(&wire).filter(|wire| wire.whole) {
            own.whole = false;
            own.held.clear();
            self.soon(longest, Happens::ServerNotices(wire));
            self.soon(longest, Happens::ClientNotices(wire));
        }
    }

    fn client_notices(&mut self, wire: u64) {
        if self.camera_wire == Some(wire) {
            self.camera_wire = None;
            self.link(Input::Lost("lost".into()));
            self.soon(RETRY, Happens::CameraTries);
        }
        if let Some(n) = self.viewers.iter().position(|v| v.wire == Some(wire)) {
            self.viewers[n].lost(self.now);
            self.soon(RETRY, Happens::ViewerTries(n));
        }
    }

    fn connect(&mut self, principal: Principal) -> Option<u64> {
        let now = self.clock();
        let room = self.room.as_mut()?;
        self.next_wire += 1;
        let wire = self.next_wire;
        self.wires.insert(wire, Wire::new(now.mono, false));
        let address = IpAddr::from([192, 0, 2, (wire % 200) as u8]);
        let actions = room.connected(ClientId::here(wire), principal, address, now);
        self.act(actions);
        Some(wire)
    }

    // -- the server ---------------------------------------------------------------------------------

    fn restart(&mut self) {
        if self.room.is_some() {
            return;
        }
        let signer = self.signer();
        let ids = self.ids.clone();
        let ids = Box::new(move || {
            let mut n = lock(&ids);
            *n += 1;
            format!("id{n}")
        });
        let now = self.clock();
        self.store();
        let stored = self.stored.clone();
        let source = Box::new(move |user: &str| {
            let own = lock(&stored).get(user).cloned();
            own.map(Arc::new).into_iter().collect()
        });
        let mut room = Room::new(signer, fixed(Vec::new()), source, false, ids, now);
        room.add_camera(CAMERA, "Front");
        self.room = Some(room);
    }

    /// What the operator wants is where the server reads it.
    fn store(&self) {
        lock(&self.stored).clone_from(&self.rights);
    }

    fn signer(&self) -> GrantSigner {
        self.signer.parse().unwrap()
    }

    /// The server gets its next key, if it runs at once, and else when it starts.
    fn rotate(&mut self) {
        let next = self.signer().rotated().unwrap();
        self.tell(|| "the key that signs grants is rotated".to_owned());
        (self.signer, self.grant_key) = (next.to_string(), next.public_key());
        let now = self.clock();
        let actions = self.room.as_mut().map(|room| room.set_signer(next, now));
        self.act(actions.unwrap_or_default());
    }

    fn crash(&mut self) {
        self.room = None;
        self.calm_since = self.now;
        let all: Vec<u64> = self.wires.keys().copied().collect();
        for wire in all {
            self.break_wire(wire, DELAY);
        }
        let down = self
            .chance
            .between(Duration::from_millis(100), Duration::from_secs(30));
        self.after(down, Happens::Restart);
    }

    fn act(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Send(to, message) => self.say(&[to], &message),
                Action::SendAll(to, message) => self.say(&to, &message),
                Action::ListOn(_) => unreachable!("there is one camera"),
                Action::Drop(client, _) => self.break_wire(client.number, DELAY),
                Action::ToNode(..) | Action::Online(..) | Action::Note(_) => (),
            }
        }
    }

    fn say(&mut self, to: &[ClientId], message: &Outgoing) {
        let text = serde_json::to_string(message).unwrap();
        assert!(text.len() < porthole_protocol::limits::MAX_MESSAGE_BYTES);
        for to in to {
            self.note_terms(&text);
            self.send(to.number, false, text.clone());
        }
    }

    /// What the server has promised the camera of a session.
    fn note_terms(&mut self, text: &str) {
        let message: Value = serde_json::from_str(text).unwrap();
        let Some(grant) = message["grant"].as_str() else {
            return;
        };
        let grant = self.grant_key.read(grant).unwrap();
        let now = self.now;
        let promised = now + Duration::from_secs(grant.lease.into());
        self.promises_no_more_than_was_booked(&grant.sub, promised);
        let known = self.known.entry(grant.sid).or_insert(Known {
            viewer: None,
            promised,
            said: now,
        });
        (known.promised, known.said) = (promised, now);
    }

    /// So the camera ends a session with its booking, also when nobody can tell it.
    fn promises_no_more_than_was_booked(&self, user: &str, promised: Instant) {
        let Some(rights) = self.rights.get(user) else {
            return;
        };
        let from = self.clock().wall;
        let to = from + (promised - self.now);
        let ends = rights.rules().iter().filter_map(|rule| rule.when.end());
        for end in ends.filter(|end| from < *end && *end < to) {
            self.must(
                rights.may_see(CAMERA, end),
                &format!("{user} was promised more than is booked"),
            );
        }
    }

    // -- the camera ---------------------------------------------------------------------------------

    fn camera_tries(&mut self) {
        if self.camera_wire.is_some() {
            return;
        }
        if self.now < self.impostor_until {
            self.calm_since = self.now;
            self.link(Input::Connected);
            self.link(Input::Message(
                json!({"type":"welcome","peerId":CAMERA}).to_string(),
            ));
            // Once there is another key, one that was stolen leads nowhere.
            let (stolen, chain) = &self.stolen;
            if lock(&self.gate).newest_key() != *stolen {
                let keys = json!({"type":"grantKeys","chain":chain});
                self.link(Input::Message(keys.to_string()));
            }
            self.link(Input::Alive);
            self.impostor_since = Some(self.now);
            let stays = self.chance.pick(&IMPOSTOR_STAYS).copied();
            return self.after(stays.unwrap_or_default(), Happens::ImpostorLeaves);
        }
        let camera = Principal::Camera { id: CAMERA.into() };
        let cut = self.wires.values().any(|wire| wire.cut);
        if cut || self.room.is_none() {
            self.link(Input::Lost("unreachable".into()));
            return self.soon(RETRY, Happens::CameraTries);
        }
        self.camera_wire = self.connect(camera);
        self.calm_since = self.now;
        self.link(Input::Connected);
        if let Some(wire) = self.camera_wire {
            self.camera_pings(wire);
        }
    }

    fn camera_pings(&mut self, wire: u64) {
        let there = self.wires.get(&wire).is_some_and(|w| w.whole && !w.cut);
        if self.camera_wire == Some(wire) {
            if there {
                self.last_word = self.now;
                self.link(Input::Alive);
            }
            self.after(ORPHAN / 4, Happens::CameraPings(wire));
        }
    }

    fn link(&mut self, input: Input) {
        let outputs = self.link.handle(input, self.now);
        self.perform(outputs);
    }

    fn perform(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Send(text) => {
                    if let Some(wire) = self.camera_wire {
                        self.send(wire, true, text);
                    }
                }
                Output::Reconnect(Why::Anew | Why::Replaced) => {
                    if let Some(wire) = self.camera_wire {
                        self.break_wire(wire, DELAY);
                    }
                }
                Output::Media(Media::Start { session, .. }) => {
                    self.soon(DELAY, Happens::Offer(session));
                }
                Output::Media(Media::Answer { session, .. }) => {
                    self.soon(DELAY, Happens::Flows(session));
                }
                Output::Media(Media::Measure(session)) => {
                    self.soon(DELAY, Happens::Measured(session));
                }
                Output::Media(_)
                | Output::Warning(_)
                | Output::Publication(_)
                | Output::Bell(_) => (),
                Output::Event(event) => self.hear(&event),
            }
        }
    }

    fn hear(&mut self, event: &Event) {
        self.tell(|| format!("camera: {event:?}"));
        match event {
            Event::Joined { .. } => self.joined += 1,
            Event::Left {
                session,
                user,
                reason,
                ..
            } => self.nobody_is_thrown_out(session, user, *reason),
            _ => (),
        }
    }

    // -- viewers ------------------------------------------------------------------------------------

    fn viewer_tries(&mut self, n: usize) {
        if self.viewers[n].wire.is_some() || !self.viewers[n].here {
            return;
        }
        let rights = self.rights.get(self.viewers[n].user).cloned();
        let wire = rights.and_then(|rights| self.connect(Principal::Viewer(rights.into())));
        self.viewers[n].wire = wire;
        if wire.is_none() {
            self.soon(RETRY, Happens::ViewerTries(n));
        }
    }

    fn viewer_hears(&mut self, n: usize, text: &str) {
        let message: Value = serde_json::from_str(text).unwrap();
        let answers = self.viewers[n].hear(&message);
        if message["type"] == "sessionStarted"
            && let Some(held) = &self.viewers[n].session
        {
            let now = self.now;
            let known = self.known.entry(held.id.clone()).or_insert(Known {
                viewer: None,
                promised: now + Duration::from_secs(LEASE.into()),
                said: now,
            });
            known.viewer = Some(n);
        }
        if message["type"] == "sessionStats" {
            let id = message["sessionId"].as_str().unwrap_or_default();
            let whose = self.known.get(id).and_then(|known| known.viewer);
            self.must(whose == Some(n), "statistics of someone else's session");
            self.statistics += 1;
        }
        for answer in answers {
            self.viewer_says(n, &answer);
        }
        if self.viewers[n].session.is_none() && n < VIEWERS.len() {
            self.soon(3 * RETRY, Happens::ViewerAsks(n));
        }
    }

    fn viewer_says(&mut self, n: usize, message: &Value) {
        if let Some(wire) = self.viewers[n].wire {
            self.send(wire, true, message.to_string());
        }
    }

    fn leave(&mut self, n: usize) {
        let viewer = &mut self.viewers[n];
        viewer.here = false;
        if let Some(held) = viewer.session.take() {
            self.viewer_says(n, &json!({"type":"endSession","sessionId":held.id}));
        }
        let now = self.now;
        if let Some(wire) = self.viewers[n].wire {
            self.viewers[n].lost(now);
            // What it said last may still arrive.
            self.after(DELAY, Happens::GivesUp { wire, cut: 0 });
            self.agenda
                .add(now + 2 * DELAY, Happens::ServerNotices(wire));
        }
    }

    // -- mischief -----------------------------------------------------------------------------------

    fn mischief(&mut self) {
        if self.now >= self.start + TROUBLED {
            return;
        }
        let n = self.chance.below(VIEWERS.len() as u64) as usize;
        match self.chance.below(18) {
            0 => self.crash(),
            1 => {
                if let Some(wire) = self.camera_wire {
                    self.calm_since = self.now;
                    self.break_wire(wire, SILENCE);
                }
            }
            2 => {
                if let Some(wire) = self.viewers[n].wire {
                    self.break_wire(wire, SILENCE);
                }
            }
            3 => self.cut(),
            4 => self.revoke(self.viewers[n].user),
            5 => self.grant(self.viewers[n].user),
            6 => self.shorten(self.viewers[n].user),
            7 => self.permit(self.viewers[n].user),
            8 => {
                if let Some(wire) = self.viewers[n].wire {
                    self.break_wire(wire, DELAY);
                }
                self.viewers[n].reload(self.now);
                self.soon(RETRY, Happens::ViewerTries(n));
            }
            9 => {
                self.leave(n);
                self.viewers[n].here = true;
                self.viewers[n].before = None;
                self.soon(10 * RETRY, Happens::ViewerTries(n));
            }
            10 | 11 => self.replay(),
            12 => {
                if let Some(wire) = self.camera_wire {
                    self.calm_since = self.now;
                    self.impostor_until = self.now + 2 * ORPHAN;
                    self.break_wire(wire, DELAY);
                }
            }
            13 => self.book(self.viewers[n].user),
            14 if self.chance.one_in(4) => self.set_clock(),
            14 => self.book(self.viewers[n].user),
            15 => self.rotate(),
            _ => self.hostile(),
        }
        self.soon(Duration::from_secs(12), Happens::Mischief);
    }

    /// The network between camera and server stands still.
    fn cut(&mut self) {
        let Some(wire) = self.camera_wire else { return };
        let Some(own) = self.wires.get_mut(&wire) else {
            return;
        };
        own.cut = true;
        self.cuts += 1;
        self.calm_since = self.now;
        let cut = self.cuts;
        self.after(SILENCE, Happens::GivesUp { wire, cut });
        let length = self.chance.between(Duration::from_millis(100), 3 * SILENCE);
        self.after(length, Happens::Heal);
    }

    fn heal(&mut self) {
        self.calm_since = self.now;
        let cut: Vec<u64> = self
            .wires
            .iter()
            .filter(|(_, wire)| wire.cut)
            .map(|(id, _)| *id)
            .collect();
        for wire in cut {
            let held = self.wires.get_mut(&wire).map(|own| {
                own.cut = false;
                std::mem::take(&mut own.held)
            });
            for (to_server, text) in held.unwrap_or_default() {
                self.send(wire, to_server, text);
            }
        }
    }

    fn tell_room(&mut self, rights: Rights) {
        self.store();
        let now = self.clock();
        let actions = self.room.as_mut().map(|room| room.set_viewer(rights, now));
        self.act(actions.unwrap_or_default());
    }

    fn revoke(&mut self, user: &'static str) {
        self.rights.remove(user);
        self.store();
        self.curtailed.insert(user, self.now);
        let now = self.clock();
        let actions = self
            .room
            .as_mut()
            .map(|room| room.remove_viewer(&RightsId::account(user), now));
        self.act(actions.unwrap_or_default());
    }

    fn grant(&mut self, user: &'static str) {
        if !self.rights.contains_key(user) {
            self.rights.insert(user, rights(user));
            self.tell_room(rights(user));
        }
    }

    fn shorten(&mut self, user: &'static str) {
        let lease = self.chance.below(20) as u32;
        if let Some(own) = self.rights.get_mut(user) {
            *own = with_lease(own, lease);
            let rights = own.clone();
            self.curtailed.insert(user, self.now);
            self.tell_room(rights);
        }
    }

    fn permit(&mut self, user: &'static str) {
        let listens = self.chance.one_in(2);
        if let Some(own) = self.rights.get_mut(user) {
            let mut perms = vec![Permission::View];
            perms.extend(listens.then_some(Permission::Listen));
            *own = Rights::always(user, Cameras::All, &perms, LEASE);
            let rights = own.clone();
            self.tell_room(rights);
        }
    }

    /// A user gets bookings in the place of what there was: one or two, now and soon, that touch, overlap or lie apart.
    fn book(&mut self, user: &'static str) {
        let Some(own) = self.rights.get_mut(user) else {
            return;
        };
        let (chance, wall) = (
            &mut self.chance,
            self.start_of_day + (self.now - self.start),
        );
        let wall = wall + self.clock_off;
        let mut start = wall - Duration::from_secs(chance.below(10));
        let mut rules = Vec::new();
        for _ in 0..=chance.below(3) {
            let end = start + Duration::from_secs(5 + chance.below(60));
            let listens = chance.one_in(2).then_some(Permission::Listen);
            rules.push(Rule {
                cameras: Cameras::All,
                perms: [Permission::View].into_iter().chain(listens).collect(),
                when: When::Within(Window { start, end }),
                lease: LEASE,
                booked: false,
                saving: true,
                own: false,
                booking: None,
            });
            start = end - Duration::from_secs(5) + Duration::from_secs(5 * chance.below(4));
        }
        *own = own.with_rules(rules);
        let rights = own.clone();
        self.curtailed.insert(user, self.now);
        self.tell_room(rights);
    }

    /// Someone sets the server's clock.
    fn set_clock(&mut self) {
        const STEPS: [i64; 5] = [-86_400, -30, -2, 20, 86_400];
        let step = self.chance.pick(&STEPS).copied().unwrap_or_default();
        self.clock_off += SignedDuration::from_secs(step);
        for user in VIEWERS {
            self.curtailed.insert(user, self.now);
        }
        let now = self.clock();
        let actions = self.room.as_mut().map(|room| room.tick(now));
        self.act(actions.unwrap_or_default());
    }

    /// The server's two clocks.
    fn clock(&self) -> Now {
        Now {
            mono: self.now,
            wall: self.start_of_day + (self.now - self.start) + self.clock_off,
        }
    }

    /// Someone in the middle says to the camera again what the server said before.
    fn replay(&mut self) {
        let old = self.chance.pick(&self.recorded).cloned();
        if let Some(text) = old.filter(|_| self.camera_wire.is_some()) {
            // On a connection that was confirmed, and that is not encrypted, this is a sign of life.
            self.last_word = self.now;
            self.link(Input::Message(text));
        }
    }

    /// A viewer with a credential of its own speaks of sessions that are not its own.
    fn hostile(&mut self) {
        let mallory = VIEWERS.len();
        let all: Vec<String> = self.known.keys().cloned().collect();
        let id = self.chance.pick(&all).cloned().unwrap_or_default();
        let own = self.viewers[mallory].session.clone();
        let secret = own.map(|held| held.secret).unwrap_or_default();
        let large = "v".repeat(self.chance.below(70_000) as usize);
        let say = match self.chance.below(10) {
            0 => json!({"type":"endSession","sessionId":id,"reason":"revoked"}),
            1 => json!({"type":"resumeSession","peerId":CAMERA,"sessionId":id,"secret":secret}),
            2 => json!({"type":"startSession","peerId":CAMERA,
                "replaces":{"sessionId":id,"secret":secret}}),
            3 => json!({"type":"startSession","peerId":CAMERA,"offer":large}),
            4 => json!({"type":"peer","sessionId":id,"sdp":{"type":"answer","sdp":large}}),
            5 => json!({"type":"peer","sessionId":id,"ice":{"candidate":large,"sdpMLineIndex":9}}),
            6 => json!({"type":"setPeerStatus","roles":["producer"],"meta":null,
                "porthole":{"version":1,"nonce":"n","sessions":[{"sessionId":id,"grant":"g","lease":9}]}}),
            7 => {
                json!({"type":"viewerStats","sessionId":id,"frames":1,"freezes":0,"freezeSeconds":1e9})
            }
            8 => {
                json!({"type":"viewerStats","sessionId":id,"frames":4_000_000_000_u32,"freezes":0,"freezeSeconds":0})
            }
            _ => json!({"type":"startSession","peerId":CAMERA}),
        };
        self.viewer_says(mallory, &say);
    }

    // -- what must hold -----------------------------------------------------------------------------

    fn tell(&self, what: impl FnOnce() -> String) {
        if self.tells {
            eprintln!("{:8.3} {}", (self.now - self.start).as_secs_f64(), what());
        }
    }

    #[track_caller]
    fn must(&self, holds: bool, what: &str) {
        let second = (self.now - self.start).as_secs_f64();
        assert!(holds, "seed {}, second {second:.3}: {what}", self.seed);
    }

    fn is_connected(&self) -> bool {
        let wire = self.camera_wire.and_then(|wire| self.wires.get(&wire));
        self.room.is_some() && wire.is_some_and(|wire| wire.whole && !wire.cut)
    }

    fn nobody_watches_beyond_their_terms(&self) {
        let gate = lock(&self.gate);
        for (id, session) in gate.sessions() {
            let alone = self.now <= self.last_word + ORPHAN;
            self.must(alone, &format!("{id} goes on without its server"));
            let unconfirmed = self.impostor_since.map(|since| since + CONFIRM_TIMEOUT);
            let late = unconfirmed.is_some_and(|end| self.now > end);
            self.must(!late, &format!("{id} goes on unconfirmed"));
            self.must(
                session.until >= self.now,
                &format!("{id} outlived its lease"),
            );
            let seen = session.viewer_stats.as_ref();
            let forged = seen.is_some_and(|seen| seen.frames > 1_000_000);
            let own = session.user == "mallory";
            self.must(
                own || !forged,
                &format!("someone else spoke for the viewer of {id}"),
            );
            let watches = session.permit.allows(Permission::View);
            self.must(watches, &format!("{id} is there and shows nothing"));
            if let Some(known) = self.known.get(id) {
                // The server ends it by itself at the end of the booking, which need not be a whole second.
                self.must_be_over(
                    known.promised + Duration::from_secs(1),
                    known.said,
                    &format!("{id} beyond its promise"),
                );
            }
            let user = session.user.as_str();
            if let Some(at) = self.closed.get(user) {
                self.must_be_over(*at, *at, &format!("{user} in {id}, who may not watch now"));
            }
        }
    }

    /// What was to end at `end`, as the server has known since `said`, is over: at once where both ends are connected,
    /// and otherwise when the camera has been without its server for too long.
    fn must_be_over(&self, end: Instant, said: Instant, what: &str) {
        let end = end.max(said);
        let offline = end + SILENCE + ORPHAN + ONLINE_BOUND;
        self.must(self.now <= offline, &format!("offline, {what}"));
        let calm = end.max(self.calm_since) + ONLINE_BOUND;
        let online = self.is_connected() && self.now > calm;
        self.must(!online, &format!("online, {what}"));
    }

    fn nobody_is_thrown_out(&self, session: &str, user: &str, reason: Code) {
        let Some(known) = self.known.get(session) else {
            return;
        };
        let viewer = known.viewer.map(|n| &self.viewers[n]);
        let Some(viewer) = viewer.filter(|viewer| viewer.user != "mallory") else {
            return;
        };
        let holds_it = viewer
            .session
            .as_ref()
            .is_some_and(|held| held.id == session);
        if !holds_it || !viewer.here {
            return;
        }
        let curtailed = self.curtailed.contains_key(user);
        let disturbed = |within: Duration| self.now <= self.calm_since + within;
        let fine = match reason {
            // The news that it is longer now may be on its way.
            Code::LeaseEnded => {
                curtailed
                    || self.now + ONLINE_BOUND >= known.promised
                    || self.now <= known.said + ONLINE_BOUND
                    || disturbed(ORPHAN)
            }
            Code::Revoked | Code::NotPermitted => curtailed,
            // Its page was away for too long, or has not yet heard that another connection took over.
            Code::ViewerLeft | Code::Replaced | Code::NoSuchSession => {
                viewer
                    .away_since
                    .is_some_and(|since| self.now >= since + Duration::from_secs(15))
                    || disturbed(Duration::from_secs(45))
            }
            Code::ServerUnreachable => disturbed(ORPHAN + SILENCE),
            Code::Unconfirmed => disturbed(Duration::from_secs(6)),
            Code::MediaFailed => disturbed(Duration::from_secs(45)),
            _ => false,
        };
        self.must(
            fine,
            &format!("{user} was thrown out of {session}: {reason}"),
        );
    }

    // -- the end ------------------------------------------------------------------------------------

    fn make_peace(&mut self) {
        self.heal();
        self.restart();
        self.impostor_until = self.now;
        for user in VIEWERS {
            // Nothing ends by itself any more.
            let rights = with_lease(&rights(user), 10 * LEASE);
            self.rights.insert(user, rights.clone());
            self.tell_room(rights);
        }
        self.rights.remove("mallory");
        self.store();
        let now = self.clock();
        let actions = self
            .room
            .as_mut()
            .map(|room| room.remove_viewer(&RightsId::account("mallory"), now));
        self.act(actions.unwrap_or_default());
        self.viewers[VIEWERS.len()].here = false;
        for n in 0..VIEWERS.len() {
            self.soon(RETRY, Happens::ViewerTries(n));
            self.soon(2 * RETRY, Happens::ViewerAsks(n));
        }
    }

    fn everyone_is_where_they_belong(&self) {
        let gate = lock(&self.gate);
        let knows_the_key = gate.newest_key() == self.grant_key;
        self.must(knows_the_key, "the camera did not learn the server's key");
        for viewer in &self.viewers[..VIEWERS.len()] {
            self.must(viewer.welcomed, "a viewer did not come back to the server");
            if let Some(held) = &viewer.session {
                let there = gate.sessions().contains_key(&held.id);
                self.must(
                    there,
                    &format!("a page shows {} that the camera has not", held.id),
                );
            }
        }
        let held = self
            .viewers
            .iter()
            .filter_map(|viewer| viewer.session.as_ref());
        let held: Vec<_> = held.map(|held| held.id.as_str()).collect();
        for id in gate.sessions().keys() {
            self.must(held.contains(&id.as_str()), &format!("{id} is a ghost"));
        }
        let sessions = self.room.as_ref().map(|room| room.counts().sessions);
        let same = sessions == Some(gate.viewers());
        self.must(
            same,
            &format!("the server has {sessions:?}, the camera {}", gate.viewers()),
        );
    }

    fn nothing_is_left(&self) {
        self.must(
            lock(&self.gate).viewers() == 0,
            "the camera's table is not empty",
        );
        let sessions = self.room.as_ref().map(|room| room.counts().sessions);
        self.must(sessions == Some(0), "the server's table is not empty");
    }
}
