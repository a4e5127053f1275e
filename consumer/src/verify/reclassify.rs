//! `sluice-consumer reclassify`: reads the addresses and user agents of stored visits again, with
//! the present data sets, and corrects the visits, their orders and the sums. Nobody else may write
//! then.
//!
//! A day is done in steps that can each be repeated. One mutation changes the visits with other
//! `rules`. It looks the answers up in tables that hold them for the day. Orders take over the
//! dimensions of their visit. Sums are mended from the rows, as by a repair. So an interrupted run
//! can be repeated.

use std::net::Ipv6Addr;
use std::time::Duration;

use clickhouse::Row;
use serde::{Deserialize, Serialize};

use crate::enrich::Dimensions;
use crate::sql::Value;
use crate::store::{Store, StoreError};
use crate::verify::Progress;
use crate::verify::range::TimeRange;
use crate::verify::repair::{Repair, Repaired, Tools};
use crate::verify::stopped::RepairError;

/// Tables that hold the answers while a day is done.
const AGENTS: &str = "reclassified_agents";
const COUNTRIES: &str = "reclassified_countries";
const VISITS: &str = "reclassified_visits";
const UNFINISHED: &str = "system.mutations WHERE database = currentDatabase() AND NOT is_done \
                          AND position(command, '.reclassified_') > 0";

#[derive(Row, Serialize)]
struct AgentRow {
    user_agent: String,
    device: &'static str,
    os: String,
    browser: String,
    bot: String,
}

#[derive(Row, Deserialize)]
struct AddressRow {
    ip: Ipv6Addr,
}

#[derive(Row, Serialize)]
struct CountryRow {
    ip: Ipv6Addr,
    country: String,
}

/// Classifies the visits of a time range again. A dry run only counts them.
///
/// # Errors
/// If a consumer is at work or has left something half done, or if ClickHouse or Kafka does not
/// answer.
pub async fn reclassify(
    tools: Tools<'_>,
    range: &TimeRange,
    is_dry_run: bool,
    progress: &Progress<'_>,
) -> Result<Repaired, RepairError> {
    let mut repair = Repair::begin(tools, range, is_dry_run, progress).await?;
    if !is_dry_run {
        // A mutation of a run that was killed goes on, and needs the tables that this run replaces.
        while tools.store.count(UNFINISHED).await? > 0 {
            repair.tell(|_| "waiting for a mutation of an earlier run".to_owned());
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
    let days = tools.store.days(range).await?;
    for (index, day) in days.iter().enumerate() {
        repair.tell(|repair| format!("day {} of {}: {}", index + 1, days.len(), repair.repaired.so_far()));
        repair.reclassify_day(&range.on_day(*day)).await?;
    }
    if !is_dry_run {
        for table in [AGENTS, COUNTRIES, VISITS] {
            tools.store.execute(&format!("DROP TABLE IF EXISTS {table}")).await?;
        }
    }
    Ok(repair.repaired)
}

impl Repair<'_> {
    async fn reclassify_day(&mut self, day: &TimeRange) -> Result<(), RepairError> {
        let store = self.tools.store;
        let rules = Value::Text(self.tools.enricher.rules().to_owned()).literal();
        let these = format!("{} AND rules != {rules}", day.time("time"));
        let n_visits = store.count(&format!("prospects WHERE {these}")).await?;
        self.repaired.note("prospects", n_visits);
        if self.is_dry_run {
            return Ok(());
        }
        self.check_unchanged().await?;
        if n_visits > 0 {
            self.hold_answers(&these).await?;
            store.mutate_by_look_up(&self.change_visits(&these, &rules)).await?;
        }
        // Also without such visits: a run before this one may have ended here.
        store.hold_visits(day).await?;
        let differs = orders_that_differ();
        let n_orders = store.count(&format!("orders WHERE {differs}")).await?;
        self.repaired.note("orders", n_orders);
        if n_orders > 0 {
            let set = Dimensions::COLUMNS
                .map(|column| format!("{column} = {}", held(VISITS, column, "prospect_id")));
            let statement = format!("ALTER TABLE orders UPDATE {} WHERE {differs}", set.join(", "));
            store.mutate_by_look_up(&statement).await?;
        }
        self.mend_sums(day).await
    }

    /// Holds the answers for all user agents and addresses of these visits.
    async fn hold_answers(&self, these: &str) -> Result<(), StoreError> {
        let (store, enricher) = (self.tools.store, self.tools.enricher);
        let sql = format!("SELECT DISTINCT user_agent FROM prospects WHERE {these}");
        let agents = store.client().query(&sql).fetch_all::<String>().await?;
        store
            .make_held(
                AGENTS,
                "user_agent String, device String, os String, browser String, bot String",
                "user_agent",
            )
            .await?;
        let mut insert = store.client().insert::<AgentRow>(AGENTS).await?;
        for user_agent in agents {
            let agent = enricher.agent(user_agent.as_bytes());
            let (os, browser, bot) = (agent.os.clone(), agent.browser.clone(), agent.bot.clone());
            insert.write(&AgentRow { user_agent, device: agent.device, os, browser, bot }).await?;
        }
        insert.end().await?;
        if enricher.editions().countries.is_none() {
            return Ok(());
        }
        let sql = format!("SELECT DISTINCT ip FROM prospects WHERE {these}");
        let addresses = store.client().query(&sql).fetch_all::<AddressRow>().await?;
        store.make_held(COUNTRIES, "ip IPv6, country String", "ip").await?;
        let mut insert = store.client().insert::<CountryRow>(COUNTRIES).await?;
        for AddressRow { ip } in addresses {
            insert.write(&CountryRow { ip, country: enricher.country(ip).to_owned() }).await?;
        }
        Ok(insert.end().await?)
    }

    /// The mutation of the visits. Without a file of countries, they keep theirs.
    fn change_visits(&self, these: &str, rules: &str) -> String {
        let of_agent = |column| held(AGENTS, column, "user_agent");
        let mut set =
            ["device", "os", "browser"].map(|column| format!("{column} = {}", of_agent(column))).to_vec();
        let bot = of_agent("bot");
        set.push(format!("bot = if({bot} = '' AND has(marks, 'prefetch'), 'prefetch', {bot})"));
        if self.tools.enricher.editions().countries.is_some() {
            set.push(format!("country = {}", held(COUNTRIES, "country", "ip")));
        }
        format!("ALTER TABLE prospects UPDATE {}, rules = {rules} WHERE {these}", set.join(", "))
    }
}

/// The held value of a column. A mutation knows no default database.
fn held(table: &str, column: &str, key: &str) -> String {
    format!("joinGet(concat(currentDatabase(), '.{table}'), '{column}', {key})")
}

/// Orders whose visit is held and has other dimensions. The device of a visit is never empty.
fn orders_that_differ() -> String {
    let of_visit = Dimensions::COLUMNS.map(|column| held(VISITS, column, "prospect_id")).join(", ");
    let of_order = Dimensions::COLUMNS.map(|column| format!("toString({column})")).join(", ");
    format!("{} != '' AND ({of_order}) != ({of_visit})", held(VISITS, "device", "prospect_id"))
}

impl Store {
    /// Holds the dimensions of the visits of a day that have orders: of two visits with one id,
    /// those of the earliest.
    async fn hold_visits(&self, day: &TimeRange) -> Result<(), StoreError> {
        let columns = Dimensions::COLUMNS.join(", ");
        let typed = Dimensions::COLUMNS.map(|column| format!("{column} String")).join(", ");
        self.make_held(VISITS, &format!("prospect_id UUID, {typed}"), "prospect_id").await?;
        let ids = format!("SELECT prospect_id FROM prospects WHERE {}", day.time("time"));
        self.execute(&format!(
            "INSERT INTO {VISITS} SELECT prospect_id, {columns} FROM prospects \
             WHERE prospect_id IN (SELECT prospect_id FROM orders WHERE prospect_id IN ({ids})) \
             ORDER BY time LIMIT 1 BY prospect_id"
        ))
        .await
    }

    async fn make_held(&self, table: &str, columns: &str, key: &str) -> Result<(), StoreError> {
        self.execute(&format!("DROP TABLE IF EXISTS {table}")).await?;
        self.execute(&format!("CREATE TABLE {table} ({columns}) ENGINE = Join(ANY, LEFT, {key})")).await
    }

    /// Runs a mutation whose look-ups are the same everywhere: it ends before it returns.
    async fn mutate_by_look_up(&self, statement: &str) -> Result<(), StoreError> {
        self.execute(&format!(
            "{statement} SETTINGS mutations_sync = 2, mutations_execute_nondeterministic_on_initiator = 1, \
             allow_nondeterministic_mutations = 1"
        ))
        .await
    }

    async fn execute(&self, sql: &str) -> Result<(), StoreError> {
        Ok(self.client().query(sql).execute().await?)
    }

    async fn count(&self, of: &str) -> Result<u64, StoreError> {
        Ok(self.client().query(&format!("SELECT count() FROM {of}")).fetch_one::<u64>().await?)
    }
}
