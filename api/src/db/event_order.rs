//! The columns by which lists of prospects, orders and parked events can be sorted, besides time.
//!
//! In the order of time, a list reads its table from one end until the page is full. In every other
//! order it reads the column, time and id of all rows of the range, for every page. So its cost
//! grows with the range, and a range that is too long for the limit of a query is a 503. Equal
//! values are in the order of time.

use std::fmt::{Display, Formatter};
use std::net::Ipv6Addr;

use sluice_schemas::decimal::{Decimal, MICROS_PLACES, show_micros};

/// A column of prospects, orders or parked events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventColumn {
    IpAddress,
    Country,
    UserAgent,
    ReferralSource,
    UserId,
    Status,
    Payout,
    Kind,
    Reason,
    State,
    LastTried,
}

/// The value of a column in one row. Values of one column are ordered as in ClickHouse.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventValue {
    Text(String),
    Number(u64),
    Address(Ipv6Addr),
    Micros(i64),
}

impl EventColumn {
    pub const OF_PROSPECTS: [Self; 5] =
        [Self::IpAddress, Self::Country, Self::UserAgent, Self::ReferralSource, Self::UserId];
    pub const OF_ORDERS: [Self; 3] = [Self::Status, Self::Payout, Self::UserId];
    pub const OF_PARKED: [Self; 4] = [Self::Kind, Self::Reason, Self::State, Self::LastTried];

    /// Returns the words in `sort`: the name in responses, and the name in the table.
    #[must_use]
    pub const fn names(self) -> [&'static str; 2] {
        match self {
            Self::IpAddress => ["ip_address", "ip"],
            Self::Country => ["country", "country"],
            Self::UserAgent => ["user_agent", "user_agent"],
            Self::ReferralSource => ["referral_source", "referrer"],
            Self::UserId => ["user_id", "user_id"],
            Self::Status => ["status", "status"],
            Self::Payout => ["payout", "payout"],
            Self::Kind => ["kind", "kind"],
            Self::Reason => ["reason", "reason"],
            Self::State => ["state", "state"],
            Self::LastTried => ["last_tried", "last_tried_ms"],
        }
    }

    /// Returns the column of the table, or of the query.
    pub(super) const fn sql(self) -> &'static str {
        self.names()[1]
    }

    /// Returns the type of a parameter with a value.
    pub(super) const fn type_sql(self) -> &'static str {
        match self {
            Self::IpAddress => "IPv6",
            Self::UserId => "UInt64",
            Self::Payout => "Decimal(18, 6)",
            Self::LastTried => "Int64",
            Self::Country
            | Self::UserAgent
            | Self::ReferralSource
            | Self::Status
            | Self::Kind
            | Self::Reason
            | Self::State => "String",
        }
    }

    /// Parses the text of a value.
    #[must_use]
    pub fn parse(self, text: &str) -> Option<EventValue> {
        match self {
            Self::IpAddress => text.parse().ok().map(EventValue::Address),
            Self::UserId => text.parse().ok().map(EventValue::Number),
            Self::LastTried => text.parse::<i64>().ok().map(|ms| EventValue::Number(ms.unsigned_abs())),
            Self::Payout => {
                let number = Decimal::parse(text).filter(|number| number.places() <= MICROS_PLACES)?;
                number.micros().map(EventValue::Micros)
            }
            _ => Some(text).filter(|text| !text.contains('\0')).map(|text| EventValue::Text(text.to_owned())),
        }
    }
}

impl Display for EventValue {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => formatter.write_str(text),
            Self::Number(number) => number.fmt(formatter),
            Self::Address(address) => address.fmt(formatter),
            Self::Micros(micros) => formatter.write_str(&show_micros(*micros)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_parsed_back() {
        for (column, text) in [
            (EventColumn::IpAddress, "::ffff:192.0.2.44"),
            (EventColumn::UserId, "18446744073709551615"),
            (EventColumn::Payout, "-12.5"),
            (EventColumn::Status, "sale"),
            (EventColumn::UserAgent, "ЛІТО {x:String} ?"),
            (EventColumn::Country, ""),
        ] {
            let value = column.parse(text).unwrap();
            assert_eq!(column.parse(&value.to_string()), Some(value), "{text}");
        }
        for (column, text) in [
            (EventColumn::IpAddress, "192.0.2.44"),
            (EventColumn::UserId, "-1"),
            (EventColumn::Payout, "1.0000001"),
            (EventColumn::Payout, "9999999999999"),
            (EventColumn::Status, "a\0"),
        ] {
            assert_eq!(column.parse(text), None, "{text}");
        }
    }
}
