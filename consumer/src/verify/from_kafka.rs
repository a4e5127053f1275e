//! Reads the topic of events again, as far as Kafka's retention still has them, and writes the lost
//! rows.
//!
//! Two passes: all prospects before the first order, since an order takes its owner from a stored
//! prospect of any partition.

use sluice_schemas::rows::RollupHourlyRow;

use crate::decode::{Lanes, LocatedEvent, decode_records};
use crate::owner::Known;
use crate::store::StoreError;
use crate::topic::Topic;
use crate::verify::log::{Reader, Span, spans};
use crate::verify::lost::{Lost, Search};
use crate::verify::people::People;
use crate::verify::repair::{Repair, add};
use crate::verify::stopped::RepairError;

/// Clocks of edges may be this far ahead of Kafka's.
const CLOCK_MS: i64 = 3_600_000;

/// The rows that a pass looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    Prospects,
    Orders,
}

impl Pass {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Prospects => "prospects",
            Self::Orders => "orders",
        }
    }
}

impl Repair<'_> {
    /// Writes the lost rows whose events Kafka still has.
    pub(super) async fn mend_from_kafka(&mut self) -> Result<(), RepairError> {
        let (tools, from_ms) = (self.tools, self.range.from_ms().map(|from_ms| from_ms - CLOCK_MS));
        self.tell(|_| "reading what people have changed".to_owned());
        let spans = spans(tools.kafka, Topic::Events, from_ms, &self.places[0]).await?;
        let mut search = Search {
            store: tools.store,
            directory: tools.directory.current().await?,
            enricher: tools.enricher,
            range: self.range,
            reached: tools.store.lanes().await?,
            people: People::listen(tools.store, tools.kafka, &self.places[1]).await?,
            unwritten: Known::new(),
        };
        for pass in [Pass::Prospects, Pass::Orders] {
            for span in &spans {
                self.read_span(pass, span, &mut search).await?;
            }
        }
        Ok(())
    }

    async fn read_span(
        &mut self,
        pass: Pass,
        span: &Span,
        search: &mut Search<'_>,
    ) -> Result<(), RepairError> {
        let (topic, partition) = (&self.tools.kafka.topic, span.partition);
        let source = format!("{topic}/{partition}");
        let mut reader = Reader::open(self.tools.kafka, Topic::Events, span)?;
        // Edges that were restarted have sent some events twice.
        let mut lanes = Lanes::new();
        let mut begin_ms = None;
        self.told = None;
        loop {
            let records = reader.next_run().await?;
            let (Some(first), Some(last)) = (records.first(), records.last()) else { break };
            begin_ms.get_or_insert(first.timestamp_ms);
            self.tell(|repair| {
                let (pass, at, so_far) = (pass.as_str(), last.offset, repair.repaired.so_far());
                format!("{pass} in {source}, offset {at} of {}: {so_far}", span.end)
            });
            let run = decode_records(&source, &records, &lanes);
            lanes.extend(run.moved);
            self.mend_run(pass, &run.events, partition, search).await?;
        }
        if span.is_cut && pass == Pass::Prospects {
            let begins = begin_ms.and_then(chrono::DateTime::from_timestamp_millis).map_or_else(
                || "nothing of what was stored".to_owned(),
                |time| format!("only records since {}", time.format("%Y-%m-%d %H:%M:%S UTC")),
            );
            self.repaired.gone.push(format!(
                "{source}: Kafka has {begins} (offset {}); what was lost before cannot come back",
                span.begin
            ));
        }
        Ok(())
    }

    async fn mend_run(
        &mut self,
        pass: Pass,
        run: &[LocatedEvent],
        partition: i32,
        search: &mut Search<'_>,
    ) -> Result<(), RepairError> {
        let lost = match pass {
            Pass::Prospects => search.prospects(run, partition).await?,
            Pass::Orders => search.orders(run, partition).await?,
        };
        if self.is_dry_run {
            self.note_unwritten(&lost, search).await?;
        }
        let rows = lost.rows;
        self.write(&rows.prospects, |row| format!("prospect {}", row.prospect_id)).await?;
        self.write(&rows.contacts, |row| format!("order {}", row.order_id)).await?;
        self.write(&rows.orders, |row| format!("order {}", row.order_id)).await?;
        self.write(&rows.parked, |row| format!("{} {}", row.kind, row.event_id)).await?;
        lost.left_alone.into_iter().for_each(|line| self.leave_alone(line));
        Ok(())
    }

    /// Remembers the rows that a repair would have written, for the rest of a dry run.
    async fn note_unwritten(&mut self, lost: &Lost, search: &mut Search<'_>) -> Result<(), StoreError> {
        for (key, row) in &lost.rows.rollup {
            let zero = RollupHourlyRow::of(row.hour, row.user_id, row.team_id, row.campaign_id);
            add(self.unwritten.entry(*key).or_insert(zero), row);
        }
        for (id, inherited) in lost.known() {
            search.unwritten.entry(id).or_insert(inherited);
        }
        let index = &lost.rows.index;
        let keys: Vec<_> = index.iter().map(|row| (row.prospect_id, row.time)).collect();
        let there = self.tools.store.there("prospect_index", "prospect_id", &keys).await?;
        let missing: Vec<_> =
            index.iter().filter(|row| !there.has((row.prospect_id, row.time))).copied().collect();
        self.list(&missing, |row| format!("prospect {}", row.prospect_id));
        Ok(())
    }
}
