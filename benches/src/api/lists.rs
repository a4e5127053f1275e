//! Measures the time of each list and detail, one request at a time on a keep-alive connection.

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::Context as _;
use hdrhistogram::Histogram;
use serde::Serialize;

use super::ApiPlan;
use super::asked::{Asker, Known, Line, Numbers, lines};
use super::service::Service;
use crate::clickhouse::ClickHouse;
use crate::load::Connection;

/// Requests before the measurement, so that connections, plans and caches are as in a running
/// service.
pub(super) const N_WARM_UP: usize = 10;
/// The number of event ids to choose from.
const N_KNOWN: usize = 500;

/// A line of the table. Times are in milliseconds.
#[derive(Debug, Clone, Serialize)]
pub struct ListResult {
    pub name: String,
    pub n: u64,
    pub p50_ms: f64,
    pub p95_ms: f64,
    pub wanted_p95_ms: f64,
    pub holds: bool,
}

/// Measures all lines.
///
/// # Errors
/// When the API answers a request with an error.
pub(super) async fn measure(service: &Service, plan: &ApiPlan) -> anyhow::Result<Vec<ListResult>> {
    let known = known(&service.clickhouse).await?;
    let mut numbers = Numbers::new(service.size, &known);
    let owner = service.log_in("owner").await?;
    let lead = service.log_in("user2").await?;
    let buyer = service.log_in(&format!("user{}", service.size.first_buyer())).await?;
    let mut results = Vec::new();
    for line in lines() {
        let bearer = match line.asker {
            Asker::Owner => &owner,
            Asker::Lead => &lead,
            Asker::Buyer => &buyer,
        };
        let n = if line.is_postgres { plan.n_postgres } else { plan.n_clickhouse };
        let mut paths = Vec::new();
        let next = if line.is_next { Some(service.next_page(&line.path, bearer).await?) } else { None };
        for _ in 0..n + N_WARM_UP.min(n) {
            paths.push(next.clone().unwrap_or_else(|| numbers.put_in(&line.path)));
        }
        let (address, bearer) = (service.address, bearer.clone());
        let asked = tokio::task::spawn_blocking(move || ask(address, &bearer, &paths, n)).await?;
        results.push(result(&line, &asked.with_context(|| line.name())?));
    }
    Ok(results)
}

/// Returns the times of the last `n` paths, in microseconds.
fn ask(address: SocketAddr, bearer: &str, paths: &[String], n: usize) -> anyhow::Result<Histogram<u64>> {
    let mut connection = Connection::open(address)?;
    let mut times = Histogram::<u64>::new(3)?;
    for (at, path) in paths.iter().enumerate() {
        let request = get(address, path, bearer);
        let begin = Instant::now();
        connection.send(request.as_bytes())?;
        let answer = connection.receive().with_context(|| path.clone())?;
        anyhow::ensure!(answer.status == 200, "{path} was answered with status {}", answer.status);
        if at + n >= paths.len() {
            times.record(begin.elapsed().as_micros() as u64)?;
        }
    }
    Ok(times)
}

/// Returns a request as a program sends it.
pub(super) fn get(address: SocketAddr, path: &str, bearer: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: {bearer}\r\nAccept: */*\r\n\r\n")
}

pub(super) fn result(line: &Line, times: &Histogram<u64>) -> ListResult {
    let ms = |quantile| times.value_at_quantile(quantile) as f64 / 1e3;
    let p95_ms = ms(0.95);
    ListResult {
        name: line.name(),
        n: times.len(),
        p50_ms: ms(0.5),
        p95_ms,
        wanted_p95_ms: line.wanted_ms,
        holds: p95_ms < line.wanted_ms,
    }
}

/// Returns ids of events from the whole range of time.
pub(super) async fn known(clickhouse: &ClickHouse) -> anyhow::Result<Known> {
    let ids = async |column: &str, table: &str| {
        let n = clickhouse.number(&format!("SELECT count() FROM {table}")).await?;
        let sql = format!(
            "SELECT {column} FROM {table} WHERE cityHash64({column}) % {} = 0 LIMIT {N_KNOWN}",
            (n / N_KNOWN as i64).max(1)
        );
        let text = clickhouse.query(&sql).await?;
        anyhow::Ok(text.lines().map(str::to_owned).collect::<Vec<_>>())
    };
    Ok(Known { prospects: ids("prospect_id", "prospects").await?, orders: ids("order_id", "orders").await? })
}
