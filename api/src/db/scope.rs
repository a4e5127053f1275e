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

    /// Returns whether an event with these values is in the scope, as [`Self::events_sql`] does.
    /// The id 0 means none.
    #[must_use]
    pub fn includes(&self, user_id: u64, team_id: u64, time_ms: i64) -> bool {
        let was_member = || {
            let periods = self.members.iter().zip(&self.since_ms).zip(&self.until_ms);
            let mut periods = periods.filter(|((member, _), _)| **member == user_id);
            periods.any(|((_, since_ms), until_ms)| (*since_ms..*until_ms).contains(&time_ms))
        };
        let is_of_team = || team_id == self.team || (team_id == 0 && was_member());
        self.all || user_id == self.viewer || (self.team != 0 && is_of_team())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_in_the_scope_of_its_buyer_of_its_team_and_of_owners() {
        let own = EventScope { viewer: 7, ..EventScope::default() };
        assert!(own.includes(7, 3, 0) && !own.includes(8, 3, 0) && !own.includes(0, 0, 0));
        let team = EventScope {
            viewer: 7,
            team: 3,
            members: vec![8, 8],
            since_ms: vec![100, 300],
            until_ms: vec![200, 400],
            ..EventScope::default()
        };
        assert!(team.includes(7, 0, 0) && team.includes(9, 3, 0), "its own, and those of the team");
        let times = [99, 100, 199, 200, 300, 400];
        let found = times.map(|time_ms| team.includes(8, 0, time_ms));
        assert_eq!(found, [false, true, true, false, true, false]);
        assert!(!team.includes(8, 4, 150), "an event keeps its team");
        assert!(!team.includes(9, 0, 150) && !team.includes(0, 0, 150));
        let all = EventScope { all: true, ..EventScope::default() };
        assert!(all.includes(0, 0, 0) && all.includes(9, 4, 0));
    }
}
