//! `demo create` and `demo remove`: a team of all four positions that is marked as a demo, and is gone again with
//! everything that it brought.

use std::time::Duration;

use anyhow::Context as _;
use clickhouse::Client;
use serde::Serialize;
use sqlx::{PgConnection, PgPool};

use crate::auth::password::{self, Passwords};
use crate::cli::say;
use crate::config::Config;
use crate::db::clickhouse::admin_client;
use crate::db::demo;
use crate::db::postgres_pool;
use crate::db::users::NewUser;
use crate::policy::Position;

/// A removal looks this many times for events that were still on their way.
const MAX_ROUNDS: u32 = 10;
/// Longer than the consumer takes for a batch.
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

/// What `demo create` prints.
#[derive(Debug, Serialize)]
pub struct DemoTeam {
    pub users: Vec<DemoUser>,
    pub team: DemoTeamRef,
}

/// A person of the demo team.
#[derive(Debug, Serialize)]
pub struct DemoUser {
    pub id: i64,
    pub username: &'static str,
    pub position: Position,
    /// Null when the person was there before: the password is known to nobody but them.
    pub password: Option<String>,
}

/// The team itself.
#[derive(Debug, Serialize)]
pub struct DemoTeamRef {
    pub id: i64,
    pub name: &'static str,
}

/// Makes the demo team, or what is missing of it.
///
/// # Errors
/// When Postgres fails, or a name of the demo belongs to somebody real.
pub async fn create(config: &Config) -> anyhow::Result<()> {
    let pool = postgres_pool(&config.postgres)?;
    let team = create_in(&pool).await?;
    say(serde_json::to_string(&team)?);
    Ok(())
}

/// As [`create`], without the printing.
///
/// # Errors
/// When Postgres fails, or a name of the demo belongs to somebody real.
pub async fn create_in(pool: &PgPool) -> anyhow::Result<DemoTeam> {
    let passwords = Passwords::new();
    let mut transaction = pool.begin().await.context("postgres")?;
    let mut users = Vec::new();
    for (username, first_name, last_name, position) in PEOPLE {
        let found = demo::find_user(&mut transaction, username).await?;
        let (id, shown) = match found {
            Some((id, true)) => (id, None),
            Some((_, false)) => anyhow::bail!("a user {username} exists and is not of the demo"),
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

/// Removes the demo team and its events. What is not there is no error.
///
/// # Errors
/// When a database fails.
pub async fn remove(config: &Config) -> anyhow::Result<()> {
    let pool = postgres_pool(&config.postgres)?;
    let removed = remove_from(&pool, &admin_client(&config.clickhouse)).await?;
    say(format!("removed {removed} demo users and what they brought"));
    Ok(())
}

/// As [`remove`], without the printing. Events go first: a removal that is cut off can be run again.
///
/// # Errors
/// When a database fails.
pub async fn remove_from(pool: &PgPool, client: &Client) -> anyhow::Result<u64> {
    let users = demo::user_ids(pool).await.context("postgres")?;
    let mut rounds = 0..MAX_ROUNDS;
    while rounds.next().is_some() && demo::has_events(client, &users).await.context("clickhouse")? {
        demo::delete_events(client, &users).await.context("clickhouse")?;
        // What was on its way when the demo's traffic ended may have arrived meanwhile.
        tokio::time::sleep(ARRIVAL_PAUSE).await;
    }
    demo::delete_people(pool).await.context("postgres")
}
