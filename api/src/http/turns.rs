//! Turns at expensive queries: searches for a text, and reports. A person has a few at once, and
//! all people together have a few more, so that one person cannot slow everybody down. A request
//! waits a moment for its turn.

use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::error::ApiError;

/// Turns of one person at once.
const BY_PERSON: usize = 2;
/// Turns of all people at once.
const IN_ALL: usize = 16;
/// Requests of one person that may wait. Further ones are refused at once.
const MAX_WAITING: usize = 8;
/// The longest wait for a turn.
const PATIENCE: Duration = Duration::from_secs(5);
/// When a refused request may be sent again.
const RETRY_AFTER_S: u64 = 5;

/// The turns of everybody.
pub struct Turns {
    patience: Duration,
    in_all: Arc<Semaphore>,
    /// There are never more than accounts, so nothing is removed.
    by_person: DashMap<i64, Person>,
}

#[derive(Clone)]
struct Person {
    turns: Arc<Semaphore>,
    /// Those who wait, and those whose turn it is.
    places: Arc<Semaphore>,
}

/// A turn, which ends when this is dropped.
#[derive(Debug)]
pub struct Turn {
    _permits: [OwnedSemaphorePermit; 3],
}

impl Turns {
    /// Nobody has a turn.
    #[must_use]
    pub fn new(patience: Duration) -> Self {
        Self { patience, in_all: Arc::new(Semaphore::new(IN_ALL)), by_person: DashMap::new() }
    }

    /// Waits for a turn of a person.
    ///
    /// # Errors
    /// 429 if too many requests of the person wait, or the wait is too long.
    pub async fn wait(&self, user_id: i64) -> Result<Turn, ApiError> {
        let person = self.by_person.entry(user_id).or_insert_with(Person::new).clone();
        let busy = || ApiError::throttled(RETRY_AFTER_S);
        let place = person.places.try_acquire_owned().map_err(|_| busy())?;
        let turn = async {
            // First the person's own, so that nobody who waits for that takes a turn of all.
            let own = person.turns.acquire_owned().await;
            (own, Arc::clone(&self.in_all).acquire_owned().await)
        };
        match tokio::time::timeout(self.patience, turn).await {
            Ok((Ok(own), Ok(of_all))) => Ok(Turn { _permits: [place, own, of_all] }),
            _ => Err(busy()),
        }
    }
}

impl Default for Turns {
    fn default() -> Self {
        Self::new(PATIENCE)
    }
}

impl Person {
    fn new() -> Self {
        let places = Arc::new(Semaphore::new(BY_PERSON + MAX_WAITING));
        Self { turns: Arc::new(Semaphore::new(BY_PERSON)), places }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_person_has_a_few_turns_and_others_have_theirs() {
        let turns = Turns::new(Duration::from_millis(50));
        let first = turns.wait(1).await.unwrap();
        let second = turns.wait(1).await.unwrap();
        assert_eq!(turns.wait(1).await.unwrap_err().retry_after_s(), Some(RETRY_AFTER_S));
        assert!(turns.wait(2).await.is_ok());
        drop(first);
        assert!(turns.wait(1).await.is_ok());
        drop(second);
    }

    #[tokio::test]
    async fn a_request_waits_for_its_turn_and_few_may_wait() {
        let turns = Arc::new(Turns::new(Duration::from_secs(5)));
        let held = [turns.wait(1).await.unwrap(), turns.wait(1).await.unwrap()];
        let mut waiting: Vec<_> = (0..MAX_WAITING).map(|_| Box::pin(turns.wait(1))).collect();
        for wait in &mut waiting {
            assert!(futures::poll!(wait).is_pending());
        }
        assert!(turns.wait(1).await.is_err(), "too many wait");
        drop(held);
        for wait in waiting {
            assert!(wait.await.is_ok());
        }
        assert!(turns.wait(1).await.is_ok());
    }

    #[tokio::test]
    async fn all_together_have_a_bound() {
        let turns = Turns::new(Duration::from_millis(50));
        let mut held = Vec::new();
        for person in 0..IN_ALL {
            held.push(turns.wait(i64::try_from(person).unwrap()).await.unwrap());
        }
        assert!(turns.wait(100).await.is_err());
        held.pop();
        assert!(turns.wait(100).await.is_ok());
    }
}
