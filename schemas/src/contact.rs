//! The contact of a customer: its five fields, their length limits, and the form of an e-mail
//! address. The edge applies these rules to orders. The API applies them to edits of orders and to
//! the e-mail addresses of users.

/// The longest e-mail address, in characters.
pub const MAX_EMAIL_CHARS: usize = 254;
/// The longest phone number, in characters. Any text is accepted, because people write phone
/// numbers in many ways.
pub const MAX_PHONE_CHARS: usize = 20;
/// The longest first or last name, in characters.
pub const MAX_NAME_CHARS: usize = 50;
/// The longest delivery address, in characters.
pub const MAX_ADDRESS_CHARS: usize = 1000;

/// The names of the fields, in the order of [`MAX_CHARS`]. A change sets all of them or none.
pub const FIELDS: [&str; 5] = ["email", "phone_number", "first_name", "last_name", "delivery_address"];

/// The longest texts of [`FIELDS`], in characters.
pub const MAX_CHARS: [usize; 5] =
    [MAX_EMAIL_CHARS, MAX_PHONE_CHARS, MAX_NAME_CHARS, MAX_NAME_CHARS, MAX_ADDRESS_CHARS];

/// The longest e-mail address in bytes: 64 for the mailbox, 255 for the domain, and the `@`.
const MAX_EMAIL_BYTES: usize = 320;
/// The longest part of a domain between two dots, in characters.
const MAX_LABEL_CHARS: usize = 63;

/// Checks the form of an e-mail address.
///
/// Accepts the form that the legacy CRM accepts, and letters of every script on both sides of the
/// `@` (RFC 6531). Quoted mailboxes and addresses of machines (`me@[192.0.2.1]`) are refused.
#[must_use]
pub fn is_email(text: &str) -> bool {
    let Some((mailbox, domain)) = text.rsplit_once('@') else { return false };
    let is_atom = |atom: &str| {
        let is_plain = |c: char| is_letter_or_digit(c) || "-!#$%&'*+/=?^_`{}|~".contains(c);
        !atom.is_empty() && atom.chars().all(is_plain)
    };
    text.len() <= MAX_EMAIL_BYTES
        && mailbox.split('.').all(is_atom)
        && (domain == "localhost" || is_domain(domain))
}

fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        (1..=MAX_LABEL_CHARS).contains(&label.chars().count())
            && label.chars().all(|c| is_letter_or_digit(c) || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let top_level = domain.rsplit('.').next().unwrap_or_default();
    domain.contains('.') && domain.split('.').all(is_label) && top_level.chars().count() > 1
}

/// Outside ASCII, this includes the vowel marks of some scripts.
fn is_letter_or_digit(c: char) -> bool {
    c.is_ascii_alphanumeric() || !(c.is_ascii() || c.is_whitespace() || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_a_limit() {
        let limits: Vec<_> = FIELDS.into_iter().zip(MAX_CHARS).collect();
        assert_eq!(
            limits,
            [
                ("email", 254),
                ("phone_number", 20),
                ("first_name", 50),
                ("last_name", 50),
                ("delivery_address", 1000)
            ]
        );
    }

    #[test]
    fn addresses_of_every_script_are_accepted() {
        for email in [
            "a@b.co",
            "x.y+z@sub.example.com",
            "user@example.co.uk",
            "o'neil@localhost",
            "a@bücher.de",
            "jürgen@exämple.de",
            "अजय@डाटा.भारत",
            "संपर्क@हिन्दी.भारत",
        ] {
            assert!(is_email(email), "{email}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        let long = format!("a@{}.de", "b".repeat(MAX_LABEL_CHARS + 1));
        let far_too_long = format!("{}@b.co", "a".repeat(MAX_EMAIL_BYTES));
        for text in [
            "",
            "a",
            "@b.co",
            "a@",
            "a@b",
            "a@-b.co",
            "a@b-.co",
            "a..b@c.co",
            ".a@c.co",
            "a.@c.co",
            "a b@c.co",
            "a\u{a0}b@c.co",
            "a\0b@c.co",
            "a@b@c.co",
            "a@b.c",
            "a@b..co",
            "a@.co",
            "a@b.co.",
            "a@b.co\n",
            "a@b_c.co",
            &long,
            &far_too_long,
        ] {
            assert!(!is_email(text), "{text}");
        }
    }
}
