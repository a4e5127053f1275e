//! The address of a visitor as an event stores it. `sluice_runtime::client_address` finds the
//! address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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
