// SPDX-License-Identifier: MPL-2.0
//! What the audit log says, as sentences of the log that operators read. Pure, but for [`say`].

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::model::AuditEntry;

/// Says these in the log.
pub(crate) fn say(entries: &[AuditEntry]) {
    for entry in entries {
        if let Some(sentence) = sentence(entry) {
            tracing::info!("{sentence}");
        }
    }
}

/// `None` of what is logged otherwise.
fn sentence(entry: &AuditEntry) -> Option<String> {
    let by = name(&entry.actor);
    let user = name(entry.user.as_deref().unwrap_or("someone"));
    let camera = name(entry.camera.as_deref().unwrap_or("a camera"));
    let details = &entry.details;
    let id = entry.subject.as_deref().unwrap_or("-");
    let role = details["role"].as_str();
    Some(match entry.action.as_str() {
        "session.started" => {
            let how = match details["restored"].as_bool() {
                Some(true) => "goes on watching",
                _ => "watches",
            };
            let called = called(details);
            format!(
                "{user}{called} {how} {camera}{} (session {id})",
                perms(details)
            )
        }
        "session.named" => match called(details) {
            called if called.is_empty() => {
                format!("{user} gives no name at {camera} any more (session {id})")
            }
            called => format!("{user} at {camera} is{called} now (session {id})"),
        },
        "session.ended" => {
            let time = lasted(details["started"].as_str(), entry.at);
            let why = reason(details);
            format!("{user} watches {camera} no more{time}{why} (session {id})")
        }
        "session.revoked" => format!("{by} ended {user}'s session at {camera} (session {id})"),
        "session.refused" => refused(entry, &user),
        "drive.started" => format!("{user} drives {camera}"),
        "drive.ended" => {
            let time = lasted(details["from"].as_str(), entry.at);
            format!("{user} drives {camera} no more{time}{}", reason(details))
        }
        "door.opened" => format!("{user} opened the door at {camera} (session {id})"),
        "door.refused" => format!(
            "the door at {camera} did not open for {user}{} (session {id})",
            reason(details)
        ),
        "call.rang" => match &entry.user {
            Some(_) => format!("{by} rings at {camera} (call {id})"),
            None => format!("somebody rings at {camera} (call {id})"),
        },
        "call.declined" => format!("{user} does not answer {camera} (call {id})"),
        "call.answered" => format!("{user} answers {camera} (call {id})"),
        "call.ended" => {
            let time = lasted(details["started"].as_str(), entry.at);
            format!(
                "the call at {camera} is over{time}{} (call {id})",
                reason(details)
            )
        }
        "login.made" => match details["with"].as_str() {
            Some(way) => format!("{user} logged in (by {way})"),
            None => format!("{user} logged in"),
        },
        "login.ended" => format!("{user} logged out"),
        "login.refused" => return None,
        "second-factor.made" => format!("{user} has a second factor now"),
        "second-factor.wrong" => {
            format!("someone who has {user}'s password showed a wrong code or passkey")
        }
        "second-factor.recovered" => format!("{user} logged in with a recovery code"),
        "second-factor.reset" => format!("{by} took {user}'s second factors away"),
        "passkey.added" => format!("{user} added a passkey"),
        "passkey.renamed" => format!("{user} renamed a passkey"),
        "passkey.removed" => format!("{user} removed a passkey"),
        "passkey.counted-back" => {
            format!("a passkey of {user} counted back: there may be a copy of it")
        }
        "push.added" => format!("{user} has a browser told of calls"),
        "push.removed" => format!("a browser of {user} is told of calls no more"),
        "user.added" => format!("{by} added the user {user}{}", words(role)),
        "user.changed" => format!("{by} changed the user {user}{}", changed(details)),
        "user.token" => format!("{by} gave {user} a new personal link"),
        "user.signed-out" => format!("{by} signed {user} out everywhere"),
        "user.removed" => format!("{by} removed the user {user}{}", with(details)),
        "camera.added" => format!("{by} enrolled the camera {camera}"),
        "camera.changed" => format!("{by} renamed the camera {camera}"),
        "camera.rotated" => format!("{by} gave the camera {camera} a new key"),
        "camera.removed" => format!("{by} removed the camera {camera}{}", with(details)),
        "booking.added" => {
            let (window, saving) = (window(details), saving(details));
            format!("{by} booked {camera} for {user}{window}{saving}")
        }
        "booking.changed" => {
            let (window, saving) = (window(details), saving(details));
            format!("{by} changed {user}'s booking of {camera}: now{window}{saving}")
        }
        "booking.removed" => {
            let window = window(details);
            format!("{by} took back {user}'s booking of {camera}{window}")
        }
        "self-booking.added" => format!("{by} lets viewers book themselves (rule {id})"),
        "self-booking.changed" => format!("{by} changed what viewers may book (rule {id})"),
        "self-booking.removed" => format!("{by} lets viewers book no more (rule {id})"),
        "feed.made" => format!("{user} has a calendar follow"),
        "feed.removed" => format!("{user} has no calendar follow any more"),
        "share.added" => {
            let (window, saving) = (window(details), saving(details));
            format!("{by} made a link to {camera}{window}{saving}")
        }
        "share.rotated" => format!("{by} made a new link to {camera} in the place of {id}"),
        "share.restored" => format!("{by} put the link {id} to {camera} back"),
        "share.removed" => format!("{by} took back the link {id} to {camera}"),
        "share.opened" => format!("the link {id} to {camera} was opened"),
        other => format!("{by}: {other} {id}"),
    })
}

/// What a guest wants to be called.
fn called(details: &Value) -> String {
    let called = details["called"].as_str();
    called.map_or_else(String::new, |called| format!(" (“{}”)", name(called)))
}

/// Nobody's name begins another line or colours the terminal.
fn name(text: &str) -> String {
    let is_plain = |c: char| {
        !c.is_control()
            && !matches!(c, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let plain = text.chars();
    plain
        .map(|c| if is_plain(c) { c } else { '\u{fffd}' })
        .collect()
}

fn words(text: Option<&str>) -> String {
    text.map(|text| format!(" ({text})")).unwrap_or_default()
}

fn perms(details: &Value) -> String {
    let perms = details["perms"].as_array().into_iter().flatten();
    let perms: Vec<_> = perms.filter_map(Value::as_str).collect();
    match perms.is_empty() {
        true => String::new(),
        false => format!(": {}", perms.join(", ")),
    }
}

/// A code such as `lease-ended`, and what a browser said.
fn reason(details: &Value) -> String {
    let mut text = String::new();
    if let Some(code) = details["reason"].as_str() {
        let _ = write!(text, ": {}", code.replace('-', " "));
    }
    if let Some(said) = details["detail"].as_str() {
        let _ = write!(text, " ({})", name(said));
    }
    text
}

fn refused(entry: &AuditEntry, user: &str) -> String {
    let at = entry.camera.as_deref().map(name);
    let at = at.map(|camera| format!(" at {camera}")).unwrap_or_default();
    match (entry.details["count"].as_u64(), &entry.user) {
        (Some(count), Some(_)) => format!("{user} was refused {count} more times{at}"),
        (Some(count), None) => format!("others were refused {count} times"),
        (None, _) => format!("{user} was refused{at}{}", reason(&entry.details)),
    }
}

fn window(details: &Value) -> String {
    match (details["start"].as_str(), details["end"].as_str()) {
        (Some(start), Some(end)) => {
            let repeats = words(details["rule"].as_str());
            format!(" from {start} to {end}{repeats}")
        }
        _ => String::new(),
    }
}

fn saving(details: &Value) -> &'static str {
    match details["saving"].as_bool() {
        Some(false) => ", without saving pictures and clips",
        _ => "",
    }
}

fn changed(details: &Value) -> String {
    let role = details["role"].as_str();
    let role = role.map(|role| format!("the role is {role}"));
    let password = match &details["password"] {
        Value::Bool(true) => Some("the password is another".to_owned()),
        Value::String(how) => Some(format!("the password is {how}")),
        _ => None,
    };
    let parts: Vec<_> = role.into_iter().chain(password).collect();
    match parts.is_empty() {
        true => String::new(),
        false => format!(": {}", parts.join(", ")),
    }
}

/// What went with it.
fn with(details: &Value) -> String {
    let counts = ["bookings", "links"].iter().filter_map(|what| {
        let count = details[*what].as_u64().filter(|count| *count > 0)?;
        Some(format!("{count} {what}"))
    });
    let counts: Vec<_> = counts.collect();
    match counts.is_empty() {
        true => String::new(),
        false => format!(", and with it {}", counts.join(" and ")),
    }
}

fn lasted(from: Option<&str>, to: Timestamp) -> String {
    let from = from.and_then(|from| from.parse::<Timestamp>().ok());
    let seconds = from.map(|from| to.duration_since(from).as_secs().max(0));
    let whole = seconds.map(SignedDuration::from_secs);
    whole
        .map(|time| format!(" after {time:#}"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(action: &str, details: Value) -> String {
        let entry = AuditEntry {
            at: "2026-12-01T10:03:12Z".parse().unwrap(),
            actor: "root".to_owned(),
            action: action.to_owned(),
            camera: Some("front".to_owned()),
            user: Some("alice".to_owned()),
            subject: Some("s1".to_owned()),
            details,
        };
        sentence(&entry).unwrap_or_default()
    }

    #[test]
    fn what_happened_is_said_in_sentences() {
        let ended = json!({"started": "2026-12-01T10:00:00Z", "reason": "lease-ended"});
        let removed = json!({"role": "viewer", "bookings": 2, "links": 0});
        let times = json!({"start": "2026-12-01T10:00:00Z", "end": "2026-12-01T11:00:00Z"});
        let cases = [
            (
                "session.started",
                json!({"perms": ["view", "listen"]}),
                "alice watches front: view, listen (session s1)",
            ),
            (
                "session.ended",
                ended,
                "alice watches front no more after 3m 12s: lease ended (session s1)",
            ),
            (
                "session.revoked",
                json!({}),
                "root ended alice's session at front (session s1)",
            ),
            (
                "session.refused",
                json!({"reason": "no-booking"}),
                "alice was refused at front: no booking",
            ),
            (
                "session.refused",
                json!({"count": 7}),
                "alice was refused 7 more times at front",
            ),
            (
                "user.removed",
                removed,
                "root removed the user alice, and with it 2 bookings",
            ),
            (
                "booking.removed",
                times,
                "root took back alice's booking of front from 2026-12-01T10:00:00Z to 2026-12-01T11:00:00Z",
            ),
            (
                "booking.added",
                json!({"saving": false}),
                "root booked front for alice, without saving pictures and clips",
            ),
            ("login.refused", json!({"count": 7}), ""),
        ];
        for (action, details, expected) in cases {
            assert_eq!(said(action, details), expected);
        }
    }

    #[test]
    fn a_name_stays_on_its_line() {
        assert_eq!(
            name("a\nb\u{1b}[31m\u{202e}c"),
            "a\u{fffd}b\u{fffd}[31m\u{fffd}c"
        );
    }
}
