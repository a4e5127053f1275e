//! Decides which address an event gets. On the plain listener it is the address of the peer. On the
//! listener behind proxies, `X-Forwarded-For` is read from the right for as long as the hop that
//! reported the next one is trusted. Pure.
//!
//! Invariant: an address is believed only if a trusted hop reported it. An address that visitors
//! write into the header themselves is reached only if all hops after it are trusted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use http::HeaderMap;
use http::header::HeaderName;
use ipnet::IpNet;

/// The name of the header.
pub const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Returns the last address of the chain that a trusted hop reported, starting at the peer. If a
/// hop is not an address, returns the hop that reported it.
#[must_use]
pub fn believed(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let mut address = peer.to_canonical();
    let mut hops = headers
        .get_all(X_FORWARDED_FOR)
        .into_iter()
        .rev()
        .flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
    while trusted.iter().any(|net| net.contains(&address)) {
        let Some(hop) = hops.next().and_then(parse_hop) else { break };
        address = hop;
    }
    address
}

/// An address with or without a port, IPv6 with or without brackets, quoted or not.
fn parse_hop(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?.trim().trim_matches('"');
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address: IpAddr =
        bare.parse().or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip())).ok()?;
    Some(address.to_canonical())
}

/// Returns the address as an event stores it: 16 bytes, with IPv4 mapped into IPv6. `anonymise`
/// zeroes the last octet of IPv4 and the last 80 bits of IPv6.
#[must_use]
pub fn stored(address: IpAddr, anonymise: bool) -> [u8; 16] {
    match address.to_canonical() {
        IpAddr::V4(address) if anonymise => {
            let [first, second, third, _] = address.octets();
            Ipv4Addr::new(first, second, third, 0).to_ipv6_mapped().octets()
        }
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) if anonymise => {
            let [first, second, third, ..] = address.segments();
            Ipv6Addr::new(first, second, third, 0, 0, 0, 0, 0).octets()
        }
        IpAddr::V6(address) => address.octets(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(peer: &str, values: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(X_FORWARDED_FOR, value.parse().unwrap());
        }
        let trusted =
            ["127.0.0.0/8".parse().unwrap(), "10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        believed(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn the_header_is_walked_from_the_right_past_trusted_hops() {
        assert_eq!(walk("127.0.0.1", &["203.0.113.7"]), "203.0.113.7");
        assert_eq!(walk("127.0.0.1", &["1.2.3.4, 203.0.113.7, 10.1.1.1"]), "203.0.113.7");
        assert_eq!(walk("127.0.0.1", &["1.2.3.4", "203.0.113.7,10.9.9.9"]), "203.0.113.7");
        assert_eq!(walk("127.0.0.1", &["10.0.0.5, 10.0.0.6"]), "10.0.0.5");
    }

    #[test]
    fn an_untrusted_peer_is_not_asked() {
        assert_eq!(walk("198.51.100.1", &["203.0.113.7"]), "198.51.100.1");
    }

    #[test]
    fn garbage_ends_the_walk() {
        for garbage in ["", "unknown", "_hidden", "1.2.3.4.5", "::g", ",,,", "203.0.113.7,", "1.2.3.4 5"] {
            assert_eq!(walk("127.0.0.1", &[garbage]), "127.0.0.1", "{garbage}");
        }
        assert_eq!(walk("127.0.0.1", &[]), "127.0.0.1");
        assert_eq!(walk("127.0.0.1", &["9.9.9.9, nonsense, 10.0.0.1"]), "10.0.0.1");
    }

    #[test]
    fn ports_brackets_quotes_and_mapped_addresses_are_read() {
        assert_eq!(walk("127.0.0.1", &["203.0.113.7:4711"]), "203.0.113.7");
        assert_eq!(walk("127.0.0.1", &["[2001:db8::1]:443"]), "2001:db8::1");
        assert_eq!(walk("127.0.0.1", &["\"[2001:DB8::1]\""]), "2001:db8::1");
        assert_eq!(walk("127.0.0.1", &["2001:db8::2"]), "2001:db8::2");
        assert_eq!(walk("::ffff:127.0.0.1", &["::ffff:203.0.113.7"]), "203.0.113.7");
    }

    #[test]
    fn anonymised_addresses_lose_their_end() {
        let shown =
            |text: &str, anonymise| Ipv6Addr::from(stored(text.parse().unwrap(), anonymise)).to_string();
        assert_eq!(shown("203.0.113.7", false), "::ffff:203.0.113.7");
        assert_eq!(shown("203.0.113.7", true), "::ffff:203.0.113.0");
        assert_eq!(shown("::ffff:203.0.113.7", true), "::ffff:203.0.113.0");
        assert_eq!(shown("2001:db8:1:2:3:4:5:6", true), "2001:db8:1::");
    }
}
