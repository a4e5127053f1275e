//! What makes an account: the rules for its fields, the same for registration and the command line.

use crate::auth::password;
use crate::fields::{Fields, is_email};
use crate::policy::Position;

/// The most characters of a username.
pub const MAX_USERNAME_CHARS: usize = 150;
const MAX_NAME_CHARS: usize = 30;
const MAX_EMAIL_CHARS: usize = 254;

/// Fields that passed the rules. The password is still readable.
#[derive(Debug, Clone)]
pub struct NewAccount {
    pub username: String,
    pub email: String,
    pub password: String,
    pub first_name: String,
    pub last_name: String,
    pub position: Position,
}

/// Reads an account's fields; what is wrong stays in `fields`.
pub fn read(fields: &mut Fields) -> Option<NewAccount> {
    let username = read_username(fields);
    let email = fields.optional_text("email", MAX_EMAIL_CHARS);
    if !email.is_empty() && !is_email(&email) {
        fields.fail("email", "Enter a valid email address.");
    }
    let secret = fields.required_secret("password", usize::MAX);
    for weakness in secret.as_deref().map(password::weaknesses).unwrap_or_default() {
        fields.fail("password", weakness);
    }
    let first_name = fields.optional_text("first_name", MAX_NAME_CHARS);
    let last_name = fields.optional_text("last_name", MAX_NAME_CHARS);
    let position = read_position(fields);
    fields.finish().ok()?;
    Some(NewAccount { username: username?, email, password: secret?, first_name, last_name, position })
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
    Position::parse(&word).unwrap_or_else(|| {
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
