// SPDX-License-Identifier: MPL-2.0

use super::*;

/// A bell, and a clock that the test turns.
struct Door {
    calls: Calls,
    start: Instant,
    now: Instant,
    made: u32,
}

impl Door {
    fn offline() -> Self {
        let start = Instant::now();
        Self {
            calls: Calls::default(),
            start,
            now: start,
            made: 0,
        }
    }

    fn online() -> Self {
        let mut door = Self::offline();
        door.calls.online(door.now);
        door
    }

    fn at(&mut self, after: Duration) {
        self.now = self.start + after;
    }

    fn press(&mut self) -> Pressed {
        self.made += 1;
        let id = format!("ring-{}", self.made);
        self.calls.press(|| id, self.now)
    }

    fn sent(&mut self) -> Option<String> {
        self.calls.unsent().map(|ring| ring.ring_id)
    }

    fn say(&mut self, call: &str, ring: &str, state: CallState) -> Vec<Call> {
        self.say_of(call, ring, state, None)
    }

    fn say_of(
        &mut self,
        call: &str,
        ring: &str,
        state: CallState,
        why: Option<CallEnd>,
    ) -> Vec<Call> {
        let said = CameraCall {
            id: call.into(),
            ring_id: ring.into(),
            state,
            by: None,
            reason: why,
        };
        self.calls.hear(said, self.now).unwrap()
    }

    /// How calls ended of which nobody said so.
    fn due(&mut self) -> Vec<(String, Option<Reason>)> {
        let due = self.calls.due(self.now).into_iter();
        due.map(|call| (call.ring_id, call.reason)).collect()
    }
}

const GONE: Option<Reason> = Some(Reason::Camera(OwnReason::ServerGone));

#[test]
fn a_press_is_sent_once_on_each_connection_until_the_server_has_said_what_became_of_it() {
    let mut door = Door::offline();
    assert!(door.press().is_new);
    assert_eq!(door.sent(), None, "nobody is there to hear it");
    door.calls.online(door.now);
    assert_eq!(door.sent().as_deref(), Some("ring-1"));
    assert_eq!(door.sent(), None);
    door.calls.offline(door.now);
    door.calls.online(door.now);
    assert_eq!(door.sent().as_deref(), Some("ring-1"));
    door.say("c", "ring-1", CallState::Answered);
    door.calls.offline(door.now);
    door.calls.online(door.now);
    assert_eq!(door.sent(), None);
}

#[test]
fn further_presses_are_the_same_one_while_it_waits_while_its_call_runs_and_for_a_second() {
    let mut door = Door::online();
    let first = door.press();
    door.at(REPEAT * 2);
    assert_eq!(
        (door.press().ring_id, door.press().is_new),
        (first.ring_id.clone(), false)
    );
    door.say("c", &first.ring_id, CallState::Ringing);
    door.at(REPEAT * 9);
    assert!(!door.press().is_new);
    door.say("c", &first.ring_id, CallState::Talking);
    assert!(!door.press().is_new);
    door.say_of("c", &first.ring_id, CallState::Ended, Some(CallEnd::HungUp));
    let second = door.press();
    assert!(second.is_new);
    // It was answered at once by an end: the finger is still on the button.
    door.say_of(
        "d",
        &second.ring_id,
        CallState::Ended,
        Some(CallEnd::Nobody),
    );
    assert_eq!(door.press().ring_id, second.ring_id);
    door.at(REPEAT * 10);
    assert!(door.press().is_new);
}

#[test]
fn a_press_that_no_server_takes_is_over_after_its_time_and_no_sooner() {
    let mut door = Door::offline();
    door.press();
    assert!(door.calls.wants_picture());
    assert_eq!(door.calls.next_deadline(), Some(door.start + KEEP));
    door.at(KEEP - Duration::from_millis(1));
    assert_eq!(door.due(), []);
    door.at(KEEP);
    assert_eq!(door.due(), [("ring-1".to_owned(), GONE)]);
    assert!(!door.calls.wants_picture());
    door.calls.online(door.now);
    assert_eq!(door.sent(), None, "it would ring for one who has gone");
    assert_eq!(door.calls.next_deadline(), None);
}

#[test]
fn a_call_that_rings_longer_than_a_press_is_kept_goes_on() {
    let mut door = Door::online();
    door.press();
    door.say("c", "ring-1", CallState::Ringing);
    door.at(KEEP * 2);
    assert_eq!(door.due(), []);
    assert!(door.calls.runs_for("ring-1"));
    door.at(LONGEST_RING);
    assert_eq!(door.due(), [("ring-1".to_owned(), GONE)]);
}

#[test]
fn a_call_whose_server_stays_away_is_over() {
    let mut door = Door::online();
    door.press();
    door.say("c", "ring-1", CallState::Talking);
    door.calls.offline(door.now);
    door.at(LOST - Duration::from_millis(1));
    // Further tries that fail do not put it off.
    door.calls.offline(door.now);
    assert_eq!(door.due(), []);
    door.at(LOST);
    assert_eq!(door.due(), [("ring-1".to_owned(), GONE)]);
    assert!(!door.calls.runs());
}

#[test]
fn a_server_that_was_started_again_rings_again_and_a_talk_that_it_forgot_is_over() {
    let mut door = Door::online();
    door.press();
    door.sent();
    door.say("c", "ring-1", CallState::Ringing);
    door.calls.offline(door.now);
    door.at(KEEP + REPEAT);
    door.due();
    door.calls.online(door.now);
    assert_eq!(door.sent().as_deref(), Some("ring-1"), "as old as it is");
    let news = door.say("d", "ring-1", CallState::Ringing);
    assert_eq!(news.len(), 1, "no end of the one before: {news:?}");
    door.say("d", "ring-1", CallState::Talking);
    door.calls.offline(door.now);
    door.calls.online(door.now);
    assert_eq!(door.sent(), None);
    let confirmed_by = door.now + CONFIRM_TIMEOUT;
    assert_eq!(door.calls.next_deadline(), Some(confirmed_by));
    door.now = confirmed_by;
    assert_eq!(door.due(), [("ring-1".to_owned(), GONE)]);
    // And where it does know it after all, it hears that it is over here.
    assert_eq!(door.say("d", "ring-1", CallState::Talking), []);
    assert_eq!(door.calls.unsaid().as_deref(), Some("d"));
}

#[test]
fn what_the_server_repeats_is_no_news_and_what_is_over_stays_so() {
    let mut door = Door::online();
    door.press();
    assert_eq!(door.say("c", "ring-1", CallState::Ringing).len(), 1);
    assert_eq!(door.say("c", "ring-1", CallState::Ringing), []);
    let ended = |door: &mut Door| door.say_of("c", "ring-1", CallState::Ended, None);
    let over = ended(&mut door);
    assert_eq!(over[0].reason, Some(Reason::Server(CallEnd::Other)));
    assert_eq!(ended(&mut door), []);
    assert_eq!(door.say("c", "ring-1", CallState::Ringing), []);
    assert!(!door.calls.wants_picture());
}

#[test]
fn a_second_call_that_ends_at_once_leaves_the_first_alone() {
    let mut door = Door::online();
    door.press();
    door.say("c", "ring-1", CallState::Talking);
    assert_eq!(
        door.say_of("d", "ring-x", CallState::Ended, Some(CallEnd::Busy)),
        []
    );
    assert!(door.calls.runs_for("ring-1"));
    // But one that runs takes its place, and the other is not left without an end.
    let news = door.say("e", "ring-y", CallState::Ringing);
    let ends = news.iter().map(|call| (call.id.as_str(), call.is_over()));
    assert_eq!(ends.collect::<Vec<_>>(), [("c", true), ("e", false)]);
}

#[test]
fn hanging_up_at_the_door_ends_it_here_and_is_said_when_the_server_is_there() {
    let mut door = Door::online();
    assert_eq!(door.calls.hang_up(), None);
    door.press();
    door.say("c", "ring-1", CallState::Talking);
    door.calls.offline(door.now);
    let ended = door.calls.hang_up().unwrap();
    assert_eq!(ended.reason, Some(Reason::Server(CallEnd::HungUpAtDoor)));
    assert_eq!(door.calls.unsaid(), None);
    door.calls.online(door.now);
    assert_eq!(door.calls.unsaid().as_deref(), Some("c"));
    assert_eq!(door.calls.unsaid(), None);
}

#[test]
fn a_press_that_is_taken_back_rings_nobody_though_its_call_comes_later() {
    let mut door = Door::online();
    door.press();
    door.sent();
    assert!(door.calls.hang_up().unwrap().is_over());
    assert_eq!(door.say("c", "ring-1", CallState::Ringing), []);
    assert!(!door.calls.wants_picture());
    assert_eq!(door.calls.unsaid().as_deref(), Some("c"));
}

#[test]
fn a_ring_from_elsewhere_counts_once_and_a_flood_of_them_is_bounded() {
    let mut door = Door::online();
    let ring = |id: &str| Ring { ring_id: id.into() };
    assert_eq!(door.calls.rung(&ring("a"), door.now), Ok(true));
    assert_eq!(door.calls.rung(&ring("a"), door.now), Ok(false));
    door.press();
    assert_eq!(
        door.calls.rung(&ring("ring-1"), door.now),
        Ok(false),
        "it is our own"
    );
    let taken = (0..1_000).filter(|n| {
        let ring = ring(&format!("flood-{n}"));
        door.calls.rung(&ring, door.now) == Ok(true)
    });
    assert_eq!(taken.count(), ELSEWHERE.burst as usize - 1);
    assert!(door.calls.rings.0.len() <= MAX_REMEMBERED);
}

#[test]
fn what_is_no_id_and_no_name_is_not_taken() {
    let mut door = Door::online();
    let call = |id: &str, ring: &str, by: Option<&str>| CameraCall {
        id: id.into(),
        ring_id: ring.into(),
        state: CallState::Ringing,
        by: by.map(str::to_owned),
        reason: None,
    };
    let long = "a".repeat(MAX_RING_ID_BYTES + 1);
    for id in ["", "../x", "a b", "ä", &long] {
        let ring = Ring { ring_id: id.into() };
        assert_eq!(door.calls.rung(&ring, door.now), Err(BadCall::Id), "{id}");
        for call in [call(id, "r", None), call("c", id, None)] {
            assert_eq!(door.calls.hear(call, door.now), Err(BadCall::Id), "{id}");
        }
    }
    let longer = "a".repeat(MAX_BY_BYTES + 1);
    for by in ["", "a\nb", &longer] {
        let call = call("c", "r", Some(by));
        assert_eq!(door.calls.hear(call, door.now), Err(BadCall::By));
    }
    assert!(!door.calls.wants_picture());
}

#[test]
fn a_server_that_sends_calls_without_end_fills_nothing() {
    let mut door = Door::online();
    for n in 0..10_000 {
        let (call, ring) = (format!("c{n}"), format!("r{n}"));
        door.say(&call, &ring, CallState::Ringing);
        door.say(&call, &ring, CallState::Ended);
    }
    let Calls {
        over,
        rings,
        closed,
        ..
    } = &door.calls;
    for remembered in [over, rings, closed] {
        assert!(remembered.0.len() <= MAX_REMEMBERED);
    }
}
