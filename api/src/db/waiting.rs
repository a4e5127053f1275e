//! The frame of every page shows the number of things that wait, and the age of the last event.

use clickhouse::{Client, Row};
use serde::Deserialize;
use sqlx::PgPool;

use crate::policy::Position;
use crate::viewer::Viewer;

/// The time of the last stored event, and the number of parked events that wait.
#[derive(Debug, Clone, Copy, Default)]
pub struct StoredEvents {
    pub last_event_ms: Option<i64>,
    pub parked_waiting: u64,
}

#[derive(Debug, Row, Deserialize)]
struct EventsRow {
    last_event_s: u32,
    parked_waiting: u64,
}

/// Counts the requests for funds that wait for the viewer: a Team Lead approves open ones, a Funds
/// Coordinator tops up approved ones.
pub async fn requests(pool: &PgPool, viewer: &Viewer) -> sqlx::Result<i64> {
    let team = viewer.team.as_ref().map_or(0, |(id, _)| *id);
    match viewer.position {
        Position::Buyer => Ok(0),
        Position::TeamLead => {
            sqlx::query_scalar!(
                r#"SELECT count(*) AS "count!" FROM fund_requests
                   JOIN memberships ON user_id = buyer_id AND upper_inf(during)
                   WHERE status = 'open' AND team_id = $1"#,
                team
            )
            .fetch_one(pool)
            .await
        }
        Position::FundsCoordinator => {
            sqlx::query_scalar!(r#"SELECT count(*) AS "count!" FROM fund_requests WHERE status = 'approved'"#)
                .fetch_one(pool)
                .await
        }
        Position::Owner => {
            sqlx::query_scalar!(
                r#"SELECT count(*) AS "count!" FROM fund_requests WHERE status IN ('open', 'approved')"#
            )
            .fetch_one(pool)
            .await
        }
    }
}

/// Asks ClickHouse for the time of the last event, and for the number of events that wait.
pub async fn events(client: &Client) -> clickhouse::error::Result<StoredEvents> {
    let row = client
        .query(
            // The value of a subquery may be null, and the row has no place for that.
            "SELECT ifNull((SELECT max(toUnixTimestamp(time)) FROM \
                     (SELECT time FROM prospects ORDER BY time DESC LIMIT 1)), 0) AS last_event_s, \
                    ifNull((SELECT count() FROM parked WHERE state = 'waiting'), 0) AS parked_waiting",
        )
        .fetch_one::<EventsRow>()
        .await?;
    let last_event_ms = Some(i64::from(row.last_event_s) * 1000).filter(|ms| *ms > 0);
    Ok(StoredEvents { last_event_ms, parked_waiting: row.parked_waiting })
}
