//! Compares usernames: two names that look the same, or nearly, are one name.

use icu_normalizer::ComposingNormalizerBorrowed;
use sqlx::PgConnection;

/// Returns the key by which usernames are compared. It ignores case, and other forms of a letter
/// (NFKC): a full-width `ａ`, a long `ſ`, an `e` with a separate accent.
#[must_use]
pub fn username_key(username: &str) -> String {
    let nfkc = ComposingNormalizerBorrowed::new_nfkc();
    let upper = nfkc.normalize(username).chars().flat_map(char::to_uppercase).collect::<String>();
    // Through capital letters, so that `ß` is `ss`, and both forms of the Greek sigma are one. Each
    // letter alone, because the lower case of a whole text depends on the place of a sigma.
    let folded: String = upper.chars().flat_map(char::to_lowercase).collect();
    nfkc.normalize(&folded).into_owned()
}

/// Returns the key that earlier versions stored. A person keeps it if somebody else has the key of
/// today.
#[must_use]
pub fn former_key(username: &str) -> String {
    username.to_lowercase()
}

/// Gives everybody the key of today, for rows that earlier versions wrote. Returns the usernames of
/// those whose key somebody else has. They can still log in, by their username as it is written.
pub async fn refold(connection: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    let users =
        sqlx::query!("SELECT id, username, username_key, archived_at FROM users ORDER BY id FOR UPDATE")
            .fetch_all(&mut *connection)
            .await?;
    let mut others = Vec::new();
    for user in users {
        // An archived user has freed the name.
        let end = if user.archived_at.is_some() { format!("#{}", user.id) } else { String::new() };
        let key = username_key(&user.username) + &end;
        if key == user.username_key {
            continue;
        }
        let done = sqlx::query!(
            "UPDATE users SET username_key = $2
             WHERE id = $1 AND NOT EXISTS (SELECT FROM users WHERE username_key = $2)",
            user.id,
            key,
        )
        .execute(&mut *connection)
        .await?;
        if done.rows_affected() == 0 {
            others.push(user.username);
        }
    }
    Ok(others)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_the_same_have_one_key() {
        for (name, key) in [
            ("ÉMILE", "émile"),
            ("e\u{301}mile", "émile"),
            ("ｏｗｎｅｒ", "owner"),
            ("ſam", "sam"),
            ("\u{212a}ate", "kate"),
            ("STRASSE", "strasse"),
            ("straße", "strasse"),
            ("ΣΟΦΟΣ", "σοφοσ"),
            ("σοφος", "σοφοσ"),
            ("ﬁne", "fine"),
            ("x²", "x2"),
            ("sam.o+k@a-b_c", "sam.o+k@a-b_c"),
        ] {
            assert_eq!(username_key(name), key, "{name}");
            assert_eq!(username_key(key), key, "the key of a key is itself");
        }
        assert_ne!(username_key("sam"), username_key("som"));
    }
}
