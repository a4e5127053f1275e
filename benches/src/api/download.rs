//! Measures the download of a long list as CSV: rows per second, and how much memory of the service
//! it takes.

use std::time::Instant;

use anyhow::Context as _;
use chrono::Days;
use serde::Serialize;

use super::asked::today;
use super::fill::DAYS;
use super::service::Service;
use crate::proc;

/// The smallest rate.
const WANTED_PER_S: f64 = 50_000.0;
/// The most memory that a download may add.
const WANTED_KIB: u64 = 30 * 1024;
/// The number of chunks of the answer that are received between two looks at the memory.
const N_CHUNKS_A_LOOK: usize = 16;

/// The result of a download.
#[derive(Debug, Clone, Serialize)]
pub struct DownloadResult {
    pub path: String,
    pub rows: u64,
    pub bytes: u64,
    pub per_s: f64,
    /// The time to the first byte, in milliseconds.
    pub first_byte_ms: f64,
    /// The largest growth of the service's memory, without mapped files.
    pub grew_kib: u64,
    pub wanted_per_s: f64,
    pub wanted_kib: u64,
    pub holds: bool,
}

/// Downloads a tenth of the prospects.
///
/// # Errors
/// When the service answers with an error, or the download breaks off.
pub(super) async fn measure(service: &Service) -> anyhow::Result<DownloadResult> {
    let browser = service.open_browser("owner").await?;
    let (first, last) = (today() - Days::new(DAYS / 10), today() - Days::new(1));
    let path = format!("/prospects/export.csv?from={first}&to={last}&tz=UTC");
    let pid = service.child.pid();
    let before = proc::memory(pid)?.anonymous_kib;
    let begin = Instant::now();
    let mut answer = browser.get(format!("http://{}{path}", service.address)).send().await?;
    anyhow::ensure!(answer.status() == 200, "{path} was answered with status {}", answer.status());
    let (mut lines, mut bytes, mut first_byte_ms, mut most) = (0_u64, 0_u64, None, before);
    let mut n_chunks = 0_usize;
    while let Some(chunk) = answer.chunk().await.context("the download broke off")? {
        first_byte_ms.get_or_insert_with(|| begin.elapsed().as_secs_f64() * 1e3);
        lines += memchr::memchr_iter(b'\n', &chunk).count() as u64;
        bytes += chunk.len() as u64;
        if n_chunks.is_multiple_of(N_CHUNKS_A_LOOK) {
            most = most.max(proc::memory(pid)?.anonymous_kib);
        }
        n_chunks += 1;
    }
    // Without the heading.
    let rows = lines.saturating_sub(1);
    let per_s = rows as f64 / begin.elapsed().as_secs_f64();
    let grew_kib = most - before;
    Ok(DownloadResult {
        path,
        rows,
        bytes,
        per_s,
        first_byte_ms: first_byte_ms.context("the download is empty")?,
        grew_kib,
        wanted_per_s: WANTED_PER_S,
        wanted_kib: WANTED_KIB,
        holds: per_s >= WANTED_PER_S && grew_kib < WANTED_KIB,
    })
}
