//! The table of a report: one row a value, the levels of a tree below each other, and the sums.

use crate::pages::format::number;
use crate::pages::reports::address::Address;
use crate::pages::reports::answer::{Answer, Dimension, Events, Key, Metric, Row, Schema, Sums};
use crate::pages::reports::controls::MAX_GROUPS;
use crate::pages::reports::numbers::{Shown, compare, show};

/// Units of time, the longest first. A name of an interval leads to the next shorter one.
pub(super) const INTERVALS: [&str; 4] = ["month", "week", "day", "hour"];
/// The dimensions that a row of the last level can be broken down by. The first one that the report
/// neither groups nor filters by is offered.
const NEXT_GROUPS: [&str; 7] = ["user", "campaign", "country", "device", "source", "sub1", "day"];

pub(super) struct TableView {
    pub(super) names: Vec<Head>,
    pub(super) heads: Vec<Head>,
    pub(super) rows: Vec<RowView>,
    pub(super) sums: Vec<RowView>,
    pub(super) is_compared: bool,
    /// The same report with the values of the compared dates, or without them.
    pub(super) both_href: String,
    pub(super) shows_both: bool,
    pub(super) next_href: Option<String>,
}

/// The heading of a column.
pub(super) struct Head {
    pub(super) label: String,
    /// The code of the currency, or empty.
    pub(super) unit: String,
    pub(super) title: String,
    /// The same report sorted by this column, or the other way round.
    pub(super) href: Option<String>,
    pub(super) sorted: Option<&'static str>,
}

pub(super) struct RowView {
    /// The level of the tree, from 0.
    pub(super) level: usize,
    /// Whether it is a sum of rows.
    pub(super) is_sum: bool,
    pub(super) names: Vec<Name>,
    /// The link that opens or closes the next level.
    pub(super) toggle: Option<Toggle>,
    pub(super) cells: Vec<CellView>,
}

pub(super) struct Toggle {
    pub(super) href: String,
    /// None: it adds a level.
    pub(super) is_open: Option<bool>,
    pub(super) label: String,
    /// The path of the row.
    pub(super) path: String,
}

/// The name of a row.
pub(super) struct Name {
    pub(super) label: String,
    /// The report of this value alone.
    pub(super) filter_href: Option<String>,
    /// The page of the thing.
    pub(super) thing_href: Option<String>,
}

pub(super) struct CellView {
    pub(super) shown: Shown,
    /// The list of exactly the counted events.
    pub(super) href: Option<String>,
}

/// The facts that rows are shown by.
struct Writer<'a> {
    address: &'a Address,
    answer: &'a Answer,
    schema: &'a Schema,
    metrics: Vec<&'a Metric>,
    /// Whether the report has rows of more than one buyer.
    has_buyers: bool,
    /// The paths of the open rows.
    open: Vec<&'a str>,
}

/// Makes the table.
pub(super) fn table(address: &Address, answer: &Answer, schema: &Schema, has_buyers: bool) -> TableView {
    let metrics = answer.metrics.iter().filter_map(|name| schema.metric(name)).collect();
    let open = answer.rows.iter().flat_map(open_paths).collect();
    let writer = Writer { address, answer, schema, metrics, has_buyers, open };
    let is_tree = answer.rows.iter().all(|row| row.keys.len() < 2) && answer.group_by.len() > 1;
    let next_href = answer.next.as_deref().map(|cursor| address.clone().and("cursor", cursor).href());
    let others = answer.others.as_ref().map(|sums| {
        let row = writer.sum(&format!("Others ({})", number(count(sums))), sums);
        let names = row.names.into_iter().map(|name| Name { filter_href: next_href.clone(), ..name });
        RowView { names: names.collect(), ..row }
    });
    let before = answer.before.as_ref().map(|sums| writer.sum("On earlier pages", sums));
    let n_rows = number(count(&answer.total));
    let total = writer
        .sum(&format!("Total of {n_rows} {}", if n_rows == "1" { "row" } else { "rows" }), &answer.total);
    TableView {
        names: writer.name_heads(schema, is_tree),
        heads: writer.metrics.iter().map(|metric| writer.head(metric)).collect(),
        rows: answer.rows.iter().flat_map(|row| writer.rows(row, 0)).collect(),
        sums: before.into_iter().chain(others).chain([total]).collect(),
        is_compared: answer.compare.is_some(),
        both_href: match address.get("both") {
            Some(_) => address.clone().without(&["both"]).href(),
            None => address.clone().with("both", "1").href(),
        },
        shows_both: address.get("both").is_some(),
        next_href,
    }
}

fn count(sums: &Sums) -> i64 {
    i64::try_from(sums.n_rows).unwrap_or(i64::MAX)
}

fn open_paths(row: &Row) -> Vec<&str> {
    let Some(children) = &row.children else { return Vec::new() };
    let below = children.rows.iter().flat_map(open_paths);
    std::iter::once(row.path.as_str()).chain(below).collect()
}

impl Writer<'_> {
    /// The row and those below it.
    fn rows(&self, row: &Row, level: usize) -> Vec<RowView> {
        let names = row.keys.iter().map(|key| self.name(key)).collect();
        let mut rows = vec![RowView {
            level,
            is_sum: false,
            names,
            toggle: self.toggle(row, level),
            cells: self.cells(&row.sums),
        }];
        let Some(children) = &row.children else { return rows };
        rows.extend(children.rows.iter().flat_map(|child| self.rows(child, level + 1)));
        if let Some(sums) = &children.others {
            let label = format!("Others ({})", number(count(sums)));
            rows.push(RowView { level: level + 1, ..self.sum(&label, sums) });
        }
        rows
    }

    fn sum(&self, label: &str, sums: &Sums) -> RowView {
        let name = Name { label: label.to_owned(), filter_href: None, thing_href: None };
        RowView { level: 0, is_sum: true, names: vec![name], toggle: None, cells: self.cells(sums) }
    }

    fn toggle(&self, row: &Row, level: usize) -> Option<Toggle> {
        let [key] = row.keys.as_slice() else { return None };
        if level + 1 >= self.answer.group_by.len() {
            return self.break_down(row, key);
        }
        let is_open = row.children.is_some();
        let below = format!("{}/", row.path);
        let stays = |path: &&&str| **path != row.path && !path.starts_with(&below);
        let mut address = self.closed();
        for path in self.open.iter().filter(|path| !is_open || stays(path)) {
            address = address.and("open", path);
        }
        if !is_open {
            address = address.and("open", &row.path);
        }
        let word = if is_open { "Close" } else { "Open" };
        Some(Toggle {
            href: address.href(),
            is_open: Some(is_open),
            label: format!("{word} {}", key.label),
            path: row.path.clone(),
        })
    }

    /// The address with all rows closed. Without "none", small trees would open by themselves.
    fn closed(&self) -> Address {
        self.address.clone().without(&["open"]).and("open", "none")
    }

    /// Adds a level, and opens this row.
    fn break_down(&self, row: &Row, key: &Key) -> Option<Toggle> {
        let groups = &self.answer.group_by;
        // A row without a value has no path to open it by.
        if groups.len() >= MAX_GROUPS || row.path.is_empty() {
            return None;
        }
        let is_new = |dimension: &&Dimension| {
            !groups.contains(&dimension.name)
                && (self.has_buyers || dimension.name != "user")
                && dimension.filter.as_ref().is_none_or(|filter| self.address.get(filter).is_none())
        };
        let next = NEXT_GROUPS.iter().filter_map(|name| self.schema.dimension(name)).find(is_new)?;
        let address = self.closed().without(&["shape"]);
        let address = self.open.iter().fold(address, |address, path| address.and("open", path));
        let address = address.and("open", &row.path);
        Some(Toggle {
            href: address.with("group_by", &format!("{},{}", groups.join(","), next.name)).href(),
            is_open: None,
            label: format!("Break {} down by {}", key.label, next.label.to_lowercase()),
            path: row.path.clone(),
        })
    }

    fn name(&self, key: &Key) -> Name {
        Name { label: key.label.clone(), filter_href: self.filter_href(key), thing_href: key.href.clone() }
    }

    /// The link to the report of one value, grouped by the other dimensions, or by day without one.
    fn filter_href(&self, key: &Key) -> Option<String> {
        let is_other = |name: &&String| **name != key.dimension;
        let mut rest: Vec<&str> = self.answer.group_by.iter().filter(is_other).map(String::as_str).collect();
        let address = self.address.clone().without(&["open", "sort", "group_by"]);
        let address = if let (Some(from), Some(to)) = (&key.from, &key.to) {
            if rest.is_empty() {
                let place = INTERVALS.iter().position(|name| *name == key.dimension)?;
                rest.push(INTERVALS.get(place.max(1) + 1)?);
            }
            address.without(&["range"]).with("from", from).with("to", to)
        } else {
            let filter = key.filter.as_deref()?;
            if rest.is_empty() {
                rest.push("day");
            }
            address.with_query(filter)
        };
        Some(address.with("group_by", &rest.join(",")).href())
    }

    fn cells(&self, sums: &Sums) -> Vec<CellView> {
        self.metrics.iter().map(|metric| self.cell(metric, sums)).collect()
    }

    fn cell(&self, metric: &Metric, sums: &Sums) -> CellView {
        let value = sums.values.get(&metric.name);
        let currency = self.answer.currency.as_str();
        let mut shown = match &sums.compared {
            Some(before) => compare(metric, value, before.get(&metric.name), currency),
            None => show(metric, value, currency),
        };
        if let Some(n) = sums.uncertain.get(&metric.name) {
            let n = number(i64::try_from(*n).unwrap_or(i64::MAX));
            shown.doubt = format!("Only {n} {}", divisor(&metric.formula));
        }
        CellView { shown, href: link(&metric.name, &sums.events) }
    }

    fn head(&self, metric: &Metric) -> Head {
        let name = metric.name.as_str();
        let is_money = metric.unit == "money";
        Head {
            label: metric.label.clone(),
            unit: if is_money { self.answer.currency.clone() } else { String::new() },
            title: format!("{} {}", metric.meaning, formula(metric)).trim().to_owned(),
            href: Some(self.sort_href(name, true)),
            sorted: self.sorted(name),
        }
    }

    fn name_heads(&self, schema: &Schema, is_tree: bool) -> Vec<Head> {
        let head = |name: &String| Head {
            label: schema.dimension(name).map_or_else(|| name.clone(), |dimension| dimension.label.clone()),
            unit: String::new(),
            title: String::new(),
            href: Some(self.sort_href(name, false)),
            sorted: self.sorted(name),
        };
        let heads: Vec<Head> = self.answer.group_by.iter().map(head).collect();
        if !is_tree {
            return heads;
        }
        let labels: Vec<String> = heads.into_iter().map(|head| head.label).collect();
        vec![Head {
            label: labels.join(" / "),
            unit: String::new(),
            title: String::new(),
            href: None,
            sorted: None,
        }]
    }

    /// Numbers are sorted from the largest first, names from the first.
    fn sort_href(&self, name: &str, is_metric: bool) -> String {
        let (first, second) = if is_metric { ("-", "") } else { ("", "-") };
        let sort = format!("{first}{name}");
        let sort = if self.answer.sort == sort { format!("{second}{name}") } else { sort };
        self.address.clone().with("sort", &sort).href()
    }

    fn sorted(&self, name: &str) -> Option<&'static str> {
        let sort = self.answer.sort.as_str();
        match sort.strip_prefix('-') {
            Some(sorted) => (sorted == name).then_some("descending"),
            None => (sort == name).then_some("ascending"),
        }
    }
}

/// The list of the events that a metric counts.
pub(super) fn link(metric: &str, events: &Events) -> Option<String> {
    match metric {
        "prospects" => events.prospects.as_ref().map(|query| format!("/prospects/?{query}")),
        "orders" => events.orders.as_ref().map(|query| format!("/orders/?{query}")),
        _ => None,
    }
}

fn formula(metric: &Metric) -> String {
    if metric.formula.is_empty() { String::new() } else { format!("= {}", metric.formula) }
}

/// The last word of a formula such as "orders / prospects".
fn divisor(formula: &str) -> &str {
    formula.rsplit_once('/').map_or("events", |(_, divisor)| divisor.trim())
}
