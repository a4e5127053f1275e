//! All metrics of reports, and the presets of them.

use crate::reports::formula::{Base, Term, of};
use crate::reports::metric::{Metric, Unit};

/// The metrics of a word in `preset`.
#[derive(Debug, Clone, Copy)]
pub struct Preset {
    pub name: &'static str,
    pub label: &'static str,
    pub metrics: &'static [&'static str],
}

const PROFIT: Term = &[(true, Base::Revenue), (false, Base::Cost)];
const REVENUE_WITH_HOLD: Term = &[(true, Base::Revenue), (true, Base::RevenueHold)];
const REVENUE_EXPECTED: Term = &[(true, Base::Revenue), (true, Base::HoldExpected)];
const REVENUE_EXPECTED_LOW: Term = &[(true, Base::Revenue), (true, Base::HoldLow)];
const REVENUE_EXPECTED_HIGH: Term = &[(true, Base::Revenue), (true, Base::HoldHigh)];
const PROFIT_WITH_HOLD: Term = &[(true, Base::Revenue), (true, Base::RevenueHold), (false, Base::Cost)];
const DECIDABLE: Term =
    &[(true, Base::Sales), (true, Base::Hold), (true, Base::Rejected), (true, Base::Trash)];
const WITHOUT_TRASH: Term = &[(true, Base::Sales), (true, Base::Hold), (true, Base::Rejected)];

const fn count(name: &'static str, label: &'static str, base: Base, meaning: &'static str) -> Metric {
    Metric {
        name,
        label,
        unit: Unit::Count,
        places: 0,
        formula: name,
        meaning,
        less_is_good: matches!(base, Base::Bots | Base::Rejected | Base::Trash | Base::Chargebacks),
        over: of(base),
        under: &[],
    }
}

const fn money(
    name: &'static str,
    label: &'static str,
    over: Term,
    formula: &'static str,
    meaning: &'static str,
) -> Metric {
    let unit = Unit::Money;
    Metric { name, label, unit, places: 2, formula, meaning, less_is_good: false, over, under: &[] }
}

const fn ratio(
    name: &'static str,
    label: &'static str,
    over: Term,
    under: Term,
    formula: &'static str,
    meaning: &'static str,
) -> Metric {
    let unit = Unit::Ratio;
    Metric { name, label, unit, places: 2, formula, meaning, less_is_good: false, over, under }
}

/// Money for one of something.
const fn unit(
    name: &'static str,
    label: &'static str,
    over: Term,
    under: Term,
    formula: &'static str,
    meaning: &'static str,
) -> Metric {
    let places = 4;
    Metric { unit: Unit::Money, places, ..ratio(name, label, over, under, formula, meaning) }
}

const fn less_is_good(metric: Metric) -> Metric {
    Metric { less_is_good: true, ..metric }
}

/// All metrics.
pub static METRICS: [Metric; 35] = [
    count("prospects", "Prospects", Base::Prospects, "Visits to landing pages, bots included."),
    count(
        "unique",
        "Unique",
        Base::Unique,
        "Visitors, by address and browser, each counted once in the window that \"uniq\" sets.",
    ),
    ratio(
        "unique_rate",
        "Unique rate",
        of(Base::Unique),
        of(Base::Prospects),
        "unique / prospects",
        "The share of visits that are the first one of their visitor.",
    ),
    count("bots", "Bots", Base::Bots, "Visits that were classified as those of a bot."),
    less_is_good(ratio(
        "bot_rate",
        "Bot rate",
        of(Base::Bots),
        of(Base::Prospects),
        "bots / prospects",
        "The share of visits by bots.",
    )),
    count(
        "orders",
        "Orders",
        Base::Orders,
        "Submitted order forms whose visit is known, whatever their status, by the time of the order.",
    ),
    ratio(
        "cr",
        "CR",
        of(Base::Orders),
        of(Base::Prospects),
        "orders / prospects",
        "Conversion rate: orders by the number of visits.",
    ),
    count("hold", "On hold", Base::Hold, "Orders that wait for the advertiser."),
    count("sales", "Sales", Base::Sales, "Orders with the status sale."),
    count("rejected", "Rejected", Base::Rejected, "Orders with the status rejected."),
    count("trash", "Trash", Base::Trash, "Orders with the status trash."),
    count("chargebacks", "Chargebacks", Base::Chargebacks, "Orders with the status chargeback."),
    count("rebills", "Rebills", Base::Rebills, "Orders with the status rebill."),
    ratio(
        "cr_sale",
        "CR (sale)",
        of(Base::Sales),
        of(Base::Prospects),
        "sales / prospects",
        "Sales by the number of visits.",
    ),
    ratio(
        "approve_rate",
        "Approve rate",
        of(Base::Sales),
        DECIDABLE,
        "sales / (sales + hold + rejected + trash)",
        "The share of orders that are sales, by the status that they have now.",
    ),
    ratio(
        "approve_rate_clean",
        "Approve rate without trash",
        of(Base::Sales),
        WITHOUT_TRASH,
        "sales / (sales + hold + rejected)",
        "The approve rate without orders that are trash.",
    ),
    money(
        "revenue",
        "Revenue",
        of(Base::Revenue),
        "payout of sales and rebills",
        "Confirmed revenue: payouts of orders with the status sale or rebill.",
    ),
    money(
        "revenue_hold",
        "Revenue on hold",
        of(Base::RevenueHold),
        "payout of orders on hold",
        "Payouts of orders that wait for the advertiser.",
    ),
    money(
        "revenue_with_hold",
        "Revenue with hold",
        REVENUE_WITH_HOLD,
        "revenue + revenue_hold",
        "Confirmed revenue, and the revenue if all orders on hold are accepted.",
    ),
    money(
        "revenue_expected",
        "Expected revenue",
        REVENUE_EXPECTED,
        "revenue + revenue_hold * approve rate of the campaign",
        "Confirmed revenue, and that of the orders on hold by the approve rate that their campaign had in \
         the last 90 days.",
    ),
    money(
        "revenue_expected_low",
        "Expected revenue, low",
        REVENUE_EXPECTED_LOW,
        "revenue + revenue_hold * low end of the approve rate",
        "Expected revenue with the low end of the 95 % interval of each campaign's approve rate.",
    ),
    money(
        "revenue_expected_high",
        "Expected revenue, high",
        REVENUE_EXPECTED_HIGH,
        "revenue + revenue_hold * high end of the approve rate",
        "Expected revenue with the high end of the 95 % interval of each campaign's approve rate.",
    ),
    less_is_good(money(
        "cost",
        "Cost",
        of(Base::Cost),
        "cost of the visits",
        "The cost that the pixel's macro named for each visit. Spend that was recorded in funds is not in it.",
    )),
    money("profit", "Profit", PROFIT, "revenue - cost", "Confirmed revenue less cost."),
    money(
        "profit_with_hold",
        "Profit with hold",
        PROFIT_WITH_HOLD,
        "revenue + revenue_hold - cost",
        "The profit if all orders on hold are accepted.",
    ),
    Metric {
        places: 1,
        ..ratio("roi", "ROI", PROFIT, of(Base::Cost), "(revenue - cost) / cost", "Profit by what was spent.")
    },
    ratio("roas", "ROAS", of(Base::Revenue), of(Base::Cost), "revenue / cost", "Revenue by what was spent."),
    unit("epc", "EPC", of(Base::Revenue), of(Base::Prospects), "revenue / prospects", "Revenue of a visit."),
    unit(
        "uepc",
        "Unique EPC",
        of(Base::Revenue),
        of(Base::Unique),
        "revenue / unique",
        "Revenue of a visitor.",
    ),
    less_is_good(unit(
        "cpc",
        "CPC",
        of(Base::Cost),
        of(Base::Prospects),
        "cost / prospects",
        "Cost of a visit.",
    )),
    less_is_good(unit("cpa", "CPA", of(Base::Cost), of(Base::Orders), "cost / orders", "Cost of an order.")),
    less_is_good(unit(
        "cps",
        "CPA (sale)",
        of(Base::Cost),
        of(Base::Sales),
        "cost / sales",
        "Cost of a sale.",
    )),
    Metric {
        places: 2,
        ..unit("aov", "AOV", of(Base::Revenue), of(Base::Orders), "revenue / orders", "Revenue of an order.")
    },
    less_is_good(ratio(
        "chargeback_rate",
        "Chargeback rate",
        of(Base::Chargebacks),
        &[(true, Base::Sales), (true, Base::Rebills), (true, Base::Chargebacks)],
        "chargebacks / (sales + rebills + chargebacks)",
        "The share of accepted orders that were taken back.",
    )),
    less_is_good(ratio(
        "trash_rate",
        "Trash rate",
        of(Base::Trash),
        of(Base::Orders),
        "trash / orders",
        "The share of orders that are trash.",
    )),
];

/// All presets; the first is the default.
pub static PRESETS: [Preset; 4] = [
    Preset {
        name: "money",
        label: "Money",
        metrics: &["prospects", "orders", "cr", "sales", "approve_rate", "revenue", "cost", "profit", "roi"],
    },
    Preset {
        name: "traffic",
        label: "Traffic",
        metrics: &["prospects", "unique", "unique_rate", "bots", "bot_rate", "orders", "cr"],
    },
    Preset {
        name: "orders",
        label: "Orders",
        metrics: &[
            "orders",
            "hold",
            "sales",
            "rejected",
            "trash",
            "chargebacks",
            "rebills",
            "approve_rate",
            "aov",
        ],
    },
    Preset {
        name: "unit",
        label: "Unit",
        metrics: &["epc", "uepc", "cpc", "cpa", "roas", "revenue_expected"],
    },
];

/// Returns the metric of a name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reports::sums::SumsRow;

    fn value(name: &str, sums: &SumsRow) -> String {
        find(name).unwrap().value(sums).to_string()
    }

    /// 200 visits, 20 of them by bots, of 160 visitors, for 50.00; 12 orders.
    fn sums() -> SumsRow {
        SumsRow {
            n_prospects: 200,
            n_bots: 20,
            n_unique: 160,
            cost: 50_000_000,
            n_orders: 12,
            n_hold: 2,
            n_sale: 5,
            n_rejected: 1,
            n_trash: 2,
            n_chargeback: 1,
            n_rebill: 1,
            revenue: 72_000_000,
            revenue_hold: 24_000_000,
            hold_expected: 18_000_000,
            hold_low: 14_000_000,
            hold_high: 20_000_000,
            ..SumsRow::default()
        }
    }

    #[test]
    fn formulas_by_hand() {
        for (name, expected) in [
            ("prospects", "200"),
            ("unique", "160"),
            ("unique_rate", "0.8"),
            ("bot_rate", "0.1"),
            ("cr", "0.06"),
            ("cr_sale", "0.025"),
            ("approve_rate", "0.5"),
            ("approve_rate_clean", "0.625"),
            ("revenue", "\"72.00\""),
            ("revenue_hold", "\"24.00\""),
            ("revenue_with_hold", "\"96.00\""),
            ("revenue_expected", "\"90.00\""),
            ("revenue_expected_low", "\"86.00\""),
            ("revenue_expected_high", "\"92.00\""),
            ("cost", "\"50.00\""),
            ("profit", "\"22.00\""),
            ("profit_with_hold", "\"46.00\""),
            ("roi", "0.44"),
            ("roas", "1.44"),
            ("epc", "\"0.36\""),
            ("uepc", "\"0.45\""),
            ("cpc", "\"0.25\""),
            ("cpa", "\"4.166667\""),
            ("cps", "\"10.00\""),
            ("aov", "\"6.00\""),
            ("chargeback_rate", "0.14285714"),
            ("trash_rate", "0.16666667"),
        ] {
            assert_eq!(value(name, &sums()), expected, "{name}");
        }
        let loss = SumsRow { revenue: 0, ..sums() };
        assert_eq!((value("profit", &loss), value("roi", &loss)), ("\"-50.00\"".into(), "-1.0".into()));
    }

    #[test]
    fn nothing_is_never_a_rate() {
        for metric in &METRICS {
            let expected = match (metric.under.is_empty(), metric.unit) {
                (false, _) => "null",
                (true, Unit::Count) => "0",
                (true, _) => "\"0.00\"",
            };
            assert_eq!(value(metric.name, &SumsRow::default()), expected, "{}", metric.name);
        }
    }

    #[test]
    fn a_missing_rate_is_null_and_so_is_what_it_is_a_part_of() {
        let missing = SumsRow { n_cost_missing: 1, ..sums() };
        for name in ["cost", "profit", "roi", "roas", "cpc", "profit_with_hold"] {
            assert_eq!(value(name, &missing), "null", "{name}");
        }
        assert_eq!(value("revenue", &missing), "\"72.00\"");
        let missing = SumsRow { n_hold_missing: 1, ..sums() };
        assert_eq!(
            (value("revenue_hold", &missing), value("profit", &missing)),
            ("null".into(), "\"22.00\"".into())
        );
        let missing = SumsRow { n_expected_missing: 1, ..sums() };
        assert_eq!(
            (value("revenue_expected", &missing), value("revenue_hold", &missing)),
            ("null".into(), "\"24.00\"".into())
        );
    }

    #[test]
    fn a_rate_of_few_is_uncertain() {
        assert_eq!(find("aov").unwrap().uncertain(&sums()), Some(12));
        assert_eq!(find("cr").unwrap().uncertain(&sums()), None);
        assert_eq!(find("roi").unwrap().uncertain(&sums()), None);
        assert_eq!(find("approve_rate").unwrap().divisor(), Some("(sales + hold + rejected + trash)"));
    }

    #[test]
    fn presets_name_metrics_and_names_are_unique() {
        for preset in &PRESETS {
            assert!(preset.metrics.iter().all(|name| find(name).is_some()), "{}", preset.name);
        }
        for (index, metric) in METRICS.iter().enumerate() {
            assert!(METRICS[index + 1..].iter().all(|other| other.name != metric.name), "{}", metric.name);
        }
    }
}
