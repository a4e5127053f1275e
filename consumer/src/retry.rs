//! Errors that are worth another try, errors that are not, and the pauses between tries.
//!
//! An error is *permanent* only if this program can never do better with the same data: a plan or a
//! verdict that it cannot read, a statement that is wrong in itself. Everything else is retried: a
//! server that is down, a missing table or a missing right may be back or mended any moment. If in
//! doubt an error is retriable: a futile retry costs a query every few seconds and shows in
//! `/readyz`, but a partition that has stopped needs a person.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use sluice_schemas::change::ChangeError;

use crate::lease::Revoked;

/// Another system that a partition depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    ClickHouse,
    Kafka,
    /// PostgreSQL with the directory.
    Directory,
}

impl Part {
    /// The word in logs and `/readyz`.
    #[must_use]
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::ClickHouse => "clickhouse",
            Self::Kafka => "kafka",
            Self::Directory => "directory",
        }
    }
}

/// An error of another system.
pub(crate) trait Retriable: std::error::Error {
    /// Whether another try may succeed.
    fn is_retriable(&self) -> bool;
}

/// The reason why the work on a partition ends early. The next owner repeats an open batch from its
/// plan.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    #[error(transparent)]
    Revoked(#[from] Revoked),
    /// A permanent error.
    #[error("stands still: {part}: {error}", part = part.as_str())]
    Permanent { part: Part, error: String },
    /// A change that only a later version of this program can apply. Those behind it must not
    /// overtake it, and it must not be lost: its author was told that it is kept.
    #[error("stands still at offset {offset}: {error}")]
    NewerChange { offset: i64, error: ChangeError },
}

/// Growing pauses between tries, up to five seconds. Each is shortened at random by up to a half,
/// so that partitions which failed together do not come back together.
#[derive(Debug)]
pub(crate) struct Backoff {
    longest_next: Duration,
}

impl Backoff {
    pub(crate) const FIRST: Duration = Duration::from_millis(100);
    pub(crate) const LAST: Duration = Duration::from_secs(5);

    pub(crate) const fn new() -> Self {
        Self { longest_next: Self::FIRST }
    }

    /// The pause before the next try.
    pub(crate) fn next_pause(&mut self) -> Duration {
        let longest = self.longest_next;
        self.longest_next = (longest * 2).min(Self::LAST);
        // Each state has other random keys.
        let random = RandomState::new().hash_one(()) % 1000;
        longest / 2 + longest / 2 * u32::try_from(random).unwrap_or_default() / 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_differ() {
        let mut backoff = Backoff::new();
        let first = backoff.next_pause();
        assert!(first >= Backoff::FIRST / 2 && first <= Backoff::FIRST, "{first:?}");
        let later: Vec<Duration> = (0..50).map(|_| backoff.next_pause()).skip(10).collect();
        assert!(later.iter().all(|pause| *pause >= Backoff::LAST / 2 && *pause <= Backoff::LAST));
        assert!(later.iter().any(|pause| *pause != later[0]), "{later:?}");
    }
}
