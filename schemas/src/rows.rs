//! The rows of the ClickHouse tables as the consumer inserts them. `migrations/clickhouse` explains
//! the columns.

use std::net::Ipv6Addr;

use clickhouse::Row;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::status::Status;

/// A Decimal(18, 6) as an integer: millionths of a currency unit.
pub type Micros = i64;

/// The largest amount of [`Micros`]: 18 digits.
pub const MAX_MICROS: Micros = 999_999_999_999_999_999;

/// One visit. Times are Unix milliseconds. The id 0 means none. An empty `bot` means a human.
#[derive(Debug, Clone, PartialEq, Row, Serialize, Deserialize)]
pub struct ProspectRow {
    #[serde(with = "clickhouse::serde::uuid")]
    pub prospect_id: Uuid,
    pub time: i64,
    pub user_id: u64,
    pub team_id: u64,
    pub campaign_id: u64,
    pub ip: Ipv6Addr,
    pub user_agent: String,
    pub referrer: String,
    pub page: String,
    pub country: String,
    pub device: String,
    pub os: String,
    pub browser: String,
    pub bot: String,
    /// The versions of the data sets that the five columns before it come from.
    pub rules: String,
    pub external_id: String,
    pub external_kind: String,
    pub subs: Vec<String>,
    pub utm_source: String,
    pub utm_medium: String,
    pub utm_campaign: String,
    pub utm_content: String,
    pub utm_term: String,
    pub keyword: String,
    pub creative_id: String,
    pub ad_campaign_id: String,
    pub placement: String,
    pub cost: Micros,
    pub currency: String,
    pub marks: Vec<String>,
}

/// The time and the owner of a prospect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct ProspectIndexRow {
    #[serde(with = "clickhouse::serde::uuid")]
    pub prospect_id: Uuid,
    pub time: i64,
    pub user_id: u64,
    pub team_id: u64,
    pub campaign_id: u64,
}

/// One order with a known prospect, and a copy of the prospect's owner, country, device and bot.
#[derive(Debug, Clone, PartialEq, Row, Serialize, Deserialize)]
pub struct OrderRow {
    #[serde(with = "clickhouse::serde::uuid")]
    pub order_id: Uuid,
    #[serde(with = "clickhouse::serde::uuid")]
    pub prospect_id: Uuid,
    pub time: i64,
    pub user_id: u64,
    pub team_id: u64,
    pub campaign_id: u64,
    pub status: String,
    pub status_text: String,
    pub payout: Micros,
    pub currency: String,
    pub marks: Vec<String>,
    pub country: String,
    pub device: String,
    pub os: String,
    pub browser: String,
    pub bot: String,
}

/// The contact data of the customer of one order.
#[derive(Debug, Clone, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct OrderContactRow {
    #[serde(with = "clickhouse::serde::uuid")]
    pub order_id: Uuid,
    pub time: i64,
    pub email: String,
    pub phone_number: String,
    pub first_name: String,
    pub last_name: String,
    pub delivery_address: String,
    pub version: u32,
}

/// A status that was given to an order.
#[derive(Debug, Clone, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct OrderStatusRow {
    #[serde(with = "clickhouse::serde::uuid")]
    pub order_id: Uuid,
    pub time: i64,
    pub status: String,
    pub status_text: String,
    pub reason: String,
    pub actor_id: u64,
    #[serde(with = "clickhouse::serde::uuid")]
    pub change_id: Uuid,
}

/// A change of the values that orders copy from their prospect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct OriginEditRow {
    #[serde(with = "clickhouse::serde::uuid")]
    pub prospect_id: Uuid,
    #[serde(with = "clickhouse::serde::uuid")]
    pub change_id: Uuid,
}

/// The outcome of a change.
#[derive(Debug, Clone, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct ChangeRow {
    #[serde(with = "clickhouse::serde::uuid")]
    pub change_id: Uuid,
    pub time: i64,
    pub entity: String,
    #[serde(with = "clickhouse::serde::uuid")]
    pub entity_id: Uuid,
    pub act: String,
    pub actor_id: u64,
    pub outcome: String,
    pub reason: String,
}

/// Sums to add to the hour (Unix seconds) of a buyer, or the marker of a batch. `orders` counts all
/// orders, whatever their status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct RollupHourlyRow {
    pub hour: u32,
    pub user_id: u64,
    pub team_id: u64,
    pub campaign_id: u64,
    pub prospects: i64,
    pub bots: i64,
    pub orders: i64,
    pub sales: i64,
    pub rejected: i64,
    pub trash: i64,
    pub chargebacks: i64,
    pub rebills: i64,
    /// In a marker: the batch whose sums are in the same part; else nil.
    #[serde(with = "clickhouse::serde::uuid")]
    pub batch: Uuid,
    /// In a marker: its creation time (Unix seconds); else 0.
    pub made: u32,
    /// 1 in a marker, else 0.
    pub batches: i64,
}

impl RollupHourlyRow {
    /// Returns zero sums of an hour and an owner.
    #[must_use]
    pub const fn of(hour: u32, user_id: u64, team_id: u64, campaign_id: u64) -> Self {
        Self {
            hour,
            user_id,
            team_id,
            campaign_id,
            prospects: 0,
            bots: 0,
            orders: 0,
            sales: 0,
            rejected: 0,
            trash: 0,
            chargebacks: 0,
            rebills: 0,
            batch: Uuid::nil(),
            made: 0,
            batches: 0,
        }
    }

    /// Returns the marker of a batch at a time (Unix seconds). Its user is a part of the batch id,
    /// so that the sort order of the table finds it.
    #[must_use]
    pub const fn marker(batch: Uuid, at: u32, made: u32) -> Self {
        Self { batch, made, batches: 1, ..Self::of(at, batch.as_u64_pair().1, 0, 0) }
    }

    /// Adds orders of a status. A negative count subtracts them.
    pub fn add_orders(&mut self, status: Status, count: i64) {
        self.orders += count;
        match status {
            Status::Hold => {}
            Status::Sale => self.sales += count,
            Status::Rejected => self.rejected += count,
            Status::Trash => self.trash += count,
            Status::Chargeback => self.chargebacks += count,
            Status::Rebill => self.rebills += count,
        }
    }
}

/// A state of a parked event. `payload` has the Protobuf bytes of the event in base64. It is empty
/// after the replay, and once the event has expired.
#[derive(Debug, Clone, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct ParkedRow {
    #[serde(with = "clickhouse::serde::uuid")]
    pub event_id: Uuid,
    pub kind: String,
    pub reason: String,
    pub state: String,
    pub first_seen: i64,
    pub last_tried: i64,
    /// The id, key or user that the event waits for.
    pub reference: String,
    pub partition: i32,
    pub payload: String,
    /// `lane:ordinal`.
    pub place: String,
    pub version: u64,
    /// The decision by which it was mended or ignored; 0 if there was none.
    pub decision: u64,
    /// The reason why it is ignored.
    pub note: String,
}

/// A count to add to a minute (Unix seconds) of a stage, or the marker of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct OutcomeRow {
    pub minute: u32,
    pub stage: String,
    pub lane: String,
    pub outcome: String,
    pub reason: String,
    pub count: u64,
    /// In a marker: the batch whose counts are in the same part; else nil.
    #[serde(with = "clickhouse::serde::uuid")]
    pub batch: Uuid,
    /// In a marker: its creation time (Unix seconds); else 0.
    pub made: u32,
    /// 1 in a marker, else 0.
    pub batches: i64,
}

impl OutcomeRow {
    /// Returns the marker of a batch at a time (Unix seconds). Its lane is the batch id, so that
    /// the sort order of the table finds it.
    #[must_use]
    pub fn marker(batch: Uuid, at: u32, made: u32) -> Self {
        Self { minute: at, lane: batch.to_string(), batch, made, batches: 1, ..Self::default() }
    }
}

/// The next expected ordinal of a lane.
#[derive(Debug, Clone, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct LaneRow {
    pub lane: String,
    pub partition: i32,
    pub next_seq: u64,
    pub updated: i64,
}

/// The verdict of a batch: its external answers, stored so that a repetition uses the same ones.
#[derive(Debug, Clone, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct VerdictRow {
    pub batch: String,
    pub body: String,
}
