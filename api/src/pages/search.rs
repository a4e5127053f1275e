//! `/search/`: what a text names, within the viewer's scope. One exact id opens its page.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::http::allowed::Allowed;
use crate::http::page::{Frame, PageError, Section, render};
use crate::http::paging::Listing;
use crate::http::state::App;
use crate::http::typed_query::Search;
use crate::search::find::{SearchQuery, find};
use crate::search::model::SearchHitResponse;

/// The maximum number of suggestions in the search box of the frame.
const SUGGESTED: usize = 8;

#[derive(Template)]
#[template(path = "search.html")]
struct SearchPage {
    frame: Frame,
    q: String,
    hits: Vec<SearchHitResponse>,
}

/// `GET /search/`.
///
/// # Errors
/// 400 for a text that is too long.
pub async fn show(State(app): State<App>, allowed: Allowed, listing: Listing) -> Result<Response, PageError> {
    let mut params = listing.params();
    let SearchQuery { q: Search(q) } = SearchQuery::read(&mut params);
    params.finish()?;
    let hits = find(&app, &allowed, &q).await?;
    if let [only] = hits.as_slice()
        && only.is_exact
    {
        return Ok(Redirect::to(&only.path).into_response());
    }
    render(&SearchPage { frame: Frame::new(&allowed, Section::None), q, hits })
}

/// `GET /search/suggestions/`: the first hits as JSON, for the search box of the frame.
///
/// # Errors
/// 400 for a text that is too long.
pub async fn suggest(
    State(app): State<App>,
    allowed: Allowed,
    listing: Listing,
) -> Result<Response, PageError> {
    let mut params = listing.params();
    let SearchQuery { q: Search(q) } = SearchQuery::read(&mut params);
    params.finish()?;
    let mut hits = find(&app, &allowed, &q).await?;
    hits.truncate(SUGGESTED);
    Ok(axum::Json(hits).into_response())
}
