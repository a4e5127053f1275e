//! The moments at which a part of the system was first seen in its present state, for parts that
//! cannot say it themselves.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// A part: its word, and its number among its kind.
pub type Part = (&'static str, u32);

/// The present states of all parts, as this process has seen them.
#[derive(Debug, Default)]
pub struct Seen(Mutex<HashMap<Part, (&'static str, u64)>>);

impl Seen {
    /// Notes the state of a part. Returns when it was first seen in it (Unix milliseconds).
    pub fn since_ms(&self, part: Part, state: &'static str, now_ms: u64) -> u64 {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = seen.entry(part).or_insert((state, now_ms));
        if known.0 != state {
            *known = (state, now_ms);
        }
        known.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_lasts_until_another_one_is_seen() {
        let seen = Seen::default();
        let kafka = ("kafka", 1);
        assert_eq!(seen.since_ms(kafka, "ready", 10), 10);
        assert_eq!(seen.since_ms(kafka, "ready", 20), 10);
        assert_eq!(seen.since_ms(("edge", 1), "ready", 25), 25);
        assert_eq!(seen.since_ms(kafka, "not_answering", 30), 30);
        assert_eq!(seen.since_ms(kafka, "ready", 40), 40);
    }
}
