//! The load generator: one thread with raw HTTP/1.1 over keep-alive connections, each with a fixed
//! number of requests in flight (one, unless pipelining is requested). The connections form two
//! groups. While the server works on one group, the answers of the other are read and its next
//! requests are written. The answer to the newest request is read first: when it has arrived, most
//! others have too, so the server wakes this thread once and not once per request. A request costs
//! two system calls. The wake-ups of the client, which a real edge does not pay for, hardly count
//! against the server.
//!
//! Status and outcome of every answer are checked. Only `x-sluice-outcome: accepted` counts as
//! acknowledged. A broken connection or an invalid answer ends the run with an error. Fault tests
//! have another client.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use memchr::memmem;

use crate::requests::PixelRequests;

/// The time limit for an answer. After that the run fails.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// The sleep of a paced generator that has nothing to send.
const PACE_SLEEP: Duration = Duration::from_micros(500);
const BUFFER_BYTES: usize = 16 * 1024;

/// The requests to send, their target, and when to stop.
#[derive(Debug, Clone)]
pub struct LoadPlan {
    pub address: SocketAddr,
    pub connections: usize,
    /// Requests in flight per connection. More than 1 is pipelining, which browsers do not do.
    pub depth: usize,
    /// Requests per second; as fast as possible if absent.
    pub per_s: Option<f64>,
    /// The number of the first event.
    pub first: u64,
    /// Stop after this many requests …
    pub count: u64,
    /// … or after this long, whichever comes first.
    pub time: Duration,
    /// The core of the generator's thread.
    pub core: Option<usize>,
}

impl LoadPlan {
    /// As fast as possible, on 64 connections, without an end.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        let (count, time) = (u64::MAX, Duration::from_secs(600));
        Self { address, connections: 64, depth: 1, per_s: None, first: 0, count, time, core: None }
    }

    /// Returns how many more requests may be sent now; `None` if the run is over.
    fn due(&self, sent: u64, elapsed: Duration) -> Option<u64> {
        if sent >= self.count || elapsed >= self.time {
            return None;
        }
        let by_pace = self.per_s.map_or(u64::MAX, |per_s| (elapsed.as_secs_f64() * per_s) as u64);
        Some(by_pace.saturating_sub(sent).min(self.count - sent))
    }
}

/// The result of a run.
#[derive(Debug, Clone, Copy, Default)]
pub struct LoadReport {
    pub sent: u64,
    /// Answers with the outcome `accepted`.
    pub accepted: u64,
    /// Other answers with the status that a pixel should have.
    pub refused: u64,
    /// Accepted events that were acknowledged as synced to disk, not only as in the mapped journal.
    pub synced: u64,
    /// The time from the first request to the last answer.
    pub elapsed: Duration,
    /// The CPU time of the generator's thread.
    pub cpu: Duration,
}

impl LoadReport {
    /// Returns answers per second.
    #[must_use]
    pub fn per_s(&self) -> f64 {
        (self.accepted + self.refused) as f64 / self.elapsed.as_secs_f64()
    }

    /// Returns the acknowledged durability, in the words of `x-sluice-ack`.
    #[must_use]
    pub fn durability(&self) -> &'static str {
        match (self.accepted, self.synced) {
            (0, _) => "none",
            (accepted, synced) if accepted == synced => "synced",
            (_, 0) => "journal",
            _ => "journal or synced",
        }
    }

    fn count(&mut self, answer: Answer) {
        if answer.accepted {
            self.accepted += 1;
            self.synced += u64::from(answer.synced);
        } else {
            self.refused += 1;
        }
    }
}

/// The checked parts of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// `x-sluice-outcome: accepted`.
    pub accepted: bool,
    /// `x-sluice-ack: synced`.
    pub synced: bool,
}

/// Runs a plan on the calling thread.
///
/// # Errors
/// When a connection fails, or an answer has another status than 200.
pub fn run(plan: &LoadPlan, requests: &mut PixelRequests) -> anyhow::Result<LoadReport> {
    if let Some(core) = plan.core {
        crate::proc::pin_this_thread(core)?;
    }
    let mut connections = (0..plan.connections)
        .map(|_| Connection::open(plan.address))
        .collect::<io::Result<Vec<_>>>()
        .with_context(|| format!("cannot connect to {}", plan.address))?;
    let half = plan.connections / 2;
    let mut report = LoadReport::default();
    let cpu_before = thread_cpu();
    let begin = Instant::now();
    let mut is_first = true;
    loop {
        let due = plan.due(report.sent, begin.elapsed());
        match due {
            None => break,
            Some(0) => std::thread::sleep(PACE_SLEEP),
            Some(due) => {
                let (first, second) = connections.split_at_mut(half);
                let group = if is_first { first } else { second };
                take_turn(group, plan, due, requests, &mut report)?;
                is_first = !is_first;
            }
        }
    }
    for connection in &mut connections {
        while connection.n_waiting > 0 {
            report.count(connection.expect_200()?);
        }
    }
    report.elapsed = begin.elapsed();
    report.cpu = thread_cpu().saturating_sub(cpu_before);
    Ok(report)
}

/// Reads the answers of a group and writes its next requests, at most `due`.
fn take_turn(
    group: &mut [Connection],
    plan: &LoadPlan,
    due: u64,
    requests: &mut PixelRequests,
    report: &mut LoadReport,
) -> anyhow::Result<()> {
    for connection in group.iter_mut().rev() {
        while connection.n_waiting > 0 {
            report.count(connection.expect_200()?);
        }
    }
    let until = report.sent + due;
    for connection in group {
        while connection.n_waiting < plan.depth && report.sent < until {
            connection.send(requests.numbered(plan.first + report.sent))?;
            report.sent += 1;
        }
    }
    Ok(())
}

/// Returns the CPU time of the calling thread.
fn thread_cpu() -> Duration {
    // "time on the CPU, time waiting, time slices", in nanoseconds.
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(0))
}

/// One keep-alive connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    from: usize,
    to: usize,
    n_waiting: usize,
}

impl Connection {
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, ANSWER_TIMEOUT)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
        Ok(Self { stream, buffer: vec![0; BUFFER_BYTES], from: 0, to: 0, n_waiting: 0 })
    }

    /// Writes a request.
    pub fn send(&mut self, request: &[u8]) -> io::Result<()> {
        self.stream.write_all(request)?;
        self.n_waiting += 1;
        Ok(())
    }

    /// Reads the oldest answer.
    ///
    /// # Errors
    /// When the connection is broken, or the answer is not HTTP/1.1.
    pub fn receive(&mut self) -> io::Result<Answer> {
        loop {
            if let Some((answer, len)) = parse_answer(&self.buffer[self.from..self.to])? {
                self.from += len;
                if self.from == self.to {
                    (self.from, self.to) = (0, 0);
                }
                self.n_waiting -= 1;
                return Ok(answer);
            }
            if self.to == self.buffer.len() {
                self.buffer.copy_within(self.from..self.to, 0);
                self.to -= self.from;
                self.from = 0;
            }
            if self.to == self.buffer.len() {
                // A long list.
                self.buffer.resize(self.to * 4, 0);
            }
            match self.stream.read(&mut self.buffer[self.to..])? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => self.to += n,
            }
        }
    }

    fn expect_200(&mut self) -> anyhow::Result<Answer> {
        let answer = self.receive().context("a connection broke")?;
        anyhow::ensure!(answer.status == 200, "a pixel was answered with status {}", answer.status);
        Ok(answer)
    }
}

/// Returns the first answer in a buffer and the length of all its bytes; `None` if it is
/// incomplete.
fn parse_answer(bytes: &[u8]) -> io::Result<Option<(Answer, usize)>> {
    let Some(head_len) = memmem::find(bytes, b"\r\n\r\n") else { return Ok(None) };
    let head = &bytes[..head_len + 2];
    let wrong = || io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP/1.1");
    let status = head.strip_prefix(b"HTTP/1.1 ").and_then(|rest| rest.get(..3)).ok_or_else(wrong)?;
    let status = std::str::from_utf8(status).ok().and_then(|text| text.parse().ok()).ok_or_else(wrong)?;
    let body_len = content_length(head);
    let len = head_len + 4 + body_len;
    if bytes.len() < len {
        return Ok(None);
    }
    let accepted = memmem::find(head, b"\r\nx-sluice-outcome: accepted\r\n").is_some();
    let synced = accepted && memmem::find(head, b"\r\nx-sluice-ack: synced\r\n").is_some();
    Ok(Some((Answer { status, accepted, synced }, len)))
}

/// hyper writes header names in lower case, nginx in title case. Neither sends chunked bodies here.
fn content_length(head: &[u8]) -> usize {
    let at =
        memmem::find(head, b"\r\ncontent-length: ").or_else(|| memmem::find(head, b"\r\nContent-Length: "));
    at.map_or(0, |at| {
        let digits = head[at + 18..].iter().take_while(|byte| byte.is_ascii_digit());
        digits.fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_split_and_judged() {
        let bytes = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nx-sluice-outcome: accepted\r\nx-sluice-ack: journal\r\n\r\nGIFHTTP/1.1 204 No Content\r\n\r\n";
        let (answer, len) = parse_answer(bytes).unwrap().unwrap();
        assert_eq!(answer, Answer { status: 200, accepted: true, synced: false });
        let (next, rest) = parse_answer(&bytes[len..]).unwrap().unwrap();
        assert_eq!((next.status, next.accepted, len + rest), (204, false, bytes.len()));
        for cut in 0..len {
            assert_eq!(parse_answer(&bytes[..cut]).unwrap(), None, "{cut}");
        }
        assert!(parse_answer(b"SSH-2.0\r\n\r\n").is_err());
    }

    #[test]
    fn a_paced_run_sends_what_is_due_and_ends_by_count_or_time() {
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        let time = Duration::from_secs(10);
        let plan = LoadPlan { per_s: Some(100.0), count: 500, time, ..LoadPlan::new(address) };
        assert_eq!(plan.due(0, Duration::ZERO), Some(0));
        assert_eq!(plan.due(20, Duration::from_secs(1)), Some(80));
        assert_eq!(plan.due(499, Duration::from_secs(9)), Some(1));
        assert_eq!(plan.due(500, Duration::from_secs(9)), None);
        assert_eq!(plan.due(20, time), None);
    }

    #[test]
    fn a_refusal_is_not_counted_as_accepted() {
        let bytes =
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nx-sluice-outcome: rejected; reason=bad_key\r\n\r\n";
        let (answer, _) = parse_answer(bytes).unwrap().unwrap();
        assert!(!answer.accepted);
    }
}
