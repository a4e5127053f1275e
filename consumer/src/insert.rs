//! The doubt protocol: inserts the rows of a batch once, whatever becomes of an insert.
//!
//! A token does not prove that its rows are there. ClickHouse may write the token and then fail to put the part into place: from
//! then on it answers a repetition with OK and stores nothing. Or it may put the part into place and lose the token, or forget
//! it. Only the rows are proof.
//!
//! So an insert that ClickHouse answered at the first try is done, and any other is *in doubt*. In doubt the consumer waits for a
//! try that is still under way, looks which rows are there, and inserts those that are missing. It always begins with the first
//! token, which makes ClickHouse refuse what a late try brings. Only when ClickHouse has answered OK and the rows are still
//! missing does it take the next token: then nothing can come under the one before any more.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sluice_runtime::ops::Readiness;
use sluice_schemas::rows::VerdictRow;
use tokio::time::Instant;
use uuid::Uuid;

use crate::partition::{Partition, Revoked};
use crate::store::StoreError;
use crate::stored::{Part, Stored, Sums, add_markers, parts};

/// A batch on its way into the tables.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    /// Unique for ever; its tokens begin with it.
    pub(crate) name: String,
    /// Whether another owner may have written some of it before.
    pub(crate) is_repeated: bool,
    /// Whether its sums have markers: not in a batch that an older version has begun.
    pub(crate) has_markers: bool,
    begun: Instant,
}

/// Pauses between tries.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(5);
/// From this many spent tokens of one part on, `/readyz` and the log say that something else is wrong.
const MANY_TOKENS: u32 = 20;

impl Batch {
    pub(crate) fn new(name: String, is_repeated: bool, has_markers: bool) -> Self {
        Self { name, is_repeated, has_markers, begun: Instant::now() }
    }

    /// Whether another owner may write the batch by now, should this consumer have slept.
    fn is_in_doubt(&self, session: Duration) -> bool {
        self.is_repeated || self.begun.elapsed() > session / 2
    }

    /// The batch in the markers of sums.
    fn id(&self) -> Uuid {
        Uuid::new_v5(&Uuid::NAMESPACE_OID, self.name.as_bytes())
    }
}

/// The token of one part; the next one when it is spent.
struct Token {
    base: String,
    number: u32,
}

impl Token {
    fn text(&self) -> String {
        match self.number {
            0 => self.base.clone(),
            number => format!("{}#{number}", self.base),
        }
    }
}

/// Keeps `/readyz` not ready while inserts into a table fail.
struct Trouble<'a> {
    readiness: &'a Readiness,
    part: &'static str,
    /// Until the next try; nothing was reported yet while it is zero.
    pause: Duration,
}

impl Drop for Trouble<'_> {
    fn drop(&mut self) {
        if !self.pause.is_zero() {
            self.readiness.ready(self.part);
        }
    }
}

impl Trouble<'_> {
    /// Reports a reason and returns the pause until the next try.
    fn report(&mut self, reason: &str) -> Duration {
        self.readiness.not_ready(self.part, reason);
        self.pause = (self.pause * 2).clamp(FIRST_PAUSE, LAST_PAUSE);
        self.pause
    }
}

impl Partition {
    /// Inserts the rows of a batch into their table, each once. Returns when they are there.
    pub(crate) async fn insert_rows<R: Stored>(&self, batch: &Batch, rows: &[R]) -> Result<(), Revoked> {
        for part in parts(rows) {
            self.insert_part(batch, &part).await?;
        }
        Ok(())
    }

    /// Inserts sums of a batch, each once.
    pub(crate) async fn insert_sums<R: Sums>(&self, batch: &Batch, mut rows: Vec<R>) -> Result<(), Revoked> {
        if !batch.has_markers {
            // The older version has inserted them under this token, or nobody has.
            let token = format!("{}/{}", batch.name, R::TABLE.name);
            let rows: Vec<&R> = rows.iter().collect();
            if rows.is_empty() {
                return Ok(());
            }
            return self.insist("clickhouse", || self.shared.store.insert(&token, &rows)).await;
        }
        let now_s = u32::try_from(self.shared.clock.now_ms() / 1000).unwrap_or(u32::MAX);
        add_markers(&mut rows, batch.id(), now_s);
        self.insert_rows(batch, &rows).await
    }

    /// Writes a verdict under a name, unless there is one, and returns the one that stands.
    pub(crate) async fn settle_verdict<T>(&self, batch: &Batch, name: &str, verdict: &T) -> Result<T, Revoked>
    where
        T: Serialize + DeserializeOwned,
    {
        let store = &self.shared.store;
        let body = serde_json::to_string(verdict).expect("ids, numbers and texts are JSON");
        // A batch has several verdicts: each has tokens of its own.
        let named = Batch { name: name.to_owned(), ..batch.clone() };
        self.insert_rows(&named, &[VerdictRow { batch: name.to_owned(), body }]).await?;
        self.insist("clickhouse", || async {
            let found = store.verdict(name).await?;
            found.ok_or_else(|| StoreError::Custom(format!("the verdict {name} is not there")))
        })
        .await
    }

    async fn insert_part<R: Stored>(&self, batch: &Batch, part: &Part<'_, R>) -> Result<(), Revoked> {
        let (store, table) = (&self.shared.store, R::TABLE);
        let base = format!("{}/{}/{}", batch.name, table.name, part.month);
        let mut token = Token { base, number: 0 };
        let mut trouble =
            Trouble { readiness: &self.shared.readiness, part: table.readiness, pause: Duration::ZERO };
        let session = self.committer.offsets.session;
        let (mut is_in_doubt, mut is_answered) = (batch.is_in_doubt(session), false);
        let mut rows = part.rows.clone();
        loop {
            if is_in_doubt {
                rows = self.missing(&token, part).await?;
                if !rows.is_empty() && is_answered {
                    // A second look costs little; a part inserted twice would be worse.
                    self.pause(FIRST_PAUSE).await?;
                    rows = self.missing(&token, part).await?;
                }
                if rows.is_empty() {
                    return Ok(());
                }
                if std::mem::take(&mut is_answered) {
                    self.spend(&mut token, &mut trouble).await?;
                }
            }
            let text = token.text();
            let inserted = tokio::select! {
                () = self.committer.revoked.cancelled() => return Err(Revoked),
                inserted = store.insert(&text, &rows) => inserted,
            };
            match inserted {
                Ok(()) if !is_in_doubt && !batch.is_in_doubt(session) => return Ok(()),
                Ok(()) => (is_in_doubt, is_answered) = (true, true),
                Err(error) => {
                    self.shared.metrics.retries.inc();
                    is_in_doubt = true;
                    let pause = trouble.report(&error.to_string());
                    tracing::warn!(table = table.name, %error, pause_ms = pause.as_millis(), "insert failed");
                    self.pause(pause).await?;
                }
            }
        }
    }

    /// Goes on to the next token. Nothing will come under the one before any more.
    async fn spend(&self, token: &mut Token, trouble: &mut Trouble<'_>) -> Result<(), Revoked> {
        // Another owner may have finished the batch, and rows of it may have been deleted since.
        self.insist("kafka", || self.committer.confirm()).await?;
        self.shared.metrics.lost_inserts.inc();
        token.number += 1;
        let (base, n_spent) = (&token.base, token.number);
        tracing::warn!(token = base, n_spent, "answered OK, but the rows are not there");
        if n_spent >= MANY_TOKENS {
            let reason = format!("{n_spent} inserts of {base} were answered OK, but the rows are not there");
            tracing::error!("{reason}");
            trouble.report(&reason);
        }
        self.pause((FIRST_PAUSE * n_spent).min(LAST_PAUSE)).await
    }

    /// The rows of a part that are not there, once no insert of them is under way.
    async fn missing<'a, R: Stored>(&self, token: &Token, part: &Part<'a, R>) -> Result<Vec<&'a R>, Revoked> {
        let (store, text) = (&self.shared.store, token.text());
        self.shared.metrics.doubtful_inserts.inc();
        while self.insist("clickhouse", || store.is_inserting(&text)).await? {
            self.pause(FIRST_PAUSE).await?;
        }
        self.insist("clickhouse", || store.missing(&part.rows)).await
    }

    /// Waits, unless the partition is taken away.
    pub(crate) async fn pause(&self, pause: Duration) -> Result<(), Revoked> {
        tokio::select! {
            () = self.committer.revoked.cancelled() => Err(Revoked),
            () = tokio::time::sleep(pause) => Ok(()),
        }
    }
}
