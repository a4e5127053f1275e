//! The demo's people and events in both databases.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clickhouse::Client;
use sluice_schemas::chunk::decode_event;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::db::MAX_TIME_MS;
use crate::db::parked::{ParkedFilter, ParkedRow};
use crate::db::prospects::uuid_texts;

/// How many parked events one query reads.
const PARKED_PAGE: u32 = 1000;

/// Deletions from the tables that have a `user_id`; rows that refer to other tables first.
/// A nested subquery is avoided: as a mutation it never ends in the embedded engine (26.7).
const DELETIONS: [&str; 5] = [
    "DELETE FROM order_contacts
     WHERE order_id IN (SELECT order_id FROM orders WHERE has({users:Array(UInt64)}, user_id))",
    "DELETE FROM orders WHERE has({users:Array(UInt64)}, user_id)",
    "DELETE FROM prospect_index WHERE has({users:Array(UInt64)}, user_id)",
    "DELETE FROM prospects WHERE has({users:Array(UInt64)}, user_id)",
    "DELETE FROM rollup_hourly WHERE has({users:Array(UInt64)}, user_id)",
];

const COUNTS: [&str; 4] = [
    "SELECT count() FROM prospects WHERE has({users:Array(UInt64)}, user_id)",
    "SELECT count() FROM prospect_index WHERE has({users:Array(UInt64)}, user_id)",
    "SELECT count() FROM orders WHERE has({users:Array(UInt64)}, user_id)",
    "SELECT count() FROM rollup_hourly WHERE has({users:Array(UInt64)}, user_id)",
];

/// Returns the id of a username, and whether the user belongs to the demo.
pub async fn find_user(connection: &mut PgConnection, username: &str) -> sqlx::Result<Option<(i64, bool)>> {
    let found = sqlx::query!(
        "SELECT id, is_demo FROM users WHERE username_key = $1",
        crate::db::users::username_key(username)
    )
    .fetch_optional(connection)
    .await?;
    Ok(found.map(|row| (row.id, row.is_demo)))
}

pub async fn find_team(connection: &mut PgConnection) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!("SELECT id FROM teams WHERE is_demo AND archived_at IS NULL ORDER BY id LIMIT 1")
        .fetch_optional(connection)
        .await
}

pub async fn insert_team(connection: &mut PgConnection, name: &str, lead: Option<i64>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        "INSERT INTO teams (name, lead_id, is_demo) VALUES ($1, $2, true) RETURNING id",
        name,
        lead
    )
    .fetch_one(connection)
    .await
}

/// Adds a buyer without a team to this one. The membership starts at the epoch, because the demo's
/// events are older than the demo.
pub async fn join(connection: &mut PgConnection, team_id: i64, user_id: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO memberships (team_id, user_id, during)
         SELECT $1, $2, tstzrange('epoch', NULL)
         WHERE NOT EXISTS (SELECT FROM memberships WHERE user_id = $2)",
        team_id,
        user_id
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub async fn user_ids(pool: &PgPool) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!("SELECT id FROM users WHERE is_demo ORDER BY id").fetch_all(pool).await
}

/// Deletes the demo's users, teams and campaigns. Returns the number of users.
pub async fn delete_people(pool: &PgPool) -> anyhow::Result<u64> {
    let mut transaction = pool.begin().await?;
    sqlx::query!(
        "DELETE FROM memberships WHERE user_id IN (SELECT id FROM users WHERE is_demo)
            OR team_id IN (SELECT id FROM teams WHERE is_demo)"
    )
    .execute(&mut *transaction)
    .await?;
    // A campaign is deleted with its current buyer. One that was handed over stays with its new
    // buyer, without the periods of the demo's users.
    sqlx::query!(
        "DELETE FROM campaigns WHERE is_demo OR id IN (
             SELECT campaign_id FROM campaign_buyers JOIN users ON users.id = user_id
             WHERE users.is_demo AND upper_inf(during))"
    )
    .execute(&mut *transaction)
    .await?;
    sqlx::query!("DELETE FROM campaign_buyers USING users WHERE users.id = user_id AND is_demo")
        .execute(&mut *transaction)
        .await?;
    sqlx::query!("DELETE FROM teams WHERE is_demo").execute(&mut *transaction).await?;
    sqlx::query!("UPDATE teams SET lead_id = NULL WHERE lead_id IN (SELECT id FROM users WHERE is_demo)")
        .execute(&mut *transaction)
        .await?;
    let people = sqlx::query!("DELETE FROM users WHERE is_demo").execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(people.rows_affected())
}

/// Returns whether any event belongs to these users.
pub async fn has_events(client: &Client, users: &[i64]) -> anyhow::Result<bool> {
    let ids: Vec<u64> = users.iter().filter_map(|id| u64::try_from(*id).ok()).collect();
    for statement in COUNTS {
        let count = client.query(statement).param("users", &ids).fetch_one::<u64>().await?;
        if count > 0 {
            return Ok(true);
        }
    }
    Ok(!parked_of(client, &ids).await?.is_empty())
}

/// Deletes the events of these users: raw rows, sums and parked events.
pub async fn delete_events(client: &Client, users: &[i64]) -> anyhow::Result<()> {
    let ids: Vec<u64> = users.iter().filter_map(|id| u64::try_from(*id).ok()).collect();
    let parked = parked_of(client, &ids).await?;
    for statement in DELETIONS {
        client.query(statement).param("users", &ids).execute().await?;
    }
    for events in parked.chunks(PARKED_PAGE as usize) {
        client
            .query("DELETE FROM parked_log WHERE has({ids:Array(UUID)}, event_id)")
            .param("ids", uuid_texts(events))
            .execute()
            .await?;
    }
    Ok(())
}

/// Returns the parked events whose parameters name one of these users.
async fn parked_of(client: &Client, users: &[u64]) -> anyhow::Result<Vec<Uuid>> {
    let mut found = Vec::new();
    let mut filter = ParkedFilter {
        to_ms: MAX_TIME_MS,
        limit: PARKED_PAGE,
        is_ascending: true,
        ..ParkedFilter::default()
    };
    loop {
        let rows = crate::db::parked::list(client, &filter).await?;
        found.extend(rows.iter().filter(|row| names_any(row, users)).map(|row| row.event_id));
        match rows.last() {
            Some(last) if rows.len() == PARKED_PAGE as usize => {
                filter.after = Some((last.first_seen_ms, last.event_id));
            }
            _ => return Ok(found),
        }
    }
}

fn names_any(row: &ParkedRow, users: &[u64]) -> bool {
    let event = STANDARD.decode(&row.payload).ok().and_then(|bytes| decode_event(bytes.into()).ok());
    event.is_some_and(|event| {
        form_urlencoded::parse(&event.pairs)
            .any(|(name, value)| name == "user_id" && value.parse().is_ok_and(|id| users.contains(&id)))
    })
}
