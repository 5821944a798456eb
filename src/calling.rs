// SPDX-License-Identifier: MPL-2.0
//! A doorbell's call: what the link decides, and the application, programs on the robot and the loudspeaker hear.

pub(crate) use porthole_protocol::wire::{CallEnd, CallState};
use serde::Serialize;

/// Why a call is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum Reason {
    Server(CallEnd),
    Camera(OwnReason),
}

/// What the camera finds out without its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OwnReason {
    /// The server was not reached, does not answer, or knows nothing of the call any more.
    ServerGone,
}

/// A call as it is now. In JSON as the server writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Call {
    /// Empty for a press of which the server made none.
    pub(crate) id: String,
    pub(crate) ring_id: String,
    pub(crate) state: CallState,
    /// Who has answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) by: Option<String>,
    /// Of one that is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<Reason>,
}

impl Call {
    pub(crate) fn is_over(&self) -> bool {
        self.state == CallState::Ended
    }
}

/// What happens at the bell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BellEvent {
    /// Somebody has pressed the button, here or elsewhere.
    Rung { ring_id: String },
    /// A call has begun or changed.
    Call(Call),
}

/// The word that stands for it on the wire, and on the bus.
pub(crate) fn word(of: &impl Serialize) -> String {
    let value = serde_json::to_value(of).ok();
    let word = value.as_ref().and_then(|value| value.as_str());
    word.unwrap_or_default().to_owned()
}

/// What the visitor hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cue {
    /// It rings inside.
    Ringing,
    /// Somebody has answered.
    Coming,
    /// Nobody will.
    Nobody,
    /// Nothing more.
    Silence,
}

/// Decides what the visitor hears of a call, given how far it was.
pub(crate) fn cue(before: Option<CallState>, call: &Call) -> Option<Cue> {
    use CallState::{Answered, Ended, Ringing, Talking};
    match (before, call.state) {
        (Some(before), now) if before == now => None,
        (_, Ringing) => Some(Cue::Ringing),
        (None | Some(Ringing), Answered | Talking) => Some(Cue::Coming),
        // The person's own voice has taken its place.
        (_, Answered | Talking) => None,
        (Some(Talking), Ended) => Some(Cue::Silence),
        (_, Ended) => Some(match call.reason {
            Some(Reason::Server(CallEnd::HungUp | CallEnd::HungUpAtDoor)) => Cue::Silence,
            _ => Cue::Nobody,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(state: CallState, reason: Option<Reason>) -> Call {
        Call {
            id: "c".into(),
            ring_id: "r".into(),
            state,
            by: None,
            reason,
        }
    }

    #[test]
    fn words_are_those_of_the_wire() {
        assert_eq!(word(&CallState::Ringing), "ringing");
        assert_eq!(word(&Reason::Server(CallEnd::NobodyHome)), "nobody-home");
        assert_eq!(word(&Reason::Camera(OwnReason::ServerGone)), "server-gone");
        let over = call(CallState::Ended, Some(Reason::Server(CallEnd::NoAnswer)));
        assert_eq!(
            serde_json::to_value(over).unwrap(),
            serde_json::json!({"id":"c","ringId":"r","state":"ended","reason":"no-answer"})
        );
    }

    #[test]
    fn the_visitor_hears_that_it_rings_that_somebody_comes_or_that_nobody_does() {
        use CallState::{Answered, Ended, Ringing, Talking};
        let ended = |end| call(Ended, Some(Reason::Server(end)));
        let gone = call(Ended, Some(Reason::Camera(OwnReason::ServerGone)));
        let table = [
            (None, call(Ringing, None), Some(Cue::Ringing)),
            (Some(Ringing), call(Ringing, None), None),
            (Some(Ringing), call(Answered, None), Some(Cue::Coming)),
            (Some(Ringing), call(Talking, None), Some(Cue::Coming)),
            (Some(Answered), call(Talking, None), None),
            (Some(Talking), ended(CallEnd::HungUp), Some(Cue::Silence)),
            (Some(Talking), ended(CallEnd::NoMedia), Some(Cue::Silence)),
            (Some(Ringing), ended(CallEnd::NoAnswer), Some(Cue::Nobody)),
            (Some(Ringing), ended(CallEnd::Declined), Some(Cue::Nobody)),
            (
                Some(Ringing),
                ended(CallEnd::HungUpAtDoor),
                Some(Cue::Silence),
            ),
            (Some(Answered), ended(CallEnd::NoMedia), Some(Cue::Nobody)),
            (None, ended(CallEnd::Nobody), Some(Cue::Nobody)),
            (None, gone, Some(Cue::Nobody)),
        ];
        for (before, call, expected) in table {
            assert_eq!(cue(before, &call), expected, "{before:?} {call:?}");
        }
    }
}
