//! Messages of `sluice.live`: a sample of the events that the consumer has just stored, for the
//! page `/live/`. The topic has one partition, so an offset is a position in the feed.
//!
//! A message is JSON. Readers ignore unknown fields, and take the default for missing ones. There
//! is no personal data in it: no address, no user agent, no contact.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::rows::{Micros, OrderRow, ProspectRow};

/// The only partition of the topic.
pub const PARTITION: i32 = 0;

/// The kind of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LiveKind {
    #[default]
    Visit,
    Order,
}

/// A stored event. Times are Unix milliseconds. The id 0 means none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LiveRow {
    pub kind: LiveKind,
    pub id: Uuid,
    pub time_ms: i64,
    pub user_id: u64,
    pub team_id: u64,
    pub campaign_id: u64,
    pub country: String,
    pub device: String,
    pub os: String,
    pub browser: String,
    /// Reason why the visitor counts as a bot. Empty for a human.
    pub bot: String,
    /// The status of an order; empty for a visit.
    pub status: String,
    /// The cost of a visit, or the payout of an order.
    pub amount: Micros,
    pub currency: String,
}

/// Events of an owner that the message leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LeftOut {
    pub user_id: u64,
    pub team_id: u64,
    /// The time of the newest of them.
    pub time_ms: i64,
    pub count: u64,
}

/// The events of one batch.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LiveMessage {
    /// Newest first.
    pub rows: Vec<LiveRow>,
    pub left_out: Vec<LeftOut>,
}

impl From<&ProspectRow> for LiveRow {
    fn from(row: &ProspectRow) -> Self {
        Self {
            kind: LiveKind::Visit,
            id: row.prospect_id,
            time_ms: row.time,
            user_id: row.user_id,
            team_id: row.team_id,
            campaign_id: row.campaign_id,
            country: row.country.clone(),
            device: row.device.clone(),
            os: row.os.clone(),
            browser: row.browser.clone(),
            bot: row.bot.clone(),
            status: String::new(),
            amount: row.cost,
            currency: row.currency.clone(),
        }
    }
}

impl From<&OrderRow> for LiveRow {
    fn from(row: &OrderRow) -> Self {
        Self {
            kind: LiveKind::Order,
            id: row.order_id,
            time_ms: row.time,
            user_id: row.user_id,
            team_id: row.team_id,
            campaign_id: row.campaign_id,
            country: row.country.clone(),
            device: row.device.clone(),
            os: row.os.clone(),
            browser: row.browser.clone(),
            bot: row.bot.clone(),
            status: row.status.clone(),
            amount: row.payout,
            currency: row.currency.clone(),
        }
    }
}
