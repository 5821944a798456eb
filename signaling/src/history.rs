// SPDX-License-Identifier: MPL-2.0
//! What was counted over the last day, for the overview of administrators: of the same counters as `/metrics`, kept in memory by
//! the server, so that who opens the page sees what was before. It is gone with a restart; who wants more has Prometheus.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::hub::{Event, HubHandle};
use crate::lock::lock;
use crate::metrics::{Metrics, Sample};
use crate::shutdown::stopped;

/// How often it is looked: a graph of a day is no wider than so many pixels.
pub(crate) const EVERY: Duration = Duration::from_secs(60);
/// A day of them, some 70 KB.
pub(crate) const MAX_SAMPLES: usize = 24 * 60;
/// For the hub to say how much is sent; what it does not say in that time is not in the graph.
const HUB_TIMEOUT: Duration = Duration::from_secs(2);

/// Samples, the latest last.
#[derive(Default)]
pub(crate) struct History {
    samples: Mutex<VecDeque<Sample>>,
}

impl History {
    pub(crate) fn add(&self, sample: Sample) {
        let mut samples = lock(&self.samples);
        // The clock was set back: what was, was at another time.
        if samples.back().is_some_and(|last| last.at >= sample.at) {
            samples.clear();
        }
        if samples.len() >= MAX_SAMPLES {
            samples.pop_front();
        }
        samples.push_back(sample);
    }

    /// Those of the last day.
    pub(crate) fn samples(&self, now: Timestamp) -> Vec<Sample> {
        let from = now - SignedDuration::from_hours(24);
        let samples = lock(&self.samples);
        let own = samples.iter().filter(|sample| sample.at > from);
        own.copied().collect()
    }

    /// Looks until the server stops.
    pub(crate) async fn keep(
        self: Arc<Self>,
        hub: Arc<HubHandle>,
        metrics: Arc<Metrics>,
        mut stop: watch::Receiver<()>,
    ) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stopped(&mut stop) => return,
                _ = ticks.tick() => (),
            }
            self.add(now(&hub, &metrics).await);
        }
    }
}

/// How matters stand now.
pub(crate) async fn now(hub: &HubHandle, metrics: &Metrics) -> Sample {
    let sent = hub.ask(Event::Sent, HUB_TIMEOUT).await.unwrap_or(0);
    metrics.sample(Timestamp::now(), hub.stats.get(), sent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(minute: i64) -> Sample {
        Sample {
            at: Timestamp::from_second(60 * minute).unwrap(),
            cameras: 1,
            sessions: 0,
            sent: 0,
            started: 0,
            failed: 0,
        }
    }

    #[test]
    fn a_day_is_kept_and_no_more() {
        let history = History::default();
        for minute in 0..=MAX_SAMPLES as i64 {
            history.add(sample(minute));
        }
        let last = sample(MAX_SAMPLES as i64).at;
        let kept = history.samples(last);
        assert_eq!((kept.len(), kept[0].at), (MAX_SAMPLES, sample(1).at));
        // The server slept, and is awake again.
        let later = last + SignedDuration::from_hours(23);
        assert_eq!(history.samples(later).len(), 60);
    }

    #[test]
    fn nothing_is_kept_of_before_the_clock_was_set_back() {
        let history = History::default();
        for minute in [10, 11, 5] {
            history.add(sample(minute));
        }
        assert_eq!(history.samples(sample(11).at), [sample(5)]);
    }
}
