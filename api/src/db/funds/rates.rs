//! Exchange rates in Postgres.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::{FromRow, PgConnection, PgExecutor, PgPool};

use crate::db::list_query::{Keyed, ListQuery};
use crate::db::sort::{Column, Key, Order, Sorting};

/// The constraint that allows one rate for each pair and day.
pub const ONE_A_DAY: &str = "fund_rates_one_a_day";

/// The price of one unit of `base` in `quote`, from a day on, in units of 10⁻⁹.
#[derive(Debug, Clone, FromRow)]
pub struct RateRow {
    pub id: i64,
    pub base: String,
    pub quote: String,
    pub day: NaiveDate,
    pub rate_e9: i64,
    pub version: i64,
}

/// The columns of a rate to insert or update.
#[derive(Debug, Clone, Copy)]
pub struct RateValues {
    pub base: &'static str,
    pub quote: &'static str,
    pub day: NaiveDate,
    pub rate_e9: i64,
}

/// Filters of a list of rates.
#[derive(Debug, Clone, Copy)]
pub struct RateFilter {
    pub base: Option<&'static str>,
    pub quote: Option<&'static str>,
    pub from: Option<NaiveDate>,
    pub to: Option<NaiveDate>,
}

pub const SORTING: Sorting = Sorting::new(
    "-date",
    &[Key::number("id")],
    &[
        Column::new("date", &[Key::day("day")]),
        Column::new("id", &[]),
        Column::new("base", &[Key::text("base")]),
        Column::new("quote", &[Key::text("quote")]),
        Column::new("rate", &[Key::number("rate_e9")]),
    ],
);

pub async fn list(pool: &PgPool, filter: &RateFilter, order: &Order) -> sqlx::Result<Vec<Keyed<RateRow>>> {
    ListQuery::new(order, "id, base, quote, day, rate_e9, version", "fund_rates")
        .when("base = ?", filter.base)
        .when("quote = ?", filter.quote)
        .when("day >= ?", filter.from)
        .when("day <= ?", filter.to)
        .fetch(pool)
        .await
}

pub async fn find(pool: &PgPool, id: i64) -> sqlx::Result<Option<RateRow>> {
    sqlx::query_as!(
        RateRow,
        "SELECT id, base, quote, day, rate_e9, version FROM fund_rates WHERE id = $1",
        id
    )
    .fetch_optional(pool)
    .await
}

pub async fn lock_exclusive(connection: &mut PgConnection, id: i64) -> sqlx::Result<Option<RateRow>> {
    sqlx::query_as!(
        RateRow,
        "SELECT id, base, quote, day, rate_e9, version FROM fund_rates WHERE id = $1 FOR UPDATE",
        id
    )
    .fetch_optional(connection)
    .await
}

/// # Errors
/// A violation of [`ONE_A_DAY`].
pub async fn insert(
    connection: &mut PgConnection,
    new: &RateValues,
    now: DateTime<Utc>,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        "INSERT INTO fund_rates (base, quote, day, rate_e9, created_at) VALUES ($1, $2, $3, $4, $5) RETURNING id",
        new.base,
        new.quote,
        new.day,
        new.rate_e9,
        now,
    )
    .fetch_one(connection)
    .await
}

/// # Errors
/// A violation of [`ONE_A_DAY`].
pub async fn update(connection: &mut PgConnection, id: i64, new: &RateValues) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE fund_rates SET base = $2, quote = $3, day = $4, rate_e9 = $5, version = version + 1 WHERE id = $1",
        id,
        new.base,
        new.quote,
        new.day,
        new.rate_e9,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub async fn delete(connection: &mut PgConnection, id: i64) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM fund_rates WHERE id = $1", id).execute(connection).await?;
    Ok(())
}

/// Returns the currencies that have rates.
pub async fn currencies(pool: &PgPool) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(r#"SELECT DISTINCT unnest(ARRAY[base, quote]) AS "code!" FROM fund_rates ORDER BY 1"#)
        .fetch_all(pool)
        .await
}

/// Finds the newest rate between two currencies, in either direction, that is not later than a day.
/// Of two rates of the same day, prefers the one from `base` to `quote`.
pub async fn newest(
    executor: impl PgExecutor<'_>,
    base: &str,
    quote: &str,
    day: NaiveDate,
) -> sqlx::Result<Option<RateRow>> {
    sqlx::query_as!(
        RateRow,
        "SELECT id, base, quote, day, rate_e9, version FROM fund_rates
         WHERE ((base = $1 AND quote = $2) OR (base = $2 AND quote = $1)) AND day <= $3
         ORDER BY day DESC, base = $1 DESC LIMIT 1",
        base,
        quote,
        day,
    )
    .fetch_optional(executor)
    .await
}

/// Lists the rates between a currency and every other, in both directions, that are not later than
/// a day.
pub async fn all_of(pool: &PgPool, currency: &str, last: NaiveDate) -> sqlx::Result<Vec<RateRow>> {
    sqlx::query_as!(
        RateRow,
        "SELECT id, base, quote, day, rate_e9, version FROM fund_rates
         WHERE (base = $1 OR quote = $1) AND day <= $2 ORDER BY day",
        currency,
        last,
    )
    .fetch_all(pool)
    .await
}
