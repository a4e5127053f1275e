//! All rows of a report as a CSV file: flat, in the order of the report, streamed as ClickHouse
//! sends them. A few thousand rows are in memory at a time. A query that fails on the way breaks
//! the download, so that no file seems complete.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use clickhouse::error::Error;
use clickhouse::query::RowCursor;
use futures::stream;
use serde_json::{Value, json};

use crate::db::audit::{self, Actor, Diff};
use crate::http::allowed::Allowed;
use crate::http::csv::{read_separator, response, safe, writer, written};
use crate::http::error::ApiError;
use crate::http::query::Params;
use crate::http::state::App;
use crate::policy::Resource;
use crate::reports::dimensions::Kind;
use crate::reports::failure::explained;
use crate::reports::keys::Keys;
use crate::reports::metric::Unit;
use crate::reports::prepare::{Prepared, prepare};
use crate::reports::query::MAX_FILE_SECONDS;
use crate::reports::request::Report;
use crate::reports::sums::{GroupRow, SumsRow};

/// Rows that are written at once.
const N_ROWS: usize = 2000;

/// The state of a download.
struct Download {
    app: App,
    report: Report,
    keys: Keys,
    cursor: RowCursor<GroupRow>,
    separator: u8,
    /// The first rows, which were read before the response began.
    ready: Option<Vec<GroupRow>>,
    is_first: bool,
}

/// Sends a report as a file.
///
/// # Errors
/// 400 for a wrong parameter.
pub async fn send(
    app: App,
    allowed: Allowed,
    actor: Actor,
    query: Option<&str>,
) -> Result<Response, ApiError> {
    let mut params = Params::parse(query);
    let separator = read_separator(&mut params);
    let Prepared { plan, keys } = prepare(&app, &allowed, params, query, true).await?;
    let mut cursor = plan.all_rows(&app.clickhouse).fetch::<GroupRow>()?;
    let first = next_rows(&mut cursor).await?;
    let mut connection = app.postgres.acquire().await?;
    let facts = json!({"query": query.unwrap_or_default()});
    audit::record(&mut connection, &actor, "export", Resource::Figures, "", Diff::noted(facts)).await?;
    drop(connection);
    let report = plan.report;
    let download = Download { app, report, keys, cursor, separator, ready: Some(first), is_first: true };
    let parts = stream::try_unfold(download, |download| async move {
        download.part().await.map_err(|error| io::Error::other(error.sentence()))
    });
    Ok(response("report", Body::from_stream(parts)))
}

async fn next_rows(cursor: &mut RowCursor<GroupRow>) -> Result<Vec<GroupRow>, ApiError> {
    let read = async {
        let mut rows = Vec::new();
        while let Some(row) = cursor.next().await? {
            rows.push(row);
            if rows.len() == N_ROWS {
                break;
            }
        }
        Ok(rows)
    };
    // ClickHouse's own error comes first, unless it does not answer at all.
    let patience = Duration::from_secs(u64::from(MAX_FILE_SECONDS) + 2);
    let rows = tokio::time::timeout(patience, read).await.unwrap_or(Err(Error::TimedOut));
    rows.map_err(|error| explained(error, MAX_FILE_SECONDS))
}

impl Download {
    async fn part(mut self) -> Result<Option<(Bytes, Self)>, ApiError> {
        let rows = match self.ready.take() {
            Some(rows) => rows,
            None => next_rows(&mut self.cursor).await?,
        };
        if rows.is_empty() && !self.is_first {
            return Ok(None);
        }
        self.keys.load_names(&self.app.postgres, &self.report, &rows).await?;
        let text = self.write(&rows).map_err(|error| ApiError::internal(&error))?;
        self.is_first = false;
        Ok(Some((text, self)))
    }

    fn write(&self, rows: &[GroupRow]) -> Result<Bytes, csv::Error> {
        let mut writer = writer(self.separator, self.is_first);
        if self.is_first {
            writer.write_record(headings(&self.report))?;
        }
        for row in rows {
            writer.write_record(values(&self.report, &self.keys, row))?;
        }
        written(writer)
    }
}

/// An id is followed by its name. Amounts are in the currency of the column before the metrics.
fn headings(report: &Report) -> Vec<String> {
    let mut headings = Vec::new();
    for dimension in &report.dimensions {
        headings.push(dimension.label.to_owned());
        if matches!(dimension.kind, Kind::Id(_)) {
            headings.push(format!("{} (name)", dimension.label));
        }
    }
    if has_money(report) {
        headings.push("Currency".to_owned());
    }
    headings.extend(report.metrics.iter().map(|metric| metric.label.to_owned()));
    if report.comparison.is_some() {
        headings.extend(report.metrics.iter().map(|metric| format!("{} (before)", metric.label)));
    }
    headings
}

fn has_money(report: &Report) -> bool {
    report.metrics.iter().any(|metric| metric.unit == Unit::Money)
}

fn values(report: &Report, keys: &Keys, row: &GroupRow) -> Vec<String> {
    let mut values = Vec::new();
    for (index, (dimension, sql)) in report.dimensions.iter().zip(&row.keys).enumerate() {
        let key = keys.key(report, index, sql);
        let is_none = key.value.is_empty();
        values.push(safe(key.value));
        if matches!(dimension.kind, Kind::Id(_)) {
            values.push(if is_none { String::new() } else { safe(key.label) });
        }
    }
    if has_money(report) {
        values.push(report.currency.to_owned());
    }
    let of =
        |sums: &SumsRow| report.metrics.iter().map(|metric| plain(metric.value(sums))).collect::<Vec<_>>();
    values.extend(of(&row.now));
    if report.comparison.is_some() {
        values.extend(of(&row.then));
    }
    values
}

fn plain(value: Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    }
}
