//! Writes the values of metrics, and how they differ from the compared dates.

use serde_json::Value;
use sluice_schemas::currency::exponent;

use crate::pages::format::{NONE, grouped};
use crate::pages::reports::answer::Metric;

/// Differences are written below this.
const MAX_DIFFERENCE: f64 = 999.95;

/// A value in a cell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::pages) struct Shown {
    pub(in crate::pages) text: String,
    /// The difference from the compared dates, as "+4.1 %", "new" or empty.
    pub(in crate::pages) difference: String,
    /// `good`, `bad` or empty.
    pub(in crate::pages) tone: &'static str,
    /// The value of the compared dates.
    pub(in crate::pages) before: String,
    /// The reason why the value means little, as "Only 18 prospects"; empty otherwise.
    pub(in crate::pages) doubt: String,
    /// Whether the value is a loss.
    pub(in crate::pages) is_loss: bool,
}

/// Returns a value as a number. Money is a decimal text.
pub(super) fn as_number(value: Option<&Value>) -> Option<f64> {
    match value? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// Writes a value with the places of its metric and currency, without the code of the currency.
pub(super) fn write(metric: &Metric, value: Option<&Value>, currency: &str) -> String {
    let Some(number) = as_number(value) else { return NONE.to_owned() };
    match metric.unit.as_str() {
        "count" => decimal(number, 0),
        // The places of the schema are those of a currency with cents: EPC and CPC have two more.
        "money" => {
            let of_currency = usize::try_from(exponent(currency)).unwrap_or(2);
            decimal(number, (metric.places + of_currency).saturating_sub(2))
        }
        _ if metric.name == "roas" => decimal(number, metric.places),
        _ => format!("{}\u{202f}%", decimal(number * 100.0, metric.places)),
    }
}

/// Writes the value alone.
pub(super) fn show(metric: &Metric, value: Option<&Value>, currency: &str) -> Shown {
    let text = write(metric, value, currency);
    Shown { is_loss: text.starts_with('−'), text, ..Shown::default() }
}

/// Returns the label of a figure: an amount names its currency.
pub(in crate::pages) fn label(metric: &Metric, currency: &str) -> String {
    match metric.unit.as_str() {
        "money" => format!("{}, {currency}", metric.label),
        _ => metric.label.clone(),
    }
}

/// Writes the value and the difference from `before`.
pub(in crate::pages) fn compare(
    metric: &Metric,
    value: Option<&Value>,
    before: Option<&Value>,
    currency: &str,
) -> Shown {
    let shown = Shown { before: write(metric, before, currency), ..show(metric, value, currency) };
    let (Some(new), Some(old)) = (as_number(value), as_number(before)) else { return shown };
    let is_ratio = metric.unit == "ratio";
    let difference = match () {
        () if is_ratio => signed((new - old) * 100.0, "\u{202f}pp"),
        () if old == 0.0 && new == 0.0 => return shown,
        () if old == 0.0 => "new".to_owned(),
        // A percentage of a loss says nothing. The color says whether it got better.
        () if old < 0.0 => String::new(),
        () => signed((new - old) * 100.0 / old.abs(), "\u{202f}%"),
    };
    let is_more = new > old;
    let is_same = difference.trim_start_matches('−').starts_with("0.0");
    let tone = match () {
        () if is_same => "",
        () if is_more == metric.less_is_good => "bad",
        () => "good",
    };
    Shown { difference, tone, ..shown }
}

/// Writes a difference. Differences of 1,000 and more are capped, because the earlier value was
/// close to zero.
fn signed(value: f64, unit: &str) -> String {
    if value.abs() >= MAX_DIFFERENCE {
        return if value > 0.0 { format!(">\u{202f}+999{unit}") } else { format!("<\u{202f}−999{unit}") };
    }
    let text = decimal(value, 1);
    let sign = if value > 0.0 && text != "0.0" { "+" } else { "" };
    format!("{sign}{text}{unit}")
}

/// Writes a number with its digits in groups. Minus is U+2212.
fn decimal(value: f64, places: usize) -> String {
    // Formatting rounds halves to the even digit; people expect them rounded up.
    let scale = 10_f64.powi(i32::try_from(places).unwrap_or(0));
    let text = format!("{:.places$}", (value.abs() * scale).round() / scale);
    let (whole, rest) =
        text.split_once('.').map_or((text.as_str(), None), |(whole, rest)| (whole, Some(rest)));
    let is_zero = text.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    let sign = if value < 0.0 && !is_zero { "−" } else { "" };
    let rest = rest.map(|rest| format!(".{rest}")).unwrap_or_default();
    format!("{sign}{}{rest}", grouped(whole))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn metric(name: &str, unit: &str, places: usize) -> Metric {
        let value = json!({
            "name": name, "label": name, "unit": unit, "places": places, "formula": "", "meaning": "",
            "additive": true, "less_is_good": name == "cost",
        });
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn values_have_the_places_of_their_unit() {
        let show =
            |name, unit, places, value, currency| write(&metric(name, unit, places), Some(&value), currency);
        assert_eq!(show("prospects", "count", 0, json!(1_234_567), "USD"), "1\u{202f}234\u{202f}567");
        assert_eq!(show("revenue", "money", 2, json!("-1200.5"), "USD"), "−1\u{202f}200.50");
        assert_eq!(show("revenue", "money", 2, json!("1200.5"), "JPY"), "1\u{202f}201");
        assert_eq!(show("epc", "money", 4, json!("0.1234567"), "KWD"), "0.12346");
        assert_eq!(show("cr", "ratio", 2, json!(0.0347), "USD"), "3.47\u{202f}%");
        assert_eq!(show("roi", "ratio", 1, json!(null), "USD"), NONE);
        assert_eq!(show("revenue", "money", 2, json!("-0.001"), "USD"), "0.00");
    }

    #[test]
    fn differences_say_whether_they_are_good() {
        let shown = |name, unit, new, old| {
            let shown = compare(&metric(name, unit, 2), Some(&new), Some(&old), "USD");
            (shown.difference, shown.tone)
        };
        assert_eq!(shown("orders", "count", json!(11), json!(10)), ("+10.0\u{202f}%".into(), "good"));
        assert_eq!(shown("cost", "money", json!("11"), json!("10")), ("+10.0\u{202f}%".into(), "bad"));
        assert_eq!(shown("orders", "count", json!(3), json!(0)), ("new".into(), "good"));
        assert_eq!(shown("orders", "count", json!(0), json!(0)), (String::new(), ""));
        assert_eq!(shown("cr", "ratio", json!(0.02), json!(0.03)), ("−1.0\u{202f}pp".into(), "bad"));
        assert_eq!(shown("profit", "money", json!("5"), json!("-5")), (String::new(), "good"));
        assert_eq!(shown("cr", "ratio", json!(0.03004), json!(0.03)), ("0.0\u{202f}pp".into(), ""));
        assert_eq!(shown("orders", "count", json!(7), json!(null)), (String::new(), ""));
        assert_eq!(shown("orders", "count", json!(500), json!(1)), (">\u{202f}+999\u{202f}%".into(), "good"));
        let lost = show(&metric("profit", "money", 2), Some(&json!("-5")), "USD");
        assert!(lost.is_loss && !show(&metric("profit", "money", 2), Some(&json!("0")), "USD").is_loss);
    }
}
