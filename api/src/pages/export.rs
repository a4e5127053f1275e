//! `/<things>/export.csv`: all rows of a list with its columns, streamed. Two pages of rows are in
//! memory at a time. A list that fails on the way breaks the download, so that no file seems
//! complete.

use std::io;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use futures::stream;
use serde_json::{Value, json};

use crate::dates::range::Present;
use crate::db::audit::{self, Actor, Diff};
use crate::http::csv::{read_separator, response, safe, writer, written};
use crate::http::error::ApiError;
use crate::http::in_process::Api;
use crate::http::page::PageError;
use crate::http::paging::Listing;
use crate::http::query::{MAX_LIMIT, with_param};
use crate::http::state::App;
use crate::pages::calls::rows;
use crate::pages::entity::{Column, Entity, Kind};
use crate::pages::listing::Asked;
use crate::pages::names::Names;
use crate::pages::table::{plain, references};

/// The state of a download.
struct Download {
    app: App,
    api: Api,
    entity: &'static Entity,
    query: String,
    separator: u8,
    /// The rows to send next, and the cursor after them; `None` after the last page.
    loaded: Option<(Vec<Value>, Option<String>)>,
    is_first: bool,
}

/// Sends a list as a CSV file.
///
/// # Errors
/// 400 for a wrong parameter.
pub async fn send(
    entity: &'static Entity,
    State(app): State<App>,
    api: Api,
    actor: Actor,
    listing: Listing,
) -> Result<Response, PageError> {
    let mut params = listing.params();
    let separator = read_separator(&mut params);
    let query = without(listing.query(), &["separator", "per_page", "cursor"]);
    let present = Present::of(&api.caller().viewer, app.clock.now_ms());
    let query = Asked::read(entity, &mut params, Some(&query), present).api_query;
    params.finish()?;
    let first = rows(&api, entity, Some(&query), MAX_LIMIT).await?;
    let mut connection = app.postgres.acquire().await?;
    let facts = json!({"query": query});
    audit::record(&mut connection, &actor, "export", entity.resource, "", Diff::noted(facts)).await?;
    let download = Download { app, api, entity, query, separator, loaded: Some(first), is_first: true };
    let parts = stream::try_unfold(download, |download| async move {
        download.part().await.map_err(|error| io::Error::other(error.sentence()))
    });
    Ok(response(&entity.path().replace('/', "-"), Body::from_stream(parts)))
}

fn without(query: Option<&str>, names: &[&str]) -> String {
    names
        .iter()
        .fold(query.unwrap_or_default().to_owned(), |query, name| with_param(Some(&query), name, None))
}

impl Download {
    /// Returns the text of a page of rows. The next page is loaded at the same time.
    async fn part(mut self) -> Result<Option<(Bytes, Self)>, ApiError> {
        let Some((items, cursor)) = self.loaded.take() else { return Ok(None) };
        let (text, loaded) = tokio::try_join!(self.text(&items), self.load(cursor))?;
        self.loaded = loaded;
        self.is_first = false;
        Ok(Some((text, self)))
    }

    async fn load(&self, cursor: Option<String>) -> Result<Option<(Vec<Value>, Option<String>)>, ApiError> {
        let Some(cursor) = cursor else { return Ok(None) };
        let query = with_param(Some(&self.query), "cursor", Some(&cursor));
        rows(&self.api, self.entity, Some(&query), MAX_LIMIT).await.map(Some)
    }

    async fn text(&self, items: &[Value]) -> Result<Bytes, ApiError> {
        let names = Names::load(&self.app, references(self.entity.columns.iter(), items)).await?;
        self.write(items, &names).map_err(|error| ApiError::internal(&error))
    }

    fn write(&self, items: &[Value], names: &Names) -> Result<Bytes, csv::Error> {
        let mut writer = writer(self.separator, self.is_first);
        if self.is_first {
            writer.write_record(headings(self.entity))?;
        }
        for item in items {
            writer.write_record(values(self.entity, item, names))?;
        }
        written(writer)
    }
}

/// An id of another thing is followed by its name, an amount by its currency.
fn headings(entity: &Entity) -> Vec<String> {
    let mut headings = Vec::new();
    for column in ids(entity).chain(entity.columns) {
        headings.push(column.label.to_owned());
        match column.kind {
            Kind::Ref(_) => headings.push(format!("{} (name)", column.label)),
            Kind::Money => headings.push(format!("{} (currency)", column.label)),
            _ => {}
        }
    }
    headings
}

fn values(entity: &Entity, item: &Value, names: &Names) -> Vec<String> {
    let mut values = Vec::new();
    for column in ids(entity).chain(entity.columns) {
        let value = item.get(column.key).unwrap_or(&Value::Null);
        values.push(match column.kind {
            Kind::Count => value.as_array().map_or(0, Vec::len).to_string(),
            Kind::Money | Kind::Number | Kind::Time | Kind::Date | Kind::Ref(_) => plain(value),
            _ => safe(plain(value)),
        });
        match column.kind {
            Kind::Ref(refers) => {
                values.push(value.as_i64().map(|id| safe(names.name(refers, id))).unwrap_or_default());
            }
            Kind::Money => values.push(item.get("currency").map(plain).unwrap_or_default()),
            _ => {}
        }
    }
    values
}

/// The column `Id`, for entities whose columns have none.
fn ids(entity: &Entity) -> impl Iterator<Item = &'static Column> {
    static ID: Column = Column::new("id", "Id", Kind::Text);
    let has_one = entity.columns.iter().any(|column| column.key == "id");
    [&ID].into_iter().filter(move |_| !has_one)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::entity::TEAMS;

    #[test]
    fn a_row_has_raw_values_and_no_formulas() {
        assert_eq!(headings(&TEAMS), ["Id", "Name", "Team Lead", "Team Lead (name)", "Members"]);
        let team = json!({"id": 1, "name": "=1+1", "team_lead": 7, "members": [1, 2]});
        assert_eq!(values(&TEAMS, &team, &Names::default()), ["1", "'=1+1", "7", "#7", "2"]);
    }
}
