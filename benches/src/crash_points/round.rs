//! A round: its ids, hours and events.
//!
//! Every round of a scenario has its own ids and its own two hours, in two months. So a batch makes
//! two parts in each table that is partitioned by month, and each round can be compared alone.
//! Nothing is random: ids are derived from their role and round.

use sluice_schemas::event::{EventRef, OrderRef};
use uuid::Uuid;

/// 2024-01-01 and 2025-01-01 00:10 UTC, in milliseconds.
const EARLY_MS: u64 = 1_704_067_800_000;
const LATE_MS: u64 = 1_735_690_200_000;
const HOUR_MS: u64 = 3_600_000;

/// The buyer of all visits.
pub(super) const BUYER: &str = "3";

/// One of the two months of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Month {
    Early,
    Late,
}

/// One round of a scenario.
#[derive(Debug, Clone, Copy)]
pub(super) struct Round(pub(super) u64);

impl Round {
    /// Returns the time of the events of a month.
    pub(super) const fn time_ms(self, month: Month) -> u64 {
        let begin_ms = match month {
            Month::Early => EARLY_MS,
            Month::Late => LATE_MS,
        };
        begin_ms + self.0 * HOUR_MS
    }

    /// Returns the id of the object with this role. It contains the time, like the ids of the edge.
    fn id(self, role: u8, month: Month) -> Uuid {
        let mut bytes = [0; 10];
        bytes[1] = role;
        bytes[3..].copy_from_slice(&self.0.to_be_bytes()[1..]);
        uuid::Builder::from_unix_timestamp_millis(self.time_ms(month), &bytes).into_uuid()
    }

    /// Returns the id of a visit.
    pub(super) fn prospect(self, role: u8, month: Month) -> Uuid {
        self.id(role, month)
    }

    /// Returns the id of an order.
    pub(super) fn order(self, role: u8, month: Month) -> Uuid {
        self.id(100 + role, month)
    }

    /// Returns the id of a change.
    pub(super) fn change(self, role: u8, month: Month) -> Uuid {
        self.id(200 + role, month)
    }
}

const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";

/// Returns a visit of a person.
pub(super) fn visit(round: Round, role: u8, month: Month) -> Vec<u8> {
    encode(round, month, round.prospect(role, month), BROWSER, None)
}

/// Returns a visit of a bot.
pub(super) fn bot(round: Round, role: u8, month: Month) -> Vec<u8> {
    encode(round, month, round.prospect(role, month), "Googlebot/2.1", None)
}

/// Returns an order of a visit.
pub(super) fn order(round: Round, role: u8, month: Month, prospect: Uuid) -> Vec<u8> {
    let prospect = prospect.to_string();
    let order = OrderRef {
        prospect_ref: &prospect,
        email: "old@example.com",
        phone_number: "555 0100",
        first_name: "Ana",
        last_name: "Costa",
        delivery_address: "1 Mill Lane",
    };
    encode(round, month, round.order(role, month), BROWSER, Some(order))
}

fn encode(round: Round, month: Month, id: Uuid, user_agent: &str, order: Option<OrderRef<'_>>) -> Vec<u8> {
    let pairs = format!("user_id={BUYER}");
    let event = EventRef {
        id: id.into_bytes(),
        time_ms: round.time_ms(month),
        ip: std::net::Ipv4Addr::new(203, 0, 113, 7).to_ipv6_mapped().octets(),
        user_agent: user_agent.as_bytes(),
        referer: b"https://landing.example/page",
        pairs: if order.is_some() { b"" } else { pairs.as_bytes() },
        marks: 0,
        order,
    };
    let mut bytes = Vec::with_capacity(event.encoded_len());
    event.encode(&mut bytes);
    bytes
}
