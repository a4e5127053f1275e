//! Who may ask: one user, as `X-ClickHouse-User`/`X-ClickHouse-Key`, `user`/`password` in the URL or Basic auth.
//! Answers as ClickHouse does: 403 with code 516, whatever was wrong. Inside the engine everyone is `default`.

use hyper::HeaderMap;

use super::error::ClickHouseError;

/// The one user that is let in.
#[derive(Clone)]
pub struct Credentials {
    /// Name; ClickHouse's own default is `default`.
    pub user: String,
    /// Password; empty lets anyone in who gives none.
    pub password: String,
}

/// Checks a request.
///
/// # Errors
/// `AUTHENTICATION_FAILED` when name or password is not the one.
pub fn check(
    expected: &Credentials,
    headers: &HeaderMap,
    url_user: Option<&str>,
    url_password: Option<&str>,
) -> Result<(), ClickHouseError> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let basic = header("authorization").and_then(|value| decode_basic(&value));
    let (user, password) = match (header("x-clickhouse-user"), basic) {
        (Some(user), _) => (user, header("x-clickhouse-key").unwrap_or_default()),
        (None, Some(pair)) => pair,
        (None, None) => {
            (url_user.unwrap_or("default").to_owned(), url_password.unwrap_or_default().to_owned())
        }
    };
    // Loopback only and not a secret worth timing attacks; still compare all bytes.
    if user == expected.user && same(password.as_bytes(), expected.password.as_bytes()) {
        return Ok(());
    }
    Err(ClickHouseError::new(
        516,
        "AUTHENTICATION_FAILED",
        &format!("{user}: Authentication failed: password is incorrect, or there is no user with such name"),
    ))
}

fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

fn decode_basic(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(decode_base64(encoded.trim())?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut buffer, mut n_bits) = (0_u32, 0_u32);
    for byte in text.trim_end_matches('=').bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        buffer = (buffer << 6) | u32::from(value);
        n_bits += 6;
        if n_bits >= 8 {
            n_bits -= 8;
            bytes.push(u8::try_from((buffer >> n_bits) & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_user_from_headers_basic_or_url() {
        let expected = Credentials { user: "sluice".into(), password: "s3cret".into() };
        let mut headers = HeaderMap::new();
        assert_eq!(check(&expected, &headers, None, None).unwrap_err().code, 516);
        assert!(check(&expected, &headers, Some("sluice"), Some("s3cret")).is_ok());
        headers.insert("authorization", "Basic c2x1aWNlOnMzY3JldA==".parse().unwrap());
        assert!(check(&expected, &headers, None, None).is_ok());
        headers.insert("x-clickhouse-user", "sluice".parse().unwrap());
        assert!(check(&expected, &headers, None, None).is_err());
        headers.insert("x-clickhouse-key", "s3cret".parse().unwrap());
        assert!(check(&expected, &headers, None, None).is_ok());
    }
}
