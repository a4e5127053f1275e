//! `GET /api/parked/counts/`: counts parked events by reason and by what they name.

use axum::Json;
use axum::extract::State;

use crate::db::parked_counts;
use crate::http::error::ApiError;
use crate::http::openapi::ListErrors;
use crate::http::paging::Listing;
use crate::http::state::App;
use crate::http::typed_query::{Limit, query};
use crate::parked::model::ParkedCountsResponse;

const DAY_S: u64 = 24 * 3600;

query! {
    /// Query parameters of the counts.
    pub struct CountParkedQuery {
        /// The maximum number of lines in `alike`.
        pub limit: Limit,
    }
}

/// Count parked events
#[utoipa::path(
    get, path = "/api/parked/counts/", tag = "parked", params(CountParkedQuery),
    responses((status = 200, description = "The counts", body = ParkedCountsResponse), ListErrors),
    security(("bearer" = [])),
)]
pub async fn count_parked(
    State(app): State<App>,
    listing: Listing,
) -> Result<Json<ParkedCountsResponse>, ApiError> {
    let mut params = listing.params();
    let Limit(limit) = CountParkedQuery::read(&mut params).limit;
    params.finish()?;
    Ok(Json(count(&app, limit).await?))
}

/// Counts parked events.
pub async fn count(app: &App, limit: u32) -> Result<ParkedCountsResponse, ApiError> {
    let day_ago = u32::try_from((app.clock.now_ms() / 1000).saturating_sub(DAY_S)).unwrap_or(u32::MAX);
    let (by_reason, alike, lost) = futures::try_join!(
        parked_counts::by_reason(&app.clickhouse),
        parked_counts::alike(&app.clickhouse, limit),
        parked_counts::lost(&app.clickhouse, day_ago),
    )?;
    Ok(ParkedCountsResponse {
        by_reason: by_reason.into_iter().map(Into::into).collect(),
        alike: alike.into_iter().map(Into::into).collect(),
        lost_last_day: lost.into_iter().map(Into::into).collect(),
    })
}
