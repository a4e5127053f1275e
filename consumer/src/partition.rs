//! The owner of one assigned partition: takes its records, batch by batch, through the plan-commit
//! protocol.
//!
//! directory → plan → verdict → rows → ordinals → end. Every step can be repeated; a crash between
//! any two of them is mended by the partition's next owner from the plan and the stored rows
//! (`docs/exactly-once.md`). Between batches, parked events that can be stored now are replayed by
//! the same steps.
//!
//! If a permanent error comes up, or a change that only a later version can apply, the partition
//! stands still: its owner does nothing until the partition is taken away or the service drains.
//! The plan is kept, so the next owner repeats the batch, and nothing is lost or doubled.

use std::sync::Arc;

use tracing::Instrument as _;

use crate::assignment::Inbox;
use crate::batch::BatchRange;
use crate::changes::{ChangeApplier, cut_before_newer};
use crate::collect::Collector;
use crate::commit::{Commit, Committer, Place};
use crate::context::{PartitionContext, Shared};
use crate::decode::Record;
use crate::event_batches::EventBatches;
use crate::metrics::PartitionLabels;
use crate::planner::Planner;
use crate::replayer::Replayer;
use crate::retry::Stop;
use crate::topic::Topic;

/// The owner of one partition, as long as it is assigned.
pub struct Partition {
    topic: Topic,
    context: Arc<PartitionContext>,
    collector: Collector,
}

/// The work that is done with the batches of a topic.
enum Work {
    Events { batches: EventBatches, replayer: Replayer },
    Changes(ChangeApplier),
}

impl Partition {
    /// Prepares to own a partition.
    #[must_use]
    pub fn new(topic: Topic, shared: Shared, committer: Committer, inbox: Inbox) -> Self {
        let (lease, draining) = (committer.lease.clone(), shared.draining.clone());
        let collector = Collector::new(topic, &shared.config, inbox, lease, draining);
        Self { topic, context: Arc::new(PartitionContext::new(shared, committer)), collector }
    }

    /// Works until the partition is taken away or the service drains.
    pub async fn run(mut self) {
        let partition = self.context.partition();
        let span = tracing::info_span!("partition", topic = self.topic.as_str(), partition);
        async {
            tracing::info!("partition assigned");
            match self.work().await {
                Ok(()) => tracing::info!("partition left after its last batch"),
                Err(Stop::Revoked(_)) => tracing::info!("partition taken away"),
                Err(stop) => self.stand_still(&stop).await,
            }
        }
        .instrument(span)
        .await;
    }

    async fn work(&mut self) -> Result<(), Stop> {
        let (planner, mut place) = Planner::open(Arc::clone(&self.context)).await?;
        let mut work = Work::open(self.topic, &self.context).await?;
        loop {
            let Place { begin, plan, .. } = place;
            let planned_end = plan.map(|plan| plan.end);
            let wake = work.replayer().and_then(Replayer::wake);
            let Some(mut records) = self.collector.collect(begin, planned_end, wake).await? else {
                return Ok(());
            };
            let newer = match self.topic {
                Topic::Events => None,
                Topic::Changes => cut_before_newer(&mut records, plan.is_some()),
            };
            // A repeated batch keeps its planned range, whatever Kafka still has of it.
            let range = match (planned_end, records.first(), records.last()) {
                (Some(end), ..) if newer.is_none() => Some(BatchRange { begin, end, plan }),
                (_, Some(first), Some(last)) => {
                    Some(BatchRange { begin: first.offset, end: last.offset + 1, plan })
                }
                _ => None,
            };
            if let Some(range) = range {
                let span = tracing::info_span!("batch", begin = range.begin, end = range.end);
                work.store(&planner, &range, &records).instrument(span).await?;
                place = Place { begin: range.end, commit: Commit::Own, ..Place::default() };
            }
            if let Some(newer) = newer {
                return Err(Stop::NewerChange { offset: newer.offset, error: newer.error });
            }
            if let Work::Events { replayer, .. } = &mut work {
                replayer.replay_if_due(planner.is_doubted(begin)).await?;
                replayer.forget_ended_if_due().await;
            }
        }
    }

    /// Waits until the partition is taken away or the service drains.
    async fn stand_still(&self, stop: &Stop) {
        let (shared, partition) = (&self.context.shared, self.context.partition());
        let part = self.topic.as_str();
        tracing::error!("the partition {stop}");
        shared.readiness.not_ready(part, format!("partition {partition} {stop}"));
        let labels = PartitionLabels { topic: part, partition };
        let stopped = shared.metrics.stopped.get_or_create(&labels).clone();
        stopped.set(1);
        let drained = self.context.committer.lease.until_revoked(shared.draining.cancelled()).await;
        stopped.set(0);
        shared.readiness.ready(part);
        match drained {
            Ok(()) => tracing::info!("partition left where it stood still"),
            Err(_) => tracing::info!("partition taken away"),
        }
    }
}

impl Work {
    /// Goes on where the partition's last owner has stopped.
    async fn open(topic: Topic, context: &Arc<PartitionContext>) -> Result<Self, Stop> {
        if topic == Topic::Changes {
            return Ok(Self::Changes(ChangeApplier::new(Arc::clone(context))));
        }
        let store = &context.shared.store;
        let lanes = context.ask_clickhouse(|| store.lanes()).await?;
        let replayer = Replayer::open(Arc::clone(context), &lanes).await?;
        Ok(Self::Events { batches: EventBatches::new(Arc::clone(context), lanes), replayer })
    }

    const fn replayer(&self) -> Option<&Replayer> {
        match self {
            Self::Events { replayer, .. } => Some(replayer),
            Self::Changes(_) => None,
        }
    }

    async fn store(&mut self, planner: &Planner, range: &BatchRange, records: &[Record]) -> Result<(), Stop> {
        match self {
            Self::Events { batches, replayer } => {
                let stored = batches.store(planner, range, records).await?;
                replayer.note_parked(&stored.rows, stored.directory_version);
                Ok(())
            }
            Self::Changes(applier) => applier.apply(planner, range, records).await,
        }
    }
}
