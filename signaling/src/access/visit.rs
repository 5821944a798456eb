// SPDX-License-Identifier: MPL-2.0
//! What an existing backend said of someone.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::backend::Identity;
use crate::registry::{Account, Origin};

/// What a backend said of someone, and until when.
pub(super) struct Visit {
    pub(super) account: Account,
    pub(super) until: Instant,
}

impl Visit {
    pub(super) fn new(identity: Identity, now: Timestamp) -> Self {
        let until = Instant::now() + left(identity.until, now);
        let account = Account {
            rights: identity.rights.into(),
            role: identity.role,
            token: None,
            origin: Origin::Backend,
        };
        Self { account, until }
    }
}

/// What is left until then.
pub(super) fn left(until: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(until.duration_since(now)).unwrap_or_default()
}
