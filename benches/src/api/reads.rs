//! Authorised reads and logins per second, sent by blocking clients with a thread and a keep-alive
//! connection each. The reads are a mix of lists and details from PostgreSQL. Paced requests
//! measure from the time at which they were due, so that a service that falls behind cannot hide
//! it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use hdrhistogram::Histogram;
use serde::Serialize;

use super::asked::{Known, Numbers};
use super::lists::get;
use super::service::{Service, login_body};
use crate::load::Connection;
use crate::proc::cpu_time;

/// The requests of a reader, in turn.
const MIX: [&str; 4] = [
    "/api/users/list/?limit=20",
    "/api/users/detail/{user}/",
    "/api/campaigns/detail/{campaign}/",
    "/api/funds/balances/list/?account_id={account}",
];
const N_REQUESTS: usize = 2_000;
const N_READERS: usize = 16;
const WARM_UP: Duration = Duration::from_secs(1);
/// The background load that logins must not starve, and the rate of logins.
const READS_PER_S: f64 = 200.0;
const LOGINS_PER_S: f64 = 50.0;
const N_LOGGING_IN: usize = 16;

/// The result of reads as fast as possible.
#[derive(Debug, Clone, Serialize)]
pub struct ReadsResult {
    pub per_s: f64,
    pub p50_ms: f64,
    pub p95_ms: f64,
    /// CPU time of the service per request, in microseconds.
    pub cpu_us: f64,
    /// The same, with only lists of a hundred users.
    pub long_lists_per_s: f64,
}

/// The result of logins at the same time as reads.
#[derive(Debug, Clone, Serialize)]
pub struct LoginsResult {
    pub per_s: f64,
    /// Logins with another status than 200: 503 if too many wait.
    pub refused: u64,
    pub p50_ms: f64,
    pub p95_ms: f64,
    pub reads_per_s: f64,
    pub reads_alone_p95_ms: f64,
    pub reads_beside_p95_ms: f64,
}

/// Requests that several clients send in turn.
#[derive(Debug, Clone)]
struct Clients {
    address: SocketAddr,
    requests: Vec<String>,
    n_clients: usize,
    /// The rate of all clients together; as fast as possible if absent.
    per_s: Option<f64>,
    time: Duration,
}

struct Answered {
    times_us: Histogram<u64>,
    n_good: u64,
    elapsed: Duration,
}

impl Answered {
    fn ms(&self, quantile: f64) -> f64 {
        self.times_us.value_at_quantile(quantile) as f64 / 1e3
    }

    fn good_per_s(&self) -> f64 {
        self.n_good as f64 / self.elapsed.as_secs_f64()
    }
}

/// Measures the reads.
///
/// # Errors
/// When the API answers a request with an error.
pub(super) async fn reads(service: &Service, time: Duration) -> anyhow::Result<ReadsResult> {
    let clients = readers(service, &MIX, None, time).await?;
    Clients { time: WARM_UP, ..clients.clone() }.run().await?;
    let before = cpu_time(service.child.pid())?;
    let answered = clients.run_all_good().await?;
    let cpu = cpu_time(service.child.pid())?.saturating_sub(before);
    let long = readers(service, &["/api/users/list/"], None, time / 2).await?.run_all_good().await?;
    Ok(ReadsResult {
        per_s: answered.good_per_s(),
        p50_ms: answered.ms(0.5),
        p95_ms: answered.ms(0.95),
        cpu_us: cpu.as_secs_f64() * 1e6 / answered.n_good as f64,
        long_lists_per_s: long.good_per_s(),
    })
}

/// Measures logins of different people at the same time as paced reads.
///
/// # Errors
/// When the API answers a read with an error.
pub(super) async fn logins(service: &Service, time: Duration) -> anyhow::Result<LoginsResult> {
    let readers = readers(service, &MIX, Some(READS_PER_S), time).await?;
    let alone = readers.run_all_good().await?;
    let clients = Clients {
        address: service.address,
        requests: (2..service.size.users).map(|user| login(service.address, user)).collect(),
        n_clients: N_LOGGING_IN,
        per_s: Some(LOGINS_PER_S),
        time,
    };
    let (logins, beside) = tokio::try_join!(clients.run(), readers.run_all_good())?;
    Ok(LoginsResult {
        per_s: logins.good_per_s(),
        refused: logins.times_us.len() - logins.n_good,
        p50_ms: logins.ms(0.5),
        p95_ms: logins.ms(0.95),
        reads_per_s: beside.good_per_s(),
        reads_alone_p95_ms: alone.ms(0.95),
        reads_beside_p95_ms: beside.ms(0.95),
    })
}

async fn readers(
    service: &Service,
    mix: &[&str],
    per_s: Option<f64>,
    time: Duration,
) -> anyhow::Result<Clients> {
    let known = Known::default();
    let mut numbers = Numbers::new(service.size, &known);
    let bearer = service.log_in("owner").await?;
    let mix = mix.iter().cycle().take(N_REQUESTS);
    let requests = mix.map(|path| get(service.address, &numbers.put_in(path), &bearer)).collect();
    Ok(Clients { address: service.address, requests, n_clients: N_READERS, per_s, time })
}

fn login(address: SocketAddr, user: u64) -> String {
    let body = login_body(user);
    format!(
        "POST /api/users/login/ HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

impl Clients {
    async fn run_all_good(&self) -> anyhow::Result<Answered> {
        let answered = self.run().await?;
        let n_bad = answered.times_us.len() - answered.n_good;
        anyhow::ensure!(n_bad == 0, "{n_bad} reads were refused");
        Ok(answered)
    }

    async fn run(&self) -> anyhow::Result<Answered> {
        let clients = (0..self.n_clients).map(|number| {
            let clients = self.clone();
            tokio::task::spawn_blocking(move || clients.run_one(number))
        });
        let begin = Instant::now();
        let mut all = Answered { times_us: Histogram::new(3)?, n_good: 0, elapsed: Duration::ZERO };
        for client in clients.collect::<Vec<_>>() {
            let answered = client.await??;
            all.times_us.add(answered.times_us)?;
            all.n_good += answered.n_good;
        }
        all.elapsed = begin.elapsed();
        Ok(all)
    }

    /// Sends the requests of one client: every n-th one, when it is due.
    fn run_one(&self, number: usize) -> anyhow::Result<Answered> {
        let mut connection = Connection::open(self.address)?;
        let mut answered = Answered { times_us: Histogram::new(3)?, n_good: 0, elapsed: Duration::ZERO };
        let begin = Instant::now();
        for at in (number..).step_by(self.n_clients) {
            let due = self.per_s.map_or(begin.elapsed(), |per_s| Duration::from_secs_f64(at as f64 / per_s));
            if due.max(begin.elapsed()) >= self.time {
                break;
            }
            std::thread::sleep(due.saturating_sub(begin.elapsed()));
            connection.send(self.requests[at % self.requests.len()].as_bytes())?;
            let answer = connection.receive().context("a connection broke")?;
            answered.times_us.record((begin.elapsed().saturating_sub(due)).as_micros() as u64)?;
            answered.n_good += u64::from(answer.status == 200);
        }
        Ok(answered)
    }
}
