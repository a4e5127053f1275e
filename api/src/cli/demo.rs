//! `demo create` and `demo remove`: a demo team of all four positions, and its removal together
//! with its events.

use std::time::Duration;

use anyhow::Context as _;
use clickhouse::Client;
use serde::Serialize;
use sqlx::{PgConnection, PgPool};

use crate::cli::say::say;
use crate::config::Config;
use crate::db::clickhouse::admin_client;
use crate::db::demo;
use crate::db::postgres_pool;
use crate::db::users::NewUser;
use crate::http::auth::password::{self, Passwords};
use crate::policy::Position;

/// How many times a removal looks for events that arrived late.
const MAX_ROUNDS: u32 = 10;
/// Longer than the consumer needs for a batch.
const ARRIVAL_PAUSE: Duration = Duration::from_secs(2);

const TEAM: &str = "Demo team";
const PEOPLE: [(&str, &str, &str, Position); 6] = [
    ("demo_owner", "Olivia", "Owner", Position::Owner),
    ("demo_funds", "Felix", "Funds", Position::FundsCoordinator),
    ("demo_lead", "Lena", "Lead", Position::TeamLead),
    ("demo_buyer1", "Ben", "Buyer", Position::Buyer),
    ("demo_buyer2", "Bella", "Buyer", Position::Buyer),
    ("demo_buyer3", "Boris", "Buyer", Position::Buyer),
];

/// The output of `demo create`.
#[derive(Debug, Serialize)]
pub struct DemoTeam {
    pub users: Vec<DemoUser>,
    pub team: DemoTeamRef,
}

/// A user of the demo team.
#[derive(Debug, Serialize)]
pub struct DemoUser {
    pub id: i64,
    pub username: &'static str,
    pub position: Position,
    /// Null if the user existed before: the password is not stored.
    pub password: Option<String>,
}

/// The demo team.
#[derive(Debug, Serialize)]
pub struct DemoTeamRef {
    pub id: i64,
    pub name: &'static str,
}

/// Creates the missing parts of the demo team, and prints it.
///
/// # Errors
/// Fails if a demo username belongs to a real user.
pub async fn create(config: &Config) -> anyhow::Result<()> {
    let pool = postgres_pool(&config.postgres)?;
    let team = create_in(&pool).await?;
    say(serde_json::to_string(&team)?);
    Ok(())
}

/// Like [`create`], but does not print.
///
/// # Errors
/// Fails if a demo username belongs to a real user.
pub async fn create_in(pool: &PgPool) -> anyhow::Result<DemoTeam> {
    let passwords = Passwords::new();
    let mut transaction = pool.begin().await.context("postgres")?;
    let mut users = Vec::new();
    for (username, first_name, last_name, position) in PEOPLE {
        let found = demo::find_user(&mut transaction, username).await?;
        let (id, shown) = match found {
            Some((id, true)) => (id, None),
            Some((_, false)) => anyhow::bail!("a user {username} exists and does not belong to the demo"),
            None => {
                let generated = password::generate();
                let hashed = passwords.hash(&generated).await;
                let new = NewUser {
                    username: username.to_owned(),
                    email: format!("{username}@example.com"),
                    password_hash: hashed.map_err(|error| anyhow::anyhow!(error.sentence()))?,
                    first_name: first_name.to_owned(),
                    last_name: last_name.to_owned(),
                    position,
                    is_active: true,
                    is_demo: true,
                };
                (crate::db::users::insert(&mut *transaction, &new).await?, Some(generated))
            }
        };
        users.push(DemoUser { id, username, position, password: shown });
    }
    let team = create_team(&mut transaction, &users).await?;
    transaction.commit().await.context("postgres")?;
    Ok(DemoTeam { users, team })
}

async fn create_team(connection: &mut PgConnection, users: &[DemoUser]) -> anyhow::Result<DemoTeamRef> {
    let lead = users.iter().find(|user| user.position == Position::TeamLead).map(|user| user.id);
    let id = match demo::find_team(connection).await? {
        Some(id) => id,
        None => demo::insert_team(connection, TEAM, lead).await?,
    };
    for buyer in users.iter().filter(|user| user.position == Position::Buyer) {
        demo::join(connection, id, buyer.id).await?;
    }
    Ok(DemoTeamRef { id, name: TEAM })
}

/// Removes the demo team and its events, if there are any.
pub async fn remove(config: &Config) -> anyhow::Result<()> {
    let pool = postgres_pool(&config.postgres)?;
    let removed = remove_from(&pool, &admin_client(&config.clickhouse)).await?;
    say(format!("removed {removed} demo users and their events"));
    Ok(())
}

/// Like [`remove`], but does not print. Deletes the events first, so that an interrupted removal
/// can be repeated.
pub async fn remove_from(pool: &PgPool, client: &Client) -> anyhow::Result<u64> {
    let users = demo::user_ids(pool).await.context("postgres")?;
    let mut rounds = 0..MAX_ROUNDS;
    while rounds.next().is_some() && demo::has_events(client, &users).await.context("clickhouse")? {
        demo::delete_events(client, &users).await.context("clickhouse")?;
        // Wait for events that were still in the pipeline.
        tokio::time::sleep(ARRIVAL_PAUSE).await;
    }
    demo::delete_people(pool).await.context("postgres")
}
