//! The time of an event by its id: the edge creates both at once, and a UUIDv7 begins with its
//! time.

use uuid::Uuid;

/// An event is searched within this distance of the time in its id.
pub const ID_TIME_SLACK_MS: i64 = 3_600_000;

/// Returns the time (Unix milliseconds) in an id; `None` for an id without a time.
#[must_use]
pub fn born_at(id: Uuid) -> Option<i64> {
    (id.get_version_num() == 7).then(|| i64::try_from(id.as_u128() >> 80).unwrap_or(0))
}

/// Returns the first and last time (Unix milliseconds) at which an event with this id can have
/// arrived; `None` for an id without a time.
#[must_use]
pub fn born_between(id: Uuid) -> Option<(i64, i64)> {
    born_at(id).map(|born_ms| ((born_ms - ID_TIME_SLACK_MS).max(0), born_ms + ID_TIME_SLACK_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_an_event_is_in_its_id() {
        let id: Uuid = "0192f5a0-1234-7000-8000-000000000000".parse().unwrap();
        let (from_ms, to_ms) = born_between(id).unwrap();
        assert_eq!((born_at(id), (from_ms + to_ms) / 2), (Some(0x0192_f5a0_1234), 0x0192_f5a0_1234));
        assert_eq!(born_between(Uuid::nil()), None);
    }
}
