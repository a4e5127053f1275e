//! The client of the fault runs. It sends numbered pixels and orders at a steady pace over
//! connections that may break at any time. It never sends a number twice, and it records the
//! acknowledged numbers. A number without an acknowledgement may or may not have arrived; an
//! acknowledged number must have arrived.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use sluice_bench::load::{Answer, Connection};
use uuid::Uuid;

const THREADS: u64 = 4;
const PAUSE: Duration = Duration::from_micros(2500);
const RECONNECT_PAUSE: Duration = Duration::from_millis(10);
/// One order per this many pixels.
const PIXELS_PER_ORDER: u64 = 10;

/// The sent numbers. Pixels have theirs in `sub1`, orders in the e-mail address.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) acknowledged_pixels: Vec<u64>,
    pub(crate) other_pixels: Vec<u64>,
    pub(crate) acknowledged_orders: Vec<u64>,
    pub(crate) other_orders: Vec<u64>,
}

impl Record {
    fn add(&mut self, other: Self) {
        self.acknowledged_pixels.extend(other.acknowledged_pixels);
        self.other_pixels.extend(other.other_pixels);
        self.acknowledged_orders.extend(other.acknowledged_orders);
        self.other_orders.extend(other.other_orders);
    }
}

/// Clients that send until they are stopped.
pub(crate) struct Clients {
    stop: Arc<AtomicBool>,
    n_acknowledged: Arc<AtomicU64>,
    threads: Vec<JoinHandle<Record>>,
}

impl Clients {
    /// Starts sending.
    pub(crate) fn start(edge: SocketAddr) -> Self {
        let (stop, n_acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let threads = (0..THREADS)
            .map(|thread| {
                let (stop, n_acknowledged) = (Arc::clone(&stop), Arc::clone(&n_acknowledged));
                std::thread::spawn(move || {
                    let mut client =
                        Client { edge, connection: None, record: Record::default(), n_acknowledged };
                    let mut number = thread;
                    while !stop.load(Ordering::Relaxed) {
                        client.send_next(number);
                        number += THREADS;
                        std::thread::sleep(PAUSE);
                    }
                    client.record
                })
            })
            .collect();
        Self { stop, n_acknowledged, threads }
    }

    /// Returns the number of pixels and orders acknowledged so far.
    pub(crate) fn n_acknowledged(&self) -> u64 {
        self.n_acknowledged.load(Ordering::Relaxed)
    }

    /// Stops the clients. Returns what they sent.
    pub(crate) fn stop(self) -> Record {
        self.stop.store(true, Ordering::Relaxed);
        let mut record = Record::default();
        for thread in self.threads {
            record.add(thread.join().expect("a client does not panic"));
        }
        record
    }
}

struct Client {
    edge: SocketAddr,
    connection: Option<Connection>,
    record: Record,
    n_acknowledged: Arc<AtomicU64>,
}

impl Client {
    fn send_next(&mut self, number: u64) {
        let id = Uuid::now_v7();
        if !self.send(&pixel(number, id), 200) {
            self.record.other_pixels.push(number);
            return;
        }
        self.record.acknowledged_pixels.push(number);
        // Only for prospects that are certainly stored, so that every acknowledged order must be
        // joined in the end.
        if number.is_multiple_of(PIXELS_PER_ORDER) {
            if self.send(&order(number, id), 201) {
                self.record.acknowledged_orders.push(number);
            } else {
                self.record.other_orders.push(number);
            }
        }
    }

    /// Returns whether the edge acknowledged the request. A broken connection is replaced for the
    /// next request.
    fn send(&mut self, request: &[u8], status: u16) -> bool {
        let answer = self.exchange(request);
        let acknowledged = matches!(&answer, Ok(answer) if answer.accepted && answer.status == status);
        if acknowledged {
            self.n_acknowledged.fetch_add(1, Ordering::Relaxed);
        }
        if answer.is_err() {
            self.connection = None;
            std::thread::sleep(RECONNECT_PAUSE);
        }
        acknowledged
    }

    fn exchange(&mut self, request: &[u8]) -> std::io::Result<Answer> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(Connection::open(self.edge)?),
        };
        connection.send(request)?;
        connection.receive()
    }
}

fn pixel(number: u64, id: Uuid) -> Vec<u8> {
    let user = number % 5 + 3;
    format!(
        "GET /p.gif?user_id={user}&pid={id}&sub1={number}&utm_source=fault HTTP/1.1\r\n\
         Host: t.example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0\r\n\
         X-Forwarded-For: 91.0.{}.{}\r\n\r\n",
        number / 250 % 250,
        number % 250 + 1
    )
    .into_bytes()
}

fn order(number: u64, prospect: Uuid) -> Vec<u8> {
    let body = format!(
        "prospect_id={prospect}&email=n{number}%40example.com&phone_number=%2B10000000&first_name=Ana&last_name=Costa\
         &delivery_address=1+Mill+Lane"
    );
    format!(
        "POST /o HTTP/1.1\r\nHost: t.example.com\r\nX-Forwarded-For: 91.0.0.1\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
