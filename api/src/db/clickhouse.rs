//! Clients for ClickHouse. Every query of a request goes through [`fetch_all`] or
//! [`fetch_optional`], which limit its time.

use std::time::Duration;

use clickhouse::query::Query;
use clickhouse::{Client, RowOwned, RowRead};

use crate::config::ClickhouseConfig;

/// The longest that a query of a request may run in the server, in seconds.
const MAX_EXECUTION_S: &str = "10";
/// The longest that a request waits for a query. Longer than the above, so that the server's own
/// error arrives first.
const PATIENCE: Duration = Duration::from_secs(12);

/// Creates a client for requests. Its queries are limited in time and only read.
#[must_use]
pub fn client(config: &ClickhouseConfig) -> Client {
    admin_client(config).with_setting("max_execution_time", MAX_EXECUTION_S)
}

/// Creates a client for migrations and deletions, without a time limit.
#[must_use]
pub fn admin_client(config: &ClickhouseConfig) -> Client {
    let client = Client::default()
        .with_url(&config.url)
        .with_database(&config.database)
        .with_user(&config.user)
        // Rows come without a header of names and types: the embedded engine repeats that header
        // with every block. So each query must select its columns in the order of the row's
        // fields; the tests read every column.
        .with_validation(false)
        .with_product_info("sluice-api", env!("CARGO_PKG_VERSION"));
    if config.password.is_empty() { client } else { client.with_password(config.password.expose()) }
}

/// Returns all rows of a query, within a time limit.
///
/// # Errors
/// When ClickHouse is down, too busy or too slow.
pub async fn fetch_all<T: RowOwned + RowRead>(query: Query) -> clickhouse::error::Result<Vec<T>> {
    match tokio::time::timeout(PATIENCE, query.fetch_all::<T>()).await {
        Ok(rows) => rows,
        Err(_) => Err(clickhouse::error::Error::TimedOut),
    }
}

/// Returns the first row of a query, within a time limit.
///
/// # Errors
/// When ClickHouse is down, too busy or too slow.
pub async fn fetch_optional<T: RowOwned + RowRead>(query: Query) -> clickhouse::error::Result<Option<T>> {
    match tokio::time::timeout(PATIENCE, query.fetch_optional::<T>()).await {
        Ok(row) => row,
        Err(_) => Err(clickhouse::error::Error::TimedOut),
    }
}
