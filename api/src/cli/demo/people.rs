//! The demo's people: one of each position in the first team, a second team, and a buyer who waits
//! for approval.

use anyhow::Context as _;
use serde::Serialize;
use sqlx::{PgConnection, PgPool};

use crate::db::demo;
use crate::db::users::NewUser;
use crate::http::auth::password::{self, Passwords};
use crate::policy::Position;

/// A user of the demo.
#[derive(Debug, Serialize)]
pub struct DemoUser {
    pub id: i64,
    pub username: &'static str,
    pub position: Position,
    /// False for the buyer who waits for the approval of an Owner.
    pub is_active: bool,
    /// Null if the user existed before: the password is not stored.
    pub password: Option<String>,
}

/// A team of the demo.
#[derive(Debug, Serialize)]
pub struct DemoTeam {
    pub id: i64,
    pub name: &'static str,
}

struct Person {
    username: &'static str,
    name: (&'static str, &'static str),
    position: Position,
    /// The number of the team in [`TEAMS`].
    team: Option<usize>,
    is_active: bool,
}

const TEAMS: [&str; 2] = ["Demo team", "Demo team North"];

const PEOPLE: [Person; 10] = [
    person("demo_owner", ("Olivia", "Owner"), Position::Owner, None),
    person("demo_funds", ("Felix", "Funds"), Position::FundsCoordinator, None),
    person("demo_lead", ("Lena", "Lead"), Position::TeamLead, Some(0)),
    person("demo_buyer1", ("Ben", "Buyer"), Position::Buyer, Some(0)),
    person("demo_buyer2", ("Bella", "Buyer"), Position::Buyer, Some(0)),
    person("demo_buyer3", ("Boris", "Buyer"), Position::Buyer, Some(0)),
    person("demo_lead2", ("Lukas", "Lead"), Position::TeamLead, Some(1)),
    person("demo_buyer4", ("Bianca", "Buyer"), Position::Buyer, Some(1)),
    person("demo_buyer5", ("Bruno", "Buyer"), Position::Buyer, Some(1)),
    Person { is_active: false, ..person("demo_newcomer", ("Nina", "Newcomer"), Position::Buyer, None) },
];

const fn person(
    username: &'static str,
    name: (&'static str, &'static str),
    position: Position,
    team: Option<usize>,
) -> Person {
    Person { username, name, position, team, is_active: true }
}

/// Creates the missing people and teams. Returns all of them.
///
/// # Errors
/// Fails if a demo username belongs to a real user.
pub(super) async fn create(pool: &PgPool) -> anyhow::Result<(Vec<DemoUser>, Vec<DemoTeam>)> {
    let passwords = Passwords::new();
    let mut transaction = pool.begin().await.context("postgres")?;
    let mut users = Vec::new();
    for person in &PEOPLE {
        users.push(create_user(&mut transaction, &passwords, person).await?);
    }
    let teams = create_teams(&mut transaction, &users).await?;
    transaction.commit().await.context("postgres")?;
    Ok((users, teams))
}

async fn create_user(
    connection: &mut PgConnection,
    passwords: &Passwords,
    person: &Person,
) -> anyhow::Result<DemoUser> {
    let Person { username, position, is_active, .. } = *person;
    let (id, password) = match demo::find_user(connection, username).await? {
        Some((id, true)) => (id, None),
        Some((_, false)) => anyhow::bail!("a user {username} exists and does not belong to the demo"),
        None => {
            let generated = password::generate();
            let hashed = passwords.hash(&generated).await;
            let new = NewUser {
                username: username.to_owned(),
                email: format!("{username}@example.com"),
                password_hash: hashed.map_err(|error| anyhow::anyhow!(error.sentence()))?,
                first_name: person.name.0.to_owned(),
                last_name: person.name.1.to_owned(),
                position,
                is_active,
                is_demo: true,
            };
            (crate::db::users::insert(&mut *connection, &new).await?, Some(generated))
        }
    };
    Ok(DemoUser { id, username, position, is_active, password })
}

async fn create_teams(connection: &mut PgConnection, users: &[DemoUser]) -> anyhow::Result<Vec<DemoTeam>> {
    let known = demo::team_ids(connection).await?;
    let mut teams = Vec::new();
    for (number, name) in TEAMS.into_iter().enumerate() {
        let members = || users.iter().zip(&PEOPLE).filter(|(_, person)| person.team == Some(number));
        let lead = members().find(|(user, _)| user.position == Position::TeamLead).map(|(user, _)| user.id);
        let id = match known.get(number) {
            Some(id) => *id,
            None => demo::insert_team(connection, name, lead).await?,
        };
        for (buyer, _) in members().filter(|(user, _)| user.position == Position::Buyer) {
            demo::join(connection, id, buyer.id).await?;
        }
        teams.push(DemoTeam { id, name });
    }
    Ok(teams)
}
