//! Reads single fields of an event, in the form in which columns have them. Pure.

use std::net::Ipv6Addr;

use sluice_schemas::event::{Event, Mark};
use uuid::Uuid;

/// The id of an event.
pub(crate) fn event_id(event: &Event) -> Uuid {
    // The decoder gives out no event with another length.
    Uuid::from_slice(&event.id).unwrap_or_default()
}

/// The visitor's address; `::` if it was not kept.
pub(crate) fn ip_of(event: &Event) -> Ipv6Addr {
    <[u8; 16]>::try_from(&event.ip[..]).map_or(Ipv6Addr::UNSPECIFIED, Ipv6Addr::from)
}

/// The prospect that an order names, if its reference can be one.
pub(crate) fn prospect_of(event: &Event) -> Option<Uuid> {
    let order = event.order.as_ref()?;
    Uuid::try_parse(&order.prospect_ref).ok()
}

/// The marks of the edge, followed by those of the consumer.
pub(crate) fn marks_of(event: &Event, own: Vec<String>) -> Vec<String> {
    let set = Mark::ALL.iter().filter(|mark| mark.is_in(event.marks));
    set.map(|mark| mark.as_str().to_owned()).chain(own).collect()
}

/// The year 2299, the last that `DateTime64(3)` and a month's partition can hold: a broken clock
/// must not stop the rest.
const MAX_TIME_MS: u64 = 10_413_791_999_999;

/// A time (Unix milliseconds) as it is stored.
pub(crate) fn millis(time_ms: u64) -> i64 {
    i64::try_from(time_ms.min(MAX_TIME_MS)).unwrap_or_default()
}

/// The hour (Unix seconds of its start) of a stored time.
pub(crate) fn hour_of(time_ms: i64) -> u32 {
    u32::try_from(time_ms / 3_600_000 * 3600).unwrap_or(u32::MAX / 3600 * 3600)
}
