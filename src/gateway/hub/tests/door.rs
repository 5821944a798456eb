// SPDX-License-Identifier: MPL-2.0
//! The door: who may open it, and that nothing opens it late, twice or for another.

use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};

use super::*;
use crate::{
    calling::{CallState, Reason as EndReason},
    gateway::hub::door::{ANSWER_TIME, NONCE_TIME, OPEN_TIME, OPENINGS},
    opening::{CallKey, DoorResult, DoorRight},
};

const DOOR: Rights = Rights {
    door: DoorRight::Always,
    ..ALL
};

fn in_call(id: &str) -> Rights {
    Rights {
        door: DoorRight::InCall(CallKey::new(id).unwrap()),
        ..ALL
    }
}

fn call(id: &str, state: CallState) -> Input {
    Input::Call(Call {
        id: id.into(),
        ring_id: format!("ring of {id}"),
        state,
        by: None,
        reason: (state == CallState::Ended)
            .then_some(EndReason::Camera(crate::calling::OwnReason::ServerGone)),
    })
}

/// A door, whose program is 1, and Ann, who may open it.
fn house(rights: Rights) -> Room {
    let mut room = Room::new();
    room.handle(Input::ProgramJoined(1, "door".into()));
    room.viewer(1, "ann", rights);
    room.told(1);
    room.events(1);
    room
}

impl Room {
    /// Holds the button, and returns what was given for it.
    fn hold(&mut self, viewer: ViewerId, number: u16) -> Result<Value, Value> {
        self.say(viewer, Kind::HoldDoor, (0, number), "");
        let (kind, _, to, text) = self.told(viewer).pop().unwrap();
        assert_eq!(to, number);
        let word = serde_json::from_str(&text).unwrap();
        match kind {
            12 => Ok(word),
            _ => Err(word),
        }
    }

    fn open(&mut self, viewer: ViewerId, number: u16, nonce: &Value) {
        let text = json!({ "nonce": nonce["nonce"] }).to_string();
        self.say(viewer, Kind::OpenDoor, (0, number), &text);
    }

    /// What the programs are asked for since the last call: the word, and the ticket.
    fn asked(&mut self) -> Vec<(Value, Command)> {
        let mut all = Vec::new();
        self.outputs.retain(|output| match output {
            Output::Open(1, command) => {
                let Payload::Text(text) = &command.payload else {
                    panic!("{command:?}");
                };
                let word = text.strip_prefix("porthole open ").unwrap();
                all.push((serde_json::from_str(word).unwrap(), command.clone()));
                false
            }
            _ => true,
        });
        all
    }

    /// What was said of the door, for the server, since the last call.
    fn reported(&mut self) -> Vec<(String, DoorResult)> {
        let mut all = Vec::new();
        self.outputs.retain(|output| match output {
            Output::Door(asked) => {
                all.push((asked.user.clone(), asked.result));
                false
            }
            _ => true,
        });
        all
    }

    fn program_says(&mut self, program: ProgramId, text: &str) {
        self.handle(Input::ProgramMessage(program, Payload::Text(text.into())));
    }

    /// The code of the answer to a viewer's last word; empty if it was done.
    fn code(&mut self, viewer: ViewerId) -> String {
        let told = self.told(viewer);
        let answer = told
            .into_iter()
            .rev()
            .find(|(kind, ..)| [6, 7].contains(kind));
        match answer {
            Some((7, _, _, text)) => {
                let word: Value = serde_json::from_str(&text).unwrap();
                word["code"].as_str().unwrap().to_owned()
            }
            Some(_) => String::new(),
            None => "none".to_owned(),
        }
    }

    /// Holds and opens, up to the word to the program.
    fn ask(&mut self, viewer: ViewerId, number: u16) -> (Value, Command) {
        let nonce = self.hold(viewer, number).unwrap();
        self.pass(Duration::from_secs(1));
        self.open(viewer, number + 1, &nonce);
        let mut asked = self.asked();
        assert_eq!(asked.len(), 1);
        asked.remove(0)
    }
}

#[test]
fn the_program_is_told_who_and_until_when_and_says_what_it_did() {
    let mut room = house(DOOR);
    let (word, command) = room.ask(1, 1);
    assert_eq!(word["user"], "ann");
    assert_eq!(word["for"], 1500);
    let until = word["until"].as_f64().unwrap();
    assert!((1002.4..1002.6).contains(&until), "{until}");
    assert_eq!(command.due, room.now + OPEN_TIME);
    assert_eq!(room.code(1), "none");
    room.program_says(1, &format!(r#"porthole opened {{"id":{}}}"#, word["id"]));
    assert_eq!(room.code(1), "");
    assert_eq!(room.reported(), [("ann".to_owned(), DoorResult::Opened)]);
    // Said again it is nothing.
    room.program_says(1, &format!(r#"porthole opened {{"id":{}}}"#, word["id"]));
    assert!(room.told(1).is_empty() && room.reported().is_empty());
    let (word, _) = room.ask(1, 3);
    let refused = format!(
        r#"porthole refused {{"id":{},"reason":"bolted"}}"#,
        word["id"]
    );
    room.program_says(1, &refused);
    let told: Value = serde_json::from_str(&room.told(1).pop().unwrap().3).unwrap();
    assert_eq!(told, json!({"code": "door-refused", "message": "bolted"}));
    assert_eq!(room.reported(), [("ann".to_owned(), DoorResult::Refused)]);
}

#[test]
fn a_call_gives_it_while_it_is_answered_and_not_before_or_after_or_in_another() {
    let mut room = house(in_call("a"));
    assert_eq!(room.hold(1, 1).unwrap_err()["code"], "not-permitted");
    for (state, may) in [
        (CallState::Ringing, false),
        (CallState::Answered, true),
        (CallState::Talking, true),
        (CallState::Ended, false),
    ] {
        room.handle(call("a", state));
        assert_eq!(room.hold(1, 1).is_ok(), may, "{state:?}");
    }
    room.handle(call("b", CallState::Talking));
    assert!(room.hold(1, 1).is_err(), "a grant of the call before");
    room.viewer(2, "bob", ALL);
    room.told(2);
    assert_eq!(room.hold(2, 1).unwrap_err()["code"], "not-permitted");
    room.handle(Input::Rights(1, in_call("b")));
    assert!(room.hold(1, 1).is_ok());
}

#[test]
fn a_right_that_is_taken_while_the_button_is_held_opens_nothing() {
    for taken in [
        Input::Rights(1, ALL),
        call("a", CallState::Ended),
        call("b", CallState::Talking),
    ] {
        let mut room = house(in_call("a"));
        room.handle(call("a", CallState::Talking));
        let nonce = room.hold(1, 1).unwrap();
        room.handle(taken);
        room.open(1, 2, &nonce);
        assert_eq!(room.code(1), "not-permitted");
        let ann = ("ann".to_owned(), DoorResult::NotPermitted);
        assert_eq!(room.reported(), [ann]);
        assert!(room.asked().is_empty());
    }
}

#[test]
fn what_has_not_reached_the_program_is_taken_back_with_the_right() {
    let mut room = house(in_call("a"));
    room.handle(call("a", CallState::Talking));
    let (_, command) = room.ask(1, 1);
    room.handle(call("a", CallState::Ended));
    let recalls = |output: &Output| matches!(output, Output::RecallDoor(1));
    assert!(room.outputs.iter().any(recalls));
    let why = Refusal::NotPermitted;
    room.handle(Input::Undelivered(command.ticket, why));
    assert_eq!(room.code(1), "not-permitted");
    let ann = ("ann".to_owned(), DoorResult::NotDelivered);
    assert_eq!(room.reported(), [ann]);
}

#[test]
fn a_nonce_is_good_once_for_a_moment_and_for_whom_it_was_given_to() {
    let mut room = house(DOOR);
    room.viewer(2, "bob", DOOR);
    room.told(2);
    let nonce = room.hold(1, 1).unwrap();
    room.open(2, 1, &nonce);
    assert_eq!(room.code(2), "too-late", "it is another's");
    room.pass(NONCE_TIME);
    room.open(1, 2, &nonce);
    assert_eq!(room.code(1), "too-late", "the network held it up");
    let old = room.hold(1, 3).unwrap();
    let new = room.hold(1, 4).unwrap();
    room.open(1, 5, &old);
    assert_eq!(room.code(1), "too-late");
    room.open(1, 6, &new);
    assert_eq!(room.code(1), "too-late", "a wrong one spends it");
    assert!(room.asked().is_empty() && room.reported().is_empty());
    let (word, _) = room.ask(1, 7);
    room.open(1, 9, &json!({"nonce": word["id"]}));
    assert_eq!(room.code(1), "too-late", "it is spent");
    // The very same word again is one.
    room.open(1, 8, &json!({"nonce": word["id"]}));
    assert_eq!(room.code(1), "none");
    assert!(room.asked().is_empty());
    for text in ["", "{}", r#"{"nonce":-1}"#, "17", "[[[["] {
        room.say(1, Kind::OpenDoor, (0, 10), text);
        assert_eq!(room.code(1), "bad-message", "{text}");
    }
    room.say(1, Kind::HoldDoor, (0, 0), "");
    assert_eq!(room.code(1), "bad-message", "nobody could be answered");
}

#[test]
fn of_two_at_once_the_first_opens_and_a_lock_is_not_worn_out() {
    let mut room = house(DOOR);
    room.viewer(2, "bob", DOOR);
    room.told(2);
    let (anns, bobs) = (room.hold(1, 1).unwrap(), room.hold(2, 1).unwrap());
    room.open(1, 2, &anns);
    room.open(2, 2, &bobs);
    let asked = room.asked();
    assert_eq!((asked.len(), &asked[0].0["user"]), (1, &json!("ann")));
    assert_eq!(room.code(2), "door-busy");
    room.program_says(
        1,
        &format!(r#"porthole opened {{"id":{}}}"#, asked[0].0["id"]),
    );
    let mut opened = 1;
    for number in 2..9 {
        let nonce = room.hold(2, 2 * number).unwrap();
        room.open(2, 2 * number + 1, &nonce);
        match room.asked().pop() {
            Some((word, _)) => {
                opened += 1;
                room.program_says(1, &format!(r#"porthole opened {{"id":{}}}"#, word["id"]));
            }
            None => assert_eq!(room.code(2), "too-many"),
        }
    }
    assert_eq!(opened, OPENINGS.burst);
}

#[test]
fn a_program_that_says_nothing_or_goes_is_reported_and_its_late_word_written_down() {
    let mut room = house(DOOR);
    let unanswered = || [("ann".to_owned(), DoorResult::Unanswered)];
    let (word, _) = room.ask(1, 1);
    room.pass(ANSWER_TIME);
    assert_eq!(room.code(1), "door-unanswered");
    assert_eq!(room.reported(), unanswered());
    room.program_says(1, &format!(r#"porthole opened {{"id":{}}}"#, word["id"]));
    assert!(room.told(1).is_empty());
    assert_eq!(room.reported(), [("ann".to_owned(), DoorResult::Opened)]);
    let (word, command) = room.ask(1, 3);
    // It was never written.
    room.handle(Input::Undelivered(command.ticket, Refusal::Stale));
    assert_eq!(room.code(1), "door-unanswered");
    let never = [("ann".to_owned(), DoorResult::NotDelivered)];
    assert_eq!(room.reported(), never);
    room.program_says(1, &format!(r#"porthole opened {{"id":{}}}"#, word["id"]));
    assert!(room.reported().is_empty(), "it cannot know that");
    room.ask(1, 5);
    room.handle(Input::ProgramLeft(1));
    assert_eq!(room.code(1), "door-unanswered");
    assert_eq!(room.reported(), unanswered());
    assert_eq!(room.hold(1, 7).unwrap_err()["code"], "no-door");
    // Another program's word opens nothing.
    room.handle(Input::ProgramJoined(2, "door".into()));
    let nonce = room.hold(1, 9).unwrap();
    room.open(1, 10, &nonce);
    room.handle(Input::ProgramJoined(3, "arm".into()));
    room.program_says(
        3,
        &format!(r#"porthole opened {{"id":{}}}"#, nonce["nonce"]),
    );
    assert_eq!(room.code(1), "none");
}

#[test]
fn a_program_that_is_gone_while_the_button_is_held_is_reported() {
    let mut room = house(DOOR);
    let nonce = room.hold(1, 1).unwrap();
    room.handle(Input::ProgramLeft(1));
    room.open(1, 2, &nonce);
    assert_eq!(room.code(1), "no-door");
    let ann = ("ann".to_owned(), DoorResult::NoProgram);
    assert_eq!(room.reported(), [ann]);
}

/// Viewers, calls and a program who do whatever they can: the door opens for nobody who may not, not twice for one press, and each
/// press is answered once.
#[test]
fn thousands_of_runs_open_the_door_for_whoever_may_and_once() {
    let mut opened = 0;
    for seed in 0..2_000 {
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut room = house(DOOR);
        let mut rights = [DoorRight::Always, DoorRight::No];
        room.viewer(2, "bob", ALL);
        let mut running: Option<(&str, CallState)> = None;
        let (mut number, mut nonces) = (0u16, Vec::new());
        let mut waiting: Vec<(Value, Command)> = Vec::new();
        let mut is_here = true;
        let mut answers: std::collections::BTreeMap<(ViewerId, u16), u32> = Default::default();
        for _ in 0..100 {
            room.pass(Duration::from_millis(rng.random_range(0..900)));
            let viewer = rng.random_range(1..=2u32);
            match rng.random_range(0..8) {
                0 => {
                    let key = CallKey::new(["a", "b"][rng.random_range(0..2)]).unwrap();
                    let all = [DoorRight::No, DoorRight::Always, DoorRight::InCall(key)];
                    let door = all[rng.random_range(0..3)];
                    rights[viewer as usize - 1] = door;
                    room.handle(Input::Rights(viewer, Rights { door, ..ALL }));
                }
                1 => {
                    let id = ["a", "b"][rng.random_range(0..2)];
                    let all = [
                        CallState::Ringing,
                        CallState::Answered,
                        CallState::Talking,
                        CallState::Ended,
                    ];
                    let state = all[rng.random_range(0..4)];
                    running = (state != CallState::Ended).then_some((id, state));
                    room.handle(call(id, state));
                }
                2 | 3 => {
                    number += 1;
                    room.say(viewer, Kind::HoldDoor, (0, number), "");
                    answers.insert((viewer, number), 0);
                }
                4 | 5 if !nonces.is_empty() => {
                    let nonce = nonces[rng.random_range(0..nonces.len())];
                    number += 1;
                    room.open(viewer, number, &json!({ "nonce": nonce }));
                    answers.insert((viewer, number), 0);
                }
                6 if rng.random_bool(0.3) => {
                    is_here = !is_here;
                    match is_here {
                        true => room.handle(Input::ProgramJoined(1, "door".into())),
                        false => {
                            for (_, command) in waiting.drain(..) {
                                let gone = Refusal::ServiceGone;
                                room.handle(Input::Undelivered(command.ticket, gone));
                            }
                            room.handle(Input::ProgramLeft(1));
                        }
                    }
                }
                _ => {
                    for (word, command) in waiting.drain(..) {
                        if command.due <= room.now {
                            let stale = Refusal::Stale;
                            room.handle(Input::Undelivered(command.ticket, stale));
                            continue;
                        }
                        // As it is when the program reads it.
                        let user = command.ticket.viewer as usize - 1;
                        let may = match rights[user] {
                            DoorRight::No => false,
                            DoorRight::Always => true,
                            DoorRight::InCall(key) => running.is_some_and(|(id, state)| {
                                CallKey::new(id) == Some(key)
                                    && matches!(state, CallState::Answered | CallState::Talking)
                            }),
                        };
                        assert!(may, "seed {seed}: {} may not", word["user"]);
                        opened += 1;
                        let said = format!(r#"porthole opened {{"id":{}}}"#, word["id"]);
                        room.program_says(1, &said);
                    }
                }
            }
            // The glue.
            while !room.outputs.is_empty() {
                for output in std::mem::take(&mut room.outputs) {
                    match output {
                        Output::Open(_, command) => {
                            let Payload::Text(text) = &command.payload else {
                                panic!("{command:?}");
                            };
                            let word = text.strip_prefix("porthole open ").unwrap();
                            // Of one that is too old the queue lets go, as of all that is.
                            for (_, old) in waiting.drain(..) {
                                assert!(old.due <= room.now, "seed {seed}: two at once");
                                let why = Refusal::Superseded;
                                room.handle(Input::Undelivered(old.ticket, why));
                            }
                            waiting.push((serde_json::from_str(word).unwrap(), command));
                        }
                        Output::RecallDoor(_) => {
                            for (_, command) in waiting.drain(..) {
                                let why = Refusal::NotPermitted;
                                room.handle(Input::Undelivered(command.ticket, why));
                            }
                        }
                        Output::Viewer(viewer, message) => {
                            let bytes = &message.bytes;
                            let number = u16::from_be_bytes([bytes[2], bytes[3]]);
                            if bytes[0] == Kind::DoorNonce as u8 {
                                let word: Value = serde_json::from_slice(&bytes[4..]).unwrap();
                                nonces.push(word["nonce"].as_u64().unwrap());
                            }
                            if number > 0 {
                                *answers.get_mut(&(viewer, number)).unwrap() += 1;
                            }
                        }
                        _ => (),
                    }
                }
            }
        }
        room.pass(ANSWER_TIME);
        for output in &room.outputs {
            if let Output::Viewer(viewer, message) = output {
                let number = u16::from_be_bytes([message.bytes[2], message.bytes[3]]);
                if number > 0 {
                    *answers.get_mut(&(*viewer, number)).unwrap() += 1;
                }
            }
        }
        for (press, count) in answers {
            assert_eq!(count, 1, "seed {seed}: {press:?}");
        }
    }
    assert!(opened > 500, "{opened}");
}
