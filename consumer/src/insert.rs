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

/// A batch that is written.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    /// Unique for ever; its tokens begin with it.
    pub(crate) name: String,
    /// Somebody may have written some of it before.
    pub(crate) is_repeated: bool,
    begun: Instant,
}

/// Nobody else writes a batch that was begun this short a time ago, and no table has forgotten its tokens.
const TRUSTED_FOR: Duration = Duration::from_secs(60);
/// Pauses between tries.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(5);
/// Each failure between a token and its part costs a token. Something else is wrong when so many are answered OK in vain.
const MAX_TOKENS: u32 = 100;

impl Batch {
    pub(crate) fn new(name: String, is_repeated: bool) -> Self {
        Self { name, is_repeated, begun: Instant::now() }
    }

    fn is_in_doubt(&self) -> bool {
        self.is_repeated || self.begun.elapsed() > TRUSTED_FOR
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

/// Reports why a table takes no rows, for as long as it is tried.
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
        let (mut is_in_doubt, mut is_answered) = (batch.is_in_doubt(), false);
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
                    // Nothing will come under this token any more.
                    tracing::warn!(token = token.text(), "answered OK, but the rows are not there");
                    self.shared.metrics.lost_inserts.inc();
                    token.number += 1;
                }
            }
            if token.number >= MAX_TOKENS {
                let reason = format!(
                    "{} inserts of {} were answered OK, but their rows are not there",
                    MAX_TOKENS, token.base
                );
                tracing::error!("{reason}");
                self.pause(trouble.report(&reason)).await?;
                continue;
            }
            let text = token.text();
            let inserted = tokio::select! {
                () = self.committer.revoked.cancelled() => return Err(Revoked),
                inserted = store.insert(&text, &rows) => inserted,
            };
            match inserted {
                Ok(()) if !is_in_doubt => return Ok(()),
                Ok(()) => is_answered = true,
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
