//! The table of a list. Rows come from the API's responses, or from a page that makes its own
//! cells.

use serde_json::{Map, Value};

use crate::http::query::with_param;
use crate::pages::cell::Cell;
use crate::pages::entity::{Column, Entity, Kind};
use crate::pages::format::{self, LocalTime, Shortened};
use crate::pages::names::Names;
use crate::time_zone::TimeZone;

/// A table with headings that sort.
#[derive(Debug, Default)]
pub struct Table {
    pub caption: String,
    pub heads: Vec<Head>,
    pub rows: Vec<Row>,
    /// Whether rows can be selected, for actions on many.
    pub is_selectable: bool,
}

/// The heading of a column.
#[derive(Debug)]
pub struct Head {
    pub label: &'static str,
    /// Link to the list sorted by this column.
    pub href: Option<String>,
    /// The value of `aria-sort`; `None` where the list is not sorted by this column.
    pub sorted: Option<&'static str>,
    pub is_number: bool,
}

/// A row of cells.
#[derive(Debug)]
pub struct Row {
    /// The id of the thing, for actions on many.
    pub id: String,
    pub cells: Vec<Cell>,
}

/// Turns the values of an entity into cells.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    pub entity: &'a Entity,
    /// The path before the entity's: empty, or that of the admin section.
    pub base: &'static str,
    pub zone: TimeZone,
    pub names: &'a Names,
}

impl Shown<'_> {
    /// Makes the table of a list.
    #[must_use]
    pub fn table(&self, items: &[Value], query: Option<&str>) -> Table {
        let sort = crate::http::query::Params::parse(query).text("sort").unwrap_or_default().to_owned();
        Table {
            caption: self.entity.many.to_owned(),
            heads: self.entity.columns.iter().map(|column| head(column, &sort, query)).collect(),
            rows: items.iter().map(|item| self.row(item)).collect(),
            is_selectable: false,
        }
    }

    fn row(&self, item: &Value) -> Row {
        Row {
            id: id_of(item),
            cells: self.entity.columns.iter().map(|column| self.cell(column, item)).collect(),
        }
    }

    /// Makes the cell of one value of a thing.
    #[must_use]
    pub fn cell(&self, column: &Column, item: &Value) -> Cell {
        let value = item.get(column.key).unwrap_or(&Value::Null);
        if value.is_null() {
            return Cell::None;
        }
        let text = plain(value);
        match column.kind {
            Kind::Name if self.entity.is_shown => {
                Cell::Link { href: format!("{}/{}/{}/", self.base, self.entity.path(), id_of(item)), text }
            }
            Kind::Uuid(path) if is_uuid(&text) => {
                Cell::Uuid { href: format!("{}/{path}/{text}/", self.base), whole: text }
            }
            Kind::Name | Kind::Uuid(_) | Kind::Text => text_cell(text),
            Kind::Word => text_cell(text.replace('_', " ")),
            Kind::Date => Cell::Date(text),
            Kind::Id(path) => Cell::Link { href: format!("{}/{path}/{text}/", self.base), text },
            Kind::Number => Cell::Number(text.replace('-', "−")),
            Kind::Money => Cell::Number(money(&text, item)),
            Kind::Time => time_ms(&text).map_or(Cell::None, |ms| Cell::Time(LocalTime::new(ms, self.zone))),
            Kind::Flag => text_cell(if value == &Value::Bool(true) { "yes" } else { "no" }.to_owned()),
            Kind::Status => Cell::Status { class: status_class(&text), word: text.replace('_', " ") },
            Kind::Count => Cell::Number(format::number(
                value.as_array().map_or(0, |items| i64::try_from(items.len()).unwrap_or(i64::MAX)),
            )),
            Kind::Words => words(value.as_array().into_iter().flatten().map(plain).collect()),
            Kind::Pairs => {
                words(value.as_object().into_iter().flatten().map(|pair| self.pair(pair)).collect())
            }
            Kind::Ref(refers) => self.names.cell(refers, value.as_i64().unwrap_or_default(), self.base),
        }
    }

    /// Makes the cell of a value on the page of its thing: texts are whole, and the name is no
    /// link to the page itself.
    #[must_use]
    pub fn fact(&self, column: &Column, item: &Value) -> Cell {
        match (column.kind, self.cell(column, item)) {
            (Kind::Name, Cell::Link { text, .. }) => Cell::Whole(text),
            (_, Cell::Text(text)) => Cell::Whole(text.whole),
            (_, cell) => cell,
        }
    }

    fn pair(&self, (name, value): (&String, &Value)) -> String {
        let text = plain(value);
        let shown = match time_ms(&text) {
            Some(ms) => LocalTime::new(ms, self.zone).text,
            None => format::or_none(text),
        };
        format!("{name} = {shown}")
    }
}

/// Returns the name of a thing, which may be only the end of its id.
#[must_use]
pub fn name_of(entity: &Entity, item: &Value) -> String {
    let name = item.get(entity.name).map(plain).unwrap_or_default();
    if entity.name == "id" { Cell::end_of(&name) } else { name }
}

/// Returns the heading of the page of a thing: its name, after the kind where that is no word.
#[must_use]
pub fn title_of(entity: &Entity, item: &Value) -> String {
    let name = name_of(entity, item);
    if name.chars().any(char::is_alphabetic) && entity.name != "id" {
        return name;
    }
    let mut kind = entity.one.chars();
    let first = kind.next().map(char::to_uppercase).into_iter().flatten();
    format!("{} {name}", first.chain(kind).collect::<String>())
}

/// Returns the id of a thing as a text.
#[must_use]
pub fn id_of(item: &Value) -> String {
    item.get("id").map(plain).unwrap_or_default()
}

/// Returns a value as a plain text, for people and for CSV files.
#[must_use]
pub fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(map) => map.iter().map(pair).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

fn pair((name, value): (&String, &Value)) -> String {
    format!("{name} = {}", plain(value))
}

fn head(column: &Column, sort: &str, query: Option<&str>) -> Head {
    let (by, is_descending) = sort.strip_prefix('-').map_or((sort, false), |by| (by, true));
    let is_sorted = column.sort.is_some_and(|known| known == by);
    let href = column.sort.map(|name| {
        let wanted = if is_sorted && !is_descending { format!("-{name}") } else { name.to_owned() };
        let first_page = with_param(query, "cursor", None);
        format!("?{}", with_param(Some(&first_page), "sort", Some(&wanted)))
    });
    let sorted = is_sorted.then_some(if is_descending { "descending" } else { "ascending" });
    Head { label: column.label, href, sorted, is_number: column.is_number() }
}

fn text_cell(text: String) -> Cell {
    if text.is_empty() { Cell::None } else { Cell::Text(Shortened::new(text)) }
}

fn words(words: Vec<String>) -> Cell {
    if words.is_empty() { Cell::None } else { Cell::Words(words) }
}

fn is_uuid(text: &str) -> bool {
    uuid::Uuid::parse_str(text).is_ok()
}

/// Reads a time of the API.
#[must_use]
pub fn time_ms(text: &str) -> Option<i64> {
    chrono::DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_millis())
}

/// Returns an amount with groups of digits and its currency.
fn money(amount: &str, item: &Value) -> String {
    let (sign, amount) = amount.strip_prefix('-').map_or(("", amount), |amount| ("−", amount));
    let (whole, places) = amount.split_once('.').unwrap_or((amount, ""));
    let point = if places.is_empty() { "" } else { "." };
    let currency = item.get("currency").and_then(Value::as_str).unwrap_or_default();
    format!("{sign}{}{point}{places} {currency}", format::grouped(whole)).trim_end().to_owned()
}

/// Returns the class of a status: its color and its shape.
#[must_use]
pub fn status_class(word: &str) -> &'static str {
    match word {
        "hold" | "open" | "waiting" | "parked" => "hold",
        "sale" | "active" | "approved" | "topped_up" | "top_up" => "sale",
        "rejected" | "refused" | "banned" => "rejected",
        "chargeback" | "return" | "reversal" => "chargeback",
        "rebill" | "replayed" => "rebill",
        _ => "trash",
    }
}

/// Returns the ids in a list of things, by what they refer to.
pub fn references<'a>(
    columns: impl Iterator<Item = &'a Column> + Clone,
    items: &[Value],
) -> Vec<(crate::pages::entity::Refers, i64)> {
    let columns = columns.filter_map(|column| match column.kind {
        Kind::Ref(refers) => Some((column.key, refers)),
        _ => None,
    });
    let id = |item: &Map<String, Value>, key: &str| item.get(key).and_then(Value::as_i64);
    items
        .iter()
        .filter_map(Value::as_object)
        .flat_map(|item| columns.clone().filter_map(move |(key, refers)| Some((refers, id(item, key)?))))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::pages::entity::{REQUESTS, USERS};

    #[test]
    fn values_become_cells() {
        let names = Names::default();
        let shown = Shown { entity: &USERS, base: "/admin", zone: TimeZone::UTC, names: &names };
        let user = json!({"id": 7, "username": "ann", "amount": "-1234567.50", "currency": "USD",
                          "at": "2026-11-23T15:00:00Z", "items": [1, 2], "none": null});
        let show = |key, kind| format!("{:?}", shown.cell(&Column::new(key, "", kind), &user));
        assert_eq!(show("username", Kind::Name), "Link { href: \"/admin/users/7/\", text: \"ann\" }");
        assert_eq!(show("amount", Kind::Money), "Number(\"−1\\u{202f}234\\u{202f}567.50 USD\")");
        assert_eq!(
            (show("items", Kind::Count), show("none", Kind::Text)),
            ("Number(\"2\")".into(), "None".into())
        );
        assert!(show("at", Kind::Time).contains("2026-11-23 15:00:00"));
        assert_eq!(money("-0.50", &json!({})), "−0.50");
        let change = json!({"id": 8, "after": {"at": "2026-11-23T15:00:00Z", "by": null, "n": 1}});
        let after = shown.cell(&Column::new("after", "", Kind::Pairs), &change);
        assert_eq!(format!("{after:?}"), r#"Words(["at = 2026-11-23 15:00:00", "by = –", "n = 1"])"#);
        let name = shown.fact(&Column::new("username", "", Kind::Name), &user);
        assert_eq!(format!("{name:?}"), r#"Whole("ann")"#);
        assert_eq!((title_of(&USERS, &user), title_of(&REQUESTS, &user)), ("ann".into(), "Request 7".into()));
    }

    #[test]
    fn a_heading_turns_its_own_order_round() {
        let heads = |query| {
            let column = Column::sorted("username", "Username", Kind::Name);
            let sort = crate::http::query::Params::parse(query).text("sort").unwrap_or_default().to_owned();
            let head = head(&column, &sort, query);
            (head.href.unwrap(), head.sorted)
        };
        assert_eq!(heads(Some("q=a&cursor=x")), ("?q=a&sort=username".into(), None));
        assert_eq!(heads(Some("sort=username")), ("?sort=-username".into(), Some("ascending")));
        assert_eq!(heads(Some("sort=-username")), ("?sort=username".into(), Some("descending")));
    }
}
