// SPDX-License-Identifier: MPL-2.0
//! One address of one person: what `deliver` knows of it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use porthole_protocol::wire::{CallEnd, CallState};

use crate::calls::{CallProgress, RingNotice};

/// The picture of a press.
pub(super) type Picture = Option<Arc<[u8]>>;

/// What has become of a call that rang.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum News {
    Answered {
        by: Option<String>,
    },
    Ended {
        by: Option<String>,
        reason: Option<CallEnd>,
    },
}

impl News {
    /// `None` while it rings.
    pub(super) fn of(progress: &CallProgress) -> Option<Self> {
        let by = progress.by.clone();
        match progress.state {
            CallState::Ringing => None,
            CallState::Answered | CallState::Talking => Some(Self::Answered { by }),
            CallState::Ended => Some(Self::Ended {
                by,
                reason: progress.reason,
            }),
        }
    }

    pub(super) fn is_last(&self) -> bool {
        matches!(self, Self::Ended { .. })
    }
}

/// Why something was not sent. The words are for the log and whoever tries it, and show no address and no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) what: What,
    pub(super) words: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// It was not taken, and may be later: not before so long.
    Later(Option<Duration>),
    /// It may have been taken: nobody has said so.
    Unclear,
    /// It will not be taken.
    Never,
    /// There is no such address any more.
    Gone,
}

impl Failure {
    pub(super) fn new(what: What, words: impl Into<String>) -> Self {
        let words = words.into();
        Self { what, words }
    }

    pub(super) fn never(words: impl Into<String>) -> Self {
        Self::new(What::Never, words)
    }
}

/// By what a notification is known where it was sent, if that says so.
pub(super) type Receipt = Option<String>;

#[async_trait]
pub(super) trait Channel: Send + Sync {
    /// Whether it shows the picture of the press, and so waits a moment for it.
    fn shows_picture(&self) -> bool {
        true
    }

    /// Whether who is told can see that two are the same, so that one of which nobody knows whether it was taken may be sent again.
    fn is_repeatable(&self) -> bool;

    /// Tells that it rings.
    async fn send(&self, ring: &RingNotice, picture: Picture) -> Result<Receipt, Failure>;

    /// Whether it can be told what became of the call.
    fn follows(&self) -> bool {
        false
    }

    /// Tells what became of it.
    async fn follow(&self, _: &RingNotice, _: &Receipt, _: &News) -> Result<(), Failure> {
        Ok(())
    }

    /// There is no such address any more.
    async fn forget(&self) {}
}
