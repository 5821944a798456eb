// SPDX-License-Identifier: MPL-2.0
//! Packets of Socket.IO, as text: a digit that says what it is, a namespace, the number of an answer, and JSON. Both
//! generations write these alike, but for what comes with a connection. Pure.
//!
//! Binary attachments are left out: nothing that signaling says has any.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// Longest number of an answer that is looked at: what a JSON number holds for certain.
const MAX_ACK_DIGITS: usize = 15;

/// What a client says.
#[derive(Debug, PartialEq)]
pub(crate) enum Packet {
    /// It wants into a namespace, and may show a credential.
    Connect {
        namespace: String,
        auth: Value,
    },
    Disconnect,
    Event {
        name: String,
        data: Value,
        /// Where it waits for an answer.
        ack: Option<u64>,
    },
    /// An answer, or an event of another namespace: nobody here waits for it.
    Other,
}

/// Why a packet is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// It announces attachments.
    Binary,
    Malformed,
}

/// Reads what stands in a message of Engine.IO.
pub(crate) fn read(text: &str) -> Result<Packet, Unreadable> {
    let mut characters = text.chars();
    let kind = characters.next().ok_or(Unreadable::Malformed)?;
    let (namespace, rest) = namespace(characters.as_str());
    match kind {
        '0' => Ok(Packet::Connect {
            namespace: namespace.to_owned(),
            auth: match rest {
                "" => Value::Null,
                json => serde_json::from_str(json).map_err(|_| Unreadable::Malformed)?,
            },
        }),
        '1' if is_main(namespace) => Ok(Packet::Disconnect),
        '2' if is_main(namespace) => event(rest),
        '1'..='4' => Ok(Packet::Other),
        '5' | '6' => Err(Unreadable::Binary),
        _ => Err(Unreadable::Malformed),
    }
}

/// The namespace and what follows it. Its name may have a query, as the older generation writes it.
fn namespace(text: &str) -> (&str, &str) {
    if !text.starts_with('/') {
        return ("/", text);
    }
    let (name, rest) = text.split_once(',').unwrap_or((text, ""));
    (name.split('?').next().unwrap_or(name), rest)
}

/// Whether it is the one that everybody is in.
pub(crate) fn is_main(namespace: &str) -> bool {
    namespace == "/"
}

fn event(text: &str) -> Result<Packet, Unreadable> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits > MAX_ACK_DIGITS {
        return Err(Unreadable::Malformed);
    }
    let (ack, json) = text.split_at(digits);
    let mut values = serde_json::from_str::<Vec<Value>>(json)
        .map_err(|_| Unreadable::Malformed)?
        .into_iter();
    let Some(Value::String(name)) = values.next() else {
        return Err(Unreadable::Malformed);
    };
    Ok(Packet::Event {
        name,
        data: values.next().unwrap_or_default(),
        ack: ack.parse().ok(),
    })
}

/// An event with what comes with it.
pub(crate) fn event_text(name: &str, data: &Value) -> String {
    format!("2{}", json!([name, data]))
}

/// The answer that a client waits for under this number. It says no more than that the event was read.
pub(crate) fn ack_text(ack: u64) -> String {
    format!("3{ack}[]")
}

/// That the client is in, under this name: the newer generation is told it.
pub(crate) fn connect_text(socket_id: Option<&str>) -> String {
    let mut text = "0".to_owned();
    if let Some(id) = socket_id {
        let _ = write!(text, "{}", json!({"sid": id}));
    }
    text
}

/// That a client is not let into a namespace, and why: to the newer generation with a code.
pub(crate) fn refusal_text(namespace: &str, code: &str, message: &str, is_newer: bool) -> String {
    let namespace = match is_main(namespace) {
        true => String::new(),
        false => format!("{namespace},"),
    };
    let what = match is_newer {
        true => json!({"message": message, "data": {"code": code}}),
        false => json!(message),
    };
    format!("4{namespace}{what}")
}

pub(crate) const DISCONNECT: &str = "1";

#[cfg(test)]
mod tests {
    use super::*;

    fn an_event(name: &str, data: Value, ack: Option<u64>) -> Result<Packet, Unreadable> {
        let name = name.to_owned();
        Ok(Packet::Event { name, data, ack })
    }

    #[test]
    fn packets_of_both_generations_are_read() {
        let connect = |namespace: &str, auth| {
            let namespace = namespace.to_owned();
            Ok(Packet::Connect { namespace, auth })
        };
        let auth = json!({"token": "t"});
        let cases = [
            ("0", connect("/", Value::Null)),
            (r#"0{"token":"t"}"#, connect("/", auth.clone())),
            ("0/chat?token=x", connect("/chat", Value::Null)),
            (r#"0/chat,{"token":"t"}"#, connect("/chat", auth)),
            ("1", Ok(Packet::Disconnect)),
            (r#"2["join","lab"]"#, an_event("join", json!("lab"), None)),
            (
                r#"217["join","lab",3]"#,
                an_event("join", json!("lab"), Some(17)),
            ),
            (r#"2["bye"]"#, an_event("bye", Value::Null, None)),
            (r#"2/chat,["bye"]"#, Ok(Packet::Other)),
            (r#"30["fine"]"#, Ok(Packet::Other)),
            (
                r#"51-["x",{"_placeholder":true,"num":0}]"#,
                Err(Unreadable::Binary),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text), expected, "{text}");
        }
        for text in [
            "",
            "é",
            "7",
            "2",
            "2[]",
            "2[1]",
            "2{}",
            "0{",
            "2999999999999999999[\"a\"]",
        ] {
            assert_eq!(read(text), Err(Unreadable::Malformed), "{text}");
        }
    }

    #[test]
    fn what_is_written_is_as_the_two_generations_have_it() {
        assert_eq!(event_text("joined", &json!("lab")), r#"2["joined","lab"]"#);
        assert_eq!(
            (ack_text(3), connect_text(None)),
            ("33[]".into(), "0".into())
        );
        assert_eq!(connect_text(Some("a")), r#"0{"sid":"a"}"#);
        let newer = refusal_text("/", "unauthorized", "who?", true);
        assert_eq!(
            newer,
            r#"4{"data":{"code":"unauthorized"},"message":"who?"}"#
        );
        assert_eq!(refusal_text("/chat", "x", "no", false), r#"4/chat,"no""#);
    }
}
