// SPDX-License-Identifier: MPL-2.0
//! Whatever anyone says in whatever order: the tables stay consistent, every message fits, and nothing is left over.
//!
//! [`World::act`] checks consistency and sizes after each step.

use super::*;
use crate::model::Window;

/// A small generator, so that a seed says all (xorshift64*; Vigna, 2016).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % sides
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len())].clone()
    }

    /// Text of any size up to the largest message, of what JSON makes long.
    fn text(&mut self) -> String {
        let unit = self.pick(&["a", "\"", "\\", "\n", "\u{1}", "é", "\u{7f}", "v=0\r\n"]);
        let size = self.pick(&[1, 43, 64, 1024, 12_000, 24_576, 24_577, 65_400]);
        unit.repeat(size / unit.len())
    }
}

const CLIENTS: u64 = 12;

/// What a client may say, of what it knows or guesses.
fn message(world: &World, dice: &mut Dice) -> Value {
    let running: BTreeSet<_> = world.room.sessions.keys().cloned().collect();
    let session = match dice.roll(3) {
        0 => format!("id{}", dice.roll(80)),
        _ => running.into_iter().nth(dice.roll(8)).unwrap_or_default(),
    };
    let camera = dice.pick(&["front", "front", "back", "attic"]);
    let secret = if dice.roll(4) > 0 {
        world.secret(&session)
    } else {
        dice.text()
    };
    let text = if dice.roll(3) > 0 {
        "v=0".to_owned()
    } else {
        dice.text()
    };
    let grant = world.grant(|g| g.sid.clone_from(&session));
    let roles = dice.pick(&[json!(["producer"]), json!(["listener"]), json!([])]);
    match dice.roll(11) {
        0 => {
            json!({"type":"setPeerStatus","roles":roles,"meta":{"t":text},"porthole":{"version":1,"nonce":text}})
        }
        1 => json!({"type":"setPeerStatus","roles":roles,"meta":null}),
        2 => {
            json!({"type":"setPeerStatus","roles":roles,"meta":null,"porthole":{"version":1,"nonce":"n",
            "sessions":[{"sessionId":session,"grant":grant,"lease":dice.roll(900)},{"sessionId":text,"grant":text,"lease":1}]}})
        }
        3 => json!({"type":"startSession","peerId":camera}),
        4 => {
            json!({"type":"startSession","peerId":camera,"offer":text,"replaces":{"sessionId":session,"secret":secret}})
        }
        5 => json!({"type":"peer","sessionId":session,"sdp":{"type":"offer","sdp":text}}),
        6 => {
            json!({"type":"peer","sessionId":session,"ice":{"candidate":text,"sdpMLineIndex":dice.roll(9)}})
        }
        7 => json!({"type":"endSession","sessionId":session,"reason":"revoked"}),
        8 => {
            json!({"type":"viewerStats","sessionId":session,"frames":dice.roll(9),"freezes":0,"freezeSeconds":dice.pick(&[0.5, -1.0, 1e300])})
        }
        9 => {
            json!({"type":"sessionStats","sessionId":session,"rung":dice.roll(3),"rungs":2,"width":640,"height":360,
            "estimate":1,"sent":1,"loss":dice.pick(&[0.5, 1e300]),"note":text})
        }
        _ => json!({"type":"resumeSession","peerId":camera,"sessionId":session,"secret":secret}),
    }
}

/// One that holds always, held, holds or will hold.
fn any_rule(world: &World, dice: &mut Dice, like: &Rule) -> Rule {
    let seconds = |dice: &mut Dice| jiff::SignedDuration::from_secs(dice.roll(600) as i64);
    let start = world.now.wall - seconds(dice) + seconds(dice);
    let window = Window {
        start,
        end: start + seconds(dice) + jiff::SignedDuration::from_secs(1),
    };
    let perms = dice.pick(&[
        vec![Permission::View],
        vec![],
        vec![Permission::View, Permission::Talk],
    ]);
    Rule {
        when: match dice.roll(3) {
            0 => When::Within(window),
            _ => When::Always,
        },
        perms: perms.into_iter().collect(),
        lease: dice.roll(700) as u32,
        ..like.clone()
    }
}

fn step(world: &mut World, dice: &mut Dice, next: &mut u64) {
    // The latest clients, some of which are gone again.
    let client = ClientId::here(next.saturating_sub(dice.roll(CLIENTS as usize) as u64));
    let user = dice.pick(&["alice", "bob", "carol"]);
    match dice.roll(20) {
        0 => world.gone(client),
        1 | 2 => {
            *next += 1;
            world.camera(ClientId::here(*next), dice.pick(&["front", "back"]));
            world.say(ClientId::here(*next), producer(dice.roll(4) > 0));
        }
        3..=5 => {
            *next += 1;
            let mut rights = dice.pick(&[rights(user), Rights::guest()]);
            // Some have come by tokens of a backend, with rights of their own each.
            if !rights.shared && dice.roll(6) == 0 {
                rights.token = Some(dice.pick(&[token("a"), token("b")]));
            }
            world.viewer(ClientId::here(*next), rights);
            world.announce(ClientId::here(*next));
        }
        6 => {
            let mut rights = dice.pick(&[rights(user), back_only(user)]);
            rights.shared = dice.roll(2) == 0;
            if dice.roll(4) == 0 {
                rights.token = Some(dice.pick(&[token("a"), token("b")]));
            }
            let always = rights.rules()[0].clone();
            let rules = (0..dice.roll(4)).map(|_| any_rule(world, dice, &always));
            let rules: Vec<_> = rules.collect();
            world.set_viewer(rights.with_rules(rules));
        }
        7 if dice.roll(4) == 0 => world.remove_viewer(user),
        7 if dice.roll(4) == 0 => world.remove_token(user, token("a")),
        8 if dice.roll(8) == 0 => {
            world.remove_camera("back");
            world.room.add_camera("back", "");
        }
        9 => world.wait(dice.pick(&[1, 5, 31, 300])),
        10 if dice.roll(8) == 0 => {
            let step = dice.pick(&[-86_400, -3, 2, 900]);
            world.now.wall += jiff::SignedDuration::from_secs(step);
            world.wait(0);
        }
        _ => {
            let message = message(world, dice);
            // The socket takes no more than this.
            if message.to_string().len() <= MAX_MESSAGE_BYTES {
                world.say(client, message);
            }
        }
    }
}

/// The model of who may know of which camera: whoever was ever let look through it.
fn note_open(world: &World, open: &mut BTreeSet<(RightsId, String)>) {
    for (name, rights) in lock(&world.known).iter() {
        for camera in ["front", "back"] {
            if rights.may_see(camera, world.room.clock.wall) {
                open.insert((name.clone(), camera.to_owned()));
            }
        }
    }
}

/// Statistics reach the two ends of the session alone, and none that no session has.
fn statistics_are_between_the_ends(world: &World) {
    for (to, message) in &world.sent {
        let Some(kind @ ("viewerStats" | "sessionStats")) = message["type"].as_str() else {
            continue;
        };
        let session = &world.room.sessions[message["sessionId"].as_str().unwrap()];
        let end = match kind {
            "viewerStats" => session.camera,
            _ => session.viewer,
        };
        assert_eq!(end, Some(*to), "{message}");
        assert!(message["note"].is_null(), "{message}");
        let sound = message["freezeSeconds"] == 0.5 || message["loss"] == 0.5;
        assert!(sound, "{message}");
    }
}

/// A viewer of one camera gets nothing of another by any message.
fn nobody_hears_of_what_was_never_open(world: &World, open: &BTreeSet<(RightsId, String)>) {
    for (to, message) in &world.sent {
        let Some(Role::Viewer(user)) = world.room.clients.get(to).map(|client| &client.role) else {
            continue;
        };
        let listed = message["producers"].as_array().into_iter().flatten();
        let named = listed.map(|producer| &producer["id"]);
        let session = message["sessionId"].as_str();
        let session = session.and_then(|id| world.room.sessions.get(id));
        let cameras = named.chain([&message["peerId"]]).filter_map(Value::as_str);
        let cameras = cameras.chain(session.map(|session| session.camera_id.as_str()));
        for camera in cameras.filter(|id| matches!(*id, "front" | "back")) {
            let known = open.contains(&(user.clone(), camera.to_owned()));
            assert!(known, "{user:?} hears of {camera}: {message}");
        }
    }
}

#[test]
fn whatever_anyone_says_every_message_fits_and_nothing_is_left_at_the_end() {
    let heard = std::sync::Mutex::new(BTreeSet::new());
    for seed in 1..=40 {
        let told = std::panic::catch_unwind(|| {
            let (mut world, mut dice, mut next) = (World::in_session(), Dice(seed), CLIENTS);
            let mut open = BTreeSet::new();
            for _ in 0..900 {
                note_open(&world, &mut open);
                step(&mut world, &mut dice, &mut next);
                note_open(&world, &mut open);
                nobody_hears_of_what_was_never_open(&world, &open);
                statistics_are_between_the_ends(&world);
                let mut heard = heard.lock().unwrap();
                for (_, message) in world.sent.drain(..) {
                    let why = [&message["reason"], &message["code"]];
                    let why = why.into_iter().find_map(Value::as_str).unwrap_or_default();
                    heard.insert(format!("{} {why}", message["type"].as_str().unwrap()));
                }
            }
            for client in 0..=next {
                world.gone(ClientId::here(client));
            }
            world.wait(VIEWER_RETURN.as_secs());
            assert_eq!(world.room.counts(), Counts::default());
            assert_eq!(world.room.next_deadline(), None);
            assert!(world.room.clients.is_empty() && world.room.listeners.is_empty());
            assert!(world.room.users.is_empty() && world.room.by_camera.is_empty());
        });
        assert!(told.is_ok(), "seed {seed}");
    }
    // That much of the room was visited.
    let heard = heard.into_inner().unwrap();
    for expected in [
        "endSession camera-gone",
        "endSession lease-ended",
        "endSession no-such-session",
        "endSession not-permitted",
        "endSession replaced",
        "endSession revoked",
        "endSession viewer-left",
        "error camera-offline",
        "error too-large",
        "grantUpdate ",
        "peer ",
        "sessionResumed ",
        "sessionStarted ",
        "sessionStats ",
        "viewerStats ",
    ] {
        assert!(heard.contains(expected), "{expected}: {heard:?}");
    }
}
