//! The form of a report: groups, columns, filters and the ready-made reports.

use crate::dates::compare::WORDS;
use crate::pages::reports::address::Address;
use crate::pages::reports::answer::{Dimension, Schema};

/// A report with one click.
struct ReadyMade {
    label: &'static str,
    groups: &'static str,
    preset: &'static str,
    /// Other parameters that it sets.
    with: &'static [(&'static str, &'static str)],
    /// Only for viewers of the traffic of several buyers, or only for those of their own.
    has_buyers: Option<bool>,
}

const fn by(label: &'static str, groups: &'static str) -> ReadyMade {
    ReadyMade { label, groups, preset: "money", with: &[], has_buyers: None }
}

const fn of_buyers(label: &'static str, groups: &'static str) -> ReadyMade {
    ReadyMade { has_buyers: Some(true), ..by(label, groups) }
}

const READY_MADE: [ReadyMade; 9] = [
    by("By day", "day"),
    ReadyMade { with: &[("range", "yesterday"), ("compare", "prev")], ..by("Yesterday", "campaign") },
    of_buyers("Buyers", "user"),
    of_buyers("Buyers × country × device", "user,country,device"),
    by("Campaigns", "campaign"),
    by("Sources", "source"),
    ReadyMade { has_buyers: Some(false), ..by("Countries × device", "country,device") },
    ReadyMade { with: &[("sort", "profit")], ..by("Losing sub ids", "sub1") },
    ReadyMade { preset: "traffic", ..by("Hours", "hour_of_day") },
];
/// Parameters that one of the ready-made reports sets or resets.
const OF_READY_MADE: [&str; 7] = ["sort", "open", "metrics", "shape", "chart", "chart_as", "scale"];
pub(super) const MAX_GROUPS: usize = 3;
/// The names of the groups of dimensions, in the order of the menu.
const KINDS: [(&str, &str); 5] = [
    ("time", "Time"),
    ("who", "People and campaigns"),
    ("visitor", "Place and device"),
    ("traffic", "Traffic"),
    ("subs", "Sub ids"),
];
/// Operators of filters: the ending of the parameter, and the words.
const OPERATORS: [(&str, &str); 4] =
    [("is", "is"), ("not", "is not"), ("has", "contains"), ("none", "has no value")];
/// Parameters of the form that adds a filter.
const FILTER_FORM: [&str; 4] = ["filter_by", "filter_op", "filter_value", "filter_was"];
/// Parameters of the form, and those that make no sense with other groups.
const OF_FORM: [&str; 16] = [
    "group_by",
    "metrics",
    "preset",
    "bot",
    "uniq",
    "currency",
    "shape",
    "per_page",
    "chart",
    "chart_as",
    "open",
    "sort",
    "compare",
    "scale",
    "filter_by",
    "filter_was",
];
/// Options behind "More options", whose number the summary shows.
const MORE: [&str; 8] = ["metrics", "uniq", "currency", "shape", "per_page", "chart", "chart_as", "scale"];
const BOTS: [(&str, &str); 3] = [("", "Counted"), ("false", "Left out"), ("true", "Only bots")];
const UNIQUE: [(&str, &str); 4] =
    [("1h", "1 hour"), ("", "24 hours"), ("campaign", "The campaign"), ("ever", "All dates")];
const SHAPES: [(&str, &str); 2] = [("", "Tree"), ("flat", "Flat table")];
const PER_PAGE: [(&str, &str); 3] = [("10", "10"), ("25", "25"), ("", "100")];
const CHARTS: [(&str, &str); 5] =
    [("", "Lines"), ("stack", "Stacked"), ("bar", "Bars"), ("heat", "Heat map"), ("none", "No chart")];

const SCALES: [(&str, &str); 2] = [("", "Linear"), ("log", "Logarithmic")];
/// The numbers of the charts.
const CHART_PLACES: [(usize, &str, &str); 2] = [(0, "Chart", "The first column"), (1, "Second chart", "–")];

pub(super) struct Controls {
    pub(super) ready_made: Vec<Choice>,
    /// The selects that are always shown.
    pub(super) main: Vec<Select>,
    /// The selects behind "More options".
    pub(super) more: Vec<Select>,
    /// The number of options behind "More options" that are set.
    pub(super) n_more: usize,
    /// All columns: those of an own choice first, in their order.
    pub(super) columns: Vec<Column>,
    /// Parameters that the form keeps.
    pub(super) kept: Vec<(String, String)>,
    pub(super) chips: Vec<Chip>,
    pub(super) clear_href: Option<String>,
    /// The dimensions that a filter may name.
    pub(super) filterable: Vec<OptionGroup>,
    /// The filter that is about to be added.
    pub(super) new_filter: Option<NewFilter>,
    /// Parameters that the form of a new filter keeps.
    pub(super) kept_by_filter: Vec<(String, String)>,
}

/// A link or a check box.
pub(super) struct Choice {
    pub(super) label: String,
    pub(super) target: String,
    pub(super) is_current: bool,
}

/// A column that may be chosen.
pub(super) struct Column {
    pub(super) label: String,
    pub(super) name: String,
    pub(super) is_chosen: bool,
    /// The report with this column before the one above it.
    pub(super) up_href: Option<String>,
    /// The report with this column after the one below it.
    pub(super) down_href: Option<String>,
}

pub(super) struct Select {
    pub(super) name: &'static str,
    pub(super) label: String,
    pub(super) groups: Vec<OptionGroup>,
    /// Its number among the fields of the same name.
    pub(super) place: usize,
}

impl Select {
    /// The end of the id of its element: groups have the same name.
    pub(super) fn id(&self) -> String {
        format!("{}{}", self.name, self.place)
    }
}

pub(super) struct OptionGroup {
    /// Empty for options without a group.
    pub(super) label: &'static str,
    pub(super) options: Vec<Choice>,
}

/// A filter that is set.
pub(super) struct Chip {
    pub(super) label: String,
    /// Opens the filter to change it.
    pub(super) change_href: String,
    pub(super) remove_href: String,
}

/// The form of a filter whose dimension is chosen.
pub(super) struct NewFilter {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) operators: Vec<Choice>,
    /// The values, if there are few, or the most frequent ones.
    pub(super) values: Vec<Choice>,
    /// Whether only these values make sense.
    pub(super) is_closed: bool,
    /// The value of the filter that is changed.
    pub(super) value: String,
    pub(super) cancel_href: String,
}

/// The facts that the form is made of.
pub(super) struct Asked<'a> {
    pub(super) address: &'a Address,
    pub(super) schema: &'a Schema,
    /// Groups and columns of the answer.
    pub(super) groups: &'a [String],
    pub(super) metrics: &'a [String],
    pub(super) labels: &'a Labels,
    /// Names and values that the new filter may have.
    pub(super) suggestions: &'a [(String, String)],
    /// Whether the viewer sees traffic of more than one buyer.
    pub(super) has_buyers: bool,
}

/// The names of the values of filters, by the parameter and the value.
pub(super) type Labels = std::collections::HashMap<(String, String), String>;

/// The parts of a filter's parameter, as `country.not`.
pub(super) fn filter_of<'a>(schema: &'a Schema, parameter: &str) -> Option<(&'a Dimension, &'static str)> {
    let (name, ending) = parameter.rsplit_once('.').unwrap_or((parameter, "is"));
    let (operator, _) = OPERATORS.into_iter().find(|(known, _)| *known == ending)?;
    let dimension = schema.dimensions.iter().find(|dimension| dimension.filter.as_deref() == Some(name))?;
    Some((dimension, operator))
}

impl Controls {
    /// Makes the form of an address.
    pub(super) fn new(asked: &Asked<'_>) -> Self {
        let Asked { address, schema, groups, metrics, labels, .. } = *asked;
        let chips: Vec<Chip> =
            address.pairs().iter().filter_map(|pair| chip(address, schema, pair, labels)).collect();
        let filters: Vec<&str> = parameters_of_filters(address, schema);
        let group_selects = (0..MAX_GROUPS).map(|place| group_select(schema, groups, place));
        let main = [preset(address, schema), select(address, "bot", "Bots", &BOTS), compare(address)];
        let charts = CHART_PLACES.map(|place| chart_select(address, schema, metrics, place));
        let more = [
            select(address, "chart_as", "Chart as", &CHARTS),
            select(address, "scale", "Scale", &SCALES),
            select(address, "uniq", "Unique within", &UNIQUE),
            currency(address, schema),
            select(address, "shape", "Shape", &SHAPES),
            select(address, "per_page", "Rows per page", &PER_PAGE),
        ];
        Self {
            ready_made: ready_made(asked),
            main: group_selects.chain(main).collect(),
            more: charts.into_iter().chain(more).collect(),
            n_more: MORE.iter().filter(|name| address.get(name).is_some()).count(),
            columns: columns(address, schema, metrics),
            kept: address.clone().without(&OF_FORM).pairs().to_vec(),
            clear_href: (!chips.is_empty()).then(|| address.clone().without(&filters).href()),
            chips,
            filterable: kinds(schema, |dimension| dimension.filter.is_some(), None),
            new_filter: new_filter(address, schema, asked.suggestions),
            kept_by_filter: address.clone().without(&FILTER_FORM).pairs().to_vec(),
        }
    }
}

fn columns(address: &Address, schema: &Schema, metrics: &[String]) -> Vec<Column> {
    let own = if address.get("metrics").is_some() { metrics } else { &[] };
    let swapped = |one: usize, other: usize| {
        let mut names = own.to_vec();
        (one < own.len() && other < own.len()).then(|| names.swap(one, other))?;
        Some(address.clone().with("metrics", &names.join(",")).href())
    };
    let chosen = own.iter().enumerate().filter_map(|(place, name)| {
        Some(Column {
            label: schema.metric(name)?.label.clone(),
            name: name.clone(),
            is_chosen: true,
            up_href: place.checked_sub(1).and_then(|above| swapped(place, above)),
            down_href: swapped(place, place + 1),
        })
    });
    let others = schema.metrics.iter().filter(|metric| !own.contains(&metric.name)).map(|metric| Column {
        label: metric.label.clone(),
        name: metric.name.clone(),
        is_chosen: false,
        up_href: None,
        down_href: None,
    });
    chosen.chain(others).collect()
}

fn parameters_of_filters<'a>(address: &'a Address, schema: &Schema) -> Vec<&'a str> {
    let names = address.pairs().iter().map(|(name, _)| name.as_str());
    names.filter(|name| filter_of(schema, name).is_some()).collect()
}

fn ready_made(asked: &Asked<'_>) -> Vec<Choice> {
    let groups = asked.groups.join(",");
    let is_known = |names: &str| names.split(',').all(|name| asked.schema.dimension(name).is_some());
    let shown = READY_MADE.iter().filter(|report| {
        is_known(report.groups) && report.has_buyers.is_none_or(|has| has == asked.has_buyers)
    });
    let is_set = |(name, value): &(&str, &str)| asked.address.get(name) == Some(*value);
    let is_this = |report: &&ReadyMade| report.groups == groups && report.with.iter().all(is_set);
    // The one that fits best.
    let current = shown.clone().filter(is_this).max_by_key(|report| report.with.len());
    let current = current.map(|report| report.label);
    let choice = |report: &ReadyMade| {
        let mut address = asked.address.clone().without(&OF_READY_MADE).with("group_by", report.groups);
        if report.with.iter().any(|(name, _)| *name == "range") {
            address = address.without(&["from", "to", "compare_from", "compare_to", "interval"]);
        }
        address = report.with.iter().fold(address, |address, (name, value)| address.with(name, value));
        Choice {
            label: report.label.to_owned(),
            target: address.with("preset", report.preset).href(),
            is_current: current == Some(report.label),
        }
    };
    shown.map(choice).collect()
}

fn group_select(schema: &Schema, groups: &[String], place: usize) -> Select {
    let chosen = groups.get(place).map(String::as_str);
    let nothing = OptionGroup { label: "", options: vec![option("–", "", chosen.is_none())] };
    let kinds = kinds(schema, |_| true, chosen);
    let groups = if place == 0 { kinds } else { std::iter::once(nothing).chain(kinds).collect() };
    let label = if place == 0 { "Group by".to_owned() } else { "then by".to_owned() };
    Select { name: "group_by", label, groups, place }
}

/// The dimensions by their kind.
fn kinds(schema: &Schema, is_wanted: impl Fn(&Dimension) -> bool, chosen: Option<&str>) -> Vec<OptionGroup> {
    let of_kind = |kind: &str| {
        let wanted =
            schema.dimensions.iter().filter(|dimension| dimension.group == kind && is_wanted(dimension));
        wanted
            .map(|dimension| {
                option(&dimension.label, &dimension.name, chosen == Some(dimension.name.as_str()))
            })
            .collect::<Vec<_>>()
    };
    KINDS
        .into_iter()
        .map(|(kind, label)| OptionGroup { label, options: of_kind(kind) })
        .filter(|group| !group.options.is_empty())
        .collect()
}

fn option(label: &str, target: &str, is_current: bool) -> Choice {
    Choice { label: label.to_owned(), target: target.to_owned(), is_current }
}

fn select(address: &Address, name: &'static str, label: &str, options: &[(&str, &str)]) -> Select {
    let chosen = address.get(name).unwrap_or_default();
    let options = options.iter().map(|(value, label)| option(label, value, chosen == *value)).collect();
    Select { name, label: label.to_owned(), groups: vec![OptionGroup { label: "", options }], place: 0 }
}

fn preset(address: &Address, schema: &Schema) -> Select {
    let chosen =
        if address.get("metrics").is_some() { "own" } else { address.get("preset").unwrap_or("money") };
    let presets =
        schema.presets.iter().map(|preset| option(&preset.label, &preset.name, preset.name == chosen));
    let options = presets.chain([option("My choice", "own", chosen == "own")]).collect();
    let groups = vec![OptionGroup { label: "", options }];
    Select { name: "preset", label: "Columns".to_owned(), groups, place: 0 }
}

/// The viewer's currency, those with rates, and the one that the address names.
fn currency(address: &Address, schema: &Schema) -> Select {
    let chosen = address.get("currency").unwrap_or_default();
    let others = schema.currencies.iter().map(String::as_str).filter(|code| *code != schema.currency);
    let is_known =
        ["", &schema.currency].contains(&chosen) || schema.currencies.iter().any(|code| code == chosen);
    let codes = others.chain((!is_known).then_some(chosen)).map(|code| (code, code));
    let options: Vec<(&str, &str)> = std::iter::once(("", schema.currency.as_str())).chain(codes).collect();
    select(address, "currency", "Currency", &options)
}

/// The select of the comparison. A custom range is chosen in the date control.
fn compare(address: &Address) -> Select {
    let is_custom = address.get("compare") == Some("custom");
    let words: Vec<_> = WORDS.into_iter().filter(|(word, _)| *word != "custom" || is_custom).collect();
    select(address, "compare", "Compare with", &words)
}

fn chart_select(
    address: &Address,
    schema: &Schema,
    metrics: &[String],
    (place, label, nothing): (usize, &str, &str),
) -> Select {
    let chosen = address.get("chart").unwrap_or_default().split(',').nth(place).unwrap_or_default();
    let nothing = option(nothing, "", chosen.is_empty());
    let metrics = metrics.iter().filter_map(|name| schema.metric(name));
    let options = metrics.map(|metric| option(&metric.label, &metric.name, metric.name == chosen));
    let groups = vec![OptionGroup { label: "", options: std::iter::once(nothing).chain(options).collect() }];
    Select { name: "chart", label: label.to_owned(), groups, place }
}

fn chip(address: &Address, schema: &Schema, pair: &(String, String), labels: &Labels) -> Option<Chip> {
    let (parameter, value) = pair;
    let (dimension, operator) = filter_of(schema, parameter)?;
    // Bots have a select of their own.
    if parameter == "bot" && matches!(value.as_str(), "true" | "false") {
        return None;
    }
    let (_, words) = OPERATORS.into_iter().find(|(known, _)| *known == operator)?;
    let value = match operator {
        "none" => String::new(),
        _ => format!(" {}", labels.get(pair).unwrap_or(value)),
    };
    let was = format!("{operator}:{}", pair.1);
    let change = address.clone().without(&FILTER_FORM).without_pair(pair);
    Some(Chip {
        label: format!("{} {words}{value}", dimension.label),
        change_href: change.and("filter_by", &dimension.name).and("filter_was", &was).href(),
        remove_href: address.clone().without_pair(pair).href(),
    })
}

fn new_filter(address: &Address, schema: &Schema, suggestions: &[(String, String)]) -> Option<NewFilter> {
    let dimension = schema.dimension(address.get("filter_by")?)?;
    let filter = dimension.filter.as_ref()?;
    let was = address.get("filter_was").and_then(|was| was.split_once(':'));
    let (old_operator, old_value) = was.unwrap_or(("is", ""));
    let operators =
        OPERATORS.into_iter().filter(|(word, _)| dimension.operators.iter().any(|known| known == word));
    let values: Vec<Choice> = match &dimension.values {
        Some(values) => values.iter().map(|value| option(value, value, value == old_value)).collect(),
        None => suggestions.iter().map(|(label, value)| option(label, value, value == old_value)).collect(),
    };
    let rest = address.clone().without(&FILTER_FORM);
    let restored = match was {
        Some(_) => with_filter(rest, filter, old_operator, old_value),
        None => rest,
    };
    // People do not know the ids of things: they choose a name. One that is not listed stays.
    let is_listed = old_value.is_empty() || values.iter().any(|value| value.is_current);
    Some(NewFilter {
        name: dimension.name.clone(),
        label: dimension.label.clone(),
        operators: operators.map(|(word, label)| option(label, word, word == old_operator)).collect(),
        is_closed: (dimension.values.is_some() || dimension.refers.is_some())
            && !values.is_empty()
            && is_listed,
        values,
        value: if old_operator == "none" { String::new() } else { old_value.to_owned() },
        cancel_href: restored.href(),
    })
}

/// The address with the new filter that a form has sent; none if it has sent none.
pub(super) fn filtered(address: &Address, schema: &Schema) -> Option<Address> {
    let operator = address.get("filter_op")?;
    let filter = schema.dimension(address.get("filter_by")?)?.filter.as_deref()?;
    let rest = address.clone().without(&FILTER_FORM).without(&["open"]);
    let value = match operator {
        "is" | "not" | "has" => address.get("filter_value")?,
        "none" => "1",
        _ => return None,
    };
    Some(with_filter(rest, filter, operator, value))
}

fn with_filter(address: Address, filter: &str, operator: &str, value: &str) -> Address {
    match operator {
        "is" => address.and(filter, value),
        _ => address.and(&format!("{filter}.{operator}"), value),
    }
}
