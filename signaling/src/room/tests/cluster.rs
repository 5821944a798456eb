// SPDX-License-Identifier: MPL-2.0
//! Several servers as one, in a world that is against them: rooms and links as they run, in virtual time, with a network that
//! delays and loses, servers that are killed, frozen and cut off from each other and from the database, a database whose answers
//! are lost, cameras and viewers that connect anywhere.
//!
//! Whatever happens, once it is over: each camera has one owner, whom all know; each session is in one room, the camera's,
//! and both its ends agree that it runs; nobody is shut out. And meanwhile: whoever is revoked has lost every picture soon.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::{panic, thread};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::*;
use crate::cluster::{Frame, HEARTBEAT, Heard, Links, Outbound};

/// So many schedules in the suite; the environment says another number for a soak.
const SEEDS: u64 = 2000;
const NODES: usize = 3;
const CAMERAS: [&str; 2] = ["front", "back"];
const PEOPLE: [&str; 4] = ["alice", "bob", "carol", "dave"];
const STEP: Duration = Duration::from_millis(100);
/// Steps in which things happen.
const STEPS: usize = 600;
/// What NATS keeps for a server that does not read, before it drops the connection.
const MAX_UNREAD: usize = 200;
/// A client that hears nothing for so many steps looks for another server.
const PATIENCE: usize = 30;
/// Once all hear each other again and the database, whoever was revoked has lost every picture within so many steps.
const REVOKED_WITHIN: usize = 30;

/// A process; another one after each kill.
struct Node {
    name: String,
    room: Room,
    links: Links,
    known: Known,
    frozen: bool,
    /// Cut off from the database.
    no_database: bool,
    /// What waits while it stands still.
    unread: VecDeque<String>,
    waits: VecDeque<Said>,
    ticked: Instant,
}

/// What a client does to its server.
#[derive(Debug)]
enum Said {
    Camera(ClientId, &'static str, u64),
    Viewer(ClientId, String),
    Message(ClientId, Value),
    Gone(ClientId),
}

/// Where a client is connected.
#[derive(Clone, PartialEq)]
struct At {
    node: usize,
    name: String,
    client: ClientId,
    silent: usize,
}

#[derive(Default)]
struct CameraEnd {
    at: Option<At>,
    /// With the last grant of each.
    sessions: BTreeMap<String, String>,
    heard: BTreeSet<String>,
}

struct ViewerEnd {
    user: &'static str,
    at: Option<At>,
    sessions: BTreeMap<String, &'static str>,
    refused: Option<String>,
}

struct Wire {
    last: Instant,
    frames: VecDeque<(Instant, String)>,
}

struct Cluster {
    /// Tells what happens, of a seed that is looked into.
    tells: bool,
    random: StdRng,
    now: Now,
    step: usize,
    stored: String,
    nodes: Vec<Option<Node>>,
    born: usize,
    wires: BTreeMap<(String, String), Wire>,
    cut: BTreeSet<(usize, usize)>,
    lossy: bool,
    cameras: BTreeMap<&'static str, CameraEnd>,
    viewers: Vec<ViewerEnd>,
    next_client: u64,
    /// The database.
    fences: BTreeMap<&'static str, u64>,
    rights: BTreeMap<&'static str, bool>,
    /// When each was revoked last, and when something was last out of order.
    revoked: BTreeMap<&'static str, usize>,
    disturbed: usize,
    started: u64,
    moved: u64,
}

fn node_index(name: &str) -> usize {
    name.split_once('.').unwrap().0.parse().unwrap()
}

impl Cluster {
    fn new(seed: u64) -> Self {
        let signer = GrantSigner::generate().unwrap();
        let now = Now {
            mono: Instant::now(),
            wall: at(0),
        };
        let mut cluster = Self {
            tells: std::env::var("PORTHOLE_SEED").is_ok(),
            random: StdRng::seed_from_u64(seed),
            now,
            step: 0,
            stored: signer.to_string(),
            nodes: (0..NODES).map(|_| None).collect(),
            born: 0,
            wires: BTreeMap::new(),
            cut: BTreeSet::new(),
            lossy: false,
            cameras: CAMERAS
                .into_iter()
                .map(|id| (id, CameraEnd::default()))
                .collect(),
            viewers: Vec::new(),
            next_client: 0,
            fences: BTreeMap::new(),
            rights: PEOPLE.into_iter().map(|user| (user, true)).collect(),
            revoked: BTreeMap::new(),
            disturbed: 0,
            started: 0,
            moved: 0,
        };
        for index in 0..NODES {
            cluster.boot(index);
        }
        for user in PEOPLE {
            cluster.viewers.push(ViewerEnd {
                user,
                at: None,
                sessions: BTreeMap::new(),
                refused: None,
            });
        }
        cluster
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.random.random_range(0..100) < percent
    }

    fn any(&mut self, below: usize) -> usize {
        self.random.random_range(0..below)
    }

    fn tell(&self, what: impl FnOnce() -> String) {
        if self.tells {
            println!("{:.1} {}", self.step as f64 / 10.0, what());
        }
    }

    fn boot(&mut self, index: usize) {
        self.born += 1;
        let name = format!("{index}.{}", self.born);
        let known = Known::default();
        for (user, may) in &self.rights {
            if *may {
                let rights = Arc::new(rights(user));
                lock(&known).insert(rights.id(), rights);
            }
        }
        let prefix = format!("{name}-");
        let node = Node {
            room: room(self.stored.parse().unwrap(), &prefix, &known, self.now),
            links: Links::new(name.clone()),
            name,
            known,
            frozen: false,
            no_database: false,
            unread: VecDeque::new(),
            waits: VecDeque::new(),
            ticked: self.now.mono,
        };
        self.nodes[index] = Some(node);
    }

    fn is_cut(&self, a: usize, b: usize) -> bool {
        self.cut.contains(&(a.min(b), a.max(b)))
    }

    /// Over NATS, in order on each way, late, or not at all.
    fn send(&mut self, from: usize, out: Outbound) {
        let to = node_index(&out.to);
        let lost = self.lossy && self.chance(2);
        if self.is_cut(from, to) || lost {
            return;
        }
        let Some(node) = &self.nodes[from] else {
            return;
        };
        let way = (node.name.clone(), out.to);
        let late = Duration::from_millis(self.random.random_range(0..150));
        let now = self.now.mono;
        let wire = self.wires.entry(way).or_insert(Wire {
            last: now,
            frames: VecDeque::new(),
        });
        wire.last = wire.last.max(now + late);
        let text = serde_json::to_string(&out.frame).unwrap();
        wire.frames.push_back((wire.last, text));
    }

    fn deliver(&mut self) {
        let now = self.now.mono;
        let ways: Vec<_> = self.wires.keys().cloned().collect();
        for way in ways {
            while let Some(wire) = self.wires.get_mut(&way)
                && wire.frames.front().is_some_and(|(due, _)| *due <= now)
                && let Some((_, text)) = wire.frames.pop_front()
            {
                let index = node_index(&way.1);
                let Some(node) = self.nodes[index].as_mut() else {
                    continue;
                };
                if node.name != way.1 {
                    continue;
                }
                if node.frozen {
                    node.unread.push_back(text);
                    if node.unread.len() > MAX_UNREAD {
                        node.unread.clear();
                    }
                } else {
                    self.frame(index, &text);
                }
            }
        }
    }

    fn frame(&mut self, index: usize, text: &str) {
        let frame: Frame = serde_json::from_str(text).unwrap();
        let now = self.now.mono;
        if let Some(node) = self.nodes[index].as_mut() {
            let heard = node.links.heard(frame, now);
            self.heard(index, heard);
        }
    }

    fn heard(&mut self, index: usize, all: Vec<Heard>) {
        let now = self.now;
        for heard in all {
            if self.tells && !matches!(&heard, Heard::Send(_)) {
                println!("{:.1} node {index}: {heard:?}", self.step as f64 / 10.0);
            }
            let Some(node) = self.nodes[index].as_mut() else {
                return;
            };
            let actions = match heard {
                Heard::Send(out) => {
                    self.send(index, out);
                    continue;
                }
                Heard::Found(other) => node.room.node_found(other, now),
                Heard::Lost(other) => node.room.node_lost(other, now),
                // The API asks nothing here.
                Heard::Ask(..) | Heard::Answer(..) => continue,
                Heard::Room(other, message) => node.room.node_message(other, message, now),
                Heard::Tell(other, tell) => {
                    for client in tell.clients {
                        if let Some(node) = &self.nodes[index]
                            && node.room.may_hear(client, tell.session.as_deref(), other)
                        {
                            self.told(index, ClientId::here(client), &tell.text);
                        }
                    }
                    continue;
                }
            };
            self.act(index, actions);
        }
    }

    fn act(&mut self, index: usize, actions: Vec<Action>) {
        let now = self.now.mono;
        for action in actions {
            let Some(node) = self.nodes[index].as_mut() else {
                return;
            };
            let mut out = Vec::new();
            let own = node.links.pass(action, now, &mut out);
            for out in out {
                self.send(index, out);
            }
            match own {
                Some(Action::Send(to, message)) => {
                    let text = serde_json::to_string(&message).unwrap();
                    self.told(index, to, &text);
                }
                Some(Action::SendAll(to, message)) => {
                    let text = serde_json::to_string(&message).unwrap();
                    for to in to {
                        self.told(index, to, &text);
                    }
                }
                Some(Action::Drop(client, _)) => self.dropped(index, client),
                _ => (),
            }
        }
        if let Some(node) = &self.nodes[index] {
            node.room.assert_consistent();
        }
    }

    fn dropped(&mut self, index: usize, client: ClientId) {
        let Some(node) = &self.nodes[index] else {
            return;
        };
        let is_it = |at: &Option<At>| {
            at.as_ref()
                .is_some_and(|at| at.name == node.name && at.client == client)
        };
        for camera in self.cameras.values_mut() {
            if is_it(&camera.at) {
                camera.at = None;
            }
        }
        for viewer in &mut self.viewers {
            if is_it(&viewer.at) {
                viewer.at = None;
            }
        }
    }

    /// A client hears something.
    fn told(&mut self, index: usize, client: ClientId, text: &str) {
        let Some(node) = &self.nodes[index] else {
            return;
        };
        let is_it = |at: &Option<At>| {
            at.as_ref()
                .is_some_and(|at| at.name == node.name && at.client == client)
        };
        self.tell(|| format!("{} to {client:?}: {text:.160}", node.name));
        let message: Value = serde_json::from_str(text).unwrap();
        let kind = message["type"].as_str().unwrap();
        let session = message["sessionId"].as_str().unwrap_or_default().to_owned();
        if let Some(camera) = self.cameras.values_mut().find(|camera| is_it(&camera.at)) {
            match kind {
                "startSession" => {
                    let grant = message["grant"].as_str().unwrap().to_owned();
                    camera.sessions.insert(session, grant);
                }
                "grantUpdate" => {
                    if let (Some(known), Some(grant)) =
                        (camera.sessions.get_mut(&session), message["grant"].as_str())
                    {
                        *known = grant.to_owned();
                    }
                }
                "endSession" => {
                    camera.sessions.remove(&session);
                }
                "peer" => {
                    camera.heard.insert(session);
                }
                _ => (),
            }
            return;
        }
        if let Some(viewer) = self.viewers.iter_mut().find(|viewer| is_it(&viewer.at)) {
            match kind {
                "sessionStarted" => {
                    let camera = message["peerId"].as_str().unwrap();
                    let camera = CAMERAS.into_iter().find(|id| *id == camera).unwrap();
                    viewer.sessions.insert(session, camera);
                    self.started += 1;
                    if node_index(session_node(&message)) != index {
                        self.moved += 1;
                    }
                }
                "endSession" => {
                    viewer.sessions.remove(&session);
                }
                "error" => viewer.refused = Some(text.to_owned()),
                _ => (),
            }
        }
    }

    /// A client does something, which a frozen server hears later.
    fn say(&mut self, at: &At, said: Said) {
        let Some(node) = self.nodes[at.node]
            .as_mut()
            .filter(|node| node.name == at.name)
        else {
            return;
        };
        if node.frozen {
            node.waits.push_back(said);
        } else {
            self.hear(at.node, said);
        }
    }

    fn hear(&mut self, index: usize, said: Said) {
        let now = self.now;
        let Some(node) = self.nodes[index].as_mut() else {
            return;
        };
        if self.tells {
            println!(
                "{:.1} {} hears {said:?}",
                self.step as f64 / 10.0,
                node.name
            );
        }
        let actions = match said {
            Said::Camera(client, id, fence) => {
                node.room.claimed(id, fence);
                let camera = Principal::Camera { id: id.into() };
                node.room.connected(client, camera, HERE, now)
            }
            Said::Viewer(client, user) => {
                let rights = rights(&user);
                let viewer = Principal::Viewer(rights.into());
                node.room.connected(client, viewer, HERE, now)
            }
            Said::Message(client, message) => {
                let message = serde_json::from_value(message).unwrap();
                node.room.message(client, message, now)
            }
            Said::Gone(client) => node.room.gone(client, now),
        };
        self.act(index, actions);
    }

    fn place(&mut self) -> Option<At> {
        let index = self.any(NODES);
        let node = self.nodes[index].as_ref()?;
        // What listens to nobody answers nobody.
        if node.frozen {
            return None;
        }
        self.next_client += 1;
        Some(At {
            node: index,
            name: node.name.clone(),
            client: ClientId::here(self.next_client),
            silent: 0,
        })
    }

    fn camera_connects(&mut self, id: &'static str) {
        let Some(at) = self.place() else {
            return;
        };
        let no_database = self.nodes[at.node].as_ref().is_some_and(|n| n.no_database);
        if no_database {
            return;
        }
        let fence = self.fences.entry(id).or_default();
        *fence += 1;
        let fence = *fence;
        if self.lossy && self.chance(10) {
            // It was committed, and the answer was lost.
            return;
        }
        let camera = self.cameras.get_mut(id).unwrap();
        let sessions: Vec<_> = camera
            .sessions
            .iter()
            .map(|(id, grant)| json!({"sessionId": id, "grant": grant, "lease": 600}))
            .collect();
        let old = camera.at.replace(at.clone());
        if let Some(old) = old {
            self.say(&old, Said::Gone(old.client));
        }
        self.say(&at, Said::Camera(at.client, id, fence));
        let nonce = format!("n{}", at.client.number);
        let status = json!({"type":"setPeerStatus","roles":["producer"],"meta":null,
            "porthole":{"version":1,"nonce":nonce,"sessions":sessions}});
        self.say(&at, Said::Message(at.client, status));
    }

    fn viewer_connects(&mut self, which: usize) {
        let Some(at) = self.place() else {
            return;
        };
        let user = self.viewers[which].user;
        if !self.rights[user] {
            return;
        }
        if let Some(old) = self.viewers[which].at.replace(at.clone()) {
            self.say(&old, Said::Gone(old.client));
        }
        self.say(&at, Said::Viewer(at.client, user.to_owned()));
        let status = json!({"type":"setPeerStatus","roles":["listener"],"meta":null,
            "porthole":{"version":1,"offers":true}});
        self.say(&at, Said::Message(at.client, status));
        let signer: GrantSigner = self.stored.parse().unwrap();
        for (session, camera) in self.viewers[which].sessions.clone() {
            let secret = signer.session_secret(&session);
            let resume =
                json!({"type":"resumeSession","peerId":camera,"sessionId":session,"secret":secret});
            self.say(&at, Said::Message(at.client, resume));
        }
    }

    /// Something happens.
    fn happens(&mut self) {
        let index = self.any(NODES);
        let which = self.any(self.viewers.len());
        let camera = CAMERAS[self.any(CAMERAS.len())];
        match self.any(100) {
            0..25 => self.start(which, camera),
            25..35 => self.leave(which),
            35..40 => self.viewer_connects(which),
            40..44 => {
                // Its page is closed.
                if let Some(at) = self.viewers[which].at.take() {
                    self.viewers[which].sessions.clear();
                    self.say(&at, Said::Gone(at.client));
                }
            }
            44..50 => self.camera_connects(camera),
            50..53 => {
                // Its link breaks, which its server hears.
                if let Some(at) = self.cameras.get_mut(camera).and_then(|c| c.at.take()) {
                    self.say(&at, Said::Gone(at.client));
                }
            }
            53..56 => self.kill(index),
            56..60 if self.nodes[index].is_none() => self.boot(index),
            60..64 => {
                let other = self.any(NODES);
                if other != index {
                    self.cut.insert((index.min(other), index.max(other)));
                }
            }
            64..68 => self.cut.clear(),
            68..71 => {
                if let Some(node) = self.nodes[index].as_mut() {
                    node.frozen = true;
                }
            }
            71..77 => self.thaw(index),
            77..79 => {
                if let Some(node) = self.nodes[index].as_mut() {
                    node.no_database = true;
                }
            }
            79..83 => self.database_back(index),
            83..86 => self.lossy = !self.lossy,
            86..89 => {
                let user = self.viewers[which].user;
                self.set_right(user, false);
            }
            89..93 => {
                let user = self.viewers[which].user;
                self.set_right(user, true);
            }
            _ => (),
        }
    }

    fn start(&mut self, which: usize, camera: &'static str) {
        let own = self.viewers[which].sessions.values();
        // More than a few of one person's are refused, also when it is back for them.
        if own.filter(|at| **at == camera).count() >= 2 {
            return;
        }
        if let Some(at) = self.viewers[which].at.clone() {
            self.viewers[which].refused = None;
            let start = json!({"type":"startSession","peerId":camera});
            self.say(&at, Said::Message(at.client, start));
        }
    }

    fn leave(&mut self, which: usize) {
        let viewer = &mut self.viewers[which];
        if let (Some(at), Some((session, _))) = (viewer.at.clone(), viewer.sessions.pop_first()) {
            let end = json!({"type":"endSession","sessionId":session});
            self.say(&at, Said::Message(at.client, end));
        }
    }

    fn kill(&mut self, index: usize) {
        self.nodes[index] = None;
        for camera in self.cameras.values_mut() {
            if camera.at.as_ref().is_some_and(|at| at.node == index) {
                camera.at = None;
            }
        }
        for viewer in &mut self.viewers {
            if viewer.at.as_ref().is_some_and(|at| at.node == index) {
                viewer.at = None;
            }
        }
    }

    fn thaw(&mut self, index: usize) {
        let Some(node) = self.nodes[index].as_mut().filter(|node| node.frozen) else {
            return;
        };
        node.frozen = false;
        let unread = std::mem::take(&mut node.unread);
        let waits = std::mem::take(&mut node.waits);
        // In any order: they are of different sockets.
        if self.chance(50) {
            for text in &unread {
                self.frame(index, text);
            }
            for said in waits {
                self.hear(index, said);
            }
        } else {
            for said in waits {
                self.hear(index, said);
            }
            for text in &unread {
                self.frame(index, text);
            }
        }
        self.follow(index);
    }

    fn database_back(&mut self, index: usize) {
        if let Some(node) = self.nodes[index].as_mut() {
            node.no_database = false;
        }
        self.follow(index);
    }

    fn set_right(&mut self, user: &'static str, may: bool) {
        self.rights.insert(user, may);
        match may {
            true => self.revoked.remove(user),
            false => self.revoked.insert(user, self.step),
        };
        for index in 0..NODES {
            self.follow(index);
        }
    }

    /// A server takes over what the database says.
    fn follow(&mut self, index: usize) {
        for user in PEOPLE {
            let may = self.rights[user];
            let Some(node) = self.nodes[index].as_mut() else {
                return;
            };
            if node.no_database || node.frozen {
                return;
            }
            let id = RightsId::account(user);
            let knows = lock(&node.known).contains_key(&id);
            let actions = match (knows, may) {
                (true, false) => {
                    lock(&node.known).remove(&id);
                    node.room.remove_viewer(&id, self.now)
                }
                (false, true) => {
                    let rights = Arc::new(rights(user));
                    lock(&node.known).insert(id, rights.clone());
                    node.room.set_viewer(rights, self.now)
                }
                _ => continue,
            };
            self.act(index, actions);
        }
    }

    /// The time between two things that happen.
    fn pass(&mut self) {
        self.now += STEP;
        self.step += 1;
        self.deliver();
        for index in 0..NODES {
            self.tick(index);
        }
        self.clients_look();
        let out_of_order = !self.cut.is_empty()
            || self.lossy
            || self
                .nodes
                .iter()
                .any(|node| node.as_ref().is_none_or(|n| n.frozen || n.no_database));
        if out_of_order {
            self.disturbed = self.step;
        }
        for (user, at) in &self.revoked {
            if self.step < REVOKED_WITHIN + self.disturbed.max(*at) {
                continue;
            }
            let signer: GrantSigner = self.stored.parse().unwrap();
            for (id, camera) in &self.cameras {
                for (session, grant) in &camera.sessions {
                    let whose = signer.read(grant).unwrap().sub;
                    let is_linked = camera.at.is_some();
                    assert!(
                        whose != *user || !is_linked,
                        "{user} was revoked and watches {id} in {session}"
                    );
                }
            }
        }
    }

    fn tick(&mut self, index: usize) {
        let now = self.now;
        let Some(node) = self.nodes[index].as_mut().filter(|node| !node.frozen) else {
            return;
        };
        let actions = node.room.tick(now);
        self.act(index, actions);
        let Some(node) = self.nodes[index].as_mut() else {
            return;
        };
        if now.mono.saturating_duration_since(node.ticked) < HEARTBEAT {
            return;
        }
        node.ticked = now.mono;
        let own = node.name.clone();
        let heard = node.links.tick(now.mono);
        self.heard(index, heard);
        // Its presence, to all.
        for other in 0..NODES {
            if other == index || self.is_cut(index, other) || self.chance(50) {
                continue;
            }
            if let Some(node) = self.nodes[other].as_mut().filter(|node| !node.frozen) {
                let heard = node.links.presence(&own, now.mono);
                self.heard(other, heard);
            }
        }
    }

    /// Clients whose server does not answer look for another.
    fn clients_look(&mut self) {
        for id in CAMERAS {
            let at = self.cameras[id].at.clone();
            if self.is_lost(at.as_ref()) {
                let silent = self.cameras.get_mut(id).and_then(|c| c.at.as_mut());
                let given_up = silent.is_none_or(|at| {
                    at.silent += 1;
                    at.silent > PATIENCE
                });
                if given_up && self.chance(30) {
                    self.camera_connects(id);
                }
            }
        }
        for which in 0..self.viewers.len() {
            let at = self.viewers[which].at.clone();
            if self.is_lost(at.as_ref()) {
                let given_up = self.viewers[which].at.as_mut().is_none_or(|at| {
                    at.silent += 1;
                    at.silent > PATIENCE
                });
                if given_up && self.chance(30) {
                    self.viewer_connects(which);
                }
            }
        }
    }

    fn is_lost(&self, at: Option<&At>) -> bool {
        at.is_none_or(|at| {
            let node = self.nodes[at.node].as_ref();
            node.is_none_or(|node| node.name != at.name || node.frozen)
        })
    }

    /// All is well again, and stays so.
    fn heal(&mut self) {
        self.cut.clear();
        self.lossy = false;
        for index in 0..NODES {
            self.thaw(index);
            if self.nodes[index].is_none() {
                self.boot(index);
            }
            self.database_back(index);
        }
    }

    fn finish(&mut self) {
        self.heal();
        for _ in 0..100 {
            self.pass();
        }
        self.assert_agreed();
        for user in PEOPLE {
            self.set_right(user, true);
        }
        // Whoever is missing may come.
        for _ in 0..50 {
            self.pass();
        }
        for which in 0..self.viewers.len() {
            while !self.viewers[which].sessions.is_empty() {
                self.leave(which);
            }
        }
        // A session whose viewer never came back is over by then.
        self.now += NODE_RETURN;
        for _ in 0..50 {
            self.pass();
        }
        for camera in self.cameras.values() {
            assert!(camera.sessions.is_empty(), "a session that nobody has");
        }
        for which in 0..self.viewers.len() {
            for camera in CAMERAS {
                self.start(which, camera);
                for _ in 0..5 {
                    self.pass();
                }
                let viewer = &self.viewers[which];
                let (at, session) = (viewer.at.clone().unwrap(), viewer.sessions.iter());
                let session = session.rev().find(|(_, at)| **at == camera);
                let Some((session, _)) = session else {
                    panic!("{} is shut out: {:?}", viewer.user, viewer.refused);
                };
                let session = session.clone();
                self.say(&at, Said::Message(at.client, sdp(&session)));
                for _ in 0..5 {
                    self.pass();
                }
                assert!(
                    self.cameras[camera].heard.contains(&session),
                    "what is said is lost"
                );
            }
        }
        self.assert_agreed();
    }

    fn assert_agreed(&self) {
        for (id, camera) in &self.cameras {
            let at = camera.at.as_ref().expect("a camera is not connected");
            for node in self.nodes.iter().flatten() {
                let known = &node.room.cameras[*id];
                assert!(
                    known.listed.is_some(),
                    "{id} is not listed at {}",
                    node.name
                );
                let owner = match known.fence.owner {
                    Some(NodeId::HERE) => node.name.as_str(),
                    Some(other) => {
                        let mut all = node.links.standing();
                        all.find(|(_, node)| *node == other).unwrap().0
                    }
                    None => panic!("{} does not know whose {id} is", node.name),
                };
                assert_eq!(owner, at.name, "{} is wrong about {id}", node.name);
                let sessions: BTreeSet<_> = known.sessions.iter().collect();
                if node.name == at.name {
                    assert_eq!(known.client, Some(at.client));
                    let its: BTreeSet<_> = camera.sessions.keys().collect();
                    assert_eq!(sessions, its, "{id} and its owner disagree");
                } else {
                    assert!(sessions.is_empty(), "{id} has sessions in two rooms");
                }
            }
        }
        for viewer in &self.viewers {
            // Whoever may not come back does not hear of the end.
            let Some(own) = &viewer.at else {
                assert!(
                    !self.rights[viewer.user],
                    "{} is not connected",
                    viewer.user
                );
                continue;
            };
            for (session, camera) in &viewer.sessions {
                let at = self.cameras[camera].at.as_ref().unwrap();
                let room = &self.nodes[at.node].as_ref().unwrap().room;
                let known = room.sessions.get(session);
                let known = known.unwrap_or_else(|| panic!("{session} is over"));
                let Some(client) = known.viewer else {
                    panic!("{session} of {} waits for it at {}", viewer.user, at.name);
                };
                assert_eq!(client.number, own.client.number, "it is somebody else's");
            }
        }
        for node in self.nodes.iter().flatten() {
            for (id, session) in &node.room.sessions {
                let Some(client) = session.viewer else {
                    continue;
                };
                let viewer = self.viewers.iter().find(|viewer| {
                    let at = viewer.at.as_ref();
                    at.is_some_and(|at| at.client.number == client.number)
                });
                assert!(
                    viewer.is_some(),
                    "{id} at {} is nobody's: {client:?}",
                    node.name
                );
            }
        }
    }
}

/// The server that made a session, which stands in its id.
fn session_node(message: &Value) -> &str {
    let id = message["sessionId"].as_str().unwrap();
    id.split_once('-').unwrap().0
}

#[test]
fn whatever_happens_to_servers_and_between_them_each_session_is_one_and_ends_when_it_must() {
    let number = |name| {
        let text = std::env::var(name).ok()?;
        text.parse::<u64>().ok()
    };
    let seeds = match number("PORTHOLE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("PORTHOLE_SEEDS").unwrap_or(SEEDS),
    };
    let runs = seeds.end - seeds.start;
    let next = AtomicU64::new(seeds.start);
    let play = || {
        let (mut started, mut moved) = (0, 0);
        loop {
            let seed = next.fetch_add(1, Relaxed);
            if seed >= seeds.end {
                return (started, moved);
            }
            let Ok((one, other)) = panic::catch_unwind(|| play(seed)) else {
                panic!("seed {seed}: run it alone with PORTHOLE_SEED={seed}");
            };
            (started, moved) = (started + one, moved + other);
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let (started, moved) = thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(play)).collect();
        all.into_iter().fold((0, 0), |(started, moved), one| {
            let (own, other) = one.join().unwrap();
            (started + own, moved + other)
        })
    });
    // It would prove nothing if little happened.
    assert!(
        started > 8 * runs && moved > 4 * runs,
        "{started} sessions, {moved} of them at another server"
    );
}

/// One schedule: so many sessions began, and so many of them at another server than their viewer's.
fn play(seed: u64) -> (u64, u64) {
    let mut cluster = Cluster::new(seed);
    for _ in 0..STEPS {
        if cluster.chance(40) {
            cluster.happens();
        }
        cluster.pass();
    }
    cluster.finish();
    (cluster.started, cluster.moved)
}

/// What another server says to this one's room.
fn node_says(world: &mut World, node: NodeId, message: Value) {
    let message = serde_json::from_value(message).unwrap();
    let actions = world.room.node_message(node, message, world.now);
    world.act(actions);
}

fn owned(fence: u64) -> Value {
    json!({"type":"owned","cameras":[{"id":"front","fence":fence,"meta":{"name":"Front"}}]})
}

#[test]
fn what_an_older_owner_says_of_a_camera_or_of_its_sessions_has_no_effect() {
    let (older, newer) = (NodeId(1), NodeId(2));
    let mut world = World::new();
    world.viewer(ALICE, rights("alice"));
    world.announce(ALICE);
    for node in [older, newer] {
        let actions = world.room.node_found(node, world.now);
        world.act(actions);
    }
    node_says(&mut world, older, owned(7));
    world.to_nodes.clear();
    world.start(ALICE, "front");
    let said: Vec<_> = world.to_nodes.drain(..).collect();
    assert!(
        matches!(
            &said[..],
            [(to, NodeMessage::Viewer { .. }), (at, NodeMessage::Said { .. })] if (*to, *at) == (older, older)
        ),
        "{said:?}"
    );
    let runs =
        json!({"type":"session","client":ALICE.number,"camera":"front","session":"s","runs":true});
    node_says(&mut world, newer, runs.clone());
    let may = |world: &World, node| world.room.may_hear(ALICE.number, Some("s"), node);
    assert!(!may(&world, newer), "it is not the owner");
    node_says(&mut world, older, runs.clone());
    assert!(may(&world, older));

    // The camera connects elsewhere, and its session follows.
    node_says(&mut world, newer, owned(8));
    let said: Vec<_> = world.to_nodes.drain(..).collect();
    assert!(
        matches!(
            &said[..],
            [(to, NodeMessage::Viewer { .. }), (at, NodeMessage::Back { session, .. })]
                if (*to, *at) == (newer, newer) && session == "s"
        ),
        "{said:?}"
    );
    assert!(may(&world, newer) && !may(&world, older));
    node_says(&mut world, older, owned(7));
    node_says(&mut world, older, runs);
    let over =
        json!({"type":"session","client":ALICE.number,"camera":"front","session":"s","runs":false});
    node_says(&mut world, older, over.clone());
    assert!(may(&world, newer) && !may(&world, older));
    // Of none in particular all may speak, and of others' viewers nobody.
    assert!(world.room.may_hear(ALICE.number, None, older));
    assert!(!world.room.may_hear(BOB.number, Some("s"), newer));
    node_says(&mut world, newer, over);
    assert!(!may(&world, newer));
    // Of a session that began after its viewer had left that server hears, and of one who may not watch any more too.
    world.to_nodes.clear();
    let late =
        json!({"type":"session","client":BOB.number,"camera":"front","session":"t","runs":true});
    node_says(&mut world, newer, late);
    let gone = world.to_nodes.pop();
    assert!(
        matches!(gone, Some((node, NodeMessage::Gone { client })) if node == newer && client == BOB.number)
    );
    let runs =
        json!({"type":"session","client":ALICE.number,"camera":"front","session":"u","runs":true});
    node_says(&mut world, newer, runs);
    world.remove_viewer("alice");
    let out = world.to_nodes.pop();
    assert!(
        matches!(out, Some((node, NodeMessage::LoggedOut { client })) if node == newer && client == ALICE.number)
    );
    world.dropped.clear();
    // This server's own, by a connection that the database counted before: it is too late.
    world.room.claimed("front", 6);
    world.camera(CAMERA, "front");
    assert_eq!(world.dropped, [(CAMERA, Code::Replaced)]);
    world.room.claimed("front", 9);
    world.camera(AGAIN, "front");
    assert_eq!(world.only_to(AGAIN)["type"], "welcome");
}

#[test]
fn a_viewer_of_another_server_is_here_while_it_has_a_session_and_counts_for_nothing_else() {
    let node = NodeId(1);
    let mut world = World::new();
    world.camera(CAMERA, "front");
    world.produce(CAMERA, true);
    world.set_viewer(rights("alice"));
    let actions = world.room.node_found(node, world.now);
    world.act(actions);
    let guest = ClientId { node, number: 77 };
    let viewer = json!({"whose":{"user":"alice","token":null},"network":"192.0.2.9","peerId":"p","announced":true});
    let who = json!({"type":"viewer","client":77,"viewer":viewer});
    let said = |message: Value| json!({"type":"said","client":77,"message":message});
    world.sent.clear();
    node_says(&mut world, node, who.clone());
    node_says(
        &mut world,
        node,
        said(json!({"type":"startSession","peerId":"front"})),
    );
    let started = world.only_to(guest);
    let session = started["sessionId"].as_str().unwrap().to_owned();
    assert_eq!((world.room.viewers, world.room.clients.len()), (0, 2));
    node_says(&mut world, node, said(end(&session, "viewer-left")));
    assert_eq!((world.sessions(), world.room.clients.len()), (0, 1));

    // Who is refused is told why, and is nobody here.
    node_says(&mut world, node, who.clone());
    node_says(
        &mut world,
        node,
        said(json!({"type":"startSession","peerId":"attic"})),
    );
    assert_eq!(world.to(guest)[0]["code"], "no-such-camera");
    assert_eq!(world.room.clients.len(), 1);
    let mut stranger = who.clone();
    stranger["viewer"]["whose"]["user"] = json!("mallory");
    node_says(&mut world, node, stranger);
    node_says(
        &mut world,
        node,
        said(json!({"type":"startSession","peerId":"front"})),
    );
    assert_eq!(world.only_to(guest)["code"], "unauthorized");
    assert_eq!((world.sessions(), world.room.clients.len()), (0, 1));

    // Its server is gone: the picture goes on, and waits for longer than for one whose own connection broke.
    node_says(&mut world, node, who);
    node_says(
        &mut world,
        node,
        said(json!({"type":"startSession","peerId":"front"})),
    );
    let actions = world.room.node_lost(node, world.now);
    world.act(actions);
    world.wait(VIEWER_RETURN.as_secs() + 1);
    assert_eq!(world.sessions(), 1);
    world.wait(NODE_RETURN.as_secs());
    assert_eq!(world.sessions(), 0);
}

#[test]
fn whoever_connects_here_beside_a_session_from_elsewhere_hears_of_bookings_as_anybody_does() {
    let node = NodeId(1);
    let mut world = World::new();
    world.camera(CAMERA, "front");
    world.produce(CAMERA, true);
    world.camera(LATER, "back");
    world.produce(LATER, true);
    let always = rights("alice").rules()[0].clone();
    let front = Rule {
        cameras: Cameras::Only(["front".to_owned()].into()),
        ..always.clone()
    };
    let later = Rule {
        cameras: Cameras::Only(["back".to_owned()].into()),
        when: When::Within(crate::model::Window {
            start: at(60),
            end: at(120),
        }),
        ..always
    };
    let alice = rights("alice").with_rules([front, later]);
    world.set_viewer(alice.clone());
    let actions = world.room.node_found(node, world.now);
    world.act(actions);
    let viewer = json!({"whose":{"user":"alice","token":null},"network":"192.0.2.9","peerId":"p","announced":true});
    node_says(
        &mut world,
        node,
        json!({"type":"viewer","client":77,"viewer":viewer}),
    );
    let start = json!({"type":"startSession","peerId":"front"});
    node_says(
        &mut world,
        node,
        json!({"type":"said","client":77,"message":start}),
    );
    assert_eq!(world.sessions(), 1);

    world.viewer(ALICE, alice);
    world.announce(ALICE);
    world.to(ALICE);
    world.wait(61);
    assert_eq!(world.only_to(ALICE)["peerId"], "back", "it begins");
    world.gone(ALICE);
    world.wait(60);
    assert_eq!(world.sessions(), 1);
}

#[test]
fn rights_of_someone_whom_a_backend_knows_travel_as_they_are() {
    let rights = alice_with(|rule| rule.lease = 77)
        .of_token(token("t"))
        .shared(true);
    let text = serde_json::to_string(&rights).unwrap();
    let read: Rights = serde_json::from_str(&text).unwrap();
    assert_eq!(read, rights);
    assert!(
        !text.contains("\"t\""),
        "the digest of a token, and not the token"
    );
    assert!(serde_json::from_str::<Rights>(&text.replace("lease", "leash")).is_err());
}
