//! Today's figures against yesterday at this time, each with a line of the last seven days.

use std::collections::BTreeMap;

use futures::TryFutureExt as _;
use sluice_schemas::status::Status;

use crate::dates::range::{Present, days_before};
use crate::db::figures::hours::Hours;
use crate::db::figures::orders::{self, OrderSumRow};
use crate::db::figures::prospects::{self, SlotRow};
use crate::http::error::ApiError;
use crate::http::query::start_of_day;
use crate::pages::format::{NONE, number};
use crate::pages::home::amounts::micros;
use crate::pages::home::request::Request;

/// Days of the lines, including today.
const N_DAYS: usize = 7;
const TODAY: usize = N_DAYS - 1;
/// A rate of fewer items is shown as uncertain.
const MIN_BASE: i64 = 30;
/// The most currencies that are shown.
const MAX_CURRENCIES: usize = 3;
const SPARK_WIDTH: f64 = 96.0;
const SPARK_HEIGHT: f64 = 24.0;

/// Sums of some time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) n_prospects: i64,
    n_bots: i64,
    n_orders: i64,
    /// Orders by status, in the order of [`Status::ALL`].
    by_status: [i64; Status::ALL.len()],
    /// Payouts of sales and rebills, and of orders on hold, in millionths by currency.
    payouts: BTreeMap<String, (i128, i128)>,
}

/// The sums of the last seven days, and of yesterday until this time.
#[derive(Debug, Clone, Default)]
pub(super) struct Today {
    days: [Sums; N_DAYS],
    yesterday: Sums,
}

/// A key figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Figure {
    pub(super) label: String,
    /// The definition, shown on hover.
    pub(super) meaning: &'static str,
    pub(super) value: String,
    /// An addition, for example "+ 120.00 on hold".
    pub(super) note: String,
    /// The value of yesterday at this time.
    pub(super) before: String,
    pub(super) difference: String,
    /// `good`, `bad` or empty.
    pub(super) tone: &'static str,
    /// The reason why the value is uncertain; empty if it is not.
    pub(super) doubt: String,
    /// The points of the line, for an SVG polyline; empty without two values.
    pub(super) points: String,
}

/// The moments that divide the sums.
#[derive(Debug, Clone, Copy)]
struct Cuts {
    starts_ms: [i64; N_DAYS],
    /// Yesterday at this time.
    same_ms: i64,
    now_ms: i64,
}

impl Cuts {
    fn of(present: Present) -> Self {
        let zone = present.zone;
        let today = zone.day_of(present.now_ms);
        let mut days = [today; N_DAYS];
        for (index, day) in days.iter_mut().rev().enumerate() {
            *day = days_before(today, index as u64);
        }
        let starts_ms = days.map(|day| start_of_day(day, zone));
        let same_ms = zone.moment(days[TODAY - 1], zone.clock_ms(present.now_ms));
        let same_ms = same_ms.unwrap_or(starts_ms[TODAY - 1]).min(starts_ms[TODAY] - 1);
        Self { starts_ms, same_ms, now_ms: present.now_ms }
    }

    /// Returns the number of the day of a moment.
    fn day(&self, at_ms: i64) -> usize {
        self.starts_ms.iter().rposition(|start_ms| *start_ms <= at_ms).unwrap_or(0)
    }

    fn is_before_same(&self, at_ms: i64) -> bool {
        (self.starts_ms[TODAY - 1]..=self.same_ms).contains(&at_ms)
    }
}

/// Loads the sums with two statements.
pub(super) async fn load(request: &Request<'_>, present: Present) -> Result<Today, ApiError> {
    let cuts = Cuts::of(present);
    let clickhouse = &request.app.clickhouse;
    let mut edges = cuts.starts_ms.to_vec();
    edges.push(cuts.same_ms + 1);
    edges.sort_unstable();
    let hours = Hours::new(cuts.starts_ms[0], cuts.now_ms, &edges, request.scope);
    let slots = prospects::by_time(clickhouse, request.scope, &hours, cuts.same_ms).map_err(ApiError::from);
    let orders = orders::by_time(clickhouse, request.scope, &edges, cuts.now_ms).map_err(ApiError::from);
    let (slots, orders) = futures::try_join!(slots, orders)?;
    Ok(Today::of(&cuts, &slots, &orders, &edges))
}

impl Today {
    fn of(cuts: &Cuts, slots: &[SlotRow], orders: &[OrderSumRow], edges: &[i64]) -> Self {
        let mut sums = Self::default();
        for slot in slots {
            sums.each(cuts, slot.at_ms, |sum| {
                sum.n_prospects += slot.n_prospects;
                sum.n_bots += slot.n_bots;
            });
        }
        for row in orders {
            let at_ms = edges.get(row.slot as usize).copied().unwrap_or(0);
            sums.each(cuts, at_ms, |sum| sum.add_orders(row));
        }
        sums
    }

    fn each(&mut self, cuts: &Cuts, at_ms: i64, add: impl Fn(&mut Sums)) {
        add(&mut self.days[cuts.day(at_ms)]);
        if cuts.is_before_same(at_ms) {
            add(&mut self.yesterday);
        }
    }

    /// Returns whether the last days have prospects, and orders.
    pub(super) fn has_events(&self) -> (bool, bool) {
        (self.days.iter().any(|day| day.n_prospects > 0), self.days.iter().any(|day| day.n_orders > 0))
    }

    /// Returns the figures of the page.
    pub(super) fn figures(&self) -> Vec<Figure> {
        let mut figures = vec![
            self.count("Prospects", "Visits to landing pages", |sum| sum.n_prospects),
            self.count("Orders", "Submitted order forms whose visit is known", |sum| sum.n_orders),
            self.rate("CR", "Conversion rate: orders / prospects", "prospects", true, |sum| {
                (sum.n_orders, sum.n_prospects)
            }),
            self.rate("Bot rate", "Bots / prospects", "prospects", false, |sum| {
                (sum.n_bots, sum.n_prospects)
            }),
            self.rate(
                "Approve rate",
                "Sales / (sales + hold + rejected + trash), by the status that today's orders have now",
                "orders",
                true,
                |sum| (sum.of(Status::Sale), sum.decidable()),
            ),
        ];
        let mut currencies: Vec<&String> = self.days.iter().flat_map(|day| day.payouts.keys()).collect();
        currencies.sort_unstable();
        currencies.dedup();
        figures.extend(currencies.into_iter().take(MAX_CURRENCIES).map(|code| self.revenue(code)));
        figures
    }

    fn count(&self, label: &str, meaning: &'static str, of: fn(&Sums) -> i64) -> Figure {
        let (now, before) = (of(&self.days[TODAY]), of(&self.yesterday));
        Figure {
            label: label.to_owned(),
            meaning,
            value: number(now),
            note: String::new(),
            before: number(before),
            difference: change(now.into(), before.into()),
            tone: tone(now.cmp(&before), true),
            doubt: String::new(),
            points: self.points(|sum| Some(approximate(of(sum).into()))),
        }
    }

    fn rate(
        &self,
        label: &str,
        meaning: &'static str,
        base: &str,
        more_is_good: bool,
        of: fn(&Sums) -> (i64, i64),
    ) -> Figure {
        let (now, before) = (of(&self.days[TODAY]), of(&self.yesterday));
        let shown = |(part, whole): (i64, i64)| {
            percent(part, whole).map_or(NONE.to_owned(), |value| format!("{value:.2}\u{202f}%"))
        };
        let points_of_percent = percent(now.0, now.1).zip(percent(before.0, before.1));
        let difference = points_of_percent.map(|(now, before)| now - before);
        let order = difference.and_then(|difference| difference.partial_cmp(&0.0));
        let doubt =
            if (1..MIN_BASE).contains(&now.1) { format!("Only {} {base}", now.1) } else { String::new() };
        Figure {
            label: label.to_owned(),
            meaning,
            value: if doubt.is_empty() { shown(now) } else { format!("({})", shown(now)) },
            note: String::new(),
            before: shown(before),
            difference: difference.map_or_else(String::new, |pp| signed(pp, 2, "\u{202f}pp")),
            tone: order.map_or("", |order| tone(order, more_is_good)),
            doubt,
            points: self.points(|sum| {
                let (part, whole) = of(sum);
                percent(part, whole)
            }),
        }
    }

    fn revenue(&self, code: &str) -> Figure {
        let of = |sum: &Sums| sum.payouts.get(code).copied().unwrap_or_default();
        let ((now, hold), (before, _)) = (of(&self.days[TODAY]), of(&self.yesterday));
        Figure {
            label: if code.is_empty() { "Revenue".to_owned() } else { format!("Revenue, {code}") },
            meaning: "Payouts of sales and rebills, by the status that today's orders have now",
            value: micros(now, code),
            note: if hold == 0 { String::new() } else { format!("+ {} on hold", micros(hold, code)) },
            before: micros(before, code),
            difference: change(now, before),
            tone: tone(now.cmp(&before), true),
            doubt: String::new(),
            points: self.points(|sum| Some(approximate(of(sum).0))),
        }
    }

    fn points(&self, of: impl Fn(&Sums) -> Option<f64>) -> String {
        spark(&self.days.iter().map(of).collect::<Vec<_>>())
    }
}

impl Sums {
    fn add_orders(&mut self, row: &OrderSumRow) {
        self.n_orders += row.n_orders;
        let Some(index) = Status::ALL.iter().position(|status| status.as_str() == row.status) else { return };
        self.by_status[index] += row.n_orders;
        let is_hold = matches!(Status::ALL[index], Status::Hold);
        let is_revenue = matches!(Status::ALL[index], Status::Sale | Status::Rebill);
        if row.payout_micros != 0 && (is_hold || is_revenue) {
            let (revenue, hold) = self.payouts.entry(row.currency.clone()).or_default();
            *(if is_hold { hold } else { revenue }) += row.payout_micros;
        }
    }

    fn of(&self, wanted: Status) -> i64 {
        Status::ALL.iter().zip(self.by_status).filter(|(status, _)| **status == wanted).map(|(_, n)| n).sum()
    }

    /// The orders that are a sale, or may have been one.
    fn decidable(&self) -> i64 {
        [Status::Sale, Status::Hold, Status::Rejected, Status::Trash]
            .map(|status| self.of(status))
            .iter()
            .sum()
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with few digits")]
fn approximate(value: i128) -> f64 {
    value as f64
}

fn percent(part: i64, whole: i64) -> Option<f64> {
    (whole != 0).then(|| approximate(part.into()) * 100.0 / approximate(whole.into()))
}

/// Writes a change in per cent; from nothing it is "new".
fn change(now: i128, before: i128) -> String {
    match (now, before) {
        (0, 0) => String::new(),
        (_, 0) => "new".to_owned(),
        _ => signed(approximate(now - before) * 100.0 / approximate(before.abs()), 1, "\u{202f}%"),
    }
}

fn signed(value: f64, places: usize, unit: &str) -> String {
    let text = format!("{:.places$}", value.abs());
    let sign = if text.chars().all(|digit| matches!(digit, '0' | '.')) {
        "±"
    } else if value < 0.0 {
        "−"
    } else {
        "+"
    };
    format!("{sign}{text}{unit}")
}

fn tone(order: std::cmp::Ordering, more_is_good: bool) -> &'static str {
    match (order, more_is_good) {
        (std::cmp::Ordering::Equal, _) => "",
        (std::cmp::Ordering::Greater, true) | (std::cmp::Ordering::Less, false) => "good",
        _ => "bad",
    }
}

/// Returns the points of a line from the bottom of its picture to the largest value.
fn spark(values: &[Option<f64>]) -> String {
    let top = values.iter().flatten().copied().fold(0.0, f64::max);
    let step = SPARK_WIDTH / approximate(values.len().saturating_sub(1).max(1) as i128);
    let points: Vec<String> = (0_i32..)
        .zip(values)
        .filter_map(|(index, value)| Some((index, (*value)?)))
        .map(|(index, value)| {
            let share = if top > 0.0 { value.max(0.0) / top } else { 0.0 };
            let y = SPARK_HEIGHT - 2.0 - share * (SPARK_HEIGHT - 4.0);
            format!("{:.1},{y:.1}", f64::from(index) * step)
        })
        .collect();
    if points.len() < 2 { String::new() } else { points.join(" ") }
}

#[cfg(test)]
mod tests {
    use chrono::Weekday;

    use super::*;
    use crate::time_zone::TimeZone;

    fn cuts(zone: &str, now_ms: i64) -> Cuts {
        Cuts::of(Present { now_ms, zone: TimeZone::find(zone).unwrap(), week_start: Weekday::Mon })
    }

    fn order(slot: u32, status: &str, n_orders: i64, payout: i128) -> OrderSumRow {
        let (status, currency) = (status.to_owned(), "USD".to_owned());
        OrderSumRow { slot, status, currency, n_orders, payout_micros: payout * 1_000_000 }
    }

    #[test]
    fn yesterday_counts_until_this_time() {
        // Friday, 27 November 2026, 15:42:10 in Kyiv.
        let now_ms = 1_795_786_930_000;
        let cuts = cuts("Europe/Kyiv", now_ms);
        assert_eq!(cuts.same_ms, now_ms - 86_400_000);
        let at = |at_ms, n_prospects| SlotRow { at_ms, n_prospects, n_bots: 0 };
        let slots = [
            at(cuts.same_ms - 130_000, 10),
            at(cuts.same_ms + 1, 5),
            at(now_ms - 100, 4),
            at(cuts.starts_ms[0], 7),
        ];
        let edges: Vec<i64> = {
            let mut edges = cuts.starts_ms.to_vec();
            edges.push(cuts.same_ms + 1);
            edges.sort_unstable();
            edges
        };
        // Slot 5 is yesterday until this time, slot 6 the rest of yesterday, slot 7 today.
        let orders = [
            order(5, "sale", 2, 16),
            order(6, "sale", 1, 8),
            order(7, "sale", 3, 24),
            order(7, "hold", 1, 8),
            order(7, "chargeback", 1, 8),
        ];
        let today = Today::of(&cuts, &slots, &orders, &edges);
        assert_eq!((today.yesterday.n_prospects, today.days[5].n_prospects), (10, 15));
        assert_eq!((today.days[6].n_prospects, today.days[0].n_prospects), (4, 7));
        assert_eq!((today.yesterday.n_orders, today.days[5].n_orders, today.days[6].n_orders), (2, 3, 5));
        let figures = today.figures();
        let text = |label: &str| {
            let figure = figures.iter().find(|figure| figure.label == label).unwrap();
            format!("{} {} {} {}{}", figure.value, figure.before, figure.difference, figure.tone, figure.note)
        };
        assert_eq!(text("Prospects"), "4 10 −60.0\u{202f}% bad");
        assert_eq!(text("Approve rate"), "(75.00\u{202f}%) 100.00\u{202f}% −25.00\u{202f}pp bad");
        assert_eq!(text("Revenue, USD"), "24.00 16.00 +50.0\u{202f}% good+ 8.00 on hold");
        assert_eq!(figures.len(), 6);
    }

    #[test]
    fn a_doubled_and_a_skipped_clock_time() {
        let kyiv = TimeZone::find("Europe/Kyiv").unwrap();
        let at = |day: &str, minutes: i64| kyiv.moment(day.parse().unwrap(), minutes * 60_000).unwrap();
        // On the day after a change, at 03:30.
        let spring = cuts("Europe/Kyiv", at("2026-03-30", 210));
        assert_eq!(spring.same_ms, at("2026-03-29", 240));
        let autumn = cuts("Europe/Kyiv", at("2026-10-26", 210));
        assert_eq!(autumn.same_ms, at("2026-10-25", 210));
        assert_eq!(autumn.starts_ms[6] - autumn.starts_ms[5], 25 * 3_600_000);
    }

    #[test]
    fn nothing_is_never_a_rate() {
        let figures = Today::default().figures();
        assert_eq!(figures.len(), 5);
        assert_eq!((&*figures[2].value, &*figures[2].difference, &*figures[0].value), (NONE, "", "0"));
        assert_eq!(change(5, 0), "new");
        assert_eq!(signed(0.001, 1, ""), "±0.0");
        assert_eq!(spark(&[Some(0.0), None, Some(4.0)]), "0.0,22.0 96.0,2.0");
        assert_eq!(spark(&[None, Some(1.0)]), "");
    }
}
