// SPDX-License-Identifier: MPL-2.0
//! What is counted, for `/metrics`. No label names a person, a camera or a session.

use jiff::Timestamp;
use porthole_protocol::wire::{CallEnd, Code};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::model::FAILED_ENDS;
use crate::room::{CallChange, Counts, Event};

/// Upper ends of the buckets for the time that a message takes, in seconds.
const LATENCY_BUCKETS: [f64; 10] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.25, 1.0,
];

/// How much there was at some moment, and how much there had been since the server began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(crate) at: Timestamp,
    pub(crate) cameras: usize,
    pub(crate) sessions: usize,
    /// Bit/s.
    pub(crate) sent: u64,
    pub(crate) started: u64,
    pub(crate) failed: u64,
}

/// Why something ended or was refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: String,
}

/// What became of a notification, and of which kind it was.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Notification {
    kind: &'static str,
    result: &'static str,
}

impl From<CallEnd> for Reason {
    fn from(end: CallEnd) -> Self {
        let reason = end.to_string();
        Self { reason }
    }
}

impl From<Code> for Reason {
    fn from(code: Code) -> Self {
        let reason = code.to_string();
        Self { reason }
    }
}

pub(crate) struct Metrics {
    registry: Registry,
    cameras: Gauge,
    sessions: Gauge,
    started: Counter,
    ended: Family<Reason, Counter>,
    refused: Family<Reason, Counter>,
    /// Sessions that were refused or that something broke off.
    failures: Counter,
    sent: Gauge,
    calls: Family<Reason, Counter>,
    notifications: Family<Notification, Counter>,
    /// Wrong keys, tokens, passwords and links.
    pub(crate) failed_logins: Counter,
    /// From when a message was read to when all that follows from it was in the queues.
    pub(crate) latency: Histogram,
    /// Clients that were let go of because their queue was full.
    pub(crate) slow: Counter,
    /// What happened and was not written down.
    pub(crate) unwritten: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("porthole"),
            cameras: Gauge::default(),
            sessions: Gauge::default(),
            started: Counter::default(),
            ended: Family::default(),
            refused: Family::default(),
            failures: Counter::default(),
            sent: Gauge::default(),
            calls: Family::default(),
            notifications: Family::default(),
            failed_logins: Counter::default(),
            latency: Histogram::new(LATENCY_BUCKETS),
            slow: Counter::default(),
            unwritten: Counter::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let all = &mut self.registry;
        let cameras = self.cameras.clone();
        all.register("cameras_online", "Cameras that can be watched", cameras);
        let sessions = self.sessions.clone();
        all.register("sessions", "Sessions that run", sessions);
        let started = self.started.clone();
        all.register("sessions_started", "Sessions that were started", started);
        let ended = self.ended.clone();
        all.register("sessions_ended", "Sessions that ended, by reason", ended);
        let refused = self.refused.clone();
        all.register("sessions_refused", "Sessions refused, by reason", refused);
        let failures = self.failures.clone();
        let help = "Sessions refused, or broken off by something";
        all.register("session_failures", help, failures);
        let sent = self.sent.clone();
        let help = "Bit/s that cameras send to viewers by their own word, looked at every minute";
        all.register("sent_bits_per_second", help, sent);
        let calls = self.calls.clone();
        all.register("calls_ended", "Doorbell calls that ended, by reason", calls);
        let notifications = self.notifications.clone();
        let help = "Notifications of calls, by kind and by what became of them";
        all.register("notifications", help, notifications);
        let failed = self.failed_logins.clone();
        all.register("failed_logins", "Wrong credentials presented", failed);
        let latency = self.latency.clone();
        let help = "Seconds from reading a message to queueing what follows from it";
        all.register("message_seconds", help, latency);
        let slow = self.slow.clone();
        let help = "Clients dropped because they did not read what they were sent";
        all.register("queue_drops", help, slow);
        let unwritten = self.unwritten.clone();
        let help = "Happenings that did not get into the audit log";
        all.register("audit_drops", help, unwritten);
    }

    /// Counts what happened in the room.
    pub(crate) fn note(&self, event: &Event) {
        match event {
            Event::SessionStarted { .. } | Event::SessionRestored { .. } => {
                self.started.inc();
            }
            Event::SessionEnded { reason, .. } => {
                self.ended.get_or_create(&(*reason).into()).inc();
                if FAILED_ENDS.contains(reason) {
                    self.failures.inc();
                }
            }
            Event::SessionRefused { reason, .. } => {
                self.refused.get_or_create(&(*reason).into()).inc();
                self.failures.inc();
            }
            Event::Call(call) => {
                if let CallChange::Ended { reason, .. } = &call.change {
                    self.calls.get_or_create(&(*reason).into()).inc();
                }
            }
            Event::CameraOnline { .. }
            | Event::CameraOffline { .. }
            | Event::GuestNamed { .. }
            | Event::DriveStarted { .. }
            | Event::DriveEnded { .. }
            | Event::DoorAsked { .. } => (),
        }
    }

    /// Counts what became of a notification.
    #[cfg(feature = "notify")]
    pub(crate) fn note_notification(&self, kind: &'static str, result: &'static str) {
        let label = Notification { kind, result };
        self.notifications.get_or_create(&label).inc();
    }

    /// How much there is and was until now.
    pub(crate) fn sample(&self, at: Timestamp, counts: Counts, sent: u64) -> Sample {
        self.sent.set(i64::try_from(sent).unwrap_or(i64::MAX));
        Sample {
            at,
            cameras: counts.cameras,
            sessions: counts.sessions,
            sent,
            started: self.started.get(),
            failed: self.failures.get() + self.failed_logins.get(),
        }
    }

    /// All of it as OpenMetrics text.
    pub(crate) fn text(&self, counts: Counts) -> String {
        let whole = |count| i64::try_from(count).unwrap_or(i64::MAX);
        self.cameras.set(whole(counts.cameras));
        self.sessions.set(whole(counts.sessions));
        let mut text = String::new();
        // It fails only if the text cannot grow.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_counted_by_reason_and_name_nobody() {
        let metrics = Metrics::default();
        metrics.note(&Event::SessionRefused {
            user: "alice".to_owned(),
            camera: Some("front".to_owned()),
            reason: Code::NoBooking,
        });
        let counts = Counts {
            cameras: 2,
            sessions: 1,
        };
        let text = metrics.text(counts);
        let refused = "porthole_sessions_refused_total{reason=\"no-booking\"} 1";
        for line in [refused, "porthole_cameras_online 2", "porthole_sessions 1"] {
            assert!(text.contains(line), "{line} in {text}");
        }
        assert!(!text.contains("alice") && !text.contains("front"));
    }
}
