//! Runway: how many whole days a balance lasts, in integer arithmetic.

/// Number of full days whose spend is averaged.
pub const RUNWAY_DAYS: u16 = 7;

/// Returns the days for which a balance lasts at the average spend of the last seven full days,
/// rounded down. Returns `None` if nothing was spent.
#[must_use]
pub fn days_left(balance_minor: i64, spent_minor: i64) -> Option<i64> {
    if spent_minor <= 0 {
        return None;
    }
    let days = i128::from(balance_minor.max(0)) * i128::from(RUNWAY_DAYS) / i128::from(spent_minor);
    i64::try_from(days).ok()
}

/// Returns whether the balance lasts fewer than `low_days` days.
#[must_use]
pub fn is_low(balance_minor: i64, spent_minor: i64, low_days: i32) -> bool {
    days_left(balance_minor, spent_minor).is_some_and(|days| days < i64::from(low_days))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_rounded_down_and_nothing_spent_lasts_for_ever() {
        assert_eq!(days_left(1000, 700), Some(10));
        assert_eq!(days_left(299, 700), Some(2));
        assert_eq!(days_left(0, 700), Some(0));
        assert_eq!(days_left(-50, 700), Some(0));
        assert_eq!((days_left(1000, 0), days_left(1000, -5)), (None, None));
        assert_eq!(days_left(i64::MAX, 1), None);
        assert!(is_low(299, 700, 3) && !is_low(300, 700, 3) && !is_low(0, 0, 3));
    }
}
