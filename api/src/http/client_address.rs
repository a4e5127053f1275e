//! The client's address: the address of the peer, or the one that a trusted proxy forwards.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;
use ipnet::IpNet;
use sluice_runtime::client_address;

use crate::db::sessions::LoginOrigin;
use crate::http::state::App;

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

    /// Returns the key for rate limits.
    #[must_use]
    pub fn limit_key(&self) -> String {
        limit_key(self.address)
    }
}

/// Returns the key of an address for rate limits. An IPv6 host owns a whole /64.
#[must_use]
pub fn limit_key(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("{:x}/64", address.to_bits() >> 64),
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
    let address = client_address::believed(peer, headers, trusted);
    let is_https = client_address::is_trusted(peer, trusted)
        && headers.get("x-forwarded-proto").is_some_and(|value| value == "https");
    if headers.contains_key(client_address::X_FORWARDED_FOR) && !client_address::is_trusted(peer, trusted) {
        static WARNED: std::sync::Once = std::sync::Once::new();
        WARNED.call_once(|| {
            tracing::warn!(
                %peer,
                "a proxy that http.trusted_proxies does not name: its clients share one address and its limits"
            );
        });
    }
    let agent = headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let agent = agent.unwrap_or_default().chars().take(MAX_AGENT_CHARS).collect();
    ClientInfo { address, is_https, agent }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let believed = |peer: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", HeaderValue::from_static("203.0.113.9, 198.51.100.7:4711"));
            headers.insert("x-forwarded-proto", HeaderValue::from_static("https"));
            let info = believe(peer.parse().unwrap(), &headers, &["10.0.0.0/8".parse().unwrap()]);
            (info.limit_key(), info.is_https)
        };
        assert_eq!(believed("192.0.2.1"), ("192.0.2.1".to_owned(), false));
        assert_eq!(believed("10.0.0.1"), ("198.51.100.7".to_owned(), true));
    }
}
