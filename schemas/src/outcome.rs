//! The outcomes of events. Every event ends in exactly one outcome, and every rejection has one
//! word as its reason. The words are a contract (`docs/outcomes.md` explains them).

use std::fmt;

use crate::words::words;

/// The reason why the edge rejected an event. Nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rejection {
    /// A pixel with neither a tracking key nor a `user_id`.
    MissingKey,
    /// A tracking key with a wrong check character: mistyped.
    BadKey,
    /// A `user_id` that is not a number from 1 to 2^63 - 1.
    BadUserId,
    /// The body does not have the format of its content type.
    BadBody,
    /// A field of an order is missing or wrong.
    BadField,
    /// The body is over the limit.
    TooLarge,
    /// The path does not accept the content type.
    MediaType,
    /// The body did not arrive in time.
    SlowBody,
    /// The journal has its configured size, and Kafka accepts nothing.
    JournalFull,
    /// The journal could not be written or synced.
    JournalFailed,
    /// The visitor asked not to be tracked, and the operator honours that.
    OptedOut,
}

impl Rejection {
    /// All reasons, in the order of the documentation.
    pub const ALL: [Self; 11] = [
        Self::MissingKey,
        Self::BadKey,
        Self::BadUserId,
        Self::BadBody,
        Self::BadField,
        Self::TooLarge,
        Self::MediaType,
        Self::SlowBody,
        Self::JournalFull,
        Self::JournalFailed,
        Self::OptedOut,
    ];

    /// Returns the word in `x-sluice-outcome` and in metric labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MissingKey => "missing_key",
            Self::BadKey => "bad_key",
            Self::BadUserId => "bad_user_id",
            Self::BadBody => "bad_body",
            Self::BadField => "bad_field",
            Self::TooLarge => "too_large",
            Self::MediaType => "media_type",
            Self::SlowBody => "slow_body",
            Self::JournalFull => "journal_full",
            Self::JournalFailed => "journal_failed",
            Self::OptedOut => "opted_out",
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The reason why an accepted event is not in the reports yet. The event is kept with its bytes.
///
/// A new reason also needs changes in:
/// - the consumer's queries of parked events and decisions
/// - `api/src/pages/parked/mod.rs`, `api/src/parked/model.rs` and `api/src/parked/list.rs`
/// - `docs/outcomes.md`
/// - the constraint `parked_decisions_reason_known`, by a migration of Postgres
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ParkReason {
    /// A well-formed tracking key that no campaign has.
    UnknownKey,
    /// A tracking key that was revoked or had expired when the event arrived.
    ExpiredKey,
    /// A `user_id` without a user.
    UnknownUser,
    /// An order whose prospect has not been seen.
    UnknownProspect,
    /// Bytes that this version cannot read.
    Unreadable,
}

impl ParkReason {
    /// All reasons, in the order of the documentation.
    pub const ALL: [Self; 5] =
        [Self::UnknownKey, Self::ExpiredKey, Self::UnknownUser, Self::UnknownProspect, Self::Unreadable];

    words!();

    /// Parses the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }

    /// Returns the word stored in `parked.reason` and `outcomes.reason`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownKey => "unknown_key",
            Self::ExpiredKey => "expired_key",
            Self::UnknownUser => "unknown_user",
            Self::UnknownProspect => "unknown_prospect",
            Self::Unreadable => "unreadable",
        }
    }
}

/// The outcome of an event in the consumer, as stored in `outcomes.outcome`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// In the reports.
    Stored,
    /// Kept aside with a [`ParkReason`].
    Parked,
    /// The event was parked, found what it waited for, and is now in the reports.
    Replayed,
    /// Not kept: it would have been parked for a [`ParkReason`], but too many events of its kind
    /// are parked.
    Dropped,
    /// The event was parked for as long as parked events are kept, and the thing that it waited for
    /// did not come.
    Expired,
    /// A lane numbered the event, and it never came. It was lost before Kafka.
    Missing,
}

impl Outcome {
    /// Returns the word stored in `outcomes.outcome`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Parked => "parked",
            Self::Replayed => "replayed",
            Self::Dropped => "dropped",
            Self::Expired => "expired",
            Self::Missing => "missing",
        }
    }
}
