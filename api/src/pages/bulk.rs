//! `POST /admin/<things>/bulk/`: deletes or restores many things: those that were selected in a
//! list, or all that match its filters.
//!
//! The first page shows their number and does nothing. Then each request does a bounded number of
//! them by the API, which writes a line of the audit trail for each, and shows the progress. A
//! person may leave at any step: finished deletions and restorations stay.

use std::pin::pin;

use askama::Template;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use futures::{StreamExt as _, stream};
use serde_json::Value;

use crate::http::allowed::Form;
use crate::http::error::ApiError;
use crate::http::in_process::{Api, Sent};
use crate::http::notice::redirect;
use crate::http::page::{Frame, PageError, Section, render};
use crate::http::query::{MAX_LIMIT, with_param};
use crate::pages::calls::{escaped, find, messages, rows};
use crate::pages::entity::Entity;
use crate::pages::format;
use crate::pages::site::Site;
use crate::pages::table::{id_of, name_of};

/// The most things of a selection.
const MAX_SELECTED: usize = 100;
/// The most things that match.
const MAX_MATCHING: usize = 10_000;
/// Things that one request does.
const STEP: u32 = 50;
/// Calls of the API at the same time.
const N_CALLS: usize = 4;
/// A person types the number of more things than this.
const MAX_UNTYPED: usize = 20;
/// Names that the first page shows.
const N_NAMES: usize = 10;
/// Failures that are shown with their reasons.
const MAX_FAILURES: usize = 20;

/// The action on the things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BulkAction {
    Delete,
    Restore,
}

impl BulkAction {
    fn of(form: &Form) -> Self {
        if form.text("action") == "restore" { Self::Restore } else { Self::Delete }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Restore => "restore",
        }
    }

    const fn verb(self) -> &'static str {
        match self {
            Self::Delete => "Delete",
            Self::Restore => "Restore",
        }
    }

    const fn past(self) -> &'static str {
        match self {
            Self::Delete => "deleted",
            Self::Restore => "restored",
        }
    }

    async fn call(self, api: &Api, entity: &Entity, id: &str) -> Result<(), ApiError> {
        let (method, path) = match self {
            Self::Delete => (Method::DELETE, format!("/api/{}/delete/{id}/", entity.path())),
            Self::Restore => (Method::POST, format!("/api/{}/{id}/restore/", entity.path())),
        };
        api.call(method, &path, Sent::default()).await.map(|_| ())
    }
}

#[derive(Template)]
#[template(path = "bulk.html")]
struct BulkPage {
    frame: Frame,
    entity: &'static Entity,
    site: Site,
    action: BulkAction,
    csrf: String,
    stage: Stage,
}

/// The stage of the action, as the page shows it.
enum Stage {
    /// The things before anything is done.
    Asked {
        /// The number of things, and its text.
        total: usize,
        shown_total: String,
        names: Vec<String>,
        hidden: Vec<(&'static str, String)>,
        is_typed: bool,
        error: Option<String>,
    },
    UnderWay {
        done: String,
        total: String,
        n_failed: usize,
        hidden: Vec<(&'static str, String)>,
    },
    Over {
        done: String,
        n_failed: usize,
        failures: Vec<(String, String)>,
    },
}

impl BulkPage {
    fn heading(&self) -> String {
        let things = self.entity.many.to_lowercase();
        match &self.stage {
            Stage::Asked { shown_total, .. } => format!("{} {shown_total} {things}", self.action.verb()),
            Stage::UnderWay { .. } | Stage::Over { .. } => format!("{} {things}", self.action.verb()),
        }
    }

    fn is_wrong(&self) -> bool {
        matches!(self.stage, Stage::Asked { error: Some(_), .. })
    }
}

/// The state of an action on all things that match, between two requests.
#[derive(Debug, Default)]
struct Progress {
    total: usize,
    /// Things that were tried.
    n_seen: usize,
    n_done: usize,
    n_failed: usize,
    /// Names and reasons of the first failures.
    failures: Vec<(String, String)>,
    cursor: String,
}

/// Shows the things, or does a part of them.
///
/// # Errors
/// 400 for no selection, or too many things.
pub async fn submit(entity: &'static Entity, api: Api, form: Form) -> Result<Response, PageError> {
    Site::Admin.admit(&api)?;
    let bulk = Bulk { entity, action: BulkAction::of(&form), api: &api };
    if bulk.action == BulkAction::Restore && !entity.is_restored {
        return Err(ApiError::field("action", "They cannot be restored.").into());
    }
    let is_confirmed = form.text("confirmed") == "yes";
    if form.text("scope") == "all" {
        let query = with_param(Some(form.text("query")), "cursor", None);
        if is_confirmed { bulk.go_on(&query, &form).await } else { bulk.ask_for_all(&query, None).await }
    } else {
        let ids = selected(entity, &form)?;
        if is_confirmed { bulk.do_selected(ids, &form).await } else { bulk.ask_for_selected(ids, None).await }
    }
}

fn selected(entity: &Entity, form: &Form) -> Result<Vec<String>, ApiError> {
    let mut ids: Vec<String> = form.all("ids").map(escaped).collect();
    ids.sort();
    ids.dedup();
    if ids.is_empty() || ids.len() > MAX_SELECTED {
        let message = format!("Select 1 to {MAX_SELECTED} {}.", entity.many.to_lowercase());
        return Err(ApiError::field("ids", message));
    }
    Ok(ids)
}

struct Bulk<'a> {
    entity: &'static Entity,
    action: BulkAction,
    api: &'a Api,
}

impl Bulk<'_> {
    async fn ask_for_selected(&self, ids: Vec<String>, error: Option<String>) -> Result<Response, PageError> {
        let (names, ids): (Vec<_>, Vec<_>) = self.named(ids).await?.into_iter().unzip();
        let hidden: Vec<_> = ids.into_iter().map(|id| ("ids", id)).collect();
        self.ask(hidden.len(), names, hidden, error)
    }

    /// Returns the names and ids of things, without those that somebody else has deleted.
    async fn named(&self, ids: Vec<String>) -> Result<Vec<(String, String)>, ApiError> {
        let mut things = Vec::new();
        for id in ids {
            match find(self.api, self.entity, &id).await {
                Ok(thing) => things.push((name_of(self.entity, &thing.body), id)),
                // A deleted thing has no page.
                Err(_) if self.action == BulkAction::Restore => things.push((format!("#{id}"), id)),
                Err(error) if error.status().is_client_error() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(things)
    }

    async fn ask_for_all(&self, query: &str, error: Option<String>) -> Result<Response, PageError> {
        let (total, names) = self.count(query).await?;
        if total == 0 || total > MAX_MATCHING {
            let message = match total {
                0 => "Nothing matches any more.".to_owned(),
                _ => format!("More than {MAX_MATCHING} match. Narrow the filters."),
            };
            return Err(ApiError::field("query", message).into());
        }
        let hidden =
            vec![("scope", "all".to_owned()), ("query", query.to_owned()), ("total", total.to_string())];
        self.ask(total, names, hidden, error)
    }

    fn ask(
        &self,
        total: usize,
        names: Vec<String>,
        hidden: Vec<(&'static str, String)>,
        error: Option<String>,
    ) -> Result<Response, PageError> {
        let status = if error.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
        let is_typed = self.must_be_typed(total);
        let shown_total = shown(total);
        self.page(status, Stage::Asked { total, shown_total, names, hidden, is_typed, error })
    }

    fn must_be_typed(&self, total: usize) -> bool {
        self.action == BulkAction::Delete && total > MAX_UNTYPED
    }

    /// Returns a message unless the number of things was typed.
    fn typed_wrong(&self, total: usize, form: &Form) -> Option<String> {
        let typed: String = form.text("typed").chars().filter(|char| !char.is_whitespace()).collect();
        let is_wrong = self.must_be_typed(total) && typed != total.to_string();
        is_wrong.then(|| format!("Type {total}, the number of {}.", self.entity.many.to_lowercase()))
    }

    /// Returns a message if more things match than the person has confirmed, or if their number was
    /// not typed.
    async fn not_confirmed(
        &self,
        query: &str,
        progress: &Progress,
        form: &Form,
    ) -> Result<Option<String>, ApiError> {
        let (total, _) = self.count(query).await?;
        if total > progress.total {
            let things = self.entity.many.to_lowercase();
            return Ok(Some(format!("Now {} {things} match. Nothing was changed.", shown(total))));
        }
        Ok(self.typed_wrong(progress.total, form))
    }

    /// Counts what matches, up to one more than the most, and returns the first names.
    async fn count(&self, query: &str) -> Result<(usize, Vec<String>), ApiError> {
        let (mut total, mut names, mut cursor) = (0, Vec::new(), None::<String>);
        loop {
            let asked = with_param(Some(query), "cursor", cursor.as_deref());
            let (items, next) = rows(self.api, self.entity, Some(&asked), MAX_LIMIT).await?;
            let left = N_NAMES - names.len();
            names.extend(items.iter().take(left).map(|item| name_of(self.entity, item)));
            total += items.len();
            cursor = next;
            if cursor.is_none() || total > MAX_MATCHING {
                return Ok((total, names));
            }
        }
    }

    async fn do_selected(&self, ids: Vec<String>, form: &Form) -> Result<Response, PageError> {
        if let Some(error) = self.typed_wrong(ids.len(), form) {
            return self.ask_for_selected(ids, Some(error)).await;
        }
        let mut progress = Progress { total: ids.len(), ..Progress::default() };
        let things = self.named(ids).await?;
        self.do_step(&mut progress, things).await?;
        self.over(progress)
    }

    /// Does the next things that match.
    async fn go_on(&self, query: &str, form: &Form) -> Result<Response, PageError> {
        let mut progress = Progress::read(form)?;
        if progress.n_seen == 0
            && let Some(error) = self.not_confirmed(query, &progress, form).await?
        {
            return self.ask_for_all(query, Some(error)).await;
        }
        let cursor = Some(progress.cursor.as_str()).filter(|cursor| !cursor.is_empty());
        let asked = with_param(Some(query), "cursor", cursor);
        let (items, next) = rows(self.api, self.entity, Some(&asked), STEP).await?;
        let left = progress.total.saturating_sub(progress.n_seen);
        let things = items.iter().take(left).map(|item| self.thing(item)).collect();
        self.do_step(&mut progress, things).await?;
        match next {
            Some(cursor) if progress.n_seen < progress.total => {
                progress.cursor = cursor;
                let hidden = progress.hidden(query);
                let (done, total) = (shown(progress.n_done), shown(progress.total));
                self.page(
                    StatusCode::OK,
                    Stage::UnderWay { done, total, n_failed: progress.n_failed, hidden },
                )
            }
            _ => self.over(progress),
        }
    }

    /// Returns the name and the id of a thing.
    fn thing(&self, item: &Value) -> (String, String) {
        (name_of(self.entity, item), id_of(item))
    }

    async fn do_step(&self, progress: &mut Progress, things: Vec<(String, String)>) -> Result<(), ApiError> {
        let (action, api, entity) = (self.action, self.api, self.entity);
        let calls = things
            .into_iter()
            .map(|(name, id)| async move { (name, action.call(api, entity, &escaped(&id)).await) });
        let mut results = pin!(stream::iter(calls).buffered(N_CALLS));
        while let Some((name, result)) = results.next().await {
            progress.n_seen += 1;
            match result {
                Ok(()) => progress.n_done += 1,
                // Somebody else has done it.
                Err(error) if error.status() == StatusCode::NOT_FOUND => {}
                Err(error) if error.status().is_client_error() => {
                    progress.n_failed += 1;
                    if progress.failures.len() < MAX_FAILURES {
                        let reasons: Vec<String> = messages(&error).into_values().flatten().collect();
                        progress.failures.push((name, reasons.join(" ")));
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn over(&self, progress: Progress) -> Result<Response, PageError> {
        let done = shown(progress.n_done);
        if progress.n_failed == 0 {
            let past = self.action.past();
            let notice = format!("{done} {} {past}.", self.entity.many.to_lowercase());
            return Ok(redirect(&Site::Admin.list(self.entity), &notice));
        }
        let stage = Stage::Over { done, n_failed: progress.n_failed, failures: progress.failures };
        self.page(StatusCode::CONFLICT, stage)
    }

    fn page(&self, status: StatusCode, stage: Stage) -> Result<Response, PageError> {
        let page = render(&BulkPage {
            frame: Frame::new(self.api.caller(), Section::Admin),
            entity: self.entity,
            site: Site::Admin,
            action: self.action,
            csrf: Frame::csrf(self.api.caller()),
            stage,
        })?;
        Ok((status, page).into_response())
    }
}

impl Progress {
    /// Reads the progress out of the hidden fields of the page before. The first step has none.
    fn read(form: &Form) -> Result<Self, ApiError> {
        let number = |name: &'static str| match form.text(name) {
            "" => Ok(0),
            text => text.parse().map_err(|_| ApiError::field(name, "A valid integer is required.")),
        };
        let failures = match form.text("failures") {
            "" => Ok(Vec::new()),
            text => serde_json::from_str(text),
        };
        Ok(Self {
            total: number("total")?.min(MAX_MATCHING),
            n_seen: number("seen")?,
            n_done: number("done")?,
            n_failed: number("failed")?,
            failures: failures.map_err(|_| ApiError::field("failures", "Not a valid list."))?,
            cursor: form.text("cursor").to_owned(),
        })
    }

    fn hidden(&self, query: &str) -> Vec<(&'static str, String)> {
        vec![
            ("scope", "all".to_owned()),
            ("query", query.to_owned()),
            ("total", self.total.to_string()),
            ("seen", self.n_seen.to_string()),
            ("done", self.n_done.to_string()),
            ("failed", self.n_failed.to_string()),
            ("failures", serde_json::to_string(&self.failures).unwrap_or_default()),
            ("cursor", self.cursor.clone()),
            ("confirmed", "yes".to_owned()),
        ]
    }
}

fn shown(count: usize) -> String {
    format::number(i64::try_from(count).unwrap_or(i64::MAX))
}
