// SPDX-License-Identifier: MPL-2.0
//! The `stats` property: a `porthole-stats` structure with `viewers`, `refused`, `server`, `url` and one
//! structure for each session, named by its id.

use std::time::Instant;

use super::{report::in_words, session::Media};
use crate::signaller::{gate::Gate, session::Session};

/// Everything there is to say without webrtcsink.
pub(crate) fn structure(
    gate: Option<&Gate<Media>>,
    server: &str,
    url: &str,
    now: Instant,
) -> gst::Structure {
    let count = u32::try_from(gate.map_or(0, Gate::viewers)).unwrap_or(u32::MAX);
    let mut stats = gst::Structure::builder("porthole-stats")
        .field("viewers", count)
        .field("refused", gate.map_or(0, Gate::turned_away))
        .field("server", server)
        .field("url", url)
        .build();
    for (id, viewer) in gate.into_iter().flat_map(Gate::sessions) {
        stats.set(format!("session-{id}"), session(viewer, now));
    }
    stats
}

/// Adds webrtcsink's own `stats`, whose fields are session ids.
pub(crate) fn add_webrtc(stats: &mut gst::Structure, webrtc: &gst::StructureRef) {
    for (id, value) in webrtc.iter() {
        let name = format!("session-{id}");
        if let Ok(mut session) = stats.get::<gst::Structure>(name.as_str()) {
            session.set_value("webrtc", value.clone());
            stats.set(name, session);
        }
    }
}

fn session(session: &Session<Media>, now: Instant) -> gst::Structure {
    gst::Structure::builder("porthole-session")
        .field("user", session.user.as_str())
        .field("permissions", in_words(&session.permissions))
        .field(
            "seconds-watched",
            now.saturating_duration_since(session.since).as_secs(),
        )
        .field(
            "seconds-left",
            session.until.saturating_duration_since(now).as_secs(),
        )
        .build()
}
