// SPDX-License-Identifier: MPL-2.0
//! The STUN and TURN servers of a session: a function of the session and the time.

use std::time::Duration;

use jiff::Timestamp;
use porthole_protocol::wire::IceServer;

/// Credentials are renewed this much before they run out: a few round trips, also for a camera that is just away.
pub(super) const RENEW_BEFORE: Duration = Duration::from_secs(60);

/// What both ends of a session are told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ice {
    /// The servers.
    pub servers: Vec<IceServer>,
    /// When the first of their credentials runs out.
    pub until: Option<Timestamp>,
}

/// Says which servers the session of this id may use for this long from now, and until when.
pub type IceSource = Box<dyn Fn(&str, Duration, Timestamp) -> Ice + Send>;

/// The same servers for every session.
pub fn fixed(servers: Vec<IceServer>) -> IceSource {
    Box::new(move |_, _, _| Ice {
        servers: servers.clone(),
        until: None,
    })
}
