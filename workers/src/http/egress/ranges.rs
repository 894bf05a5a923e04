//! Ranges of addresses that are not just somewhere in the world.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// What an address is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Range {
    World,
    Private { net: &'static str, what: &'static str },
    Never { net: &'static str, what: &'static str },
}

const METADATA: &str = "where a cloud keeps its metadata";

const NEVER: [(&str, &str); 11] = [
    ("169.254.0.0/16", "link-local and where clouds keep their metadata"),
    ("fe80::/10", "link-local"),
    ("fd00:ec2::254/128", METADATA),
    ("fd20:ce::254/128", METADATA),
    ("100.100.100.200/32", METADATA),
    ("168.63.129.16/32", METADATA),
    ("192.0.0.192/32", METADATA),
    ("224.0.0.0/4", "multicast"),
    ("ff00::/8", "multicast"),
    ("255.255.255.255/32", "broadcast"),
    ("240.0.0.0/4", "reserved"),
];

const PRIVATE: [(&str, &str); 12] = [
    ("127.0.0.0/8", "loopback"),
    ("::1/128", "loopback"),
    ("0.0.0.0/8", "this host"),
    ("::/128", "this host"),
    ("10.0.0.0/8", "a private network"),
    ("172.16.0.0/12", "a private network"),
    ("192.168.0.0/16", "a private network"),
    ("100.64.0.0/10", "the network of a carrier"),
    ("192.0.0.0/24", "for protocols"),
    ("198.18.0.0/15", "for benchmarks"),
    ("fc00::/7", "a private network"),
    ("fec0::/10", "a private network"),
];

/// What the address is in, and what an address that is carried inside of it is in.
pub(super) fn range(ip: IpAddr) -> Range {
    let ip = ip.to_canonical();
    let named = |table: &[(&'static str, &'static str)]| {
        let holds = |(net, _): &&(&str, &str)| net.parse::<IpNet>().is_ok_and(|net| net.contains(&ip));
        table.iter().find(holds).copied()
    };
    if let Some((net, what)) = named(&NEVER) {
        return Range::Never { net, what };
    }
    if let Some((net, what)) = named(&PRIVATE) {
        return Range::Private { net, what };
    }
    match ip {
        IpAddr::V6(ip) => carried(ip).map_or(Range::World, |inner| range(inner.into())),
        IpAddr::V4(_) => Range::World,
    }
}

/// The IPv4 address that a translating or tunnelling one stands for: NAT64, 6to4, and the old compatible form.
fn carried(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = ip.segments();
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match s {
        [0x64, 0xff9b, ..] | [0, 0, 0, 0, 0, 0, ..] => Some(v4(s[6], s[7])),
        [0x2002, high, low, ..] => Some(v4(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_can_be_read() {
        for (net, _) in NEVER.iter().chain(&PRIVATE) {
            assert!(net.parse::<IpNet>().is_ok(), "{net}");
        }
        assert_eq!(range(Ipv4Addr::new(8, 8, 8, 8).into()), Range::World);
    }
}
