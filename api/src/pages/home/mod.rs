//! `/`: what needs the viewer, today against yesterday, and the four charts of the legacy CRM.
//!
//! Every figure is within the scope that the policy granted for the kind of its rows: events,
//! users, teams. The number of statements does not depend on the number of rows.

mod amounts;
mod charts;
mod needs;
mod request;
mod steps;
mod teams;
mod today;
mod visitors_and_profit;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use futures::TryFutureExt as _;

use crate::dates::control::{Control, Dates, DatesView};
use crate::dates::range::Present;
use crate::db::figures::{people, prospects};
use crate::db::scope::EventScope;
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::page::{Frame, PageError, Section, render};
use crate::http::paging::Listing;
use crate::http::query::Params;
use crate::http::state::App;
use crate::pages::format::traffic_of;
use crate::pages::home::charts::Chart;
use crate::pages::home::needs::Need;
use crate::pages::home::request::Request;
use crate::pages::home::steps::Steps;
use crate::pages::home::teams::TeamsChart;
use crate::pages::home::today::Figure;

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage {
    frame: Frame,
    scope: &'static str,
    needs: Vec<Need>,
    steps: Option<Steps>,
    figures: Vec<Figure>,
    /// As "15:42".
    clock: String,
    dates: DatesView,
    charts: Vec<Chart>,
    teams: TeamsChart,
    zone: &'static str,
}

/// The page for parameters that are wrong. It has no figures.
#[derive(Template)]
#[template(path = "home_problem.html")]
struct ProblemPage {
    frame: Frame,
    dates: DatesView,
    /// Messages, with the id of the place where each is repeated.
    problems: Vec<(Option<String>, String)>,
}

/// `GET /`.
///
/// # Errors
/// 400 for wrong dates, with the form.
pub async fn show_home(
    State(app): State<App>,
    allowed: Allowed,
    listing: Listing,
) -> Result<Response, PageError> {
    let mut params = listing.params();
    let viewer = Present::of(&allowed.viewer, app.clock.now_ms());
    let dates = Dates::read(&mut params, listing.query(), viewer, Control::CHARTS);
    let teams_by = teams::TeamsBy::read(&mut params);
    if !params.errors().is_empty() {
        return problem(&allowed, &dates, &params);
    }
    let scope = EventScope::load(&app.postgres, &allowed.viewer, allowed.grant.scope).await?;
    let earliest_ms = if dates.range.from_ms > 0 { 0 } else { earliest_ms(&app).await? };
    let request = Request { app: &app, allowed: &allowed, scope: &scope, dates: &dates, earliest_ms };
    let (today, visitors_and_profit, needs, charts, teams) = futures::try_join!(
        today::load(&request, viewer),
        visitors_and_profit::load(&request),
        needs::load(&request, viewer),
        charts::load(&request),
        teams::load(&request, teams_by, listing.query()),
    )?;
    let steps = steps::load(&request, &today).await?;
    render(&HomePage {
        frame: Frame::new(&allowed, Section::Home),
        scope: traffic_of(allowed.grant.scope),
        needs,
        steps,
        clock: viewer.zone.format(viewer.now_ms, "%H:%M"),
        figures: today.figures().into_iter().chain(visitors_and_profit).collect(),
        dates: dates.view(),
        charts,
        teams,
        zone: dates.present.zone.name(),
    })
}

fn problem(allowed: &Allowed, dates: &Dates, params: &Params) -> Result<Response, PageError> {
    let dates = dates.view();
    let problems = params.messages().map(|(name, text)| (dates.id_of(name), text.to_owned())).collect();
    let page = ProblemPage { problems, frame: Frame::new(allowed, Section::Home), dates };
    Ok((StatusCode::BAD_REQUEST, render(&page)?).into_response())
}

/// Returns the time of the first event or registration.
async fn earliest_ms(app: &App) -> Result<i64, ApiError> {
    let registered = people::first_registration(&app.postgres).map_err(ApiError::from);
    let visited = prospects::earliest_ms(&app.clickhouse).map_err(ApiError::from);
    let (registered, visited_ms) = futures::try_join!(registered, visited)?;
    let registered_ms = registered.map(|at| at.timestamp_millis());
    Ok(registered_ms.into_iter().chain((visited_ms > 0).then_some(visited_ms)).min().unwrap_or(0))
}
