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

/// Why a record is no change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// Somebody was told that it is kept: it waits for a program that can read it.
    #[error("a change of a later version, schema {0}")]
    Newer(u32),
    /// No version can read it.
    #[error("a record that is no change")]
    Broken,
}

/// Reads a record: the text of its header, and its value.
///
/// # Errors
/// [`ChangeError`]. An entity or an act that this version does not know is of a later one, whatever the header says.
pub fn read_change(schema: Option<&[u8]>, value: &[u8]) -> Result<Change, ChangeError> {
    let schema = schema.and_then(|text| std::str::from_utf8(text).ok()?.parse().ok()).unwrap_or(0);
    if schema > SCHEMA_VERSION {
        return Err(ChangeError::Newer(schema));
    }
    let change = Change::decode(value).map_err(|_| ChangeError::Broken)?;
    if change.id.len() != 16 || change.entity_id.len() != 16 {
        return Err(ChangeError::Broken);
    }
    match (change.entity(), change.act()) {
        // What cannot be named reads as unspecified.
        (Entity::Unspecified, _) if change.entity != 0 => Err(ChangeError::Newer(schema)),
        (_, Act::Unspecified) if change.act != 0 => Err(ChangeError::Newer(schema)),
        (Entity::Unspecified, _) | (_, Act::Unspecified) => Err(ChangeError::Broken),
        _ => Ok(change),
    }
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
        let read =
            |schema: &str, change: &Change| read_change(Some(schema.as_bytes()), &change.encode_to_vec());
        assert_eq!(read("1", &change), Ok(change.clone()));
        assert_eq!(read_change(None, &change.encode_to_vec()), Ok(change.clone()));
        assert_eq!(read("2", &change), Err(ChangeError::Newer(2)));
        assert_eq!(read("1", &Change { act: 77, ..change.clone() }), Err(ChangeError::Newer(1)));
        assert_eq!(read("1", &Change { entity: 0, ..change.clone() }), Err(ChangeError::Broken));
        assert_eq!(read("1", &Change { id: vec![1].into(), ..change }), Err(ChangeError::Broken));
        assert_eq!(read_change(Some(b"1"), b"\xff"), Err(ChangeError::Broken));
    }
}
