//! How much disk the journal may take: every segment file, prepared ones included, is paid for before it is made.

use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes taken of a limit.
#[derive(Debug)]
pub struct Budget {
    max_bytes: u64,
    used_bytes: AtomicU64,
}

impl Budget {
    /// A budget of which `used_bytes` are taken; they may be over the limit, after the limit was lowered.
    #[must_use]
    pub const fn new(max_bytes: u64, used_bytes: u64) -> Self {
        Self { max_bytes, used_bytes: AtomicU64::new(used_bytes) }
    }

    /// Takes bytes; `false` and nothing taken when they are not there.
    #[must_use]
    pub fn reserve(&self, bytes: u64) -> bool {
        let within = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= self.max_bytes);
        self.used_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, within).is_ok()
    }

    /// Gives bytes back.
    pub fn release(&self, bytes: u64) {
        self.used_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Bytes taken.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        self.used_bytes.load(Ordering::Relaxed)
    }

    /// Bytes that can still be taken.
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
