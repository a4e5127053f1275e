//! Rate limits of anonymous attempts: a sliding window of one minute for each key, in memory.
//!
//! Keys are usernames, even unknown ones, and addresses. Their number is limited: when there are
//! too many, keys without recent attempts are dropped, then the oldest. So a flood of invented keys
//! needs a limited amount of memory.

use std::collections::VecDeque;

use dashmap::DashMap;
use sluice_runtime::clock::Clock;

const WINDOW_MS: u64 = 60_000;
/// The number of keys above which old ones are dropped.
const MAX_KEYS: usize = 20_000;

/// Counts the attempts of each key within the last minute.
#[derive(Debug)]
pub struct RateLimit {
    limit: usize,
    clock: Clock,
    attempts: DashMap<String, VecDeque<u64>>,
}

impl RateLimit {
    /// Creates a limit of `limit` attempts a minute.
    #[must_use]
    pub fn new(limit: u32, clock: Clock) -> Self {
        Self { limit: limit as usize, clock, attempts: DashMap::new() }
    }

    /// Returns the seconds to wait if the key has reached the limit, else `None`. Counts nothing.
    #[must_use]
    pub fn wait_s(&self, key: &str) -> Option<u64> {
        let now_ms = self.clock.now_ms();
        let mut times = self.attempts.get_mut(key)?;
        drop_stale(&mut times, now_ms);
        if times.len() < self.limit {
            return None;
        }
        let oldest = times.front().copied().unwrap_or(now_ms);
        Some((oldest + WINDOW_MS).saturating_sub(now_ms).div_ceil(1000).max(1))
    }

    /// Counts an attempt of the key.
    pub fn count(&self, key: &str) {
        let now_ms = self.clock.now_ms();
        if self.attempts.len() >= MAX_KEYS && !self.attempts.contains_key(key) {
            make_room(&self.attempts, now_ms);
        }
        let mut times = self.attempts.entry(key.to_owned()).or_default();
        drop_stale(&mut times, now_ms);
        if times.len() >= self.limit {
            times.pop_front();
        }
        times.push_back(now_ms);
    }

    /// Resets the key.
    pub fn forget(&self, key: &str) {
        self.attempts.remove(key);
    }

    /// Resets all keys that end like this.
    pub fn forget_ending(&self, end: &str) {
        self.attempts.retain(|key, _| !key.ends_with(end));
    }
}

fn drop_stale(times: &mut VecDeque<u64>, now_ms: u64) {
    while times.front().is_some_and(|time| time + WINDOW_MS <= now_ms) {
        times.pop_front();
    }
}

fn make_room(seen: &DashMap<String, VecDeque<u64>>, now_ms: u64) {
    seen.retain(|_, times| times.back().is_some_and(|time| time + WINDOW_MS > now_ms));
    if seen.len() >= MAX_KEYS {
        // All keys are recent: keep the newer half.
        let mut newest: Vec<u64> = seen.iter().filter_map(|times| times.back().copied()).collect();
        if newest.is_empty() {
            return;
        }
        newest.sort_unstable();
        let median = newest[newest.len() / 2];
        seen.retain(|_, times| times.back().is_some_and(|time| *time > median));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_reached_limit_tells_how_long_to_wait_and_ends() {
        let clock = Clock::manual(1_000_000);
        let limit = RateLimit::new(3, clock.clone());
        for _ in 0..3 {
            assert_eq!(limit.wait_s("ann"), None);
            limit.count("ann");
            clock.advance(Duration::from_secs(1));
        }
        assert_eq!(limit.wait_s("ann"), Some(57));
        assert_eq!(limit.wait_s("bob"), None);
        clock.advance(Duration::from_secs(57));
        assert_eq!(limit.wait_s("ann"), None);
        limit.count("ann");
        assert!(limit.wait_s("ann").is_some());
        limit.forget("ann");
        assert_eq!(limit.wait_s("ann"), None);
    }

    #[test]
    fn the_number_of_keys_is_limited() {
        let clock = Clock::manual(1_000_000);
        let limit = RateLimit::new(3, clock.clone());
        for key in 0..MAX_KEYS * 2 {
            limit.count(&key.to_string());
            clock.advance(Duration::from_millis(1));
        }
        assert!(limit.attempts.len() <= MAX_KEYS);
    }
}
