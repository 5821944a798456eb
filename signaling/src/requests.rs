// SPDX-License-Identifier: MPL-2.0
//! How many requests of one address are answered. Pure: the time is an argument.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::limit::{Bucket, REQUEST_RATE};
use crate::network::network;

/// Addresses (IPv6: networks of 2^64) remembered, at about 50 bytes each. Beyond that newcomers share one count.
const MAX_ADDRESSES: usize = 8192;

/// Counts the requests of each address.
#[derive(Default)]
pub(crate) struct Requests {
    by_address: HashMap<IpAddr, Bucket>,
    others: Option<Bucket>,
}

impl Requests {
    /// Counts one. `Err` says how long to wait instead of an answer.
    pub(crate) fn take(&mut self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let key = network(address);
        if !self.by_address.contains_key(&key) && self.by_address.len() >= MAX_ADDRESSES {
            self.by_address.retain(|_, bucket| !bucket.is_empty(now));
        }
        let new = || Bucket::new(REQUEST_RATE, now);
        let bucket = match self.by_address.len() >= MAX_ADDRESSES {
            true => match self.by_address.get_mut(&key) {
                Some(bucket) => bucket,
                None => self.others.get_or_insert_with(new),
            },
            false => self.by_address.entry(key).or_insert_with(new),
        };
        match bucket.has_room(now) {
            true => Ok(()),
            false => Err(Duration::from_secs(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// How many of so many requests at once are answered.
    fn answered(requests: &mut Requests, address: &str, of: u32, now: Instant) -> u32 {
        let answered = (0..of).filter(|_| requests.take(ip(address), now).is_ok());
        u32::try_from(answered.count()).unwrap()
    }

    #[test]
    fn who_asks_without_end_waits_and_others_do_not() {
        let (mut requests, now) = (Requests::default(), Instant::now());
        let burst = answered(&mut requests, "192.0.2.1", 10_000, now);
        assert!((500..5000).contains(&burst), "{burst}");
        assert_eq!(answered(&mut requests, "192.0.2.2", 100, now), 100);
        // An IPv6 network is one address.
        answered(&mut requests, "2001:db8::1", 10_000, now);
        assert_eq!(answered(&mut requests, "2001:db8::2", 1, now), 0);
        let later = now + Duration::from_secs(1);
        let then = answered(&mut requests, "192.0.2.1", 10_000, later);
        assert!((50..500).contains(&then), "{then}");
    }

    #[test]
    fn the_table_is_bounded_and_forgets_who_has_gone() {
        let (mut requests, now) = (Requests::default(), Instant::now());
        for n in 0..20_000_u32 {
            let _ = requests.take(IpAddr::from(n.to_be_bytes()), now);
        }
        assert_eq!(requests.by_address.len(), MAX_ADDRESSES);
        // Those beyond it wait for each other, and nobody else does.
        assert!(requests.take(ip("203.0.113.1"), now).is_err());
        assert!(requests.take(ip("0.0.0.1"), now).is_ok());
        let later = now + Duration::from_secs(60);
        assert!(requests.take(ip("203.0.113.1"), later).is_ok());
        assert_eq!(requests.by_address.len(), 1);
    }
}
