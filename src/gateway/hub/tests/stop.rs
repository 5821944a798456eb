// SPDX-License-Identifier: MPL-2.0
//! Who drives, and why no more.

use super::*;

#[test]
fn a_program_hears_released_before_who_drives_next_and_commands_are_recalled_first() {
    let mut room = Room::new();
    room.handle(Input::ProgramJoined(1, "arm".into()));
    room.viewer(1, "ann", ALL);
    room.viewer(2, "bob", ALL);
    room.say(1, Kind::Ask, (0, 0), "");
    room.say(2, Kind::Ask, (0, 0), "");
    assert_eq!(room.last(2, Kind::Wheel)["you"], "waiting");
    room.events(1);
    room.pass(TIMEOUT - Duration::from_millis(1));
    assert!(room.events(1).is_empty());
    room.outputs.clear();
    room.pass(Duration::from_millis(1));
    assert!(matches!(room.outputs[0], Output::Recall(1)));
    let events = room.events(1);
    assert_eq!(
        events[0],
        r#"porthole released {"user":"ann","reason":"stalled"}"#
    );
    assert!(
        events[1].starts_with(r#"porthole driver {"user":"bob","for":500,"until":1001.0"#),
        "{events:?}"
    );
    assert_eq!(events.len(), 2);
    // What says why gives way to nothing that is newer.
    let said_why = room.outputs.iter().find_map(|output| match output {
        Output::Viewer(1, message) if message.bytes[0] == Kind::Wheel as u8 => Some(message.class),
        _ => None,
    });
    assert_eq!(said_why, Some(Class::Answer));
    let wheel = room.last(1, Kind::Wheel);
    assert_eq!(
        (&wheel["you"], &wheel["reason"]),
        (&json!("watching"), &json!("stalled"))
    );
    assert_eq!(room.last(2, Kind::Wheel)["you"], "driving");
}

#[test]
fn stop_goes_past_the_wheel_and_all_who_wait_and_says_who() {
    let mut room = Room::new();
    room.handle(Input::ProgramJoined(1, "arm".into()));
    let view = Rights {
        control: false,
        ..ALL
    };
    for (id, user, rights) in [(1, "ann", ALL), (2, "bob", ALL), (3, "eve", view)] {
        room.viewer(id, user, rights);
    }
    room.say(1, Kind::Ask, (0, 0), "");
    room.say(2, Kind::Ask, (0, 0), "");
    room.events(1);
    room.say(3, Kind::Stop, (0, 0), "");
    assert_eq!(room.last(3, Kind::Refused)["code"], "not-permitted");
    assert!(room.events(1).is_empty());
    room.outputs.clear();
    room.say(2, Kind::Stop, (0, 0), "");
    assert!(matches!(room.outputs[0], Output::Recall(1)));
    let released = r#"porthole released {"user":"ann","reason":"stopped","by":"bob"}"#;
    assert_eq!(room.events(1), [released]);
    for viewer in 1..=3 {
        let wheel = room.last(viewer, Kind::Wheel);
        assert_eq!(
            (&wheel["reason"], &wheel["by"]),
            (&json!("stopped"), &json!("bob"))
        );
        assert_eq!(
            (&wheel["driver"], &wheel["waiting"]),
            (&Value::Null, &json!([]))
        );
    }
    // Also when nobody drives, but viewers are not told again.
    room.pass(TIMEOUT);
    room.say(1, Kind::Stop, (0, 0), "");
    assert_eq!(
        room.events(1),
        [r#"porthole released {"user":null,"reason":"stopped","by":"ann"}"#]
    );
    assert_eq!(room.last(1, Kind::Wheel)["by"], "ann", "who pressed it");
    assert!(room.told(2).is_empty());
    // Until somebody asks anew.
    room.say(1, Kind::Ask, (0, 0), "");
    assert_eq!(room.last(1, Kind::Wheel)["you"], "driving");
    room.events(1);
    let word = r#"porthole release {"reason":"bumper"}"#;
    room.handle(Input::ProgramMessage(1, Payload::Text(word.into())));
    assert_eq!(
        room.events(1),
        [r#"porthole released {"user":"ann","reason":"program","by":"arm","detail":"bumper"}"#]
    );
    assert_eq!(room.last(3, Kind::Wheel)["detail"], "bumper");
}

/// Who drives and who drove before and why no more, since the last call.
fn drivers(room: &mut Room) -> Vec<(String, String)> {
    let mut drivers = Vec::new();
    room.outputs.retain(|output| match output {
        Output::Driver(DriverChange { driver, before }) => {
            let driver = driver.as_ref().map(|driver| driver.user.clone());
            let before = before.as_ref();
            let before = before.map(|(driver, why)| format!("{} {why}", driver.user));
            drivers.push((driver.unwrap_or_default(), before.unwrap_or_default()));
            false
        }
        _ => true,
    });
    drivers
}

#[test]
fn who_has_booked_takes_the_wheel_from_who_merely_may_and_all_hear_why() {
    let booked = Rights {
        booked: true,
        ..ALL
    };
    let mut room = Room::new();
    room.handle(Input::ProgramJoined(1, "arm".into()));
    for (id, user, rights) in [(1, "ann", ALL), (2, "bob", booked), (3, "eve", ALL)] {
        room.viewer(id, user, rights);
    }
    room.say(1, Kind::Ask, (0, 0), "");
    room.say(3, Kind::Ask, (0, 0), "");
    room.events(1);
    room.say(1, Kind::Text, (1, 7), "go");
    room.say(2, Kind::Ask, (0, 0), "");
    // What she gave before is taken back before anything else.
    let place = |room: &Room, wanted: &dyn Fn(&Output) -> bool| {
        room.outputs.iter().position(wanted).unwrap()
    };
    let recall = place(&room, &|output| matches!(output, Output::Recall(1)));
    let event = place(&room, &|output| matches!(output, Output::Event(1, _)));
    assert!(recall < event);
    for id in [1, 3] {
        let wheel = room.last(id, Kind::Wheel);
        assert_eq!(
            (&wheel["reason"], &wheel["by"], &wheel["driver"]["user"]),
            (&json!("booked"), &json!("bob"), &json!("bob"))
        );
    }
    let [released, driver] = &room.events(1)[..] else {
        panic!("released, and who drives")
    };
    let word = r#"porthole released {"user":"ann","reason":"booked","by":"bob"}"#;
    assert_eq!(released, word);
    assert!(driver.starts_with(r#"porthole driver {"user":"bob""#));
    // She may ask anew, and stands behind who has asked before.
    room.say(1, Kind::Ask, (0, 0), "");
    let wheel = room.last(1, Kind::Wheel);
    assert_eq!(
        (&wheel["you"], &wheel["waiting"][0]["user"]),
        (&json!("waiting"), &json!("eve"))
    );
    // The booking is over; the right to drive is not, until another one's begins.
    room.handle(Input::Rights(2, ALL));
    assert!(room.events(1).is_empty());
    room.handle(Input::Rights(3, booked));
    assert_eq!(room.last(2, Kind::Wheel)["reason"], "booked");
    let said = drivers(&mut room);
    let said: Vec<_> = said.iter().map(|(a, b)| (&**a, &**b)).collect();
    assert_eq!(
        said,
        [("ann", ""), ("bob", "ann booked"), ("eve", "bob booked")]
    );
}

#[test]
fn it_is_said_who_drives_and_why_the_one_before_does_no_more() {
    let mut room = Room::new();
    room.viewer(1, "ann", ALL);
    room.viewer(2, "bob", ALL);
    room.say(1, Kind::Stop, (0, 0), "");
    room.say(1, Kind::Ask, (0, 0), "");
    room.say(2, Kind::Ask, (0, 0), "");
    room.say(1, Kind::HandOver, (0, 0), r#"{"to":2}"#);
    // Both in one moment: who drove does no more, and does again.
    let at = room.now;
    room.now += TIMEOUT;
    room.handle(Input::Message {
        viewer: 2,
        at,
        message: envelope::write(Kind::Ask, Mark::NONE, &[]),
    });
    room.pass(TIMEOUT);
    room.say(1, Kind::Ask, (0, 0), "");
    room.handle(Input::Left(1, Reason::LeaseEnded));
    let said = drivers(&mut room);
    let said: Vec<_> = said.iter().map(|(a, b)| (&**a, &**b)).collect();
    assert_eq!(
        said,
        [
            ("ann", ""),
            ("bob", "ann handed-over"),
            ("", "bob stalled"),
            ("bob", ""),
            ("", "bob stalled"),
            ("ann", ""),
            ("", "ann lease-ended"),
        ]
    );
}

#[test]
fn a_lost_permission_and_an_ended_lease_release() {
    for reason in [Reason::LeaseEnded, Reason::Left, Reason::NotPermitted] {
        let mut room = Room::new();
        room.handle(Input::ProgramJoined(1, "arm".into()));
        room.viewer(1, "ann", ALL);
        room.say(1, Kind::Ask, (0, 0), "");
        room.events(1);
        if reason == Reason::NotPermitted {
            let rights = Rights {
                control: false,
                ..ALL
            };
            room.handle(Input::Rights(1, rights));
            assert_eq!(room.last(1, Kind::Wheel)["you"], "not-permitted");
        } else {
            room.handle(Input::Left(1, reason));
        }
        let word = serde_json::to_string(&reason).unwrap();
        let event = format!(r#"porthole released {{"user":"ann","reason":{word}}}"#);
        assert_eq!(room.events(1)[0], event);
    }
}
