//! Limits of requests a minute, by address and by token. They keep one caller from taking the whole
//! service. `auth::limits` is much tighter, for guesses at passwords.

use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter, clock};
use sluice_runtime::clock::Clock;

use crate::http::error::ApiError;

/// After this many requests, keys whose requests are forgotten are dropped. At most this many keys
/// are kept besides those that were busy within the last minute.
const SWEEP_AFTER: u64 = 4096;

type Limiter<K> = RateLimiter<K, DashMapStateStore<K>, Time, NoOpMiddleware<Duration>>;

/// A limit for each key: a whole minute's worth may come at once, and refills evenly.
pub struct RequestLimit<K: Hash + Eq + Clone> {
    /// None without a limit.
    limiter: Option<Limiter<K>>,
    time: Time,
    n_requests: AtomicU64,
}

impl<K: Hash + Eq + Clone> RequestLimit<K> {
    /// Allows a number of requests a minute; 0 is no limit.
    #[must_use]
    pub fn new(per_minute: u32, clock: Clock) -> Self {
        let time = Time { clock, began: Instant::now() };
        let limiter = NonZeroU32::new(per_minute)
            .map(|per_minute| RateLimiter::dashmap_with_clock(Quota::per_minute(per_minute), time.clone()));
        Self { limiter, time, n_requests: AtomicU64::new(0) }
    }

    /// Counts a request of a key.
    ///
    /// # Errors
    /// 429 over the limit.
    pub fn count(&self, key: &K) -> Result<(), ApiError> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        if self.n_requests.fetch_add(1, Ordering::Relaxed) % SWEEP_AFTER == SWEEP_AFTER - 1 {
            limiter.retain_recent();
        }
        limiter.check_key(key).map_err(|not_until| {
            let wait = not_until.wait_time_from(clock::Clock::now(&self.time));
            ApiError::throttled(u64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u64::MAX).max(1))
        })
    }
}

/// The time since the start: of the system, one that is never set back; of a test, its own.
#[derive(Debug, Clone)]
struct Time {
    clock: Clock,
    began: Instant,
}

impl clock::Clock for Time {
    type Instant = Duration;

    fn now(&self) -> Duration {
        match &self.clock {
            Clock::System => self.began.elapsed(),
            Clock::Manual(_) => Duration::from_millis(self.clock.now_ms()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minutes_worth_may_come_at_once_and_refills_evenly() {
        let clock = Clock::manual(1_000_000);
        let limit = RequestLimit::new(60, clock.clone());
        for _ in 0..60 {
            limit.count(&"ann").unwrap();
        }
        assert_eq!(limit.count(&"ann").unwrap_err().retry_after_s(), Some(1));
        assert!(limit.count(&"bob").is_ok());
        clock.advance(Duration::from_millis(999));
        assert!(limit.count(&"ann").is_err());
        clock.advance(Duration::from_millis(1));
        assert!(limit.count(&"ann").is_ok() && limit.count(&"ann").is_err());
        clock.advance(Duration::from_secs(60));
        assert_eq!((0..100).filter(|_| limit.count(&"ann").is_ok()).count(), 60);
        let slow = RequestLimit::new(2, clock);
        assert!(slow.count(&1).is_ok() && slow.count(&1).is_ok());
        assert_eq!(slow.count(&1).unwrap_err().retry_after_s(), Some(30));
    }

    #[test]
    fn keys_that_are_quiet_are_dropped() {
        let clock = Clock::manual(1_000_000);
        let limit = RequestLimit::new(60_000, clock.clone());
        for key in 0..SWEEP_AFTER * 20 {
            limit.count(&key).unwrap();
            clock.advance(Duration::from_millis(1));
        }
        assert!(limit.limiter.unwrap().len() <= usize::try_from(SWEEP_AFTER).unwrap() + 8);
    }

    #[test]
    fn without_a_limit_nothing_is_kept() {
        let limit = RequestLimit::new(0, Clock::System);
        assert!((0..1000).all(|_| limit.count(&"ann").is_ok()) && limit.limiter.is_none());
    }
}
