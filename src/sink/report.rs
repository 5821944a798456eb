// SPDX-License-Identifier: MPL-2.0
//! What the application hears of viewers: one message on the bus and one signal for each event. Pure.

use porthole_protocol::wire::Code;

use super::viewers::in_words;
use crate::signaller::link::Event;

/// The signal `name`, and the bus message `porthole/name`.
pub(crate) struct Report {
    pub(crate) name: &'static str,
    /// The signal's arguments.
    pub(crate) arguments: Vec<String>,
    /// The message's fields.
    pub(crate) fields: Vec<(&'static str, String)>,
}

/// How a code is written on the wire, in bus messages and in signals.
pub(crate) fn code_name(code: Code) -> String {
    match serde_json::to_value(code) {
        Ok(serde_json::Value::String(name)) => name,
        _ => "other".to_owned(),
    }
}

/// The report of an event, where it is about a viewer's coming, going or being turned away.
pub(crate) fn of(event: &Event) -> Option<Report> {
    match event {
        Event::Joined {
            session,
            user,
            permissions,
            ..
        } => {
            let permissions = in_words(permissions);
            Some(Report {
                name: "viewer-joined",
                arguments: vec![session.clone(), user.clone(), permissions.clone()],
                fields: vec![
                    ("session", session.clone()),
                    ("user", user.clone()),
                    ("permissions", permissions),
                ],
            })
        }
        Event::Left {
            session,
            user,
            permissions,
            reason,
        } => {
            let reason = code_name(*reason);
            Some(Report {
                name: "viewer-left",
                arguments: vec![session.clone(), user.clone(), reason.clone()],
                fields: vec![
                    ("session", session.clone()),
                    ("user", user.clone()),
                    ("permissions", in_words(permissions)),
                    ("reason", reason),
                ],
            })
        }
        Event::Refused { session, refusal } => {
            let reason = code_name(refusal.code());
            Some(Report {
                name: "viewer-refused",
                arguments: vec![session.clone(), reason.clone()],
                fields: vec![
                    ("session", session.clone()),
                    ("reason", reason),
                    ("detail", refusal.to_string()),
                ],
            })
        }
        Event::Online | Event::Offline { .. } | Event::Renewed { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signaller::gate::Refusal;

    #[test]
    fn a_refusal_gives_the_viewers_code_and_the_operators_reason() {
        let refusal = Refusal::Replayed;
        let report = of(&Event::Refused {
            session: "s".into(),
            refusal,
        })
        .unwrap();
        assert_eq!(report.name, "viewer-refused");
        assert_eq!(report.arguments, ["s", "grant-refused"]);
        assert_eq!(report.fields[2], ("detail", refusal.to_string()));
    }

    #[test]
    fn the_servers_comings_and_goings_are_no_viewers() {
        assert!(of(&Event::Online).is_none());
    }
}
