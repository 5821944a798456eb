// SPDX-License-Identifier: MPL-2.0
//! What the application hears of viewers: for each event one message on the bus and one signal, whose arguments are some of
//! the message's fields.

use std::time::Duration;

use gst::glib;
use gst::prelude::*;
use jiff::Timestamp;
use porthole_protocol::grant::Permission;

use crate::{
    calling::{BellEvent, word},
    driving::{Driver, DriverChange},
    ladder::rendition::Rendition,
    opening::DoorAsked,
    signaller::message::{Event, PublicationState},
    talk::Report,
};

/// The signals: name, the message `porthole/NAME` that each goes with, and which of its fields are the arguments.
const SIGNALS: [(&str, &str, &[&str]); 8] = [
    (
        "viewer-joined",
        "viewer-joined",
        &["session", "user", "permissions"],
    ),
    (
        "viewer-renewed",
        "viewer-renewed",
        &["session", "user", "permissions", "seconds"],
    ),
    ("viewer-left", "viewer-left", &["session", "user", "reason"]),
    ("viewer-refused", "viewer-refused", &["session", "reason"]),
    (
        "driver-changed",
        "driver",
        &["session", "user", "last-session", "last-user", "reason"],
    ),
    ("door-asked", "door", &["session", "user", "result"]),
    ("rung", "ring", &["ring-id"]),
    (
        "call-changed",
        "call",
        &["call-id", "ring-id", "state", "by", "reason"],
    ),
];

/// The declarations of the signals.
pub(crate) fn signals() -> Vec<glib::subclass::Signal> {
    let type_of = |field: &&str| match *field {
        "seconds" => u64::static_type(),
        _ => String::static_type(),
    };
    // Before an encoder starts: its codec, the rung it is for (0 is the best), the encoder. Emitted on a thread of the
    // rung's own.
    let setup = glib::subclass::Signal::builder("encoder-setup").param_types([
        String::static_type(),
        u32::static_type(),
        gst::Element::static_type(),
    ]);
    SIGNALS
        .iter()
        .map(|(name, _, fields)| {
            glib::subclass::Signal::builder(name)
                .param_types(fields.iter().map(type_of))
                .build()
        })
        .chain([setup.build()])
        .collect()
}

/// `view listen`, as bus messages and statistics show permissions.
pub(crate) fn in_words(permissions: &[Permission]) -> String {
    permissions
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(" ")
}

/// The message that the server in this process listens, with the links to its page.
pub(crate) fn listening(links: &[String]) -> gst::Structure {
    gst::Structure::builder("porthole/server")
        .field("state", "listening")
        .field("url", links.first().map_or("", String::as_str))
        .field("links", gst::Array::new(links))
        .build()
}

/// The message that programs can connect, and where.
pub(crate) fn gateway(url: &str) -> gst::Structure {
    gst::Structure::builder("porthole/gateway")
        .field("url", url)
        .build()
}

/// The message that the server at `url` is (or is not) in reach.
pub(crate) fn server(state: &str, url: &str, detail: &str) -> gst::Structure {
    gst::Structure::builder("porthole/server")
        .field("state", state)
        .field("url", url)
        .field("detail", detail)
        .build()
}

/// Whether the server is in reach again that was not.
pub(crate) fn is_back(before: &str, now: &str) -> bool {
    (before, now) == ("offline", "online")
}

/// The message that a session sees another rung.
pub(crate) fn rung(session: &str, rung: usize, rendition: Rendition) -> gst::Structure {
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    gst::Structure::builder("porthole/rung")
        .field("session", session)
        .field("rung", number(rung))
        .field("width", rendition.width)
        .field("height", rendition.height)
        .build()
}

/// The message of who is heard at the robot: ids of sessions, and their users; empty texts and lists for nobody.
pub(crate) fn talk(report: &Report, users: Vec<String>, waiting: Vec<String>) -> gst::Structure {
    let first = |all: &[String]| all.first().cloned().unwrap_or_default();
    gst::Structure::builder("porthole/talk")
        .field("session", first(&report.speakers))
        .field("user", first(&users))
        .field("sessions", gst::Array::new(&report.speakers))
        .field("users", gst::Array::new(users))
        .field("waiting", gst::Array::new(&report.waiting))
        .field("waiting-users", gst::Array::new(waiting))
        .build()
}

/// The message of who drives, empty for nobody, and of who drove before: from when to when by this machine's clock, and why that
/// ended; empty if nobody did.
fn driver(change: &DriverChange, lasted: Duration) -> gst::Structure {
    let names = |driver: Option<&Driver>| {
        driver.map_or_else(Default::default, |driver| {
            (driver.session.clone(), driver.user.clone())
        })
    };
    let (session, user) = names(change.driver.as_ref());
    let (last_session, last_user) = names(change.before.as_ref().map(|(driver, _)| driver));
    let (mut from, mut to, mut reason) = Default::default();
    if let Some((_, why)) = &change.before {
        reason = why.to_string();
        (from, to) = span(lasted).unwrap_or_default();
    }
    gst::Structure::builder("porthole/driver")
        .field("session", session)
        .field("user", user)
        .field("last-session", last_session)
        .field("last-user", last_user)
        .field("from", from)
        .field("to", to)
        .field("reason", reason)
        .build()
}

/// The two ends of what lasted so long until now, as ISO 8601 in UTC. `None` for what no clock shows.
fn span(lasted: Duration) -> Option<(String, String)> {
    let to = Timestamp::now().round(jiff::Unit::Millisecond).ok()?;
    let from = to.checked_sub(lasted).ok()?;
    Some((from.to_string(), to.to_string()))
}

/// The message that somebody has rung at this camera, or of what has become of it; empty texts for what there is not.
fn bell(event: &BellEvent, camera: &str) -> gst::Structure {
    match event {
        BellEvent::Rung { ring_id } => gst::Structure::builder("porthole/ring")
            .field("ring-id", ring_id)
            .field("camera", camera)
            .build(),
        BellEvent::Call(call) => gst::Structure::builder("porthole/call")
            .field("call-id", &call.id)
            .field("ring-id", &call.ring_id)
            .field("state", word(&call.state))
            .field("by", call.by.as_deref().unwrap_or_default())
            .field(
                "reason",
                call.reason.as_ref().map_or_else(String::new, word),
            )
            .build(),
    }
}

/// The message of an event at the camera with this name, where it is about a viewer, the driver, the door or the bell.
pub(crate) fn message(event: &Event, camera: &str) -> Option<gst::Structure> {
    let structure = match event {
        Event::Joined {
            session,
            user,
            permissions,
        } => gst::Structure::builder("porthole/viewer-joined")
            .field("session", session)
            .field("user", user)
            .field("permissions", in_words(permissions)),
        Event::Renewed {
            session,
            user,
            permissions,
            seconds,
        } => gst::Structure::builder("porthole/viewer-renewed")
            .field("session", session)
            .field("user", user)
            .field("permissions", in_words(permissions))
            .field("seconds", seconds),
        Event::Left {
            session,
            user,
            permissions,
            reason,
            detail,
        } => gst::Structure::builder("porthole/viewer-left")
            .field("session", session)
            .field("user", user)
            .field("permissions", in_words(permissions))
            .field("reason", reason.to_string())
            .field("detail", detail),
        Event::Refused { session, refusal } => gst::Structure::builder("porthole/viewer-refused")
            .field("session", session)
            .field("reason", refusal.code().to_string())
            .field("detail", refusal.to_string()),
        Event::Driver { change, lasted } => return Some(driver(change, *lasted)),
        Event::Door(DoorAsked {
            session,
            user,
            result,
            call,
            detail,
        }) => gst::Structure::builder("porthole/door")
            .field("session", session)
            .field("user", user)
            .field("result", result.to_string())
            .field("call-id", call.as_deref().unwrap_or_default())
            .field("detail", detail.as_deref().unwrap_or_default()),
        Event::Bell(event) => return Some(bell(event, camera)),
        Event::Publication(PublicationState { state, url, detail }) => {
            gst::Structure::builder("porthole/whip")
                .field("state", state)
                .field("url", url)
                .field("detail", detail)
        }
        Event::Online | Event::Offline { .. } => return None,
    };
    Some(structure.build())
}

/// The signal that goes with a message, and its arguments.
pub(crate) fn signal(message: &gst::StructureRef) -> Option<(&'static str, Vec<glib::Value>)> {
    let own = message.name().strip_prefix("porthole/")?;
    let (name, _, fields) = SIGNALS.iter().find(|(_, message, _)| *message == own)?;
    let value = |field: &&str| Some((**message.value(*field).ok()?).clone());
    let arguments: Option<Vec<glib::Value>> = fields.iter().map(value).collect();
    Some((name, arguments?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        calling::{Call, CallState},
        signaller::gate::Refusal,
    };

    #[test]
    fn that_the_server_is_back_is_said_after_it_was_away_and_not_at_the_start() {
        assert!(is_back("offline", "online"));
        for (before, now) in [("", "online"), ("online", "online"), ("online", "offline")] {
            assert!(!is_back(before, now), "{before} {now}");
        }
    }

    #[test]
    fn a_refusal_gives_the_viewers_code_and_the_operators_reason() {
        gst::init().unwrap();
        let refusal = Refusal::Replayed;
        let message = message(
            &Event::Refused {
                session: "s".into(),
                refusal,
            },
            "front",
        )
        .unwrap();
        let (name, arguments) = signal(&message).unwrap();
        assert_eq!(name, "viewer-refused");
        let words: Vec<&str> = arguments.iter().map(|value| value.get().unwrap()).collect();
        assert_eq!(words, ["s", "grant-refused"]);
        assert_eq!(
            message.get::<String>("detail").unwrap(),
            refusal.to_string()
        );
    }

    #[test]
    fn who_drives_and_who_drove_stand_beside_each_other() {
        gst::init().unwrap();
        let driver = |user: &str| Driver {
            session: format!("s-{user}"),
            user: user.to_owned(),
        };
        let change = DriverChange {
            driver: Some(driver("bob")),
            before: Some((driver("alice"), crate::driving::DriveReason::HandedOver)),
        };
        let lasted = Duration::from_secs(90);
        let message = message(&Event::Driver { change, lasted }, "front").unwrap();
        let (name, arguments) = signal(&message).unwrap();
        assert_eq!(name, "driver-changed");
        let words: Vec<&str> = arguments.iter().map(|value| value.get().unwrap()).collect();
        assert_eq!(words, ["s-bob", "bob", "s-alice", "alice", "handed-over"]);
        let time = |field| message.get::<String>(field).unwrap();
        let [from, to] = ["from", "to"].map(|field| time(field).parse::<Timestamp>().unwrap());
        assert_eq!(to.duration_since(from).as_secs(), 90);

        let nobody = DriverChange {
            driver: None,
            before: None,
        };
        let lasted = Duration::ZERO;
        let (change, nothing) = (nobody, String::new());
        let message = super::message(&Event::Driver { change, lasted }, "front").unwrap();
        for field in ["session", "user", "last-user", "from", "to", "reason"] {
            assert_eq!(message.get::<String>(field).unwrap(), nothing, "{field}");
        }
    }

    #[test]
    fn every_signal_finds_its_arguments_in_its_message() {
        gst::init().unwrap();
        let (session, user) = (String::from("s"), String::from("alice"));
        let permissions = vec![Permission::View, Permission::Listen];
        let events = [
            Event::Joined {
                session: session.clone(),
                user: user.clone(),
                permissions: permissions.clone(),
            },
            Event::Renewed {
                session: session.clone(),
                user: user.clone(),
                permissions: permissions.clone(),
                seconds: 7,
            },
            Event::Left {
                session,
                user,
                permissions,
                reason: porthole_protocol::wire::Code::Revoked,
                detail: String::new(),
            },
            Event::Bell(BellEvent::Rung {
                ring_id: "r".into(),
            }),
            Event::Door(DoorAsked {
                session: "s".into(),
                user: "alice".into(),
                result: crate::opening::DoorResult::Opened,
                call: None,
                detail: None,
            }),
            Event::Bell(BellEvent::Call(Call {
                id: "c".into(),
                ring_id: "r".into(),
                state: CallState::Ringing,
                by: None,
                reason: None,
            })),
        ];
        for event in events {
            let message = message(&event, "front").unwrap();
            assert!(signal(&message).is_some(), "{message:?}");
        }
        assert!(message(&Event::Online, "front").is_none());
    }
}
