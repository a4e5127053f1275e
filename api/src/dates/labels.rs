//! Writes ranges, days and zones as people read them.

use chrono::{Datelike as _, NaiveDate};

use crate::dates::range::{Present, Preset, Range};
use crate::time_zone::TimeZone;

/// Writes a day, as "25 Oct" or "25 Oct 2025".
#[must_use]
pub fn short_day(day: NaiveDate, with_year: bool) -> String {
    let format = if with_year { "%-d %b %Y" } else { "%-d %b" };
    day.format(format).to_string()
}

/// Writes the offset from UTC at a moment, as "+03", "+05:45" or "−04".
#[must_use]
pub fn offset(zone: TimeZone, time_ms: i64) -> String {
    let minutes = zone.offset_ms(time_ms) / 60_000;
    let sign = if minutes < 0 { '−' } else { '+' };
    let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
    if rest == 0 { format!("{sign}{hours:02}") } else { format!("{sign}{hours:02}:{rest:02}") }
}

/// Writes the place of a zone, as "Kyiv" or "New York".
#[must_use]
pub fn place(zone: TimeZone) -> String {
    zone.name().rsplit('/').next().unwrap_or_default().replace('_', " ")
}

/// Writes the dates of a range, as "21-27 Nov"; empty for all dates.
#[must_use]
pub fn dates(range: &Range, present: &Present) -> String {
    let zone = present.zone;
    if !range.is_bounded() {
        return match (range.from_ms > 0, range.to_ms < crate::db::MAX_TIME_MS) {
            (true, _) => format!("from {}", end(range, range.from_ms, present)),
            (_, true) => format!("until {}", end(range, range.to_ms, present)),
            _ => String::new(),
        };
    }
    let Some((first, last)) = range.days else {
        return format!("{}-{}", end(range, range.from_ms, present), end(range, range.to_ms, present));
    };
    let this_year = zone.day_of(present.now_ms).year();
    let with_year = first.year() != this_year || last.year() != this_year;
    let until = short_day(last, with_year);
    if first == last {
        until
    } else if (first.year(), first.month()) == (last.year(), last.month()) {
        format!("{}-{until}", first.day())
    } else {
        format!("{}-{until}", short_day(first, with_year && first.year() != last.year()))
    }
}

fn end(range: &Range, at_ms: i64, present: &Present) -> String {
    let day = present.zone.day_of(at_ms);
    let text = short_day(day, day.year() != present.zone.day_of(present.now_ms).year());
    // A range without a beginning or an end has one date, unless it has a time.
    let is_day = present.zone.clock_ms(at_ms) == 0 || present.zone.clock_ms(at_ms + 1) == 0;
    if is_day && !range.is_bounded() { text } else { text + &present.zone.format(at_ms, " %H:%M") }
}

/// Writes the title of the control, as "Last 7 days, 21-27 Nov, Kyiv". `compared` is what the range
/// is compared with, as "vs week before".
#[must_use]
pub fn title(range: &Range, present: &Present, compared: Option<&str>) -> String {
    let all = (!range.is_bounded() && dates(range, present).is_empty()).then_some(Preset::All);
    let name = range.preset.or(all).map(|preset| preset.name().to_owned());
    let shown = dates(range, present);
    let parts = [
        name,
        Some(shown).filter(|text| !text.is_empty() && range.preset != Some(Preset::Last24Hours)),
        compared.map(str::to_owned),
        Some(place(present.zone)),
    ];
    let title = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let mut letters = title.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use chrono::Weekday;

    use super::*;
    use crate::http::query::Params;

    fn shown(query: &str) -> String {
        let present = Present {
            now_ms: 1_795_786_930_000,
            zone: TimeZone::find("Europe/Kyiv").unwrap(),
            week_start: Weekday::Mon,
        };
        let range = Range::read(&mut Params::parse(Some(query)), &present, Preset::All);
        title(&range, &present, None)
    }

    #[test]
    fn a_range_says_which_days_it_has_and_where() {
        for (query, expected) in [
            ("range=7d", "Last 7 days, 21-27 Nov, Kyiv"),
            ("range=today", "Today, 27 Nov, Kyiv"),
            ("range=30d", "Last 30 days, 29 Oct-27 Nov, Kyiv"),
            ("range=24h", "Last 24 hours, Kyiv"),
            ("", "All dates, Kyiv"),
            ("from=2026-11-01&to=2026-11-02", "1-2 Nov, Kyiv"),
            ("from=2025-11-01&to=2025-11-02", "1-2 Nov 2025, Kyiv"),
            ("from=2025-12-30&to=2026-01-02", "30 Dec 2025-2 Jan 2026, Kyiv"),
            ("from=2025-11-30&to=2025-12-02", "30 Nov-2 Dec 2025, Kyiv"),
            ("from=2026-11-20", "From 20 Nov, Kyiv"),
            ("to=2026-11-20", "Until 20 Nov, Kyiv"),
            ("from=2026-11-20T08:15:00Z&to=2026-11-20", "20 Nov 10:15-20 Nov 23:59, Kyiv"),
        ] {
            assert_eq!(shown(query), expected, "{query}");
        }
    }

    #[test]
    fn zones_are_named_by_place_and_offset() {
        let zone = |name| TimeZone::find(name).unwrap();
        assert_eq!(place(zone("America/Argentina/Buenos_Aires")), "Buenos Aires");
        assert_eq!(place(TimeZone::UTC), "UTC");
        let at = 1_795_786_930_000;
        assert_eq!(offset(zone("Asia/Kathmandu"), at), "+05:45");
        assert_eq!(offset(zone("America/New_York"), at), "−05");
        assert_eq!(offset(TimeZone::UTC, at), "+00");
    }
}
