//! A killed edge. The program itself is killed in the middle of numbered events, repeatedly on one
//! journal. Every acknowledged number is read back once, and the ordinals have no gap.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sluice_ingest::journal::{cursor::Cursor, segment};

use crate::forwarder::{cluster, consume};
use crate::support::{Answered, KEY, connect, first_ordinal, read_journal, records_end};

const N_CLIENTS: u64 = 3;
const N_KILLS: u64 = 4;
const N_BEFORE_KILL: u64 = 1_500;
const NO_KAFKA: &str = "127.0.0.1:1";
const PATIENCE: Duration = Duration::from_secs(60);

fn start(dir: &Path, brokers: &str) -> (Child, SocketAddr) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sluice-ingest"))
        .env("SLUICE__EDGE__LISTEN", "127.0.0.1:0")
        .env("SLUICE__OPS__LISTEN", "127.0.0.1:0")
        .env("SLUICE__EDGE__THREADS", "2")
        .env("SLUICE__JOURNAL__DIR", dir)
        .env("SLUICE__JOURNAL__SEGMENT_BYTES", "262144")
        .env("SLUICE__KAFKA__BROKERS", brokers)
        .env("SLUICE__KAFKA__DRAIN_MS", if brokers == NO_KAFKA { "0" } else { "30000" })
        .env("RUST_LOG", "info")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let serving = lines.find(|line| line.contains("\"serving\"")).expect("the edge says where it listens");
    let line: serde_json::Value = serde_json::from_str(&serving).unwrap();
    // The rest of the pipe is read too, so that the edge never waits for its log.
    std::thread::spawn(move || lines.for_each(drop));
    (child, line["listen"].as_str().unwrap().parse().unwrap())
}

/// Sends numbered pixels over one connection until it breaks. Returns the acknowledged numbers.
fn send(address: SocketAddr, numbers: &AtomicU64, padding: &str) -> Vec<u64> {
    let mut acknowledged = Vec::new();
    let mut stream = connect(address);
    let mut buffer = [0; 2048];
    loop {
        let number = numbers.fetch_add(1, Ordering::Relaxed);
        let request =
            format!("GET /p.gif?k={KEY}&beacon=1&sub2={padding}&sub1={number} HTTP/1.1\r\nHost: a\r\n\r\n");
        if stream.write_all(request.as_bytes()).is_err() {
            return acknowledged;
        }
        let mut n_read = 0;
        while !buffer[..n_read].ends_with(b"\r\n\r\n") {
            match stream.read(&mut buffer[n_read..]) {
                Ok(more) if more > 0 => n_read += more,
                _ => return acknowledged,
            }
        }
        assert_eq!(Answered::parse(&buffer[..n_read], true).0.outcome(), "accepted");
        acknowledged.push(number);
    }
}

/// Sends until `is_enough`, then kills the edge. Returns the acknowledged numbers.
fn kill_under_load(
    (mut child, address): (Child, SocketAddr),
    numbers: &AtomicU64,
    padding: &str,
    mut is_enough: impl FnMut() -> bool,
) -> BTreeSet<u64> {
    let acknowledged = std::thread::scope(|scope| {
        let clients: Vec<_> =
            (0..N_CLIENTS).map(|_| scope.spawn(|| send(address, numbers, padding))).collect();
        let deadline = Instant::now() + PATIENCE;
        while !is_enough() && Instant::now() < deadline {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    child.wait().unwrap();
    acknowledged
}

/// Asserts that every acknowledged number is in these pairs, and no number twice.
fn assert_kept<'a>(acknowledged: &BTreeSet<u64>, pairs: impl Iterator<Item = &'a str>) {
    let mut read = BTreeSet::new();
    for pairs in pairs {
        let number: u64 = pairs.rsplit('=').next().unwrap().parse().unwrap();
        assert!(read.insert(number), "{number} is there twice");
    }
    let lost: Vec<_> = acknowledged.difference(&read).collect();
    assert_eq!(lost, [&0_u64; 0]);
}

#[test]
fn nothing_acknowledged_is_lost_when_the_edge_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let numbers = AtomicU64::new(0);
    let mut acknowledged = BTreeSet::new();
    for round in 1..=N_KILLS {
        let is_enough = || numbers.load(Ordering::Relaxed) >= round * N_BEFORE_KILL;
        acknowledged.extend(kill_under_load(start(dir.path(), NO_KAFKA), &numbers, "", is_enough));
    }
    assert!(acknowledged.len() as u64 > N_KILLS * N_BEFORE_KILL / 2);

    let events = read_journal(dir.path());
    assert_kept(&acknowledged, events.iter().map(|event| std::str::from_utf8(&event.2.pairs).unwrap()));
    for lane in 0..2 {
        let ordinals: Vec<u64> = events.iter().filter(|event| event.0 == lane).map(|event| event.1).collect();
        assert_eq!(ordinals, (1..=ordinals.len() as u64).collect::<Vec<_>>(), "lane {lane}");
    }
}

/// Returns whether a lane writes into a file that an earlier segment has filled.
fn has_recycled(lane_dir: &Path) -> bool {
    let Some((_, path)) = segment::list(lane_dir).unwrap().pop() else { return false };
    let Ok(bytes) = std::fs::read(&path) else { return false };
    let (end, n_records) = records_end(&bytes, first_ordinal(&path));
    n_records > 0 && bytes[(end + bytes.len()) / 2..].iter().any(|byte| *byte != 0)
}

#[test]
fn nothing_acknowledged_is_lost_when_an_edge_that_recycles_its_segments_is_killed() {
    let (cluster, dir) = (cluster(), tempfile::tempdir().unwrap());
    let brokers = cluster.bootstrap_servers();
    let lane_dirs = [0, 1].map(|lane| dir.path().join(format!("lane-{lane}")));
    let (numbers, padding) = (AtomicU64::new(0), "x".repeat(700));
    let mut acknowledged = BTreeSet::new();
    for round in 1..=N_KILLS {
        let mut recycled = false;
        let is_enough = || {
            recycled = recycled || lane_dirs.iter().any(|dir| has_recycled(dir));
            recycled && numbers.load(Ordering::Relaxed) >= round * N_BEFORE_KILL
        };
        acknowledged.extend(kill_under_load(start(dir.path(), &brokers), &numbers, &padding, is_enough));
        assert!(recycled, "round {round}");
    }
    // A last edge sends the events that the killed ones left, and ends in order.
    terminate(start(dir.path(), &brokers).0);
    let next_ordinals = lane_dirs.map(|dir| Cursor::open(&dir).unwrap().next_ordinal());
    let n_events = next_ordinals.iter().sum::<u64>() - 2;
    let (pairs, _) = consume(&brokers, n_events as usize);
    assert_kept(&acknowledged, pairs.iter().map(String::as_str));
}

fn terminate(mut child: Child) {
    let terminated = Command::new("kill").arg("-TERM").arg(child.id().to_string()).status().unwrap();
    assert!(terminated.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_bad_configuration_exits_64_and_names_its_key() {
    let output = Command::new(env!("CARGO_BIN_EXE_sluice-ingest"))
        .env("SLUICE__EDGE__MAX_BODY_BYTES", "0")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&output.stderr).contains("edge.max_body_bytes"));
}

#[test]
fn a_terminated_edge_ends_well() {
    let dir = tempfile::tempdir().unwrap();
    let (child, address) = start(dir.path(), NO_KAFKA);
    let head = format!("GET /p.gif?k={KEY} HTTP/1.1\r\n");
    assert_eq!(crate::support::exchange(address, &head, b"").outcome(), "accepted");
    terminate(child);
    assert_eq!(read_journal(dir.path()).len(), 1);
}
