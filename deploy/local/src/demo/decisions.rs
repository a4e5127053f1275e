//! The decisions about demo orders, as partners report them: the leads set the status of the orders
//! of their teams over the API. Each lead reads one page of orders on hold in each round, so the
//! rate is bounded. Rounds follow each other quickly while many orders wait: those of the past week
//! are decided within minutes after the first start.
//!
//! The decision is a function of the order's id. Some orders stay on hold.

use std::time::Duration;

use anyhow::Context as _;
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::json;
use sluice_runtime::clock::Clock;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const ROUND: Duration = Duration::from_secs(10);
/// The pause after a round that decided about at least half a page.
const BUSY_ROUND: Duration = Duration::from_millis(500);
const ORDERS_PER_ROUND: usize = 20;
/// An order is not decided before this age, so that a person sees it on hold.
const MIN_AGE_MS: u64 = 90_000;

/// A lead's view of the API.
struct Desk {
    client: reqwest::Client,
    crm: String,
    username: String,
    password: String,
    token: Option<String>,
    /// The cursor of the next page; `None`: the newest order comes first.
    cursor: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ListedOrder {
    id: Uuid,
}

#[derive(Debug, Deserialize)]
struct Tokens {
    access_token: String,
}

/// Decides about orders until cancelled. A CRM that is down, or a changed password, is logged and
/// tried again.
pub(super) async fn run(crm: &str, leads: Vec<(String, String)>, cancelled: &CancellationToken) {
    let desks = leads.into_iter().map(|lead| Desk::new(crm, lead).run());
    tokio::select! {
        () = cancelled.cancelled() => {}
        _ = futures::future::join_all(desks) => {}
    }
}

/// Returns the word of the partner and the reason for an order, unless it stays on hold.
fn decide(id: Uuid) -> Option<(&'static str, &'static str)> {
    // The last bits of a UUIDv7 are random.
    match id.as_u128() % 100 {
        0..56 => Some(("approved", "")),
        56..68 => Some(("declined", "Not reached by phone.")),
        68..72 => Some(("cancelled", "The customer cancelled.")),
        72..79 => Some(("duplicate", "The same phone number as an earlier order.")),
        79..82 => Some(("upsell", "A second lamp.")),
        82..84 => Some(("refund", "Returned within 30 nights.")),
        _ => None,
    }
}

/// Returns whether an order is old enough for a decision.
fn is_due(id: Uuid, now_ms: u64) -> bool {
    let (seconds, nanos) = id.get_timestamp().map_or((0, 0), |time| time.to_unix());
    seconds * 1000 + u64::from(nanos) / 1_000_000 + MIN_AGE_MS <= now_ms
}

impl Desk {
    fn new(crm: &str, (username, password): (String, String)) -> Self {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(15)).build().unwrap_or_default();
        let crm = crm.trim_end_matches('/').to_owned();
        Self { client, crm, username, password, token: None, cursor: None }
    }

    async fn run(mut self) {
        let mut is_well = true;
        let mut pause = ROUND;
        loop {
            tokio::time::sleep(pause).await;
            pause = ROUND;
            match self.round().await {
                Ok(decided) => {
                    is_well = true;
                    if decided >= ORDERS_PER_ROUND / 2 {
                        pause = BUSY_ROUND;
                    }
                }
                Err(error) if is_well => {
                    tracing::warn!(lead = self.username, "cannot decide about orders: {error:#}");
                    is_well = false;
                }
                Err(_) => {}
            }
        }
    }

    /// Decides about one page of orders on hold. Returns the number of decided orders.
    async fn round(&mut self) -> anyhow::Result<usize> {
        let token = self.log_in().await?;
        let mut url = format!("{}/api/orders/list/?status=hold&limit={ORDERS_PER_ROUND}", self.crm);
        if let Some(cursor) = &self.cursor {
            url = format!("{url}&cursor={cursor}");
        }
        let response = self.client.get(url).bearer_auth(&token).send().await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            self.token = None;
        }
        let response = response.error_for_status()?;
        self.cursor = response.headers().get("link").and_then(|link| next_cursor(link.to_str().ok()?));
        let orders: Vec<ListedOrder> = response.json().await?;
        let now_ms = Clock::default().now_ms();
        let due = orders.iter().filter(|order| is_due(order.id, now_ms));
        let decided = due.filter_map(|order| {
            let (word, reason) = decide(order.id)?;
            Some(self.set(&token, order.id, word, reason))
        });
        // One that fails does not end the others.
        let results = futures::future::join_all(decided).await;
        let n = results.len();
        results.into_iter().collect::<anyhow::Result<()>>().map(|()| n)
    }

    async fn log_in(&mut self) -> anyhow::Result<String> {
        if let Some(token) = &self.token {
            return Ok(token.clone());
        }
        let body = json!({"username": self.username, "password": self.password});
        let sent = self.client.post(format!("{}/api/users/login/", self.crm)).json(&body).send().await?;
        let tokens: Tokens = sent.error_for_status().context("login")?.json().await?;
        self.token = Some(tokens.access_token.clone());
        Ok(tokens.access_token)
    }

    async fn set(&self, token: &str, id: Uuid, word: &str, reason: &str) -> anyhow::Result<()> {
        let url = format!("{}/api/orders/{id}/set-status/", self.crm);
        let body = json!({"status": word, "reason": reason});
        let response = self.client.post(url).bearer_auth(token).json(&body).send().await?;
        // A person may have decided about the order, or deleted it, since the list was read.
        if !matches!(
            response.status(),
            StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND | StatusCode::CONFLICT
        ) {
            response.error_for_status().context("set-status")?;
        }
        Ok(())
    }
}

/// Returns the cursor in a `Link` header, as it is written in the address.
fn next_cursor(link: &str) -> Option<String> {
    let query = link.split_once('?')?.1.split_once('>')?.0;
    query.split('&').find_map(|pair| pair.strip_prefix("cursor=")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use sluice_schemas::status::Status;

    use super::*;

    #[test]
    fn decisions_are_words_of_partners_and_some_orders_stay_on_hold() {
        let decided: Vec<_> = (0..100).map(|n| decide(Uuid::from_u128(n))).collect();
        let of =
            |status| decided.iter().flatten().filter(|(word, _)| Status::parse(word) == Some(status)).count();
        assert_eq!(
            [Status::Sale, Status::Rejected, Status::Trash, Status::Rebill, Status::Chargeback].map(of),
            [56, 16, 7, 3, 2]
        );
        assert_eq!(decided.iter().filter(|decision| decision.is_none()).count(), 16);
    }

    #[test]
    fn a_new_order_waits() {
        let now_ms = 1_795_003_200_000;
        let id = |age_ms| uuid::Builder::from_unix_timestamp_millis(now_ms - age_ms, &[7; 10]).into_uuid();
        assert!(is_due(id(MIN_AGE_MS), now_ms) && !is_due(id(MIN_AGE_MS - 1), now_ms));
    }

    #[test]
    fn the_cursor_of_a_link_is_found() {
        let link = "</api/orders/list/?status=hold&cursor=ab%2Bc&limit=20>; rel=\"next\"";
        assert_eq!(next_cursor(link).as_deref(), Some("ab%2Bc"));
        assert_eq!(next_cursor("nonsense"), None);
    }
}
