//! The two databases: connections, and every query that the service makes. Values are always parameters.

pub mod api_tokens;
pub mod audit;
pub mod campaigns;
pub mod changes;
pub mod clickhouse;
pub mod demo;
pub mod event_filter;
pub mod funds;
pub mod idempotency;
pub mod images;
pub mod orders;
pub mod parked;
pub mod partners;
pub mod password_resets;
pub mod prospects;
pub mod rollups;
pub mod scope;
pub mod sessions;
pub mod sources;
pub mod teams;
pub mod tokens;
pub mod tracking_keys;
pub mod users;
pub mod windows;

use std::time::Duration;

use chrono::{DateTime, Utc};
use sluice_runtime::clock::Clock;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection as _, PgPool, Postgres, Transaction};

use crate::config::PostgresConfig;
use crate::http::error::ApiError;

/// How long a request waits for a connection before it is told that Postgres is not available.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// The longest a statement of a request may run.
const STATEMENT_TIMEOUT: &str = "10s";

/// A pool that connects when it is asked, so that the service starts while Postgres is down.
///
/// # Errors
/// When the URL cannot be read.
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
        // A question to a connection that answered a moment ago would double the round trips of a short request.
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

/// How long a connection may have rested to be taken for one that still stands. Where it does not, the request that got it is
/// answered 503, and the connection is out of the pool.
const TRUSTED_IDLE: Duration = Duration::from_millis(500);

/// For a list with many filters: its statement is planned for the filters that are asked for, each of which has an index.
/// One plan for all of them, which Postgres would keep after a few requests, could use none.
pub async fn begin_with_custom_plans(pool: &PgPool) -> sqlx::Result<Transaction<'static, Postgres>> {
    let mut transaction = pool.begin().await?;
    sqlx::query!("SET LOCAL plan_cache_mode = force_custom_plan").execute(&mut *transaction).await?;
    Ok(transaction)
}

/// The clock's time as the databases take it.
#[must_use]
pub fn time_of(clock: &Clock) -> DateTime<Utc> {
    let now_ms = i64::try_from(clock.now_ms()).unwrap_or(i64::MAX);
    DateTime::from_timestamp_millis(now_ms).unwrap_or(DateTime::UNIX_EPOCH)
}

/// A pattern for `ILIKE` that finds a text anywhere.
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

/// The name of the constraint that a statement violated.
#[must_use]
pub fn violated_constraint(error: &sqlx::Error) -> Option<&str> {
    error.as_database_error().and_then(|error| error.constraint())
}

/// Maps the violation of a constraint to an error of a field. `known` lists constraint, field and
/// message. Every other error keeps its meaning.
#[must_use]
pub fn constraint_to_field(error: sqlx::Error, known: &[(&str, &str, &str)]) -> ApiError {
    let found = violated_constraint(&error)
        .and_then(|constraint| known.iter().find(|(known, _, _)| *known == constraint));
    match found {
        Some((_, field, message)) => ApiError::field(field, *message),
        None => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_searched_for_is_taken_literally() {
        assert_eq!(like_pattern(r"a_b%c\"), r"%a\_b\%c\\%");
    }
}
