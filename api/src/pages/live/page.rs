//! The page: the newest events as a list, which a script continues.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use crate::db::live;
use crate::db::scope::EventScope;
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::page::{Frame, PageError, Section, render};
use crate::http::paging::Listing;
use crate::http::query::with_param;
use crate::http::state::App;
use crate::pages::entity::Refers;
use crate::pages::format::LocalTime;
use crate::pages::live::MAX_ROWS;
use crate::pages::live::filter::LiveFilter;
use crate::pages::live::row::{RowView, Rows};

/// The words of the parameters, for the form.
const LABELS: [(&str, &str); 5] = [
    ("kind", "Events"),
    ("user_id", "Buyer"),
    ("campaign_id", "Campaign"),
    ("country", "Country"),
    ("bot", "Bots"),
];

/// A filter that is set by a link in a row, and can only be removed.
#[derive(Debug)]
pub struct ChipView {
    pub name: &'static str,
    pub value: String,
    pub label: String,
    /// Link to the page without the filter.
    pub href: String,
}

#[derive(Template)]
#[template(path = "live.html")]
struct LivePage {
    frame: Frame,
    /// Messages, with the id of the field where each is repeated.
    problems: Vec<(Option<String>, String)>,
    /// The values of the form.
    kind: String,
    country: String,
    bot: String,
    chips: Vec<ChipView>,
    is_filtered: bool,
    rows: Vec<RowView>,
    as_of: LocalTime,
    /// Link to the same page.
    refresh: String,
    /// The path of the stream.
    stream: String,
    /// Whether the feed can be reached now.
    is_fed: bool,
}

/// `GET /live/`.
///
/// # Errors
/// 503 when a database is down. A wrong parameter is a 400 with the page and without rows.
pub async fn show_live(
    State(app): State<App>,
    allowed: Allowed,
    listing: Listing,
) -> Result<Response, PageError> {
    let mut params = listing.params();
    let filter = LiveFilter::read(&mut params, &allowed);
    let problems = params.messages();
    let problems =
        problems.map(|(name, text)| (field_of(name), format!("{}: {text}", label_of(name)))).collect();
    let text = |name: &str| params.text(name).unwrap_or_default().to_owned();
    let zone = allowed.viewer.time_zone;
    let mut page = LivePage {
        frame: Frame::new(&allowed, Section::Live),
        kind: text("kind"),
        country: text("country"),
        bot: text("bot"),
        chips: Vec::new(),
        is_filtered: LABELS.iter().any(|(name, _)| params.text(name).is_some()),
        rows: Vec::new(),
        as_of: LocalTime::new(i64::try_from(app.clock.now_ms()).unwrap_or_default(), zone),
        refresh: format!("/live/?{}", with_param(listing.query(), "after", None)),
        stream: String::new(),
        is_fed: false,
        problems,
    };
    if !page.problems.is_empty() {
        return Ok((StatusCode::BAD_REQUEST, render(&page)?).into_response());
    }
    // Before the list is read: an event that is fed later may be in both, and none is in neither.
    let position = app.live.position();
    let mut rows = Rows::new(zone, listing.query());
    page.rows = load(&app, &allowed, &filter, &mut rows).await?;
    page.chips = chips(&filter, &rows, listing.query());
    page.is_fed = position.is_some();
    let after = position.map(|position| position.to_string());
    page.stream = format!("/live/events/?{}", with_param(listing.query(), "after", after.as_deref()));
    render(&page)
}

async fn load(
    app: &App,
    allowed: &Allowed,
    filter: &LiveFilter,
    rows: &mut Rows,
) -> Result<Vec<RowView>, ApiError> {
    let scope = EventScope::load(&app.postgres, &allowed.viewer, allowed.grant.scope).await?;
    let list = filter.of_list(scope, u32::try_from(MAX_ROWS).unwrap_or(u32::MAX));
    let found = live::newest(&app.clickhouse, &list, &filter.kinds, app.clock.now_ms()).await?;
    rows.load_names(app, &found).await?;
    Ok(found.iter().map(|row| rows.view(row)).collect())
}

/// The filters by buyer and campaign. The name is known if the list has an event, so that no name
/// out of scope is shown.
fn chips(filter: &LiveFilter, rows: &Rows, query: Option<&str>) -> Vec<ChipView> {
    [("user_id", Refers::User, filter.user_id), ("campaign_id", Refers::Campaign, filter.campaign_id)]
        .into_iter()
        .filter(|(_, _, id)| *id != 0)
        .map(|(name, refers, id)| ChipView {
            name,
            value: id.to_string(),
            label: format!("{} is {}", label_of(name), rows.name(refers, id)),
            href: format!("/live/?{}", with_param(query, name, None)),
        })
        .collect()
}

fn label_of(name: &str) -> &'static str {
    LABELS.iter().find(|(known, _)| *known == name).map_or("", |(_, label)| *label)
}

/// The id of the field of a parameter. Buyer and campaign have none: they come from links.
fn field_of(name: &str) -> Option<String> {
    ["kind", "country", "bot"].contains(&name).then(|| name.to_owned())
}
