//! The set-up of a campaign: the code for landing pages, its keys, and its first hit. While
//! none has, the page waits for the first one by server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::stream;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::http::error::ApiError;
use crate::http::in_process::Api;
use crate::http::page::PageError;
use crate::http::path_id::PathText;
use crate::pages::calls::{escaped, find, rows};
use crate::pages::entity::{CAMPAIGNS, PROSPECTS};
use crate::pages::format::LocalTime;
use crate::pages::table::{plain, time_ms};
use crate::policy::{Action, Resource, decide};
use crate::time_zone::TimeZone;

/// The pause between two looks for a hit.
const POLL: Duration = Duration::from_secs(1);
/// The time after which the browser must ask again.
const WAIT: Duration = Duration::from_secs(600);

/// The set-up of a campaign.
#[derive(Debug)]
pub struct Setup {
    /// Path of the stream that announces the first hit; `None` for viewers who may not see hits.
    pub stream: Option<String>,
    pub first_hit: Option<LocalTime>,
    /// Labels and codes.
    pub codes: Vec<(&'static str, &'static str, String)>,
    pub keys: Vec<KeyView>,
}

/// A tracking key.
#[derive(Debug)]
pub struct KeyView {
    pub key: String,
    pub created: String,
    pub expires: String,
}

/// Loads the set-up of a campaign.
///
/// # Errors
/// When the API fails.
pub async fn load(api: &Api, id: &str, campaign: &Value) -> Result<Setup, ApiError> {
    let viewer = &api.caller().viewer;
    let sees_hits = decide(viewer.position, Action::List, Resource::Prospects).is_some();
    let first_hit = if sees_hits { first_hit(api, id).await? } else { None };
    let text = |key: &str| campaign.get(key).map(plain).filter(|text| !text.is_empty());
    let codes = [
        ("setup-snippet", "1. For every landing page", "snippet"),
        ("setup-form", "2. The order form", "form_code"),
        ("setup-pixel", "The pixel alone, where no script can run", "pixel_url"),
    ];
    let zone = viewer.time_zone;
    Ok(Setup {
        stream: sees_hits.then(|| format!("/campaigns/{}/hits/", escaped(id))),
        first_hit: first_hit.map(|ms| LocalTime::new(ms, zone)),
        codes: codes.into_iter().filter_map(|(id, label, key)| Some((id, label, text(key)?))).collect(),
        keys: keys(campaign, zone),
    })
}

fn keys(campaign: &Value, zone: TimeZone) -> Vec<KeyView> {
    let keys = campaign.get("tracking_keys").and_then(Value::as_array).into_iter().flatten();
    let time = |key: &Value, name: &str| key.get(name).and_then(Value::as_str).and_then(time_ms);
    let text = |ms: i64| LocalTime::new(ms, zone).text;
    keys.map(|key| KeyView {
        key: key.get("key").map(plain).unwrap_or_default(),
        created: time(key, "created_at").map(text).unwrap_or_default(),
        expires: time(key, "expires_at").map_or_else(|| "does not expire".to_owned(), text),
    })
    .collect()
}

/// Returns the time of a campaign's first hit.
async fn first_hit(api: &Api, id: &str) -> Result<Option<i64>, ApiError> {
    let query = format!("campaign_id={}&sort=time", escaped(id));
    let (items, _) = rows(api, &PROSPECTS, Some(&query), 1).await?;
    Ok(items.first().and_then(|item| item.get("created_at")?.as_str()).and_then(time_ms))
}

/// `GET /campaigns/<id>/hits/`: an event `hit` when the first hit is stored.
///
/// # Errors
/// 404 for a campaign that does not exist or is out of scope.
pub async fn stream_first_hit(id: Result<PathText, ApiError>, api: Api) -> Result<Response, PageError> {
    let PathText(id) = id?;
    find(&api, &CAMPAIGNS, &id).await?;
    let zone = api.caller().viewer.time_zone;
    let until = Instant::now() + WAIT;
    let events = stream::unfold(Some((api, id)), move |waiting| async move {
        let (api, id) = waiting?;
        while Instant::now() < until {
            match first_hit(&api, &id).await {
                Ok(Some(ms)) => {
                    let hit = json!({"time": LocalTime::new(ms, zone).text});
                    return Some((
                        Ok::<_, Infallible>(Event::default().event("hit").data(hit.to_string())),
                        None,
                    ));
                }
                Ok(None) => {}
                // The login has ended, or a database is down: the browser asks again.
                Err(_) => return None,
            }
            tokio::time::sleep(POLL).await;
        }
        None
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response())
}
