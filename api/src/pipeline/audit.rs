//! `GET /api/pipeline/`: every event that an edge numbered is stored, parked, dropped or missing.

use axum::Json;
use axum::extract::State;
use chrono::Days;

use crate::db::MAX_TIME_MS;
use crate::db::pipeline::{self as db, GapRow, LaneRow, SliceRow};
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::json_values::time;
use crate::http::openapi::ListErrors;
use crate::http::paging::Listing;
use crate::http::query::{Moment, TimeRange, start_of_day};
use crate::http::state::App;
use crate::http::typed_query::query;
use crate::pipeline::model::{
    AuditCountsResponse, AuditInterval, AuditRowResponse, AuditState, LaneResponse, PipelineResponse,
};
use crate::time_zone::TimeZone;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// The range if none is given.
const DEFAULT_MS: i64 = HOUR_MS;
/// The longest ranges by the minute and by the hour.
const BY_MINUTE_MS: i64 = 3 * HOUR_MS;
const BY_HOUR_MS: i64 = 48 * HOUR_MS;
/// Hours and days of every zone begin at a multiple of this in UTC.
const SLICE_S: u32 = 900;
/// Events of an interval may be on their way for this long after its end.
const SETTLE_MS: i64 = 2 * MINUTE_MS;
const MAX_ROWS: usize = 1000;
const MAX_LANES: usize = 100;
const MAX_GAPS: u32 = 10_000;

query! {
    /// Query parameters of the audit. Without `from` and `to`: the last 60 minutes.
    pub struct AuditQuery {
        /// RFC 3339, or a date in `tz`.
        pub from: Option<Moment>,
        /// RFC 3339, or a date in `tz`, which is included.
        pub to: Option<Moment>,
        /// The time zone of dates and days; by default the viewer's.
        pub tz: Option<TimeZone>,
    }
}

/// Get the loss audit
///
/// For Owners. Counts the events that edges numbered by their outcomes.
#[utoipa::path(
    get, path = "/api/pipeline/", tag = "system", params(AuditQuery),
    responses((status = 200, description = "The audit", body = PipelineResponse), ListErrors),
    security(("bearer" = [])),
)]
pub async fn get_pipeline(
    State(app): State<App>,
    allowed: Allowed,
    listing: Listing,
) -> Result<Json<PipelineResponse>, ApiError> {
    let mut params = listing.params();
    let query = AuditQuery::read(&mut params);
    let zone = query.tz.unwrap_or(allowed.viewer.time_zone);
    let is_default = query.from.is_none() && query.to.is_none();
    let range = params.range(query.from, query.to, zone);
    params.finish()?;
    let range = if is_default { last_hour(&app) } else { range };
    Ok(Json(load(&app, range, zone).await?))
}

/// Returns the last 60 minutes, of which the present one has just begun.
#[must_use]
pub fn last_hour(app: &App) -> TimeRange {
    let now_ms = now_ms(app);
    let from_ms = now_ms - now_ms.rem_euclid(MINUTE_MS) + MINUTE_MS - DEFAULT_MS;
    TimeRange { from_ms, to_ms: now_ms }
}

fn now_ms(app: &App) -> i64 {
    i64::try_from(app.clock.now_ms()).unwrap_or(MAX_TIME_MS)
}

/// Loads the audit of a range, cut in a zone.
///
/// # Errors
/// When ClickHouse is down.
pub async fn load(app: &App, range: TimeRange, zone: TimeZone) -> Result<PipelineResponse, ApiError> {
    let now_ms = now_ms(app);
    let from_ms = match range.from_ms {
        0 => db::earliest_ms(&app.clickhouse).await?.unwrap_or(now_ms),
        from_ms => from_ms,
    };
    let range = TimeRange { from_ms, to_ms: range.to_ms.min(now_ms) };
    let interval = interval_of(&range);
    let starts = starts(&range, interval, zone);
    let step_s = if interval == AuditInterval::Minute { 60 } else { SLICE_S };
    let lanes = async { Ok::<_, ApiError>(lanes(db::lanes(&app.clickhouse).await?, now_ms)) };
    let rows = async {
        let (Some(first_ms), Some(last_ms)) = (starts.first(), starts.last()) else { return Ok(Vec::new()) };
        let seconds = |at_ms: i64| u32::try_from(at_ms / 1000).unwrap_or(u32::MAX);
        let ends = (seconds(*first_ms), seconds(end_of(*last_ms, interval, zone)));
        let (slices, gaps) = futures::try_join!(
            db::slices(&app.clickhouse, ends, step_s),
            db::gaps(&app.clickhouse, ends, step_s, MAX_GAPS),
        )?;
        Ok::<_, ApiError>(rows(&starts, now_ms, &slices, gaps))
    };
    let (lanes, mut rows) = futures::try_join!(lanes, rows)?;
    let mut total = AuditCountsResponse::default();
    rows.iter().for_each(|row| total.add(&row.counts));
    rows.reverse();
    Ok(PipelineResponse { interval, rows, total, lanes })
}

const fn interval_of(range: &TimeRange) -> AuditInterval {
    match range.to_ms - range.from_ms {
        length if length <= BY_MINUTE_MS => AuditInterval::Minute,
        length if length <= BY_HOUR_MS => AuditInterval::Hour,
        _ => AuditInterval::Day,
    }
}

/// Returns the beginnings of the intervals that a range touches, the newest thousand of them,
/// oldest first.
fn starts(range: &TimeRange, interval: AuditInterval, zone: TimeZone) -> Vec<i64> {
    let mut at_ms = match interval {
        AuditInterval::Minute => range.from_ms - range.from_ms.rem_euclid(MINUTE_MS),
        AuditInterval::Hour => {
            range.from_ms - (range.from_ms + zone.offset_ms(range.from_ms)).rem_euclid(HOUR_MS)
        }
        AuditInterval::Day => {
            let last = zone.day_of(range.to_ms);
            let oldest = last.checked_sub_days(Days::new(MAX_ROWS as u64 - 1)).unwrap_or(last);
            start_of_day(zone.day_of(range.from_ms).max(oldest), zone)
        }
    };
    let mut found = Vec::new();
    while at_ms <= range.to_ms && found.len() < MAX_ROWS {
        found.push(at_ms);
        at_ms = end_of(at_ms, interval, zone).max(at_ms + MINUTE_MS);
    }
    found
}

/// Returns the end of the interval that begins at a moment.
fn end_of(at_ms: i64, interval: AuditInterval, zone: TimeZone) -> i64 {
    match interval {
        AuditInterval::Minute => at_ms + MINUTE_MS,
        AuditInterval::Hour => at_ms + HOUR_MS,
        AuditInterval::Day => {
            let day = zone.day_of(at_ms);
            start_of_day(day.checked_add_days(Days::new(1)).unwrap_or(day), zone)
        }
    }
}

fn rows(starts: &[i64], now_ms: i64, slices: &[SliceRow], gaps: Vec<GapRow>) -> Vec<AuditRowResponse> {
    let mut rows: Vec<AuditRowResponse> = starts
        .iter()
        .map(|from_ms| AuditRowResponse {
            from: time(*from_ms),
            state: AuditState::Balanced,
            lanes: Vec::new(),
            counts: AuditCountsResponse::default(),
        })
        .collect();
    let slot = |at_ms: i64| starts.partition_point(|from_ms| *from_ms <= at_ms).checked_sub(1);
    for slice in slices {
        if let Some(row) = slot(slice.at_ms).and_then(|slot| rows.get_mut(slot)) {
            row.counts.add(&AuditCountsResponse {
                numbered: slice.stored + slice.parked + slice.dropped + slice.missing,
                stored: slice.stored,
                parked: slice.parked,
                dropped: slice.dropped,
                missing: slice.missing,
                replayed: slice.replayed,
                expired: slice.expired,
            });
        }
    }
    for gap in gaps {
        if let Some(row) = slot(gap.at_ms).and_then(|slot| rows.get_mut(slot))
            && !row.lanes.contains(&gap.lane)
        {
            row.lanes.push(gap.lane);
        }
    }
    for (index, row) in rows.iter_mut().enumerate() {
        // The end of the last one has not come, or the range ends with it.
        let end_ms = starts.get(index + 1).copied().unwrap_or(now_ms);
        row.state = if row.counts.missing > 0 {
            AuditState::Gap
        } else if now_ms - end_ms < SETTLE_MS {
            AuditState::Settling
        } else {
            AuditState::Balanced
        };
    }
    rows
}

fn lanes(mut found: Vec<LaneRow>, now_ms: i64) -> Vec<LaneResponse> {
    found.sort_by_key(|lane| (lane.difference() == 0, std::cmp::Reverse(lane.updated_ms)));
    found.truncate(MAX_LANES);
    let response = |lane: LaneRow| LaneResponse {
        state: match lane.difference() {
            0 => AuditState::Balanced,
            _ if lane.may_settle(now_ms) => AuditState::Settling,
            _ => AuditState::Gap,
        },
        numbered: lane.numbered(),
        stored: lane.stored,
        parked: lane.parked,
        dropped: lane.dropped,
        difference: lane.difference(),
        updated_at: time(lane.updated_ms),
        lane: lane.lane,
    };
    found.into_iter().map(response).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(starts: &[i64]) -> Vec<String> {
        starts.iter().map(|at_ms| time(*at_ms)).collect()
    }

    #[test]
    fn a_range_is_cut_by_the_clocks_of_the_zone() {
        let kathmandu = TimeZone::find("Asia/Kathmandu").unwrap();
        // 2026-11-23 15:00 UTC is 20:45 there.
        let now_ms = 1_795_446_000_000;
        let cut = |length_ms: i64| {
            let range = TimeRange { from_ms: now_ms - length_ms, to_ms: now_ms };
            let interval = interval_of(&range);
            (interval, starts(&range, interval, kathmandu))
        };
        let (interval, minutes) = cut(2 * MINUTE_MS + 1);
        assert_eq!((interval, minutes.len()), (AuditInterval::Minute, 4));
        let (interval, hours) = cut(4 * HOUR_MS);
        assert_eq!((interval, hours.len()), (AuditInterval::Hour, 5));
        assert_eq!(shown(&hours)[4], "2026-11-23T14:15:00.000Z");
        let (interval, days) = cut(72 * HOUR_MS);
        assert_eq!((interval, days.len()), (AuditInterval::Day, 4));
        assert_eq!(shown(&days)[3], "2026-11-22T18:15:00.000Z");
        let (_, years) = cut(5000 * 24 * HOUR_MS);
        assert_eq!((years.len(), years.last()), (MAX_ROWS, days.last()));
    }

    #[test]
    fn an_interval_without_missing_events_balances_once_it_is_over() {
        let slice = |at_ms, missing| SliceRow {
            at_ms,
            stored: 5,
            parked: 2,
            dropped: 1,
            missing,
            replayed: 1,
            expired: 0,
        };
        let gap = GapRow { at_ms: 2 * MINUTE_MS, lane: "a/0".to_owned(), n_events: 3 };
        let starts: Vec<i64> = (0..8).map(|minute| minute * MINUTE_MS).collect();
        let slices = [slice(0, 0), slice(2 * MINUTE_MS, 3), slice(7 * MINUTE_MS, 0)];
        let found = rows(&starts, 7 * MINUTE_MS + 5, &slices, vec![gap]);
        let states: Vec<AuditState> = found.iter().map(|row| row.state).collect();
        use AuditState::{Balanced, Gap, Settling};
        assert_eq!(states, [Balanced, Balanced, Gap, Balanced, Balanced, Settling, Settling, Settling]);
        assert_eq!((found[2].counts.numbered, found[2].lanes.as_slice()), (11, &["a/0".to_owned()][..]));
        assert_eq!(found[1].counts, AuditCountsResponse::default());
    }
}
