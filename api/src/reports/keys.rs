//! The keys of rows: as SQL writes them, in the answer, and as filters.

use std::collections::{BTreeMap, HashMap};

use sqlx::PgPool;

use crate::dates::buckets::Bucket;
use crate::db::names::{self, Refers};
use crate::http::json_values;
use crate::reports::dimensions::{Dimension, Kind};
use crate::reports::filters::pair_of;
use crate::reports::model::ReportKeyResponse;
use crate::reports::request::Report;
use crate::reports::slots::{self, Slot, slot};
use crate::reports::sums::{GroupRow, ROW};

/// The label of a key without a value.
const NONE: &str = "(none)";

/// A key as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Empty: no value.
    pub value: String,
    pub label: String,
    /// The ends of an interval, in Unix milliseconds.
    pub ends_ms: Option<(i64, i64)>,
}

/// The names and intervals of a report's keys.
#[derive(Debug, Default)]
pub struct Keys {
    /// For each dimension, its intervals; empty for one that is no time.
    slots: Vec<Vec<Slot>>,
    names: HashMap<(Refers, String), String>,
}

impl Keys {
    /// Makes the keys of a report. `buckets` has the intervals of each dimension.
    #[must_use]
    pub fn new(report: &Report, buckets: &[Vec<Bucket>]) -> Self {
        let of = |(dimension, buckets): (&&'static Dimension, &Vec<Bucket>)| match dimension.kind {
            Kind::Interval(interval) => {
                buckets.iter().map(|bucket| slot(bucket, interval, &report.present)).collect()
            }
            Kind::Weekday => slots::weekdays(),
            Kind::HourOfDay => slots::hours_of_day(),
            Kind::Id(_) | Kind::Word | Kind::Text => Vec::new(),
        };
        Self { slots: report.dimensions.iter().zip(buckets).map(of).collect(), names: HashMap::new() }
    }

    /// Loads the names of the things in these rows, with one statement a kind.
    pub async fn load_names(
        &mut self,
        pool: &PgPool,
        report: &Report,
        groups: &[GroupRow],
    ) -> sqlx::Result<()> {
        let mut wanted = BTreeMap::<Refers, Vec<i64>>::new();
        for (index, dimension) in report.dimensions.iter().enumerate() {
            let Kind::Id(refers) = dimension.kind else { continue };
            let shown =
                groups.iter().filter(|group| group.section == ROW).filter_map(|group| group.keys.get(index));
            let ids = shown.filter(|id| !self.names.contains_key(&(refers, (*id).clone())));
            wanted.entry(refers).or_default().extend(ids.filter_map(|id| id.parse::<i64>().ok()));
        }
        for (refers, mut ids) in wanted {
            ids.sort_unstable();
            ids.dedup();
            let named = names::of(pool, refers, &ids).await?;
            self.names.extend(named.into_iter().map(|(id, name)| ((refers, id.to_string()), name)));
        }
        Ok(())
    }

    /// Returns the values of a dimension of time that have begun, as SQL writes them; empty for
    /// other dimensions.
    #[must_use]
    pub fn begun(&self, report: &Report, index: usize) -> Vec<String> {
        let first = usize::from(report.dimensions[index].kind == Kind::Weekday);
        let now_ms = report.present.now_ms;
        let slots = self.slots[index].iter().enumerate();
        let begun = slots.filter(|(_, slot)| slot.ends_ms.is_none_or(|(from_ms, _)| from_ms <= now_ms));
        begun.map(|(number, _)| (number + first).to_string()).collect()
    }

    /// Returns the key of a dimension of the report. `sql` is as the query writes it.
    #[must_use]
    pub fn key(&self, report: &Report, index: usize, sql: &str) -> Key {
        let plain = |value: &str, label: String| Key { value: value.to_owned(), label, ends_ms: None };
        match report.dimensions[index].kind {
            Kind::Id(_) if sql == "0" => plain("", NONE.to_owned()),
            Kind::Id(refers) => {
                let name = self.names.get(&(refers, sql.to_owned())).cloned();
                plain(sql, name.unwrap_or_else(|| format!("#{sql}")))
            }
            Kind::Word | Kind::Text if sql.is_empty() => plain("", NONE.to_owned()),
            Kind::Word | Kind::Text => plain(sql, sql.to_owned()),
            kind => {
                let first = usize::from(kind == Kind::Weekday);
                let number = sql.parse::<usize>().ok().and_then(|number| number.checked_sub(first));
                let slot = number.and_then(|number| self.slots[index].get(number));
                slot.map_or_else(
                    || plain("", NONE.to_owned()),
                    |slot| Key {
                        value: slot.value.clone(),
                        label: slot.label.clone(),
                        ends_ms: slot.ends_ms,
                    },
                )
            }
        }
    }

    /// Returns a value of the address as the query writes it; `None` if the report has no such one.
    #[must_use]
    pub fn sql_of(&self, report: &Report, index: usize, value: &str) -> Option<String> {
        match report.dimensions[index].kind {
            Kind::Id(_) if value.is_empty() => Some("0".to_owned()),
            Kind::Id(_) | Kind::Word | Kind::Text => Some(value.to_owned()),
            kind => {
                let number = self.slots[index].iter().position(|slot| slot.value == value)?;
                Some((number + usize::from(kind == Kind::Weekday)).to_string())
            }
        }
    }
}

/// Writes a key of the answer.
#[must_use]
pub fn shown(dimension: &Dimension, key: &Key) -> ReportKeyResponse {
    let filter = pair_of(dimension, &key.value).map(|(name, value)| {
        form_urlencoded::Serializer::new(String::new()).append_pair(&name, &value).finish()
    });
    let href = match dimension.kind {
        Kind::Id(refers) if !key.value.is_empty() => Some(format!("/{}/{}/", refers.path(), key.value)),
        _ => None,
    };
    ReportKeyResponse {
        dimension: dimension.name,
        value: key.value.clone(),
        label: key.label.clone(),
        filter,
        href,
        from: key.ends_ms.map(|(from_ms, _)| json_values::time(from_ms)),
        to: key.ends_ms.map(|(_, to_ms)| json_values::time(to_ms)),
    }
}
