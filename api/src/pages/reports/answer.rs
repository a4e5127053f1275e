//! The answer of `GET /api/reports/` and its catalogue, as the page reads them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::reports::metric;

/// Values by the name of the metric. A ratio may be null.
pub(super) type Values = BTreeMap<String, Value>;

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Answer {
    pub(super) as_of: String,
    pub(super) currency: String,
    pub(super) group_by: Vec<String>,
    pub(super) metrics: Vec<String>,
    pub(super) sort: String,
    pub(super) compare: Option<Value>,
    pub(super) rows: Vec<Row>,
    pub(super) before: Option<Sums>,
    pub(super) others: Option<Sums>,
    pub(super) total: Sums,
    pub(super) next: Option<String>,
    pub(super) missing_rates: Vec<MissingRate>,
}

/// A row, or a level of a tree.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Row {
    pub(super) path: String,
    pub(super) keys: Vec<Key>,
    #[serde(flatten)]
    pub(super) sums: Sums,
    pub(super) children: Option<Children>,
}

/// The rows below a row of a tree.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Children {
    pub(super) rows: Vec<Row>,
    pub(super) others: Option<Sums>,
}

/// Values of a row, of the other rows, or of all.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Sums {
    pub(super) n_rows: u64,
    pub(super) values: Values,
    pub(super) compared: Option<Values>,
    /// The divisor of each ratio that has too small a one.
    pub(super) uncertain: BTreeMap<String, u64>,
    pub(super) events: Events,
}

/// The queries of the lists that hold exactly the counted events.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Events {
    pub(super) prospects: Option<String>,
    pub(super) orders: Option<String>,
}

/// The value of a dimension.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Key {
    pub(super) dimension: String,
    /// Empty for no value.
    pub(super) value: String,
    pub(super) label: String,
    /// The filter that keeps only this value.
    pub(super) filter: Option<String>,
    pub(super) href: Option<String>,
    /// The ends of an interval.
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
}

/// Days without an exchange rate.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct MissingRate {
    pub(super) currency: String,
    pub(super) days: Vec<String>,
}

/// The dimensions and metrics that the viewer may ask for.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Schema {
    pub(super) dimensions: Vec<Dimension>,
    pub(super) metrics: Vec<Metric>,
    pub(super) presets: Vec<Preset>,
    /// The viewer's currency.
    pub(super) currency: String,
    /// The currencies that have exchange rates.
    pub(super) currencies: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Dimension {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) group: String,
    /// The name of its filter, if it has one.
    pub(super) filter: Option<String>,
    pub(super) operators: Vec<String>,
    /// All values, if there are few.
    pub(super) values: Option<Vec<String>>,
    /// The things that its values refer to.
    pub(super) refers: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(in crate::pages) struct Metric {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) unit: String,
    pub(super) places: usize,
    pub(super) formula: String,
    pub(super) meaning: String,
    pub(super) additive: bool,
    pub(super) less_is_good: bool,
}

impl From<&metric::Metric> for Metric {
    fn from(metric: &metric::Metric) -> Self {
        Self {
            name: metric.name.to_owned(),
            label: metric.label.to_owned(),
            unit: metric.unit.word().to_owned(),
            places: metric.places as usize,
            formula: metric.formula.to_owned(),
            meaning: metric.meaning.to_owned(),
            additive: metric.is_additive(),
            less_is_good: metric.less_is_good,
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Preset {
    pub(super) name: String,
    pub(super) label: String,
}

impl Schema {
    /// Finds a dimension by its name.
    pub(super) fn dimension(&self, name: &str) -> Option<&Dimension> {
        self.dimensions.iter().find(|dimension| dimension.name == name)
    }

    /// Finds a metric by its name.
    pub(super) fn metric(&self, name: &str) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.name == name)
    }
}
