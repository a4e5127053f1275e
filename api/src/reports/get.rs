//! `GET /api/reports/`: returns a report, or all of its rows as a CSV file.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};

use crate::db::audit::Actor;
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::openapi::ListErrors;
use crate::http::paging::Listing;
use crate::http::query::Params;
use crate::http::state::App;
use crate::reports::assemble::Assembly;
use crate::reports::csv;
use crate::reports::failure::explained;
use crate::reports::model::ReportResponse;
use crate::reports::prepare::{Prepared, prepare};
use crate::reports::query::MAX_SECONDS;
use crate::reports::request::ReportQuery;
use crate::reports::sums::{GroupRow, SumsRow, TOTAL};

/// Get a report
///
/// Groups visits and orders by up to three dimensions, within the caller's scope. Rows, `before`
/// and `others` add up to `total` for counts and amounts. Unique visitors and ratios are counted
/// anew for each of them. `GET /api/reports/schema/` lists dimensions, filters and metrics.
#[utoipa::path(
    get, path = "/api/reports/", tag = "reports", params(ReportQuery),
    responses((status = 200, description = "The report", body = ReportResponse), ListErrors),
    security(("bearer" = [])),
)]
pub async fn get_report(
    State(app): State<App>,
    allowed: Allowed,
    actor: Actor,
    listing: Listing,
) -> Result<Response, ApiError> {
    let mut params = listing.params();
    if params.choice("format", &["json", "csv"]) == "csv" {
        return csv::send(app, allowed, actor, listing.query()).await;
    }
    Ok(Json(load(&app, &allowed, params, listing.query()).await?).into_response())
}

/// The sums of all events of a report, and of the range that it is compared with.
#[derive(Debug)]
pub struct Totals {
    pub currency: &'static str,
    pub now: SumsRow,
    pub then: SumsRow,
}

/// Returns the totals of a report that a page is a part of. They are small, and take no turn.
///
/// # Errors
/// 400 for a wrong parameter.
pub async fn totals(app: &App, allowed: &Allowed, query: &str) -> Result<Totals, ApiError> {
    let Prepared { plan, .. } = prepare(app, allowed, Params::parse(Some(query)), Some(query), false).await?;
    let groups = plan.rows(&app.clickhouse).await.map_err(|error| explained(error, MAX_SECONDS))?;
    let total = groups.into_iter().find(|group| (group.level, group.section) == (1, TOTAL));
    let GroupRow { now, then, .. } = total.unwrap_or_default();
    Ok(Totals { currency: plan.report.currency, now, then })
}

/// Returns a report within the caller's scope.
///
/// # Errors
/// 400 for a wrong parameter or too many groups.
pub async fn load(
    app: &App,
    allowed: &Allowed,
    params: Params,
    query: Option<&str>,
) -> Result<ReportResponse, ApiError> {
    let Prepared { plan, mut keys } = prepare(app, allowed, params, query, false).await?;
    let _turn = app.turns.wait(allowed.viewer.id).await?;
    let too_slow = |error| explained(error, MAX_SECONDS);
    let groups = plan.rows(&app.clickhouse).await.map_err(too_slow)?;
    let is_missing = |group: &GroupRow| group.now.is_missing_a_rate() || group.then.is_missing_a_rate();
    let missing = if groups.iter().any(is_missing) {
        plan.missing(&app.clickhouse).await.map_err(too_slow)?
    } else {
        Vec::new()
    };
    keys.load_names(&app.postgres, &plan.report, &groups).await?;
    let position = allowed.viewer.position;
    Ok(Assembly { report: &plan.report, position, keys: &keys }.response(groups, missing))
}
