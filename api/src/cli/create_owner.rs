//! `create-owner`: creates the first account. It never overwrites an account.

use std::io::Read as _;

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::{Map, Value, json};
use sqlx::PgPool;

use crate::cli::say::say;
use crate::config::Config;
use crate::db::audit::{Actor, Diff, record};
use crate::db::postgres_pool;
use crate::db::users::{self, NewUser, USERNAME_UNIQUE};
use crate::http::auth::password::{self, Passwords};
use crate::http::fields::Fields;
use crate::http::request::Body;
use crate::people::model::RegisterUserRequest;
use crate::policy::{Position, Resource};

/// The environment variable with the password.
const PASSWORD_VARIABLE: &str = "SLUICE_OWNER_PASSWORD";

/// The account to create.
#[derive(Debug, Args)]
pub struct CreateOwnerArgs {
    #[arg(long)]
    pub username: String,
    #[arg(long, default_value = "")]
    pub email: String,
}

/// Makes the account.
///
/// # Errors
/// Fails if the username or the password is not acceptable, or the username exists.
pub async fn run(config: &Config, arguments: &CreateOwnerArgs) -> anyhow::Result<()> {
    let account = check(arguments, read_password()?)?;
    let pool = postgres_pool(&config.postgres)?;
    let id = insert(&pool, account).await?;
    say(format!("created the Owner {} with id {id}", arguments.username));
    Ok(())
}

fn read_password() -> anyhow::Result<String> {
    if let Ok(password) = std::env::var(PASSWORD_VARIABLE) {
        return Ok(password);
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("the password on standard input")?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn check(arguments: &CreateOwnerArgs, password: String) -> anyhow::Result<RegisterUserRequest> {
    if password.is_empty() {
        bail!("there is no password: set {PASSWORD_VARIABLE} or write it to standard input");
    }
    let mut values = Map::new();
    values.insert("username".to_owned(), Value::String(arguments.username.clone()));
    values.insert("email".to_owned(), Value::String(arguments.email.clone()));
    values.insert("password".to_owned(), Value::String(password));
    values.insert("position".to_owned(), Value::String(Position::Owner.as_str().to_owned()));
    let Body { request, mut errors } = Body::<RegisterUserRequest>::of(Fields::new(values));
    if let Some(message) = password::easy_to_guess(&request.password.0, &request.about_user()) {
        errors.fail("password", message);
    }
    if errors.finish().is_ok() {
        return Ok(request);
    }
    let messages = errors.into_messages();
    let lines: Vec<String> =
        messages.iter().map(|(name, messages)| format!("{name}: {}", messages.join(" "))).collect();
    bail!(lines.join("; "))
}

async fn insert(pool: &PgPool, account: RegisterUserRequest) -> anyhow::Result<i64> {
    let hashed = Passwords::new().hash(&account.password.0).await;
    let new = NewUser {
        password_hash: hashed.map_err(|error| anyhow::anyhow!(error.sentence()))?,
        username: account.username.0,
        email: account.email.0,
        first_name: account.first_name.0,
        last_name: account.last_name.0,
        position: account.position.0,
        is_active: true,
        is_demo: false,
    };
    let mut transaction = pool.begin().await.context("postgres")?;
    let inserted = users::insert(&mut *transaction, &new).await;
    let id = inserted.map_err(|error| match crate::db::violated_constraint(&error) {
        Some(USERNAME_UNIQUE) => {
            anyhow::anyhow!("a user {} already exists; nothing was changed", new.username)
        }
        _ => anyhow::Error::from(error).context("postgres"),
    })?;
    let diff = Diff::created(&json!({"username": new.username, "position": new.position}));
    record(&mut transaction, &Actor::cli(), "create", Resource::Users, id, diff).await?;
    transaction.commit().await.context("postgres")?;
    Ok(id)
}
