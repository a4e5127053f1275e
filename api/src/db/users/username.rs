//! How usernames are compared.

/// Returns the key by which usernames are compared, ignoring case.
#[must_use]
pub fn username_key(username: &str) -> String {
    username.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn username_keys_are_in_lower_case() {
        assert_eq!(username_key("ÉMILE"), "émile");
    }
}
