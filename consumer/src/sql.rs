//! Values and conditions in the text of a statement. Mutations and checks have too many values for
//! parameters, which travel in the URL. A text is written as the hexadecimal digits of its bytes,
//! so that it cannot be anything but a text.

use std::fmt::Write as _;
use std::net::Ipv6Addr;

use sluice_schemas::rows::Micros;
use uuid::Uuid;

/// A value of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Text(String),
    Number(u64),
    Micros(Micros),
    Ip(Ipv6Addr),
}

impl Value {
    /// The value as an expression.
    #[must_use]
    pub fn literal(&self) -> String {
        match self {
            Self::Text(text) => text_literal(text),
            Self::Number(number) => format!("toUInt64({number})"),
            Self::Micros(micros) => format!("divide(toDecimal128({micros}, 6), 1000000)"),
            Self::Ip(ip) => format!("toIPv6('{ip}')"),
        }
    }
}

fn text_literal(text: &str) -> String {
    let mut hex = String::with_capacity(text.len() * 2);
    push_hex(&mut hex, text.as_bytes());
    format!("unhex('{hex}')")
}

fn push_hex(hex: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to a string does not fail.
        write!(hex, "{byte:02x}").ok();
    }
}

/// An id as an expression.
#[must_use]
pub fn id_literal(id: Uuid) -> String {
    format!("toUUID('{}')", id.hyphenated())
}

/// A list of expressions.
#[must_use]
pub fn array(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

/// Times that lie further apart than this are in different ranges.
const GAP_MS: i64 = 10 * 60 * 1000;
/// Beyond this number a query looks at all times between the first and the last.
const MAX_RANGES: usize = 20;

/// A condition that a column, as a number, is one of these ids. For tables that are sorted by that
/// number, or by time.
pub(crate) fn among(column: &str, ids: impl Iterator<Item = Uuid>) -> String {
    let ids = unpacked("reinterpretAsUInt128", ids.map(|id| id.as_u128().to_le_bytes()));
    format!("toUInt128({column}) IN ({ids})")
}

/// The same for a table that is sorted by the column itself.
pub(crate) fn among_uuids(column: &str, ids: impl Iterator<Item = Uuid>) -> String {
    // ClickHouse keeps the two halves of a UUID, each as a number.
    let bytes = |id: Uuid| {
        let (high, low) = id.as_u64_pair();
        ((u128::from(low) << 64) | u128::from(high)).to_le_bytes()
    };
    format!("{column} IN ({})", unpacked("reinterpretAsUUID", ids.map(bytes)))
}

/// A subquery of ids, written as one text: ClickHouse reads it a hundred times faster than a list
/// of literals.
fn unpacked(read: &str, ids: impl Iterator<Item = [u8; 16]>) -> String {
    let (mut hex, mut n_ids) = (String::new(), 0);
    for id in ids {
        push_hex(&mut hex, &id);
        n_ids += 1;
    }
    format!(
        "WITH unhex('{hex}') AS bytes \
         SELECT {read}(substring(bytes, number * 16 + 1, 16)) FROM numbers({n_ids})"
    )
}

/// A condition that a column is one of these texts.
pub(crate) fn among_texts<'a>(column: &str, texts: impl Iterator<Item = &'a str>) -> String {
    format!("{column} IN ({})", texts.map(text_literal).collect::<Vec<_>>().join(", "))
}

/// The few ranges in which these times lie.
pub(crate) fn ranges(times: impl Iterator<Item = i64>) -> Vec<(i64, i64)> {
    let mut times: Vec<i64> = times.collect();
    times.sort_unstable();
    let mut ranges: Vec<(i64, i64)> = Vec::new();
    for time in times {
        match ranges.last_mut() {
            Some((_, last)) if time - *last <= GAP_MS => *last = time,
            _ => ranges.push((time, time)),
        }
    }
    match (ranges.first(), ranges.last()) {
        (Some((first, _)), Some((_, last))) if ranges.len() > MAX_RANGES => vec![(*first, *last)],
        _ => ranges,
    }
}

/// A condition that a column of times lies in one of these ranges.
pub(crate) fn in_ranges(column: &str, ranges: &[(i64, i64)]) -> String {
    let range = |(first, last): &(i64, i64)| {
        format!(
            "{column} BETWEEN fromUnixTimestamp64Milli({first}, 'UTC') AND fromUnixTimestamp64Milli({last}, 'UTC')"
        )
    };
    ranges.iter().map(range).collect::<Vec<_>>().join(" OR ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_nothing_but_digits() {
        assert_eq!(Value::Text("a'\\?".to_owned()).literal(), "unhex('61275c3f')");
        assert_eq!(Value::Text(String::new()).literal(), "unhex('')");
    }

    #[test]
    fn times_are_looked_for_where_they_lie() {
        assert_eq!(ranges([5, GAP_MS, 3 * GAP_MS, 7].into_iter()), [(5, GAP_MS), (3 * GAP_MS, 3 * GAP_MS)]);
        let apart = (0..=20).map(|n| n * 2 * GAP_MS);
        assert_eq!(ranges(apart), [(0, 40 * GAP_MS)]);
        assert_eq!(ranges(std::iter::empty()), []);
    }
}
