//! A month of an ad account: spend of each day, and top-ups that cover it until the next one. A
//! pure function of its arguments.

use chrono::{Days, NaiveDate};

/// The ages of the account's top-ups in days, oldest first.
const TOP_UPS: [u64; 4] = [30, 22, 15, 8];
/// Top-ups are multiples of this, in minor units.
const STEP_MINOR: i64 = 50_00;

/// Money that moved on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Movement {
    pub(super) is_top_up: bool,
    pub(super) day: NaiveDate,
    pub(super) amount_minor: i64,
}

/// Returns the movements of the thirty days before `today`, in the order of their days. The balance
/// is never negative. At the end it is `left_minor`, or up to one step more. Accounts with another
/// `salt` spend differently.
pub(super) fn month(today: NaiveDate, daily_minor: i64, left_minor: i64, salt: u64) -> Vec<Movement> {
    let spend = |days_ago: u64| {
        let percent = 75 + (days_ago * 37 + salt * 13) % 51;
        daily_minor * i64::try_from(percent).unwrap_or(100) / 100
    };
    let mut movements = Vec::new();
    let mut balance = 0;
    for days_ago in (1..=TOP_UPS[0]).rev() {
        let day = today.checked_sub_days(Days::new(days_ago)).unwrap_or(today);
        if TOP_UPS.contains(&days_ago) {
            let next = TOP_UPS.into_iter().find(|other| *other < days_ago);
            let until_next: i64 = (next.map_or(1, |next| next + 1)..=days_ago).map(spend).sum();
            let needed = until_next + if next.is_none() { left_minor } else { 0 } - balance;
            // The number of steps, rounded up.
            let amount_minor = needed.max(1).div_euclid(STEP_MINOR) * STEP_MINOR + STEP_MINOR;
            movements.push(Movement { is_top_up: true, day, amount_minor });
            balance += amount_minor;
        }
        movements.push(Movement { is_top_up: false, day, amount_minor: spend(days_ago) });
        balance -= spend(days_ago);
    }
    movements
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_money_lasts_and_little_is_left() {
        let today = NaiveDate::from_ymd_opt(2026, 3, 1).unwrap();
        for (salt, daily, left) in [(0, 14_000, 21_000), (1, 3_500, 42_000), (7, 8_000, 0)] {
            let movements = month(today, daily, left, salt);
            let mut balance = 0;
            for movement in &movements {
                balance += if movement.is_top_up { movement.amount_minor } else { -movement.amount_minor };
                assert!(balance >= 0 && movement.amount_minor > 0, "{movement:?}");
            }
            assert!((left..=left + STEP_MINOR).contains(&balance), "{balance}");
            assert_eq!(movements.iter().filter(|movement| !movement.is_top_up).count(), 30);
            assert!(movements.is_sorted_by_key(|movement| movement.day));
        }
    }
}
