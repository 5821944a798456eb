// SPDX-License-Identifier: MPL-2.0
//! How many connections there may be: in all, as the system's file descriptors allow, and of one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use rustix::process::{Resource, Rlimit, getrlimit};

use crate::lock::lock;
use crate::network::network;
use crate::room::{MAX_CAMERAS, MAX_VIEWERS};

/// Connections at a time beside every client that the room takes: some pages that are just loading. Beyond that, new ones
/// wait in the backlog of the listener.
const PAGES: usize = 512;
/// Fewer would be no server: a camera, a viewer and the connections that load the page.
const MIN_CONNECTIONS: usize = 16;
/// The part of the process's file descriptors that a server inside another program takes at most: the rest is for
/// the pipeline, whose every viewer needs some ten.
const EMBEDDED_SHARE: u64 = 4;
/// File descriptors that a server of its own leaves free: log, listener, timers, files it reads again.
#[cfg(feature = "cli")]
const RESERVED_DESCRIPTORS: u64 = 64;
/// Connections of one address (IPv6: one network of 2^64), behind which may be an office or a fleet.
const MAX_CONNECTIONS_PER_ADDRESS: usize = 256;
/// The part of all places that one address may take at most.
const ADDRESS_SHARE: usize = 4;

/// How many connections a server inside another program takes. The host's limit is its own affair.
pub(crate) fn embedded() -> usize {
    let share = descriptors().current.map(|soft| soft / EMBEDDED_SHARE);
    bounded(share, MAX_CAMERAS + MAX_VIEWERS)
}

/// Raises the process's soft limit of file descriptors to the hard one, and says how many connections fit, for so
/// many clients.
#[cfg(feature = "cli")]
pub(crate) fn standalone(clients: usize) -> usize {
    let limit = descriptors();
    let all = Rlimit {
        current: limit.maximum,
        ..limit
    };
    // It cannot fail up to the hard limit; if it does, the soft one stays.
    let _ = rustix::process::setrlimit(Resource::Nofile, all);
    let current = descriptors().current;
    let fit = current.map(|soft| soft.saturating_sub(RESERVED_DESCRIPTORS));
    bounded(fit, clients)
}

fn descriptors() -> Rlimit {
    getrlimit(Resource::Nofile)
}

/// `None` is without limit.
fn bounded(fit: Option<u64>, clients: usize) -> usize {
    let wanted = clients.saturating_add(PAGES);
    let fit = fit.and_then(|fit| usize::try_from(fit).ok());
    fit.unwrap_or(wanted).clamp(MIN_CONNECTIONS, wanted)
}

/// Connections that one address may have when there are `all` in total.
pub(crate) fn per_address(all: usize) -> usize {
    MAX_CONNECTIONS_PER_ADDRESS.min(all / ADDRESS_SHARE).max(1)
}

/// WebSockets that one address may have of so many connections: the rest is for the answer that says so.
pub(crate) fn sockets_per_address(connections: usize) -> usize {
    (connections - connections / 4).max(1)
}

/// Counts what each address holds. An entry is there only while something is held.
pub(crate) struct Addresses {
    max: usize,
    held: Mutex<HashMap<IpAddr, usize>>,
}

/// One of an address's places, given back when dropped.
pub(crate) struct AddressPlace {
    addresses: Arc<Addresses>,
    network: IpAddr,
}

impl Addresses {
    pub(crate) fn new(max: usize) -> Arc<Self> {
        let held = Mutex::default();
        Arc::new(Self { max, held })
    }

    /// A place, or `None` if the address has all of its own.
    pub(crate) fn take(self: &Arc<Self>, address: IpAddr) -> Option<AddressPlace> {
        let network = network(address);
        let mut held = lock(&self.held);
        let count = held.entry(network).or_insert(0);
        if *count >= self.max {
            return None;
        }
        *count += 1;
        drop(held);
        Some(AddressPlace {
            addresses: self.clone(),
            network,
        })
    }
}

impl Drop for AddressPlace {
    fn drop(&mut self) {
        let mut held = lock(&self.addresses.held);
        if let Some(count) = held.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_so_many_places_and_gets_them_back() {
        let addresses = Addresses::new(2);
        let first = addresses.take(ip("192.0.2.1"));
        let second = addresses.take(ip("::ffff:192.0.2.1"));
        assert!(first.is_some() && second.is_some());
        assert!(addresses.take(ip("192.0.2.1")).is_none());
        assert!(addresses.take(ip("192.0.2.2")).is_some());
        drop(first);
        assert!(addresses.take(ip("192.0.2.1")).is_some());
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        let addresses = Addresses::new(1);
        let _held = addresses.take(ip("2001:db8::1"));
        assert!(addresses.take(ip("2001:db8::2")).is_none());
        assert!(addresses.take(ip("2001:db8:0:1::1")).is_some());
    }

    #[test]
    fn the_table_holds_only_those_who_are_there() {
        let addresses = Addresses::new(1);
        for n in 0..1000_u32 {
            drop(addresses.take(IpAddr::from(n.to_be_bytes())));
        }
        assert!(lock(&addresses.held).is_empty());
    }

    #[test]
    fn the_number_of_connections_fits_the_file_descriptors() {
        assert_eq!(bounded(Some(1024 / EMBEDDED_SHARE), 4000), 256);
        assert_eq!(bounded(Some(0), 4000), MIN_CONNECTIONS);
        assert_eq!(bounded(Some(u64::MAX), 4000), 4000 + PAGES);
        assert_eq!(bounded(None, 10_000), 10_000 + PAGES);
        assert_eq!(
            (per_address(256), per_address(4584), per_address(1)),
            (64, 256, 1)
        );
        assert_eq!((sockets_per_address(64), sockets_per_address(1)), (48, 1));
    }
}
