// SPDX-License-Identifier: MPL-2.0
//! How often somebody may: a token bucket. Pure: time is an argument.

use std::time::{Duration, Instant};

/// So many at once, and one more each `period`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    pub(crate) burst: u32,
    pub(crate) period: Duration,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Bucket {
    rate: Rate,
    /// When the bucket is full again, as in the virtual scheduling of ITU-T I.371.
    full_at: Option<Instant>,
}

impl Bucket {
    pub(crate) fn new(rate: Rate) -> Self {
        Self {
            rate,
            full_at: None,
        }
    }

    /// Takes one, if there is one.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let full_at = self.full_at.map_or(now, |at| at.max(now));
        let missing = full_at - now;
        if missing + self.rate.period > self.rate.period * self.rate.burst {
            return false;
        }
        self.full_at = Some(full_at + self.rate.period);
        true
    }

    pub(crate) fn is_full(&self, now: Instant) -> bool {
        self.full_at.is_none_or(|at| at <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_one_each_period() {
        let period = Duration::from_millis(10);
        let mut bucket = Bucket::new(Rate { burst: 3, period });
        let start = Instant::now();
        let taken = |bucket: &mut Bucket, at| (0..9).filter(|_| bucket.take(at)).count();
        assert!(bucket.is_full(start));
        assert_eq!(taken(&mut bucket, start), 3);
        assert_eq!(taken(&mut bucket, start + period / 2), 0);
        assert_eq!(taken(&mut bucket, start + period), 1);
        assert!(!bucket.is_full(start + 3 * period));
        assert!(bucket.is_full(start + 4 * period));
        assert_eq!(taken(&mut bucket, start + 100 * period), 3);
    }
}
