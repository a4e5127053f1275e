//! What people change of stored events: the records of `sluice.changes` (`proto/sluice/v1/change.proto`).
//!
//! Header: `schema` (this format's version). Key: the prospect's id, so that the changes of a prospect and of its orders
//! stay in order. Value: one [`Change`].

use prost::Message as _;
use uuid::Uuid;

pub use crate::event::generated::{Act, Change, Entity};

/// The version written in the `schema` header. A reader takes every version from 1 to this one.
pub const SCHEMA_VERSION: u32 = 1;
/// The name of that header.
pub const SCHEMA_HEADER: &str = "schema";

/// The outcome of a change, in the words of the table `changes`: it is everywhere.
pub const APPLIED: &str = "applied";
/// There was no such thing any more.
pub const MISSING: &str = "missing";
/// What the thing was did not allow it.
pub const REFUSED: &str = "refused";
/// The reason of a refused change that expected another version.
pub const CHANGED_SINCE: &str = "changed_since";

/// The five fields of a customer, which a change names all or none of.
pub const CONTACT_FIELDS: [&str; 5] =
    ["email", "phone_number", "first_name", "last_name", "delivery_address"];

impl Change {
    /// Its id.
    #[must_use]
    pub fn change_id(&self) -> Uuid {
        Uuid::from_slice(&self.id).unwrap_or_default()
    }

    /// What it changes.
    #[must_use]
    pub fn target(&self) -> Uuid {
        Uuid::from_slice(&self.entity_id).unwrap_or_default()
    }

    /// A field that it sets.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }
}

/// Reads a record's value; `None` for what this version cannot read.
#[must_use]
pub fn decode_change(value: &[u8]) -> Option<Change> {
    let change = Change::decode(value).ok()?;
    let is_whole = change.id.len() == 16 && change.entity_id.len() == 16;
    let is_known = change.entity() != Entity::Unspecified && change.act() != Act::Unspecified;
    (is_whole && is_known).then_some(change)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_not_known_is_not() {
        let change = Change {
            id: Uuid::now_v7().into_bytes().to_vec().into(),
            entity: Entity::Order.into(),
            entity_id: Uuid::now_v7().into_bytes().to_vec().into(),
            act: Act::Update.into(),
            fields: [("status".to_owned(), "sale".to_owned())].into(),
            ..Change::default()
        };
        assert_eq!(decode_change(&change.encode_to_vec()), Some(change.clone()));
        assert_eq!(decode_change(b"\xff"), None);
        let future = Change { act: 77, ..change.clone() };
        assert_eq!(decode_change(&future.encode_to_vec()), None);
        let short = Change { id: vec![1].into(), ..change };
        assert_eq!(decode_change(&short.encode_to_vec()), None);
    }
}
