//! The API's answers at size: `serve` as it is built for release, on databases filled with ten thousand people, a million
//! ledger lines and ten million prospects, asked over loopback by people who logged in.
//!
//! PostgreSQL gives up durability here (as in all measurements): reads do not notice, and a login's two small transactions
//! wait for no disk.

pub mod asked;
pub mod fill;
pub mod lists;
pub mod reads;
pub mod service;

use std::time::Duration;

use serde::Serialize;

use self::fill::Size;
use self::lists::ListResult;
use self::reads::{LoginsResult, ReadsResult};
use self::service::Service;
use crate::way::PrivateServers;

/// How much there is, and how often it is asked for.
#[derive(Debug, Clone, Copy)]
pub struct ApiPlan {
    pub size: Size,
    /// Requests for each list or detail of what people edit.
    pub n_postgres: usize,
    /// Requests for each list or detail of events.
    pub n_clickhouse: usize,
    /// How long reads and logins go on.
    pub time: Duration,
}

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub struct ApiResult {
    pub users: u64,
    pub teams: u64,
    pub ledger_lines: u64,
    pub prospects: u64,
    pub lists: Vec<ListResult>,
    /// As many as are answered.
    pub reads: ReadsResult,
    pub logins: LoginsResult,
}

/// Starts, fills and measures. `note` hears of each step.
///
/// # Errors
/// When something does not start, or a request is answered with an error.
pub async fn measure(
    servers: &PrivateServers,
    plan: ApiPlan,
    note: impl Fn(&str),
) -> anyhow::Result<ApiResult> {
    let service = Service::start(servers, plan.size, &note).await?;
    note("lists and details");
    let lists = lists::measure(&service, &plan).await?;
    note("reads, and logins beside them");
    let reads = reads::reads(&service, plan.time).await?;
    let logins = reads::logins(&service, plan.time).await?;
    let Size { users, teams, ledger_lines, prospects } = plan.size;
    Ok(ApiResult { users, teams, ledger_lines, prospects, lists, reads, logins })
}
