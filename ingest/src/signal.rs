//! A flag that wakes one waiting thread. Raising it twice before the thread looks wakes it once. It
//! carries no data.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// The flag.
#[derive(Debug, Default)]
pub struct Signal {
    raised: Mutex<bool>,
    condvar: Condvar,
}

impl Signal {
    /// Wakes the waiting thread, now or at its next wait.
    pub fn raise(&self) {
        *self.raised.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.condvar.notify_one();
    }

    /// Waits at most this long until the flag is raised, and lowers it. Returns whether it was
    /// raised.
    pub fn wait(&self, at_most: Duration) -> bool {
        let raised = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut raised, _) = self
            .condvar
            .wait_timeout_while(raised, at_most, |raised| !*raised)
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *raised)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raised_flag_is_seen_once() {
        let signal = Signal::default();
        signal.raise();
        signal.raise();
        assert!(signal.wait(Duration::ZERO));
        assert!(!signal.wait(Duration::ZERO));
    }
}
