//! Makes the answer of the rows that ClickHouse returned.

use std::collections::{BTreeMap, HashMap};

use crate::http::json_values;
use crate::policy::Position;
use crate::reports::dimensions::Dimension;
use crate::reports::events::events;
use crate::reports::keys::{Key, Keys, shown};
use crate::reports::model::{
    ReportComparisonResponse, ReportEventsResponse, ReportLevelResponse, ReportMissingRateResponse,
    ReportResponse, ReportRowResponse, ReportSumsResponse, Values,
};
use crate::reports::query::MissingRow;
use crate::reports::request::{Report, path_text};
use crate::reports::sums::{BEFORE, GroupRow, OTHERS, ROW, SumsRow, TOTAL};

/// The rows of one level in one row, by section.
type Levels = HashMap<Vec<String>, Vec<GroupRow>>;

/// Everything that the answer is made of.
#[derive(Debug)]
pub struct Assembly<'a> {
    pub report: &'a Report,
    pub position: Position,
    pub keys: &'a Keys,
}

impl Assembly<'_> {
    /// Makes the answer.
    #[must_use]
    pub fn response(&self, groups: Vec<GroupRow>, missing: Vec<MissingRow>) -> ReportResponse {
        let report = self.report;
        let mut levels = Levels::new();
        for mut group in groups {
            // An empty sum has keys of its own. Those of a level are those of its rows.
            let depth = usize::from(group.level).saturating_sub(1);
            let parent = if report.is_tree { group.keys[..depth].to_vec() } else { Vec::new() };
            if report.is_tree {
                group.keys.truncate(depth + 1);
            }
            levels.entry(parent).or_default().push(group);
        }
        let first = levels.remove(&Vec::new()).unwrap_or_default();
        let total = section(&first, TOTAL).cloned().unwrap_or_default();
        let n_listed = total.n_rows;
        let rows = self.rows(&first, &levels, &[]);
        let ended = report.offset + u64::from(report.per_page);
        ReportResponse {
            from: json_values::time(report.range.from_ms),
            to: json_values::time(report.range.to_ms),
            tz: report.present.zone.name(),
            as_of: json_values::time(report.present.now_ms),
            currency: report.currency,
            group_by: report.dimensions.iter().map(|dimension| dimension.name).collect(),
            metrics: report.metrics.iter().map(|metric| metric.name).collect(),
            sort: report.sort_word(),
            shape: if report.is_tree { "tree" } else { "flat" },
            uniq: report.uniq.word(),
            per_page: report.per_page,
            compare: report.comparison.as_ref().map(|other| ReportComparisonResponse {
                from: json_values::time(other.from_ms),
                to: json_values::time(other.to_ms),
                name: other.name.clone(),
                note: other.note.clone(),
            }),
            rows,
            before: self.some_sums(section(&first, BEFORE)),
            others: self.some_sums(section(&first, OTHERS)),
            total: ReportSumsResponse { events: events(report, self.position, &[]), ..self.sums(&total) },
            next: (ended < n_listed).then(|| report.next_cursor()),
            missing_rates: missing
                .into_iter()
                .map(|row| ReportMissingRateResponse { currency: row.currency, days: row.days })
                .collect(),
        }
    }

    /// Makes the rows of a level. `parents` are the keys above it, as SQL writes them.
    fn rows(&self, level: &[GroupRow], levels: &Levels, parents: &[String]) -> Vec<ReportRowResponse> {
        let mut rows: Vec<&GroupRow> = level.iter().filter(|group| group.section == ROW).collect();
        rows.sort_by_key(|group| group.place);
        let filled = self.filled(&rows, parents);
        let rows: Vec<&GroupRow> = if filled.is_empty() { rows } else { filled.iter().collect() };
        rows.into_iter().map(|group| self.row(group, levels)).collect()
    }

    /// Adds rows without events to a level of time below the first; empty for other levels.
    fn filled(&self, rows: &[&GroupRow], parents: &[String]) -> Vec<GroupRow> {
        let index = parents.len();
        if index == 0 || !self.report.dimensions[index].kind.is_time() {
            return Vec::new();
        }
        let mut by_key: BTreeMap<u64, GroupRow> = BTreeMap::new();
        for value in self.keys.begun(self.report, index) {
            let keys = [parents, std::slice::from_ref(&value)].concat();
            let level = u8::try_from(index + 1).unwrap_or_default();
            by_key.insert(number(&value), GroupRow { level, section: ROW, keys, ..GroupRow::default() });
        }
        for row in rows {
            by_key.insert(row.keys.last().map_or(0, |key| number(key)), (*row).clone());
        }
        by_key.into_values().collect()
    }

    fn row(&self, group: &GroupRow, levels: &Levels) -> ReportRowResponse {
        let report = self.report;
        let keys: Vec<(&'static Dimension, Key)> = report
            .dimensions
            .iter()
            .zip(&group.keys)
            .enumerate()
            .map(|(index, (dimension, sql))| (*dimension, self.keys.key(report, index, sql)))
            .collect();
        let values: Vec<String> = keys.iter().map(|(_, key)| key.value.clone()).collect();
        let own = if report.is_tree { &keys[keys.len().saturating_sub(1)..] } else { &keys[..] };
        let children = levels.get(&group.keys).filter(|_| report.is_tree).map(|level| ReportLevelResponse {
            rows: self.rows(level, levels, &group.keys),
            others: self.some_sums(section(level, OTHERS)),
        });
        ReportRowResponse {
            path: path_text(&values),
            keys: own.iter().map(|(dimension, key)| shown(dimension, key)).collect(),
            values: self.values(&group.now),
            compared: self.compared(group),
            uncertain: self.uncertain(&group.now),
            events: events(report, self.position, &keys),
            children,
        }
    }

    /// `None` for a section without rows and events.
    fn some_sums(&self, group: Option<&GroupRow>) -> Option<ReportSumsResponse> {
        let group = group?;
        let is_empty =
            group.n_rows == 0 && group.now == SumsRow::default() && group.then == SumsRow::default();
        (!is_empty).then(|| self.sums(group))
    }

    fn sums(&self, group: &GroupRow) -> ReportSumsResponse {
        ReportSumsResponse {
            n_rows: group.n_rows,
            values: self.values(&group.now),
            compared: self.compared(group),
            uncertain: self.uncertain(&group.now),
            events: ReportEventsResponse::default(),
        }
    }

    fn values(&self, sums: &SumsRow) -> Values {
        self.report.metrics.iter().map(|metric| (metric.name, metric.value(sums))).collect()
    }

    fn compared(&self, group: &GroupRow) -> Option<Values> {
        self.report.comparison.as_ref().map(|_| self.values(&group.then))
    }

    fn uncertain(&self, sums: &SumsRow) -> BTreeMap<&'static str, i64> {
        let metrics = self.report.metrics.iter();
        let uncertain = metrics.filter_map(|metric| Some((metric.name, metric.uncertain(sums)?)));
        uncertain.filter_map(|(name, divisor)| Some((name, i64::try_from(divisor).ok()?))).collect()
    }
}

fn section(level: &[GroupRow], section: u8) -> Option<&GroupRow> {
    level.iter().find(|group| group.section == section)
}

fn number(sql: &str) -> u64 {
    sql.parse().unwrap_or(0)
}
