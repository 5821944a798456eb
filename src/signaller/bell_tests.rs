// SPDX-License-Identifier: MPL-2.0
//! The bell at a link: what is sent, and that no press and no call is lost, whatever becomes of the server. What the bell itself
//! decides is in calls_tests.rs.

use std::time::Duration;

use serde_json::{Value, json};

use super::{tests::Scene, *};
use crate::{
    calling::BellEvent,
    signaller::calls::{KEEP, LONGEST_RING, LOST},
};

impl Scene {
    fn press(&mut self, seconds: u64, ring_id: &str) {
        let now = self.start + Duration::from_secs(seconds);
        let pressed = lock(&self.calls).press(|| ring_id.to_owned(), now);
        if pressed.is_new {
            self.at(seconds, Input::Pressed(pressed.ring_id));
        }
    }

    fn call(&mut self, seconds: u64, id: &str, ring_id: &str, state: &str) {
        let call = json!({"id": id, "ringId": ring_id, "state": state});
        self.say(seconds, json!({"type": "cameraCall", "call": call}));
    }

    fn states(&self) -> Vec<String> {
        let states = self.bell.iter().map(|event| match event {
            BellEvent::Rung { .. } => "rung".to_owned(),
            BellEvent::Call(call) => crate::calling::word(&call.state),
        });
        states.collect()
    }
}

fn ring(id: &str) -> Value {
    json!({"type": "ring", "ringId": id})
}

#[test]
fn a_press_is_heard_of_at_once_and_opens_the_camera_before_anybody_answers() {
    let mut scene = Scene::online();
    scene.press(0, "r");
    assert_eq!(scene.sent, [ring("r")]);
    assert_eq!(scene.states(), ["rung"]);
    assert_eq!(
        scene.media,
        [Media::Viewers(0)],
        "so that demand is said anew"
    );
    assert!(lock(&scene.calls).wants_picture());
    for state in ["ringing", "answered", "talking", "ended"] {
        scene.call(1, "c", "r", state);
    }
    let all = ["rung", "ringing", "answered", "talking", "ended"];
    assert_eq!(scene.states(), all);
    assert_eq!(scene.media.len(), all.len());
    assert!(!lock(&scene.calls).wants_picture());
}

#[test]
fn a_press_while_the_server_is_away_is_sent_behind_the_announcement() {
    let mut scene = Scene::offline();
    scene.press(1, "r");
    scene.at(2, Input::Connected);
    assert_eq!(scene.sent, [] as [Value; 0]);
    scene.say(2, json!({"type":"welcome","peerId":"front"}));
    assert_eq!(scene.sent[0]["type"], "setPeerStatus");
    assert_eq!(scene.sent[1..], [ring("r")]);
}

#[test]
fn a_press_that_nobody_takes_ends_on_the_tick() {
    let mut scene = Scene::online();
    scene.press(0, "r");
    scene.tick(KEEP.as_secs() - 1);
    assert_eq!(scene.states(), ["rung"]);
    scene.tick(KEEP.as_secs());
    assert_eq!(scene.states(), ["rung", "ended"]);
}

#[test]
fn hanging_up_at_the_door_goes_to_the_server() {
    let mut scene = Scene::online();
    scene.press(0, "r");
    scene.call(1, "c", "r", "talking");
    scene.forget();
    scene.at(2, Input::HangUp);
    assert_eq!(scene.sent, [json!({"type":"endCall","callId":"c"})]);
    assert_eq!(scene.states(), ["ended"]);
    scene.call(3, "c", "r", "ended");
    assert_eq!(scene.states(), ["ended"]);
}

#[test]
fn a_camera_that_stops_wants_no_picture_any_more() {
    for state in [None, Some("ringing"), Some("talking")] {
        let mut scene = Scene::online();
        scene.press(0, "r");
        if let Some(state) = state {
            scene.call(0, "c", "r", state);
        }
        scene.at(1, Input::Stop);
        assert!(!lock(&scene.calls).wants_picture(), "{state:?}");
        assert_eq!(scene.states().last().map(String::as_str), Some("ended"));
    }
}

#[test]
fn what_is_no_call_is_left_alone_and_the_link_goes_on() {
    let mut scene = Scene::online();
    scene.call(0, "../../etc", "r", "ringing");
    scene.say(0, json!({"type":"ring","ringId":"a/b"}));
    scene.say(0, json!({"type":"ring"}));
    scene.say(
        0,
        json!({"type":"cameraCall","call":{"id":"c","ringId":"r","state":"dancing"}}),
    );
    scene.say(0, json!({"type":"cameraCall","call":[]}));
    assert_eq!(scene.states(), [] as [&str; 0]);
    scene.say(0, json!({"type":"ring","ringId":"a"}));
    scene.say(0, json!({"type":"ring","ringId":"a"}));
    scene.call(0, "c", "a", "ringing");
    assert_eq!(scene.states(), ["rung", "ringing"]);
}

/// A server that keeps calls as the protocol says, as simply as can be: what it has, and what it has not told yet.
#[derive(Default)]
struct Server {
    call: Option<(String, String, &'static str)>,
    untold: Vec<(String, String, &'static str)>,
    /// Rings that it knows, and the call that it made of each.
    rung: HashMap<String, String>,
}

impl Server {
    fn hear(&mut self, message: &Value, generation: u32) {
        match message["type"].as_str() {
            Some("ring") => self.ring(message["ringId"].as_str().unwrap(), generation),
            Some("endCall")
                if self
                    .call
                    .as_ref()
                    .is_some_and(|call| call.0 == message["callId"]) =>
            {
                self.become_of("ended");
            }
            _ => (),
        }
    }

    fn ring(&mut self, ring: &str, generation: u32) {
        if self.call.as_ref().is_some_and(|call| call.1 == ring) {
            return self.tell();
        }
        // One that ended while the camera was away is not rung again.
        if let Some(id) = self.rung.get(ring) {
            return self.untold.push((id.clone(), ring.to_owned(), "ended"));
        }
        let id = format!("c-{generation}-{}", self.rung.len());
        self.rung.insert(ring.to_owned(), id.clone());
        match self.call {
            // Busy.
            Some(_) => self.untold.push((id, ring.to_owned(), "ended")),
            None => {
                self.call = Some((id, ring.to_owned(), "ringing"));
                self.tell();
            }
        }
    }

    fn tell(&mut self) {
        self.untold.extend(self.call.clone());
    }

    fn become_of(&mut self, state: &'static str) {
        if let Some(call) = &mut self.call {
            call.2 = state;
        }
        self.tell();
        if state == "ended" {
            self.call = None;
        }
    }
}

/// A number that looks like chance, the same for the same seed.
fn random(state: &mut u64, below: u64) -> u64 {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % below
}

/// One life of camera and server, second by second; in the end both are left in peace.
fn live(seed: u64) {
    let mut chance = seed;
    let mut scene = Scene::offline();
    let mut server = Server::default();
    let (mut online, mut generation, mut presses) = (false, 0, 0);
    let trouble = 400;
    let peace = trouble + LONGEST_RING.as_secs().max(LOST.as_secs()) + 60;
    for second in 0..peace {
        let quiet = second >= trouble;
        scene.tick(second);
        match random(&mut chance, 12) {
            0 if !quiet => {
                presses += 1;
                scene.press(second, &format!("r-{presses}"));
            }
            1 if !quiet && online => {
                scene.at(second, Input::Lost(String::new()));
                online = false;
            }
            2 if !quiet => {
                // It forgets all, and what it had not told is never told.
                generation += 1;
                server = Server::default();
                if online {
                    scene.at(second, Input::Lost(String::new()));
                    online = false;
                }
            }
            3 if !quiet => scene.at(second, Input::HangUp),
            4 | 5 if !online => {
                scene.at(second, Input::Connected);
                scene.say(second, json!({"type":"welcome","peerId":"front"}));
                online = true;
                server.tell();
            }
            6 => server.become_of("answered"),
            7 => server.become_of("talking"),
            8 => server.become_of("ended"),
            _ => (),
        }
        let sent: Vec<Value> = std::mem::take(&mut scene.sent);
        for message in sent.iter().filter(|_| online) {
            server.hear(message, generation);
        }
        // Told at once, or never.
        let told = std::mem::take(&mut server.untold);
        for (id, ring, state) in told {
            if online {
                scene.call(second, &id, &ring, state);
            }
        }
    }
    assert!(
        !lock(&scene.calls).wants_picture() && lock(&scene.calls).next_deadline().is_none(),
        "seed {seed}: a call is left"
    );
    everything_ended_once(seed, &scene.bell);
}

/// A server that has lost its mind: what reaches programs and the application is bounded, and the last word counts.
#[test]
fn a_flood_of_calls_is_handed_on_slowly_and_ends_as_it_was_said_last() {
    for seed in 0..50 {
        let mut scene = Scene::online();
        let mut chance = seed + 1;
        for _ in 0..20_000 {
            let (call, ring) = (random(&mut chance, 1_000), random(&mut chance, 3));
            let states = ["ringing", "answered", "talking", "ended"];
            let state = states[random(&mut chance, 4) as usize];
            scene.call(1, &format!("c-{call}"), &format!("r-{ring}-{call}"), state);
        }
        assert!(scene.bell.len() <= 80, "{}", scene.bell.len());
        assert!(scene.sent.len() <= 80 && scene.media.len() <= 80);
        scene.call(1, "last", "r-last", "talking");
        for second in 2..10 {
            scene.tick(second);
        }
        let Some(BellEvent::Call(last)) = scene.bell.last() else {
            panic!("seed {seed}: no call");
        };
        assert_eq!(last.id, "last", "seed {seed}");
        let all = scene.bell.len();
        scene.call(10, "last", "r-last", "ended");
        assert_eq!(scene.bell.len(), all + 1, "there is room again");
    }
}

/// Each press has an end, and nothing follows it.
fn everything_ended_once(seed: u64, bell: &[BellEvent]) {
    let mut open: HashMap<&str, bool> = HashMap::new();
    for event in bell {
        match event {
            BellEvent::Rung { ring_id } => {
                assert!(
                    open.insert(ring_id, true).is_none(),
                    "seed {seed}: {ring_id} twice"
                );
            }
            BellEvent::Call(call) => {
                let is_open = open.get_mut(call.ring_id.as_str());
                let is_open =
                    is_open.unwrap_or_else(|| panic!("seed {seed}: {call:?} of no press"));
                assert!(*is_open, "seed {seed}: {call:?} after its end");
                *is_open = !call.is_over();
            }
        }
    }
    let left: Vec<_> = open.iter().filter(|(_, is_open)| **is_open).collect();
    assert!(left.is_empty(), "seed {seed}: {left:?} never ended");
}

#[test]
fn no_press_and_no_call_is_lost_or_left_whatever_the_server_does() {
    for seed in 0..400 {
        live(seed);
    }
}
