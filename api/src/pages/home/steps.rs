//! The first steps in a fresh system. They tick themselves, and disappear when all are done.

use crate::db::figures::prospects::{self, BeginningRow};
use crate::db::needs;
use crate::http::error::ApiError;
use crate::pages::home::request::Request;
use crate::pages::home::today::Today;
use crate::policy::{Action, Resource, Scope, decide};
use crate::snippet::Snippet;

/// The steps.
#[derive(Debug, Clone)]
pub(super) struct Steps {
    pub(super) items: [Step; 4],
    /// The code for landing pages; only before the first visit.
    pub(super) snippet: Option<Snippet>,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) label: &'static str,
    pub(super) href: &'static str,
    pub(super) is_done: bool,
}

/// Loads the steps of those who make campaigns, unless all are done.
pub(super) async fn load(request: &Request<'_>, today: &Today) -> Result<Option<Steps>, ApiError> {
    let viewer = &request.allowed.viewer;
    let Some(grant) = decide(viewer.position, Action::Create, Resource::Campaigns) else { return Ok(None) };
    let (is_all, team) = (grant.scope == Scope::All, viewer.team.as_ref().map(|(id, _)| *id));
    let team = team.filter(|_| grant.scope == Scope::Team);
    let has_campaign = needs::has_campaign(&request.app.postgres, is_all, viewer.id, team).await?;
    let (has_prospects, has_orders) = today.has_events();
    let begun = if has_campaign && has_prospects && has_orders {
        BeginningRow { has_prospects, has_campaign_prospects: true, has_orders }
    } else {
        prospects::beginning(&request.app.clickhouse, request.scope).await?
    };
    let has_prospects = has_prospects || begun.has_prospects;
    let has_orders = has_orders || begun.has_orders;
    if has_campaign && has_prospects && has_orders {
        return Ok(None);
    }
    let step = |label, href, is_done| Step { label, href, is_done };
    Ok(Some(Steps {
        items: [
            step("Make a campaign", "/campaigns/create/", has_campaign),
            step("Put its code on a landing page", "/campaigns/", begun.has_campaign_prospects),
            step("See the first visit", "/prospects/", has_prospects),
            step("Get the first order", "/orders/", has_orders),
        ],
        snippet: (!has_prospects).then(|| Snippet::new(&request.app.config.edge, viewer.id)),
    }))
}
