//! Waits for the work of other partitions' owners that is under way: batches of events that are
//! planned, and replays that have a verdict.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::commit::Place;
use crate::context::PartitionContext;
use crate::replayer::{replay_lane, replay_name};
use crate::retry::{Part, Stop};
use crate::store::Verdict;

/// A batch takes some hundred milliseconds, a replay less.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Waits until the batches of events and the replays that are under way now have ended.
pub(super) async fn wait_for_all(context: &PartitionContext) -> Result<(), Stop> {
    let events = &context.shared.events;
    let places = context.retry_until_revoked(Part::Kafka, || events.read_all()).await?;
    for partition in places.keys() {
        wait_for_replay(context, *partition).await?;
    }
    wait_for_batches(context, places).await
}

/// Waits until the batches that were planned at these places have ended, and every batch whose plan
/// may have been lost.
async fn wait_for_batches(context: &PartitionContext, mut places: BTreeMap<i32, Place>) -> Result<(), Stop> {
    let events = &context.shared.events;
    places.retain(|_, place| place.plan.is_some() || place.is_doubted());
    while !places.is_empty() {
        context.sleep(LOOK_EVERY).await?;
        let now = context.retry_until_revoked(Part::Kafka, || events.read_all()).await?;
        places
            .retain(|partition, place| now.get(partition).is_none_or(|now| now == place || now.is_doubted()));
    }
    Ok(())
}

/// Waits until the replay of a partition that is under way now has ended, if there is one.
pub(super) async fn wait_for_replay(context: &PartitionContext, partition: i32) -> Result<(), Stop> {
    let store = &context.shared.store;
    let lane = replay_lane(&format!("{}/{partition}", context.shared.events.topic));
    let number = context.ask_clickhouse(|| store.next_ordinal(&lane)).await?;
    let name = replay_name(&lane, number);
    if context.ask_clickhouse(|| store.verdict::<Verdict>(&name)).await?.is_none() {
        return Ok(());
    }
    while context.ask_clickhouse(|| store.next_ordinal(&lane)).await? == number {
        context.sleep(LOOK_EVERY).await?;
    }
    Ok(())
}
