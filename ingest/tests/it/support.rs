//! An edge for a test, a client that sends any bytes, and a reader of the journal. Nothing here
//! asserts.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use prometheus_client::registry::Registry;
use sluice_ingest::config::Config;
use sluice_ingest::edge::Edge;
use sluice_ingest::journal::reader::LaneReader;
use sluice_ingest::journal::record::{self, Parsed};
use sluice_ingest::journal::{Journal, Options, segment};
use sluice_runtime::clock::Clock;
use sluice_runtime::config::Validate as _;
use sluice_runtime::ops::Readiness;
use sluice_schemas::chunk::decode_event;
use sluice_schemas::event::Event;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// A well-formed tracking key.
pub(crate) const KEY: &str = "2222222222222222";
/// The time of the manual clock of a test edge: 2026-09-21T14:13:20.007Z.
pub(crate) const NOW_MS: u64 = 1_790_000_000_007;

const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct TestEdge {
    edge: Option<Edge>,
    draining: CancellationToken,
    pub(crate) registry: Registry,
    pub(crate) dir: TempDir,
    pub(crate) address: SocketAddr,
    pub(crate) proxy_address: SocketAddr,
}

impl TestEdge {
    pub(crate) fn start() -> Self {
        Self::start_with(|_| {})
    }

    pub(crate) fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = config(dir.path());
        change(&mut config);
        config.validate().unwrap();
        let draining = CancellationToken::new();
        let mut registry = Registry::default();
        let readiness = Readiness::starting(&["journal"]);
        let edge =
            Edge::start(&config, &Clock::manual(NOW_MS), &readiness, &mut registry, &draining).unwrap();
        let (address, proxy_address) = (edge.listen(), edge.proxy_listen().unwrap());
        Self { edge: Some(edge), draining, registry, dir, address, proxy_address }
    }

    /// Sends a request line and headers unchanged, with `Connection: close`, and reads the answer.
    pub(crate) fn request(&self, head: &str, body: &[u8]) -> Answered {
        exchange(self.address, head, body)
    }

    pub(crate) fn get(&self, target: &str, headers: &str) -> Answered {
        self.request(&format!("GET {target} HTTP/1.1\r\n{headers}"), b"")
    }

    pub(crate) fn post(&self, target: &str, content_type: &str, body: impl AsRef<[u8]>) -> Answered {
        self.post_with(target, content_type, "", body)
    }

    pub(crate) fn post_with(
        &self,
        target: &str,
        content_type: &str,
        headers: &str,
        body: impl AsRef<[u8]>,
    ) -> Answered {
        let body = body.as_ref();
        let content_type =
            if content_type.is_empty() { String::new() } else { format!("Content-Type: {content_type}\r\n") };
        let head =
            format!("POST {target} HTTP/1.1\r\n{content_type}{headers}Content-Length: {}\r\n", body.len());
        self.request(&head, body)
    }

    pub(crate) fn metric(&self, line_start: &str) -> Option<f64> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        let line = text.lines().find(|line| line.starts_with(line_start))?;
        line.rsplit(' ').next()?.parse().ok()
    }

    pub(crate) fn begin_drain(&self) {
        self.draining.cancel();
    }

    /// Ends the edge.
    pub(crate) fn finish(mut self) -> TempDir {
        self.draining.cancel();
        self.edge.take().unwrap().finish().unwrap();
        std::mem::replace(&mut self.dir, tempfile::tempdir().unwrap())
    }

    /// Ends the edge and reads the stored events.
    pub(crate) fn events(self) -> Vec<Event> {
        let dir = self.finish();
        read_journal(dir.path()).into_iter().map(|(_, _, event)| event).collect()
    }
}

impl Drop for TestEdge {
    fn drop(&mut self) {
        self.draining.cancel();
        if let Some(edge) = self.edge.take() {
            edge.finish().unwrap();
        }
    }
}

/// One thread, small segments, free ports, no Kafka.
pub(crate) fn config(dir: &Path) -> Config {
    let mut config = Config::default();
    config.edge.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    config.edge.proxy_listen = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    config.edge.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    config.edge.threads = 1;
    config.edge.drain_ms = 2_000;
    config.journal.dir = dir.to_owned();
    config.journal.segment_bytes = 1 << 20;
    config.journal.max_bytes = 16 << 20;
    config.journal.sync_interval_ms = 5;
    config.kafka.brokers = "127.0.0.1:1".to_owned();
    config.kafka.drain_ms = 0;
    config
}

/// Returns lane, ordinal and event of everything in a journal that no edge uses.
pub(crate) fn read_journal(dir: &Path) -> Vec<(u32, u64, Event)> {
    let options = Options {
        segment_bytes: 1 << 20,
        max_bytes: 1 << 30,
        sync_interval: Duration::from_secs(1),
        n_lanes: 0,
    };
    let (journal, _) = Journal::open(dir, &options, &Readiness::default()).unwrap();
    let mut events = Vec::new();
    for lane in journal.lanes() {
        let first = segment::list(&lane.dir).unwrap().first().map_or(1, |(first_ordinal, _)| *first_ordinal);
        let mut reader = LaneReader::new(std::sync::Arc::clone(lane), first);
        while let Some(record) = reader.read_next().unwrap() {
            events.push((lane.id, record.ordinal, decode_event(record.payload.to_vec().into()).unwrap()));
        }
        assert_eq!(reader.n_damaged(), 0);
    }
    events
}

/// Returns the end of the records in the bytes of a segment, and their number.
pub(crate) fn records_end(bytes: &[u8], first_ordinal: u64) -> (usize, u64) {
    let (mut position, mut n_records) = (segment::HEADER_BYTES, 0);
    // Cut bytes may lack the padding of the last record.
    while let Parsed::Record(payload) =
        record::read(bytes.get(position..).unwrap_or_default(), first_ordinal + n_records)
    {
        position += record::size(payload.len());
        n_records += 1;
    }
    (position, n_records)
}

/// Returns the first ordinal in the name of a segment.
pub(crate) fn first_ordinal(segment: &Path) -> u64 {
    segment.file_stem().unwrap().to_str().unwrap().parse().unwrap()
}

/// An answer as received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Answered {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn outcome(&self) -> &str {
        self.header("x-sluice-outcome")
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// Status, headers and text, without the parts that differ from run to run.
    pub(crate) fn shown(&self) -> String {
        let id = self.header("x-sluice-id");
        let mut shown = format!("{}\n", self.status);
        for (name, value) in
            self.headers.iter().filter(|(name, _)| !matches!(name.as_str(), "date" | "connection"))
        {
            shown.push_str(&format!("{name}: {value}\n"));
        }
        shown.push_str(&String::from_utf8_lossy(&self.body));
        if id.is_empty() { shown } else { shown.replace(id, "[id]") }
    }

    /// Reads one answer from the start of `bytes`. Returns it and the rest.
    pub(crate) fn parse(bytes: &[u8], has_body: bool) -> (Self, &[u8]) {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("an answer has a head");
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: BTreeMap<String, String> = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let n_bytes = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
        let body_end = end + 4 + if has_body { n_bytes } else { 0 };
        (Self { status, headers, body: bytes[end + 4..body_end].to_vec() }, &bytes[body_end..])
    }
}

pub(crate) fn exchange(address: SocketAddr, head: &str, body: &[u8]) -> Answered {
    let request = [format!("{head}Host: edge\r\nConnection: close\r\n\r\n").as_bytes(), body].concat();
    let bytes = exchange_raw(address, &request);
    Answered::parse(&bytes, !head.starts_with("HEAD")).0
}

/// Sends bytes, then reads until the edge closes.
pub(crate) fn exchange_raw(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut stream = connect(address);
    stream.write_all(request).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    bytes
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}
