// SPDX-License-Identifier: MPL-2.0
//! What may be kept: names, notes, windows and permissions. Pure.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use porthole_protocol::grant::Permission;
use porthole_protocol::key::{is_camera_id, slug};

use super::AccessError;
use crate::model::{Window, is_user_name};

/// Longest name of a camera, in characters: a line of a page.
const MAX_CAMERA_NAME_CHARS: usize = 100;
/// Longest name of a passkey, in characters: half a line of a page.
const MAX_PASSKEY_NAME_CHARS: usize = 64;
/// Longest note, in characters: a sentence or two.
const MAX_NOTE_CHARS: usize = 500;
/// Longest single window. Who may watch for longer is booked again, or by a recurring booking.
const MAX_WINDOW: SignedDuration = SignedDuration::from_hours(366 * 24);
/// Shortest window: less is a slip.
const MIN_WINDOW: SignedDuration = SignedDuration::from_secs(1);
/// How far ahead or back a window may lie: beyond it is a year mistyped.
const MAX_DISTANCE: SignedDuration = SignedDuration::from_hours(10 * 366 * 24);
/// Most browsers that may open one share link; see also the log-ins of one user in the registry.
pub(crate) const MAX_USES: u32 = 100;

/// Checks a user's name.
pub(super) fn user_name(name: &str) -> Result<(), AccessError> {
    match is_user_name(name) {
        true => Ok(()),
        false => Err(AccessError::BadName(
            "a user's name has 1 to 64 bytes, no control characters, no : or /, and no spaces at its ends",
        )),
    }
}

/// Checks a camera's name.
pub(super) fn camera_name(name: &str) -> Result<(), AccessError> {
    let fits = (1..=MAX_CAMERA_NAME_CHARS).contains(&name.chars().count());
    match fits && name.trim() == name && !name.chars().any(char::is_control) {
        true => Ok(()),
        false => Err(AccessError::BadName(
            "a camera's name has 1 to 100 characters, no control characters, and no spaces at its ends",
        )),
    }
}

/// Checks what someone calls a passkey.
pub(super) fn passkey_name(name: &str) -> Result<(), AccessError> {
    let fits = (1..=MAX_PASSKEY_NAME_CHARS).contains(&name.chars().count());
    match fits && name.trim() == name && !name.chars().any(char::is_control) {
        true => Ok(()),
        false => Err(AccessError::BadName(
            "a passkey's name has 1 to 64 characters, no control characters, and no spaces at its ends",
        )),
    }
}

/// The id that was asked for, or one made of the name.
pub(super) fn camera_id(id: Option<String>, name: &str) -> Result<String, AccessError> {
    let id = id.unwrap_or_else(|| slug(name));
    match is_camera_id(&id) {
        true => Ok(id),
        false => Err(AccessError::BadName(
            "a camera's id has 1 to 64 of a-z, 0-9 and -: give one, if its name has none of these",
        )),
    }
}

/// What someone calls a request, as UUIDs are written.
pub(super) fn request(request: Option<String>) -> Result<Option<String>, AccessError> {
    request.map(|request| uuid(Some(request))).transpose()
}

/// The id that was asked for, as UUIDs are written, or a new one.
pub(super) fn uuid(id: Option<String>) -> Result<String, AccessError> {
    let Some(id) = id else {
        return Ok(uuid::Uuid::now_v7().to_string());
    };
    let read = uuid::Uuid::try_parse(&id);
    let read = read.ok().filter(|read| !read.is_nil() && !read.is_max());
    let read = read.ok_or(AccessError::BadValue(
        "it is a UUID, such as 018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4e5f: make another one for each thing",
    ))?;
    Ok(read.to_string())
}

/// Checks a note.
pub(super) fn note(note: &str) -> Result<(), AccessError> {
    let plain = |c: char| !c.is_control() || c == '\n';
    match note.chars().count() <= MAX_NOTE_CHARS && note.chars().all(plain) {
        true => Ok(()),
        false => Err(AccessError::BadValue(
            "a note has up to 500 characters, and no control characters but line ends",
        )),
    }
}

/// Checks a window that is made at `now`, and brings it to whole milliseconds, as the database keeps it.
pub(super) fn window(
    start: Timestamp,
    end: Timestamp,
    now: Timestamp,
) -> Result<Window, AccessError> {
    let whole = |at: Timestamp| Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at);
    let (start, end) = (whole(start), whole(end));
    let problem = if end.duration_since(start) < MIN_WINDOW {
        Some("the end is not after the start")
    } else if end.duration_since(start) > MAX_WINDOW {
        Some("one window is at most a year long")
    } else if start.duration_since(now).abs() > MAX_DISTANCE {
        Some("the start is more than ten years away")
    } else {
        None
    };
    match problem {
        Some(problem) => Err(AccessError::BadWindow(problem)),
        None => Ok(Window { start, end }),
    }
}

/// Checks permissions: without `view` the others are good for nothing.
pub(super) fn perms(perms: &BTreeSet<Permission>) -> Result<(), AccessError> {
    match perms.contains(&Permission::View) {
        true => Ok(()),
        false => Err(AccessError::BadValue(
            "perms hold at least \"view\", without which there is no session",
        )),
    }
}

/// Checks how many browsers may open a link.
pub(super) fn uses(uses: u32) -> Result<(), AccessError> {
    match (1..=MAX_USES).contains(&uses) {
        true => Ok(()),
        false => Err(AccessError::BadValue(
            "a link may be opened by 1 to 100 browsers",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn names_are_text_of_a_bounded_length() {
        for good in [
            "alice",
            "Zoë",
            "<img src=x onerror=alert(1)>",
            "山田",
            "a\u{202e}b",
        ] {
            assert!(camera_name(good).is_ok(), "{good}");
        }
        let long = "x".repeat(10_240);
        for bad in ["", " a", "a\n", &long] {
            assert!(
                camera_name(bad).is_err() && user_name(bad).is_err(),
                "{bad:?}"
            );
        }
        for bad in ["guest", "share:1", "a/b"] {
            assert!(user_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_cameras_id_follows_from_its_name() {
        assert_eq!(camera_id(None, "Front door").unwrap(), "front-door");
        assert_eq!(camera_id(Some("a".into()), "Front").unwrap(), "a");
        assert!(camera_id(None, "山田").is_err());
        assert!(camera_id(Some("A b".into()), "x").is_err());
    }

    #[test]
    fn windows_end_after_they_start_and_within_reason() {
        let now = at("2026-12-01T00:00:00Z");
        let check = |start: &str, end: &str| window(at(start), at(end), now);
        let fine = check("2026-12-01T10:00:00.0009Z", "2026-12-01T11:00:00+00:00").unwrap();
        assert_eq!(fine.start, at("2026-12-01T10:00:00Z"));
        assert!(check("2026-12-01T10:00:00Z", "2026-12-01T10:00:00Z").is_err());
        assert!(check("2026-12-01T10:00:00Z", "2026-12-01T09:00:00Z").is_err());
        assert!(check("2026-12-01T10:00:00Z", "2027-12-03T10:00:00Z").is_err());
        assert!(check("2062-12-01T10:00:00Z", "2062-12-01T11:00:00Z").is_err());
    }
}
