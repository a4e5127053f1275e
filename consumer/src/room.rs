//! The room for parked events: everybody can send pixels and orders that name unknown things, and
//! they must not fill the disk.
//!
//! The counts are external answers, so a batch stores the room that it has as a verdict of its own,
//! before it drops anything. Each partition counts by itself, and only now and then. So together
//! they may park more than the limit, by the events that they read between two counts.

use std::time::Duration;

use serde::Deserialize;
use sluice_schemas::outcome::ParkReason;
use tokio::time::Instant;

use crate::batch::Batch;
use crate::config::BatchConfig;
use crate::context::PartitionContext;
use crate::insert::Inserter;
use crate::retry::Stop;
use crate::rows::{Room, Rows};
use crate::store::{Store, StoreError};

const COUNT_EVERY: Duration = Duration::from_secs(10);
const HOUR_MS: u64 = 3_600_000;

/// The last count, and what this partition has parked since.
#[derive(Debug, Default)]
pub(crate) struct RoomKeeper {
    counted: Option<(Instant, Room)>,
}

/// The numbers of prospects and orders that wait, and that were parked in the last hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clickhouse::Row, Deserialize)]
pub struct ParkedNumbers {
    pub waiting_prospects: u64,
    pub waiting_orders: u64,
    pub prospects_of_hour: u64,
    pub orders_of_hour: u64,
}

impl RoomKeeper {
    /// The room of a batch, as its verdict has it.
    pub(crate) async fn settle(
        &mut self,
        context: &PartitionContext,
        inserter: &Inserter,
        batch: &Batch,
    ) -> Result<Room, Stop> {
        let counted = self.counted.filter(|(counted_at, _)| counted_at.elapsed() < COUNT_EVERY);
        let room = if let Some((_, room)) = counted {
            room
        } else {
            let shared = &context.shared;
            let since_ms = shared.clock.now_ms().saturating_sub(HOUR_MS);
            let numbers = context.ask_clickhouse(|| shared.store.parked_numbers(since_ms)).await?;
            let room = numbers.room(&shared.config);
            self.counted = Some((Instant::now(), room));
            room
        };
        inserter.store_verdict(&batch.part("room"), &room).await
    }

    /// Notes the events that were parked.
    pub(crate) fn note(&mut self, rows: &Rows) {
        let Some((_, room)) = &mut self.counted else { return };
        let n_parked = |kind: &str| rows.parked.iter().filter(|row| row.kind == kind).count() as u64;
        room.pixels = room.pixels.saturating_sub(n_parked("prospect"));
        room.orders = room.orders.saturating_sub(n_parked("order"));
    }
}

impl ParkedNumbers {
    fn room(self, config: &BatchConfig) -> Room {
        let left = |limit: u64, hour: u64, waiting: u64, of_hour: u64| {
            limit.saturating_sub(waiting).min(hour.saturating_sub(of_hour))
        };
        Room {
            pixels: left(
                config.max_waiting_prospects,
                config.max_parked_prospects_per_hour,
                self.waiting_prospects,
                self.prospects_of_hour,
            ),
            orders: left(
                config.max_waiting_orders,
                config.max_parked_orders_per_hour,
                self.waiting_orders,
                self.orders_of_hour,
            ),
        }
    }
}

impl Store {
    /// Counts the waiting events, and those that were parked since a moment (Unix milliseconds). By
    /// the times of the events: those that an edge has kept for hours count for the hours in which
    /// they came.
    pub async fn parked_numbers(&self, since_ms: u64) -> Result<ParkedNumbers, StoreError> {
        let order = ParkReason::UnknownProspect.as_str();
        let sql = format!(
            "WITH parked_then AS (SELECT reason = '{order}' AS is_order, sum(count) AS n FROM outcomes \
                 WHERE minute >= toDateTime({{since:UInt32}}, 'UTC') AND outcome = 'parked' AND batches = 0 \
                   AND reason != '{unreadable}' GROUP BY is_order) \
             SELECT countIf(kind = 'prospect') AS waiting_prospects, countIf(kind = 'order') AS waiting_orders, \
                 ifNull((SELECT sumIf(n, NOT is_order) FROM parked_then), 0) AS prospects_of_hour, \
                 ifNull((SELECT sumIf(n, is_order) FROM parked_then), 0) AS orders_of_hour \
             FROM parked_log FINAL WHERE state = 'waiting'",
            unreadable = ParkReason::Unreadable.as_str()
        );
        let since = u32::try_from(since_ms / 1000).unwrap_or(u32::MAX);
        Ok(self.client().query(&sql).param("since", since).fetch_one().await?)
    }
}
