// SPDX-License-Identifier: MPL-2.0
//! Whether a viewer says anything of what it is sent, and what is believed of its network when it does not. Pure.
//!
//! Congestion control believes what it was told last: to a viewer that tells nothing it would send what it began with, for ever. As
//! libwebrtc does (`SendSideBandwidthEstimation`, "feedback timed out") the estimate falls by a fifth again and again, and the session
//! goes on: consent (RFC 7675) is what ends it. A viewer without transport-wide reports says by its receiver reports what is lost.

use std::time::{Duration, Instant};

/// Transport-wide reports come every 50 to 250 ms. A network that is gone for less than this is believed as before.
const SILENCE: Duration = Duration::from_secs(3);
/// Receiver reports come every five seconds or so; of three one arrives. As libwebrtc.
const RECEIVER_SILENCE: Duration = Duration::from_secs(15);
/// From then on it falls so often, by so much.
const AGAIN: Duration = Duration::from_millis(500);
const CUT: f64 = 0.8;
/// What is believed when a viewer is heard again: it may have come back to another network.
const COMES_BACK: f64 = 0.5;
/// Losses by which the estimate falls, and below which it rises, as libwebrtc's controller by losses has them.
const HEAVY: f32 = 0.1;
const LITTLE: f32 = 0.02;
const RISE: f64 = 1.08;

#[derive(Debug, Default)]
pub(crate) struct Feedback {
    /// Since when packets have left of which nothing was heard.
    unheard: Option<Instant>,
    /// When the estimate fell for that, and what it was before.
    fell: Option<Instant>,
    before: Option<u32>,
    is_transport_wide: bool,
    /// By the last receiver report.
    receiver_loss: Option<f32>,
    /// The estimate does not rise above it by receiver reports, which prove little.
    most: Option<u32>,
}

impl Feedback {
    /// A packet leaves.
    pub(crate) fn sent(&mut self, now: Instant) {
        self.unheard.get_or_insert(now);
    }

    /// A transport-wide report; the estimate that comes back with it.
    pub(crate) fn report(&mut self) -> Option<u32> {
        self.is_transport_wide = true;
        self.heard()
    }

    /// A receiver report with this loss, where `estimate` is believed; another estimate.
    pub(crate) fn receiver_report(&mut self, loss: f32, estimate: u32) -> Option<u32> {
        let back = self.heard();
        self.receiver_loss = Some(loss);
        if self.is_transport_wide {
            return back;
        }
        let most = *self.most.get_or_insert(estimate.max(back.unwrap_or(0)));
        let factor = match loss {
            loss if loss > HEAVY => 1. - f64::from(loss) / 2.,
            loss if loss < LITTLE => RISE,
            _ => 1.,
        };
        let now = scaled(back.unwrap_or(estimate), factor).min(most);
        (now != estimate).then_some(now)
    }

    fn heard(&mut self) -> Option<u32> {
        self.unheard = None;
        self.fell = None;
        Some(scaled(self.before.take()?, COMES_BACK))
    }

    /// What is believed now in place of `estimate`, if nothing has been heard for too long. To be asked ten times a second.
    pub(crate) fn falls(&mut self, estimate: u32, now: Instant) -> Option<u32> {
        let patience = match self.receiver_loss.is_some() && !self.is_transport_wide {
            true => RECEIVER_SILENCE,
            false => SILENCE,
        };
        let since = |at: Instant| now.saturating_duration_since(at);
        if self.unheard.is_none_or(|at| since(at) < patience)
            || self.fell.is_some_and(|at| since(at) < AGAIN)
        {
            return None;
        }
        self.fell = Some(now);
        self.before.get_or_insert(estimate);
        Some(scaled(estimate, CUT))
    }

    /// What a viewer lost of what it was sent, where receiver reports are all that tells.
    pub(crate) fn loss(&self) -> Option<f32> {
        self.receiver_loss.filter(|_| !self.is_transport_wide)
    }
}

fn scaled(rate: u32, factor: f64) -> u32 {
    (f64::from(rate) * factor).min(f64::from(u32::MAX)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u32 = 2_000_000;

    /// The estimate each second, of one who is sent packets all the time and heard at these tenths of a second.
    fn course(seconds: u64, heard: impl Fn(&mut Feedback, u64, u32) -> Option<u32>) -> Vec<u32> {
        let (mut feedback, start, mut estimate) = (Feedback::default(), Instant::now(), START);
        let mut course = Vec::new();
        for tenth in 0..seconds * 10 {
            let now = start + Duration::from_millis(tenth * 100);
            feedback.sent(now);
            let back = heard(&mut feedback, tenth, estimate);
            estimate = back.unwrap_or(estimate);
            estimate = feedback.falls(estimate, now).unwrap_or(estimate);
            if tenth % 10 == 9 {
                course.push(estimate);
            }
        }
        course
    }

    #[test]
    fn who_never_says_anything_has_a_thirtieth_within_ten_seconds() {
        let course = course(12, |_, _, _| None);
        assert_eq!(&course[..3], [START; 3]);
        assert!(course[10] < START / 30, "{course:?}");
    }

    #[test]
    fn who_reports_keeps_what_is_believed_and_who_is_silent_for_a_moment_as_well() {
        let report = |feedback: &mut Feedback, tenth: u64, _| match tenth {
            50..75 => None,
            _ => feedback.report(),
        };
        assert_eq!(course(20, report), [START; 20]);
    }

    #[test]
    fn who_is_heard_again_begins_with_half_of_what_it_had() {
        let course = course(20, |feedback, tenth, _| match tenth {
            20..150 => None,
            _ => feedback.report(),
        });
        assert!(course[13] < START / 10, "{course:?}");
        assert_eq!(&course[15..], [START / 2; 5]);
    }

    #[test]
    fn without_transport_wide_reports_those_of_receivers_tell_of_losses() {
        // Every five seconds, with these losses.
        let with = |losses: [f32; 4]| {
            course(40, move |feedback, tenth, estimate| match tenth % 50 {
                20 => feedback.receiver_report(losses[tenth as usize / 100], estimate),
                _ => None,
            })
        };
        assert_eq!(with([0.; 4]), [START; 40]);
        let course = with([0., 0.3, 0.05, 0.]);
        assert!(course[19] < START * 8 / 10, "{course:?}");
        assert_eq!(course[19], course[29]);
        assert!(course[39] > course[29] && course[39] <= START, "{course:?}");
    }

    #[test]
    fn receiver_reports_that_stop_are_missed_after_three_of_them() {
        let course = course(30, |feedback, tenth, estimate| match tenth {
            10 | 60 => feedback.receiver_report(0., estimate),
            _ => None,
        });
        assert_eq!(course[20], START);
        assert!(course[25] < START / 2, "{course:?}");
    }
}
