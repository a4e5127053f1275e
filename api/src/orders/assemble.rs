//! Assembles orders from their rows, contacts and prospects, with a constant number of queries for
//! a page of any length.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clickhouse::Client;
use sluice_schemas::chunk::decode_event;
use uuid::Uuid;

use crate::db::event_order::{EventColumn, EventValue};
use crate::db::orders::{self, ContactRow, OrderRow};
use crate::db::parked::{ParkedRow, waiting_value};
use crate::db::prospects::{self, VisitRow, shown_ip};
use crate::http::error::ApiError;
use crate::policy::Grant;

/// An order, stored or parked.
#[derive(Debug, Clone)]
pub struct Order {
    pub id: Uuid,
    /// The prospect's id as the order sent it. For a parked order this may be any text.
    pub prospect_ref: String,
    pub contact: ContactRow,
    /// When the edge accepted it.
    pub time_ms: i64,
    /// Time by which lists are ordered.
    pub sort_ms: i64,
    pub user_id: u64,
    pub prospect: Option<VisitRow>,
    /// Status and money; `None` for a parked order.
    pub state: Option<OrderState>,
    /// Reason for parking; `None` for a stored order.
    pub parked: Option<String>,
}

/// Status, money and owner of a stored order.
#[derive(Debug, Clone)]
pub struct OrderState {
    pub status: String,
    pub status_text: String,
    pub payout_micros: i64,
    pub currency: String,
    pub team_id: u64,
    pub campaign_id: u64,
    pub version: u32,
}

impl Order {
    /// Returns the version for the `ETag`; 0 for a parked order, which cannot be edited.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.state.as_ref().map_or(0, |state| state.version)
    }

    /// Returns the value of a column by which lists of orders are sorted.
    #[must_use]
    pub fn value(&self, column: EventColumn) -> EventValue {
        match (column, &self.state) {
            (EventColumn::UserId, _) => EventValue::Number(self.user_id),
            (EventColumn::Payout, Some(state)) => EventValue::Micros(state.payout_micros),
            (_, Some(state)) => EventValue::Text(state.status.clone()),
            (column, None) => waiting_value(column),
        }
    }
}

/// Adds prospects and, if the grant includes customer data, contacts to stored orders.
pub async fn stored(client: &Client, grant: Grant, rows: Vec<OrderRow>) -> Result<Vec<Order>, ApiError> {
    let mut prospect_ids: Vec<Uuid> = rows.iter().map(|row| row.prospect_id).collect();
    prospect_ids.sort_unstable();
    prospect_ids.dedup();
    let contacts =
        async { if grant.customer_data { orders::contacts(client, &rows).await } else { Ok(Vec::new()) } };
    let (contacts, prospects) = futures::try_join!(contacts, prospects::find_many(client, &prospect_ids))?;
    let mut contacts: HashMap<Uuid, ContactRow> =
        contacts.into_iter().map(|contact| (contact.order_id, contact)).collect();
    let prospects: HashMap<Uuid, VisitRow> =
        prospects.into_iter().map(|prospect| (prospect.prospect_id, prospect)).collect();
    let shown = |visit: VisitRow| VisitRow { ip: shown_ip(visit.ip, grant), ..visit };
    let together = |row: OrderRow| Order {
        id: row.order_id,
        prospect_ref: row.prospect_id.to_string(),
        contact: contacts.remove(&row.order_id).unwrap_or_default(),
        time_ms: row.time_ms,
        sort_ms: row.time_ms,
        user_id: row.user_id,
        prospect: prospects.get(&row.prospect_id).cloned().map(shown),
        state: Some(OrderState {
            status: row.status,
            status_text: row.status_text,
            payout_micros: row.payout_micros,
            currency: row.currency,
            team_id: row.team_id,
            campaign_id: row.campaign_id,
            version: row.version,
        }),
        parked: None,
    };
    Ok(rows.into_iter().map(together).collect())
}

/// Makes a parked order from its payload. If the payload cannot be read, the fields stay empty.
#[must_use]
pub fn parked(grant: Grant, row: ParkedRow) -> Order {
    let event = STANDARD.decode(&row.payload).ok().and_then(|bytes| decode_event(bytes.into()).ok());
    let time_ms = event.as_ref().and_then(|event| i64::try_from(event.time_ms).ok()).filter(|time| *time > 0);
    let sent = event.and_then(|event| event.order).unwrap_or_default();
    let prospect_ref = if sent.prospect_ref.is_empty() { row.reference } else { sent.prospect_ref };
    let contact = ContactRow {
        order_id: row.event_id,
        email: sent.email,
        phone_number: sent.phone_number,
        first_name: sent.first_name,
        last_name: sent.last_name,
        delivery_address: sent.delivery_address,
    };
    Order {
        id: row.event_id,
        prospect_ref,
        contact: if grant.customer_data { contact } else { ContactRow::default() },
        time_ms: time_ms.unwrap_or(row.first_seen_ms),
        sort_ms: row.first_seen_ms,
        user_id: 0,
        prospect: None,
        state: None,
        parked: Some(row.reason),
    }
}

/// Merges two lists of orders, by the column, time and id.
#[must_use]
pub fn merge(
    left: Vec<Order>,
    right: Vec<Order>,
    column: Option<EventColumn>,
    is_ascending: bool,
) -> Vec<Order> {
    if right.is_empty() {
        return left;
    }
    let mut all = left;
    all.extend(right);
    let value = |order: &Order| column.map(|column| order.value(column));
    all.sort_by_cached_key(|order| (value(order), order.sort_ms, order.id.as_u128()));
    if !is_ascending {
        all.reverse();
    }
    all
}

#[cfg(test)]
mod tests {
    use sluice_schemas::event::{EventRef, OrderRef};

    use super::*;
    use crate::policy::Scope;

    fn row(payload: String) -> ParkedRow {
        ParkedRow {
            event_id: Uuid::from_u128(5),
            kind: "order".to_owned(),
            reason: "unknown_prospect".to_owned(),
            state: "waiting".to_owned(),
            first_seen_ms: 2000,
            last_tried_ms: 2000,
            reference: "1".to_owned(),
            payload,
            decision: 0,
            note: String::new(),
        }
    }

    fn payload() -> String {
        let order = OrderRef { prospect_ref: "1", email: "a@example.com", ..OrderRef::default() };
        let event = EventRef {
            id: [5; 16],
            time_ms: 1500,
            ip: [0; 16],
            user_agent: b"",
            referer: b"",
            pairs: b"",
            marks: 0,
            order: Some(order),
        };
        let mut bytes = Vec::new();
        event.encode(&mut bytes);
        STANDARD.encode(bytes)
    }

    #[test]
    fn a_parked_order_is_read_from_its_bytes_within_the_grant() {
        let grant = Grant { scope: Scope::All, customer_data: true };
        let order = parked(grant, row(payload()));
        assert_eq!((order.time_ms, order.sort_ms), (1500, 2000));
        assert_eq!((order.prospect_ref.as_str(), order.contact.email.as_str()), ("1", "a@example.com"));
        let masked = parked(Grant { customer_data: false, ..grant }, row(payload()));
        assert_eq!(masked.contact.email, "");
        let unreadable = parked(grant, row("no base64".to_owned()));
        assert_eq!((unreadable.time_ms, unreadable.prospect_ref.as_str()), (2000, "1"));
    }

    #[test]
    fn two_runs_become_one() {
        let grant = Grant { scope: Scope::All, customer_data: true };
        let at = |first_seen_ms| parked(grant, ParkedRow { first_seen_ms, ..row(String::new()) });
        let merged = merge(vec![at(5), at(1)], vec![at(3)], None, false);
        assert_eq!(merged.iter().map(|order| order.sort_ms).collect::<Vec<_>>(), [5, 3, 1]);
    }
}
