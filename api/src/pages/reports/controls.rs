//! The form of a report: groups, columns, filters and the ready-made reports.

use crate::pages::reports::address::Address;
use crate::pages::reports::answer::{Dimension, Schema};

/// Reports with one click: the label, the groups, and the preset of columns.
const READY_MADE: [(&str, &str, &str); 6] = [
    ("By day", "day", "money"),
    ("Buyers", "user", "money"),
    ("Buyers × country", "user,country", "money"),
    ("Campaigns", "campaign", "money"),
    ("Sources", "source", "money"),
    ("Hours", "hour_of_day", "traffic"),
];
const MAX_GROUPS: usize = 3;
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
const FILTER_FORM: [&str; 3] = ["filter_by", "filter_op", "filter_value"];
/// Parameters of the form, and those that make no sense with other groups.
const OF_FORM: [&str; 12] = [
    "group_by",
    "metrics",
    "preset",
    "bot",
    "uniq",
    "shape",
    "per_page",
    "chart",
    "chart_as",
    "open",
    "sort",
    "filter_by",
];
const BOTS: [(&str, &str); 3] = [("", "Counted"), ("false", "Left out"), ("true", "Only bots")];
const UNIQUE: [(&str, &str); 4] =
    [("1h", "1 hour"), ("", "24 hours"), ("campaign", "The campaign"), ("ever", "All dates")];
const SHAPES: [(&str, &str); 2] = [("", "Tree"), ("flat", "Flat table")];
const PER_PAGE: [(&str, &str); 3] = [("10", "10"), ("25", "25"), ("", "100")];
const CHARTS: [(&str, &str); 5] =
    [("", "Lines"), ("stack", "Stacked"), ("bar", "Bars"), ("heat", "Heat map"), ("none", "No chart")];

pub(super) struct Controls {
    pub(super) ready_made: Vec<Choice>,
    /// The selects of the groups.
    pub(super) groups: Vec<Select>,
    pub(super) bots: Select,
    pub(super) unique: Select,
    pub(super) shape: Select,
    pub(super) preset: Select,
    pub(super) per_page: Select,
    pub(super) chart: Select,
    pub(super) chart_as: Select,
    /// All columns, with whether each is shown.
    pub(super) columns: Vec<Choice>,
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
    pub(super) remove_href: String,
}

/// The form of a filter whose dimension is chosen.
pub(super) struct NewFilter {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) operators: Vec<Choice>,
    /// The values, if there are few.
    pub(super) values: Vec<Choice>,
    pub(super) cancel_href: String,
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
    /// Makes the form of an address. `groups` and `metrics` are those of the answer.
    pub(super) fn new(
        address: &Address,
        schema: &Schema,
        groups: &[String],
        metrics: &[String],
        labels: &Labels,
    ) -> Self {
        let chips: Vec<Chip> =
            address.pairs().iter().filter_map(|pair| chip(address, schema, pair, labels)).collect();
        let filters: Vec<&str> = parameters_of_filters(address, schema);
        Self {
            ready_made: ready_made(address, schema, groups),
            groups: (0..MAX_GROUPS).map(|place| group_select(schema, groups, place)).collect(),
            bots: select(address, "bot", "Bots", &BOTS),
            unique: select(address, "uniq", "Unique within", &UNIQUE),
            shape: select(address, "shape", "Shape", &SHAPES),
            preset: preset(address, schema),
            per_page: select(address, "per_page", "Rows per page", &PER_PAGE),
            chart: chart_select(address, schema, metrics),
            chart_as: select(address, "chart_as", "Chart as", &CHARTS),
            columns: columns(address, schema, metrics),
            kept: address.clone().without(&OF_FORM).pairs().to_vec(),
            clear_href: (!chips.is_empty()).then(|| address.clone().without(&filters).href()),
            chips,
            filterable: kinds(schema, |dimension| dimension.filter.is_some(), None),
            new_filter: new_filter(address, schema),
            kept_by_filter: address.clone().without(&FILTER_FORM).pairs().to_vec(),
        }
    }
}

/// The columns, of which those of an own choice are checked.
fn columns(address: &Address, schema: &Schema, metrics: &[String]) -> Vec<Choice> {
    let is_own = address.get("metrics").is_some();
    let is_shown = |name: &String| is_own && metrics.contains(name);
    let columns = schema.metrics.iter();
    columns.map(|metric| option(&metric.label, &metric.name, is_shown(&metric.name))).collect()
}

fn parameters_of_filters<'a>(address: &'a Address, schema: &Schema) -> Vec<&'a str> {
    let names = address.pairs().iter().map(|(name, _)| name.as_str());
    names.filter(|name| filter_of(schema, name).is_some()).collect()
}

fn ready_made(address: &Address, schema: &Schema, groups: &[String]) -> Vec<Choice> {
    let groups = groups.join(",");
    let is_known = |asked: &str| asked.split(',').all(|name| schema.dimension(name).is_some());
    READY_MADE
        .into_iter()
        .filter(|(_, asked, _)| is_known(asked))
        .map(|(label, asked, preset)| Choice {
            label: label.to_owned(),
            target: address
                .clone()
                .without(&["sort", "open", "metrics", "shape", "chart", "chart_as"])
                .with("group_by", asked)
                .with("preset", preset)
                .href(),
            is_current: groups == asked,
        })
        .collect()
}

fn group_select(schema: &Schema, groups: &[String], place: usize) -> Select {
    let chosen = groups.get(place).map(String::as_str);
    let nothing = OptionGroup { label: "", options: vec![option("–", "", chosen.is_none())] };
    let kinds = kinds(schema, |_| true, chosen);
    let groups = if place == 0 { kinds } else { std::iter::once(nothing).chain(kinds).collect() };
    let label = if place == 0 { "Group by".to_owned() } else { format!("then by ({})", place + 1) };
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

fn chart_select(address: &Address, schema: &Schema, metrics: &[String]) -> Select {
    let chosen = address.get("chart").unwrap_or_default();
    let nothing = option("The first column", "", chosen.is_empty());
    let metrics = metrics.iter().filter_map(|name| schema.metric(name));
    let options = metrics.map(|metric| option(&metric.label, &metric.name, metric.name == chosen));
    let groups = vec![OptionGroup { label: "", options: std::iter::once(nothing).chain(options).collect() }];
    Select { name: "chart", label: "Chart".to_owned(), groups, place: 0 }
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
    Some(Chip {
        label: format!("{} {words}{value}", dimension.label),
        remove_href: address.clone().without_pair(pair).href(),
    })
}

fn new_filter(address: &Address, schema: &Schema) -> Option<NewFilter> {
    let dimension = schema.dimension(address.get("filter_by")?)?;
    dimension.filter.as_ref()?;
    let operators =
        OPERATORS.into_iter().filter(|(word, _)| dimension.operators.iter().any(|known| known == word));
    let values = dimension.values.iter().flatten().map(|value| option(value, value, false));
    Some(NewFilter {
        name: dimension.name.clone(),
        label: dimension.label.clone(),
        operators: operators.map(|(word, label)| option(label, word, false)).collect(),
        values: values.collect(),
        cancel_href: address.clone().without(&FILTER_FORM).href(),
    })
}

/// The address with the new filter that a form has sent; none if it has sent none.
pub(super) fn filtered(address: &Address, schema: &Schema) -> Option<Address> {
    let operator = address.get("filter_op")?;
    let filter = schema.dimension(address.get("filter_by")?)?.filter.as_deref()?;
    let rest = address.clone().without(&FILTER_FORM).without(&["open"]);
    match operator {
        "is" => Some(rest.and(filter, address.get("filter_value")?)),
        "none" => Some(rest.and(&format!("{filter}.none"), "1")),
        "not" | "has" => Some(rest.and(&format!("{filter}.{operator}"), address.get("filter_value")?)),
        _ => None,
    }
}
