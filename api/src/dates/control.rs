//! The dates that a request asks for, and the form that asks for them.

use std::collections::HashSet;

use chrono::Weekday;
use form_urlencoded::{Serializer, parse};

use crate::dates::buckets::{Bucket, Interval, MAX_BUCKETS, buckets};
use crate::dates::compare::{self, Comparison};
use crate::dates::labels;
use crate::dates::range::{Present, Preset, Range};
use crate::db::MAX_TIME_MS;
use crate::http::error::FieldErrors;
use crate::http::json_values;
use crate::http::query::{Params, TimeRange};
use crate::preferences::WeekStart;
use crate::time_zone::TimeZone;
use crate::viewer::Viewer;

/// Parameters of the control. Links of other dates leave them out, and a cursor too.
pub const NAMES: [&str; 8] =
    ["range", "from", "to", "tz", "compare", "compare_from", "compare_to", "interval"];
/// Zones that the form suggests; it accepts every name.
const SUGGESTED_ZONES: [&str; 16] = [
    "UTC",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Warsaw",
    "Europe/Kyiv",
    "Europe/Istanbul",
    "Asia/Dubai",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Bangkok",
    "Asia/Singapore",
    "Asia/Tokyo",
    "Australia/Sydney",
    "America/Sao_Paulo",
    "America/New_York",
    "America/Los_Angeles",
];

/// The choices that the control of a page offers.
#[derive(Debug, Clone, Copy)]
pub struct Control {
    /// The range if none is given.
    pub default: Preset,
    pub has_compare: bool,
    pub has_interval: bool,
}

impl Control {
    /// Lists show all dates unless asked for some.
    pub const LIST: Self = Self { default: Preset::All, has_compare: false, has_interval: false };
    /// Charts show seven days.
    pub const CHARTS: Self = Self { default: Preset::Last7Days, has_compare: false, has_interval: true };
    /// Reports show seven days, and compare them.
    pub const REPORT: Self = Self { has_compare: true, ..Self::CHARTS };
}

impl Present {
    /// Returns the present of a viewer.
    #[must_use]
    pub fn of(viewer: &Viewer, now_ms: u64) -> Self {
        Self {
            now_ms: i64::try_from(now_ms).unwrap_or(i64::MAX),
            zone: viewer.time_zone,
            week_start: match viewer.preferences.week_start {
                WeekStart::Monday => Weekday::Mon,
                WeekStart::Sunday => Weekday::Sun,
                WeekStart::Saturday => Weekday::Sat,
            },
        }
    }
}

/// The dates of a page.
#[derive(Debug, Clone)]
pub struct Dates {
    pub range: Range,
    /// The present in the zone of the request.
    pub present: Present,
    pub interval: Interval,
    pub comparison: Option<Comparison>,
    control: Control,
    viewer_zone: TimeZone,
    errors: FieldErrors,
    query: String,
}

/// The form, the links and the title of the control.
#[derive(Debug, Clone)]
pub struct DatesView {
    pub title: String,
    /// Whether the form has an error and is shown open.
    pub is_open: bool,
    pub presets: Vec<Choice>,
    /// Parameters of the page that the form keeps.
    pub kept: Vec<(String, String)>,
    /// Parameters of the control, which other forms of the page keep.
    pub sent: Vec<(String, String)>,
    pub fields: Vec<Field>,
    pub zones: &'static [&'static str],
    /// The same days in an address that does not change with the time.
    pub absolute_href: Option<String>,
    pub earlier_href: Option<String>,
    pub later_href: Option<String>,
    /// The zone of the page if it is not the viewer's, and the link that returns to that.
    pub other_zone: Option<(&'static str, String)>,
    /// As "both until 15:42".
    pub note: Option<String>,
    /// Errors of `range`, which has no field.
    pub errors: Vec<String>,
}

/// A link of the control, or an option of a field.
#[derive(Debug, Clone)]
pub struct Choice {
    pub label: &'static str,
    /// The address, or the value of the option.
    pub target: String,
    pub is_current: bool,
}

/// A field of the form. A field with options is a `<select>`.
#[derive(Debug, Clone)]
pub struct Field {
    pub name: &'static str,
    pub label: &'static str,
    pub hint: &'static str,
    /// `date`, or `text` for what a date field cannot show.
    pub kind: &'static str,
    pub value: String,
    pub options: Vec<Choice>,
    pub errors: Vec<String>,
}

impl DatesView {
    /// Returns the id of the element that shows the errors of a parameter.
    #[must_use]
    pub fn id_of(&self, name: &str) -> Option<String> {
        let is_field = self.fields.iter().any(|field| field.name == name);
        if is_field {
            Some(format!("dates-{name}"))
        } else {
            (name == "range").then(|| "dates-range".to_owned())
        }
    }
}

impl Dates {
    /// Reads the dates of a request. Errors stay in `params`; the dates are then the default, which
    /// a page must not show figures of.
    pub fn read(params: &mut Params, query: Option<&str>, viewer: Present, control: Control) -> Self {
        let present = Present { zone: params.zone(viewer.zone), ..viewer };
        let range = Range::read(params, &present, control.default);
        let interval = read_interval(params, &range, &present, control);
        let comparison = control.has_compare.then(|| Comparison::read(params, &range, &present)).flatten();
        let errors = params.errors().iter().filter(|(name, _)| NAMES.contains(&name.as_str()));
        Self {
            errors: errors.map(|(name, messages)| (name.clone(), messages.clone())).collect(),
            range,
            present,
            interval,
            comparison,
            control,
            viewer_zone: viewer.zone,
            query: query.unwrap_or_default().to_owned(),
        }
    }

    /// Returns the range as queries take it.
    #[must_use]
    pub fn time_range(&self) -> TimeRange {
        TimeRange { from_ms: self.range.from_ms, to_ms: self.range.to_ms }
    }

    /// Returns the query of the page as a list of the API takes it: with the ends of the range in
    /// place of the parameters of the control.
    #[must_use]
    pub fn api_query(&self) -> String {
        self.query_with_ends(json_values::time)
    }

    /// Returns the query for a list of the API that is limited by days.
    #[must_use]
    pub fn api_query_of_days(&self) -> String {
        self.query_with_ends(|at_ms| self.present.zone.day_of(at_ms).to_string())
    }

    fn query_with_ends(&self, write: impl Fn(i64) -> String) -> String {
        let ends = [("from", self.range.from_ms, 0), ("to", self.range.to_ms, MAX_TIME_MS)];
        let ends = ends.into_iter().filter(|(_, at_ms, open_ms)| at_ms != open_ms);
        let mut query = Serializer::new(String::new());
        let kept = parse(self.query.as_bytes()).filter(|(name, _)| !NAMES.contains(&name.as_ref()));
        query.extend_pairs(kept);
        query.extend_pairs(ends.map(|(name, at_ms, _)| (name, write(at_ms))));
        query.finish()
    }

    /// Returns the intervals of the range that have begun, oldest first. A range without a
    /// beginning begins with `earliest_ms`.
    #[must_use]
    pub fn buckets(&self, earliest_ms: i64) -> Vec<Bucket> {
        let earliest_ms = earliest_ms.min(self.present.now_ms);
        let from_ms = if self.range.from_ms > 0 { self.range.from_ms } else { earliest_ms };
        let begun = Range {
            from_ms: from_ms.max(self.range.from_ms),
            to_ms: self.range.to_ms.min(self.present.now_ms),
            ..self.range
        };
        let interval =
            if self.range.from_ms > 0 { self.interval } else { Interval::of(&begun, self.present.zone) };
        buckets(&begun, interval, &self.present)
    }

    /// Returns the title, as "Last 7 days, 21-27 Nov, Kyiv".
    #[must_use]
    pub fn title(&self) -> String {
        let compared = self.comparison.as_ref().map(|comparison| comparison.name.as_str());
        labels::title(&self.range, &self.present, compared)
    }

    /// Makes the control.
    #[must_use]
    pub fn view(&self) -> DatesView {
        let is_wrong = !self.errors.is_empty();
        let other_zone = (self.present.zone.name() != self.viewer_zone.name())
            .then(|| (self.present.zone.name(), self.href(&["tz"], &[])));
        DatesView {
            title: if is_wrong { "Choose dates".to_owned() } else { self.title() },
            is_open: is_wrong,
            presets: Preset::ALL.into_iter().map(|preset| self.choice(preset)).collect(),
            kept: self.pairs(&NAMES),
            sent: NAMES.into_iter().filter_map(|name| Some((name.to_owned(), self.sent(name)?))).collect(),
            fields: self.fields(),
            zones: &SUGGESTED_ZONES,
            absolute_href: self.moved_href(0),
            earlier_href: self.moved_href(-1),
            later_href: self.moved_href(1),
            other_zone,
            note: self.comparison.as_ref().and_then(|comparison| comparison.note.clone()),
            errors: self.errors.get("range").cloned().unwrap_or_default(),
        }
    }

    fn choice(&self, preset: Preset) -> Choice {
        Choice {
            label: preset.name(),
            target: self.href(&["range", "from", "to", "interval"], &[("range", preset.word())]),
            is_current: self.errors.is_empty() && self.range.preset == Some(preset),
        }
    }

    fn fields(&self) -> Vec<Field> {
        let (first, last) = self
            .range
            .days
            .map_or_else(Default::default, |(first, last)| (first.to_string(), last.to_string()));
        let mut fields =
            vec![self.date_field("from", "From", first), self.date_field("to", "To, included", last)];
        if self.control.has_compare {
            fields.push(self.select("compare", "Compare with", &compare::WORDS));
            fields.push(self.date_field("compare_from", "Compare from", String::new()));
            fields.push(self.date_field("compare_to", "Compare to, included", String::new()));
        }
        if self.control.has_interval {
            const INTERVALS: [(&str, &str); 5] = [
                ("", "By length"),
                ("hour", "Hours"),
                ("day", "Days"),
                ("week", "Weeks"),
                ("month", "Months"),
            ];
            fields.push(self.select("interval", "Interval", &INTERVALS));
        }
        let zone = self.sent("tz").unwrap_or_else(|| self.present.zone.name().to_owned());
        fields.push(Field {
            kind: "text",
            hint: "For example Europe/Kyiv",
            ..self.field("tz", "Time zone", zone)
        });
        fields
    }

    /// A field of a date shows what was sent, else the resolved day.
    fn date_field(&self, name: &'static str, label: &'static str, resolved: String) -> Field {
        let value = self.sent(name).unwrap_or(resolved);
        let is_date = value.is_empty() || value.parse::<chrono::NaiveDate>().is_ok();
        Field { kind: if is_date { "date" } else { "text" }, ..self.field(name, label, value) }
    }

    fn select(
        &self,
        name: &'static str,
        label: &'static str,
        words: &[(&'static str, &'static str)],
    ) -> Field {
        let sent = self.sent(name).unwrap_or_default();
        let option = |&(word, label): &(&str, &'static str)| Choice {
            label,
            target: word.to_owned(),
            is_current: sent == word,
        };
        Field { options: words.iter().map(option).collect(), ..self.field(name, label, sent.clone()) }
    }

    fn field(&self, name: &'static str, label: &'static str, value: String) -> Field {
        let errors = self.errors.get(name).cloned().unwrap_or_default();
        Field { name, label, hint: "", kind: "text", value, options: Vec::new(), errors }
    }

    fn sent(&self, name: &str) -> Option<String> {
        let sent = parse(self.query.as_bytes()).filter(|(known, value)| known == name && !value.is_empty());
        sent.last().map(|(_, value)| value.into_owned())
    }

    /// The parameters of the page without these and without a cursor.
    fn pairs(&self, without: &[&str]) -> Vec<(String, String)> {
        let without: HashSet<&str> = without.iter().copied().chain(["cursor"]).collect();
        parse(self.query.as_bytes())
            .filter(|(name, value)| !value.is_empty() && !without.contains(name.as_ref()))
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect()
    }

    fn href(&self, without: &[&str], with: &[(&str, &str)]) -> String {
        let mut query = Serializer::new(String::new());
        query.extend_pairs(self.pairs(without));
        query.extend_pairs(with);
        format!("?{}", query.finish())
    }

    /// Returns the address of the range moved by its own length, in dates.
    fn moved_href(&self, lengths: i64) -> Option<String> {
        let (first, last) = self.range.days.filter(|_| self.errors.is_empty())?;
        let by = chrono::TimeDelta::days(lengths * ((last - first).num_days() + 1));
        let (first, last) = (first.checked_add_signed(by)?, last.checked_add_signed(by)?);
        let (first, last) = (first.to_string(), last.to_string());
        let zone = self.present.zone.name();
        let mut with = vec![("from", first.as_str()), ("to", last.as_str())];
        if lengths == 0 {
            with.push(("tz", zone));
        }
        let without: &[&str] =
            if lengths == 0 { &["range", "from", "to", "tz"] } else { &["range", "from", "to"] };
        Some(self.href(without, &with))
    }
}

fn read_interval(params: &mut Params, range: &Range, present: &Present, control: Control) -> Interval {
    let default = Interval::of(range, present.zone);
    if !control.has_interval {
        return default;
    }
    let word = params.choice("interval", &["", "hour", "day", "week", "month"]);
    let Some(interval) = Interval::ALL.into_iter().find(|interval| interval.word() == word) else {
        return default;
    };
    let begun = Range { to_ms: range.to_ms.min(present.now_ms.max(range.from_ms)), ..*range };
    if !interval.fits(&begun, present.zone) {
        let message =
            format!("These dates have more than {MAX_BUCKETS} intervals of a {word}. Choose fewer days.");
        params.fail("interval", message);
        return default;
    }
    interval
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_795_786_930_000;

    fn read(query: &str, control: Control) -> (Dates, FieldErrors) {
        let present = Present {
            now_ms: NOW_MS,
            zone: TimeZone::find("Europe/Kyiv").unwrap(),
            week_start: Weekday::Mon,
        };
        let mut params = Params::parse(Some(query));
        let dates = Dates::read(&mut params, Some(query), present, control);
        (dates, params.errors().clone())
    }

    #[test]
    fn links_keep_what_the_page_shows_and_drop_its_cursor() {
        let (dates, _) = read("q=a+b&user_id=1&user_id=2&cursor=x&range=today&tz=Asia/Tokyo", Control::LIST);
        let view = dates.view();
        assert_eq!(view.title, "Today, 27 Nov, Tokyo");
        assert_eq!(view.presets[0].target, "?q=a+b&user_id=1&user_id=2&tz=Asia%2FTokyo&range=today");
        assert!(view.presets[0].is_current && !view.presets[1].is_current);
        assert_eq!(view.kept.len(), 3);
        assert_eq!(
            view.other_zone,
            Some(("Asia/Tokyo", "?q=a+b&user_id=1&user_id=2&range=today".to_owned()))
        );
        let absolute = "?q=a+b&user_id=1&user_id=2&from=2026-11-27&to=2026-11-27&tz=Asia%2FTokyo";
        assert_eq!(view.absolute_href.as_deref(), Some(absolute));
        assert!(view.earlier_href.unwrap().ends_with("&from=2026-11-26&to=2026-11-26"));
    }

    #[test]
    fn the_dates_are_always_filled_in_and_kept_if_they_are_wrong() {
        let value = |dates: &Dates, name: &str| {
            let field = dates.view().fields.into_iter().find(|field| field.name == name).unwrap();
            (field.value, field.kind, field.errors.len())
        };
        let (dates, errors) = read("", Control::CHARTS);
        assert!(errors.is_empty());
        assert_eq!(value(&dates, "from"), ("2026-11-21".to_owned(), "date", 0));
        assert_eq!(value(&dates, "tz"), ("Europe/Kyiv".to_owned(), "text", 0));
        let (dates, errors) = read("from=tomorrow&to=2026-11-01&tz=Mars&interval=year", Control::REPORT);
        assert_eq!(errors.keys().collect::<Vec<_>>(), ["from", "interval", "tz"]);
        assert_eq!(value(&dates, "from"), ("tomorrow".to_owned(), "text", 1));
        assert_eq!(value(&dates, "to"), ("2026-11-01".to_owned(), "date", 0));
        assert_eq!(value(&dates, "tz"), ("Mars".to_owned(), "text", 1));
        assert!(dates.view().is_open);
    }

    #[test]
    fn an_interval_by_hand_has_at_most_a_thousand_points() {
        let of = |query: &str| {
            let (dates, errors) = read(query, Control::CHARTS);
            (dates.interval, errors.contains_key("interval"), dates.buckets(0).len())
        };
        assert_eq!(of("range=30d&interval=hour"), (Interval::Hour, false, 29 * 24 + 16));
        assert_eq!(of("range=7d"), (Interval::Hour, false, 6 * 24 + 16));
        assert_eq!(of("range=today&interval=month"), (Interval::Month, false, 1));
        assert!(of("range=year&interval=hour").1);
        assert_eq!(of("range=year").0, Interval::Day);
        assert_eq!(of("from=2027-01-01&to=2027-01-02").2, 0);
    }

    #[test]
    fn all_dates_begin_with_the_first_event() {
        let (dates, _) = read("range=all", Control::CHARTS);
        let buckets = dates.buckets(NOW_MS - 3 * 86_400_000);
        assert_eq!(buckets[0].from_ms, NOW_MS - 3 * 86_400_000);
        assert_eq!(buckets.len(), 73);
        assert_eq!((dates.time_range().from_ms, dates.title()), (0, "All dates, Kyiv".to_owned()));
    }

    #[test]
    fn a_list_of_the_api_gets_the_ends_of_the_range() {
        let query = |query: &str| read(query, Control::LIST).0.api_query();
        assert_eq!(
            query("q=a&cursor=x&range=today&tz=Europe/Kyiv"),
            "q=a&cursor=x&from=2026-11-26T22%3A00%3A00.000Z&to=2026-11-27T21%3A59%3A59.999Z"
        );
        assert_eq!(query("q=a"), "q=a");
        assert_eq!(query("from=2026-11-27"), "from=2026-11-26T22%3A00%3A00.000Z");
        let days = |query: &str| read(query, Control::LIST).0.api_query_of_days();
        assert_eq!(days("q=a&range=last_month"), "q=a&from=2026-10-01&to=2026-10-31");
        assert_eq!(days("range=24h"), "from=2026-11-26&to=2026-11-27");
        assert_eq!(days("range=all"), "");
    }

    #[test]
    fn other_forms_of_the_page_keep_the_dates() {
        let (dates, _) = read("q=a&range=today&from=&tz=Asia/Tokyo&cursor=x", Control::LIST);
        let sent = [("range", "today"), ("tz", "Asia/Tokyo")];
        assert_eq!(dates.view().sent, sent.map(|(name, text)| (name.to_owned(), text.to_owned())));
    }

    #[test]
    fn a_list_ignores_what_it_does_not_offer() {
        let (dates, errors) = read("compare=prev&interval=minute", Control::LIST);
        assert!(errors.is_empty() && dates.comparison.is_none());
        let names: Vec<_> = dates.view().fields.iter().map(|field| field.name).collect();
        assert_eq!(names, ["from", "to", "tz"]);
    }
}
