//! When an event came, by its id: the edge makes both at once, and a UUIDv7 begins with its time.

use uuid::Uuid;

/// An event is looked for this long around the time in its id.
pub const ID_TIME_SLACK_MS: i64 = 3_600_000;

/// From when to when (Unix milliseconds) an event with this id can have come; `None` for an id without a time.
#[must_use]
pub fn born_between(id: Uuid) -> Option<(i64, i64)> {
    if id.get_version_num() != 7 {
        return None;
    }
    let born_ms = i64::try_from(id.as_u128() >> 80).unwrap_or(0);
    Some(((born_ms - ID_TIME_SLACK_MS).max(0), born_ms + ID_TIME_SLACK_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_an_event_is_in_its_id() {
        let id: Uuid = "0192f5a0-1234-7000-8000-000000000000".parse().unwrap();
        let (from_ms, to_ms) = born_between(id).unwrap();
        assert_eq!((from_ms + to_ms) / 2, 0x0192_f5a0_1234);
        assert_eq!(born_between(Uuid::nil()), None);
    }
}
