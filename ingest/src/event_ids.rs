//! Ids of events: UUIDv7 with the time of the event and 74 bits from the secure random generator of
//! the thread. They sort by time and cannot be guessed.

use uuid::Uuid;

/// Returns an id for an event at this Unix time in milliseconds.
#[must_use]
pub fn new_id(time_ms: u64) -> Uuid {
    let mut bytes = Uuid::new_v4().into_bytes();
    bytes[..6].copy_from_slice(&time_ms.to_be_bytes()[2..]);
    bytes[6] = 0x70 | (bytes[6] & 0x0f);
    Uuid::from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_version_7_of_their_time_and_differ() {
        let time_ms = 1_790_000_000_123;
        let (left, right) = (new_id(time_ms), new_id(time_ms));
        assert_ne!(left, right);
        assert_eq!((left.get_version_num(), left.get_variant()), (7, uuid::Variant::RFC4122));
        let (seconds, nanos) = left.get_timestamp().unwrap().to_unix();
        assert_eq!(seconds * 1000 + u64::from(nanos) / 1_000_000, time_ms);
    }
}
