//! Where a request came from, as far as it can be believed: the peer's address, or what a trusted proxy says.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;
use ipnet::IpNet;

use crate::auth::token::Origin;
use crate::state::App;

/// The most of a user agent that is kept with a session.
const MAX_AGENT_CHARS: usize = 300;

/// Who is at the other end.
#[derive(Debug, Clone)]
pub struct ClientInfo {
    pub address: IpAddr,
    /// Whether the browser came by https.
    pub is_https: bool,
    pub agent: String,
}

impl ClientInfo {
    /// For the record of a login.
    #[must_use]
    pub fn origin(&self) -> Origin {
        Origin { address: self.address.to_string(), agent: self.agent.clone() }
    }

    /// What limits count by: an IPv6 host has a whole /64 to itself.
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
        // From the right, past every hop that is trusted; the first that is not is the client.
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
    fn only_a_trusted_proxy_is_believed_and_only_its_last_word() {
        assert_eq!(believed("192.0.2.1", "198.51.100.7"), "192.0.2.1 false");
        assert_eq!(believed("10.0.0.1", "198.51.100.7"), "198.51.100.7 true");
        assert_eq!(believed("10.0.0.1", "203.0.113.9, 198.51.100.7, 10.0.0.2"), "198.51.100.7 true");
        assert_eq!(believed("10.0.0.1", "spoofed, 10.0.0.3"), "10.0.0.3 true");
        assert_eq!(believed("10.0.0.1", ""), "10.0.0.1 true");
    }
}
