// SPDX-License-Identifier: MPL-2.0
//! The STUN and TURN servers of a session: a function of the session and the time.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use porthole_protocol::wire::IceServer;

use super::now::Now;
use crate::digest::SecretDigest;
use crate::rights::Rights;

/// Credentials are renewed this much before they run out: a few round trips, also for a camera that is just away.
const RENEW_BEFORE: Duration = Duration::from_secs(60);

/// Hexadecimal digits by which a relay tells people apart: of ten thousand, hardly two have the same.
const RELAY_USER_DIGITS: usize = 16;

/// What both ends of a session are told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ice {
    /// The servers.
    pub servers: Vec<IceServer>,
    /// When the first of their credentials runs out.
    pub until: Option<Timestamp>,
}

/// Says which servers someone may use for this long from now, and until when.
pub type IceSource = Box<dyn Fn(&str, Duration, Timestamp) -> Ice + Send>;

/// The same servers for every session.
pub fn fixed(servers: Vec<IceServer>) -> IceSource {
    Box::new(move |_, _, _| Ice {
        servers: servers.clone(),
        until: None,
    })
}

/// By what a relay knows someone, so that its quotas count per person: by the digest of the name. Of those who share one,
/// each session stands for itself.
pub(crate) fn relay_user(rights: &Rights, session: &str) -> String {
    match rights.shared {
        true => session.to_owned(),
        false => relay_name(&rights.user),
    }
}

/// A name by which nobody is known.
pub(crate) fn relay_name(of: &str) -> String {
    let mut digest = SecretDigest::of(of).to_hex();
    digest.truncate(RELAY_USER_DIGITS);
    digest
}

/// Until when a session's relays take its credentials.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct IceTerm {
    /// Of the session, when the credentials were made.
    of: Instant,
    pub(super) renew_at: Option<Instant>,
}

impl IceTerm {
    /// `None` for credentials that never run out.
    pub(super) fn new(ice: &Ice, session_end: Instant, now: Now) -> Option<Self> {
        let until = now.instant_of(ice.until?);
        // Those that last to the end of the session are not renewed before its terms are.
        let renew_at = (until + RENEW_BEFORE < session_end).then(|| {
            let soon = until.checked_sub(RENEW_BEFORE).unwrap_or(until);
            // Never at once again, whatever the source says.
            soon.max(now + RENEW_BEFORE)
        });
        Some(Self {
            of: session_end,
            renew_at,
        })
    }

    pub(super) fn is_due(self, session_end: Instant, now: Now) -> bool {
        let moved = match session_end > self.of {
            true => session_end - self.of,
            false => self.of - session_end,
        };
        self.renew_at.is_some_and(|at| at <= now.mono) || moved > Duration::from_secs(1)
    }
}
