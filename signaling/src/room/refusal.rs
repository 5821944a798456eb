// SPDX-License-Identifier: MPL-2.0
//! What is not followed, and why.

use jiff::Timestamp;
use porthole_protocol::wire::{Code, ToPeerExtra};

/// Why a message was not followed.
#[derive(Debug)]
pub(super) struct Refusal {
    /// Stable.
    pub(super) code: Code,
    /// A sentence that says what to do.
    pub(super) details: &'static str,
    /// When it would be followed.
    pub(super) next: Option<Timestamp>,
}

impl Refusal {
    pub(super) const fn new(code: Code, details: &'static str) -> Self {
        Self {
            code,
            details,
            next: None,
        }
    }

    pub(super) fn on_the_wire(&self) -> (String, ToPeerExtra) {
        let extra = ToPeerExtra {
            code: Some(self.code),
            next_booking: self.next,
            ..ToPeerExtra::default()
        };
        (self.details.to_owned(), extra)
    }
}

pub(super) const LOGIN_ENDED: &str = "your log-in has ended: open your link again";
/// What a viewer whose log-in is over may not begin.
pub(super) const LOGIN_OVER: Refusal = Refusal::new(Code::Unauthorized, LOGIN_ENDED);
pub(super) const NO_SUCH_SESSION: Refusal = Refusal::new(
    Code::NoSuchSession,
    "there is no such session of yours: it may have ended",
);
pub(super) const UNKNOWN_SENDER: Refusal =
    Refusal::new(Code::Unauthorized, "you are not connected");
