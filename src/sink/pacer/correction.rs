// SPDX-License-Identifier: MPL-2.0
//! How much forward error correction (RFC 5109) a picture is sent with. Pure.

/// Losses that retransmissions repair by themselves; above them a part of the bits goes into error correction, which repairs
/// without a round trip.
const LOSS_WITHOUT: f32 = 0.02;
const MOST_PERCENT: u32 = 40;
/// An estimate this far below what it was means that packets are lost in a full queue, which error correction only fills.
const CONGESTED: f32 = 0.8;
/// How much of what the estimate was is left after each look, ten times a second.
const FADES: f32 = 0.98;

#[derive(Debug, Default)]
pub(crate) struct Correction {
    percent: u32,
    recent_maximum: u32,
}

impl Correction {
    /// Percent of the picture.
    pub(crate) fn percent(&self) -> u32 {
        self.percent
    }

    /// To be called ten times a second; whether the share is another one now.
    pub(crate) fn update(&mut self, estimate: u32, loss: f32) -> bool {
        let faded = (self.recent_maximum as f32 * FADES) as u32;
        self.recent_maximum = faded.max(estimate);
        let is_congested = (estimate as f32) < self.recent_maximum as f32 * CONGESTED;
        let wanted = match is_congested {
            true => 0,
            false => percent(loss, self.percent),
        };
        std::mem::replace(&mut self.percent, wanted) != wanted
    }
}

/// Percent for such losses, if it is `before` now: up at once, down by a tenth of it at a time.
fn percent(loss: f32, before: u32) -> u32 {
    let wanted = match loss > LOSS_WITHOUT {
        // One lost packet in ten needs two in ten, since they are lost as well and not evenly.
        true => ((loss * 200.) as u32).clamp(5, MOST_PERCENT),
        false => 0,
    };
    wanted.max(before - before.div_ceil(10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_correction_comes_with_losses_and_goes_slowly() {
        assert_eq!(percent(0.01, 0), 0);
        assert_eq!(percent(0.1, 0), 20);
        assert_eq!(percent(1., 0), MOST_PERCENT);
        assert_eq!(percent(f32::NAN, 0), 0);
        let mut after = 20;
        for _ in 0..60 {
            after = percent(0., after);
        }
        assert_eq!(after, 0);
    }

    #[test]
    fn a_queue_that_is_full_is_not_filled_further() {
        let mut correction = Correction::default();
        assert!(correction.update(2_000_000, 0.1));
        assert_eq!(correction.percent(), 20);
        assert!(correction.update(1_000_000, 0.3));
        assert_eq!(correction.percent(), 0);
    }
}
