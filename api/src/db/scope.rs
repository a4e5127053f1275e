//! The row scope of a viewer, as a condition of every ClickHouse query.
//!
//! A viewer sees all events, those of a team, or their own. An event belongs to the team in its
//! `team_id`. An event without one belongs to the team that its buyer was in at the event's time,
//! so that a buyer who changes teams leaves the old events behind.

use clickhouse::query::Query;
use sqlx::PgPool;

use crate::db::teams;
use crate::policy::Scope;
use crate::viewer::Viewer;

/// The events that a query may return.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventScope {
    all: bool,
    viewer: u64,
    team: u64,
    members: Vec<u64>,
    since_ms: Vec<i64>,
    until_ms: Vec<i64>,
}

impl EventScope {
    /// Resolves the policy's scope for this viewer.
    pub async fn load(pool: &PgPool, viewer: &Viewer, scope: Scope) -> sqlx::Result<Self> {
        let mut found = Self { viewer: u64::try_from(viewer.id).unwrap_or(0), ..Self::default() };
        match (scope, &viewer.team) {
            (Scope::All, _) => found.all = true,
            (Scope::Team, Some((team_id, _))) => {
                found.team = u64::try_from(*team_id).unwrap_or(0);
                for period in teams::member_periods(pool, *team_id).await? {
                    found.members.push(u64::try_from(period.user_id).unwrap_or(0));
                    found.since_ms.push(period.since_ms);
                    found.until_ms.push(period.until_ms);
                }
            }
            (Scope::Team | Scope::Own, _) => {}
        }
        Ok(found)
    }

    /// Returns whether the scope includes all events.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.all
    }

    /// Returns the moments at which memberships begin or end, in Unix milliseconds.
    pub fn edges_ms(&self) -> impl Iterator<Item = i64> + '_ {
        self.since_ms.iter().chain(&self.until_ms).copied()
    }

    /// Returns the condition for a table with `user_id`, `team_id` and `time`.
    #[must_use]
    pub fn events_sql(&self) -> String {
        self.sql("toUnixTimestamp64Milli(time) >= since", "toUnixTimestamp64Milli(time) < until")
    }

    /// Returns the condition for the roll-up, whose time is `hour`. A membership that began within
    /// an hour counts from the start of that hour.
    #[must_use]
    pub fn rollup_sql(&self) -> String {
        self.sql(
            "toInt64(toUnixTimestamp(hour)) * 1000 + 3599999 >= since",
            "toInt64(toUnixTimestamp(hour)) * 1000 < until",
        )
    }

    /// `since` and `until` are the comparisons of the event's time with the ends of a membership.
    fn sql(&self, since: &str, until: &str) -> String {
        match (self.all, self.team) {
            (true, _) => "true".to_owned(),
            (false, 0) => "user_id = {viewer:UInt64}".to_owned(),
            // The cheap comparison with the members comes first: it excludes most events, so that
            // few are compared with the periods.
            (false, _) => format!(
                "(user_id = {{viewer:UInt64}} OR team_id = {{team:UInt64}}
                  OR (team_id = 0 AND user_id IN {{members:Array(UInt64)}}
                      AND arrayExists((member, since, until) -> user_id = member AND {since} AND {until},
                          {{members:Array(UInt64)}}, {{since:Array(Int64)}}, {{until:Array(Int64)}})))"
            ),
        }
    }

    /// Binds the parameters of the conditions above.
    pub fn bind(&self, query: Query) -> Query {
        query
            .param("viewer", self.viewer)
            .param("team", self.team)
            .param("members", &self.members)
            .param("since", &self.since_ms)
            .param("until", &self.until_ms)
    }
}
