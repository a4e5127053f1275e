//! A waiting order whose customer is erased: keeps the bytes that make its row, and nothing of a
//! person. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use prost::Message as _;
use sluice_schemas::chunk::decode_event;
use sluice_schemas::event::{Event, Order};
use sluice_schemas::rows::ParkedRow;

use crate::pairs::money_pairs;

/// Whether an order has no data of its customer. The edge refuses orders without a phone number or
/// an e-mail.
#[must_use]
pub fn is_erased(order: &Order) -> bool {
    let Order { prospect_ref: _, email, phone_number, first_name, last_name, delivery_address } = order;
    [email, phone_number, first_name, last_name, delivery_address].iter().all(|text| text.is_empty())
}

/// The event in a parked row.
#[must_use]
pub fn event_of(parked: &ParkedRow) -> Option<Event> {
    let bytes = STANDARD.decode(&parked.payload).ok()?;
    decode_event(Bytes::from(bytes)).ok()
}

/// The bytes of a waiting order without its customer: no contact, no address, no user agent, and of
/// the parameters only the money. An order that was erased before keeps its bytes. `None` if the
/// bytes are not an order.
#[must_use]
pub fn erased_payload(parked: &ParkedRow) -> Option<String> {
    let event = event_of(parked)?;
    let prospect_ref = event.order.as_ref()?.prospect_ref.clone();
    let left = Event {
        ip: Bytes::new(),
        user_agent: Bytes::new(),
        referer: Bytes::new(),
        pairs: money_pairs(&event.pairs).into(),
        order: Some(Order { prospect_ref, ..Order::default() }),
        ..event
    };
    Some(STANDARD.encode(left.encode_to_vec()))
}

#[cfg(test)]
mod tests {
    use sluice_schemas::event::{EventRef, OrderRef};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn nothing_of_a_person_is_left() {
        let order = OrderRef {
            prospect_ref: "1",
            email: "jane@example.com",
            phone_number: "555",
            first_name: "Jane",
            last_name: "Doe",
            delivery_address: "1 Road",
        };
        let event = EventRef {
            id: [5; 16],
            time_ms: 7,
            ip: [1; 16],
            user_agent: b"Browser of Jane",
            referer: b"https://jane.example",
            pairs: b"name=Jane&amount=12.5&tel=555&currency=USD&note=payout",
            marks: 3,
            order: Some(order),
        };
        let mut bytes = Vec::new();
        event.encode(&mut bytes);
        let row = ParkedRow {
            event_id: Uuid::nil(),
            kind: "order".to_owned(),
            reason: String::new(),
            state: "waiting".to_owned(),
            first_seen: 0,
            last_tried: 0,
            reference: "1".to_owned(),
            partition: 0,
            payload: STANDARD.encode(bytes),
            place: "place".to_owned(),
            version: 1,
            decision: 0,
            note: String::new(),
        };
        let payload = erased_payload(&row).unwrap();
        let again = ParkedRow { payload: payload.clone(), ..row.clone() };
        assert_eq!(erased_payload(&again), Some(payload));
        let left = event_of(&again).unwrap();
        assert_eq!(left.pairs, &b"amount=12.5&currency=USD"[..]);
        assert_eq!((left.time_ms, left.marks, &left.id[..]), (7, 3, &[5; 16][..]));
        let order = left.order.as_ref().unwrap();
        assert!(is_erased(order) && !is_erased(event_of(&row).unwrap().order.as_ref().unwrap()));
        assert_eq!(order.prospect_ref, "1");
        assert!(left.ip.is_empty() && left.user_agent.is_empty() && left.referer.is_empty());
        assert_eq!(erased_payload(&ParkedRow { payload: "?".to_owned(), ..row }), None);
    }
}
