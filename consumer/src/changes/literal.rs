//! Values as ClickHouse reads them in a statement: a mutation has too many for parameters, which travel in the URL. Every
//! text is written as the hexadecimal digits of its bytes, so that none can be anything but a text.

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
    /// As an expression.
    #[must_use]
    pub fn literal(&self) -> String {
        match self {
            Self::Text(text) => {
                let mut hex = String::with_capacity(text.len() * 2 + 9);
                for byte in text.bytes() {
                    // Writing to a string does not fail.
                    write!(hex, "{byte:02x}").ok();
                }
                format!("unhex('{hex}')")
            }
            Self::Number(number) => format!("toUInt64({number})"),
            Self::Micros(micros) => format!("divide(toDecimal128({micros}, 6), 1000000)"),
            Self::Ip(ip) => format!("toIPv6('{ip}')"),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_nothing_but_digits() {
        assert_eq!(Value::Text("a'\\?".to_owned()).literal(), "unhex('61275c3f')");
        assert_eq!(Value::Text(String::new()).literal(), "unhex('')");
    }
}
