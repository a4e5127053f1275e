//! The plans of one partition: finds where the last owner left it, fixes the range and the
//! directory of each batch before it writes anything, and commits its end.

use std::sync::Arc;

use crate::batch::{Batch, BatchRange};
use crate::commit::{Commit, Place, Plan};
use crate::context::PartitionContext;
use crate::decode::Record;
use crate::directory::Directory;
use crate::retry::{Part, Stop};

/// Plans and ends the batches of one partition.
pub(crate) struct Planner {
    context: Arc<PartitionContext>,
    /// Batches that begin before this offset are in doubt: a plan may have been lost there.
    doubted_before: i64,
}

impl Planner {
    /// Reads where the partition was left. If a plan may have been lost, treats every existing
    /// record as in doubt, and commits that for the next owner.
    pub(crate) async fn open(context: Arc<PartitionContext>) -> Result<(Self, Place), Stop> {
        let committer = &context.committer;
        let place = context.retry_until_revoked(Part::Kafka, || committer.read()).await?;
        let (begin, mut doubted_before) = (place.begin, place.doubted_before);
        if let Some(Plan { end, directory, .. }) = place.plan {
            tracing::info!(begin, end, directory, "repeating a planned batch");
        } else if may_have_lost_a_plan(&context, place.commit).await? {
            let until = context.retry_until_revoked(Part::Kafka, || committer.next_offset()).await?;
            context.retry_until_revoked(Part::Kafka, || committer.end(begin, until)).await?;
            doubted_before = until;
            tracing::warn!(begin, until, "no batch ended here: looking for rows of a lost plan");
        }
        Ok((Self { context, doubted_before }, place))
    }

    /// Fixes the range, the beginning and the directory of a batch, or takes them from its plan.
    pub(crate) async fn begin(
        &self,
        range: &BatchRange,
        records: &[Record],
    ) -> Result<(Batch, Arc<Directory>), Stop> {
        let began_ms = range.began_ms(records);
        let batch = self.batch(range, began_ms);
        let (keeper, committer) = (&self.context.shared.directory, &self.context.committer);
        if let Some(version) = range.plan.and_then(|plan| plan.directory) {
            let directory = self.context.retry_until_revoked(Part::Directory, || keeper.at(version)).await?;
            return Ok((batch, directory));
        }
        let directory = self.context.retry_until_revoked(Part::Directory, || keeper.current()).await?;
        let (version, began_ms) = (Some(directory.version), Some(began_ms));
        let plan = Plan { end: range.end, directory: version, began_ms, has_markers: true };
        let commit = || committer.plan(range.begin, plan, self.doubted_before);
        self.context.retry_until_revoked(Part::Kafka, commit).await?;
        Ok((batch, directory))
    }

    /// Commits that a batch is done.
    pub(crate) async fn end(&self, range: &BatchRange) -> Result<(), Stop> {
        let commit = || self.context.committer.end(range.end, self.doubted_before);
        self.context.retry_until_revoked(Part::Kafka, commit).await
    }

    /// Whether a plan may have been lost for a batch that begins here.
    pub(crate) const fn is_doubted(&self, begin: i64) -> bool {
        begin < self.doubted_before
    }

    fn batch(&self, range: &BatchRange, began_ms: i64) -> Batch {
        let BatchRange { begin, end, plan } = range;
        // With the time, since a topic that was made anew has the old offsets again.
        let name = format!("{}/{begin}-{end}@{began_ms}", self.context.name);
        let is_repeated = plan.is_some() || self.is_doubted(*begin);
        Batch::new(name, is_repeated, plan.is_none_or(|plan| plan.has_markers))
    }
}

/// Whether somebody else has set the offset, or the offsets of a group that has stored something
/// are lost.
async fn may_have_lost_a_plan(context: &PartitionContext, commit: Commit) -> Result<bool, Stop> {
    let store = &context.shared.store;
    Ok(match commit {
        Commit::Own => false,
        Commit::Foreign => true,
        Commit::Missing => !context.ask_clickhouse(|| store.lanes()).await?.is_empty(),
    })
}
