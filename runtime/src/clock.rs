//! The clock of all services, which tests can set.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, SecondsFormat};

/// Writes Unix milliseconds as RFC 3339 in UTC, with milliseconds. A time out of range becomes the
/// epoch.
#[must_use]
pub fn time_text(time_ms: impl TryInto<i64>) -> String {
    let time = time_ms.try_into().ok().and_then(DateTime::from_timestamp_millis).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Gives Unix time. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The clock of the system.
    #[default]
    System,
    /// A time set by a test, in milliseconds.
    Manual(Arc<AtomicU64>),
}

impl Clock {
    /// Returns a clock that stays at `now_ms` until it is moved.
    #[must_use]
    pub fn manual(now_ms: u64) -> Self {
        Self::Manual(Arc::new(AtomicU64::new(now_ms)))
    }

    /// Returns Unix time in milliseconds.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        match self {
            Self::System => system_now_ms(),
            Self::Manual(now_ms) => now_ms.load(Ordering::Relaxed),
        }
    }

    /// Moves a manual clock forward. Does nothing to the system clock.
    pub fn advance(&self, by: Duration) {
        if let Self::Manual(now_ms) = self {
            now_ms.fetch_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that asks the system")]
fn system_now_ms() -> u64 {
    // A clock before 1970 means a broken machine. Returning 0 is as good as any value, and never a
    // panic on a hot path.
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_milliseconds() {
        assert_eq!(time_text(1_790_000_000_007_u64), "2026-09-21T14:13:20.007Z");
        assert_eq!(time_text(-1_i64), "1969-12-31T23:59:59.999Z");
        assert_eq!((time_text(u64::MAX), time_text(i64::MAX)), (time_text(0), time_text(0)));
    }

    #[test]
    fn a_manual_clock_stands_until_it_is_moved() {
        let clock = Clock::manual(5);
        assert_eq!(clock.now_ms(), 5);
        clock.advance(Duration::from_secs(1));
        assert_eq!(clock.now_ms(), 1005);
        assert!(Clock::System.now_ms() > 1_700_000_000_000);
    }
}
