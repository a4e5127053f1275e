//! Filters by dimension, of reports and of the lists of their events: `NAME=` (repeated: any of
//! these), `NAME.not=`, `NAME.has=` (contains) and `NAME.none=1` (has no value).

use crate::db::event_conditions::{Comparison, Conditions, Values};
use crate::http::query::Params;
use crate::reports::dimensions::{Dimension, Kind};

/// The longest value of a filter, in characters.
pub const MAX_VALUE_CHARS: usize = 1000;
/// The most values of all filters.
pub const MAX_VALUES: usize = 50;
/// Reasons why a visit counts as one of a bot.
pub const BOT_REASONS: [&str; 2] = ["user_agent", "no_user_agent"];
const OPERATORS: [&str; 3] = ["not", "has", "none"];

/// The filter of one dimension.
#[derive(Debug, Clone)]
pub struct Filter {
    pub dimension: &'static Dimension,
    is: Vec<String>,
    not: Vec<String>,
    has: Vec<String>,
    is_none: bool,
}

/// All filters of a request.
#[derive(Debug, Clone, Default)]
pub struct Filters(Vec<Filter>);

impl Filters {
    /// Reads the filters of these dimensions. Errors stay in `params`.
    pub fn read(params: &mut Params, dimensions: impl Iterator<Item = &'static Dimension>) -> Self {
        let mut found = Self::default();
        let mut n_values = 0;
        for dimension in dimensions.filter(|dimension| !dimension.filter.is_empty()) {
            let Some(filter) = Filter::read(params, dimension) else { continue };
            n_values += filter.is.len() + filter.not.len() + filter.has.len();
            if n_values > MAX_VALUES {
                params.fail(dimension.filter, format!("Filter by at most {MAX_VALUES} values."));
                return found;
            }
            found.0.push(filter);
        }
        found
    }

    /// Returns the names of the dimensions with a filter.
    pub fn dimensions(&self) -> impl Iterator<Item = &'static Dimension> + '_ {
        self.0.iter().map(|filter| filter.dimension)
    }

    /// Takes the filter of a dimension out if it has one value and no operator.
    pub fn take_single(&mut self, name: &str) -> Option<String> {
        let is_single = |filter: &Filter| {
            filter.is.len() == 1 && filter.not.is_empty() && filter.has.is_empty() && !filter.is_none
        };
        let index = self.0.iter().position(|filter| filter.dimension.name == name && is_single(filter))?;
        self.0.remove(index).is.pop()
    }

    /// Makes the conditions. `expression_of` returns the value of a dimension as SQL.
    #[must_use]
    pub fn conditions(&self, expression_of: impl Fn(&Dimension) -> String) -> Conditions {
        let mut conditions = Conditions::default();
        for filter in &self.0 {
            let (name, empty) = (filter.dimension.name, filter.dimension.empty_sql());
            let expression = expression_of(filter.dimension);
            conditions.any_of(name, &expression, empty, &filter.alternatives());
            if !filter.not.is_empty() {
                let not = Comparison::IsNot(filter.values(&filter.not));
                conditions.any_of(name, &expression, empty, &[not]);
            }
        }
        conditions
    }

    /// Returns the parameters of the filters of dimensions other than these.
    pub fn pairs<'a>(&'a self, without: &'a [&str]) -> impl Iterator<Item = (String, String)> + 'a {
        self.0.iter().filter(|filter| !without.contains(&filter.dimension.name)).flat_map(Filter::pairs)
    }
}

impl Filter {
    fn read(params: &mut Params, dimension: &'static Dimension) -> Option<Self> {
        let mut all = |operator: &str| -> Vec<String> {
            let name = name_of(dimension, operator);
            let sent: Vec<String> = params.all(&name).map(str::to_owned).collect();
            sent.into_iter()
                .filter_map(|value| read_value(params, dimension, &name, operator, value))
                .collect()
        };
        let (is, not, has, none) = (all(""), all("not"), all("has"), all("none"));
        let filter = Self { dimension, is, not, has, is_none: !none.is_empty() };
        filter.is_given().then_some(filter)
    }

    fn is_given(&self) -> bool {
        self.is_none || [&self.is, &self.not, &self.has].iter().any(|values| !values.is_empty())
    }

    fn values(&self, values: &[String]) -> Values {
        if self.dimension.kind.is_number() {
            Values::Numbers(values.iter().filter_map(|value| value.parse().ok()).collect())
        } else {
            Values::Texts(values.to_vec())
        }
    }

    fn alternatives(&self) -> Vec<Comparison> {
        let mut found = Vec::new();
        let (words, values): (Vec<String>, Vec<String>) =
            self.is.iter().cloned().partition(|value| self.dimension.name == "bot" && is_flag(value));
        for word in words {
            let is_bot = matches!(word.as_str(), "true" | "1");
            found.push(if is_bot { Comparison::IsSome } else { Comparison::IsNone });
        }
        if !values.is_empty() {
            found.push(Comparison::Is(self.values(&values)));
        }
        if !self.has.is_empty() {
            found.push(Comparison::Has(self.has.clone()));
        }
        if self.is_none {
            found.push(Comparison::IsNone);
        }
        found
    }

    fn pairs(&self) -> Vec<(String, String)> {
        let named = |operator: &str, values: &[String]| {
            let name = name_of(self.dimension, operator);
            values.iter().map(|value| (name.clone(), value.clone())).collect::<Vec<_>>()
        };
        let none = if self.is_none { vec!["1".to_owned()] } else { Vec::new() };
        [named("", &self.is), named("not", &self.not), named("has", &self.has), named("none", &none)].concat()
    }
}

fn name_of(dimension: &Dimension, operator: &str) -> String {
    if operator.is_empty() { dimension.filter.to_owned() } else { format!("{}.{operator}", dimension.filter) }
}

fn is_flag(word: &str) -> bool {
    matches!(word, "true" | "1" | "false" | "0")
}

/// Checks a value; `None` when it is wrong.
fn read_value(
    params: &mut Params,
    dimension: &Dimension,
    name: &str,
    operator: &str,
    value: String,
) -> Option<String> {
    let allowed = operators(dimension);
    let checked = match operator {
        "" => is_of(dimension, value),
        _ if !allowed.contains(&operator) => Err(format!("This filter has no \"{operator}\".")),
        "none" if value != "1" => Err("Only 1 is a valid choice.".to_owned()),
        "none" => Ok(value),
        "has" if value.chars().count() > MAX_VALUE_CHARS => Err(too_long()),
        "has" => Ok(value),
        _ if dimension.name == "bot" && is_flag(&value) => Err("Name a reason.".to_owned()),
        _ => is_of(dimension, value),
    };
    checked.map_err(|message| params.fail(name, message)).ok()
}

/// Returns the operators of a dimension besides equality.
#[must_use]
pub fn operators(dimension: &Dimension) -> &'static [&'static str] {
    match dimension.kind {
        Kind::Word | Kind::Text => &OPERATORS,
        Kind::Id(_) => &["not", "none"],
        Kind::Weekday | Kind::HourOfDay => &["not"],
        Kind::Interval(_) => &[],
    }
}

fn too_long() -> String {
    format!("Ensure this field has no more than {MAX_VALUE_CHARS} characters.")
}

/// Checks that a dimension may have the value.
fn is_of(dimension: &Dimension, value: String) -> Result<String, String> {
    let number = value.parse::<i64>().ok().filter(|_| value.bytes().all(|byte| byte.is_ascii_digit()));
    let is_within = |least, most| number.is_some_and(|number| (least..=most).contains(&number));
    let is_letters = value.len() == 2 && value.bytes().all(|byte| byte.is_ascii_alphabetic());
    match (dimension.name, dimension.kind) {
        ("country", _) if is_letters => Ok(value.to_ascii_uppercase()),
        ("country", _) => Err("Enter a country as two letters, as UA.".to_owned()),
        ("bot", _) if is_flag(&value) || BOT_REASONS.contains(&value.as_str()) => Ok(value),
        ("bot", _) => Err(format!("\"{}\" is not a valid choice.", shortened(&value))),
        (_, Kind::Id(_)) if is_within(1, i64::MAX) => Ok(value),
        (_, Kind::Id(_)) => Err("A valid integer is required.".to_owned()),
        (_, Kind::Weekday) if is_within(1, 7) => Ok(value),
        (_, Kind::Weekday) => Err("Enter 1 for Monday to 7 for Sunday.".to_owned()),
        (_, Kind::HourOfDay) if is_within(0, 23) => Ok(value),
        (_, Kind::HourOfDay) => Err("Enter an hour from 0 to 23.".to_owned()),
        _ if value.chars().count() > MAX_VALUE_CHARS => Err(too_long()),
        _ => Ok(value),
    }
}

/// Returns the beginning of a value, for a message.
#[must_use]
pub fn shortened(value: &str) -> String {
    const SHOWN: usize = 50;
    let short: String = value.chars().take(SHOWN).collect();
    if short.len() < value.len() { short + "…" } else { short }
}

/// Returns the parameter that selects a value of a dimension; `None` if no filter can.
#[must_use]
pub fn pair_of(dimension: &Dimension, value: &str) -> Option<(String, String)> {
    if dimension.filter.is_empty() {
        return None;
    }
    if !value.is_empty() {
        let checked = is_of(dimension, value.to_owned()).ok()?;
        return (checked == value).then(|| (name_of(dimension, ""), checked));
    }
    match dimension.name {
        "bot" => Some(("bot".to_owned(), "false".to_owned())),
        _ => operators(dimension).contains(&"none").then(|| (name_of(dimension, "none"), "1".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reports::dimensions::DIMENSIONS;
    use crate::reports::dimensions::find;

    fn all() -> impl Iterator<Item = &'static Dimension> {
        DIMENSIONS.iter().filter_map(|dimension| find(dimension.name))
    }

    fn sql(query: &str) -> Result<String, String> {
        let mut params = Params::parse(Some(query));
        let filters = Filters::read(&mut params, all());
        params.finish().map_err(|error| error.sentence())?;
        Ok(filters.conditions(|dimension| dimension.name.to_owned()).sql())
    }

    #[test]
    fn operators_become_conditions() {
        assert_eq!(sql(""), Ok(String::new()));
        assert_eq!(
            sql("device=tablet&device=mobile").unwrap(),
            " AND (device IN {condition_0:Array(String)})"
        );
        assert_eq!(
            sql("sub1.none=1&sub1=a&user_id.not=7").unwrap(),
            " AND (user NOT IN {condition_0:Array(UInt64)}) AND (sub1 IN {condition_1:Array(String)} OR sub1 = '')"
        );
        assert_eq!(sql("bot=true").unwrap(), " AND (bot != '')");
        assert_eq!(sql("bot=0").unwrap(), " AND (bot = '')");
    }

    #[test]
    fn wrong_values_are_errors_at_their_parameter() {
        let long = format!("page={}", "'".repeat(MAX_VALUE_CHARS + 1));
        let many: String = (0..=MAX_VALUES).map(|index| format!("&sub1={index}")).collect();
        for (query, name) in [
            ("user_id=x", "user_id"),
            ("user_id=0", "user_id"),
            ("team_id.not=-1", "team_id.not"),
            ("campaign_id.has=1", "campaign_id.has"),
            ("country=Germany", "country"),
            ("bot=maybe", "bot"),
            ("weekday=8", "weekday"),
            ("hour_of_day=24", "hour_of_day"),
            ("hour_of_day.none=1", "hour_of_day.none"),
            ("device.none=0", "device.none"),
            (long.as_str(), "page"),
            (many.as_str(), "sub1"),
        ] {
            assert!(sql(query).unwrap_err().starts_with(name), "{query}: {:?}", sql(query));
        }
    }

    #[test]
    fn a_value_has_its_filter() {
        let pair = |name: &str, value: &str| {
            pair_of(find(name).unwrap(), value).map(|(name, value)| format!("{name}={value}"))
        };
        assert_eq!(pair("user", "7").unwrap(), "user_id=7");
        assert_eq!(pair("user", "").unwrap(), "user_id.none=1");
        assert_eq!(pair("bot", "").unwrap(), "bot=false");
        assert_eq!(pair("sub1", "a=b").unwrap(), "sub1=a=b");
        assert_eq!((pair("day", "2026-11-01"), pair("page", &"x".repeat(1001))), (None, None));
    }
}
