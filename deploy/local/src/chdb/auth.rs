//! Authentication. There is one user, given as `X-ClickHouse-User`/`X-ClickHouse-Key`, as
//! `user`/`password` in the URL, or by Basic auth. Failures are answered as ClickHouse does: 403
//! with code 516, whatever was wrong. Inside the engine, everyone is `default`.

use hyper::HeaderMap;

use super::error::ClickHouseError;

/// The only accepted user.
#[derive(Clone)]
pub struct Credentials {
    /// The name. The default of ClickHouse is `default`.
    pub user: String,
    /// The password. If it is empty, requests without a password are accepted.
    pub password: String,
}

/// Checks the user of a request.
///
/// # Errors
/// `AUTHENTICATION_FAILED` if the name or the password is wrong.
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
    // The server listens on loopback only, where timing attacks are unlikely. All bytes are
    // compared anyway.
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
