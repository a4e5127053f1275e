//! The dimensions of reports: names, labels, SQL expressions, and who may see them.
//!
//! An order has the owner, country, device, system, browser and bot of its visit in columns of its
//! own. Its other dimensions are read from the visit (`query.rs` joins the two).

use crate::dates::buckets::Interval;
use crate::db::names::Refers;
use crate::policy::Grant;

/// Something to group by, or to filter by.
#[derive(Debug, Clone, Copy)]
pub struct Dimension {
    /// The word in `group_by`.
    pub name: &'static str,
    pub label: &'static str,
    /// The word of its filter; empty for intervals, which `from` and `to` select.
    pub filter: &'static str,
    pub group: &'static str,
    pub kind: Kind,
    /// Its value in a row of `prospects`; empty if it depends on the request.
    column: &'static str,
    /// Whether `orders` has the same column.
    pub is_of_orders: bool,
    /// Whether it is a text that visitors bring, which needs the permission to see customer data.
    pub is_visitor_text: bool,
}

/// The kind of a dimension's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An id of something that has a name.
    Id(Refers),
    /// One of few words.
    Word,
    /// Any text.
    Text,
    /// An interval of the range, in the zone of the request.
    Interval(Interval),
    /// 1 (Monday) to 7.
    Weekday,
    /// 0 to 23.
    HourOfDay,
}

impl Kind {
    /// Returns whether the values are numbers in SQL.
    #[must_use]
    pub const fn is_number(self) -> bool {
        !matches!(self, Self::Word | Self::Text)
    }

    /// Returns whether the values are times. Reports list every time, also those without events.
    #[must_use]
    pub const fn is_time(self) -> bool {
        matches!(self, Self::Interval(_) | Self::Weekday | Self::HourOfDay)
    }
}

const fn id(
    name: &'static str,
    label: &'static str,
    filter: &'static str,
    refers: Refers,
    column: &'static str,
) -> Dimension {
    let kind = Kind::Id(refers);
    Dimension { name, label, filter, group: "who", kind, column, is_of_orders: true, is_visitor_text: false }
}

const fn word(name: &'static str, label: &'static str) -> Dimension {
    let (column, kind) = (name, Kind::Word);
    Dimension {
        name,
        label,
        filter: name,
        group: "visitor",
        kind,
        column,
        is_of_orders: true,
        is_visitor_text: false,
    }
}

/// A text from the traffic source, not from the visitor.
const fn text(name: &'static str, label: &'static str) -> Dimension {
    Dimension { group: "traffic", kind: Kind::Text, is_of_orders: false, ..word(name, label) }
}

const fn visitor_text(name: &'static str, label: &'static str) -> Dimension {
    Dimension { is_visitor_text: true, ..text(name, label) }
}

const fn sub(name: &'static str, label: &'static str, column: &'static str) -> Dimension {
    Dimension { group: "subs", column, ..visitor_text(name, label) }
}

const fn time(name: &'static str, label: &'static str, filter: &'static str, kind: Kind) -> Dimension {
    Dimension { filter, group: "time", kind, column: "", ..word(name, label) }
}

macro_rules! subs {
    ($($number:literal)*) => {
        [$(sub(
            concat!("sub", $number),
            concat!("Sub ", $number),
            concat!("subs[", $number, "]"),
        )),*]
    };
}

const SUBS: [Dimension; 20] = subs!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20);

const OTHERS: [Dimension; 28] = [
    id("user", "Buyer", "user_id", Refers::User, "user_id"),
    id("team", "Team", "team_id", Refers::Team, "team_id"),
    id("campaign", "Campaign", "campaign_id", Refers::Campaign, "campaign_id"),
    id("source", "Source", "source_id", Refers::Source, ""),
    id("partner", "Partner", "partner_id", Refers::Partner, ""),
    word("country", "Country"),
    word("device", "Device"),
    word("os", "System"),
    word("browser", "Browser"),
    word("bot", "Bot"),
    Dimension { kind: Kind::Word, ..text("external_kind", "Kind of click id") },
    visitor_text("page", "Landing page"),
    visitor_text("referrer", "Referrer"),
    visitor_text("keyword", "Keyword"),
    text("creative_id", "Creative"),
    text("ad_campaign_id", "Ad campaign"),
    text("placement", "Placement"),
    visitor_text("utm_source", "utm_source"),
    visitor_text("utm_medium", "utm_medium"),
    visitor_text("utm_campaign", "utm_campaign"),
    visitor_text("utm_content", "utm_content"),
    visitor_text("utm_term", "utm_term"),
    time("hour", "Hour", "", Kind::Interval(Interval::Hour)),
    time("day", "Day", "", Kind::Interval(Interval::Day)),
    time("week", "Week", "", Kind::Interval(Interval::Week)),
    time("month", "Month", "", Kind::Interval(Interval::Month)),
    time("weekday", "Weekday", "weekday", Kind::Weekday),
    time("hour_of_day", "Hour of the day", "hour_of_day", Kind::HourOfDay),
];

/// All dimensions.
pub static DIMENSIONS: [Dimension; OTHERS.len() + SUBS.len()] = {
    let mut all = [OTHERS[0]; OTHERS.len() + SUBS.len()];
    let mut index = 0;
    while index < all.len() {
        all[index] = if index < OTHERS.len() { OTHERS[index] } else { SUBS[index - OTHERS.len()] };
        index += 1;
    }
    all
};

/// Returns the dimension of a name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Dimension> {
    DIMENSIONS.iter().find(|dimension| dimension.name == name)
}

/// Returns the dimensions that a caller may use, in order.
pub fn permitted(grant: Grant) -> impl Iterator<Item = &'static Dimension> {
    DIMENSIONS.iter().filter(move |dimension| dimension.is_permitted(grant))
}

impl Dimension {
    /// Returns whether a caller may see and filter by the values.
    #[must_use]
    pub const fn is_permitted(&self, grant: Grant) -> bool {
        grant.customer_data || !self.is_visitor_text
    }

    /// Returns the expression of its value in a row. `slots` is the parameter with the starts of
    /// the intervals, which only intervals use.
    #[must_use]
    pub fn sql(&self, slots: &str) -> String {
        match (self.name, self.kind) {
            ("source", _) => CAMPAIGN_TO.replace("THING", "sources"),
            ("partner", _) => CAMPAIGN_TO.replace("THING", "partners"),
            // The start of the interval, and from that its number.
            (_, Kind::Interval(_)) => format!(
                "transform(roundDown(toUnixTimestamp64Milli(time), {{{slots}:Array(Int64)}}),
                           {{{slots}:Array(Int64)}}, range(length({{{slots}:Array(Int64)}})), toUInt64(0))"
            ),
            // 1 January 1970 was a Thursday.
            (_, Kind::Weekday) => format!("toUInt64(positiveModulo(intDiv({LOCAL}, 86400000) + 3, 7) + 1)"),
            (_, Kind::HourOfDay) => {
                format!("toUInt64(intDiv(positiveModulo({LOCAL}, 86400000), 3600000))")
            }
            (_, Kind::Id(_) | Kind::Word | Kind::Text) => self.column.to_owned(),
        }
    }

    /// Returns the value that stands for "none", in SQL.
    #[must_use]
    pub const fn empty_sql(&self) -> &'static str {
        if self.kind.is_number() { "0" } else { "''" }
    }

    /// Returns whether a list of prospects has the column.
    #[must_use]
    pub const fn is_of_prospects(&self) -> bool {
        !self.column.is_empty()
    }

    /// Returns whether a list of orders has the column.
    #[must_use]
    pub const fn is_column_of_orders(&self) -> bool {
        self.is_of_orders && self.is_of_prospects()
    }
}

/// The local time of an event in the zone, in milliseconds since 1970.
pub const LOCAL: &str = "(toUnixTimestamp64Milli(time) + transform(roundDown(toUnixTimestamp64Milli(time), \
    {changes:Array(Int64)}), {changes:Array(Int64)}, {offsets:Array(Int64)}, toInt64(0)))";

/// The source or the partner that the campaign has now.
const CAMPAIGN_TO: &str =
    "transform(campaign_id, {campaigns:Array(UInt64)}, {THING:Array(UInt64)}, toUInt64(0))";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Scope;

    #[test]
    fn names_and_filters_are_unique() {
        for (index, dimension) in DIMENSIONS.iter().enumerate() {
            let rest = &DIMENSIONS[index + 1..];
            assert!(rest.iter().all(|other| other.name != dimension.name), "{}", dimension.name);
            let is_taken = rest.iter().any(|other| other.filter == dimension.filter);
            assert!(dimension.filter.is_empty() || !is_taken, "{}", dimension.filter);
            assert_eq!(find(dimension.name).unwrap().name, dimension.name);
        }
    }

    #[test]
    fn texts_of_visitors_are_customer_data() {
        let masked = Grant { scope: Scope::All, customer_data: false };
        let names: Vec<&str> = permitted(masked).map(|dimension| dimension.name).collect();
        for name in ["page", "referrer", "keyword", "sub1", "sub20", "utm_term"] {
            assert!(!names.contains(&name) && find(name).is_some(), "{name}");
        }
        assert!(names.contains(&"country") && names.contains(&"placement"));
    }
}
