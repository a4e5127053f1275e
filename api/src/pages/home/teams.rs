//! The legacy CRM's fourth chart: a bar for each team, with its members or its prospects.
//!
//! A prospect counts for the team that its buyer was in at that moment, which is stored with it.
//! One that was stored without a team counts for the membership of its buyer at its time, if there
//! is one. Teams with nothing have a bar too.

use std::collections::HashMap;

use crate::db::figures::hours::Hours;
use crate::db::figures::people::{self, TeamBarRow};
use crate::db::figures::prospects::{self, TeamSumRow};
use crate::db::teams;
use crate::http::error::ApiError;
use crate::http::query::{Params, with_param};
use crate::pages::format::number;
use crate::pages::home::request::{Request, time};
use crate::policy::{Action, Resource, Scope, decide};

/// The most teams in the table.
const MAX_ROWS: usize = 1000;
/// The most teams with a bar.
const MAX_BARS: usize = 20;

/// The length of the bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TeamsBy {
    Members,
    Prospects,
}

/// The chart, its choice and its table.
#[derive(Debug, Clone)]
pub(super) struct TeamsChart {
    pub(super) is_by_members: bool,
    pub(super) members_href: String,
    pub(super) prospects_href: String,
    pub(super) rows: Vec<TeamBar>,
    pub(super) n_bars: usize,
    /// Sentences about the teams that the rows leave out.
    pub(super) notes: Vec<String>,
}

/// A bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TeamBar {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) is_archived: bool,
    pub(super) value: i64,
    pub(super) shown: String,
    /// In per cent of the longest bar.
    pub(super) width: i64,
}

impl TeamsBy {
    /// Reads `teams_by`.
    pub(super) fn read(params: &mut Params) -> Self {
        match params.choice("teams_by", &["members", "prospects"]) {
            "prospects" => Self::Prospects,
            _ => Self::Members,
        }
    }
}

/// Loads the chart: with one statement, or with two to four for prospects.
pub(super) async fn load(
    request: &Request<'_>,
    by: TeamsBy,
    query: Option<&str>,
) -> Result<TeamsChart, ApiError> {
    let credits = match by {
        TeamsBy::Members => Credits::default(),
        TeamsBy::Prospects => credits(request).await?,
    };
    let viewer = &request.allowed.viewer;
    let is_all =
        decide(viewer.position, Action::List, Resource::Teams).is_some_and(|grant| grant.scope == Scope::All);
    // Nobody's team has the id 0.
    let only = (!is_all).then(|| viewer.team.as_ref().map_or(0, |(id, _)| *id));
    let also: Vec<i64> = credits.by_team.keys().copied().collect();
    let limit = i64::try_from(MAX_ROWS + 1).unwrap_or(i64::MAX);
    let rows = people::teams(&request.app.postgres, only, &also, limit).await?;
    Ok(chart(rows, by, &credits, query))
}

/// The prospects of each team, and of no team.
#[derive(Debug, Clone, Default)]
struct Credits {
    by_team: HashMap<i64, i64>,
    without: i64,
}

impl Credits {
    fn add(&mut self, row: TeamSumRow) {
        match i64::try_from(row.team_id) {
            Ok(team_id) if team_id != 0 => *self.by_team.entry(team_id).or_default() += row.n_prospects,
            _ => self.without += row.n_prospects,
        }
    }
}

async fn credits(request: &Request<'_>) -> Result<Credits, ApiError> {
    let buckets = request.dates.buckets(request.earliest_ms);
    let (Some(first), Some(last)) = (buckets.first(), buckets.last()) else { return Ok(Credits::default()) };
    let (from_ms, to_ms) = (first.from_ms, last.to_ms);
    let hours = Hours::new(from_ms, to_ms, &[], request.scope);
    let rows = prospects::by_team(&request.app.clickhouse, request.scope, &hours).await?;
    let mut credits = Credits::default();
    rows.iter().for_each(|row| credits.add(*row));
    let buyers: Vec<i64> = rows
        .iter()
        .filter(|row| row.team_id == 0 && row.user_id != 0)
        .filter_map(|row| i64::try_from(row.user_id).ok())
        .collect();
    if buyers.is_empty() {
        return Ok(credits);
    }
    let periods = teams::periods_of(&request.app.postgres, &buyers, time(from_ms), time(to_ms)).await?;
    if periods.is_empty() {
        return Ok(credits);
    }
    let range = (from_ms, to_ms);
    for row in prospects::credited(&request.app.clickhouse, request.scope, range, &periods).await? {
        credits.without -= row.n_prospects;
        credits.add(row);
    }
    Ok(credits)
}

fn chart(rows: Vec<TeamBarRow>, by: TeamsBy, credits: &Credits, query: Option<&str>) -> TeamsChart {
    let value = |row: &TeamBarRow| match by {
        TeamsBy::Members => row.n_members,
        TeamsBy::Prospects => credits.by_team.get(&row.id).copied().unwrap_or(0),
    };
    let mut notes = Vec::new();
    if rows.len() > MAX_ROWS {
        notes.push(format!("Only the first {} teams by name are shown.", number(MAX_ROWS as i64)));
    } else {
        let shown: i64 = rows.iter().map(value).sum();
        let elsewhere = credits.by_team.values().sum::<i64>() + credits.without - shown;
        if by == TeamsBy::Prospects && elsewhere != 0 {
            notes.push(format!("{} prospects were brought outside of these teams.", number(elsewhere)));
        }
    }
    let longest = rows.iter().map(value).max().unwrap_or(0).max(1);
    let bar = |row: TeamBarRow| {
        let value = value(&row);
        TeamBar {
            id: row.id,
            is_archived: row.is_archived,
            value,
            shown: number(value),
            width: value.max(0) * 100 / longest,
            name: row.name,
        }
    };
    let mut rows: Vec<TeamBar> = rows.into_iter().take(MAX_ROWS).map(bar).collect();
    // The names are in order already.
    rows.sort_by_key(|row| std::cmp::Reverse(row.value));
    if rows.len() > MAX_BARS {
        notes.push(format!(
            "The {MAX_BARS} longest bars of {}. The table has all teams.",
            number(rows.len() as i64)
        ));
    }
    let href = |word| format!("?{}#teams", with_param(query, "teams_by", Some(word)));
    TeamsChart {
        is_by_members: by == TeamsBy::Members,
        members_href: href("members"),
        prospects_href: href("prospects"),
        n_bars: rows.len().min(MAX_BARS),
        rows,
        notes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: i64, n_members: i64) -> TeamBarRow {
        TeamBarRow { id, name: format!("Team {id}"), is_archived: false, n_members }
    }

    #[test]
    fn teams_with_nothing_have_a_bar_and_the_rest_is_named() {
        let credits = Credits { by_team: HashMap::from([(2, 1200), (9, 30)]), without: 4 };
        let by_prospects = chart(vec![row(1, 5), row(2, 0)], TeamsBy::Prospects, &credits, Some("range=30d"));
        let bars: Vec<_> = by_prospects.rows.iter().map(|bar| (bar.id, bar.value, bar.width)).collect();
        assert_eq!(bars, [(2, 1200, 100), (1, 0, 0)]);
        assert_eq!(by_prospects.notes, ["34 prospects were brought outside of these teams."]);
        assert_eq!(by_prospects.members_href, "?range=30d&teams_by=members#teams");
        let by_members = chart(vec![row(1, 5), row(2, 1)], TeamsBy::Members, &Credits::default(), None);
        assert_eq!(by_members.rows.iter().map(|bar| bar.width).collect::<Vec<_>>(), [100, 20]);
        assert!(by_members.notes.is_empty() && by_members.is_by_members);
        let many =
            chart((0..1001).map(|id| row(id, 0)).collect(), TeamsBy::Members, &Credits::default(), None);
        assert_eq!((many.rows.len(), many.n_bars, many.notes.len()), (1000, 20, 2));
    }
}
