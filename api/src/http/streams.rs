//! Places for open streams of server-sent events. A person has a few at once, and all people
//! together have a bound.

use std::sync::Arc;

use dashmap::DashMap;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::error::ApiError;

/// Streams of one person at once.
const BY_PERSON: usize = 4;
/// Streams of all people at once.
const IN_ALL: usize = 500;
/// When a refused request may be sent again.
const RETRY_AFTER_S: u64 = 30;

/// The places of everybody.
pub struct Streams {
    in_all: Arc<Semaphore>,
    /// There are never more than accounts, so nothing is removed.
    by_person: DashMap<i64, Arc<Semaphore>>,
    n_open: Gauge,
}

/// The place of an open stream, which ends when this is dropped.
#[derive(Debug)]
pub struct StreamPlace {
    _permits: [OwnedSemaphorePermit; 2],
    n_open: Gauge,
}

impl Streams {
    /// Nobody has a place. `n_open` counts the places that are taken.
    #[must_use]
    pub fn new(n_open: Gauge) -> Self {
        Self { in_all: Arc::new(Semaphore::new(IN_ALL)), by_person: DashMap::new(), n_open }
    }

    /// Takes a place for a person.
    ///
    /// # Errors
    /// 429 if the person, or all together, have too many.
    pub fn enter(&self, user_id: i64) -> Result<StreamPlace, ApiError> {
        let full = || ApiError::throttled(RETRY_AFTER_S);
        let person = self.by_person.entry(user_id).or_insert_with(|| Arc::new(Semaphore::new(BY_PERSON)));
        let own = Arc::clone(&person).try_acquire_owned().map_err(|_| full())?;
        let of_all = Arc::clone(&self.in_all).try_acquire_owned().map_err(|_| full())?;
        self.n_open.inc();
        Ok(StreamPlace { _permits: [own, of_all], n_open: self.n_open.clone() })
    }
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        self.n_open.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_has_a_few_and_all_have_a_bound() {
        let n_open = Gauge::default();
        let streams = Streams::new(n_open.clone());
        let mut held: Vec<_> = (0..BY_PERSON).map(|_| streams.enter(1).unwrap()).collect();
        assert_eq!(streams.enter(1).unwrap_err().retry_after_s(), Some(RETRY_AFTER_S));
        held.pop();
        held.push(streams.enter(1).unwrap());
        held.extend((held.len()..IN_ALL).map(|person| streams.enter(100 + person as i64).unwrap()));
        assert!(streams.enter(2).is_err());
        held.pop();
        assert!(streams.enter(2).is_ok());
        assert_eq!(n_open.get(), held.len() as i64);
    }
}
