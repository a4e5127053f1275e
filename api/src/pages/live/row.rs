//! A row of `/live/`, in the list and in the stream.

use askama::Template;
use sluice_schemas::live::{LiveKind, LiveRow};

use crate::http::error::ApiError;
use crate::http::query::with_param;
use crate::http::state::App;
use crate::pages::cell::Cell;
use crate::pages::entity::Refers;
use crate::pages::format::{self, LocalTime};
use crate::pages::names::Names;
use crate::pages::table::status_class;
use crate::time_zone::TimeZone;

/// An event as the page shows it.
#[derive(Debug, Template)]
#[template(path = "live_row.html")]
pub(super) struct RowView {
    pub id: String,
    /// The end of the id.
    pub end: String,
    pub href: String,
    pub kind: &'static str,
    pub time: LocalTime,
    /// Name of the buyer, and link to only their events.
    pub buyer: Option<(String, String)>,
    pub campaign: Option<(String, String)>,
    pub country: String,
    /// Device, system and browser, as far as they are known.
    pub device: String,
    pub bot: String,
    pub status: String,
    pub status_class: &'static str,
    pub amount: String,
}

/// Makes the rows of a viewer.
#[derive(Debug)]
pub(super) struct Rows {
    zone: TimeZone,
    /// The parameters of the page.
    query: String,
    names: Names,
}

impl Rows {
    /// Makes rows for a page with these parameters.
    #[must_use]
    pub(super) fn new(zone: TimeZone, query: Option<&str>) -> Self {
        let query = with_param(query, "after", None);
        Self { zone, query, names: Names::default() }
    }

    /// Loads the names that the rows need.
    ///
    /// # Errors
    /// When Postgres is down.
    pub(super) async fn load_names<'a>(
        &mut self,
        app: &App,
        rows: impl IntoIterator<Item = &'a LiveRow>,
    ) -> Result<(), ApiError> {
        let ids = rows
            .into_iter()
            .flat_map(|row| [(Refers::User, row.user_id), (Refers::Campaign, row.campaign_id)])
            .filter(|(_, id)| *id != 0)
            .filter_map(|(refers, id)| Some((refers, i64::try_from(id).ok()?)));
        self.names.add(app, ids.collect()).await
    }

    /// Returns the name of a thing of a row, or `#id` if no row has it.
    #[must_use]
    pub(super) fn name(&self, refers: Refers, id: u64) -> String {
        i64::try_from(id).map_or_else(|_| format!("#{id}"), |id| self.names.name(refers, id))
    }

    /// Makes a row.
    #[must_use]
    pub(super) fn view(&self, row: &LiveRow) -> RowView {
        let (kind, path) = match row.kind {
            LiveKind::Visit => ("Visit", "prospects"),
            LiveKind::Order => ("Order", "orders"),
        };
        let named = |refers: Refers, name: &str, id: u64| {
            let id = i64::try_from(id).ok().filter(|id| *id != 0)?;
            let query = with_param(Some(&self.query), name, Some(&id.to_string()));
            Some((self.names.name(refers, id), format!("?{query}")))
        };
        let device = [&row.device, &row.os, &row.browser].map(String::as_str);
        let device: Vec<&str> = device.into_iter().filter(|text| !text.is_empty()).collect();
        RowView {
            end: Cell::end_of(&row.id.to_string()),
            id: row.id.to_string(),
            href: format!("/{path}/{}/", row.id),
            kind,
            time: LocalTime::new(row.time_ms, self.zone),
            buyer: named(Refers::User, "user_id", row.user_id),
            campaign: named(Refers::Campaign, "campaign_id", row.campaign_id),
            country: row.country.clone(),
            device: device.join(", "),
            bot: row.bot.replace('_', " "),
            status: row.status.clone(),
            status_class: status_class(&row.status),
            amount: format::amount(row.amount, &row.currency),
        }
    }
}
