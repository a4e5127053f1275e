//! Limits on what the public may try: a sliding window of a minute per key, kept in memory.
//!
//! Keys are accounts (also ones that do not exist) and addresses. The number of keys is bounded: what is older than the
//! window is dropped when there are many, and beyond the bound the oldest go first, so that a flood of made-up keys costs a
//! bounded amount of memory.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use sluice_runtime::clock::Clock;

const WINDOW_MS: u64 = 60_000;
/// Keys kept before the stale ones are looked for.
const MAX_KEYS: usize = 20_000;

/// Counts events per key within the last minute.
#[derive(Debug)]
pub struct Window {
    limit: usize,
    clock: Clock,
    seen: Mutex<HashMap<String, VecDeque<u64>>>,
}

impl Window {
    /// Full at `limit` events a minute.
    #[must_use]
    pub fn new(limit: u32, clock: Clock) -> Self {
        Self { limit: limit as usize, clock, seen: Mutex::new(HashMap::new()) }
    }

    /// Seconds to wait when the key's window is full, else `None`. Counts nothing.
    #[must_use]
    pub fn wait_s(&self, key: &str) -> Option<u64> {
        let now_ms = self.clock.now_ms();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let times = seen.get_mut(key)?;
        drop_stale(times, now_ms);
        if times.len() < self.limit {
            return None;
        }
        let oldest = times.front().copied().unwrap_or(now_ms);
        Some((oldest + WINDOW_MS).saturating_sub(now_ms).div_ceil(1000).max(1))
    }

    /// Counts an event of the key.
    pub fn count(&self, key: &str) {
        let now_ms = self.clock.now_ms();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MAX_KEYS && !seen.contains_key(key) {
            make_room(&mut seen, now_ms);
        }
        let times = seen.entry(key.to_owned()).or_default();
        drop_stale(times, now_ms);
        if times.len() >= self.limit {
            times.pop_front();
        }
        times.push_back(now_ms);
    }

    /// Forgets the key.
    pub fn forget(&self, key: &str) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

fn drop_stale(times: &mut VecDeque<u64>, now_ms: u64) {
    while times.front().is_some_and(|time| time + WINDOW_MS <= now_ms) {
        times.pop_front();
    }
}

fn make_room(seen: &mut HashMap<String, VecDeque<u64>>, now_ms: u64) {
    seen.retain(|_, times| times.back().is_some_and(|time| time + WINDOW_MS > now_ms));
    if seen.len() >= MAX_KEYS {
        // All are fresh: keep the younger half.
        let mut newest: Vec<u64> = seen.values().filter_map(|times| times.back().copied()).collect();
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
    fn a_full_window_says_how_long_and_opens_again() {
        let clock = Clock::manual(1_000_000);
        let window = Window::new(3, clock.clone());
        for _ in 0..3 {
            assert_eq!(window.wait_s("ann"), None);
            window.count("ann");
            clock.advance(Duration::from_secs(1));
        }
        assert_eq!(window.wait_s("ann"), Some(57));
        assert_eq!(window.wait_s("bob"), None);
        clock.advance(Duration::from_secs(57));
        assert_eq!(window.wait_s("ann"), None);
        window.count("ann");
        assert!(window.wait_s("ann").is_some());
        window.forget("ann");
        assert_eq!(window.wait_s("ann"), None);
    }

    #[test]
    fn made_up_keys_are_bounded() {
        let clock = Clock::manual(1_000_000);
        let window = Window::new(3, clock.clone());
        for key in 0..MAX_KEYS * 2 {
            window.count(&key.to_string());
            clock.advance(Duration::from_millis(1));
        }
        assert!(window.seen.lock().unwrap().len() <= MAX_KEYS);
    }
}
