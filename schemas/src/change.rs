//! Edits of stored events that people asked for: the records of `sluice.changes`
//! (`proto/sluice/v1/change.proto`).
//!
//! Header: `schema` (the version of this format). Key: the prospect id, so that all changes of a
//! prospect and its orders stay in order. Value: one [`Change`].

use prost::Message as _;
use uuid::Uuid;

pub use crate::event::generated::{Act, Change, Entity};

/// The version in the `schema` header. A reader accepts every version from 1 to this one.
pub const SCHEMA_VERSION: u32 = 1;
/// The name of the version header.
pub const SCHEMA_HEADER: &str = "schema";

/// The outcome of a change that was applied, as stored in the table `changes`.
pub const APPLIED: &str = "applied";
/// The outcome of a change whose event no longer exists.
pub const MISSING: &str = "missing";
/// The outcome of a change that the state of the event does not allow.
pub const REFUSED: &str = "refused";
/// The reason of a refused change that expected another version.
pub const CHANGED_SINCE: &str = "changed_since";

impl Change {
    /// Returns the id of the change.
    #[must_use]
    pub fn change_id(&self) -> Uuid {
        Uuid::from_slice(&self.id).unwrap_or_default()
    }

    /// Returns the id of the event that it changes.
    #[must_use]
    pub fn target(&self) -> Uuid {
        Uuid::from_slice(&self.entity_id).unwrap_or_default()
    }

    /// Returns the new value of a field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }
}

/// The reason why a record cannot be read as a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// The change was accepted, so it must wait for a program that can read it.
    #[error("the change has a later version: schema {0}")]
    Newer(u32),
    /// No version can read it.
    #[error("the record is not a change")]
    Broken,
}

/// Reads a record: the text of its header, and its value.
///
/// # Errors
/// [`ChangeError`]. An entity or an act that this version does not know belongs to a later version,
/// whatever the header says.
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
        // An unknown value reads as unspecified.
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
