//! The disk budget of the journal. Every segment file, prepared ones included, is reserved before
//! it is created.
//!
//! Invariant: nothing is released that was not reserved.

use std::sync::atomic::{AtomicU64, Ordering};

/// Reserved bytes and their limit.
#[derive(Debug)]
pub struct Budget {
    max_bytes: u64,
    used_bytes: AtomicU64,
}

impl Budget {
    /// Returns a budget with `used_bytes` reserved. They may exceed the limit if the limit was
    /// lowered.
    #[must_use]
    pub const fn new(max_bytes: u64, used_bytes: u64) -> Self {
        Self { max_bytes, used_bytes: AtomicU64::new(used_bytes) }
    }

    /// Reserves bytes. Returns `false`, and reserves nothing, if they are not available.
    #[must_use]
    pub fn reserve(&self, bytes: u64) -> bool {
        let within = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= self.max_bytes);
        self.used_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, within).is_ok()
    }

    /// Releases reserved bytes.
    pub fn release(&self, bytes: u64) {
        let reserved = self.used_bytes.fetch_sub(bytes, Ordering::Relaxed);
        // Otherwise the sum wraps around, and the journal counts as full for ever.
        debug_assert!(bytes <= reserved, "{bytes} bytes were released of {reserved}");
    }

    /// Reserved bytes.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        self.used_bytes.load(Ordering::Relaxed)
    }

    /// Bytes that can still be reserved.
    #[must_use]
    pub fn free_bytes(&self) -> u64 {
        self.max_bytes.saturating_sub(self.used_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_taken_that_is_not_there() {
        let budget = Budget::new(10, 4);
        assert!(budget.reserve(6));
        assert!(!budget.reserve(1));
        budget.release(6);
        assert_eq!((budget.used_bytes(), budget.free_bytes()), (4, 6));
        assert!(!Budget::new(10, 20).reserve(0));
    }
}
