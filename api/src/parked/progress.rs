//! The progress of decisions: how many of their events still wait, and how many have ended.

use std::collections::HashMap;

use clickhouse::Client;
use serde::Serialize;
use utoipa::ToSchema;

use crate::db::parked_counts;
use crate::db::parked_decisions::DecisionRow;
use crate::http::error::ApiError;

/// The events of a decision by their present state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Progress {
    /// Events that wait, and that the decision is about; 0 once it is revoked.
    pub waiting: u64,
    /// Events that it has stored and that are still listed.
    pub replayed: u64,
    pub ignored: u64,
}

/// Keys travel in the URL. Servers take at least 64 KiB of it.
const N_KEYS_A_QUERY: usize = 50;

/// Adds the progress to decisions, with a query for fifty of them.
pub async fn with_progress(
    client: &Client,
    rows: Vec<DecisionRow>,
) -> Result<Vec<(DecisionRow, Progress)>, ApiError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<u64> = rows.iter().map(|row| row.id.unsigned_abs()).collect();
    let active = || rows.iter().filter(|row| row.revoked_at.is_none());
    let about_alike = || active().filter(|row| row.event_id.is_none());
    let keys: Vec<String> = about_alike().map(key).collect();
    let befores: Vec<i64> = about_alike().map(before_ms).collect();
    let events: Vec<String> = active().filter_map(|row| row.event_id).map(|id| id.to_string()).collect();
    let waiting_alike = async {
        let mut waiting = HashMap::new();
        for (keys, befores) in keys.chunks(N_KEYS_A_QUERY).zip(befores.chunks(N_KEYS_A_QUERY)) {
            waiting.extend(parked_counts::waiting_alike(client, keys, befores).await?);
        }
        Ok(waiting)
    };
    let (done, alike, events) = futures::try_join!(
        parked_counts::done(client, &ids),
        waiting_alike,
        parked_counts::waiting_events(client, &events),
    )?;
    let progress = |row: &DecisionRow| {
        let done = done.get(&row.id.unsigned_abs()).copied().unwrap_or_default();
        let waiting = match row.event_id {
            _ if row.revoked_at.is_some() => None,
            Some(event_id) => events.get(&event_id.to_string()),
            None => alike.get(&key(row)),
        };
        Progress {
            waiting: waiting.copied().unwrap_or_default(),
            replayed: done.replayed,
            ignored: done.ignored,
        }
    };
    Ok(rows
        .into_iter()
        .map(|row| {
            let progress = progress(&row);
            (row, progress)
        })
        .collect())
}

fn key(row: &DecisionRow) -> String {
    format!("{} {}", row.reason, row.reference)
}

fn before_ms(row: &DecisionRow) -> i64 {
    row.until.map_or(i64::MAX, |until| until.timestamp_millis())
}
