//! Today's unique visitors, cost, profit and ROI against yesterday at this time. Roll-ups do not
//! have them, so they are the totals of a report of two days, in the viewer's currency.

use crate::http::error::ApiError;
use crate::pages::home::request::Request;
use crate::pages::home::today::Figure;
use crate::pages::reports::answer;
use crate::pages::reports::numbers::{compare, label};
use crate::reports::get::{Totals, totals};
use crate::reports::metric::{Metric, Unit};
use crate::reports::metrics;

const QUERY: &str = "range=today&compare=prev&group_by=day&per_page=10&metrics=unique,cost,profit,roi";

/// Loads the figures: unique visitors first, then the money.
pub(super) async fn load(request: &Request<'_>) -> Result<Vec<Figure>, ApiError> {
    let totals = totals(request.app, request.allowed, QUERY).await?;
    let shown = |name: &str| metrics::find(name).map(|metric| figure(metric, &totals));
    Ok(["unique", "cost", "profit", "roi"].into_iter().filter_map(shown).collect())
}

fn figure(metric: &'static Metric, totals: &Totals) -> Figure {
    let (now, before) = (metric.value(&totals.now), metric.value(&totals.then));
    let described = answer::Metric::from(metric);
    let shown = compare(&described, Some(&now), Some(&before), totals.currency);
    let lacks_rate = metric.unit == Unit::Money && now.is_null();
    Figure {
        label: label(&described, totals.currency),
        meaning: metric.meaning,
        value: shown.text,
        note: String::new(),
        before: shown.before,
        difference: shown.difference,
        tone: shown.tone,
        doubt: if lacks_rate { "An exchange rate is missing".to_owned() } else { String::new() },
        points: String::new(),
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
