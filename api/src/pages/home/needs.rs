//! Things that need the viewer's attention, by position. Each kind has one line, or a line for each
//! of its first things.

use chrono::{Datelike as _, Days, NaiveDate};
use futures::TryFutureExt as _;

use crate::dates::range::Present;
use crate::db::figures::silence::{self, SilenceOf, SilentRow};
use crate::db::funds::budgets::{self, BudgetRow};
use crate::db::needs::{self, AccountRow, AnsweredRow, NamedRow, WaitingRow};
use crate::db::pipeline::{self, SliceRow};
use crate::funds::balances::runway::{days_left, is_low};
use crate::http::error::ApiError;
use crate::pages::format::number;
use crate::pages::home::amounts;
use crate::pages::home::request::{Request, time};
use crate::policy::Position;

/// The most lines of one kind.
const MAX_LINES: usize = 5;
/// The days for which answers are shown.
const ANSWERED_DAYS: u64 = 3;
/// Keys that end within this many days are shown.
const ENDING_DAYS: u64 = 3;
const DAY_S: u32 = 86_400;

/// A line, with the page that helps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Need {
    pub(super) text: String,
    pub(super) href: String,
}

impl Need {
    fn new(text: impl Into<String>, href: impl Into<String>) -> Self {
        Self { text: text.into(), href: href.into() }
    }
}

/// Loads the lines of the viewer's position.
pub(super) async fn load(request: &Request<'_>, present: Present) -> Result<Vec<Need>, ApiError> {
    match request.allowed.viewer.position {
        Position::Buyer => of_buyer(request, present).await,
        Position::TeamLead => of_lead(request, present).await,
        Position::FundsCoordinator => of_coordinator(request, present).await,
        Position::Owner => of_owner(request, present).await,
    }
}

async fn of_buyer(request: &Request<'_>, present: Present) -> Result<Vec<Need>, ApiError> {
    let (postgres, id) = (&request.app.postgres, request.allowed.viewer.id);
    let now = time(present.now_ms);
    let answered = needs::answered(postgres, id, now - Days::new(ANSWERED_DAYS)).map_err(ApiError::from);
    let keys = needs::ending_keys(postgres, id, now, now + Days::new(ENDING_DAYS)).map_err(ApiError::from);
    let silent = silence::list(&request.app.clickhouse, request.scope, SilenceOf::Campaigns, present.now_ms)
        .map_err(ApiError::from);
    let (answered, keys, silent) = futures::try_join!(answered, keys, silent)?;
    let running = needs::running_campaigns(postgres, id, &ids(&silent)).await?;
    let mut lines = limited(answered.iter().map(answer), "more answers", "/funds/requests/");
    lines.extend(limited(
        running.iter().map(|campaign| {
            let since = last_hour(&silent, campaign, present);
            Need::new(
                format!("No visits to campaign {} since {since}.", campaign.name),
                format!("/campaigns/{}/", campaign.id),
            )
        }),
        "more silent campaigns",
        "/campaigns/",
    ));
    lines.extend(limited(
        keys.iter().map(|key| {
            let end = present.zone.format(key.expires_at.timestamp_millis(), "%-d %b %H:%M");
            Need::new(
                format!("A tracking key of campaign {} ends on {end}.", key.name),
                format!("/campaigns/{}/", key.campaign_id),
            )
        }),
        "more keys that end",
        "/campaigns/",
    ));
    Ok(lines)
}

fn answer(row: &AnsweredRow) -> Need {
    let amount = amounts::minor(row.amount_minor, &row.currency);
    let answer = match row.status.as_str() {
        "refused" => "was refused",
        "topped_up" => "was topped up",
        _ => "was approved",
    };
    Need::new(
        format!("Your request of {amount} for {} {answer}.", row.account),
        format!("/funds/requests/{}/", row.id),
    )
}

async fn of_lead(request: &Request<'_>, present: Present) -> Result<Vec<Need>, ApiError> {
    let Some((team_id, _)) = &request.allowed.viewer.team else { return Ok(Vec::new()) };
    let postgres = &request.app.postgres;
    // Budgets are of months of UTC.
    let today = time(present.now_ms).date_naive();
    let month = today.with_day(1).unwrap_or(today);
    let waiting = needs::requests(postgres, "open", Some(*team_id)).map_err(ApiError::from);
    let budget = budgets::of_month(postgres, *team_id, month).map_err(ApiError::from);
    let silent = silence::list(&request.app.clickhouse, request.scope, SilenceOf::Buyers, present.now_ms)
        .map_err(ApiError::from);
    let (waiting, budget, silent) = futures::try_join!(waiting, budget, silent)?;
    let members = needs::present_members(postgres, *team_id, &ids(&silent)).await?;
    let mut lines = to_approve(&waiting, budget.as_ref(), month);
    lines.extend(limited(
        members.iter().map(|member| {
            let since = last_hour(&silent, member, present);
            Need::new(
                format!("No visits by {} since {since}.", member.name),
                format!("/users/{}/", member.id),
            )
        }),
        "more silent members",
        "/users/",
    ));
    Ok(lines)
}

fn to_approve(waiting: &[WaitingRow], budget: Option<&BudgetRow>, month: NaiveDate) -> Vec<Need> {
    if waiting.is_empty() {
        return Vec::new();
    }
    let left = budget.map_or_else(
        || format!("Your team has no budget for {}.", month.format("%B")),
        |budget| {
            let left = amounts::minor(budget.amount_minor - budget.used_minor, &budget.currency);
            format!("{left} is left of the budget for {}.", month.format("%B"))
        },
    );
    vec![Need::new(
        format!("{} to approve: {}. {left}", requests(waiting), sums(waiting)),
        "/funds/requests/?status=open",
    )]
}

/// Returns a line if requests of a status wait for a step.
fn to_decide(waiting: &[WaitingRow], step: &str, status: &str) -> Option<Need> {
    let text = format!("{} to {step}: {}.", requests(waiting), sums(waiting));
    (!waiting.is_empty()).then(|| Need::new(text, format!("/funds/requests/?status={status}")))
}

async fn of_coordinator(request: &Request<'_>, present: Present) -> Result<Vec<Need>, ApiError> {
    let postgres = &request.app.postgres;
    let today = present.zone.day_of(present.now_ms);
    let waiting = needs::requests(postgres, "approved", None).map_err(ApiError::from);
    let accounts = needs::accounts(postgres, today).map_err(ApiError::from);
    let (waiting, accounts) = futures::try_join!(waiting, accounts)?;
    let mut lines: Vec<Need> = to_decide(&waiting, "top up", "approved").into_iter().collect();
    let (low, idle): (Vec<_>, Vec<_>) =
        accounts.iter().partition(|row| is_low(row.balance_minor, row.spent_minor, row.low_runway_days));
    lines.extend(limited(low.into_iter().map(runway), "more accounts run out", "/funds/balances/"));
    let idle = idle.into_iter().map(|row| {
        let balance = amounts::minor(row.balance_minor, &row.currency);
        let text = format!("No spend of {} for two days; {balance} is in it.", row.name);
        Need::new(text, format!("/funds/accounts/{}/", row.id))
    });
    lines.extend(limited(idle, "more accounts without spend", "/funds/balances/"));
    Ok(lines)
}

fn runway(row: &AccountRow) -> Need {
    let balance = amounts::minor(row.balance_minor, &row.currency);
    let lasts = match days_left(row.balance_minor, row.spent_minor).unwrap_or(0) {
        0 => "less than a day".to_owned(),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    };
    Need::new(
        format!("{} lasts {lasts}: {balance} is left.", row.name),
        format!("/funds/accounts/{}/", row.id),
    )
}

async fn of_owner(request: &Request<'_>, present: Present) -> Result<Vec<Need>, ApiError> {
    let (postgres, clickhouse) = (&request.app.postgres, &request.app.clickhouse);
    let now_s = u32::try_from(present.now_ms / 1000).unwrap_or(u32::MAX);
    let day = (now_s.saturating_sub(DAY_S), now_s.saturating_add(1));
    let slices = pipeline::slices(clickhouse, day, DAY_S).map_err(ApiError::from);
    let parked = needs::parked_reasons(clickhouse).map_err(ApiError::from);
    let open = needs::requests(postgres, "open", None).map_err(ApiError::from);
    let approved = needs::requests(postgres, "approved", None).map_err(ApiError::from);
    let people = needs::people_to_approve(postgres).map_err(ApiError::from);
    let (slices, parked, open, approved, people) =
        futures::try_join!(slices, parked, open, approved, people)?;
    let mut lines: Vec<Need> = audit(&slices).into_iter().collect();
    lines.extend(to_decide(&open, "approve", "open"));
    lines.extend(to_decide(&approved, "top up", "approved"));
    if people > 0 {
        let text = counted(people, "person waits for approval.", "people wait for approval.");
        lines.push(Need::new(text, "/users/?is_active=false"));
    }
    lines.extend(limited(
        parked.iter().map(|row| {
            let n_events = i64::try_from(row.n_events).unwrap_or(i64::MAX);
            let parked = counted(n_events, "event is parked", "events are parked");
            Need::new(format!("{parked}: {}.", row.reason.replace('_', " ")), "/parked/?state=waiting")
        }),
        "more reasons",
        "/parked/?state=waiting",
    ));
    Ok(lines)
}

/// Returns a line if events of the last 24 hours are missing in the loss audit.
fn audit(slices: &[SliceRow]) -> Option<Need> {
    let missing: u64 = slices.iter().map(|slice| slice.missing).sum();
    let missing = counted(i64::try_from(missing).unwrap_or(i64::MAX), "event is", "events are");
    let text = format!("{missing} missing in the loss audit of the last 24 hours.");
    slices.iter().any(|slice| slice.missing > 0).then(|| Need::new(text, "/pipeline/"))
}

/// Keeps the first lines, and says how many there are more.
fn limited(lines: impl ExactSizeIterator<Item = Need>, more: &str, href: &str) -> Vec<Need> {
    let n_lines = lines.len();
    let mut kept: Vec<Need> = lines.take(MAX_LINES).collect();
    if n_lines > MAX_LINES {
        kept.push(Need::new(format!("{} {more}.", n_lines - MAX_LINES), href));
    }
    kept
}

fn requests(waiting: &[WaitingRow]) -> String {
    counted(waiting.iter().map(|row| row.n_requests).sum(), "request", "requests")
}

fn sums(waiting: &[WaitingRow]) -> String {
    let sums: Vec<_> = waiting.iter().map(|row| amounts::minor(row.amount_minor, &row.currency)).collect();
    sums.join(" and ")
}

fn counted(count: i64, one: &str, many: &str) -> String {
    format!("{} {}", number(count), if count == 1 { one } else { many })
}

fn ids(silent: &[SilentRow]) -> Vec<i64> {
    silent.iter().filter_map(|row| i64::try_from(row.id).ok()).collect()
}

fn last_hour(silent: &[SilentRow], named: &NamedRow, present: Present) -> String {
    let found = silent.iter().find(|row| i64::try_from(row.id) == Ok(named.id));
    found.map_or_else(String::new, |row| present.zone.format(row.last_hour_ms + 3_600_000, "%-d %b %H:%M"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_lines_end_with_their_number() {
        let lines = (0..7).map(|number| Need::new(number.to_string(), "/"));
        let kept = limited(lines, "more", "/all/");
        assert_eq!((kept.len(), &*kept[5].text, &*kept[5].href), (6, "2 more.", "/all/"));
        assert_eq!(limited(std::iter::empty::<Need>(), "more", "/"), []);
    }

    #[test]
    fn sums_name_their_currencies() {
        let row = |currency: &str, n_requests, amount_minor| WaitingRow {
            currency: currency.to_owned(),
            n_requests,
            amount_minor,
        };
        let waiting = [row("EUR", 1, 30_000), row("USD", 2, 120_000)];
        let month = NaiveDate::from_ymd_opt(2026, 11, 1).unwrap();
        assert_eq!(
            to_approve(&waiting, None, month)[0].text,
            "3 requests to approve: 300.00 EUR and 1\u{202f}200.00 USD. Your team has no budget for November."
        );
        assert_eq!(to_approve(&[], None, month), []);
    }
}
