//! A metric: a sum, or one sum divided by another. Both its SQL (to sort by) and its value are made
//! of the same terms.

use serde_json::Value;

use crate::reports::formula::{Base, Term, money_text, quotient, rounded, sum, term_sql};
use crate::reports::sums::SumsRow;

/// The unit of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Count,
    /// An amount in the currency of the report.
    Money,
    /// 0.05 is 5 %.
    Ratio,
}

impl Unit {
    /// Returns the word of the answer.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Money => "money",
            Self::Ratio => "ratio",
        }
    }
}

/// A column of a report.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    pub name: &'static str,
    pub label: &'static str,
    pub unit: Unit,
    /// Decimal places on pages.
    pub places: u32,
    pub formula: &'static str,
    pub meaning: &'static str,
    pub less_is_good: bool,
    pub(super) over: Term,
    /// Empty: not a quotient.
    pub(super) under: Term,
}

/// A quotient by fewer than these is uncertain.
pub const MIN_DIVISOR: i128 = 30;

impl Metric {
    /// Returns whether rows and Others add up to the total.
    #[must_use]
    pub fn is_additive(&self) -> bool {
        self.under.is_empty() && !self.uses(Base::Unique)
    }

    /// Returns the name of a count that the metric is divided by.
    #[must_use]
    pub fn divisor(&self) -> Option<&'static str> {
        let counted = self.under.iter().all(|(_, base)| !base.is_money());
        (!self.under.is_empty() && counted)
            .then(|| self.formula.rsplit_once(" / ").map_or(self.formula, |(_, divisor)| divisor))
    }

    /// Returns whether the metric needs a base.
    #[must_use]
    pub fn uses(&self, base: Base) -> bool {
        self.uses_any(|used| used == base)
    }

    /// Returns whether the metric needs a base of a kind.
    #[must_use]
    pub fn uses_any(&self, is: impl Fn(Base) -> bool) -> bool {
        self.over.iter().chain(self.under).any(|(_, used)| is(*used))
    }

    /// Returns the expression to sort groups by; null where the metric is.
    #[must_use]
    pub fn sql(&self) -> String {
        if self.under.is_empty() {
            return term_sql(self.over);
        }
        format!("toFloat64({}) / nullIf(toFloat64({}), 0)", term_sql(self.over), term_sql(self.under))
    }

    /// Returns the value for these sums: null where a rate is missing or the divisor is 0.
    #[must_use]
    pub fn value(&self, sums: &SumsRow) -> Value {
        let Some(over) = sum(self.over, sums) else { return Value::Null };
        if self.under.is_empty() {
            return match self.unit {
                Unit::Count => i64::try_from(over).map_or(Value::Null, Value::from),
                Unit::Money | Unit::Ratio => Value::String(money_text(over)),
            };
        }
        match sum(self.under, sums) {
            None | Some(0) => Value::Null,
            Some(under) if self.unit == Unit::Money => Value::String(money_text(rounded(over, under))),
            Some(under) => quotient(over, under),
        }
    }

    /// Returns the divisor if it is a count of too few.
    #[must_use]
    pub fn uncertain(&self, sums: &SumsRow) -> Option<i128> {
        self.divisor()?;
        sum(self.under, sums).filter(|divisor| (1..MIN_DIVISOR).contains(divisor))
    }
}
