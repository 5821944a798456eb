// SPDX-License-Identifier: MPL-2.0
//! How long programs may go on, and what they are given meanwhile.

use super::{
    steering::{ZEROS, steered},
    *,
};

/// The time that is left of a driver's, and no more: when it ends the program has stopped, whatever becomes of the gateway.
#[test]
fn programs_live_by_a_lease_that_ends_when_the_driver_would_have_stalled() {
    let mut room = Room::new();
    room.handle(Input::ProgramJoined(1, "arm".into()));
    room.viewer(1, "ann", ALL);
    room.say(1, Kind::Ask, (0, 0), "");
    room.leases(1);
    let period = TIMEOUT / 5;
    for _ in 0..3 {
        room.pass(period - Duration::from_millis(1));
        assert_eq!(room.leases(1), [0; 0]);
        room.say(1, Kind::Alive, (0, 0), "");
        room.pass(Duration::from_millis(1));
        assert_eq!(room.leases(1), [499]);
    }
    // Nothing more is heard of the driver: the lease grows no longer.
    room.pass(period);
    room.pass(period);
    assert_eq!(room.leases(1), [399, 299]);
    room.handle(Input::ProgramJoined(2, "leg".into()));
    let driver = room.events(2).pop().unwrap();
    assert!(driver.contains(r#""for":299,"until":"#), "{driver}");
    room.pass(TIMEOUT);
    assert_eq!(room.leases(1), [0; 0]);
    assert!(room.events(1).pop().unwrap().contains("stalled"));
    // While nobody drives there is none.
    room.pass(TIMEOUT);
    assert_eq!(room.leases(1), [0; 0]);
}

#[test]
fn a_program_that_comes_and_goes_puts_off_nobodys_lease() {
    let mut room = Room::new();
    room.handle(Input::ProgramJoined(1, "arm".into()));
    room.viewer(1, "ann", ALL);
    room.say(1, Kind::Ask, (0, 0), "");
    for program in 2..100 {
        room.pass(TIMEOUT / 10);
        room.say(1, Kind::Alive, (0, 0), "");
        room.handle(Input::ProgramJoined(program, "leg".into()));
        room.handle(Input::ProgramLeft(program));
    }
    assert!(room.leases(1).len() > 40);
    assert_eq!(room.hub.wheel.driver(), Some(1));
}

/// A process that stood still: its programs have stopped by themselves, so that nobody drives, whoever was heard meanwhile.
#[test]
fn a_gateway_that_stood_still_lets_go_of_the_driver() {
    let mut room = Room::new();
    room.handle(Input::ProgramJoined(1, "arm".into()));
    room.viewer(1, "ann", ALL);
    room.say(1, Kind::Ask, (0, 0), "");
    room.events(1);
    room.now += 2 * TIMEOUT;
    room.say(1, Kind::Text, (1, 1), "on");
    assert_eq!(room.commands(), []);
    assert!(room.events(1)[0].contains("stalled"));
    assert_eq!(room.last(1, Kind::Refused)["code"], "not-driving");
}

#[test]
fn the_shortest_time_that_a_program_asks_for_is_in_force_while_it_is_there() {
    let mut room = Room::new();
    room.viewer(1, "ann", ALL);
    room.handle(Input::ProgramJoined(1, "arm".into()));
    room.told(1);
    let describe = r#"porthole describe {"timeout":200}"#;
    room.handle(Input::ProgramMessage(1, Payload::Text(describe.into())));
    assert_eq!(room.last(1, Kind::Hello)["controlTimeout"], 200);
    room.say(1, Kind::Ask, (0, 0), "");
    let driver = room.events(1).pop().unwrap();
    assert!(driver.contains(r#""for":200,"#), "{driver}");
    room.pass(Duration::from_millis(200));
    assert!(room.events(1)[0].contains("stalled"));
    room.handle(Input::ProgramLeft(1));
    assert_eq!(room.last(1, Kind::Hello)["controlTimeout"], 500);
}

#[test]
fn nothing_more_of_a_driver_is_handed_on_who_was_not_heard_for_half_of_the_timeout() {
    let mut room = Room::new();
    room.handle(Input::ProgramJoined(1, "arm".into()));
    room.viewer(1, "ann", ALL);
    room.say(1, Kind::Ask, (0, 0), "");
    let asked = room.now;
    assert_eq!(room.holds(1), [asked + TIMEOUT / 2]);
    // As long as she is heard it is put off.
    for _ in 0..10 {
        room.pass(TIMEOUT / 5);
        room.say(1, Kind::Alive, (0, 0), "");
    }
    let last = room.now;
    room.pass(TIMEOUT / 5);
    assert_eq!(room.holds(1).last(), Some(&(last + TIMEOUT / 2)));
    // And by nothing else.
    room.pass(TIMEOUT / 5);
    room.pass(TIMEOUT / 5);
    let holds = room.holds(1);
    assert!(
        holds.iter().all(|at| *at == last + TIMEOUT / 2),
        "{holds:?}"
    );
}

/// Whatever the word is: a sign of life, or a state that the program has and that is only repeated.
#[test]
fn what_is_held_is_let_go_by_the_next_word_of_the_drivers_and_not_by_the_next_renewal() {
    for kind in [Kind::Alive, Kind::Steer] {
        let mut room = steered();
        room.say(1, Kind::Steer, (1, 1), ZEROS);
        room.pass(TIMEOUT / 5);
        room.pass(TIMEOUT / 5);
        room.pass(TIMEOUT / 5);
        room.holds(1);
        room.leases(1);
        room.pass(Duration::from_millis(1));
        assert!(room.holds(1).is_empty(), "no renewal is due");
        room.say(1, kind, (1, 1), ZEROS);
        assert_eq!(room.holds(1), [room.now + TIMEOUT / 2], "{kind:?}");
        assert_eq!(room.leases(1), [500]);
        // Who is heard as often as clients should be changes nothing about when renewals come.
        for _ in 0..2 {
            room.pass(TIMEOUT / 20);
            room.say(1, kind, (1, 1), ZEROS);
            assert!(room.holds(1).is_empty());
        }
    }
    // Nor does who does not drive.
    let mut room = steered();
    room.viewer(2, "bob", ALL);
    room.pass(TIMEOUT / 5);
    room.pass(TIMEOUT / 5);
    room.holds(1);
    room.say(2, Kind::Alive, (0, 0), "");
    assert!(room.holds(1).is_empty());
}

#[test]
fn a_shorter_time_that_is_asked_for_while_somebody_drives_ends_the_longer_leases_at_once() {
    let mut room = steered();
    room.viewer(2, "bob", ALL);
    room.handle(Input::ProgramJoined(2, "leg".into()));
    room.pass(TIMEOUT / 10);
    room.say(1, Kind::Alive, (0, 0), "");
    let heard = room.now;
    room.pass(Duration::from_millis(10));
    for program in [1, 2] {
        room.leases(program);
        room.holds(program);
    }
    let describe = r#"porthole describe {"timeout":100}"#;
    room.handle(Input::ProgramMessage(2, Payload::Text(describe.into())));
    for program in [1, 2] {
        assert_eq!(room.leases(program), [90]);
        assert_eq!(room.holds(program), [heard + TIMEOUT / 10]);
    }
    room.pass(Duration::from_millis(90));
    assert!(room.events(1).pop().unwrap().contains("stalled"));
}

#[test]
fn a_sign_of_life_that_waited_in_the_queue_counts_from_when_it_came() {
    let mut room = Room::new();
    room.viewer(1, "ann", ALL);
    room.say(1, Kind::Ask, (0, 0), "");
    let came = room.now + TIMEOUT / 2;
    room.now += TIMEOUT + TIMEOUT / 4;
    room.handle(Input::Message {
        viewer: 1,
        at: came,
        message: envelope::write(Kind::Alive, Mark::NONE, &[]),
    });
    assert_eq!(room.last(1, Kind::Wheel)["you"], "driving");
    room.pass(TIMEOUT / 4);
    assert_eq!(room.last(1, Kind::Wheel)["reason"], "stalled");
}
