//! Rules for the fields of an account, shared by registration, edits and the command line.

use chrono_tz::Tz;
use sluice_schemas::contact;

use crate::auth::password;
use crate::db::users::{LAST_OWNER, USERNAME_UNIQUE, UserEdit};
use crate::db::{constraint_to_field, violated_constraint};
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::policy::Position;

/// Maximum characters of a username.
pub const MAX_USERNAME_CHARS: usize = 150;
const MAX_NAME_CHARS: usize = 30;

/// Fields that passed the rules. The password is not hashed yet.
#[derive(Debug, Clone)]
pub struct NewAccount {
    pub username: String,
    pub email: String,
    pub password: String,
    pub first_name: String,
    pub last_name: String,
    pub position: Position,
}

/// Reads the fields of an account. Errors stay in `fields`.
pub fn read(fields: &mut Fields) -> Option<NewAccount> {
    let username = read_username(fields);
    let email = read_email(fields);
    let secret = read_new_password(fields, "password");
    let first_name = fields.optional_text("first_name", MAX_NAME_CHARS);
    let last_name = fields.optional_text("last_name", MAX_NAME_CHARS);
    let position = read_position(fields);
    fields.finish().ok()?;
    Some(NewAccount { username: username?, email, password: secret?, first_name, last_name, position })
}

/// Reads the fields that users may change themselves. An omitted field keeps its value, unless
/// `is_whole`: then an omitted text becomes blank.
#[must_use]
pub fn read_profile(fields: &mut Fields, old: UserEdit, is_whole: bool) -> UserEdit {
    let mut edit = old;
    let is_meant = |fields: &Fields, name: &str| is_whole || fields.has(name);
    if is_meant(fields, "email") {
        edit.email = read_email(fields);
    }
    if is_meant(fields, "first_name") {
        edit.first_name = fields.optional_text("first_name", MAX_NAME_CHARS);
    }
    if is_meant(fields, "last_name") {
        edit.last_name = fields.optional_text("last_name", MAX_NAME_CHARS);
    }
    if fields.has("time_zone") {
        edit.time_zone = read_zone(fields).unwrap_or(edit.time_zone);
    }
    edit
}

/// Reads the fields that an Owner may change. Omitted `position`, `is_active` and `time_zone` keep
/// their values even if `is_whole`, so that a forgotten field demotes nobody.
#[must_use]
pub fn read_edit(fields: &mut Fields, old: UserEdit, is_whole: bool) -> UserEdit {
    let mut edit = read_profile(fields, old, is_whole);
    if is_whole || fields.has("username") {
        edit.username = read_username(fields).unwrap_or_default();
    }
    if fields.has("position") {
        edit.position = match fields.required_text("position", MAX_USERNAME_CHARS) {
            Some(word) => parse_position(fields, &word),
            None => edit.position,
        };
    }
    edit.is_active = fields.optional_bool("is_active").unwrap_or(edit.is_active);
    edit
}

/// Maps violated constraints to errors of fields or conflicts.
#[must_use]
pub fn constraint_error(error: sqlx::Error) -> ApiError {
    if violated_constraint(&error) == Some(LAST_OWNER) {
        return ApiError::conflict("The last active Owner cannot be removed, demoted or deactivated.");
    }
    constraint_to_field(error, &[(USERNAME_UNIQUE, "username", "A user with that username already exists.")])
}

/// Reads and checks a new password.
pub fn read_new_password(fields: &mut Fields, name: &str) -> Option<String> {
    let secret = fields.required_secret(name, usize::MAX)?;
    let weaknesses = password::weaknesses(&secret);
    for weakness in &weaknesses {
        fields.fail(name, weakness);
    }
    weaknesses.is_empty().then_some(secret)
}

fn read_email(fields: &mut Fields) -> String {
    let email = fields.optional_text("email", contact::MAX_EMAIL_CHARS);
    if !email.is_empty() && !contact::is_email(&email) {
        fields.fail("email", "Enter a valid email address.");
    }
    email
}

fn read_zone(fields: &mut Fields) -> Option<String> {
    let text = fields.required_text("time_zone", MAX_USERNAME_CHARS)?;
    let zone = text.parse::<Tz>().ok().map(|zone| zone.name().to_owned());
    if zone.is_none() {
        fields.fail("time_zone", "This is not the name of a time zone. An example is Europe/Berlin.");
    }
    zone
}

fn read_username(fields: &mut Fields) -> Option<String> {
    let username = fields.required_text("username", MAX_USERNAME_CHARS)?;
    let is_allowed = |ch: char| ch.is_alphanumeric() || "@.+-_".contains(ch);
    if !username.chars().all(is_allowed) {
        fields.fail(
            "username",
            "Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters.",
        );
        return None;
    }
    Some(username)
}

fn read_position(fields: &mut Fields) -> Position {
    let word = fields.optional_text("position", MAX_USERNAME_CHARS);
    if word.is_empty() {
        return Position::Buyer;
    }
    parse_position(fields, &word)
}

fn parse_position(fields: &mut Fields, word: &str) -> Position {
    Position::parse(word).unwrap_or_else(|| {
        fields.fail("position", format!("\"{word}\" is not a valid choice."));
        Position::Buyer
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read_json(value: Value) -> Result<NewAccount, Vec<String>> {
        let Value::Object(map) = value else { panic!("no object") };
        let mut fields = Fields::new(map);
        read(&mut fields).ok_or_else(|| fields.finish().unwrap_err().into_keys().collect())
    }

    #[test]
    fn the_readmes_example_passes_as_a_buyer() {
        let account = read_json(
            json!({"username": "example_user", "email": "user@example.com", "password": "secretpassword"}),
        )
        .unwrap();
        assert_eq!(account.position, Position::Buyer);
    }

    #[test]
    fn each_field_has_its_rules() {
        let errors = read_json(json!({
            "username": "a b", "email": "nobody", "password": "password", "first_name": "x".repeat(31),
            "last_name": "a\0", "position": "King",
        }));
        assert_eq!(
            errors.unwrap_err(),
            ["email", "first_name", "last_name", "password", "position", "username"]
        );
        assert_eq!(read_json(json!({})).unwrap_err(), ["password", "username"]);
        let errors = read_json(json!({"username": "x".repeat(151), "password": "secretpassword"}));
        assert_eq!(errors.unwrap_err(), ["username"]);
    }
}
