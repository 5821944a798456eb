// SPDX-License-Identifier: MPL-2.0
//! What comes with the events: descriptions and candidates, as the various programs write them.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// A way to the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) line: String,
    /// The m-line it is for.
    pub(super) index: u32,
}

/// The description in a payload: under `kind` (`offer`, `answer`) or `sdp`, as text or as an `RTCSessionDescription`.
pub(super) fn description<'a>(data: &'a Value, kind: &str) -> Option<&'a str> {
    let of = |value: &'a Value| value.as_str().or_else(|| value.get("sdp")?.as_str());
    let found = data.get(kind).and_then(of);
    found.or_else(|| data.get("sdp").and_then(of))
}

/// The candidate in a payload: an `RTCIceCandidate`, or the payload of which it is a part. `Ok(None)` is the end of them.
pub(super) fn candidate(data: &Value) -> Result<Option<Candidate>, ()> {
    let inner = data.get("candidate").unwrap_or(&Value::Null);
    let (line, of) = match inner {
        Value::Null => return Ok(None),
        Value::String(line) => (line.as_str(), data),
        Value::Object(_) => match inner.get("candidate").unwrap_or(&Value::Null) {
            Value::Null => return Ok(None),
            line => (line.as_str().ok_or(())?, inner),
        },
        _ => return Err(()),
    };
    let line = line.trim_start_matches("a=");
    if line.is_empty() {
        return Ok(None);
    }
    let line = match line.starts_with("candidate:") {
        true => line.to_owned(),
        false => format!("candidate:{line}"),
    };
    Ok(Some(Candidate {
        line,
        index: index(of),
    }))
}

/// Without a number, browsers' names of m-lines are numbers too; what is left belongs to the first, with which all are bundled.
fn index(of: &Value) -> u32 {
    let number = of.get("sdpMLineIndex").and_then(Value::as_u64);
    let name = || of.get("sdpMid")?.as_str()?.parse().ok();
    let number = number.and_then(|number| number.try_into().ok());
    number.or_else(name).unwrap_or(0)
}

/// As an `RTCIceCandidateInit`.
pub(super) fn candidate_json(line: &str, index: u32) -> Value {
    json!({"candidate": line, "sdpMid": null, "sdpMLineIndex": index})
}

/// Whom it is for.
pub(super) fn to(data: &Value) -> Option<&str> {
    ["to", "target"]
        .iter()
        .find_map(|key| data.get(key)?.as_str())
}

/// The name of a room: a text, or what a payload has as `room`.
pub(super) fn room(data: &Value) -> Option<&str> {
    data.as_str().or_else(|| data.get("room")?.as_str())
}

/// A description with these candidates in it, each at the end of its m-line, for those who are sent none later.
pub(super) fn with_candidates(sdp: &str, candidates: &[Candidate]) -> String {
    let mut whole = String::with_capacity(sdp.len() + 128 * candidates.len());
    let mut at = None;
    let finish = |whole: &mut String, at: Option<u32>| {
        let Some(at) = at else { return };
        for candidate in candidates.iter().filter(|candidate| candidate.index == at) {
            let _ = write!(whole, "a={}\r\n", candidate.line);
        }
    };
    for line in sdp.lines() {
        if line.starts_with("m=") {
            finish(&mut whole, at);
            at = Some(at.map_or(0, |at| at + 1));
        }
        whole.push_str(line);
        whole.push_str("\r\n");
    }
    finish(&mut whole, at);
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str, index: u32) -> Result<Option<Candidate>, ()> {
        let line = line.to_owned();
        Ok(Some(Candidate { line, index }))
    }

    #[test]
    fn candidates_are_read_as_everybody_writes_them() {
        let cases = [
            (
                json!({"candidate": "candidate:1", "sdpMLineIndex": 2}),
                of("candidate:1", 2),
            ),
            (
                json!({"to": "x", "candidate": {"candidate": "candidate:1", "sdpMid": "1"}}),
                of("candidate:1", 1),
            ),
            (
                json!({"candidate": "1 1 udp", "sdpMid": "video"}),
                of("candidate:1 1 udp", 0),
            ),
            (json!({"candidate": "a=candidate:1"}), of("candidate:1", 0)),
            (
                json!({"candidate": {"candidate": "candidate:1", "sdpMLineIndex": u64::MAX}}),
                of("candidate:1", 0),
            ),
            (json!({"candidate": null}), Ok(None)),
            (json!({"candidate": ""}), Ok(None)),
            (json!({"candidate": {"candidate": ""}}), Ok(None)),
            (json!(null), Ok(None)),
            (json!({"candidate": 1}), Err(())),
            (json!({"candidate": {"candidate": []}}), Err(())),
        ];
        for (data, expected) in cases {
            assert_eq!(candidate(&data), expected, "{data}");
        }
    }

    #[test]
    fn descriptions_are_read_as_everybody_writes_them() {
        for data in [
            json!({"offer": {"type": "offer", "sdp": "v=0"}}),
            json!({"offer": "v=0"}),
            json!({"type": "offer", "sdp": "v=0"}),
            json!({"sdp": {"type": "offer", "sdp": "v=0"}}),
        ] {
            assert_eq!(description(&data, "offer"), Some("v=0"), "{data}");
        }
        for data in [json!(null), json!("v=0"), json!({"offer": 1}), json!([])] {
            assert_eq!(description(&data, "offer"), None, "{data}");
        }
    }

    #[test]
    fn candidates_are_put_where_their_m_line_ends() {
        let sdp = "v=0\r\nm=audio 9\r\na=mid:0\r\nm=video 9\r\na=mid:1\r\n";
        let candidates = [("candidate:v", 1), ("candidate:a", 0), ("candidate:x", 7)];
        let candidates = candidates.map(|(line, index)| Candidate {
            line: line.to_owned(),
            index,
        });
        assert_eq!(
            with_candidates(sdp, &candidates),
            "v=0\r\nm=audio 9\r\na=mid:0\r\na=candidate:a\r\nm=video 9\r\na=mid:1\r\na=candidate:v\r\n"
        );
        assert_eq!(with_candidates("", &candidates), "");
    }
}
