//! Today's unique visitors, cost, profit and ROI against yesterday at this time. Roll-ups do not
//! have them, so they are the totals of a report of two days, in the viewer's currency.

use crate::http::error::ApiError;
use crate::pages::format::{NONE, number};
use crate::pages::home::amounts::micros;
use crate::pages::home::request::Request;
use crate::pages::home::today::{Figure, change, signed, tone};
use crate::reports::get::{Totals, totals};
use crate::reports::metric::Metric;
use crate::reports::metrics;

const QUERY: &str = "range=today&compare=prev&group_by=day&per_page=10&metrics=unique,cost,profit,roi";

/// Loads the figures: unique visitors first, then the money.
pub(super) async fn load(request: &Request<'_>) -> Result<Vec<Figure>, ApiError> {
    let totals = totals(request.app, request.allowed, QUERY).await?;
    let shown = |name: &str| metrics::find(name).map(|metric| figure(metric, &totals));
    Ok(["unique", "cost", "profit", "roi"].into_iter().filter_map(shown).collect())
}

fn figure(metric: &Metric, totals: &Totals) -> Figure {
    let (now, before) = (&totals.now, &totals.then);
    let currency = totals.currency;
    if metric.name == "roi" {
        let percent = |sums| metric.value(sums).as_f64().map(|share| share * 100.0);
        let (now, before) = (percent(now), percent(before));
        let shown = |value: Option<f64>| {
            value.map_or(NONE.to_owned(), |value| {
                signed(value, 1, "\u{202f}%").trim_start_matches('+').to_owned()
            })
        };
        let difference = now.zip(before).map(|(now, before)| now - before);
        return Figure {
            difference: difference.map_or_else(String::new, |pp| signed(pp, 1, "\u{202f}pp")),
            tone: difference.and_then(|pp| pp.partial_cmp(&0.0)).map_or("", |order| tone(order, true)),
            ..Figure::of(metric.label.to_owned(), metric.meaning, shown(now), shown(before))
        };
    }
    let (now, before) = (metric.amount(now), metric.amount(before));
    let is_count = metric.name == "unique";
    let label = if is_count { metric.label.to_owned() } else { format!("{}, {currency}", metric.label) };
    let shown = |amount: Option<i128>| match amount {
        None => NONE.to_owned(),
        Some(count) if is_count => number(i64::try_from(count).unwrap_or(i64::MAX)),
        Some(amount) => micros(amount, currency),
    };
    let doubt = if now.is_none() { "An exchange rate is missing" } else { "" };
    let both = now.zip(before);
    Figure {
        // A percentage of a loss says nothing.
        difference: both
            .filter(|(_, before)| *before >= 0)
            .map_or_else(String::new, |(now, before)| change(now, before)),
        tone: both.map_or("", |(now, before)| tone(now.cmp(&before), !metric.less_is_good)),
        doubt: doubt.to_owned(),
        ..Figure::of(label, metric.meaning, shown(now), shown(before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reports::sums::SumsRow;

    fn shown(name: &str, now: &SumsRow, then: &SumsRow) -> [String; 4] {
        let totals = Totals { currency: "USD", now: now.clone(), then: then.clone() };
        let figure = figure(metrics::find(name).unwrap(), &totals);
        [figure.label, figure.value, figure.before, figure.difference]
            .map(|text| text.replace('\u{202f}', " "))
    }

    #[test]
    fn figures_have_their_units_and_differences() {
        let now = SumsRow { n_unique: 1200, cost: 40_000_000, revenue: 30_000_000, ..SumsRow::default() };
        let then = SumsRow { n_unique: 1000, cost: 20_000_000, revenue: 30_000_000, ..SumsRow::default() };
        assert_eq!(shown("unique", &now, &then), ["Unique", "1 200", "1 000", "+20.0 %"]);
        assert_eq!(shown("cost", &now, &then), ["Cost, USD", "40.00", "20.00", "+100.0 %"]);
        assert_eq!(shown("profit", &now, &then), ["Profit, USD", "−10.00", "10.00", "−200.0 %"]);
        assert_eq!(shown("roi", &now, &then), ["ROI", "−25.0 %", "50.0 %", "−75.0 pp"]);
        let missing = SumsRow { n_cost_missing: 1, ..now };
        assert_eq!(shown("profit", &missing, &then), ["Profit, USD", "–", "10.00", ""]);
        let nothing = SumsRow::default();
        assert_eq!(shown("roi", &nothing, &nothing), ["ROI", "–", "–", ""]);
    }
}
