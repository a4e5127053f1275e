//! The contents of a parked event, from its bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use sluice_schemas::chunk::decode_event;
use utoipa::ToSchema;

use crate::db::parked::ParkedRow;
use crate::http::json_values;
use crate::policy::Grant;

/// The most parameters that are shown.
const MAX_PARAMETERS: usize = 200;

/// The contents of a parked event.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Contents {
    /// Empty if it is hidden from the caller or was not kept.
    pub ip: String,
    pub user_agent: String,
    /// The page that sent it.
    pub page: String,
    /// The parameters of its URL or its body.
    pub parameters: Vec<Parameter>,
    /// Only of an order: the customer; hidden from callers who may not see customers.
    pub customer: Option<Customer>,
}

/// A parameter, as it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Parameter {
    pub name: String,
    pub value: String,
}

/// The customer of a parked order.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct Customer {
    pub first_name: String,
    pub last_name: String,
    pub email: String,
    pub phone_number: String,
    pub delivery_address: String,
}

impl Contents {
    /// Reads a parked event. `None` if its bytes are deleted or cannot be read.
    #[must_use]
    pub fn of(grant: Grant, row: &ParkedRow) -> Option<Self> {
        let bytes = STANDARD.decode(&row.payload).ok().filter(|bytes| !bytes.is_empty())?;
        let event = decode_event(bytes.into()).ok()?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let ip = <[u8; 16]>::try_from(&event.ip[..]).ok().filter(|_| grant.customer_data);
        let is_order = event.order.is_some();
        // The parameters of an order's form can hold anything about the customer.
        let are_shown = grant.customer_data || !is_order;
        let parameters =
            form_urlencoded::parse(&event.pairs).take(if are_shown { MAX_PARAMETERS } else { 0 });
        let parameter = |(name, value): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)| Parameter {
            name: name.into_owned(),
            value: value.into_owned(),
        };
        let customer = event.order.filter(|_| grant.customer_data).map(|order| Customer {
            first_name: order.first_name,
            last_name: order.last_name,
            email: order.email,
            phone_number: order.phone_number,
            delivery_address: order.delivery_address,
        });
        Some(Self {
            ip: ip.map(|ip| json_values::ip(ip.into())).unwrap_or_default(),
            user_agent: text(&event.user_agent),
            page: text(&event.referer),
            parameters: parameters.map(parameter).collect(),
            customer,
        })
    }
}

#[cfg(test)]
mod tests {
    use sluice_schemas::event::{EventRef, OrderRef};
    use uuid::Uuid;

    use super::*;
    use crate::policy::Scope;

    #[test]
    fn a_customer_is_shown_only_to_whom_the_policy_shows_customers() {
        let order = OrderRef { prospect_ref: "1", email: "jane@example.com", ..OrderRef::default() };
        let event = EventRef {
            id: [5; 16],
            time_ms: 7,
            ip: std::net::Ipv4Addr::new(203, 0, 113, 7).to_ipv6_mapped().octets(),
            user_agent: b"Browser",
            referer: b"https://shop.example",
            pairs: b"name=J%C3%A4ne&sub1=a+b",
            marks: 0,
            order: Some(order),
        };
        let mut bytes = Vec::new();
        event.encode(&mut bytes);
        let row = ParkedRow {
            event_id: Uuid::nil(),
            kind: "order".to_owned(),
            reason: "unknown_prospect".to_owned(),
            state: "waiting".to_owned(),
            first_seen_ms: 7,
            last_tried_ms: 7,
            reference: "1".to_owned(),
            payload: STANDARD.encode(bytes),
            decision: 0,
            note: String::new(),
        };
        let of = |customer_data| Contents::of(Grant { scope: Scope::All, customer_data }, &row).unwrap();
        let all = of(true);
        assert_eq!(
            (all.ip.as_str(), all.customer.unwrap().email.as_str()),
            ("203.0.113.7", "jane@example.com")
        );
        assert_eq!((all.parameters[0].value.as_str(), all.parameters[1].value.as_str()), ("Jäne", "a b"));
        let masked = of(false);
        assert!(masked.ip.is_empty() && masked.customer.is_none() && masked.parameters.is_empty());
        assert_eq!(masked.user_agent, "Browser");
        let emptied = ParkedRow { payload: String::new(), ..row };
        assert!(Contents::of(Grant { scope: Scope::All, customer_data: true }, &emptied).is_none());
    }
}
