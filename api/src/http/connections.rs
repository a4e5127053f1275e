//! Bounds the open connections of the public port: of all clients, and of each address. A
//! connection above the bound is closed as it comes.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use ipnet::IpNet;
use sluice_runtime::client_address;

use crate::config::HttpConfig;
use crate::http::client_address::limit_key;

/// The bounds of connections.
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    /// Open connections of all clients.
    pub max: usize,
    /// Open connections of one address; 0 is no limit.
    pub max_by_address: usize,
    /// Proxies, each of which has the connections of many clients: only `max` bounds theirs.
    pub proxies: Vec<IpNet>,
    /// The longest time for a client to send the head of its first request.
    pub head_timeout: Duration,
}

/// The longest time for a client to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// While more than half of the connections are taken, a client that says nothing has this part of
/// the time.
const CROWDED_DIVISOR: u32 = 5;

impl ConnectionLimits {
    /// Returns the limits of the configuration.
    #[must_use]
    pub fn of(config: &HttpConfig) -> Self {
        Self {
            max: config.max_connections as usize,
            max_by_address: config.max_connections_by_address as usize,
            proxies: config.trusted_proxies.clone(),
            head_timeout: HEAD_TIMEOUT,
        }
    }
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self::of(&HttpConfig::default())
    }
}

/// The open connections. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Connections(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limits: ConnectionLimits,
    n_open: AtomicUsize,
    /// Without addresses that have no connection.
    by_address: DashMap<String, usize>,
}

/// The place of an open connection, which is free again when this is dropped.
#[derive(Debug)]
pub struct Place {
    connections: Connections,
    /// `None`: the connection of a proxy.
    address: Option<String>,
}

impl Connections {
    /// Nobody is connected.
    #[must_use]
    pub fn new(limits: ConnectionLimits) -> Self {
        Self(Arc::new(Inner { limits, n_open: AtomicUsize::new(0), by_address: DashMap::new() }))
    }

    /// Returns a place for a connection; `None` if this peer may not have another.
    #[must_use]
    pub fn enter(&self, peer: IpAddr) -> Option<Place> {
        let Inner { limits, n_open, by_address } = &*self.0;
        let peer = peer.to_canonical();
        let is_proxy = client_address::is_trusted(peer, &limits.proxies);
        let counted = (limits.max_by_address > 0 && !is_proxy).then(|| limit_key(peer));
        if let Some(address) = &counted {
            let mut n_of_address = by_address.entry(address.clone()).or_default();
            if *n_of_address >= limits.max_by_address {
                return None;
            }
            *n_of_address += 1;
        }
        // Dropped, and so not counted any more, if all places are taken.
        let place = Place { connections: self.clone(), address: counted };
        (n_open.fetch_add(1, Ordering::Relaxed) < limits.max).then_some(place)
    }

    /// Returns the time that a new connection has for its first request.
    #[must_use]
    pub fn head_timeout(&self) -> Duration {
        let Inner { limits, n_open, .. } = &*self.0;
        let is_crowded = n_open.load(Ordering::Relaxed) > limits.max / 2;
        if is_crowded { limits.head_timeout / CROWDED_DIVISOR } else { limits.head_timeout }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Inner { n_open, by_address, .. } = &*self.connections.0;
        n_open.fetch_sub(1, Ordering::Relaxed);
        if let Some(address) = &self.address {
            by_address.remove_if_mut(address, |_, n_of_address| {
                *n_of_address -= 1;
                *n_of_address == 0
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(max: usize, max_by_address: usize) -> Connections {
        let proxies = vec!["10.0.0.0/8".parse().unwrap()];
        Connections::new(ConnectionLimits { max, max_by_address, proxies, ..ConnectionLimits::default() })
    }

    fn enter(connections: &Connections, peer: &str) -> Option<Place> {
        connections.enter(peer.parse().unwrap())
    }

    #[test]
    fn an_address_has_a_bound_and_others_have_theirs() {
        let connections = connections(100, 2);
        let (first, second) = (enter(&connections, "192.0.2.1"), enter(&connections, "::ffff:192.0.2.1"));
        assert!(first.is_some() && second.is_some() && enter(&connections, "192.0.2.1").is_none());
        assert!(enter(&connections, "192.0.2.2").is_some());
        drop(first);
        assert!(enter(&connections, "192.0.2.1").is_some());
        let of_one_host = [enter(&connections, "2001:db8::1"), enter(&connections, "2001:db8::2")];
        assert!(of_one_host.iter().all(Option::is_some) && enter(&connections, "2001:db8::3").is_none());
        assert!(enter(&connections, "2001:db8:0:1::1").is_some());
        drop((second, of_one_host));
        assert!(connections.0.by_address.is_empty() && connections.0.n_open.load(Ordering::Relaxed) == 0);
    }

    #[test]
    fn all_together_have_a_bound_and_a_proxy_only_that() {
        let connections = connections(10, 2);
        let timeout = connections.head_timeout();
        let mut places: Vec<_> = (0..10).map(|_| enter(&connections, "10.0.0.1").unwrap()).collect();
        assert!(enter(&connections, "192.0.2.1").is_none() && enter(&connections, "10.0.0.1").is_none());
        assert_eq!(connections.head_timeout(), timeout / CROWDED_DIVISOR);
        places.truncate(5);
        assert_eq!(connections.head_timeout(), timeout);
        assert!(enter(&connections, "192.0.2.1").is_some());
        assert!(connections.0.by_address.is_empty());
    }

    #[test]
    fn zero_is_no_bound_by_address() {
        let connections = connections(50, 0);
        let places: Vec<_> = (0..50).filter_map(|_| enter(&connections, "192.0.2.1")).collect();
        assert!(places.len() == 50 && enter(&connections, "192.0.2.1").is_none());
    }
}
