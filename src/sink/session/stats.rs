// SPDX-License-Identifier: MPL-2.0
//! The `stats` property: a `porthole-stats` structure with `viewers`, `refused`, `server`, `url` and one
//! structure for each session, named by its id.
//!
//! A session's has `user`, `permissions`, `seconds-watched`, `seconds-left`; what is sent to it (`sent-bitrate` and `estimate`
//! in bit/s, `loss` as a fraction of the packets, `rtt` in seconds, `rung` of `rungs`, `width`, `height`), as far as it is
//! known; and, once its viewer has said it, what came of that: `frames`, `freezes`, `freeze-seconds`, and
//! the `shown-width` and `shown-height` of the picture on its screen.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use gst_webrtc::WebRTCStatsType;
use porthole_protocol::{
    limits::{MAX_PICTURE_SIDE, MAX_RUNGS, MAX_STATS_SECONDS},
    wire::{SessionStats, ViewerStats as Seen},
};

use super::Media;
use crate::{
    ladder::{Size, Viewer},
    lock::lock,
    signaller::{gate::Gate, session::Session},
    sink::report::in_words,
};

/// Bitrates are measured over this long at least: a key frame in less would make them jump.
const SHORTEST_SAMPLE: Duration = Duration::from_secs(1);

/// What a camera sends to one viewer, and how well that arrives.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ViewerStats {
    /// Counted from 0, the largest picture.
    pub(crate) rung: u32,
    /// 0 where there is no ladder.
    pub(crate) rungs: u32,
    /// Size of the picture in pixels; 0 where it is not known.
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// What the way to the viewer should carry, in bit/s; 0 where it is not known.
    pub(crate) estimate: u32,
    /// In bit/s.
    pub(crate) sent: u32,
    /// Fraction of the packets lost of late, 0 to 1.
    pub(crate) loss: f32,
    /// Not there before the viewer's first report.
    pub(crate) rtt: Option<Duration>,
}

impl ViewerStats {
    /// In numbers that the other end takes, whatever was measured.
    pub(crate) fn on_the_wire(&self, session: &str) -> SessionStats {
        let loss = if self.loss.is_nan() { 0.0 } else { self.loss };
        let rungs = self.rungs.min(MAX_RUNGS);
        SessionStats {
            session_id: session.to_owned(),
            rung: self.rung.min(rungs.saturating_sub(1)),
            rungs,
            width: self.width.min(MAX_PICTURE_SIDE),
            height: self.height.min(MAX_PICTURE_SIDE),
            estimate: self.estimate,
            sent: self.sent,
            loss: loss.clamp(0.0, 1.0),
            rtt: self.rtt.map(|rtt| rtt.as_secs_f64().min(MAX_STATS_SECONDS)),
        }
    }
}

/// In which size a viewer shows its picture, if it says so.
pub(crate) fn size(seen: &Seen) -> Option<Size> {
    let (width, height) = (seen.width?, seen.height?);
    Some(Size { width, height })
}

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
        stats.set(name(id), session(viewer, now));
    }
    stats
}

/// What the sessions' [`ViewerStats`] come from, to be read when the gate is not locked any more.
pub(crate) fn origins(gate: &Gate<Media>) -> HashMap<String, Origin> {
    let origins = gate.sessions().iter();
    origins
        .map(|(id, session)| (id.clone(), Origin::of(&session.media)))
        .collect()
}

/// Adds what is sent, and webrtcsink's own `stats`, whose fields are session ids.
pub(crate) fn add_sent(
    stats: &mut gst::Structure,
    webrtc: &gst::StructureRef,
    origins: &HashMap<String, Origin>,
) {
    for (id, origin) in origins {
        let name = name(id);
        let Ok(mut session) = stats.get::<gst::Structure>(name.as_str()) else {
            continue;
        };
        let webrtc = webrtc.get::<gst::Structure>(id.as_str()).ok();
        if let Some(sent) = origin.read(webrtc.as_deref()) {
            set_sent(&mut session, &sent);
        }
        if let Some(webrtc) = webrtc {
            session.set("webrtc", webrtc);
        }
        stats.set(name, session);
    }
}

/// Where one session's [`ViewerStats`] come from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    viewer: Option<Arc<Viewer>>,
    rate: SentRate,
}

impl Origin {
    pub(crate) fn of(media: &Media) -> Self {
        Self {
            viewer: media.viewer.clone(),
            rate: media.rate.clone(),
        }
    }

    /// What webrtcbin counts, and what the ladder knows better.
    pub(crate) fn read(&self, webrtc: Option<&gst::StructureRef>) -> Option<ViewerStats> {
        let stats = webrtc.map(|webrtc| of_webrtcbin(webrtc, &self.rate));
        let Some(viewer) = &self.viewer else {
            return stats;
        };
        let ladder = viewer.stats();
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        Some(ViewerStats {
            rung: number(ladder.rung),
            rungs: number(ladder.rungs),
            width: ladder.width,
            height: ladder.height,
            estimate: ladder.estimate,
            loss: ladder.loss,
            ..stats.unwrap_or_default()
        })
    }
}

/// The bitrate from one look at a counter of bytes to the next. GStreamer's own takes some ten seconds to follow. Its lock is
/// held for that sum, with no other.
#[derive(Clone, Debug, Default)]
pub(crate) struct SentRate(Arc<Mutex<StatsSample>>);

#[derive(Debug, Default)]
struct StatsSample {
    bytes: u64,
    at: Duration,
    rate: Option<u32>,
}

impl SentRate {
    /// `at` goes by any clock that does not jump. Whoever looks again too soon is told what was measured last.
    fn look(&self, bytes: u64, at: Duration) -> Option<u32> {
        let mut last = lock(&self.0);
        let passed = at.saturating_sub(last.at);
        if last.at.is_zero() {
            (last.bytes, last.at) = (bytes, at);
        } else if passed >= SHORTEST_SAMPLE {
            let bits = bytes.saturating_sub(last.bytes).saturating_mul(8);
            let rate = bits as f64 / passed.as_secs_f64();
            (last.bytes, last.at) = (bytes, at);
            last.rate = Some(rate as u32);
        }
        last.rate
    }
}

/// What webrtcbin's own statistics say of all that it sends.
fn of_webrtcbin(webrtc: &gst::StructureRef, rate: &SentRate) -> ViewerStats {
    let mut stats = ViewerStats::default();
    let (mut bytes, mut at, mut smoothed) = (0_u64, Duration::ZERO, 0_u64);
    for (_, value) in webrtc.iter() {
        let Ok(entry) = value.get::<gst::Structure>() else {
            continue;
        };
        match entry.get::<WebRTCStatsType>("type") {
            Ok(WebRTCStatsType::OutboundRtp) => {
                let source = entry.get::<gst::Structure>("gst-rtpsource-stats").ok();
                let bitrate = source.and_then(|source| source.get::<u64>("bitrate").ok());
                smoothed = smoothed.saturating_add(bitrate.unwrap_or_default());
                bytes = bytes.saturating_add(entry.get::<u64>("bytes-sent").unwrap_or_default());
                at = at.max(seconds(&entry, "timestamp").unwrap_or_default() / 1000);
            }
            Ok(WebRTCStatsType::RemoteInboundRtp) => {
                if let Ok(loss) = entry.get::<f64>("fraction-lost") {
                    stats.loss = stats.loss.max(loss as f32);
                }
                stats.rtt = stats.rtt.max(seconds(&entry, "round-trip-time"));
            }
            _ => (),
        }
    }
    let smoothed = u32::try_from(smoothed).unwrap_or(u32::MAX);
    stats.sent = rate.look(bytes, at).unwrap_or(smoothed);
    stats
}

/// A field that is no time at all is not there.
fn seconds(entry: &gst::StructureRef, field: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(entry.get::<f64>(field).ok()?).ok()
}

fn name(session: &str) -> String {
    format!("session-{session}")
}

fn set_sent(session: &mut gst::Structure, stats: &ViewerStats) {
    session.set("sent-bitrate", stats.sent);
    session.set("loss", f64::from(stats.loss));
    if let Some(rtt) = stats.rtt {
        session.set("rtt", rtt.as_secs_f64());
    }
    if stats.estimate > 0 {
        session.set("estimate", stats.estimate);
    }
    if stats.rungs > 0 {
        session.set("rung", stats.rung);
        session.set("rungs", stats.rungs);
    }
    if stats.width > 0 && stats.height > 0 {
        session.set("width", stats.width);
        session.set("height", stats.height);
    }
}

fn session(session: &Session<Media>, now: Instant) -> gst::Structure {
    let mut structure = gst::Structure::builder("porthole-session")
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
        .build();
    if let Some(seen) = &session.viewer_stats {
        structure.set("frames", seen.frames);
        structure.set("freezes", seen.freezes);
        structure.set("freeze-seconds", seen.freeze_seconds);
        if let Some(size) = size(seen) {
            structure.set("shown-width", size.width);
            structure.set("shown-height", size.height);
        }
    }
    structure
}

#[cfg(test)]
#[path = "stats_tests.rs"]
mod tests;
