//! The connection to ClickHouse. Every query of a request goes through [`fetch_all`] or [`fetch_optional`], which bound
//! its time.

use std::time::Duration;

use clickhouse::query::Query;
use clickhouse::{Client, RowOwned, RowRead};

use crate::config::ClickhouseConfig;
use crate::http::error::ApiError;

/// The longest a query of a request may run in the server, in seconds.
const MAX_EXECUTION_S: &str = "10";
/// The longest a request waits for it: a little longer, so that the server's own words arrive.
const PATIENCE: Duration = Duration::from_secs(12);

/// A client for requests: its queries are bounded and change nothing.
#[must_use]
pub fn client(config: &ClickhouseConfig) -> Client {
    admin_client(config).with_setting("max_execution_time", MAX_EXECUTION_S)
}

/// A client for migrations and removals, which may take their time.
#[must_use]
pub fn admin_client(config: &ClickhouseConfig) -> Client {
    let client = Client::default()
        .with_url(&config.url)
        .with_database(&config.database)
        .with_user(&config.user)
        // Rows without a header of names and types: less to read, and the embedded engine repeats the header with every
        // block of an answer. The columns of each query stand in the order of its row's fields; the tests read them all.
        .with_validation(false)
        .with_product_info("sluice-api", env!("CARGO_PKG_VERSION"));
    if config.password.is_empty() { client } else { client.with_password(config.password.expose()) }
}

/// All rows of a bounded query.
///
/// # Errors
/// 503 when ClickHouse is down, too busy or too slow.
pub async fn fetch_all<T: RowOwned + RowRead>(query: Query) -> Result<Vec<T>, ApiError> {
    match tokio::time::timeout(PATIENCE, query.fetch_all::<T>()).await {
        Ok(rows) => Ok(rows?),
        Err(_) => Err(clickhouse::error::Error::TimedOut.into()),
    }
}

/// The first row of a bounded query.
///
/// # Errors
/// 503 when ClickHouse is down, too busy or too slow.
pub async fn fetch_optional<T: RowOwned + RowRead>(query: Query) -> Result<Option<T>, ApiError> {
    match tokio::time::timeout(PATIENCE, query.fetch_optional::<T>()).await {
        Ok(row) => Ok(row?),
        Err(_) => Err(clickhouse::error::Error::TimedOut.into()),
    }
}
