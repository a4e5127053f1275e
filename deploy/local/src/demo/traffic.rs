//! Endless demo traffic through a real edge: visits that follow the hours of the day, and orders
//! minutes after some of them. With campaigns and the address of the CRM, the leads also decide
//! about orders (`decisions.rs`). When the edge is down, visits are left out, and orders wait until
//! it is back.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::Context as _;
use rand::RngExt as _;
use reqwest::header::{CONTENT_TYPE, REFERER, USER_AGENT};
use sluice_runtime::clock::Clock;
use sluice_runtime::lifecycle::Lifecycle;
use tokio::time::{Instant, sleep, sleep_until};

use super::decisions;
use super::owners::Owners;
use super::visits::{OrderForm, Visit, Visits, business};

/// Visits per second in the quietest minute of the night, and the additional visits in the busiest
/// minute of the evening, at pace 1.
const VISITS_PER_S: (f64, f64) = (0.5, 2.5);
const ORDER_RETRY: Duration = Duration::from_secs(5);
/// The number of orders that may wait for an edge that is down. Beyond it, the oldest are dropped.
const MAX_WAITING_ORDERS: usize = 10_000;

/// The edge that receives the visits, and their buyers.
#[derive(Debug, clap::Args)]
pub struct TrafficArgs {
    /// The listener of the edge that believes X-Forwarded-For from loopback
    #[arg(long, default_value = "http://127.0.0.1:8082")]
    pub edge: String,
    /// The pace: 1 is 0.5 to 3 visits a second
    #[arg(long, default_value_t = 0.2)]
    pub pace: f64,
    #[command(flatten)]
    pub owners: Owners,
    /// The address of the CRM, where the team leads of the file set the statuses of orders
    #[arg(long)]
    pub crm: Option<String>,
}

struct WaitingOrder {
    due: Instant,
    visit: Visit,
    form: OrderForm,
}

/// The result of sending an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delivery {
    Taken,
    /// Rejected, and sending it again would not help.
    Refused,
    /// The edge cannot be reached, or cannot accept the event now.
    Away,
}

struct Traffic {
    client: reqwest::Client,
    edge: String,
    visits: Visits,
    /// Not sorted: there are few orders, and one scan a second is cheap.
    waiting: VecDeque<WaitingOrder>,
    edge_is_up: bool,
    n_visits: u64,
    n_orders: u64,
}

pub(super) async fn run(args: TrafficArgs) -> anyhow::Result<()> {
    let lifecycle = Lifecycle::start().context("cannot install the signal handlers")?;
    let clock = Clock::default();
    let mut traffic = Traffic {
        client: reqwest::Client::builder().timeout(Duration::from_secs(5)).build()?,
        edge: args.edge.trim_end_matches('/').to_owned(),
        visits: args.owners.visits(rand::rng().random())?,
        waiting: VecDeque::new(),
        edge_is_up: true,
        n_visits: 0,
        n_orders: 0,
    };
    tracing::info!(edge = traffic.edge, owners = ?args.owners, "traffic begins");
    let leads = args.owners.leads()?;
    let decide = async {
        if let Some(crm) = &args.crm {
            decisions::run(crm, leads, lifecycle.draining()).await;
        }
    };
    tokio::join!(traffic.send(args.pace, &clock, &lifecycle), decide);
    tracing::info!(visits = traffic.n_visits, orders = traffic.n_orders, "traffic ends");
    Ok(())
}

impl Traffic {
    /// Sends visits and orders until the drain.
    async fn send(&mut self, pace: f64, clock: &Clock, lifecycle: &Lifecycle) {
        let mut next_visit = Instant::now();
        loop {
            let per_s = pace * (VISITS_PER_S.0 + VISITS_PER_S.1 * business(clock.now_ms()));
            // Not just `+= pause`: missed visits must not be sent in one burst after an outage.
            next_visit = (next_visit + self.visits.pause(per_s)).max(Instant::now());
            tokio::select! {
                () = lifecycle.draining().cancelled() => return,
                () = self.step(next_visit, clock.now_ms()) => {}
            }
        }
    }

    async fn step(&mut self, at: Instant, now_ms: u64) {
        self.send_due_orders().await;
        sleep_until(at).await;
        let visit = self.visits.next(now_ms);
        match self.send_visit(&visit).await {
            Delivery::Taken => self.n_visits += 1,
            Delivery::Refused => return,
            Delivery::Away => return sleep(Duration::from_secs(1)).await,
        }
        if let Some(after) = visit.order_after {
            if self.waiting.len() >= MAX_WAITING_ORDERS {
                self.waiting.pop_front();
            }
            let form = self.visits.order(&visit);
            self.waiting.push_back(WaitingOrder { due: Instant::now() + after, visit, form });
        }
    }

    async fn send_due_orders(&mut self) {
        let now = Instant::now();
        while let Some(index) = self.waiting.iter().position(|order| order.due <= now) {
            let order = &self.waiting[index];
            let sent = self
                .client
                .post(format!("{}/o", self.edge))
                .header("x-forwarded-for", order.visit.ip.to_string())
                .header(USER_AGENT, order.visit.user_agent)
                .header(REFERER, &order.visit.page)
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(order.form.to_pairs())
                .send()
                .await;
            match self.note(sent) {
                Delivery::Taken => self.n_orders += 1,
                Delivery::Refused => {}
                Delivery::Away => {
                    self.waiting[index].due = now + ORDER_RETRY;
                    return;
                }
            }
            self.waiting.remove(index);
        }
    }

    async fn send_visit(&mut self, visit: &Visit) -> Delivery {
        let sent = self
            .client
            .get(format!("{}/p.gif?{}", self.edge, visit.pairs))
            .header("x-forwarded-for", visit.ip.to_string())
            .header(USER_AGENT, visit.user_agent)
            .header(REFERER, &visit.page)
            .send()
            .await;
        self.note(sent)
    }

    /// Returns the result of sending an event. Logs once that the edge is down, and once that it is
    /// back.
    fn note(&mut self, sent: reqwest::Result<reqwest::Response>) -> Delivery {
        let (delivery, problem) = match sent {
            Ok(response) => judge(&response),
            Err(error) => (Delivery::Away, error.without_url().to_string()),
        };
        let is_up = delivery != Delivery::Away;
        match (is_up, self.edge_is_up) {
            (false, true) => tracing::warn!(edge = self.edge, problem, "the edge accepts no events"),
            (true, false) => tracing::info!(edge = self.edge, "the edge accepts events again"),
            _ if delivery == Delivery::Refused => tracing::warn!(problem, "the edge refused an event"),
            _ => {}
        }
        self.edge_is_up = is_up;
        delivery
    }
}

/// Returns the meaning of an answer, and a description of the problem.
fn judge(response: &reqwest::Response) -> (Delivery, String) {
    let status = response.status();
    let outcome = response.headers().get("x-sluice-outcome");
    let problem = format!("answered {status} with outcome {outcome:?}");
    if outcome.is_some_and(|outcome| outcome == "accepted") {
        (Delivery::Taken, problem)
    } else if status.is_server_error() || status == reqwest::StatusCode::TOO_MANY_REQUESTS {
        (Delivery::Away, problem)
    } else {
        (Delivery::Refused, problem)
    }
}
