//! Conditions on the columns of prospects and orders, with any number of values. Lists and reports
//! share them, so that a number of a report and the list of its events have the same filter.

use clickhouse::query::Query;

/// The values of one condition. Every expression has the type of its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Values {
    Numbers(Vec<u64>),
    Texts(Vec<String>),
}

/// A comparison of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    /// Is one of the values.
    Is(Values),
    /// Differs from all of the values.
    IsNot(Values),
    /// Contains one of the texts, in upper or lower case.
    Has(Vec<String>),
    /// Is empty, or the id 0.
    IsNone,
    /// Is not empty.
    IsSome,
}

/// Conditions that must all hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions {
    /// Each with the name of the compared value.
    parts: Vec<(&'static str, String)>,
    values: Vec<Values>,
}

impl Conditions {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Adds that one of the comparisons of an expression holds. `empty` is its value for "none", as
    /// SQL.
    pub fn any_of(&mut self, name: &'static str, expression: &str, empty: &str, comparisons: &[Comparison]) {
        let parts: Vec<String> =
            comparisons.iter().map(|comparison| self.comparison_sql(expression, empty, comparison)).collect();
        if !parts.is_empty() {
            self.parts.push((name, format!(" AND ({})", parts.join(" OR "))));
        }
    }

    fn comparison_sql(&mut self, expression: &str, empty: &str, comparison: &Comparison) -> String {
        match comparison {
            Comparison::Is(values) => format!("{expression} IN {}", self.parameter(values)),
            Comparison::IsNot(values) => format!("{expression} NOT IN {}", self.parameter(values)),
            Comparison::Has(texts) => {
                let texts = self.parameter(&Values::Texts(texts.clone()));
                format!("arrayExists(part -> positionCaseInsensitiveUTF8({expression}, part) > 0, {texts})")
            }
            Comparison::IsNone => format!("{expression} = {empty}"),
            Comparison::IsSome => format!("{expression} != {empty}"),
        }
    }

    fn parameter(&mut self, values: &Values) -> String {
        let kind = match values {
            Values::Numbers(_) => "UInt64",
            Values::Texts(_) => "String",
        };
        let placeholder = format!("{{condition_{}:Array({kind})}}", self.values.len());
        self.values.push(values.clone());
        placeholder
    }

    /// Returns the conditions, each after an `AND`; empty without any.
    #[must_use]
    pub fn sql(&self) -> String {
        self.sql_of(|_| true)
    }

    /// Returns the conditions on some names only.
    #[must_use]
    pub fn sql_of(&self, is_wanted: impl Fn(&str) -> bool) -> String {
        self.parts.iter().filter(|(name, _)| is_wanted(name)).map(|(_, sql)| sql.as_str()).collect()
    }

    /// Binds the parameters of the conditions.
    pub fn bind(&self, query: Query) -> Query {
        self.values.iter().enumerate().fold(query, |query, (index, values)| {
            let name = format!("condition_{index}");
            match values {
                Values::Numbers(numbers) => query.param(&name, numbers),
                Values::Texts(texts) => query.param(&name, texts),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternatives_of_one_expression_are_joined_by_or() {
        let mut conditions = Conditions::default();
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        conditions.any_of(
            "page",
            "page",
            "''",
            &[
                Comparison::Is(Values::Texts(texts(&["a"]))),
                Comparison::Has(texts(&["b"])),
                Comparison::IsNone,
            ],
        );
        conditions.any_of("user", "user_id", "0", &[Comparison::IsNot(Values::Numbers(vec![7]))]);
        conditions.any_of("os", "os", "''", &[]);
        assert_eq!(
            conditions.sql(),
            " AND (page IN {condition_0:Array(String)} \
             OR arrayExists(part -> positionCaseInsensitiveUTF8(page, part) > 0, {condition_1:Array(String)}) \
             OR page = '') AND (user_id NOT IN {condition_2:Array(UInt64)})"
        );
        assert_eq!(conditions.values.len(), 3);
        assert_eq!(
            conditions.sql_of(|name| name == "user"),
            " AND (user_id NOT IN {condition_2:Array(UInt64)})"
        );
    }
}
