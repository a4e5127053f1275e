//! `GET /api/funds/accounts/<id>/statement.csv`: exports the lines of an ad account in a time
//! range, with opening and closing balance.
//!
//! Invariant: spreadsheets read no cell as a formula, whatever references and notes contain.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use serde_json::json;

use crate::amount::show;
use crate::db::audit::{self, Diff};
use crate::db::funds::accounts::{self, AccountRow};
use crate::db::funds::ledger::{self, LineRow};
use crate::funds::reach::Reach;
use crate::http::call::Call;
use crate::http::csv;
use crate::http::error::ApiError;
use crate::http::json_values;
use crate::http::openapi::{DetailErrors, QueryErrors};
use crate::http::query::{Moment, Params, TimeRange};
use crate::http::state::App;
use crate::http::typed_query::query;
use crate::policy::Resource;
use crate::time_zone::TimeZone;

/// Maximum lines of a statement: a few megabytes.
const MAX_LINES: i64 = 20_000;

query! {
    /// Query parameters of a statement.
    pub struct StatementQuery {
        /// Start, inclusive: RFC 3339, or a date in `tz`.
        pub from: Option<Moment>,
        /// End, inclusive: RFC 3339, or a date in `tz`, of which the whole day is included.
        pub to: Option<Moment>,
        /// IANA time zone, for example `Europe/Berlin`. The default is the viewer's.
        pub tz: Option<TimeZone>,
    }
}

/// Export the statement of an ad account
///
/// The first row is the opening balance, the last row the closing balance. 400 for more than 20,000
/// lines.
#[utoipa::path(
    get, path = "/api/funds/accounts/{id}/statement.csv", tag = "funds", params(("id" = i64, Path), StatementQuery),
    responses(
        (status = 200, description = "The statement", body = String, content_type = "text/csv"), QueryErrors, DetailErrors,
    ),
    security(("bearer" = [])),
)]
pub async fn get_fund_account_statement(
    State(app): State<App>,
    call: Call,
    RawQuery(text): RawQuery,
) -> Result<Response, ApiError> {
    let Call { allowed, actor, id, .. } = call;
    let mut params = Params::parse(text.as_deref());
    let query = StatementQuery::read(&mut params);
    let range = params.range(query.from, query.to, query.tz.unwrap_or(allowed.viewer.time_zone));
    params.finish()?;
    let reach = Reach::of(&app.postgres, &allowed).await?;
    let account = accounts::find(&app.postgres, id, reach.ids()).await?.ok_or_else(ApiError::not_found)?;
    let (from, to) = range.moments();
    let lines = ledger::statement(&app.postgres, id, from, to, MAX_LINES + 1).await?;
    if i64::try_from(lines.len()).unwrap_or(i64::MAX) > MAX_LINES {
        let message = format!("There are more than {MAX_LINES} lines: ask for a shorter time.");
        return Err(ApiError::field("to", message));
    }
    let opening_minor = ledger::balance_before(&app.postgres, id, from).await?;
    let exported = json!({"from": json_values::time(range.from_ms), "to": json_values::time(range.to_ms), "lines": lines.len()});
    let mut connection = app.postgres.acquire().await?;
    audit::record(&mut connection, &actor, "export", Resource::FundAccounts, id, Diff::created(&exported))
        .await?;
    let text = write(&account, range, opening_minor, &lines).map_err(|error| ApiError::internal(&error))?;
    Ok(csv::response(&format!("statement-{id}"), text.into()))
}

fn write(
    account: &AccountRow,
    range: TimeRange,
    opening_minor: i64,
    lines: &[LineRow],
) -> Result<Vec<u8>, ::csv::Error> {
    let mut written = ::csv::Writer::from_writer(Vec::new());
    let edge = |written: &mut ::csv::Writer<Vec<u8>>, time_ms, word: &str, minor| {
        let balance = show(minor, &account.currency);
        let cells = [
            &json_values::time(time_ms),
            "",
            word,
            "",
            &balance,
            &account.currency,
            "",
            &csv::safe(account.name.clone()),
        ];
        written.write_record(cells)
    };
    written.write_record(["time", "date", "kind", "amount", "balance", "currency", "reference", "note"])?;
    edge(&mut written, range.from_ms, "opening balance", opening_minor)?;
    for line in lines {
        written.write_record([
            &json_values::time(line.at.timestamp_millis()),
            &line.day.to_string(),
            &line.kind,
            &show(line.amount_minor, &line.currency),
            &show(line.balance_minor, &line.currency),
            &line.currency,
            &csv::safe(line.reference.clone()),
            &csv::safe(line.note.clone()),
        ])?;
    }
    let closing_minor = lines.last().map_or(opening_minor, |line| line.balance_minor);
    edge(&mut written, range.to_ms, "closing balance", closing_minor)?;
    written.into_inner().map_err(|error| ::csv::Error::from(std::io::Error::other(error.to_string())))
}
