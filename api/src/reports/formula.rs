//! The terms of metrics: numbers that are counted or added up over events, their sums, and how they
//! are written.

use serde_json::{Number, Value};
use sluice_schemas::decimal::MICROS_PLACES;

use crate::reports::sums::SumsRow;

/// A number that is counted or added up over events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    Prospects,
    Unique,
    Bots,
    Cost,
    Orders,
    Hold,
    Sales,
    Rejected,
    Trash,
    Chargebacks,
    Rebills,
    Revenue,
    RevenueHold,
    HoldExpected,
    HoldLow,
    HoldHigh,
}

/// A sum of bases; true: added, false: subtracted.
pub type Term = &'static [(bool, Base)];

/// Returns the term of one base.
#[must_use]
pub const fn of(base: Base) -> Term {
    match base {
        Base::Prospects => &[(true, Base::Prospects)],
        Base::Unique => &[(true, Base::Unique)],
        Base::Bots => &[(true, Base::Bots)],
        Base::Cost => &[(true, Base::Cost)],
        Base::Orders => &[(true, Base::Orders)],
        Base::Hold => &[(true, Base::Hold)],
        Base::Sales => &[(true, Base::Sales)],
        Base::Rejected => &[(true, Base::Rejected)],
        Base::Trash => &[(true, Base::Trash)],
        Base::Chargebacks => &[(true, Base::Chargebacks)],
        Base::Rebills => &[(true, Base::Rebills)],
        Base::Revenue => &[(true, Base::Revenue)],
        Base::RevenueHold => &[(true, Base::RevenueHold)],
        Base::HoldExpected => &[(true, Base::HoldExpected)],
        Base::HoldLow => &[(true, Base::HoldLow)],
        Base::HoldHigh => &[(true, Base::HoldHigh)],
    }
}

impl Base {
    #[must_use]
    pub const fn is_money(self) -> bool {
        matches!(self, Self::Cost | Self::Revenue) || self.is_hold()
    }

    /// Whether it is an amount of orders on hold.
    #[must_use]
    pub const fn is_hold(self) -> bool {
        matches!(self, Self::RevenueHold) || self.is_expected()
    }

    /// Whether it needs the approve rates of campaigns.
    #[must_use]
    pub const fn is_expected(self) -> bool {
        matches!(self, Self::HoldExpected | Self::HoldLow | Self::HoldHigh)
    }

    /// The column of `query.rs`; null where a rate is missing.
    const fn sql(self) -> &'static str {
        match self {
            Self::Prospects => "toInt128(n_prospects)",
            Self::Unique => "toInt128(finalizeAggregation(visitors))",
            Self::Bots => "toInt128(n_bots)",
            Self::Cost => "if(n_cost_missing > 0, NULL, cost)",
            Self::Orders => "toInt128(n_orders)",
            Self::Hold => "toInt128(n_hold)",
            Self::Sales => "toInt128(n_sale)",
            Self::Rejected => "toInt128(n_rejected)",
            Self::Trash => "toInt128(n_trash)",
            Self::Chargebacks => "toInt128(n_chargeback)",
            Self::Rebills => "toInt128(n_rebill)",
            Self::Revenue => "if(n_revenue_missing > 0, NULL, revenue)",
            Self::RevenueHold => "if(n_hold_missing > 0, NULL, revenue_hold)",
            Self::HoldExpected => "if(n_hold_missing + n_expected_missing > 0, NULL, hold_expected)",
            Self::HoldLow => "if(n_hold_missing + n_expected_missing > 0, NULL, hold_low)",
            Self::HoldHigh => "if(n_hold_missing + n_expected_missing > 0, NULL, hold_high)",
        }
    }

    fn value(self, sums: &SumsRow) -> Option<i128> {
        let money = |amount: i128, n_missing: u64| (n_missing == 0).then_some(amount);
        let expected = |amount: i128| money(amount, sums.n_hold_missing + sums.n_expected_missing);
        match self {
            Self::Prospects => Some(sums.n_prospects.into()),
            Self::Unique => Some(sums.n_unique.into()),
            Self::Bots => Some(sums.n_bots.into()),
            Self::Cost => money(sums.cost, sums.n_cost_missing),
            Self::Orders => Some(sums.n_orders.into()),
            Self::Hold => Some(sums.n_hold.into()),
            Self::Sales => Some(sums.n_sale.into()),
            Self::Rejected => Some(sums.n_rejected.into()),
            Self::Trash => Some(sums.n_trash.into()),
            Self::Chargebacks => Some(sums.n_chargeback.into()),
            Self::Rebills => Some(sums.n_rebill.into()),
            Self::Revenue => money(sums.revenue, sums.n_revenue_missing),
            Self::RevenueHold => money(sums.revenue_hold, sums.n_hold_missing),
            Self::HoldExpected => expected(sums.hold_expected),
            Self::HoldLow => expected(sums.hold_low),
            Self::HoldHigh => expected(sums.hold_high),
        }
    }
}

/// Writes a term as SQL.
#[must_use]
pub fn term_sql(term: Term) -> String {
    let mut sql = String::from("(");
    for (index, (is_added, base)) in term.iter().enumerate() {
        sql.push_str(match (index, is_added) {
            (0, true) => "",
            (_, true) => " + ",
            (_, false) => " - ",
        });
        sql.push_str(base.sql());
    }
    sql.push(')');
    sql
}

/// Adds up a term; `None` where a rate is missing.
#[must_use]
pub fn sum(term: Term, sums: &SumsRow) -> Option<i128> {
    term.iter().try_fold(0_i128, |sum, (is_added, base)| {
        let value = base.value(sums)?;
        if *is_added { sum.checked_add(value) } else { sum.checked_sub(value) }
    })
}

/// Divides, and rounds half away from zero.
#[must_use]
pub fn rounded(over: i128, under: i128) -> i128 {
    let (whole, rest) = (over / under, over % under);
    let is_up = rest.unsigned_abs() * 2 >= under.unsigned_abs() && rest != 0;
    whole + if is_up { over.signum() * under.signum() } else { 0 }
}

/// Returns a quotient with eight decimal places.
#[must_use]
pub fn quotient(over: i128, under: i128) -> Value {
    const SCALE: i128 = 100_000_000;
    let Some(scaled) = over.checked_mul(SCALE) else { return Value::Null };
    #[expect(clippy::cast_precision_loss, reason = "a ratio with eight places")]
    let value = rounded(scaled, under) as f64 / SCALE as f64;
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

/// Writes millionths as a decimal number without needless zeros, with two places at least.
#[must_use]
pub fn money_text(micros: i128) -> String {
    let places = MICROS_PLACES as usize;
    let digits = format!("{:0>width$}", micros.unsigned_abs(), width = places + 1);
    let (whole, part) = digits.split_at(digits.len() - places);
    let kept = part.trim_end_matches('0').len().max(2);
    format!("{}{whole}.{}", if micros < 0 { "-" } else { "" }, &part[..kept])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_and_quotients_are_rounded_half_away_from_zero() {
        assert_eq!((rounded(5, 2), rounded(-5, 2), rounded(4, 3), rounded(-4, 3)), (3, -3, 1, -1));
        assert_eq!(
            (money_text(-5), money_text(1_500_000), money_text(0)),
            ("-0.000005".into(), "1.50".into(), "0.00".into())
        );
    }
}
