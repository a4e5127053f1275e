//! The two topics that the consumer reads.

/// A topic, by its contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// Chunks of events from the edges.
    Events,
    /// Edits and deletions of stored events.
    Changes,
}

impl Topic {
    pub const ALL: [Self; 2] = [Self::Events, Self::Changes];

    /// The word in metrics, logs and `/readyz`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Changes => "changes",
        }
    }
}
