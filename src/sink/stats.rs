// SPDX-License-Identifier: MPL-2.0
//! The `stats` property: a `porthole-stats` structure with `viewers`, `refused`, `server`, `url` and one
//! structure for each session, named by its id.

use std::time::Instant;

use gst::prelude::*;

use super::viewers::{Viewer, Viewers, in_words};

/// Everything there is to say now. `webrtc` is webrtcsink's own `stats`, whose fields are session ids.
pub(crate) fn structure(
    viewers: &Viewers,
    server: &str,
    url: &str,
    webrtc: Option<&gst::Structure>,
    now: Instant,
) -> gst::Structure {
    let count = u32::try_from(viewers.sessions.len()).unwrap_or(u32::MAX);
    let mut stats = gst::Structure::builder("porthole-stats")
        .field("viewers", count)
        .field("refused", viewers.refused)
        .field("server", server)
        .field("url", url)
        .build();
    for (id, viewer) in &viewers.sessions {
        let webrtc = webrtc.and_then(|s| s.get::<gst::Structure>(id.as_str()).ok());
        stats.set(format!("session-{id}"), session(viewer, webrtc, now));
    }
    stats
}

fn session(viewer: &Viewer, webrtc: Option<gst::Structure>, now: Instant) -> gst::Structure {
    let mut session = gst::Structure::builder("porthole-session")
        .field("user", viewer.user.as_str())
        .field("permissions", in_words(&viewer.permissions))
        .field(
            "seconds-watched",
            now.saturating_duration_since(viewer.since).as_secs(),
        )
        .field(
            "seconds-left",
            viewer.until.saturating_duration_since(now).as_secs(),
        )
        .build();
    if let Some(webrtc) = webrtc {
        session.set("webrtc", webrtc.to_send_value());
    }
    session
}
