//! The requests for measuring the API at size: every list with each of its filters, its next page
//! and its sort orders, and every detail. The numbers in the paths change from request to request,
//! so that no result comes from a cache.

use chrono::{DateTime, Days, NaiveDate};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use sluice_runtime::clock::Clock;

use super::fill::{DAYS, Size};

/// The time limit for a list or detail of editable data, in milliseconds.
const POSTGRES_MS: f64 = 20.0;
/// The time limit for the newest page of events, and for one event by its id.
const NEWEST_MS: f64 = 50.0;
/// The time limit for a page of events with any filter.
const FILTER_MS: f64 = 200.0;

/// The user who sends a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    Owner,
    Lead,
    Buyer,
}

/// One line of the table: similar paths.
#[derive(Debug, Clone)]
pub struct Line {
    pub path: String,
    pub asker: Asker,
    pub wanted_ms: f64,
    pub is_postgres: bool,
    /// Whether to request the page after this one.
    pub is_next: bool,
}

/// Ids of existing events.
#[derive(Debug, Clone, Default)]
pub struct Known {
    pub prospects: Vec<String>,
    pub orders: Vec<String>,
}

/// Fills numbers into paths: they replace the words in braces.
pub struct Numbers<'a> {
    size: Size,
    known: &'a Known,
    rng: SmallRng,
    today: NaiveDate,
}

/// Lists and details of editable data. A word in braces is a different number in each request.
const POSTGRES: &[&str] = &[
    "/api/users/list/",
    "> /api/users/list/",
    "/api/users/list/?sort=-username",
    "/api/users/list/?q=user{user}",
    "/api/users/list/?q=Archer",
    "/api/users/list/?position=Team Lead",
    "/api/users/list/?is_active=true",
    "/api/users/list/?is_active=false",
    "/api/users/list/?team_id={team}",
    "/api/users/detail/{user}/",
    "/api/teams/list/",
    "> /api/teams/list/",
    "/api/teams/list/?sort=-name",
    "/api/teams/list/?q={team}",
    "/api/teams/detail/{team}/",
    "/api/teams/{team}/history/",
    "/api/campaigns/list/",
    "> /api/campaigns/list/",
    "/api/campaigns/list/?sort=-name",
    "/api/campaigns/list/?q={campaign}",
    "/api/campaigns/list/?user_id={buyer}",
    "/api/campaigns/list/?team_id={team}",
    "/api/campaigns/list/?source_id={fifty}",
    "/api/campaigns/list/?partner_id={fifty}",
    "/api/campaigns/list/?state=paused",
    "/api/campaigns/list/?tag=tag{ten}",
    "/api/campaigns/list/?tag=none",
    "/api/campaigns/detail/{campaign}/",
    "lead /api/campaigns/list/",
    "buyer /api/campaigns/list/",
    "/api/sources/list/",
    "/api/sources/detail/{fifty}/",
    "/api/partners/list/",
    "/api/partners/detail/{fifty}/",
    "/api/funds/accounts/list/",
    "> /api/funds/accounts/list/",
    "/api/funds/accounts/list/?q={account}",
    "/api/funds/accounts/list/?user_id={buyer}",
    "/api/funds/accounts/list/?source_id={fifty}",
    "/api/funds/accounts/list/?state=paused",
    "lead /api/funds/accounts/list/",
    "/api/funds/accounts/detail/{account}/",
    "/api/funds/accounts/{account}/statement.csv?from={day}&to={day}",
    "/api/funds/accounts/{account}/statement.csv",
    "/api/funds/balances/list/?account_id={account}",
    "/api/funds/balances/list/?account_id={account}&at={day}",
    "/api/funds/balances/list/",
    "> /api/funds/balances/list/",
    "/api/funds/balances/list/?at={day}",
    "/api/funds/balances/list/?by=buyer",
    "/api/funds/balances/list/?by=buyer&user_id={buyer}",
    "/api/funds/balances/list/?by=team",
    "/api/funds/balances/list/?by=team&team_id={team}",
    "lead /api/funds/balances/list/",
    "/api/funds/budgets/list/",
    "> /api/funds/budgets/list/",
    "/api/funds/budgets/list/?team_id={team}",
    "/api/funds/budgets/list/?month={month}",
    "/api/funds/budgets/detail/{budget}/",
    "/api/funds/requests/list/",
    "> /api/funds/requests/list/",
    "/api/funds/requests/list/?status=open",
    "/api/funds/requests/list/?status=topped_up",
    "/api/funds/requests/list/?account_id={account}",
    "/api/funds/requests/list/?user_id={buyer}",
    "lead /api/funds/requests/list/",
    "/api/funds/requests/detail/{request}/",
    "/api/funds/rates/list/",
    "> /api/funds/rates/list/",
    "/api/funds/rates/detail/{fifty}/",
    "/api/funds/transfers/list/",
    "> /api/funds/transfers/list/",
    "/api/funds/transfers/list/?kind=top_up",
    "/api/funds/transfers/list/?kind=return",
    "/api/funds/transfers/list/?account_id={account}",
    "/api/funds/transfers/list/?account_id={account}&kind=return",
    "/api/funds/transfers/list/?user_id={buyer}",
    "/api/funds/transfers/list/?from={day}&to={day}",
    "lead /api/funds/transfers/list/",
    "/api/funds/transfers/detail/{entry}/",
    "/api/funds/ledger/list/",
    "> /api/funds/ledger/list/",
    "/api/funds/ledger/list/?account_id={account}",
    "/api/funds/ledger/list/?from={day}&to={day}",
    "lead /api/funds/ledger/list/",
    "/api/audit/list/",
    "> /api/audit/list/",
    "/api/audit/list/?actor_id={user}",
    "/api/audit/list/?resource=teams",
    "/api/audit/list/?resource=users&resource_id={team}",
    "/api/audit/list/?verb=export",
    "/api/audit/list/?q=after {user}",
    "/api/audit/list/?from={day}&to={day}",
    "/api/account/",
    "/api/account/sessions/",
    "/api/account/tokens/list/",
];

/// The newest page of events, its next page, and one event.
const NEWEST: &[&str] = &[
    "/api/prospects/list/",
    "> /api/prospects/list/",
    "lead /api/prospects/list/",
    "buyer /api/prospects/list/",
    "/api/prospects/detail/{prospect}/",
    "/api/prospects/list/?q={prospect}",
    "/api/orders/list/",
    "> /api/orders/list/",
    "lead /api/orders/list/",
    "buyer /api/orders/list/",
    "/api/orders/detail/{order}/",
    "/api/orders/{order}/history/",
];

/// Events with each filter.
const FILTERED: &[&str] = &[
    "/api/prospects/list/?sort=time",
    "/api/prospects/list/?from={day}&to={day}",
    "/api/prospects/list/?user_id={buyer}",
    "/api/prospects/list/?team_id={team}",
    "/api/prospects/list/?campaign_id={campaign}",
    "/api/prospects/list/?country=UA",
    "/api/prospects/list/?country=IS",
    "/api/prospects/list/?country=ZW",
    "/api/prospects/list/?bot=true",
    "/api/prospects/list/?bot=false",
    "/api/prospects/list/?user_id={buyer}&from={day}&to={day}",
    "/api/prospects/list/?q=landing{ten}.example",
    "/api/prospects/list/?q=nowhere{user}",
    "/api/orders/list/?status=sale",
    "/api/orders/list/?status=rebill",
    "/api/orders/list/?from={day}&to={day}",
    "/api/orders/list/?user_id={buyer}",
    "/api/orders/list/?team_id={team}",
    "/api/orders/list/?campaign_id={campaign}",
    "/api/orders/list/?country=UA",
    "/api/orders/list/?bot=true",
    "/api/orders/list/?q=customer{user}",
    "/api/orders/list/?q=nowhere{user}",
];

/// Returns all lines of the table in their order.
#[must_use]
pub fn lines() -> Vec<Line> {
    let of = |paths: &'static [&str], wanted_ms, is_postgres| {
        paths.iter().map(move |text| Line::read(text, wanted_ms, is_postgres))
    };
    let events = of(NEWEST, NEWEST_MS, false).chain(of(FILTERED, FILTER_MS, false));
    of(POSTGRES, POSTGRES_MS, true).chain(events).collect()
}

/// Returns the present day in UTC.
pub(super) fn today() -> NaiveDate {
    let now_ms = i64::try_from(Clock::default().now_ms()).unwrap_or_default();
    DateTime::from_timestamp_millis(now_ms).unwrap_or_default().date_naive()
}

impl Line {
    /// Reads a line of a list: who asks, and the path.
    pub(super) fn read(text: &str, wanted_ms: f64, is_postgres: bool) -> Self {
        let (word, path) = text.split_at(text.find('/').unwrap_or(0));
        let asker = match word.trim() {
            "lead" => Asker::Lead,
            "buyer" => Asker::Buyer,
            _ => Asker::Owner,
        };
        Self { path: path.to_owned(), asker, wanted_ms, is_postgres, is_next: word.trim() == ">" }
    }

    /// Returns the name in the table.
    #[must_use]
    pub fn name(&self) -> String {
        let path = self.path.trim_start_matches("/api/");
        match self.asker {
            _ if self.is_next => format!("{path}, next page"),
            Asker::Owner => path.to_owned(),
            Asker::Lead => format!("{path}, a Team Lead"),
            Asker::Buyer => format!("{path}, a Buyer"),
        }
    }
}

impl<'a> Numbers<'a> {
    /// The numbers are the same in every run.
    #[must_use]
    pub fn new(size: Size, known: &'a Known) -> Self {
        Self { size, known, rng: SmallRng::seed_from_u64(1), today: today() }
    }

    /// Returns a path with numbers for its words, encoded for sending.
    pub fn put_in(&mut self, path: &str) -> String {
        // Both ends of a range.
        let day = self.today - Days::new(self.rng.random_range(1..DAYS));
        let mut text = String::new();
        let mut rest = path;
        while let Some((before, (word, after))) =
            rest.split_once('{').and_then(|(before, tail)| Some((before, tail.split_once('}')?)))
        {
            text.push_str(before);
            text.push_str(&self.word(word, day));
            rest = after;
        }
        text.push_str(rest);
        text.replace(' ', "%20")
    }

    fn word(&mut self, word: &str, day: NaiveDate) -> String {
        let size = self.size;
        let (first, n) = match word {
            "user" => (1, size.users),
            "buyer" => (size.first_buyer(), size.buyers()),
            "team" => (1, size.teams),
            "campaign" => (1, size.campaigns()),
            "account" => (1, size.accounts()),
            "entry" => (1, size.entries()),
            "budget" => (1, 12 * size.teams),
            "request" => (1, size.requests()),
            "fifty" => (1, 50),
            "ten" => (10, 10),
            "prospect" => return self.known.prospects.choose(&mut self.rng).cloned().unwrap_or_default(),
            "order" => return self.known.orders.choose(&mut self.rng).cloned().unwrap_or_default(),
            "month" => return day.format("%Y-%m").to_string(),
            _ => return day.to_string(),
        };
        (first + self.rng.random_range(0..n)).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_numbers_that_change() {
        let known = Known { prospects: vec!["abc".to_owned()], orders: Vec::new() };
        let mut numbers = Numbers::new(Size::QUICK, &known);
        assert_eq!(numbers.put_in("/a/{prospect}/?q=x y"), "/a/abc/?q=x%20y");
        let (one, other) = (numbers.put_in("/{user}/"), numbers.put_in("/{user}/"));
        assert_ne!(one, other);
        assert!(lines().iter().all(|line| !numbers.put_in(&line.path).contains('{')));
        let range = numbers.put_in("{day} {day}");
        assert_eq!(range.split_once("%20").map(|(from, to)| from == to), Some(true));
    }

    #[test]
    fn a_line_says_who_asks() {
        let line = Line::read("lead /api/users/list/", 1.0, true);
        assert_eq!((line.asker, line.path.as_str(), line.is_next), (Asker::Lead, "/api/users/list/", false));
        assert_eq!(Line::read("> /api/users/list/", 1.0, true).name(), "users/list/, next page");
    }
}
