// SPDX-License-Identifier: MPL-2.0
//! Why there is no picture: for the bus a code, for the viewer words in the slate, for the user a sentence that says what to do.
/// What keeps a camera from giving pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Reason {
    /// There is no such device or file.
    Missing,
    /// Another program has it.
    Busy,
    /// This user may not open it.
    Denied,
    /// It does not take the password, or wants one.
    Refused,
    /// It was there and has gone: unplugged, or its server has gone.
    Gone,
    /// It is open and gives no pictures.
    Stalled,
    /// What it gives cannot be decoded.
    Damaged,
    /// Anything else that its driver reports.
    Failed,
}

impl Reason {
    /// As it stands in the field `reason` of the bus message.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Busy => "busy",
            Self::Denied | Self::Refused => "denied",
            Self::Gone => "gone",
            Self::Stalled => "stalled",
            Self::Damaged => "damaged",
            Self::Failed => "failed",
        }
    }

    /// What the viewer reads in the slate.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Missing => "The camera is not connected",
            Self::Busy => "The camera is in use by another program",
            Self::Denied | Self::Refused => "The camera may not be opened",
            Self::Gone => "The camera has gone",
            Self::Stalled => "The camera does not answer",
            Self::Damaged => "The camera's picture is damaged",
            Self::Failed => "The camera has failed",
        }
    }
}

/// Why a camera gives no pictures now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub(crate) struct Problem {
    pub(crate) reason: Reason,
    /// For the user, with the fix: a sentence without the camera's name, which the reader of it puts in front.
    pub(crate) text: String,
}

impl Problem {
    pub(crate) fn new(reason: Reason, text: impl Into<String>) -> Self {
        Self {
            reason,
            text: text.into(),
        }
    }
}
