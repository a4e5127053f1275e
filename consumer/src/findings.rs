//! Finds the parked events of one partition that a replay can store or has to move, as its verdict.
//! Reads only.

use std::collections::{BTreeMap, BTreeSet};

use sluice_schemas::rows::ParkedRow;
use tokio::time::Instant;
use uuid::Uuid;

use crate::context::PartitionContext;
use crate::directory::Directory;
use crate::directory::decisions::{Act, Decision};
use crate::erased::event_of;
use crate::owner::{Inherited, Known};
use crate::parked_queries::MAX_REPLAYED;
use crate::rows::owner_of_parked;
use crate::store::{Mended, Move, StoreError, Verdict};

const DAY_MS: u64 = 24 * 3600 * 1000;

/// The kinds of events that may wait, so that ClickHouse is not asked in vain.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// Whether orders wait for a prospect that may yet appear.
    pub(crate) orders: bool,
    /// Whether prospects wait for a key or a user that may yet appear.
    pub(crate) prospects: bool,
    /// Whether anything waits.
    pub(crate) any: bool,
    /// Whether an Owner ignores something that can wait again.
    pub(crate) ignored: bool,
    /// Whether something was parked since the last check.
    pub(crate) is_new: bool,
    /// Whether a replay was left unfinished.
    pub(crate) is_begun: bool,
    /// Whether this owner has completed a replay, so that nobody else can have begun the next one.
    pub(crate) is_next_new: bool,
    /// The version of the directory with which all waiting events were looked up.
    pub(crate) looked_up_at: Option<i64>,
    /// When to look for events that have expired.
    pub(crate) next_expiry: Option<Instant>,
}

impl Waiting {
    /// Whether another look is due at some time.
    pub(crate) const fn needs_looks(&self) -> bool {
        self.any || self.ignored || self.is_begun
    }

    /// Whether a look for expired events is due.
    pub(crate) fn is_expiry_due(&self) -> bool {
        self.next_expiry.is_none_or(|next| Instant::now() >= next)
    }
}

/// One look for events to replay.
pub(crate) struct Finder<'a> {
    pub(crate) context: &'a PartitionContext,
    pub(crate) waiting: &'a Waiting,
    pub(crate) directory: &'a Directory,
}

impl Finder<'_> {
    /// The verdict of the next replay. Nothing to do if it has neither places nor moves.
    pub(crate) async fn find(&self) -> Result<Verdict, StoreError> {
        let mut verdict =
            Verdict { directory: Some(self.directory.version), has_markers: true, ..Verdict::default() };
        verdict.places = self.prospects_to_replay().await?;
        verdict.places.extend(self.orders_to_replay().await?);
        self.add_decided(&mut verdict).await?;
        self.add_wrongly_ignored(&mut verdict).await?;
        self.add_overdue(&mut verdict).await?;
        Ok(verdict)
    }

    fn is_directory_new(&self) -> bool {
        self.waiting.looked_up_at != Some(self.directory.version)
    }

    /// The places of waiting orders whose prospect has come, with what they inherit from it.
    async fn orders_to_replay(&self) -> Result<BTreeMap<String, Inherited>, StoreError> {
        if !self.waiting.orders {
            return Ok(BTreeMap::new());
        }
        let (store, partition) = (&self.context.shared.store, self.context.partition());
        let known = store.appeared_prospects(partition).await?;
        if known.is_empty() {
            return Ok(BTreeMap::new());
        }
        let rows = store.waiting_orders(partition, &known).await?;
        let owned = rows.into_iter().filter_map(|row| {
            let inherited = known.get(&row.reference.parse().ok()?)?.clone();
            Some((row.place, inherited))
        });
        Ok(owned.collect())
    }

    /// The places of waiting prospects that the directory knows now, with their owners. Asks only
    /// for keys and users that have changed since the last look, or for all if that is too long
    /// ago.
    async fn prospects_to_replay(&self) -> Result<BTreeMap<String, Inherited>, StoreError> {
        if !self.waiting.prospects || !self.is_directory_new() {
            return Ok(BTreeMap::new());
        }
        let (shared, partition) = (&self.context.shared, self.context.partition());
        let changed = match self.waiting.looked_up_at {
            Some(version) => shared.directory.changed_since(version).await,
            None => None,
        };
        let mut references = match changed {
            Some(changed) => changed,
            None => shared.store.waiting_references(partition).await?,
        };
        references.retain(|reference| self.directory.knows(reference));
        let rows = shared.store.waiting_prospects(partition, &references).await?;
        let owned = rows.into_iter().filter_map(|row| {
            let owner = owner_of_parked(&event_of(&row)?, self.directory)?;
            // The event itself has the dimensions.
            Some((row.place, Inherited { owner, ..Inherited::default() }))
        });
        Ok(owned.take(MAX_REPLAYED).collect())
    }

    /// Adds the waiting events that an Owner has decided about, and that the verdict does not store
    /// anyway.
    async fn add_decided(&self, verdict: &mut Verdict) -> Result<(), StoreError> {
        let (store, decisions) = (&self.context.shared.store, self.directory.decisions());
        let meant: BTreeSet<Uuid> = decisions.all().filter_map(Decision::meant_prospect).collect();
        // A prospect can come, or end being edited, at any time.
        let is_due =
            self.is_directory_new() || self.waiting.is_new || (!meant.is_empty() && self.waiting.any);
        if decisions.is_empty() || !self.waiting.any || !is_due {
            return Ok(());
        }
        let known = if meant.is_empty() { Known::new() } else { store.find_prospects(&meant).await? };
        let is_wanted = |decision: &Decision| {
            decision.act != Act::Wait && decision.meant_prospect().is_none_or(|id| known.contains_key(&id))
        };
        for row in store.waiting_decided(self.context.partition(), decisions, is_wanted).await? {
            if verdict.places.contains_key(&row.place) {
                continue;
            }
            let decision = decisions.on(row.event_id, &row.reason, &row.reference, row.first_seen);
            let Some(decision) = decision.filter(|decision| is_wanted(decision)) else { continue };
            if decision.act == Act::Ignore {
                let (decision, note) = (decision.id, decision.note.clone());
                verdict.moves.insert(row.place, Move::Ignore { decision, note });
            } else if let Some(inherited) = self.meant(&row, decision, &known) {
                let mended = Mended { decision: decision.id, prospect_id: decision.meant_prospect() };
                verdict.mended.insert(row.place.clone(), mended);
                verdict.places.insert(row.place, inherited);
            }
        }
        Ok(())
    }

    /// Returns what a mended event inherits from the owner or prospect that it should have named.
    fn meant(&self, row: &ParkedRow, decision: &Decision, known: &Known) -> Option<Inherited> {
        let Act::Mend(target) = &decision.act else { return None };
        let is_order = event_of(row)?.order.is_some();
        match decision.meant_prospect() {
            Some(prospect_id) if is_order => known.get(&prospect_id).cloned(),
            None if !is_order => {
                let owner = self.directory.meant_owner(target, row.first_seen)?;
                Some(Inherited { owner, ..Inherited::default() })
            }
            _ => None,
        }
    }

    /// Adds the ignored events whose decision was revoked.
    async fn add_wrongly_ignored(&self, verdict: &mut Verdict) -> Result<(), StoreError> {
        if !self.waiting.ignored || !self.is_directory_new() {
            return Ok(());
        }
        let (store, partition) = (&self.context.shared.store, self.context.partition());
        for row in store.wrongly_ignored(partition, self.directory.decisions()).await? {
            verdict.moves.insert(row.place, Move::WaitAgain { decision: row.decision });
        }
        Ok(())
    }

    /// Adds the events that have waited too long, unless the verdict does something else with them.
    async fn add_overdue(&self, verdict: &mut Verdict) -> Result<(), StoreError> {
        if !self.waiting.any || !self.waiting.is_expiry_due() {
            return Ok(());
        }
        let (shared, partition) = (&self.context.shared, self.context.partition());
        let before = |days: u64| {
            i64::try_from(shared.clock.now_ms().saturating_sub(days * DAY_MS)).unwrap_or_default()
        };
        let (orders, others) =
            (before(shared.config.keep_waiting_orders_days), before(shared.config.keep_waiting_days));
        for row in shared.store.overdue(partition, orders, others).await? {
            if !verdict.places.contains_key(&row.place) && !verdict.moves.contains_key(&row.place) {
                verdict.moves.insert(row.place, Move::Expire);
            }
        }
        Ok(())
    }
}
