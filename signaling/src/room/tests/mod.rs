// SPDX-License-Identifier: MPL-2.0
//! The rules of the room, one a test. [`World`] plays all clients and keeps what each was sent.

mod admission;
mod bookings;
mod called;
mod calls;
mod calls_random;
mod cluster;
mod doors;
mod drives;
mod hostile;
mod lifetime;
mod limits;
mod listing;
mod reconcile;
mod rotation;
mod sessions;
mod sfu;
mod stats;
mod terms;

use std::net::Ipv4Addr;
use std::sync::Mutex;
use std::time::Duration;

use porthole_protocol::grant::{GrantKey, Permission};
use porthole_protocol::limits::MAX_MESSAGE_BYTES;
use porthole_protocol::wire::IceServer;
use serde_json::{Value, json};

use super::*;
use crate::digest::SecretDigest;
use crate::lock::lock;
use crate::rights::{Cameras, Rule, Standing, When};

/// All the rights there are, which the room asks for.
type Known = Arc<Mutex<BTreeMap<RightsId, Arc<Rights>>>>;

const CAMERA: ClientId = ClientId::here(1);
const ALICE: ClientId = ClientId::here(2);
const BOB: ClientId = ClientId::here(3);
/// Connections that come later in a story.
const AGAIN: ClientId = ClientId::here(4);
const LATER: ClientId = ClientId::here(5);

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

struct World {
    room: Room,
    known: Known,
    /// The signer, as it is on disk.
    stored: String,
    key: GrantKey,
    now: Now,
    sent: Vec<(ClientId, Value)>,
    dropped: Vec<(ClientId, Code)>,
    happened: Vec<Event>,
    /// Who was told to ask anew what is open.
    access_changed: Vec<ClientId>,
    /// For whom the room has more of a list.
    list_on: Vec<ClientId>,
    /// What other servers are told.
    to_nodes: Vec<(NodeId, NodeMessage)>,
}

/// So many seconds after everything began.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn rights(user: &str) -> Rights {
    let perms = [Permission::View, Permission::Listen];
    Rights::always(user, Cameras::All, &perms, 600)
}

/// Alice's, but for what `change` does to her one rule.
fn alice_with(change: impl FnOnce(&mut Rule)) -> Rights {
    let alice = rights("alice");
    let mut rule = alice.rules()[0].clone();
    change(&mut rule);
    alice.with_rules([rule])
}

fn token(name: &str) -> SecretDigest {
    SecretDigest::of(name)
}

/// May see no camera but the back one.
fn back_only(user: &str) -> Rights {
    let rights = rights(user);
    let rule = Rule {
        cameras: Cameras::Only(["back".to_owned()].into()),
        ..rights.rules()[0].clone()
    };
    rights.with_rules([rule])
}

fn room(signer: GrantSigner, prefix: &str, known: &Known, now: Now) -> Room {
    let prefix = prefix.to_owned();
    let mut n = 0;
    let ids = Box::new(move || {
        n += 1;
        format!("{prefix}{n}")
    });
    let ice = IceServer {
        urls: vec!["stun:s".into()],
        ..IceServer::default()
    };
    let own = known.clone();
    let source = Box::new(move |user: &str| {
        let known = lock(&own);
        let own = known.iter().filter(|(id, _)| *id.user == *user);
        own.map(|(_, rights)| rights.clone()).collect()
    });
    let all = known.clone();
    let candidates = Box::new(move |_: &str| lock(&all).values().cloned().collect());
    let room = Room::new(signer, fixed(vec![ice]), source, true, ids, now);
    let mut room = room.with_doorbells(Doorbells::default(), candidates);
    room.add_camera("front", "Front door");
    room.add_camera("back", "Back yard");
    room
}

impl World {
    fn set_doorbells(&mut self, doorbells: Doorbells) {
        let actions = self.room.set_doorbells(doorbells, self.now);
        self.act(actions);
    }

    /// Cameras "front" and "back" are enrolled, nobody is connected.
    fn new() -> Self {
        let signer = GrantSigner::generate().unwrap();
        let known = Known::default();
        let now = Now {
            mono: Instant::now(),
            wall: at(0),
        };
        Self {
            stored: signer.to_string(),
            key: signer.public_key(),
            room: room(signer, "id", &known, now),
            known,
            now,
            happened: Vec::new(),
            access_changed: Vec::new(),
            list_on: Vec::new(),
            to_nodes: Vec::new(),
            sent: Vec::new(),
            dropped: Vec::new(),
        }
    }

    /// Everyone announced, Alice in session "id2" with the front camera, nothing unread.
    fn in_session() -> Self {
        let mut world = Self::new();
        world.camera(CAMERA, "front");
        world.produce(CAMERA, true);
        world.viewer(ALICE, rights("alice"));
        world.announce(ALICE);
        world.start(ALICE, "front");
        world.sent.clear();
        world
    }

    /// The server is killed and started again, with the same key and Alice among its users.
    fn restart(&mut self) {
        self.room = room(self.signer(), "new", &self.known, self.now);
        self.set_viewer(rights("alice"));
        self.sent.clear();
    }

    fn signer(&self) -> GrantSigner {
        self.stored.parse().unwrap()
    }

    fn rotate(&mut self) {
        let next = self.signer().rotated().unwrap();
        (self.stored, self.key) = (next.to_string(), next.public_key());
        let actions = self.room.set_signer(next, self.now);
        self.act(actions);
    }

    fn act(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Send(to, message) => self.take(&[to], &message),
                Action::SendAll(to, message) => self.take(&to, &message),
                Action::ListOn(client) => self.list_on.push(client),
                Action::Drop(client, code) => self.dropped.push((client, code)),
                Action::ToNode(node, message) => self.to_nodes.push((node, message)),
                Action::Online(..) => (),
                Action::Note(happening) => self.happened.push(happening.event),
            }
        }
        self.room.assert_consistent();
    }

    fn take(&mut self, to: &[ClientId], message: &Outgoing) {
        let text = serde_json::to_string(message).unwrap();
        // Whoever tests whatever: no message is one that its receiver would not take.
        let is_list = text.starts_with(r#"{"type":"list","#);
        let most = if is_list {
            2 * 1024 * 1024
        } else {
            MAX_MESSAGE_BYTES
        };
        assert!(text.len() < most, "{} bytes", text.len());
        for to in to {
            match serde_json::from_str(&text).unwrap() {
                message if message == json!({"type":"accessChanged"}) => {
                    self.access_changed.push(*to)
                }
                message => self.sent.push((*to, message)),
            }
        }
    }

    fn camera(&mut self, client: ClientId, id: &str) {
        let camera = Principal::Camera { id: id.into() };
        let actions = self.room.connected(client, camera, HERE, self.now);
        self.act(actions);
    }

    fn set_viewer(&mut self, rights: Rights) {
        let rights = Arc::new(rights);
        lock(&self.known).insert(rights.id(), rights.clone());
        let actions = self.room.set_viewer(rights, self.now);
        self.act(actions);
    }

    fn remove_viewer(&mut self, user: &str) {
        self.remove(&RightsId::account(user));
    }

    fn remove_token(&mut self, user: &str, token: SecretDigest) {
        let id = RightsId {
            token: Some(token),
            ..RightsId::account(user)
        };
        self.remove(&id);
    }

    fn remove(&mut self, id: &RightsId) {
        lock(&self.known).remove(id);
        let actions = self.room.remove_viewer(id, self.now);
        self.act(actions);
    }

    fn login_over(&mut self, client: ClientId) {
        let actions = self.room.login_over(client, self.now);
        self.act(actions);
    }

    fn remove_camera(&mut self, id: &str) {
        for rights in lock(&self.known).values_mut() {
            if let Some(without) = rights.without_camera(id) {
                *rights = Arc::new(without);
            }
        }
        let actions = self.room.remove_camera(id, self.now);
        self.act(actions);
    }

    fn viewer(&mut self, client: ClientId, rights: Rights) {
        self.viewer_from(client, rights, HERE);
    }

    /// Makes the viewer known, and connects.
    fn viewer_from(&mut self, client: ClientId, rights: Rights, address: IpAddr) {
        self.set_viewer(rights.clone());
        let viewer = Principal::Viewer(rights.into());
        let actions = self.room.connected(client, viewer, address, self.now);
        self.act(actions);
    }

    /// Connects one of a crowd, without a look at all the others.
    fn quietly(&mut self, client: ClientId, rights: Rights) {
        let viewer = Principal::Viewer(rights.into());
        let actions = self.room.connected(client, viewer, HERE, self.now);
        assert!(matches!(actions[..], [Action::Send(..)]), "{actions:?}");
    }

    fn say(&mut self, from: ClientId, message: Value) {
        let message = serde_json::from_value(message).unwrap();
        let actions = self.room.message(from, message, self.now);
        self.act(actions);
    }

    fn gone(&mut self, client: ClientId) {
        let actions = self.room.gone(client, self.now);
        self.act(actions);
    }

    /// Time passes, in one jump.
    fn wait(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        let actions = self.room.tick(self.now);
        self.act(actions);
        self.room.assert_permitted();
    }

    /// What this client was sent since the last time someone looked.
    fn to(&mut self, client: ClientId) -> Vec<Value> {
        let (its, others) = std::mem::take(&mut self.sent)
            .into_iter()
            .partition(|(c, _)| *c == client);
        self.sent = others;
        let its: Vec<(ClientId, Value)> = its;
        its.into_iter().map(|(_, message)| message).collect()
    }

    fn only_to(&mut self, client: ClientId) -> Value {
        let mut all = self.to(client);
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    fn produce(&mut self, client: ClientId, announced: bool) {
        self.say(client, producer(announced));
    }

    fn announce(&mut self, viewer: ClientId) {
        self.say(viewer, json!({"type":"setPeerStatus","roles":["listener"],"meta":null,"porthole":{"version":1,"offers":true}}));
    }

    fn start(&mut self, viewer: ClientId, camera: &str) {
        self.say(viewer, json!({"type":"startSession","peerId":camera}));
    }

    fn secret(&self, session: &str) -> String {
        self.signer().session_secret(session)
    }

    fn resume(&mut self, viewer: ClientId, session: &str) {
        let secret = self.secret(session);
        self.say(
            viewer,
            json!({"type":"resumeSession","peerId":"front","sessionId":session,"secret":secret}),
        );
    }

    /// Alice on a new connection, with the rights she has, announced, with nothing unread.
    fn alice_again(&mut self, client: ClientId) {
        let alice = Principal::Viewer(rights("alice").into());
        let actions = self.room.connected(client, alice, HERE, self.now);
        self.act(actions);
        self.announce(client);
        self.to(client);
    }

    /// A grant as the server signed it for session "id2", but for what `change` does to it.
    fn grant(&self, change: impl FnOnce(&mut porthole_protocol::grant::Grant)) -> String {
        let mut grant = porthole_protocol::grant::Grant {
            aud: "front".into(),
            sub: "alice".into(),
            sid: "id2".into(),
            nonce: "n1".into(),
            seq: 0,
            lease: 600,
            perms: vec![Permission::View, Permission::Listen],
            booked: Some(Vec::new()),
            door_call: None,
        };
        change(&mut grant);
        self.signer().sign(&grant).unwrap()
    }

    /// The front camera connects again and reports sessions, each with its grant and the time left.
    fn front_again(&mut self, client: ClientId, sessions: &[(&str, String, u32)]) {
        self.camera(client, "front");
        self.to(client);
        let report = |(id, grant, lease): &(&str, String, u32)| json!({"sessionId": id, "grant": grant, "lease": lease});
        let sessions: Vec<_> = sessions.iter().map(report).collect();
        let mut status = producer(true);
        status["porthole"] = json!({"version":1,"nonce":"n2","sessions":sessions});
        self.say(client, status);
    }

    fn read(&self, grant: &Value) -> porthole_protocol::grant::Grant {
        self.key.read(grant.as_str().unwrap()).unwrap()
    }

    fn sessions(&self) -> usize {
        self.room.counts().sessions
    }
}

fn producer(announced: bool) -> Value {
    let mut status = json!({"type":"setPeerStatus","roles":["producer"],"meta":null});
    if announced {
        status["porthole"] = json!({"version":1,"nonce":"n1"});
    }
    status
}

fn sdp(session: &str) -> Value {
    json!({"type":"peer","sessionId":session,"sdp":{"type":"answer","sdp":"v=0"}})
}

fn end(session: &str, reason: &str) -> Value {
    json!({"type":"endSession","sessionId":session,"reason":reason})
}

impl Room {
    /// No session has what its user may not do at this time.
    fn assert_permitted(&self) {
        for (id, session) in &self.sessions {
            if session.until <= self.clock.mono {
                continue;
            }
            let rights = &self.users[&session.whose].rights;
            let Standing::Open(span) = rights.at(&session.camera_id, self.clock.wall) else {
                panic!("{id} goes on although nothing is permitted");
            };
            let more: Vec<_> = session
                .perms
                .iter()
                .filter(|p| !span.perms.contains(p))
                .collect();
            assert!(more.is_empty(), "{id} may {more:?} besides");
            let end = span.end.map(|end| self.clock.instant_of(end));
            assert!(
                end.is_none_or(|end| session.until <= end),
                "{id} outlasts what is permitted"
            );
        }
    }

    /// Every index agrees with the tables, in both directions.
    fn assert_consistent(&self) {
        for (id, session) in &self.sessions {
            assert!(self.cameras[&session.camera_id].sessions.contains(id));
            assert!(self.users[&session.whose].sessions.contains(id));
            match session.viewer {
                Some(viewer) => assert!(self.clients[&viewer].sessions.contains(id)),
                None => assert!(session.return_by.is_some(), "a ghost for ever"),
            }
            if let Some(camera) = session.camera {
                let own = self.cameras[&session.camera_id].client;
                assert!(own == Some(camera) || self.is_at_sfu(id));
            }
        }
        let ids = |all: &BTreeSet<String>| all.len();
        let of_cameras = self.cameras.values().map(|c| ids(&c.sessions)).sum();
        let of_users = self.users.values().map(|u| ids(&u.sessions)).sum();
        let attached = self.sessions.values().filter(|s| s.viewer.is_some());
        let of_clients: usize = self.clients.values().map(|c| ids(&c.sessions)).sum();
        let counts: [usize; 4] = [
            self.sessions.len(),
            of_cameras,
            of_users,
            self.deadlines.len(),
        ];
        assert!(counts.iter().all(|n| *n == counts[0]), "{counts:?}");
        assert_eq!(attached.count(), of_clients);

        let waiting: usize = self.cameras.values().map(|c| c.awaited.len()).sum();
        let waiting_clients: usize = self.clients.values().map(|c| c.awaited.len()).sum();
        assert_eq!(waiting, waiting_clients);
        let viewers = self
            .clients
            .iter()
            .filter(|(id, client)| id.is_here() && matches!(client.role, Role::Viewer(_)));
        assert_eq!(self.viewers, viewers.count());
        let users = self.users.values();
        let connections: usize = users.clone().map(User::connections_here).sum();
        assert_eq!(self.viewers, connections);
        for client in users.clone().flat_map(|user| &user.connections) {
            assert!(self.clients.contains_key(client));
        }
        let shared = users.filter(|u| u.rights.shared);
        let shared: usize = shared.map(User::connections_here).sum();
        assert_eq!(self.shared_viewers, shared);
        let is_here = |c: &&Camera| c.listed.as_ref().is_some_and(|listed| listed.here);
        let listed = self.cameras.values().filter(is_here);
        assert_eq!(self.listed_cameras, listed.count());
        let mut elsewhere = 0;
        for (camera, (session, known)) in self
            .cameras
            .iter()
            .flat_map(|(id, camera)| camera.elsewhere.iter().map(move |one| (id, one)))
        {
            assert_eq!(self.clients[&known.client].elsewhere[session], *camera);
            assert!(known.client.is_here());
            elsewhere += 1;
        }
        let of_clients: usize = self.clients.values().map(|c| c.elsewhere.len()).sum();
        assert_eq!(elsewhere, of_clients);
        let due = |user: &&User| user.due.is_some();
        let due = self.users.values().filter(due).count();
        assert_eq!(due, self.user_deadlines.len());
        assert!(self.listeners.iter().all(|l| self.clients.contains_key(l)));
        self.calls.assert_consistent();
        let mut index = ByCamera::default();
        for user in self.users.values() {
            assert_eq!(*user.rights, *self.with_calls(&user.kept));
            assert!(
                !user.connections.is_empty() || !user.sessions.is_empty(),
                "nobody is here"
            );
            index.add(&user.rights);
        }
        assert_eq!(index, self.by_camera);
    }
}
