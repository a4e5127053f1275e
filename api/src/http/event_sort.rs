//! `sort` and `cursor` of lists of prospects, orders and parked events. `db/event_order.rs` has the
//! columns.

use uuid::Uuid;

use crate::db::MAX_TIME_MS;
use crate::db::event_order::{EventColumn, EventValue};
use crate::http::query::{Params, event_cursor};
use crate::http::sort::{self, SortChoices};

/// The order of a page, and the place where it begins.
#[derive(Debug, Clone, Default)]
pub struct EventOrder {
    /// `None`: by time.
    pub column: Option<EventColumn>,
    pub is_ascending: bool,
    /// Time and id of the last event of the previous page.
    pub after: Option<(i64, Uuid)>,
    /// The value of the column in that event.
    pub after_value: Option<EventValue>,
}

impl Params {
    /// Reads `sort` and `cursor` of a list with these columns, which is sorted by time by default.
    pub fn event_order(&mut self, columns: &[EventColumn]) -> EventOrder {
        let asked = self.text("sort").unwrap_or_default().to_owned();
        let (is_ascending, name) =
            asked.strip_prefix('-').map_or((true, asked.as_str()), |name| (false, name));
        let column = columns.iter().find(|column| column.names().contains(&name)).copied();
        let Some(column) = column else {
            return EventOrder {
                is_ascending: self.is_ascending_by_time(columns),
                after: self.event_cursor(),
                ..EventOrder::default()
            };
        };
        let mut order = EventOrder { column: Some(column), is_ascending, ..EventOrder::default() };
        let Some(cursor) = self.text("cursor") else { return order };
        if let Some((value, time_ms, id)) = read(cursor, &word(column, is_ascending), column) {
            order.after = Some((time_ms, id));
            order.after_value = Some(value);
        } else {
            self.fail("cursor", sort::INVALID_CURSOR);
        }
        order
    }

    fn is_ascending_by_time(&mut self, columns: &[EventColumn]) -> bool {
        match self.text("sort") {
            None | Some("-time" | "-created_at") => false,
            Some("time" | "created_at") => true,
            Some(other) => {
                let names: Vec<&str> = columns.iter().map(|column| column.names()[0]).collect();
                let message = sort::not_a_choice(other, &format!("time, {}", names.join(", ")));
                self.fail("sort", message);
                false
            }
        }
    }
}

impl<const N: usize> SortChoices for [EventColumn; N] {
    fn names(&self) -> Vec<&'static str> {
        std::iter::once("time").chain(self.iter().map(|column| column.names()[0])).collect()
    }

    fn default(&self) -> &'static str {
        "-time"
    }

    fn note(&self) -> &'static str {
        "Every order but that of time reads all events of the range from `from` to `to`."
    }
}

/// Returns the cursor after an event. `sorted` is the column of the list and its value.
#[must_use]
pub fn cursor_after(
    sorted: Option<(EventColumn, EventValue)>,
    is_ascending: bool,
    time_ms: i64,
    id: Uuid,
) -> String {
    let Some((column, value)) = sorted else { return event_cursor(time_ms, id) };
    let keyset = [value.to_string(), time_ms.to_string(), id.to_string()].map(Some);
    sort::write(&word(column, is_ascending), &keyset)
}

fn word(column: EventColumn, is_ascending: bool) -> String {
    format!("{}{}", if is_ascending { "" } else { "-" }, column.names()[0])
}

fn read(cursor: &str, word: &str, column: EventColumn) -> Option<(EventValue, i64, Uuid)> {
    let (sort, keyset) = sort::read(cursor)?;
    let [Some(value), Some(time_ms), Some(id)] = keyset.as_slice() else { return None };
    let time_ms = time_ms.parse().ok().filter(|time_ms| (0..=MAX_TIME_MS).contains(time_ms))?;
    Some((column.parse(value)?, time_ms, id.parse().ok()?)).filter(|_| sort == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(query: &str) -> Result<EventOrder, String> {
        let mut params = Params::parse(Some(query));
        let order = params.event_order(&EventColumn::OF_ORDERS);
        params.finish().map(|()| order).map_err(|error| error.sentence())
    }

    #[test]
    fn a_cursor_belongs_to_its_order() {
        let (value, id) = (EventValue::Micros(12_500_000), Uuid::from_u128(7));
        let cursor = cursor_after(Some((EventColumn::Payout, value.clone())), true, 5, id);
        let read = order(&format!("sort=payout&cursor={cursor}")).unwrap();
        assert_eq!((read.after, read.after_value), (Some((5, id)), Some(value)));
        for wrong in ["-payout", "status", "time", "-time", ""] {
            assert!(order(&format!("sort={wrong}&cursor={cursor}")).is_err(), "{wrong}");
        }
        let by_time = event_cursor(5, id);
        assert!(order(&format!("sort=payout&cursor={by_time}")).is_err());
        assert_eq!(order(&format!("sort=-created_at&cursor={by_time}")).unwrap().after, Some((5, id)));
    }

    #[test]
    fn an_unknown_column_is_an_error_that_lists_the_columns() {
        insta::assert_snapshot!(order("sort=phone").unwrap_err(), @r#"sort: "phone" is not a valid choice. Choose time, status, payout, user_id, or one of them after a minus sign."#);
    }
}
