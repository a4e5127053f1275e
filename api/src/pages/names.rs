//! Names of the users, teams, campaigns and other things to which ids refer.

use std::collections::{BTreeMap, HashMap};

use crate::db::names;
use crate::http::error::ApiError;
use crate::http::state::App;
use crate::pages::cell::Cell;
use crate::pages::entity::Refers;
use crate::pages::format::{NONE, Shortened};

/// Names by kind and id.
#[derive(Debug, Default)]
pub struct Names(HashMap<(Refers, i64), String>);

impl Names {
    /// Loads the names of these ids, with one statement a kind.
    pub async fn load(app: &App, ids: Vec<(Refers, i64)>) -> Result<Self, ApiError> {
        let mut names = Self::default();
        names.add(app, ids).await?;
        Ok(names)
    }

    /// Loads those of these names that were not loaded before.
    ///
    /// # Errors
    /// When Postgres is down.
    pub async fn add(&mut self, app: &App, ids: Vec<(Refers, i64)>) -> Result<(), ApiError> {
        let mut by_kind = BTreeMap::<Refers, Vec<i64>>::new();
        for (refers, id) in ids.into_iter().filter(|id| !self.0.contains_key(id)) {
            by_kind.entry(refers).or_default().push(id);
        }
        for (refers, mut ids) in by_kind {
            ids.sort_unstable();
            ids.dedup();
            let named = names::of(&app.postgres, refers, &ids).await?;
            self.0.extend(named.into_iter().map(|(id, name)| ((refers, id), name)));
        }
        Ok(())
    }

    /// Loads the names of the buyers of events. The id 0 is nobody's.
    pub async fn of_buyers(app: &App, ids: impl IntoIterator<Item = u64>) -> Result<Self, ApiError> {
        let ids = ids.into_iter().filter(|id| *id != 0).filter_map(|id| i64::try_from(id).ok());
        Self::load(app, ids.map(|id| (Refers::User, id)).collect()).await
    }

    /// Returns the name of the buyer of an event: `#id` if it is unknown, [`NONE`] for the id 0.
    #[must_use]
    pub fn buyer(&self, id: u64) -> String {
        match i64::try_from(id) {
            Ok(0) => NONE.to_owned(),
            Ok(id) => self.name(Refers::User, id),
            Err(_) => format!("#{id}"),
        }
    }

    /// Returns the name of a thing, or `#id` for an unknown one.
    #[must_use]
    pub fn name(&self, refers: Refers, id: i64) -> String {
        self.0.get(&(refers, id)).cloned().unwrap_or_else(|| format!("#{id}"))
    }

    /// Makes a cell with a link to the thing.
    #[must_use]
    pub fn cell(&self, refers: Refers, id: i64, base: &str) -> Cell {
        let Some(text) = self.0.get(&(refers, id)).cloned() else {
            return if id == 0 { Cell::None } else { Cell::Text(Shortened::new(format!("#{id}"))) };
        };
        Cell::Link { href: format!("{base}/{}/{id}/", refers.path()), text }
    }
}
