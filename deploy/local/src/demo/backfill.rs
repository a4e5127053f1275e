//! The past of the demo: visits and orders of the last days. They are written into Kafka as the
//! chunks of a separate edge (a random edge id, lane 0, ordinals as in a journal), with the times
//! and ids that they would have had.
//!
//! Events are in the order of their times, so an order comes after its visit. With campaigns, a few
//! events are parked: visits with keys that no campaign has, and orders without their visit. Run
//! this once: a second run is another edge with another week.

use std::time::Duration;

use anyhow::Context as _;
use rand::RngExt as _;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use sluice_runtime::clock::Clock;
use sluice_runtime::kafka;
use sluice_schemas::chunk::{ChunkHeader, FIRST_ORDINAL, push_event};
use sluice_schemas::event::{EventRef, OrderRef};
use uuid::Uuid;

use super::owners::Owners;
use super::visits::{Visit, Visits, business};

const EVENTS_PER_CHUNK: usize = 500;
const MS_PER_DAY: u64 = 86_400_000;
/// Parked events: how many keys are unknown, the visits of each, and the orders.
const N_UNKNOWN_KEYS: usize = 3;
const VISITS_PER_UNKNOWN_KEY: usize = 5;
const N_LOST_ORDERS: usize = 6;
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// The target and the number of the past events.
#[derive(Debug, clap::Args)]
pub struct BackfillArgs {
    /// The addresses of Kafka
    #[arg(long)]
    pub brokers: String,
    #[arg(long, default_value = sluice_schemas::topics::EVENTS)]
    pub topic: String,
    #[command(flatten)]
    pub owners: Owners,
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u64).range(1..=90))]
    pub days: u64,
    /// Number of all visits, distributed over the hours of each day like real traffic; by default
    /// about as many as the live traffic produces in a week
    #[arg(long, default_value_t = 150_000)]
    pub visits: usize,
}

/// A past event: its time and its bytes.
struct PastEvent {
    time_ms: u64,
    bytes: Vec<u8>,
}

pub(super) async fn run(args: BackfillArgs) -> anyhow::Result<()> {
    let now_ms = Clock::default().now_ms();
    let mut visits = args.owners.visits(rand::rng().random())?;
    let events = past(&args, &mut visits, now_ms);
    let producer: FutureProducer = kafka::producer(&args.brokers, "sluice-local")
        .set("compression.type", "lz4")
        .set("message.timeout.ms", "30000")
        .create()
        .context("cannot create a producer")?;
    let edge = Uuid::new_v4();
    tracing::info!(events = events.len(), days = args.days, %edge, "backfill begins");
    let mut first_seq = FIRST_ORDINAL;
    let mut sent = 0;
    for run in events.chunks(EVENTS_PER_CHUNK) {
        let count = u32::try_from(run.len()).context("a chunk is too long")?;
        send(&producer, &args.topic, ChunkHeader { edge, lane: 0, first_seq, count }, run).await?;
        first_seq += u64::from(count);
        sent += run.len();
        if sent.is_multiple_of(10 * EVENTS_PER_CHUNK) {
            tracing::info!(sent, of = events.len(), "backfill");
        }
    }
    tracing::info!(sent, "backfill is in Kafka");
    Ok(())
}

async fn send(
    producer: &FutureProducer,
    topic: &str,
    header: ChunkHeader,
    events: &[PastEvent],
) -> anyhow::Result<()> {
    let mut value = Vec::new();
    for event in events {
        push_event(&mut value, &event.bytes);
    }
    let text = header.to_text();
    let headers = text.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
        headers.insert(Header { key, value: Some(value.as_str()) })
    });
    let key = header.lane_name();
    let record = FutureRecord::to(topic).key(&key).payload(&value).headers(headers);
    producer
        .send(record, SEND_TIMEOUT)
        .await
        .map_err(|(error, _)| error)
        .with_context(|| format!("Kafka did not accept the events from {} on", header.first_seq))?;
    Ok(())
}

/// Returns the events of the days before `now_ms`, in the order of their times.
fn past(args: &BackfillArgs, visits: &mut Visits, now_ms: u64) -> Vec<PastEvent> {
    let start_ms = now_ms.saturating_sub(args.days * MS_PER_DAY);
    let mut events = Vec::with_capacity(args.visits + args.visits / 20);
    for time_ms in times(start_ms, now_ms, args.visits, visits) {
        let visit = visits.next(time_ms);
        events.push(PastEvent { time_ms, bytes: visit_bytes(&visit) });
        let ordered = visit.order_after.map(|after| time_ms + after.as_millis() as u64);
        if let Some(order_ms) = ordered.filter(|order_ms| *order_ms < now_ms) {
            events.push(PastEvent { time_ms: order_ms, bytes: order_bytes(visits, &visit, order_ms) });
        }
    }
    if visits.have_keys() {
        events.extend(parked(visits, start_ms, now_ms));
    }
    events.sort_by_key(|event| event.time_ms);
    events
}

/// Returns events that are parked.
fn parked(visits: &mut Visits, start_ms: u64, end_ms: u64) -> Vec<PastEvent> {
    let mut events = Vec::new();
    for _ in 0..N_UNKNOWN_KEYS {
        let key = sluice_schemas::tracking_key::generate();
        for _ in 0..VISITS_PER_UNKNOWN_KEY {
            let time_ms = start_ms + visits.within(end_ms - start_ms);
            events.push(PastEvent { time_ms, bytes: visit_bytes(&visits.next_with_key(time_ms, &key)) });
        }
    }
    for _ in 0..N_LOST_ORDERS {
        let time_ms = start_ms + visits.within(end_ms - start_ms);
        // The visit is not among the events.
        let visit = visits.next(time_ms);
        events.push(PastEvent { time_ms, bytes: order_bytes(visits, &visit, time_ms) });
    }
    events
}

/// Returns `n` times between two times, in order, closer together when the day is busier.
fn times(start_ms: u64, end_ms: u64, n: usize, visits: &mut Visits) -> Vec<u64> {
    const STEP_MS: u64 = 300_000;
    // Even the quietest minute of the night has a sixth of the visits of the evening, as in
    // `traffic.rs`.
    let weight = |time_ms| 0.2 + business(time_ms);
    let steps: Vec<u64> = (start_ms..end_ms).step_by(STEP_MS as usize).collect();
    let total: f64 = steps.iter().map(|step| weight(*step)).sum();
    let mut moments = Vec::with_capacity(n);
    let mut due = 0.0;
    for step_ms in steps {
        due += weight(step_ms) / total * n as f64;
        while (moments.len() as f64) < due && moments.len() < n {
            moments.push((step_ms + visits.within(STEP_MS)).min(end_ms - 1));
        }
    }
    moments.sort_unstable();
    moments
}

fn visit_bytes(visit: &Visit) -> Vec<u8> {
    encode(&event(visit, visit.id, visit.time_ms, &visit.pairs, None))
}

fn order_bytes(visits: &mut Visits, visit: &Visit, time_ms: u64) -> Vec<u8> {
    let form = visits.order(visit);
    let prospect_ref = form.prospect_id.to_string();
    let order = OrderRef {
        prospect_ref: &prospect_ref,
        email: &form.email,
        phone_number: &form.phone_number,
        first_name: form.first_name,
        last_name: form.last_name,
        delivery_address: &form.delivery_address,
    };
    encode(&event(visit, visits.id_at(time_ms), time_ms, "", Some(order)))
}

fn event<'a>(
    visit: &'a Visit,
    id: Uuid,
    time_ms: u64,
    pairs: &'a str,
    order: Option<OrderRef<'a>>,
) -> EventRef<'a> {
    let ip = match visit.ip {
        std::net::IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        std::net::IpAddr::V6(ip) => ip,
    };
    EventRef {
        id: id.into_bytes(),
        time_ms,
        ip: ip.octets(),
        user_agent: visit.user_agent.as_bytes(),
        referer: visit.page.as_bytes(),
        pairs: pairs.as_bytes(),
        marks: 0,
        order,
    }
}

fn encode(event: &EventRef<'_>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(event.encoded_len());
    event.encode(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use sluice_schemas::chunk::decode_event;
    use sluice_schemas::event::Kind;

    use super::*;

    fn args(visits: usize) -> BackfillArgs {
        let owners = Owners { users: Vec::new(), campaigns: None };
        BackfillArgs { brokers: String::new(), topic: String::new(), owners, days: 7, visits }
    }

    #[test]
    fn a_week_of_campaigns_has_a_few_events_that_are_parked() {
        let key = "7qk2m9xw4tbvhr32";
        let campaign = serde_json::json!({"id": 4, "key": key, "user_id": 3, "source": null});
        let campaign = serde_json::from_value(campaign).unwrap();
        let now_ms = 1_795_003_200_000;
        let (mut seen, mut unknown_keys, mut lost_orders) = (HashSet::new(), Vec::new(), 0);
        for past in past(&args(500), &mut Visits::of_campaigns(&[campaign], 1), now_ms) {
            let event = decode_event(past.bytes.into()).unwrap();
            if let Some(order) = event.order {
                lost_orders += usize::from(!seen.contains(&order.prospect_ref));
                continue;
            }
            let pairs: Vec<_> = form_urlencoded::parse(&event.pairs).into_owned().collect();
            assert_eq!((pairs[0].0.as_str(), pairs[1].0.as_str()), ("k", "pid"));
            assert!(sluice_schemas::tracking_key::is_well_formed(pairs[0].1.as_bytes()));
            unknown_keys.extend(Some(pairs[0].1.clone()).filter(|found| found != key));
            seen.insert(pairs[1].1.clone());
        }
        assert_eq!((seen.len(), unknown_keys.len(), lost_orders), (515, 15, N_LOST_ORDERS));
        assert_eq!(unknown_keys.iter().collect::<HashSet<_>>().len(), N_UNKNOWN_KEYS);
    }

    #[test]
    fn a_week_is_whole_in_order_and_its_orders_follow_their_visits() {
        let args = args(3000);
        let now_ms = 1_795_003_200_000;
        let (mut seen, mut orders, mut last_ms) = (HashSet::new(), 0, now_ms - 7 * MS_PER_DAY);
        for past in past(&args, &mut Visits::new(&[3, 4], 1), now_ms) {
            let event = decode_event(past.bytes.into()).unwrap();
            assert!((last_ms..now_ms).contains(&event.time_ms));
            last_ms = event.time_ms;
            if event.kind() == Kind::Order {
                orders += 1;
                assert!(seen.contains(&event.order.unwrap().prospect_ref.parse::<Uuid>().unwrap()));
            } else {
                assert!(seen.insert(Uuid::from_slice(&event.id).unwrap()));
            }
        }
        assert_eq!(seen.len(), 3000);
        assert!((50..160).contains(&orders), "{orders}");
    }
}
