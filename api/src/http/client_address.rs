//! The client's address: the address of the peer, or the one that a trusted proxy forwards.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;
use ipnet::IpNet;

use crate::auth::token::LoginOrigin;
use crate::state::App;

/// The maximum length of a user agent that is stored with a session.
const MAX_AGENT_CHARS: usize = 300;

/// Address, protocol and user agent of a client.
#[derive(Debug, Clone)]
pub struct ClientInfo {
    pub address: IpAddr,
    /// Whether the client used HTTPS.
    pub is_https: bool,
    pub agent: String,
}

impl ClientInfo {
    /// Returns what is stored with a login.
    #[must_use]
    pub fn origin(&self) -> LoginOrigin {
        LoginOrigin { address: self.address.to_string(), agent: self.agent.clone() }
    }

    /// Returns the key for rate limits. An IPv6 host owns a whole /64.
    #[must_use]
    pub fn limit_key(&self) -> String {
        match self.address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("{:x}/64", address.to_bits() >> 64),
        }
    }
}

impl FromRequestParts<App> for ClientInfo {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let peer = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.ip().to_canonical());
        Ok(believe(peer, &parts.headers, &app.config.http.trusted_proxies))
    }
}

fn believe(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> ClientInfo {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut address = peer;
    let mut is_https = false;
    if is_trusted(&peer) {
        // The client is the rightmost hop that is not a trusted proxy.
        let hops = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let hops: Vec<&str> = hops.flat_map(|value| value.split(',')).map(str::trim).collect();
        for hop in hops.iter().rev() {
            let Ok(hop) = hop.parse::<IpAddr>() else { break };
            address = hop.to_canonical();
            if !is_trusted(&address) {
                break;
            }
        }
        is_https = headers.get("x-forwarded-proto").is_some_and(|value| value == "https");
    }
    let agent = headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let agent = agent.unwrap_or_default().chars().take(MAX_AGENT_CHARS).collect();
    ClientInfo { address, is_https, agent }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn believed(peer: &str, forwarded: &'static str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", HeaderValue::from_static(forwarded));
        headers.insert("x-forwarded-proto", HeaderValue::from_static("https"));
        let info = believe(peer.parse().unwrap(), &headers, &["10.0.0.0/8".parse().unwrap()]);
        format!("{} {}", info.address, info.is_https)
    }

    #[test]
    fn only_the_hops_of_trusted_proxies_count() {
        assert_eq!(believed("192.0.2.1", "198.51.100.7"), "192.0.2.1 false");
        assert_eq!(believed("10.0.0.1", "198.51.100.7"), "198.51.100.7 true");
        assert_eq!(believed("10.0.0.1", "203.0.113.9, 198.51.100.7, 10.0.0.2"), "198.51.100.7 true");
        assert_eq!(believed("10.0.0.1", "spoofed, 10.0.0.3"), "10.0.0.3 true");
        assert_eq!(believed("10.0.0.1", ""), "10.0.0.1 true");
    }
}
