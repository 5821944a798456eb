// SPDX-License-Identifier: MPL-2.0
//! What the gateway says in JSON, to viewers and to programs, and the little that it is told so (docs/gateway.md). Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::wheel::{Reason, ViewerId};
use crate::opening::MAX_DOOR_DETAIL;

/// Texts that begin so are between a program and the gateway, both ways.
pub(crate) const RESERVED: &str = "porthole ";
/// What a program may say of itself.
pub(crate) const MAX_DESCRIBE: usize = 4096;
/// Letters of a service's name: enough for people, short enough for a list.
pub(crate) const MAX_NAME: usize = 32;
const MAX_TITLE: usize = 64;
const MAX_UNIT: usize = 16;
/// What a program may say of why it takes the wheel, in characters.
const MAX_REASON: usize = 200;
/// The shortest control timeout that a program may ask for, in ms: no page keeps a shorter one through a busy moment.
const MIN_TIMEOUT: u64 = 100;
/// Version of the envelope.
pub(crate) const VERSION: u32 = 1;

/// Why a command did not reach its program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Refusal {
    NotDriving,
    NotPermitted,
    NoSuchService,
    ServiceGone,
    Busy,
    TooLarge,
    Reserved,
    Released,
    TooMany,
    BadMessage,
    Stale,
    Superseded,
    NotSteered,
    NoDoor,
    DoorRefused,
    DoorUnanswered,
    DoorBusy,
    TooLate,
}

impl Refusal {
    /// In words, for people.
    fn message(self) -> &'static str {
        match self {
            Self::NotDriving => "you do not drive; ask for the wheel first",
            Self::NotPermitted => "you may not control this robot",
            Self::NoSuchService => "there is no service of this number",
            Self::ServiceGone => "the program of this service is not connected",
            Self::Busy => "the program does not keep up; send less",
            Self::TooLarge => "more than 65536 bytes",
            Self::Reserved => "texts that begin with \"porthole \" are reserved",
            Self::Released => "the wheel went to nobody or another before the program took this",
            Self::TooMany => "more messages than the camera takes from one viewer; send less",
            Self::BadMessage => "not a message of this protocol",
            Self::Stale => {
                "the program did not take this within the control timeout; it was not delivered"
            }
            Self::Superseded => "newer steering took its place before the program took this",
            Self::NotSteered => {
                "the program of this service takes no steering; it has to describe itself with drive"
            }
            Self::NoDoor => "no program at the camera opens a door",
            Self::DoorRefused => "the program at the door refuses to open it",
            Self::DoorUnanswered => {
                "the program at the door did not say in time that it has opened it"
            }
            Self::DoorBusy => "somebody opens the door at this moment",
            Self::TooLate => "this came too late, and the door stays shut: hold the button again",
        }
    }

    /// As `refused` carries it.
    pub(crate) fn json(self) -> Vec<u8> {
        self.json_with(None)
    }

    /// The same, with a program's own words in place of ours.
    pub(crate) fn json_with(self, words: Option<&str>) -> Vec<u8> {
        #[derive(Serialize)]
        struct Refused<'a> {
            code: Refusal,
            message: &'a str,
        }
        json(&Refused {
            code: self,
            message: words.unwrap_or_else(|| self.message()),
        })
    }
}

/// Somebody, as others see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Person<'a> {
    pub(crate) id: ViewerId,
    pub(crate) user: &'a str,
}

/// What someone is to the wheel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AtWheel {
    NotPermitted,
    Watching,
    Waiting,
    Driving,
}

#[derive(Serialize)]
pub(crate) struct WheelWord<'a> {
    pub(crate) you: AtWheel,
    pub(crate) driver: Option<Person<'a>>,
    pub(crate) waiting: Vec<Person<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<Reason>,
    /// Who stopped the robot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) by: Option<&'a str>,
    /// Why, in a program's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<&'a str>,
}

/// What `released` tells a program.
#[derive(Serialize)]
pub(crate) struct ReleasedWord<'a> {
    pub(crate) user: Option<&'a str>,
    pub(crate) reason: Reason,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<&'a str>,
}

/// How long a program may go on without a further word, as `driver` and `alive` say.
#[derive(Serialize)]
pub(crate) struct LeaseWord<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<&'a str>,
    /// In ms, from when it is read.
    #[serde(rename = "for")]
    pub(crate) time: u64,
    /// The same end in seconds of CLOCK_MONOTONIC, for programs on the same machine: right also when it is read late.
    pub(crate) until: f64,
}

/// What `open` tells the program at the door.
#[derive(Serialize)]
pub(crate) struct OpenWord<'a> {
    pub(crate) id: u32,
    /// Who wants it, and until when it may begin to.
    #[serde(flatten)]
    pub(crate) lease: LeaseWord<'a>,
}

/// What whoever holds the door's button is given.
#[derive(Serialize)]
pub(crate) struct NonceWord {
    pub(crate) nonce: u32,
    /// For so many ms.
    #[serde(rename = "for")]
    pub(crate) time: u64,
}

/// As all times are in these words.
pub(crate) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// What someone is to the loudspeaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AtTalk {
    NotPermitted,
    Silent,
    Waiting,
    Speaking,
}

#[derive(Serialize)]
pub(crate) struct TalkWord<'a> {
    pub(crate) you: AtTalk,
    pub(crate) speaker: Option<Person<'a>>,
    pub(crate) waiting: Vec<Person<'a>>,
    pub(crate) level: Option<f32>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HelloWord<'a> {
    pub(crate) version: u32,
    pub(crate) id: ViewerId,
    pub(crate) user: &'a str,
    pub(crate) control_timeout: u64,
    pub(crate) gateway: bool,
    pub(crate) talk: Option<&'a str>,
    /// Whether `steer` is understood.
    pub(crate) steer: bool,
    /// Whether `bundles` is.
    pub(crate) bundles: bool,
    /// Whether `hold-door` and `open-door` are.
    pub(crate) door: bool,
}

#[derive(Serialize)]
pub(crate) struct ServiceWord<'a> {
    pub(crate) service: u8,
    pub(crate) name: &'a str,
    pub(crate) here: bool,
    pub(crate) describe: Option<&'a RawValue>,
}

/// The members of a description that the gateway itself goes by, and the types of the others.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Description {
    title: Option<String>,
    kind: Option<DescribedKind>,
    unit: Option<String>,
    range: Option<(f64, f64)>,
    pub(crate) latest: bool,
    pub(crate) now: bool,
    pub(crate) drive: bool,
    /// The program says `porthole taken` after each command, itself.
    pub(crate) acknowledge: bool,
    /// It stops sooner than `control-timeout` says, in ms.
    pub(crate) timeout: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum DescribedKind {
    Number,
    Text,
    Json,
    Binary,
}

/// A program's word to the gateway that says nothing it understands, in words for its author.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadWord {
    #[error(
        "the words are: porthole describe {{...}}, porthole release {{...}}, porthole taken, porthole ring {{}}, porthole hang-up {{}}, porthole opened {{...}} and porthole refused {{...}}"
    )]
    Unknown,
    #[error(
        "release takes a JSON object, as in: porthole release {{\"reason\":\"bumper\"}}, of at most {MAX_REASON} characters"
    )]
    Release,
    #[error("ring and hang-up take an empty JSON object, as in: porthole ring {{}}")]
    Bell,
    #[error(
        "opened and refused take the id that open gave, as in: porthole opened {{\"id\":3}}; refused has a reason of at most {MAX_DOOR_DETAIL} characters besides"
    )]
    Door,
    #[error("describe: timeout is in ms, at least {MIN_TIMEOUT}")]
    Timeout,
    #[error("describe takes at most {MAX_DESCRIBE} bytes")]
    TooLong,
    #[error("describe takes a JSON object, as in: porthole describe {{\"unit\":\"%\"}}")]
    NotObject,
    #[error("describe: {0}")]
    NotJson(#[from] serde_json::Error),
    #[error("describe: title takes at most {MAX_TITLE} characters and unit {MAX_UNIT}")]
    LongTitle,
    #[error("describe: range is [least, most], the smaller number first")]
    Range,
}

/// A program's word.
#[derive(Debug)]
pub(crate) enum ProgramWord {
    /// A description, as it is for viewers, and what the gateway makes of it.
    Describe(Box<RawValue>, Box<Description>),
    /// It takes the wheel away, for a reason in its own words.
    Release(Option<String>),
    Bell(BellPush),
    /// Of the opening of this id.
    Door(u32, DoorAnswer),
}

/// What the program at the door did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DoorAnswer {
    Opened,
    /// It would not, for a reason in its own words.
    Refused(Option<String>),
}

/// What a program does at the camera's bell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BellPush {
    /// Somebody has pressed its button.
    Ring,
    /// Whoever stands at the door hangs up.
    HangUp,
}

/// Reads a program's word after [`RESERVED`].
pub(crate) fn program_word(word: &str) -> Result<ProgramWord, BadWord> {
    for (name, push) in [("ring", BellPush::Ring), ("hang-up", BellPush::HangUp)] {
        if let Some(text) = word.strip_prefix(name) {
            return bell(text).map(|()| ProgramWord::Bell(push));
        }
    }
    for name in ["opened", "refused"] {
        if let Some(text) = word.strip_prefix(name) {
            return door(name, text);
        }
    }
    if let Some(text) = word.strip_prefix("release") {
        return release(text).map(ProgramWord::Release);
    }
    let (raw, description) = describe(word)?;
    Ok(ProgramWord::Describe(raw, Box::new(description)))
}

/// Takes members that later versions may know.
fn bell(text: &str) -> Result<(), BadWord> {
    #[derive(Deserialize)]
    struct Push {}
    match text.trim() {
        "" => Ok(()),
        text if text.starts_with('{') => serde_json::from_str::<Push>(text)
            .map(|_| ())
            .map_err(|_| BadWord::Bell),
        _ => Err(BadWord::Bell),
    }
}

fn door(name: &str, text: &str) -> Result<ProgramWord, BadWord> {
    #[derive(Deserialize)]
    struct Answer {
        id: u32,
        reason: Option<String>,
    }
    let text = text.trim();
    let answer = Some(text).filter(|text| text.starts_with('{'));
    let answer = answer.and_then(|text| serde_json::from_str(text).ok());
    let Answer { id, reason } = answer.ok_or(BadWord::Door)?;
    match reason {
        Some(reason) if reason.chars().count() > MAX_DOOR_DETAIL => Err(BadWord::Door),
        _ if name == "opened" => Ok(ProgramWord::Door(id, DoorAnswer::Opened)),
        reason => Ok(ProgramWord::Door(id, DoorAnswer::Refused(reason))),
    }
}

fn release(text: &str) -> Result<Option<String>, BadWord> {
    #[derive(Default, Deserialize)]
    struct Release {
        reason: Option<String>,
    }
    let Release { reason } = match text.trim() {
        "" => Release::default(),
        text if text.starts_with('{') => {
            serde_json::from_str(text).map_err(|_| BadWord::Release)?
        }
        _ => return Err(BadWord::Release),
    };
    match reason {
        Some(reason) if reason.chars().count() > MAX_REASON => Err(BadWord::Release),
        reason => Ok(reason),
    }
}

fn describe(word: &str) -> Result<(Box<RawValue>, Description), BadWord> {
    let text = word.strip_prefix("describe ").ok_or(BadWord::Unknown)?;
    if text.len() > MAX_DESCRIBE {
        return Err(BadWord::TooLong);
    }
    if !text.trim_start().starts_with('{') {
        return Err(BadWord::NotObject);
    }
    let description: Description = serde_json::from_str(text)?;
    let is_long = |text: &Option<String>, most| {
        text.as_ref()
            .is_some_and(|text| text.chars().count() > most)
    };
    if is_long(&description.title, MAX_TITLE) || is_long(&description.unit, MAX_UNIT) {
        return Err(BadWord::LongTitle);
    }
    if description.range.is_some_and(|(least, most)| least >= most) {
        return Err(BadWord::Range);
    }
    if description.timeout.is_some_and(|ms| ms < MIN_TIMEOUT) {
        return Err(BadWord::Timeout);
    }
    Ok((serde_json::from_str(text)?, description))
}

/// Whether a command is the page's steering (docs/gateway.md, `drive`), of which only the newest counts.
pub(crate) fn is_steering(command: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Steering {
        #[serde(rename = "x")]
        _x: f64,
        #[serde(rename = "y")]
        _y: f64,
    }
    serde_json::from_slice::<Steering>(command).is_ok()
}

/// Whether a service may be called so.
pub(crate) fn is_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// `porthole EVENT DETAILS`, for a program.
pub(crate) fn event(name: &str, details: &impl Serialize) -> String {
    let details = serde_json::to_string(details).unwrap_or_default();
    format!("{RESERVED}{name} {details}")
}

pub(crate) fn json(word: &impl Serialize) -> Vec<u8> {
    // What is written here are plain records, which have no way to fail.
    serde_json::to_vec(word).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_goes_to_viewers_as_it_is() {
        let text = r#"describe {"title":"Battery","unit":"%","range":[0,100],"latest":true,"colour":"red"}"#;
        let (raw, description) = describe(text).unwrap();
        assert_eq!(raw.get(), text.strip_prefix("describe ").unwrap());
        assert!(description.latest && !description.now);
    }

    #[test]
    fn what_is_no_description_is_refused_with_what_to_do() {
        let long = format!("describe {{\"title\":\"{}\"}}", "x".repeat(65));
        let longer = format!("describe {{\"x\":\"{}\"}}", "x".repeat(MAX_DESCRIBE));
        for (word, part) in [
            ("shutdown", "porthole describe"),
            ("describe", "porthole describe"),
            ("describe no", "a JSON object"),
            ("describe []", "a JSON object"),
            ("describe {no}", "describe: key must be"),
            (r#"describe {"timeout":50}"#, "at least 100"),
            (r#"describe {"kind":"sound"}"#, "unknown variant"),
            (r#"describe {"range":[1]}"#, "invalid length"),
            (r#"describe {"range":[1,1]}"#, "smaller number first"),
            (&long, "at most 64"),
            (&longer, "at most 4096"),
        ] {
            let error = describe(word).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains(part), "{word}: {error}");
        }
    }

    #[test]
    fn a_program_rings_and_hangs_up() {
        let push = |word: &str| match program_word(word) {
            Ok(ProgramWord::Bell(push)) => Some(push),
            _ => None,
        };
        for word in ["ring", "ring {}", r#"ring {"later":1}"#] {
            assert_eq!(push(word), Some(BellPush::Ring), "{word}");
        }
        assert_eq!(push("hang-up {}"), Some(BellPush::HangUp));
        for word in ["ring 1", "ring []", "ring {", "ringing"] {
            let error = program_word(word).map(|_| ()).unwrap_err();
            assert!(matches!(error, BadWord::Bell), "{word}: {error}");
        }
    }

    #[test]
    fn a_program_says_what_it_did_at_the_door() {
        let answer = |word: &str| match program_word(word) {
            Ok(ProgramWord::Door(id, answer)) => Some((id, answer)),
            _ => None,
        };
        let opened = Some((3, DoorAnswer::Opened));
        assert_eq!(answer(r#"opened {"id":3,"later":1}"#), opened);
        let refused = |reason: Option<&str>| DoorAnswer::Refused(reason.map(str::to_owned));
        assert_eq!(answer(r#"refused {"id":3}"#), Some((3, refused(None))));
        let bolted = r#"refused {"id":4,"reason":"bolted"}"#;
        assert_eq!(answer(bolted), Some((4, refused(Some("bolted")))));
        let long = format!(r#"refused {{"id":3,"reason":"{}"}}"#, "x".repeat(201));
        for word in [
            "opened",
            "opened 3",
            "opened {}",
            r#"opened {"id":-1}"#,
            "refused []",
            &long,
        ] {
            let error = program_word(word).map(|_| ()).unwrap_err();
            assert!(matches!(error, BadWord::Door), "{word}: {error}");
        }
    }

    #[test]
    fn a_program_takes_the_wheel_with_or_without_a_reason() {
        let reason = |word: &str| match program_word(word) {
            Ok(ProgramWord::Release(reason)) => Some(reason),
            _ => None,
        };
        assert_eq!(reason("release"), Some(None));
        assert_eq!(reason("release {}"), Some(None));
        assert_eq!(
            reason(r#"release {"reason":"bumper"}"#),
            Some(Some("bumper".into()))
        );
        let long = format!(r#"release {{"reason":"{}"}}"#, "x".repeat(201));
        for word in [
            "release bumper",
            "released {}",
            r#"release {"reason":1}"#,
            &long,
        ] {
            let error = program_word(word).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains("porthole release"), "{word}: {error}");
        }
    }

    #[test]
    fn steering_has_two_axes() {
        assert!(is_steering(br#"{"x":0.5,"y":-1,"buttons":[0,3]}"#));
        for other in [
            &b"on"[..],
            b"{}",
            br#"{"x":0.5}"#,
            br#"{"x":"a","y":0}"#,
            b"\xff",
        ] {
            assert!(!is_steering(other), "{other:?}");
        }
    }

    #[test]
    fn names_are_short_and_plain() {
        for name in ["battery", "arm-2", "a.b_c", "A", &"x".repeat(32)] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "a/b", "a b", "ä", "a%20", &"x".repeat(33)] {
            assert!(!is_name(name), "{name}");
        }
    }
}
