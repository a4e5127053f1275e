//! Types and rules for the fields of a user, shared by registration, edits and the command line.

use icu_properties::CodePointMapData;
use icu_properties::props::Script;
use utoipa::PartialSchema as _;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use crate::db::users::{LAST_OWNER, USERNAME_UNIQUE, username_key};
use crate::db::violated_constraint;
use crate::http::auth::login::MAX_USERNAME_CHARS;
use crate::http::auth::password;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::fields::types::{OptionalText, text};
use crate::http::request::Field;
use crate::http::server_error::constraint_to_field;
use crate::policy::Position;
use crate::preferences::{Theme, WeekStart};
use crate::time_zone;
use sluice_schemas::contact;

/// Maximum bytes of the key of a username. Longer ones do not fit into the index.
const MAX_KEY_BYTES: usize = 2000;
/// Maximum characters of a time zone or a position.
const MAX_WORD_CHARS: usize = 150;

/// A first or last name. It may be blank.
pub type PersonName = OptionalText<30>;

/// A username: letters, digits and `@ . + - _`. It cannot be blank.
#[derive(Debug, Clone, Default)]
pub struct Username(pub String);

/// An e-mail address. It may be blank.
#[derive(Debug, Clone, Default)]
pub struct Email(pub String);

/// A new password of an allowed length. `Passwords::check_strength` refuses those that are easy to
/// guess.
#[derive(Clone, Default)]
pub struct NewPassword(pub String);

/// The name of an IANA time zone.
#[derive(Debug, Clone, Default)]
pub struct TimeZone(pub String);

/// The position of a new user. Blank means Buyer.
#[derive(Debug, Clone)]
pub struct PositionOrBuyer(pub Position);

/// The new position of a user.
#[derive(Debug, Clone)]
pub struct NewPosition(pub Position);

impl Field for Username {
    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        let username = fields.required_text(name, MAX_USERNAME_CHARS)?;
        let is_allowed = |ch: char| ch.is_alphanumeric() || "@.+-_".contains(ch);
        if !username.chars().all(is_allowed) {
            fields.fail(
                name,
                "Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters.",
            );
            return None;
        }
        if mixes_scripts(&username) {
            fields.fail(name, "A word of the username has letters of two scripts. Use one script a word.");
            return None;
        }
        if username_key(&username).len() > MAX_KEY_BYTES {
            fields.fail(name, "This username is too long. Use fewer or other letters.");
            return None;
        }
        Some(Self(username))
    }

    fn schema() -> RefOr<Schema> {
        text().min_length(Some(1)).max_length(Some(MAX_USERNAME_CHARS)).into()
    }
}

/// Returns whether a word of a username has letters of two scripts, for example a Cyrillic `о`
/// among Latin letters, so that it looks like another name. Japanese and Korean are written in
/// several.
fn mixes_scripts(username: &str) -> bool {
    const JAPANESE: [Script; 3] = [Script::Han, Script::Hiragana, Script::Katakana];
    const KOREAN: [Script; 2] = [Script::Han, Script::Hangul];
    username.split(['@', '.', '+', '-', '_']).any(|word| {
        let scripts = || {
            let script = |letter| CodePointMapData::<Script>::new().get(letter);
            word.chars().map(script).filter(|script| !matches!(*script, Script::Common | Script::Inherited))
        };
        let first = scripts().next();
        !(scripts().all(|script| Some(script) == first)
            || scripts().all(|script| JAPANESE.contains(&script))
            || scripts().all(|script| KOREAN.contains(&script)))
    })
}

impl Field for Email {
    const IS_REQUIRED: bool = false;

    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        let email = fields.optional_text(name, contact::MAX_EMAIL_CHARS);
        if !email.is_empty() && !contact::is_email(&email) {
            fields.fail(name, "Enter a valid email address.");
        }
        Some(Self(email))
    }

    fn schema() -> RefOr<Schema> {
        text().max_length(Some(contact::MAX_EMAIL_CHARS)).into()
    }
}

impl Field for NewPassword {
    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        let secret = fields.required_secret(name, usize::MAX)?;
        match password::wrong_length(&secret) {
            Some(message) => {
                fields.fail(name, message);
                None
            }
            None => Some(Self(secret)),
        }
    }

    fn schema() -> RefOr<Schema> {
        text().min_length(Some(password::MIN_CHARS)).max_length(Some(password::MAX_CHARS)).into()
    }
}

/// Does not show the password.
impl std::fmt::Debug for NewPassword {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("NewPassword")
    }
}

impl Field for TimeZone {
    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        let text = fields.required_text(name, MAX_WORD_CHARS)?;
        let zone = time_zone::TimeZone::find(&text).map(|zone| Self(zone.name().to_owned()));
        if zone.is_none() {
            fields.fail(name, "This is not the name of a time zone. An example is Europe/Berlin.");
        }
        zone
    }

    fn schema() -> RefOr<Schema> {
        text().into()
    }
}

impl Field for WeekStart {
    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        choice(fields, name, Self::parse)
    }

    fn schema() -> RefOr<Schema> {
        <Self as utoipa::PartialSchema>::schema()
    }
}

impl Field for Theme {
    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        choice(fields, name, Self::parse)
    }

    fn schema() -> RefOr<Schema> {
        <Self as utoipa::PartialSchema>::schema()
    }
}

fn choice<T>(fields: &mut Fields, name: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
    let word = fields.required_text(name, MAX_WORD_CHARS)?;
    let choice = parse(&word);
    if choice.is_none() {
        fields.fail(name, format!("\"{word}\" is not a valid choice."));
    }
    choice
}

impl Field for PositionOrBuyer {
    const IS_REQUIRED: bool = false;

    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        let word = fields.optional_text(name, MAX_WORD_CHARS);
        if word.is_empty() { Some(Self::default()) } else { parse_position(fields, name, &word).map(Self) }
    }

    fn schema() -> RefOr<Schema> {
        Position::schema()
    }
}

impl Default for PositionOrBuyer {
    fn default() -> Self {
        Self(Position::Buyer)
    }
}

impl Field for NewPosition {
    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        let word = fields.required_text(name, MAX_WORD_CHARS)?;
        parse_position(fields, name, &word).map(Self)
    }

    fn schema() -> RefOr<Schema> {
        Position::schema()
    }
}

impl Default for NewPosition {
    fn default() -> Self {
        Self(Position::Buyer)
    }
}

fn parse_position(fields: &mut Fields, name: &str, word: &str) -> Option<Position> {
    let position = Position::parse(word);
    if position.is_none() {
        fields.fail(name, format!("\"{word}\" is not a valid choice."));
    }
    position
}

/// Maps violated constraints to errors of fields or conflicts.
#[must_use]
pub fn constraint_error(error: sqlx::Error) -> ApiError {
    if violated_constraint(&error) == Some(LAST_OWNER) {
        return ApiError::conflict("The last active Owner cannot be removed, demoted or deactivated.");
    }
    constraint_to_field(error, &[(USERNAME_UNIQUE, "username", "A user with that username already exists.")])
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::http::request::Body;
    use crate::people::model::RegisterUserRequest;

    fn read_json(value: Value) -> Result<RegisterUserRequest, Vec<String>> {
        let Body { request, errors } = Body::<RegisterUserRequest>::of(Fields::of_json(value));
        if errors.finish().is_ok() { Ok(request) } else { Err(errors.into_messages().into_keys().collect()) }
    }

    #[test]
    fn the_readmes_example_passes_as_a_buyer() {
        let account = read_json(
            json!({"username": "example_user", "email": "user@example.com", "password": "secretpassword"}),
        )
        .unwrap();
        assert_eq!(account.position.0, Position::Buyer);
    }

    #[test]
    fn each_field_has_its_rules() {
        let errors = read_json(json!({
            "username": "a b", "email": "nobody", "password": "passwor", "first_name": "x".repeat(31),
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

    #[test]
    fn a_word_of_a_username_has_one_script() {
        for (username, is_allowed) in [
            ("owner", true),
            ("\u{43e}wner", false),
            ("Саша", true),
            ("Саша-TT_2", true),
            ("Сaша", false),
            ("αlpha", false),
            ("ｏｗｎｅｒ", true),
            ("田中さんユウ", true),
            ("김金", true),
            ("김さ", false),
            ("José2", true),
            ("12345", true),
            // Each letter has 33 bytes when it is written out.
            (&"\u{fdfa}".repeat(150), false),
        ] {
            let read = read_json(json!({"username": username, "password": "secretpassword"}));
            assert_eq!(read.is_ok(), is_allowed, "{username}");
        }
    }
}
