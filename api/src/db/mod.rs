//! Connections to the two databases, and every query of the service. Values are always parameters.
//!
//! Every function fails when its database does. `# Errors` sections list only other errors.
//!
//! The names of functions that lock say how: an exclusive lock keeps out every other lock until the
//! transaction ends, a shared lock only the exclusive ones.

pub mod access;
pub mod api_tokens;
pub mod audit;
pub mod campaigns;
pub mod changes;
pub mod clickhouse;
pub mod demo;
pub mod event_conditions;
pub mod event_filter;
pub mod event_order;
pub mod figures;
pub mod funds;
pub mod idempotency;
pub mod images;
pub mod list_query;
pub mod live;
pub mod migrations;
pub mod names;
pub mod needs;
pub mod orders;
pub mod parked;
pub mod parked_counts;
pub mod parked_decisions;
pub mod partners;
pub mod password_resets;
pub mod pipeline;
pub mod prospects;
pub mod report_views;
pub mod scope;
pub mod search_text;
pub mod second_factors;
pub mod sessions;
pub mod sort;
pub mod sources;
pub mod system;
pub mod teams;
pub mod time_slices;
pub mod tokens;
pub mod tracking_keys;
pub mod users;
pub mod waiting;

use std::time::Duration;

use chrono::{DateTime, Utc};
use sluice_runtime::clock::Clock;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection as _, PgPool};

use crate::config::PostgresConfig;

/// The last time that lists accept: the start of the year 2100, in Unix milliseconds.
pub const MAX_TIME_MS: i64 = 4_102_444_800_000;
/// The time that a request waits for a connection before it fails with 503.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// The longest a statement of a request may run.
const STATEMENT_TIMEOUT: &str = "10s";

/// Creates a pool that connects on first use, so that the service starts while Postgres is down.
///
/// # Errors
/// Fails if the URL is not valid.
pub fn postgres_pool(config: &PostgresConfig) -> Result<PgPool, sqlx::Error> {
    let options = config
        .url
        .expose()
        .parse::<PgConnectOptions>()?
        .application_name("sluice-api")
        .options([("statement_timeout", STATEMENT_TIMEOUT)]);
    Ok(PgPoolOptions::new()
        .max_connections(config.max_connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // A ping before each use would double the round trips of a short request.
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for > TRUSTED_IDLE {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_lazy_with(options))
}

/// A connection that was idle for less than this is used without a ping. If the connection is
/// broken anyway, the request gets a 503 and the pool drops the connection.
const TRUSTED_IDLE: Duration = Duration::from_millis(500);

/// Returns the clock's time in the type of the database drivers.
#[must_use]
pub fn time_of(clock: &Clock) -> DateTime<Utc> {
    let now_ms = i64::try_from(clock.now_ms()).unwrap_or(i64::MAX);
    DateTime::from_timestamp_millis(now_ms).unwrap_or(DateTime::UNIX_EPOCH)
}

/// Returns an `ILIKE` pattern that matches a literal text anywhere.
#[must_use]
pub fn like_pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for ch in text.chars() {
        if matches!(ch, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(ch);
    }
    pattern.push('%');
    pattern
}

/// Returns the name of the constraint that a statement violated.
#[must_use]
pub fn violated_constraint(error: &sqlx::Error) -> Option<&str> {
    error.as_database_error().and_then(|error| error.constraint())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_its_text_literally() {
        assert_eq!(like_pattern(r"a_b%c\"), r"%a\_b\%c\\%");
    }
}
