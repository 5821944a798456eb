// SPDX-License-Identifier: MPL-2.0
//! A leaky bucket of bytes, for all that is paced or bounded here. Pure.

use std::time::{Duration, Instant};

/// How a bucket leaks, and how much it holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Limit {
    /// Bytes each second.
    pub(crate) rate: f64,
    /// Bytes at once.
    pub(crate) depth: f64,
}

impl Limit {
    /// So many bit/s, of which this much time may come at once.
    pub(crate) fn of(bits: f64, at_once: Duration) -> Self {
        let rate = bits / 8.;
        Self {
            rate,
            depth: rate * at_once.as_secs_f64(),
        }
    }
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct LeakyBucket {
    level: f64,
    at: Option<Instant>,
}

/// Longer than anything waits for a bucket that hardly leaks.
const FOREVER: f64 = 10.;

impl LeakyBucket {
    fn leak(&mut self, limit: Limit, now: Instant) {
        let before = self.at.replace(now).unwrap_or(now);
        let since = now.saturating_duration_since(before).as_secs_f64();
        self.level = (self.level - since * limit.rate).max(0.);
    }

    /// From now on it leaks, and what has leaked fits.
    pub(crate) fn fill(&mut self, limit: Limit, now: Instant) {
        self.at = Some(now);
        self.level = limit.depth;
    }

    /// How long it takes until so many bytes fit.
    pub(crate) fn wait(&mut self, bytes: usize, limit: Limit, now: Instant) -> Duration {
        self.leak(limit, now);
        let over = self.level + bytes as f64 - limit.depth;
        if over <= 0. {
            return Duration::ZERO;
        }
        let seconds = over / limit.rate.max(1.);
        Duration::from_secs_f64(seconds.min(FOREVER))
    }

    /// Puts so many bytes in, which overflow at most by what leaks in `longest`; gives how long they have to wait.
    pub(crate) fn put(
        &mut self,
        bytes: usize,
        limit: Limit,
        longest: Duration,
        now: Instant,
    ) -> Duration {
        let wait = self.wait(bytes, limit, now).min(longest);
        let most = limit.depth + limit.rate * longest.as_secs_f64();
        self.level = (self.level + bytes as f64).min(most.max(0.));
        wait
    }

    /// Puts so many bytes in if they fit.
    pub(crate) fn try_put(&mut self, bytes: usize, limit: Limit, now: Instant) -> bool {
        let fits = self.wait(bytes, limit, now).is_zero();
        if fits {
            self.level += bytes as f64;
        }
        fits
    }

    /// The same where a bucket that is not full takes one packet more than fits, so that whatever is bounded goes on.
    pub(crate) fn try_put_last(&mut self, bytes: usize, limit: Limit, now: Instant) -> bool {
        self.leak(limit, now);
        let fits = self.level < limit.depth;
        if fits {
            self.level += bytes as f64;
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Limit = Limit {
        rate: 100_000.,
        depth: 10_000.,
    };

    #[test]
    fn what_fits_passes_at_once_and_the_rest_at_its_rate() {
        let (mut bucket, start) = (LeakyBucket::default(), Instant::now());
        let longest = Duration::from_secs(1);
        let waits: Vec<Duration> = (0..20)
            .map(|_| bucket.put(1_000, LIMIT, longest, start))
            .collect();
        assert!(waits[..10].iter().all(Duration::is_zero));
        assert_eq!(waits[19], Duration::from_millis(100));
    }

    #[test]
    fn nobody_waits_longer_than_the_bound_and_what_overflows_is_forgotten() {
        let (mut bucket, start) = (LeakyBucket::default(), Instant::now());
        let longest = Duration::from_millis(250);
        for _ in 0..1_000 {
            assert!(bucket.put(1_500, LIMIT, longest, start) <= longest);
        }
        let later = start + longest + Duration::from_millis(100);
        assert_eq!(bucket.put(9_000, LIMIT, longest, later), Duration::ZERO);
        let nothing = Limit::of(0., Duration::ZERO);
        assert!(bucket.put(1_500, nothing, longest, later) <= longest);
    }

    #[test]
    fn in_the_long_run_no_more_passes_than_leaks() {
        let (mut bucket, start) = (LeakyBucket::default(), Instant::now());
        let passed = (0..10_000u64)
            .filter(|ms| bucket.try_put(1_000, LIMIT, start + Duration::from_millis(*ms)));
        assert_eq!(passed.count(), 10 + 999);
    }
}
