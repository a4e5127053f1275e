//! `demo create` and `demo remove`: two demo teams with campaigns and a month of money, and their
//! removal together with their events.
//!
//! People and teams are written straight into the database. Everything else is created by them, as
//! ordinary clients of the API in this process: the API's rules hold, and the audit trail has its
//! lines.

mod campaigns;
mod client;
mod funds;
mod ledger;
mod people;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use clickhouse::Client;
use serde::Serialize;
use sluice_runtime::clock::Clock;
use sqlx::PgPool;

pub use self::people::{DemoTeam, DemoUser};
use crate::cli::say::say;
use crate::config::Config;
use crate::db::clickhouse::admin_client;
use crate::db::demo::{self, DemoNames};
use crate::db::{postgres_pool, time_of};

/// The maximum number of times that a removal looks for late events.
const MAX_ROUNDS: u32 = 10;
/// Longer than the consumer needs for a batch.
const ARRIVAL_PAUSE: Duration = Duration::from_secs(2);

/// The output of `demo create`.
#[derive(Debug, Serialize)]
pub struct Demo {
    pub users: Vec<DemoUser>,
    pub teams: Vec<DemoTeam>,
    pub campaigns: Vec<DemoCampaign>,
}

/// A campaign that receives demo visits.
#[derive(Debug, Serialize)]
pub struct DemoCampaign {
    pub id: i64,
    pub name: String,
    /// The tracking key.
    pub key: String,
    /// The buyer.
    pub user_id: i64,
    pub source: Option<String>,
    /// The parameter with which the network adds its click id. Empty if it adds none.
    pub click_id_param: String,
    /// Macros of the network by parameter of the pixel.
    pub macros: BTreeMap<String, String>,
}

/// Creates the missing parts of the demo, and prints it.
///
/// # Errors
/// Fails if a demo username belongs to a real user.
pub async fn create(config: &Config) -> anyhow::Result<()> {
    say(serde_json::to_string(&create_in(config).await?)?);
    Ok(())
}

/// Like [`create`], but does not print.
///
/// # Errors
/// Fails if a demo username belongs to a real user.
pub async fn create_in(config: &Config) -> anyhow::Result<Demo> {
    let pool = postgres_pool(&config.postgres)?;
    let (users, teams) = people::create(&pool).await?;
    let api = client::Api::new(config)?;
    campaigns::create(&pool, &api, &users).await?;
    funds::create(&pool, &api, &users, &teams).await?;
    api.log_out().await?;
    let campaigns = demo::campaign_keys(&pool).await.context("postgres")?;
    let campaigns = campaigns.into_iter().map(DemoCampaign::try_from).collect::<Result<_, _>>()?;
    Ok(Demo { users, teams, campaigns })
}

impl TryFrom<demo::CampaignKeyRow> for DemoCampaign {
    type Error = serde_json::Error;

    fn try_from(row: demo::CampaignKeyRow) -> Result<Self, Self::Error> {
        Ok(Self {
            id: row.id,
            name: row.name,
            key: row.key,
            user_id: row.user_id,
            source: row.source,
            click_id_param: row.click_id_param.unwrap_or_default(),
            macros: row.macros.map(serde_json::from_value).transpose()?.unwrap_or_default(),
        })
    }
}

/// Removes the demo and its events, if there are any.
pub async fn remove(config: &Config) -> anyhow::Result<()> {
    let pool = postgres_pool(&config.postgres)?;
    let removed = remove_from(&pool, &admin_client(&config.clickhouse)).await?;
    say(format!("removed {removed} demo users, and their events, campaigns and money"));
    Ok(())
}

/// Like [`remove`], but does not print. Deletes the events first, so that an interrupted removal
/// can be repeated.
pub async fn remove_from(pool: &PgPool, client: &Client) -> anyhow::Result<u64> {
    let names = DemoNames::read(pool).await.context("postgres")?;
    let mut rounds = 0..MAX_ROUNDS;
    while rounds.next().is_some() && demo::has_events(client, &names).await.context("clickhouse")? {
        demo::delete_events(client, &names).await.context("clickhouse")?;
        // Wait for events that were still in the pipeline.
        tokio::time::sleep(ARRIVAL_PAUSE).await;
    }
    demo::delete_people(pool, time_of(&Clock::System)).await.context("postgres")
}
