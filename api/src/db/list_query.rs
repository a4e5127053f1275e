//! The query of one page of a list in Postgres.
//!
//! Every part of the SQL is a constant of the program, and every value is a parameter. A filter
//! that is not set adds no condition, so that Postgres plans each page for the filters in use.

use sqlx::postgres::PgRow;
use sqlx::{Encode, FromRow, PgExecutor, Postgres, QueryBuilder, Row as _, Type};

use crate::db::sort::{Key, KeyType, Order, Value};

/// A query under construction.
pub struct ListQuery<'a> {
    sql: QueryBuilder<Postgres>,
    /// `None`: a query of one row.
    order: Option<&'a Order>,
}

/// The filters of a list of things with names.
#[derive(Debug, Clone)]
pub struct NamedFilter {
    /// The `ILIKE` patterns of the words to search for.
    pub q: Vec<String>,
    pub is_archived: bool,
}

/// A row and its keyset, with which the next page begins if this is the last row.
#[derive(Debug, Clone)]
pub struct Keyed<T> {
    pub row: T,
    pub keyset: Vec<Option<String>>,
}

impl<'r, T: FromRow<'r, PgRow>> FromRow<'r, PgRow> for Keyed<T> {
    fn from_row(row: &'r PgRow) -> sqlx::Result<Self> {
        Ok(Self { row: T::from_row(row)?, keyset: row.try_get("keyset")? })
    }
}

impl<'a> ListQuery<'a> {
    /// Begins `SELECT columns FROM from WHERE true`.
    #[must_use]
    pub fn new(order: &'a Order, columns: &'static str, from: &'static str) -> Self {
        Self::select(order, columns).sql(from).sql(" WHERE true")
    }

    /// Begins `SELECT columns FROM from WHERE true`, for one row.
    #[must_use]
    pub fn one(columns: &'static str, from: &'static str) -> Self {
        let sql = QueryBuilder::new("SELECT ");
        Self { sql, order: None }.sql(columns).sql(" FROM ").sql(from).sql(" WHERE true")
    }

    /// Begins `SELECT columns FROM `.
    #[must_use]
    pub fn select(order: &'a Order, columns: &'static str) -> Self {
        let mut sql = QueryBuilder::new("SELECT ");
        sql.push(columns).push(", ARRAY[");
        for (index, key) in order.keys.iter().enumerate() {
            sql.push(if index == 0 { "" } else { ", " });
            // Times are in microseconds, so that no setting of the server can change their text.
            let (before, after) = match key.kind {
                KeyType::Time => ("(extract(epoch FROM ", ") * 1000000)::bigint::text"),
                KeyType::Text | KeyType::Number | KeyType::Day | KeyType::Flag => ("(", ")::text"),
            };
            sql.push(before).push(key.sql).push(after);
        }
        sql.push("] AS keyset FROM ");
        Self { sql, order: Some(order) }
    }

    /// Adds SQL.
    #[must_use]
    pub fn sql(mut self, part: &'static str) -> Self {
        self.sql.push(part);
        self
    }

    /// Adds a parameter.
    #[must_use]
    pub fn bind<T>(mut self, value: T) -> Self
    where
        T: for<'q> Encode<'q, Postgres> + Type<Postgres>,
    {
        self.sql.push_bind(value);
        self
    }

    /// Limits the rows to those that are archived, or to those that are not.
    #[must_use]
    pub fn archived(self, column: &'static str, is_archived: bool) -> Self {
        self.sql(" AND ").sql(column).sql(if is_archived { " IS NOT NULL" } else { " IS NULL" })
    }

    /// Adds ` AND (condition)` if the filter has a value, which replaces each `?` of the condition.
    #[must_use]
    pub fn when<T>(mut self, condition: &'static str, value: Option<T>) -> Self
    where
        T: for<'q> Encode<'q, Postgres> + Type<Postgres> + Clone,
    {
        let Some(value) = value else { return self };
        self.sql.push(" AND (");
        for (index, part) in condition.split('?').enumerate() {
            if index > 0 {
                self.sql.push_bind(value.clone());
            }
            self.sql.push(part);
        }
        self.sql.push(")");
        self
    }

    /// Adds ` AND (condition)` for each pattern of a search.
    #[must_use]
    pub fn for_each(self, condition: &'static str, patterns: &[String]) -> Self {
        patterns.iter().fold(self, |query, pattern| query.when(condition, Some(pattern.clone())))
    }

    /// Adds the condition, the order and the limit of the page: to the query, or to a subquery in
    /// which the sort keys mean the same.
    #[must_use]
    pub fn page(mut self) -> Self {
        let Some(order) = self.order else { return self };
        self.push_after(order);
        for (index, key) in order.keys.iter().enumerate() {
            self.sql.push(if index == 0 { " ORDER BY " } else { ", " }).push(key.sql);
            self.sql.push(if order.is_descending { " DESC" } else { "" });
            // Not for other keys: their index has no nulls at that end.
            self.sql.push(if key.is_nullable { " NULLS LAST" } else { "" });
        }
        // One more row than the page shows, to know whether there is a next page.
        self.sql.push(" LIMIT ").push_bind(i64::from(order.limit) + 1);
        self
    }

    /// Returns the rows of the page, and the first of the next one.
    pub async fn fetch<T>(self, executor: impl PgExecutor<'_>) -> sqlx::Result<Vec<Keyed<T>>>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let mut query = self.page();
        // Not kept as a prepared statement: there are too many, and Postgres would soon use a plan
        // that is not made for the values.
        query.sql.build_query_as().persistent(false).fetch_all(executor).await
    }

    /// Returns the row, if there is one.
    pub async fn fetch_one<T>(mut self, executor: impl PgExecutor<'_>) -> sqlx::Result<Option<T>>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        self.sql.build_query_as().fetch_optional(executor).await
    }

    /// Adds the condition that a row comes after the keyset.
    fn push_after(&mut self, order: &Order) {
        let Some(after) = &order.after else { return };
        let pairs: Vec<(&Key, &Value)> = order.keys.iter().zip(after).collect();
        let beyond = if order.is_descending { " < " } else { " > " };
        self.sql.push(" AND (");
        if pairs.iter().any(|(key, _)| key.is_nullable) {
            // Nothing comes after null.
            let lasts = (0..pairs.len()).filter(|index| *pairs[*index].1 != Value::Null);
            for (index, last) in lasts.enumerate() {
                self.sql.push(if index == 0 { "(" } else { " OR (" });
                self.push_key_beyond(&pairs[..last], beyond, pairs[last]);
                self.sql.push(")");
            }
        } else {
            self.push_row_beyond(&pairs, beyond);
        }
        self.sql.push(")");
    }

    /// Adds the comparison of all keys at once, which can use an index.
    fn push_row_beyond(&mut self, pairs: &[(&Key, &Value)], beyond: &'static str) {
        for (index, (key, _)) in pairs.iter().enumerate() {
            self.sql.push(if index == 0 { "(" } else { ", " }).push(key.sql);
        }
        self.sql.push(")").push(beyond).push("(");
        for (index, (_, value)) in pairs.iter().enumerate() {
            self.sql.push(if index == 0 { "" } else { ", " });
            self.push_value(value);
        }
        self.sql.push(")");
    }

    /// Adds the condition that the first keys are equal, and the last one comes after its value.
    fn push_key_beyond(
        &mut self,
        equal: &[(&Key, &Value)],
        beyond: &'static str,
        (key, value): (&Key, &Value),
    ) {
        for (key, value) in equal {
            self.sql.push(key.sql);
            if **value == Value::Null {
                self.sql.push(" IS NULL AND ");
            } else {
                self.sql.push(" = ");
                self.push_value(value);
                self.sql.push(" AND ");
            }
        }
        self.sql.push("(").push(key.sql).push(beyond);
        self.push_value(value);
        if key.is_nullable {
            self.sql.push(" OR ").push(key.sql).push(" IS NULL");
        }
        self.sql.push(")");
    }

    fn push_value(&mut self, value: &Value) {
        match value {
            Value::Null => self.sql.push("NULL"),
            Value::Text(text) => self.sql.push_bind(text.clone()),
            Value::Number(number) => self.sql.push_bind(*number),
            Value::Time(time) => self.sql.push_bind(*time),
            Value::Day(day) => self.sql.push_bind(*day),
            Value::Flag(flag) => self.sql.push_bind(*flag),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::sort::{Column, Sorting};

    const SORTING: Sorting = Sorting::new(
        "name",
        &[Key::number("id")],
        &[
            Column::new("name", &[Key::text("lower(name)")]),
            Column::new("payout", &[Key::text("currency"), Key::number("payout").or_null()]),
        ],
    );

    fn sql(sort: &str, keyset: &[Option<&str>]) -> String {
        let mut order = SORTING.order(sort, 2).unwrap();
        let keyset: Vec<_> = keyset.iter().map(|text| text.map(str::to_owned)).collect();
        assert!(keyset.is_empty() || order.begin_after(&keyset));
        let query =
            ListQuery::new(&order, "id", "things").when("a = ? OR b = ?", Some(1)).when("c = ?", None::<i64>);
        query.page().sql.into_string()
    }

    #[test]
    fn a_page_is_ordered_and_begins_after_the_keyset() {
        insta::assert_snapshot!(sql("name", &[]), @"SELECT id, ARRAY[(lower(name))::text, (id)::text] AS keyset FROM things WHERE true AND (a = $1 OR b = $2) ORDER BY lower(name), id LIMIT $3");
        insta::assert_snapshot!(sql("-name", &[Some("x"), Some("7")]), @"SELECT id, ARRAY[(lower(name))::text, (id)::text] AS keyset FROM things WHERE true AND (a = $1 OR b = $2) AND ((lower(name), id) < ($3, $4)) ORDER BY lower(name) DESC, id DESC LIMIT $5");
        insta::assert_snapshot!(sql("payout", &[Some("USD"), Some("5"), Some("7")]), @"SELECT id, ARRAY[(currency)::text, (payout)::text, (id)::text] AS keyset FROM things WHERE true AND (a = $1 OR b = $2) AND (((currency > $3)) OR (currency = $4 AND (payout > $5 OR payout IS NULL)) OR (currency = $6 AND payout = $7 AND (id > $8))) ORDER BY currency, payout NULLS LAST, id LIMIT $9");
        insta::assert_snapshot!(sql("-payout", &[Some("USD"), None, Some("7")]), @"SELECT id, ARRAY[(currency)::text, (payout)::text, (id)::text] AS keyset FROM things WHERE true AND (a = $1 OR b = $2) AND (((currency < $3)) OR (currency = $4 AND payout IS NULL AND (id < $5))) ORDER BY currency DESC, payout DESC NULLS LAST, id DESC LIMIT $6");
    }
}
