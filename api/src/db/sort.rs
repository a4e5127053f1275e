//! The order of a list in Postgres: the columns by which it can be sorted, and the place where a
//! page begins. `list_query.rs` makes SQL of it.
//!
//! A page begins after a keyset: the values of the sort keys in the last row of the previous page.
//! The last keys are those that make every row different (the id), so that each row is on exactly
//! one page, also among equal values. Nulls come last in both directions.

use chrono::{DateTime, NaiveDate, Utc};

use crate::db::MAX_TIME_MS;

/// The type of a sort key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyType {
    Text,
    /// Any integer.
    Number,
    Time,
    Day,
    Flag,
}

/// An SQL expression that a list is ordered by.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    pub(super) sql: &'static str,
    pub(super) kind: KeyType,
    pub(super) is_nullable: bool,
}

/// A choice of the parameter `sort`.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// The word in `sort`.
    pub name: &'static str,
    pub(super) keys: &'static [Key],
}

/// All choices of the parameter `sort` of a list.
#[derive(Debug, Clone, Copy)]
pub struct Sorting {
    pub columns: &'static [Column],
    /// The `sort` of a request without one, for example `-time`.
    pub default: &'static str,
    /// Keys that make every row different. They follow the keys of the column.
    pub(super) ties: &'static [Key],
}

/// The value of a key in the last row of the previous page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Null,
    Text(String),
    Number(i64),
    Time(DateTime<Utc>),
    Day(NaiveDate),
    Flag(bool),
}

/// The order and the limits of one page.
#[derive(Debug, Clone)]
pub struct Order {
    /// The column and its direction, as in `sort`.
    pub sort: String,
    pub is_descending: bool,
    /// The keys of the column and of the ties.
    pub(super) keys: Vec<Key>,
    /// One value for each key.
    pub(super) after: Option<Vec<Value>>,
    /// The number of rows of the page.
    pub limit: u32,
}

impl Key {
    const fn new(kind: KeyType, sql: &'static str) -> Self {
        Self { sql, kind, is_nullable: false }
    }

    /// A text, in the order of its collation.
    #[must_use]
    pub const fn text(sql: &'static str) -> Self {
        Self::new(KeyType::Text, sql)
    }

    /// An integer.
    #[must_use]
    pub const fn number(sql: &'static str) -> Self {
        Self::new(KeyType::Number, sql)
    }

    /// A `timestamptz`.
    #[must_use]
    pub const fn time(sql: &'static str) -> Self {
        Self::new(KeyType::Time, sql)
    }

    /// A `date`.
    #[must_use]
    pub const fn day(sql: &'static str) -> Self {
        Self::new(KeyType::Day, sql)
    }

    /// A `boolean`; false comes before true.
    #[must_use]
    pub const fn flag(sql: &'static str) -> Self {
        Self::new(KeyType::Flag, sql)
    }

    /// The same key, which may be null. A key that is not null can use an index better.
    #[must_use]
    pub const fn or_null(self) -> Self {
        Self { is_nullable: true, ..self }
    }

    /// Parses the text of a value, as `list_query.rs` selects it.
    fn parse(self, text: Option<&str>) -> Option<Value> {
        let Some(text) = text else { return self.is_nullable.then_some(Value::Null) };
        match self.kind {
            KeyType::Text => {
                Some(text).filter(|text| !text.contains('\0')).map(|text| Value::Text(text.to_owned()))
            }
            KeyType::Number => text.parse().ok().map(Value::Number),
            KeyType::Time => {
                let micros = text.parse().ok().filter(|micros| (0..=MAX_TIME_MS * 1000).contains(micros))?;
                DateTime::from_timestamp_micros(micros).map(Value::Time)
            }
            KeyType::Day => NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(Value::Day),
            KeyType::Flag => text.parse().ok().map(Value::Flag),
        }
    }
}

impl Column {
    /// Lists are rarely sorted by more than one key: amounts, for example, by currency first.
    #[must_use]
    pub const fn new(name: &'static str, keys: &'static [Key]) -> Self {
        Self { name, keys }
    }
}

/// Words for the same column. A list has one of them, and understands all.
const SYNONYMS: [&[&str]; 2] = [&["time", "at", "created_at", "created"], &["actor_name", "actor"]];

impl Sorting {
    #[must_use]
    pub const fn new(default: &'static str, ties: &'static [Key], columns: &'static [Column]) -> Self {
        Self { columns, default, ties }
    }

    /// Returns the words that `sort` accepts.
    #[must_use]
    pub fn choices(&self) -> Vec<String> {
        let names = self.columns.iter().map(|column| column.name);
        names.flat_map(|name| [name.to_owned(), format!("-{name}")]).collect()
    }

    /// Returns the order of a page from the start of the list; `None` if there is no such column.
    #[must_use]
    pub fn order(&self, sort: &str, limit: u32) -> Option<Order> {
        let (is_descending, name) = sort.strip_prefix('-').map_or((false, sort), |name| (true, name));
        let column = self.find(name)?;
        let keys = [column.keys, self.ties].concat();
        let sort = format!("{}{}", if is_descending { "-" } else { "" }, column.name);
        Some(Order { sort, is_descending, keys, after: None, limit })
    }

    fn find(&self, name: &str) -> Option<&Column> {
        let named = |name: &str| self.columns.iter().find(|column| column.name == name);
        let synonyms = SYNONYMS.iter().filter(|words| words.contains(&name)).copied().flatten();
        named(name).or_else(|| synonyms.filter_map(|word| named(word)).next())
    }
}

impl Order {
    /// Returns the word of the column.
    #[must_use]
    pub fn column(&self) -> &str {
        self.sort.trim_start_matches('-')
    }

    /// Begins the page after these values. Returns false if they are not values of the keys.
    #[must_use]
    pub fn begin_after(&mut self, keyset: &[Option<String>]) -> bool {
        if keyset.len() != self.keys.len() {
            return false;
        }
        let values = self.keys.iter().zip(keyset).map(|(key, text)| key.parse(text.as_deref()));
        self.after = values.collect();
        self.after.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SORTING: Sorting = Sorting::new(
        "name",
        &[Key::number("id")],
        &[
            Column::new("name", &[Key::text("lower(name)")]),
            Column::new("last_login", &[Key::time("last_login").or_null()]),
            Column::new("created_at", &[Key::time("created_at")]),
        ],
    );

    #[test]
    fn a_column_is_found_by_its_name_or_another_word_for_its_time() {
        for (sort, expected) in [
            ("name", Some("name")),
            ("-name", Some("-name")),
            ("-time", Some("-created_at")),
            ("created", Some("created_at")),
            ("--name", None),
            ("", None),
            ("Name", None),
            ("lower(name)", None),
        ] {
            assert_eq!(SORTING.order(sort, 1).map(|order| order.sort).as_deref(), expected, "{sort}");
        }
    }

    #[test]
    fn only_values_of_the_keys_are_a_keyset() {
        let begins = |sort: &str, keyset: &[Option<&str>]| {
            let keyset: Vec<_> = keyset.iter().map(|text| text.map(str::to_owned)).collect();
            SORTING.order(sort, 1).unwrap().begin_after(&keyset)
        };
        assert!(begins("name", &[Some("é"), Some("7")]));
        assert!(begins("last_login", &[None, Some("7")]));
        assert!(begins("last_login", &[Some("1795446000000000"), Some("7")]));
        for wrong in [
            &[][..],
            &[Some("a")],
            &[None, Some("7")],
            &[Some("a"), None],
            &[Some("a"), Some("x")],
            &[Some("a\0"), Some("7")],
            &[Some("a"), Some("9223372036854775808")],
            &[Some("a"), Some("7"), Some("7")],
        ] {
            assert!(!begins("name", wrong), "{wrong:?}");
        }
        assert!(!begins("last_login", &[Some("9223372036854775807"), Some("7")]));
        assert!(!begins("last_login", &[Some("2026-11-23"), Some("7")]));
    }
}
