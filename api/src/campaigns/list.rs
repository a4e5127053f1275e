//! `GET /api/campaigns/list/`: lists the campaigns within the viewer's scope, by name.

use axum::extract::State;
use axum::response::Response;

use crate::campaigns::field_types::STATES;
use crate::campaigns::model::CampaignResponse;
use crate::db::campaigns::{self, CampaignFilter, CampaignRow, SORTING};
use crate::http::allowed::Allowed;
use crate::http::archived::{ArchivedQuery, read_part};
use crate::http::error::ApiError;
use crate::http::openapi::ListErrors;
use crate::http::paging::{Listing, Page};
use crate::http::query::Params;
use crate::http::sort::page_query;
use crate::http::state::App;
use crate::http::typed_query::{Search, query, word};
use crate::policy::{Resource, Scope};

page_query! {
    /// The order and the page.
    pub struct CampaignPageQuery of SORTING;
}

word! {
    /// The state of a campaign.
    pub struct CampaignState of STATES;
}

query! {
    /// The filters of the list.
    pub struct ListCampaignsQuery {
        /// Part of the name.
        pub q: Search,
        /// Only campaigns of this Buyer.
        pub user_id: Option<i64>,
        /// Only campaigns of the present members of this team.
        pub team_id: Option<i64>,
        /// Only campaigns with this traffic source.
        pub source_id: Option<i64>,
        /// Only campaigns with this partner.
        pub partner_id: Option<i64>,
        /// Only `active` or only `paused` campaigns.
        pub state: CampaignState,
        /// Only campaigns with this tag.
        pub tag: Option<String>,
    }
}

/// List campaigns
///
/// A Buyer sees their own campaigns, a Team Lead those of the present members of their team.
/// `user_id`, `source` and `partner` sort by name, `payout` by currency first.
#[utoipa::path(
    get, path = "/api/campaigns/list/", tag = "campaigns",
    params(CampaignPageQuery, ListCampaignsQuery, ArchivedQuery),
    responses((status = 200, description = "Campaigns by name", body = Vec<CampaignResponse>), ListErrors),
    security(("bearer" = [])),
)]
pub async fn list_campaigns(
    State(app): State<App>,
    allowed: Allowed,
    listing: Listing,
) -> Result<Response, ApiError> {
    let mut params = listing.params();
    let limit = params.limit();
    let page = collect(&app, &allowed, params, limit).await?;
    Ok(listing.answer(&page.map(|row| CampaignResponse::new(&app.config.edge, &row))))
}

/// Returns the campaigns that match the parameters, within the viewer's scope.
///
/// # Errors
/// 400 for an invalid parameter, 403 for deleted campaigns that the viewer may not see.
pub async fn collect(
    app: &App,
    allowed: &Allowed,
    mut params: Params,
    limit: u32,
) -> Result<Page<CampaignRow>, ApiError> {
    let part = read_part(&mut params, allowed, Resource::Campaigns)?;
    let order = params.order(&SORTING, limit);
    let query = ListCampaignsQuery::read(&mut params);
    let own_team = allowed.viewer.team.as_ref().map_or(0, |(id, _)| *id);
    let filter = CampaignFilter {
        q: query.q.patterns(),
        is_archived: part.is_archived,
        own_user: (part.scope == Scope::Own).then_some(allowed.viewer.id),
        own_team: (part.scope == Scope::Team).then_some(own_team),
        user_id: query.user_id,
        team_id: query.team_id,
        source_id: query.source_id,
        partner_id: query.partner_id,
        state: query.state.0,
        tag: query.tag,
    };
    params.finish()?;
    let rows = campaigns::list(&app.postgres, &filter, &order).await?;
    Ok(Page::ordered(rows, &order))
}
