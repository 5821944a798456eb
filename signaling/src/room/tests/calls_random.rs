// SPDX-License-Identifier: MPL-2.0
//! Doorbells among cameras and people who come, go and press whatever they like, under a clock of the test's own. Whatever
//! happens: a call is answered once at most and ends once, who was rung hears of the end, and no right outlasts it.

use std::collections::HashMap;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::*;
use crate::model::Window;
use crate::rights::share_user;

const SEEDS: u64 = 400;
const STEPS: usize = 250;
const CAMERAS: [&str; 2] = ["front", "back"];
const PEOPLE: [&str; 4] = ["alice", "bob", "carol", "dave"];
const ALL: [Permission; 3] = [Permission::View, Permission::Listen, Permission::Talk];

/// A connection, and what it knows.
#[derive(Default)]
struct Peer {
    /// Of each call: how far it is, as it was told last.
    calls: HashMap<String, String>,
    /// Of a viewer: its sessions, each with its camera.
    sessions: HashMap<String, String>,
    /// Of a camera: its sessions, each with its last grant.
    grants: HashMap<String, String>,
}

/// What is known of a call.
#[derive(Default)]
struct Story {
    answered: usize,
    ended: usize,
}

struct Simulation {
    world: World,
    random: StdRng,
    next_client: u64,
    cameras: HashMap<&'static str, ClientId>,
    viewers: Vec<(ClientId, String)>,
    peers: HashMap<ClientId, Peer>,
    stories: HashMap<String, Story>,
    /// Links of calls that run, and the cameras.
    links: Vec<(String, String)>,
    rings: Vec<String>,
    seen: usize,
    /// How often somebody could open a door.
    doors: usize,
}

fn bells() -> Doorbells {
    let target = |user: &str, after| Target {
        user: user.to_owned(),
        after: Duration::from_secs(after),
    };
    let bell = Doorbell {
        ring: Some(vec![
            target("carol", 0),
            target("bob", 7),
            target("eve", 20),
        ]),
        press: BTreeSet::new(),
        door: MayOpen::Only(["carol".to_owned()].into()),
    };
    Doorbells {
        rules: [("back".to_owned(), bell)].into(),
        quiet: Vec::new(),
    }
}

/// Carol may do nothing but what a call gives her, and Dave only looks.
fn rights_of(user: &str) -> Rights {
    match user {
        "carol" => rights(user).with_rules([]),
        "dave" => rights(user),
        _ => Rights::always(user, Cameras::All, &ALL, 600),
    }
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let mut world = World::new();
        world.set_doorbells(bells());
        for user in PEOPLE {
            world.set_viewer(rights_of(user));
        }
        Self {
            world,
            random: StdRng::seed_from_u64(seed),
            next_client: 1,
            cameras: HashMap::new(),
            viewers: Vec::new(),
            peers: HashMap::new(),
            stories: HashMap::new(),
            links: Vec::new(),
            rings: Vec::new(),
            seen: 0,
            doors: 0,
        }
    }

    fn one_of<T: Clone>(&mut self, all: &[T]) -> Option<T> {
        match all.is_empty() {
            true => None,
            false => Some(all[self.random.random_range(0..all.len())].clone()),
        }
    }

    fn client(&mut self) -> ClientId {
        self.next_client += 1;
        let client = ClientId::here(self.next_client);
        self.peers.insert(client, Peer::default());
        client
    }

    /// A camera connects, perhaps again, with what it has.
    fn camera_comes(&mut self, id: &'static str) {
        let kept = self.cameras.get(id).and_then(|old| self.peers.get(old));
        let kept = kept.map(|peer| peer.grants.clone()).unwrap_or_default();
        let client = self.client();
        self.cameras.insert(id, client);
        self.world.camera(client, id);
        let sessions: Vec<_> = kept
            .iter()
            .map(|(id, grant)| json!({"sessionId": id, "grant": grant, "lease": 600}))
            .collect();
        let nonce = format!("n{}", client.number);
        if let Some(peer) = self.peers.get_mut(&client) {
            peer.grants = kept;
        }
        self.world.say(
            client,
            json!({"type":"setPeerStatus","roles":["producer"],"meta":null,
                "porthole":{"version":1,"nonce":nonce,"sessions":sessions,"door":true}}),
        );
    }

    fn viewer_comes(&mut self, user: String, rights: Option<Rights>) {
        let client = self.client();
        match rights {
            Some(rights) => self.world.viewer(client, rights),
            None => {
                let known = Principal::Viewer(rights_of(&user).into());
                let actions = self
                    .world
                    .room
                    .connected(client, known, HERE, self.world.now);
                self.world.act(actions);
            }
        }
        self.viewers.push((client, user));
        self.world.announce(client);
    }

    fn viewer_goes(&mut self, client: ClientId) {
        self.viewers.retain(|(known, _)| *known != client);
        self.peers.remove(&client);
        self.world.gone(client);
    }

    fn step(&mut self) {
        match self.random.random_range(0..23) {
            0..3 => {
                let id = CAMERAS[self.random.random_range(0..2)];
                if let Some(camera) = self.cameras.get(id).copied() {
                    let known = self.rings.clone();
                    let again = self.random.random_bool(0.3);
                    let ring = self.one_of(&known).filter(|_| again).unwrap_or_else(|| {
                        let n: u32 = self.random.random();
                        format!("018f2b7e-6f4a-7c3d-9e21-0000{n:08x}")
                    });
                    self.rings.push(ring.clone());
                    self.world.say(camera, json!({"type":"ring","ringId":ring}));
                }
            }
            3 => {
                let id = CAMERAS[self.random.random_range(0..2)];
                let now = self.world.now;
                let (_, actions) = self.world.room.ring(id, "root", true, now);
                self.world.act(actions);
            }
            4..10 => {
                let words = [
                    "answerCall",
                    "answerCall",
                    "declineCall",
                    "nobodyHome",
                    "hangUp",
                ];
                let word = words[self.random.random_range(0..words.len())];
                let viewers = self.viewers.clone();
                let calls: Vec<_> = self.stories.keys().cloned().collect();
                let running: Vec<_> = calls
                    .iter()
                    .filter(|id| self.stories[*id].ended == 0)
                    .cloned()
                    .collect();
                let known = if self.random.random_bool(0.9) {
                    running
                } else {
                    calls
                };
                if let (Some((client, _)), Some(call)) =
                    (self.one_of(&viewers), self.one_of(&known))
                {
                    self.world.say(client, json!({"type":word,"callId":call}));
                }
            }
            10 => {
                let id = CAMERAS[self.random.random_range(0..2)];
                let calls: Vec<_> = self.stories.keys().cloned().collect();
                if let (Some(camera), Some(call)) =
                    (self.cameras.get(id).copied(), self.one_of(&calls))
                {
                    self.world
                        .say(camera, json!({"type":"endCall","callId":call}));
                }
            }
            11 => {
                let id = CAMERAS[self.random.random_range(0..2)];
                if let Some(camera) = self.cameras.get(id).copied() {
                    self.world.gone(camera);
                    if self.random.random_bool(0.8) {
                        self.camera_comes(id);
                    } else {
                        self.cameras.remove(id);
                    }
                } else {
                    self.camera_comes(id);
                }
            }
            12..14 => {
                let user = PEOPLE[self.random.random_range(0..PEOPLE.len())];
                self.viewer_comes(user.to_owned(), None);
            }
            14 => {
                // A link of a call, also of one that is over.
                let links = self.links.clone();
                if let Some((link, camera)) = self.one_of(&links) {
                    let window = Window {
                        start: self.world.now.wall,
                        end: self.world.now.wall + jiff::SignedDuration::from_mins(15),
                    };
                    let perms = call_perms();
                    let rule = Rule::call(&camera, perms, window);
                    let user = share_user(&link);
                    let opened = Rights::new(&*user, [rule]).shared(true);
                    self.viewer_comes(user, Some(opened));
                }
            }
            15 => {
                let viewers = self.viewers.clone();
                if let Some((client, _)) = self.one_of(&viewers) {
                    self.viewer_goes(client);
                }
            }
            16..18 => {
                let viewers = self.viewers.clone();
                if let Some((client, _)) = self.one_of(&viewers) {
                    let camera = CAMERAS[self.random.random_range(0..2)];
                    self.world.start(client, camera);
                }
            }
            18 => {
                let viewers = self.viewers.clone();
                if let Some((client, _)) = self.one_of(&viewers) {
                    let own: Vec<_> = self.peers[&client].sessions.keys().cloned().collect();
                    if let Some(session) = self.one_of(&own) {
                        let ends = self.random.random_bool(0.3);
                        let message = match ends {
                            true => json!({"type":"endSession","sessionId":session}),
                            false => {
                                json!({"type":"viewerStats","sessionId":session,"frames":1,"freezes":0,"freezeSeconds":0.0})
                            }
                        };
                        self.world.say(client, message);
                    }
                }
            }
            19 => {
                let user = PEOPLE[self.random.random_range(0..PEOPLE.len())];
                match self.random.random_bool(0.3) {
                    true => {
                        self.world.remove_viewer(user);
                        self.world.set_viewer(rights_of(user));
                    }
                    // Somebody gives, somebody takes.
                    false if self.random.random_bool(0.5) => self.world.set_viewer(rights(user)),
                    false => self.world.set_viewer(rights_of(user)),
                }
            }
            20 => {
                // It says so also of a call that is over, and of sessions that it never had.
                let id = CAMERAS[self.random.random_range(0..2)];
                let calls: Vec<_> = self.stories.keys().cloned().collect();
                let sessions = self.peers.values().flat_map(|peer| peer.grants.keys());
                let sessions: Vec<_> = sessions.cloned().collect();
                if let (Some(camera), Some(call), Some(session)) = (
                    self.cameras.get(id).copied(),
                    self.one_of(&calls),
                    self.one_of(&sessions),
                ) {
                    let opened = json!({"type":"door","sessionId":session,"ago":0,"result":"opened","callId":call});
                    self.world.say(camera, opened);
                }
            }
            21 if self.random.random_bool(0.1) => {
                let hours = self.random.random_range(-30..30);
                self.world.now.wall += jiff::SignedDuration::from_hours(hours);
                self.world.wait(0);
            }
            _ => {
                let seconds = self.random.random_range(0..25);
                self.world.wait(seconds);
            }
        }
        self.look();
    }

    /// Takes in what everybody was told and what happened, and looks whether that may be.
    fn look(&mut self) {
        for (client, message) in std::mem::take(&mut self.world.sent) {
            let Some(peer) = self.peers.get_mut(&client) else {
                continue;
            };
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let session = text(&message["sessionId"]);
            match text(&message["type"]).as_str() {
                "call" | "cameraCall" => {
                    let call = &message["call"];
                    let (id, state) = (text(&call["id"]), text(&call["state"]));
                    let before = peer.calls.insert(id, state.clone());
                    let is_again = before.as_deref() == Some("ended");
                    assert!(!is_again || state == "ended", "{message} after its end");
                    assert_eq!(state == "ended", call["reason"].is_string(), "{message}");
                }
                "sessionStarted" => {
                    peer.sessions.insert(session, text(&message["peerId"]));
                }
                "startSession" => {
                    peer.grants.insert(session, text(&message["grant"]));
                }
                "grantUpdate" if message["grant"].is_string() => {
                    peer.grants.insert(session, text(&message["grant"]));
                }
                "endSession" => {
                    peer.sessions.remove(&session);
                    peer.grants.remove(&session);
                }
                _ => (),
            }
        }
        for (client, _) in std::mem::take(&mut self.world.dropped) {
            self.viewers.retain(|(known, _)| *known != client);
            self.peers.remove(&client);
        }
        for event in &self.world.happened[self.seen..] {
            let Event::Call(CallEvent {
                call,
                camera,
                change,
            }) = event
            else {
                continue;
            };
            if let CallChange::Made { .. } = change {
                let before = self.stories.insert(call.clone(), Story::default());
                assert!(before.is_none(), "{call} was made twice");
            }
            if let CallChange::DoorOpened { .. } = change {
                continue;
            }
            let story = self.stories.get_mut(call).expect("it was made");
            assert_eq!(story.ended, 0, "{change:?} after the end of {call}");
            match change {
                CallChange::Rings { link, .. } => {
                    self.links.push((link.clone(), camera.clone()));
                    assert_eq!(story.answered, 0, "{call} rings although it is answered");
                }
                CallChange::Answered { .. } => story.answered += 1,
                CallChange::Talking { .. } => assert_eq!(story.answered, 1),
                CallChange::Ended { .. } => story.ended += 1,
                _ => (),
            }
            assert!(story.answered <= 1, "{call} was answered twice");
        }
        self.seen = self.world.happened.len();
        self.look_at_doors();
    }

    /// The door is open to whoever has answered there and may, as the camera has it, and to nobody else.
    fn look_at_doors(&mut self) {
        for (id, client) in &self.cameras {
            for grant in self.peers[client].grants.values() {
                let grant = self.world.key.read(grant).expect("the server's");
                let call = self.world.room.call_with_door(id, &grant.sub);
                assert_eq!(grant.door_call, call, "{grant:?}");
                let may = grant.perms.contains(&Permission::Door);
                assert_eq!(may, call.is_some(), "{grant:?}");
                self.doors += usize::from(may);
            }
        }
    }

    /// Everything comes to its end.
    fn finish(&mut self) {
        for _ in 0..20 {
            self.world.wait(60);
            self.look();
        }
        for (id, story) in &self.stories {
            assert_eq!(story.ended, 1, "{id} is left ringing");
        }
        for (client, _) in &self.viewers {
            for (id, state) in &self.peers[client].calls {
                assert_eq!(
                    state, "ended",
                    "{client:?} has not heard of the end of {id}"
                );
            }
        }
        for (camera, client) in &self.cameras {
            for (id, state) in &self.peers[client].calls {
                assert_eq!(state, "ended", "{camera} has not heard of the end of {id}");
            }
        }
        for user in self.world.room.users.values() {
            assert_eq!(user.kept, user.rights, "a right has outlasted its call");
        }
    }
}

#[test]
fn no_call_is_lost_answered_twice_or_left_ringing_and_its_rights_die_with_it() {
    let (mut calls, mut answered, mut doors) = (0, 0, 0);
    for seed in 0..SEEDS {
        // The last one that is printed is the one that fails.
        println!("seed {seed}");
        let mut simulation = Simulation::new(seed);
        simulation.camera_comes("front");
        simulation.camera_comes("back");
        for _ in 0..STEPS {
            simulation.step();
        }
        simulation.finish();
        calls += simulation.stories.len();
        doors += simulation.doors;
        answered += simulation
            .stories
            .values()
            .filter(|s| s.answered > 0)
            .count();
    }
    // It would prove nothing if little happened.
    assert!(
        calls > 1000 && answered > 100 && doors > 100,
        "{calls} calls, {answered} answered, {doors} doors"
    );
}
