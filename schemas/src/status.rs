//! The statuses of an order: the six groups, the words that partners use for them, and the allowed
//! transitions.

use std::fmt;

use crate::words::words;

/// A group of statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    /// Waits for the decision of the advertiser.
    Hold,
    /// Accepted and paid for.
    Sale,
    Rejected,
    /// Not a real order: spam, or a duplicate.
    Trash,
    /// Accepted once, then taken back.
    Chargeback,
    /// A further payment for an earlier sale.
    Rebill,
}

impl Status {
    /// All statuses.
    pub const ALL: [Self; 6] =
        [Self::Hold, Self::Sale, Self::Rejected, Self::Trash, Self::Chargeback, Self::Rebill];

    /// Returns the stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Sale => "sale",
            Self::Rejected => "rejected",
            Self::Trash => "trash",
            Self::Chargeback => "chargeback",
            Self::Rebill => "rebill",
        }
    }

    words!();

    /// Reads the word of a partner, in upper or lower case.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word.trim().to_ascii_lowercase().as_str() {
            "hold" | "lead" | "pending" | "new" | "wait" | "waiting" | "processing" | "in_work" => Self::Hold,
            "sale" | "confirmed" | "approved" | "approve" | "accepted" | "purchase" | "paid" => Self::Sale,
            "rejected" | "reject" | "declined" | "decline" | "cancelled" | "canceled" | "cancel" => {
                Self::Rejected
            }
            "trash" | "junk" | "spam" | "duplicate" | "dupe" => Self::Trash,
            "chargeback" | "refund" | "refunded" => Self::Chargeback,
            "rebill" | "upsell" => Self::Rebill,
            _ => return None,
        })
    }

    /// Returns whether an order may change from this status to another. Keeping the status is
    /// allowed.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        self == next
            || self == Self::Hold
            || matches!(
                (self, next),
                (Self::Sale, Self::Rejected | Self::Chargeback)
                    | (Self::Rejected, Self::Sale)
                    | (Self::Rebill, Self::Rejected)
            )
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partners_words_are_read_in_any_case() {
        assert_eq!(Status::WORDS.map(Status::parse), Status::ALL.map(Some));
        for status in Status::ALL {
            assert_eq!(Status::parse(&status.as_str().to_uppercase()), Some(status));
        }
        assert_eq!(Status::parse(" Approved "), Some(Status::Sale));
        assert_eq!(Status::parse("{status}"), None);
    }

    #[test]
    fn what_may_follow_what() {
        let moves = |from: Status| {
            Status::ALL.into_iter().filter(move |next| *next != from && from.may_become(*next))
        };
        let count = |from| moves(from).count();
        assert_eq!(Status::ALL.map(count), [5, 2, 1, 0, 0, 1]);
        assert!(Status::Rejected.may_become(Status::Sale) && !Status::Trash.may_become(Status::Sale));
    }
}
