//! Edits of a prospect's owner, address or user agent while orders of it are being stored.
//!
//! An order inherits these from its prospect. The owner of one partition stores the order, and the
//! owner of another one edits the prospect and its stored orders. `docs/exactly-once.md`, *A
//! prospect is edited while its orders come*, has the table of the protocol. Each side first writes
//! its intention, and then looks for that of the other side. So at least one sees the other. This
//! file is the right column of that table:
//!
//! | Step | Function |
//! |---|---|
//! | write the prospects that will be edited to `origin_edits` | [`announce_edits`] |
//! | look for open plans and replays, and wait until they have ended | [`announce_edits`] |
//! | wait once more if a prospect has two visits | [`wait_for_second_visits`] |
//!
//! The left column is `Store::being_edited` and its callers: an order whose prospect is being
//! edited is parked, as if its prospect were unknown.

use std::collections::BTreeSet;

use sluice_schemas::rows::OriginEditRow;
use uuid::Uuid;

use crate::batch::Batch;
use crate::changes::open_batches::wait_for_all;
use crate::changes::seen::{RowsToRead, Seen};
use crate::context::PartitionContext;
use crate::insert::Inserter;
use crate::retry::Stop;

/// Announces the prospects that will be edited, and waits for open batches and replays. After it,
/// every order that inherited something from one of the prospects is stored, and no other one is
/// stored before the edits are done.
///
/// Also waits before rows are deleted: a batch that is repeated must not find them missing and
/// insert them again.
pub(super) async fn announce_edits(
    context: &PartitionContext,
    inserter: &Inserter,
    batch: &Batch,
    wanted: &RowsToRead,
) -> Result<(), Stop> {
    let edit = |(change_id, prospect_id): (&Uuid, &Uuid)| OriginEditRow {
        prospect_id: *prospect_id,
        change_id: *change_id,
    };
    let edits: Vec<OriginEditRow> = wanted.origin_edits.iter().map(edit).collect();
    if edits.is_empty() && !wanted.deletes_rows {
        return Ok(());
    }
    inserter.insert_rows(batch, &edits).await?;
    wait_for_all(context).await
}

/// Waits for open batches and replays if an edited or deleted prospect has a second visit. An order
/// in the batch of that visit copied from it without looking for edits. After the wait the order is
/// stored, and is edited with its prospect.
pub(super) async fn wait_for_second_visits(
    context: &PartitionContext,
    seen: &Seen,
    wanted: &RowsToRead,
) -> Result<(), Stop> {
    let edited: BTreeSet<&Uuid> = if wanted.deletes_rows {
        wanted.prospects.iter().collect()
    } else {
        wanted.origin_edits.values().collect()
    };
    let ids = seen.prospects.iter().map(|prospect| &prospect.prospect_id);
    let mut visits = BTreeSet::new();
    let is_first = |id: &Uuid| visits.insert(*id);
    if ids.filter(|id| edited.contains(id)).all(is_first) {
        return Ok(());
    }
    wait_for_all(context).await
}
