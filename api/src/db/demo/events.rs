//! The demo's events in ClickHouse: those of its users, and parked ones that name its users, its
//! keys or its landing page.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clickhouse::Client;
use sluice_schemas::chunk::decode_event;
use sluice_schemas::event::Event;
use sluice_schemas::parameters::is_key;
use sqlx::PgPool;
use uuid::Uuid;

use crate::db::MAX_TIME_MS;
use crate::db::parked::{ParkedFilter, ParkedRow};
use crate::db::prospects::uuid_texts;

/// The landing page of demo visits. Nobody can own a page of example.com, so no real event names
/// it.
pub const PAGE: &str = "https://dawn.example.com/";

/// The number of parked events that one query reads.
const PARKED_PAGE: u32 = 1000;

/// Deletions from the tables that have a `user_id`; rows that refer to other tables first.
/// A nested subquery is avoided: as a mutation it never ends in the embedded engine (26.7).
const DELETIONS: [&str; 6] = [
    "DELETE FROM order_status
     WHERE order_id IN (SELECT order_id FROM orders WHERE has({users:Array(UInt64)}, user_id))",
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

/// The ids and keys by which events are recognised as the demo's.
#[derive(Debug)]
pub struct DemoNames {
    users: Vec<u64>,
    /// Tracking keys, in lower case.
    keys: Vec<String>,
}

impl DemoNames {
    /// Reads the demo's users, and the keys of their campaigns.
    pub async fn read(pool: &PgPool) -> sqlx::Result<Self> {
        let users = super::people::user_ids(pool).await?;
        let keys = sqlx::query_scalar!(
            "SELECT key FROM tracking_keys WHERE campaign_id IN (
                 SELECT campaign_id FROM campaign_buyers JOIN users ON users.id = user_id
                 WHERE users.is_demo AND upper_inf(during))"
        )
        .fetch_all(pool)
        .await?;
        Ok(Self { users: users.iter().filter_map(|id| u64::try_from(*id).ok()).collect(), keys })
    }

    fn are_in(&self, event: &Event) -> bool {
        event.referer.starts_with(PAGE.as_bytes())
            || form_urlencoded::parse(&event.pairs).any(|(name, value)| {
                (name == "user_id" && value.parse().is_ok_and(|id| self.users.contains(&id)))
                    || (is_key(name.as_bytes()) && self.keys.contains(&value.to_ascii_lowercase()))
            })
    }
}

/// Returns whether any event belongs to the demo.
pub async fn has_events(client: &Client, names: &DemoNames) -> anyhow::Result<bool> {
    for statement in COUNTS {
        let count = client.query(statement).param("users", &names.users).fetch_one::<u64>().await?;
        if count > 0 {
            return Ok(true);
        }
    }
    Ok(!parked_of(client, names).await?.is_empty())
}

/// Deletes the events of the demo: raw rows, sums and parked events.
pub async fn delete_events(client: &Client, names: &DemoNames) -> anyhow::Result<()> {
    let parked = parked_of(client, names).await?;
    for statement in DELETIONS {
        client.query(statement).param("users", &names.users).execute().await?;
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

/// Returns the parked events that name the demo.
async fn parked_of(client: &Client, names: &DemoNames) -> anyhow::Result<Vec<Uuid>> {
    let mut found = Vec::new();
    let mut filter = ParkedFilter {
        to_ms: MAX_TIME_MS,
        limit: PARKED_PAGE,
        is_ascending: true,
        ..ParkedFilter::default()
    };
    loop {
        let rows = crate::db::parked::list(client, &filter).await?;
        found.extend(rows.iter().filter(|row| is_of_demo(row, names)).map(|row| row.event_id));
        match rows.last() {
            Some(last) if rows.len() == PARKED_PAGE as usize => {
                filter.after = Some((last.first_seen_ms, last.event_id));
            }
            _ => return Ok(found),
        }
    }
}

fn is_of_demo(row: &ParkedRow, names: &DemoNames) -> bool {
    let event = STANDARD.decode(&row.payload).ok().and_then(|bytes| decode_event(bytes.into()).ok());
    event.is_some_and(|event| names.are_in(&event))
}
