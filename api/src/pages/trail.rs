//! The trail of a visit: its arrival, its orders and their statuses, in the order of their times.

use uuid::Uuid;

use crate::db::changes::StatusRow;
use crate::db::orders::OrderRow;
use crate::orders::assemble::Order;
use crate::pages::cell::Cell;
use crate::pages::format::LocalTime;
use crate::pages::names::Names;
use crate::pages::order::StatusView;
use crate::time_zone::TimeZone;

/// The most orders of a trail. The table of orders has them all.
const MAX_ORDERS: usize = 10;

/// A step of the trail. Without an order it is the visit, and without a status the order itself.
#[derive(Debug)]
pub struct Step {
    pub time: LocalTime,
    pub order: Option<Cell>,
    pub status: Option<StatusView>,
}

/// Returns the orders that a trail has. The newest order comes first.
#[must_use]
pub fn shown(orders: &[OrderRow]) -> Vec<Uuid> {
    orders.iter().take(MAX_ORDERS).map(|order| order.order_id).collect()
}

/// Makes the trail of a visit. `given` are the statuses of its orders.
#[must_use]
pub fn trail(
    time_ms: i64,
    orders: &[Order],
    given: Vec<StatusRow>,
    zone: TimeZone,
    names: &Names,
) -> Vec<Step> {
    let step = |time_ms, order: Option<Uuid>, status| {
        let order = order.map(|id| Cell::Uuid { href: format!("/orders/{id}/"), whole: id.to_string() });
        (time_ms, Step { time: LocalTime::new(time_ms, zone), order, status })
    };
    let of_status = |row: StatusRow| {
        let user = if row.actor_id == 0 { String::new() } else { names.buyer(row.actor_id) };
        let status = StatusView::new(None, row.status, row.status_text, row.reason, user);
        step(row.time_ms, Some(row.order_id), Some(status))
    };
    let ordered = orders.iter().take(MAX_ORDERS).map(|order| step(order.time_ms, Some(order.id), None));
    let visited = std::iter::once(step(time_ms, None, None));
    let mut steps: Vec<_> = visited.chain(ordered).chain(given.into_iter().map(of_status)).collect();
    steps.sort_by_key(|(time_ms, _)| *time_ms);
    steps.into_iter().map(|(_, step)| step).collect()
}
