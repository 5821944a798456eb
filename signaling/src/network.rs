// SPDX-License-Identifier: MPL-2.0
//! By what part of an address people are counted.

use std::net::{IpAddr, Ipv6Addr};

/// The network an address is counted by. Whoever has one IPv6 address has the other 2^64 of its network as well.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        v6 if v6.is_loopback() => v6,
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
        v4 => v4,
    }
}

/// The site an IPv6 address belongs to: what one customer is given (RFC 6177: a /48 at most), and so the part by which
/// strangers are counted who have more networks than a table has places. IPv4 addresses are scarce enough by themselves.
pub(crate) fn site(address: IpAddr) -> Option<IpAddr> {
    match address.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => {
            Some(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 80)).into())
        }
        _ => None,
    }
}
