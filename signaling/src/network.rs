// SPDX-License-Identifier: MPL-2.0
//! By what part of an address people are counted, and which addresses are everybody's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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

/// Whether an address is one of the internet, which anybody may be sent to: none of this machine, of the networks beside it,
/// or that stands for one of those (the registries of RFC 6890, and what IPv6 carries of IPv4).
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        // This network, shared by a carrier's customers, protocols' own, for benchmarks, reserved and broadcast.
        || a == 0
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b))
        || a >= 240;
    !is_special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, third, ..] = address.segments();
    let bits = address.to_bits();
    // The last 32 bits, or those behind 2002.
    let last = Ipv4Addr::from_bits((bits & u128::from(u32::MAX)) as u32);
    let of_6to4 = Ipv4Addr::from_bits((u32::from(second) << 16) | u32::from(third));
    match first {
        // NAT64.
        0x64 if second == 0xff9b && (bits >> 32) & 0xffff_ffff_ffff_ffff == 0 => is_public_v4(last),
        0x2002 => is_public_v4(of_6to4),
        // Teredo, protocols' own and documentation.
        0x2001 => second >= 0x200 && second != 0xdb8,
        0x3fff => second >= 0x1000,
        // Only this eighth has been given to anybody; unique local, link-local and IPv4 as such are elsewhere.
        0x2000..=0x3fff => true,
        _ => address.to_ipv4_mapped().is_some_and(is_public_v4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_internet_are_public() {
        for public in [
            "8.8.8.8",
            "172.15.0.1",
            "172.32.0.1",
            "100.63.0.1",
            "198.20.0.1",
            "2606:4700::1111",
            "2001:4860:4860::8888",
            "2a00:1450::1",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for other in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.168.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:192.168.1.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:c0a8:101::1",
            "3fff::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(other.parse().unwrap()), "{other}");
        }
    }
}
