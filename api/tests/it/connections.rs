//! Connections of the public port: those that say nothing end, and nobody takes them all.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use sluice_api::http::connections::ConnectionLimits;
use sluice_runtime::descriptors;
use sluice_runtime::lifecycle::Lifecycle;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::world::World;

/// The time within which a connection must have ended. Longer than any head timeout of the tests.
const PATIENCE: Duration = Duration::from_secs(9);
const LIVEZ: &[u8] = b"GET /livez HTTP/1.1\r\nHost: crm.example\r\nConnection: close\r\n\r\n";

async fn connect(from: [u8; 4], to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((Ipv4Addr::from(from), 0))).unwrap();
    socket.connect(to).await.unwrap()
}

/// Returns what the service still sends until it ends the connection.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let ended = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
    // A connection that was refused may be reset.
    assert!(ended.is_ok(), "the connection stays open");
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn ask_livez(from: [u8; 4], to: SocketAddr) -> String {
    let mut stream = connect(from, to).await;
    stream.write_all(LIVEZ).await.ok();
    rest(&mut stream).await
}

#[tokio::test]
async fn a_client_that_sends_no_whole_request_is_cut_off() {
    let (world, lifecycle) = (World::new().await, Lifecycle::default());
    let limits = ConnectionLimits { head_timeout: Duration::from_millis(300), ..ConnectionLimits::default() };
    let bound = world.serve_limited(limits, &lifecycle).await.unwrap();
    let mut silent = Vec::new();
    for beginning in
        ["", "P", "PRI * HTTP/2.0", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET /livez HTTP/1.1\r\nHost:"]
    {
        let mut stream = connect([127, 0, 0, 1], bound).await;
        stream.write_all(beginning.as_bytes()).await.unwrap();
        silent.push((beginning, stream));
    }
    // One that asks, and then says nothing more.
    let mut idle = connect([127, 0, 0, 1], bound).await;
    idle.write_all(b"GET /livez HTTP/1.1\r\nHost: crm.example\r\n\r\n").await.unwrap();
    assert!(rest(&mut idle).await.starts_with("HTTP/1.1 200 OK"));
    for (beginning, mut stream) in silent {
        assert!(!rest(&mut stream).await.contains("200 OK"), "{beginning}");
    }
    assert!(ask_livez([127, 0, 0, 1], bound).await.starts_with("HTTP/1.1 200 OK"));
    lifecycle.begin_drain();
    assert!(lifecycle.finish(PATIENCE).await);
}

#[tokio::test]
async fn an_address_has_so_many_connections_and_others_get_theirs() {
    let (world, lifecycle) = (World::new().await, Lifecycle::default());
    let limits = ConnectionLimits { max: 5, max_by_address: 3, ..ConnectionLimits::default() };
    let bound = world.serve_limited(limits, &lifecycle).await.unwrap();
    let mut silent = Vec::new();
    for _ in 0..3 {
        silent.push(connect([127, 0, 0, 1], bound).await);
    }
    assert_eq!(ask_livez([127, 0, 0, 1], bound).await, "");
    assert!(ask_livez([127, 0, 0, 2], bound).await.starts_with("HTTP/1.1 200 OK"));
    for from in [2, 3] {
        silent.push(connect([127, 0, 0, from], bound).await);
    }
    assert_eq!(ask_livez([127, 0, 0, 4], bound).await, "", "all places are taken");
    // Those that leave make room.
    silent.clear();
    let began = Instant::now();
    while !ask_livez([127, 0, 0, 1], bound).await.starts_with("HTTP/1.1 200 OK") {
        assert!(began.elapsed() < PATIENCE);
    }
    lifecycle.begin_drain();
    assert!(lifecycle.finish(PATIENCE).await);
}

#[tokio::test]
async fn five_thousand_silent_connections_do_not_slow_others() {
    descriptors::raise_limit();
    let (world, lifecycle) = (World::new().await, Lifecycle::default());
    let bound = world.serve(&lifecycle).await.unwrap();
    let mut silent = Vec::new();
    for number in 0..5000 {
        silent.push(connect([127, 0, 0, 2 + u8::try_from(number / 1000).unwrap()], bound).await);
    }
    let mut fastest = Duration::MAX;
    for _ in 0..5 {
        let began = Instant::now();
        assert!(ask_livez([127, 0, 0, 1], bound).await.starts_with("HTTP/1.1 200 OK"));
        fastest = fastest.min(began.elapsed());
    }
    assert!(fastest < Duration::from_millis(100), "{fastest:?}");
    drop(silent);
    lifecycle.begin_drain();
    assert!(lifecycle.finish(PATIENCE).await);
}
