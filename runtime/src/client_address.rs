//! Finds the address of a client behind trusted proxies, from `X-Forwarded-For` or `Forwarded` (RFC
//! 7239).
//!
//! The chain of hops is read from the right, beginning with the peer, for as long as the hop that
//! reports the next one is trusted. Invariant: a hop is believed only if a trusted hop reported it.
//! An address that clients write into the header themselves is reached only if all hops after it
//! are trusted.
//!
//! If a request has both headers, only `X-Forwarded-For` counts. So a proxy that writes `Forwarded`
//! must remove `X-Forwarded-For`. A proxy that writes `X-Forwarded-For` may pass on the `Forwarded`
//! of a client.

use std::net::{IpAddr, SocketAddr};

use http::header::{FORWARDED, HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;

/// The header that most proxies write.
pub const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Returns the last hop of the chain that a trusted hop reported. If a hop is not an address,
/// returns the hop that reported it.
#[must_use]
pub fn believed(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let peer = peer.to_canonical();
    let mut values = headers.get_all(X_FORWARDED_FOR).into_iter().rev().peekable();
    if values.peek().is_some() {
        let hops = values.flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
        walk(peer, hops.map(|hop| node_address(std::str::from_utf8(hop).ok()?.trim())), trusted)
    } else if headers.contains_key(FORWARDED) && is_trusted(peer, trusted) {
        let hops: Vec<_> = headers.get_all(FORWARDED).into_iter().flat_map(forwarded_for).collect();
        walk(peer, hops.into_iter().rev(), trusted)
    } else {
        peer
    }
}

/// Returns whether an address belongs to a trusted proxy.
#[must_use]
pub fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|network| network.contains(&address))
}

fn walk(peer: IpAddr, mut hops: impl Iterator<Item = Option<IpAddr>>, trusted: &[IpNet]) -> IpAddr {
    let mut address = peer;
    while is_trusted(address, trusted) {
        let Some(hop) = hops.next().flatten() else { break };
        address = hop;
    }
    address
}

/// Reads an address with or without a port, IPv6 with or without brackets, quoted or not.
fn node_address(text: &str) -> Option<IpAddr> {
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address: IpAddr =
        bare.parse().or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip())).ok()?;
    Some(address.to_canonical())
}

/// Reads the address of each hop in a `Forwarded` header such as `for=203.0.113.7,
/// for="[2001:db8::1]:4711";proto=https`.
///
/// A value that breaks the grammar reports no hop: a client may have opened a quote that the part
/// of a proxy would close.
fn forwarded_for(value: &HeaderValue) -> Vec<Option<IpAddr>> {
    let hops = value.to_str().ok().and_then(named_hops).unwrap_or_else(|| vec![None]);
    hops.into_iter().map(|hop| node_address(hop?)).collect()
}

/// Returns the `for` of each hop; `None` if the grammar is broken.
fn named_hops(text: &str) -> Option<Vec<Option<&str>>> {
    let (mut hops, mut named, mut rest) = (Vec::new(), None, text);
    loop {
        let (name, after) = rest.split_once('=')?;
        let (value, after) = parameter_value(after)?;
        let name = name.trim_start();
        let is_broken = name.contains([',', ';', '"', '\\']);
        if is_broken || (name.eq_ignore_ascii_case("for") && named.replace(value).is_some()) {
            return None;
        }
        let after = after.trim_start();
        if let Some(next_parameter) = after.strip_prefix(';') {
            rest = next_parameter;
            continue;
        }
        hops.push(named.take());
        if after.is_empty() {
            return Some(hops);
        }
        rest = after.strip_prefix(',')?;
    }
}

/// Splits a text after the token or quoted string that it begins with.
fn parameter_value(text: &str) -> Option<(&str, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ';', '"', '\\', ' ', '\t']).unwrap_or(text.len());
        return Some(text.split_at(end));
    };
    let mut is_escaped = false;
    let end = quoted.find(|c| {
        let is_end = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_end
    })?;
    Some((&quoted[..end], &quoted[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(peer: &str, name: HeaderName, values: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(&name, value.parse().unwrap());
        }
        let trusted =
            ["127.0.0.0/8".parse().unwrap(), "10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        believed(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    fn by_x_forwarded_for(peer: &str, values: &[&str]) -> String {
        read(peer, X_FORWARDED_FOR, values)
    }

    fn by_forwarded(values: &[&str]) -> String {
        read("127.0.0.1", FORWARDED, values)
    }

    #[test]
    fn the_header_is_walked_from_the_right_past_trusted_hops() {
        for (values, expected) in [
            (&["203.0.113.7"][..], "203.0.113.7"),
            (&["1.2.3.4, 203.0.113.7, 10.1.1.1"], "203.0.113.7"),
            (&["1.2.3.4", "203.0.113.7,10.9.9.9"], "203.0.113.7"),
            (&["10.0.0.5, 10.0.0.6"], "10.0.0.5"),
        ] {
            assert_eq!(by_x_forwarded_for("127.0.0.1", values), expected, "{values:?}");
        }
    }

    #[test]
    fn an_untrusted_peer_is_not_asked() {
        assert_eq!(by_x_forwarded_for("198.51.100.1", &["203.0.113.7"]), "198.51.100.1");
        assert_eq!(read("198.51.100.1", FORWARDED, &["for=203.0.113.7"]), "198.51.100.1");
    }

    #[test]
    fn garbage_ends_the_walk() {
        for garbage in
            ["", "unknown", "_hidden", "1.2.3.4.5", "::g", ",,,", "203.0.113.7,", "1.2.3.4 5", "\"1.2.3.4"]
        {
            assert_eq!(by_x_forwarded_for("127.0.0.1", &[garbage]), "127.0.0.1", "{garbage}");
        }
        assert_eq!(by_x_forwarded_for("127.0.0.1", &[]), "127.0.0.1");
        assert_eq!(by_x_forwarded_for("127.0.0.1", &["9.9.9.9, nonsense, 10.0.0.1"]), "10.0.0.1");
    }

    #[test]
    fn ports_brackets_quotes_and_mapped_addresses_are_read() {
        for (peer, value, expected) in [
            ("127.0.0.1", "203.0.113.7:4711", "203.0.113.7"),
            ("127.0.0.1", "[2001:db8::1]:443", "2001:db8::1"),
            ("127.0.0.1", "\"[2001:DB8::1]\"", "2001:db8::1"),
            ("127.0.0.1", "2001:db8::2", "2001:db8::2"),
            ("::ffff:127.0.0.1", "::ffff:203.0.113.7", "203.0.113.7"),
        ] {
            assert_eq!(by_x_forwarded_for(peer, &[value]), expected, "{value}");
        }
    }

    #[test]
    fn forwarded_is_read_too() {
        for (values, expected) in [
            (&["for=203.0.113.7"][..], "203.0.113.7"),
            (&["proto=https; For=\"203.0.113.7:4711\";by=_me"], "203.0.113.7"),
            (
                &["for=1.2.3.4, for=\"[2001:db8::1]:443\";host=\"a,b;for=6.6.6.6\", for=10.0.0.1"],
                "2001:db8::1",
            ),
            (&["for=1.2.3.4", "for=203.0.113.7;host=\"\\\"\""], "203.0.113.7"),
            (&["for=9.9.9.9, for=unknown, for=10.0.0.1"], "10.0.0.1"),
            (&["for=9.9.9.9, proto=https, for=10.0.0.1"], "10.0.0.1"),
        ] {
            assert_eq!(by_forwarded(values), expected, "{values:?}");
        }
    }

    #[test]
    fn a_forwarded_header_with_broken_grammar_names_nobody() {
        for broken in [
            "",
            "for",
            "for=",
            "203.0.113.7",
            "for=\"203.0.113.7",
            // A client's part opens a quote, and a proxy appends its part.
            "for=\"6.6.6.6, for=203.0.113.7",
            "for=\"6.6.6.6, for=203.0.113.7;host=\";for=6.6.6.6\"",
            "for=1.2.3.4;for=5.6.7.8",
            "for=1.2.3.4\"a\"",
            "for=6.6.6.6;, for=203.0.113.7",
            "foo=\"x, for=203.0.113.7;host=\";for=6.6.6.6;b=\\\"\"",
        ] {
            assert_eq!(by_forwarded(&[broken]), "127.0.0.1", "{broken}");
        }
        assert_eq!(by_forwarded(&["for=\"6.6.6.6", "for=203.0.113.7"]), "203.0.113.7");
    }

    #[test]
    fn x_forwarded_for_counts_if_both_are_there() {
        let mut headers = HeaderMap::new();
        headers.insert(FORWARDED, HeaderValue::from_static("for=6.6.6.6"));
        headers.insert(X_FORWARDED_FOR, HeaderValue::from_static("203.0.113.7"));
        let trusted = ["127.0.0.0/8".parse().unwrap()];
        assert_eq!(believed("127.0.0.1".parse().unwrap(), &headers, &trusted).to_string(), "203.0.113.7");
        headers.insert(X_FORWARDED_FOR, HeaderValue::from_static("unknown"));
        assert_eq!(believed("127.0.0.1".parse().unwrap(), &headers, &trusted).to_string(), "127.0.0.1");
    }
}
