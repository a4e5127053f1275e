//! Which events a viewer may see, as a condition of every ClickHouse query.
//!
//! Everything, one's own, or a team's. An event belongs to the team
//! that it is stamped with. One without a stamp belongs to the team that its buyer was in at its time, by the periods of
//! the memberships, so that a buyer who moves takes nothing along.

use clickhouse::query::Query;
use sqlx::PgPool;

use crate::auth::viewer::Viewer;
use crate::db::teams;
use crate::http::error::ApiError;
use crate::policy::Scope;

/// Whose events a query may return.
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
    /// What the policy's scope means for this viewer.
    pub async fn load(pool: &PgPool, viewer: &Viewer, scope: Scope) -> Result<Self, ApiError> {
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

    /// Everything, for who has been allowed it.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.all
    }

    /// The condition on a table with `user_id`, `team_id` and `time`.
    #[must_use]
    pub fn events_sql(&self) -> String {
        self.sql("toUnixTimestamp64Milli(time) >= since", "toUnixTimestamp64Milli(time) < until")
    }

    /// The condition on the roll-up, whose time is `hour`. A membership that began within an hour counts from its start.
    #[must_use]
    pub fn rollup_sql(&self) -> String {
        self.sql(
            "toInt64(toUnixTimestamp(hour)) * 1000 + 3599999 >= since",
            "toInt64(toUnixTimestamp(hour)) * 1000 < until",
        )
    }

    /// `since` and `until` are the ends of a period that the event's time is compared with.
    fn sql(&self, since: &str, until: &str) -> String {
        match (self.all, self.team) {
            (true, _) => "true".to_owned(),
            (false, 0) => "user_id = {viewer:UInt64}".to_owned(),
            // Most events are of neither the team nor one of its people: the periods are looked at for the rest.
            (false, _) => format!(
                "(user_id = {{viewer:UInt64}} OR team_id = {{team:UInt64}}
                  OR (team_id = 0 AND user_id IN {{members:Array(UInt64)}}
                      AND arrayExists((member, since, until) -> user_id = member AND {since} AND {until},
                          {{members:Array(UInt64)}}, {{since:Array(Int64)}}, {{until:Array(Int64)}})))"
            ),
        }
    }

    /// Gives a query with one of the conditions in it its parameters.
    pub fn bind(&self, query: Query) -> Query {
        query
            .param("viewer", self.viewer)
            .param("team", self.team)
            .param("members", &self.members)
            .param("since", &self.since_ms)
            .param("until", &self.until_ms)
    }
}
