//! Measures the API at size: a release build of `serve`, on databases with ten thousand people, a
//! million ledger lines and ten million prospects, requested over loopback by logged-in users.
//!
//! As in all measurements, PostgreSQL gives up durability here. That does not affect reads, and the
//! two small transactions of a login do not wait for the disk.

pub mod asked;
pub mod download;
pub mod fill;
pub mod lists;
pub mod pages;
pub mod reads;
pub mod service;

use std::time::Duration;

use serde::Serialize;

use self::download::DownloadResult;
use self::fill::Size;
use self::lists::ListResult;
use self::pages::PageResult;
use self::reads::{LoginsResult, ReadsResult};
use self::service::Service;
use crate::testbed::PrivateServers;

/// The amount of data, and the number of requests.
#[derive(Debug, Clone, Copy)]
pub struct ApiPlan {
    pub size: Size,
    /// Requests for each list or detail of editable data.
    pub n_postgres: usize,
    /// Requests for each list or detail of events, and for each page.
    pub n_clickhouse: usize,
    /// The duration of the reads and of the logins.
    pub time: Duration,
}

/// The results.
#[derive(Debug, Clone, Serialize)]
pub struct ApiResult {
    pub users: u64,
    pub teams: u64,
    pub ledger_lines: u64,
    pub prospects: u64,
    pub lists: Vec<ListResult>,
    pub pages: Vec<PageResult>,
    pub download: DownloadResult,
    /// Reads as fast as possible.
    pub reads: ReadsResult,
    pub logins: LoginsResult,
}

/// Starts, fills and measures. `note` is called for each step.
///
/// # Errors
/// When something does not start, or the API answers a request with an error.
pub async fn measure(
    servers: &PrivateServers,
    plan: ApiPlan,
    note: impl Fn(&str),
) -> anyhow::Result<ApiResult> {
    let service = Service::start(servers, plan.size, &note).await?;
    note("lists and details");
    let lists = lists::measure(&service, &plan).await?;
    note("pages");
    let pages = pages::measure(&service, &plan).await?;
    note("the download of a list");
    let download = download::measure(&service).await?;
    note("reads, and logins at the same time");
    let reads = reads::reads(&service, plan.time).await?;
    let logins = reads::logins(&service, plan.time).await?;
    let Size { users, teams, ledger_lines, prospects } = plan.size;
    Ok(ApiResult { users, teams, ledger_lines, prospects, lists, pages, download, reads, logins })
}
