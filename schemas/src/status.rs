//! What can become of an order: the six groups, the words for them that partners use, and which may follow which.

use std::fmt;

/// A group of statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    /// Waits for the advertiser's word.
    Hold,
    /// Accepted: money.
    Sale,
    Rejected,
    /// No order at all: spam, a duplicate.
    Trash,
    /// Accepted once, taken back since.
    Chargeback,
    /// A further payment for what was sold.
    Rebill,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Hold, Self::Sale, Self::Rejected, Self::Trash, Self::Chargeback, Self::Rebill];

    /// The word that is stored.
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

    /// Reads a partner's word, in any case.
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

    /// Whether an order may go from this status to another. To stay is no move, and allowed.
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
