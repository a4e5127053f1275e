//! Parameters of an event: a query or a form with `name=value` pairs, separated by `&` and encoded
//! with `%xx` and `+`. The edge scans them for the few values that decide. The consumer reads all
//! of them.
//!
//! Invariant: both split, name and decode in the same way. So an event is never accepted for a key
//! that the consumer does not see. Names count in any case, and the first value of a name that is
//! not blank wins.

use std::borrow::Cow;

use uuid::Uuid;

use crate::text::{readable, trim_bytes};

/// The names of a prospect id, in the order in which an order form is searched for them.
pub const PROSPECT_ID_NAMES: [&str; 7] =
    ["prospect_id", "pid", "click_id", "clickid", "cid", "subid", "cnv_id"];

/// The names of a tracking key.
pub const KEY_NAMES: [&str; 3] = ["k", "key", "campaign_key"];

/// The name of the owner's id, where there is no tracking key.
pub const USER_ID_NAME: &str = "user_id";

/// The name of what a browser tells about its device: the version of its platform, `/` and the
/// model, which may be empty.
pub const CLIENT_HINTS_NAME: &str = "ch";

/// Returns whether a parameter of this name is a tracking key: one of [`KEY_NAMES`].
#[must_use]
#[inline]
pub fn is_key(name: &[u8]) -> bool {
    matches!(name, b"k" | b"key" | b"campaign_key")
}

/// Returns whether a parameter of this name is a prospect id: one of [`PROSPECT_ID_NAMES`].
#[must_use]
#[inline]
pub fn is_prospect_id(name: &[u8]) -> bool {
    matches!(name, b"pid" | b"prospect_id" | b"click_id" | b"clickid" | b"cid" | b"subid" | b"cnv_id")
}

/// Iterates over the encoded names and values, without pairs that have no value.
#[inline]
pub fn pairs(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    split(text).filter_map(|pair| {
        let (name, value) = halves(pair);
        (!value.is_empty()).then_some((name, value))
    })
}

/// Iterates over the texts between separators.
#[inline]
pub fn split(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut start = 0;
    memchr::memchr_iter(b'&', text).chain(std::iter::once(text.len())).map(move |end| {
        let pair = &text[start..end];
        start = end + 1;
        pair
    })
}

/// Divides a pair into its encoded name and value.
#[must_use]
#[inline]
pub fn halves(pair: &[u8]) -> (&[u8], &[u8]) {
    memchr::memchr(b'=', pair).map_or((pair, &[]), |equals| (&pair[..equals], &pair[equals + 1..]))
}

/// Returns the name that a pair means: decoded, in lower case, and without the rest of a separator
/// that was escaped for HTML (`&amp;sub1=x`). Borrows if it was written so.
#[must_use]
#[inline]
pub fn name(raw: &[u8]) -> Cow<'_, [u8]> {
    let is_plain = |byte: &u8| !matches!(byte, b'%' | b'+' | b';' | b'A'..=b'Z');
    if raw.iter().all(is_plain) { Cow::Borrowed(raw) } else { Cow::Owned(plain_name(raw)) }
}

fn plain_name(raw: &[u8]) -> Vec<u8> {
    unescaped(&decode(raw)).to_ascii_lowercase()
}

/// The end of an `&` that was escaped for HTML.
const ESCAPED_SEPARATORS: [&[u8]; 4] = [b"amp;", b"#38;", b"#038;", b"#x26;"];

/// Returns a decoded name without the rest of a separator that was escaped for HTML.
#[must_use]
pub fn unescaped(name: &[u8]) -> &[u8] {
    let rest = ESCAPED_SEPARATORS.iter().find_map(|escaped| {
        let (start, rest) = name.split_at_checked(escaped.len())?;
        start.eq_ignore_ascii_case(escaped).then_some(rest)
    });
    rest.map_or(name, unescaped)
}

/// Returns the value of a pair: decoded, and without the invisible characters around it. Borrows
/// if nothing is encoded.
#[must_use]
#[inline]
pub fn value(raw: &[u8]) -> Cow<'_, [u8]> {
    match decode(raw) {
        Cow::Borrowed(bytes) => Cow::Borrowed(trim_bytes(bytes)),
        Cow::Owned(bytes) => {
            let trimmed = trim_bytes(&bytes);
            if trimmed.len() == bytes.len() { Cow::Owned(bytes) } else { Cow::Owned(trimmed.to_vec()) }
        }
    }
}

/// Reads the id of a prospect: a UUID of any version, hyphenated or not, in any case, but neither
/// nil nor max.
#[must_use]
pub fn prospect_id(text: &[u8]) -> Option<Uuid> {
    if !matches!(text.len(), 32 | 36) {
        return None;
    }
    Uuid::try_parse_ascii(text).ok().filter(|id| !id.is_nil() && !id.is_max())
}

/// Decodes `%xx` and `+`. Borrows if there are none.
#[must_use]
#[inline]
pub fn decode(raw: &[u8]) -> Cow<'_, [u8]> {
    match memchr::memchr2(b'%', b'+', raw) {
        None => Cow::Borrowed(raw),
        Some(first) => Cow::Owned(decode_from(raw, first)),
    }
}

/// Decodes a text whose first encoded character is at `first`.
fn decode_from(raw: &[u8], first: usize) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(raw.len());
    decoded.extend_from_slice(&raw[..first]);
    let mut at = first;
    while let Some(byte) = raw.get(at) {
        let (byte, length) = match byte {
            b'+' => (b' ', 1),
            b'%' => escaped(&raw[at + 1..]).map_or((b'%', 1), |byte| (byte, 3)),
            byte => (*byte, 1),
        };
        decoded.push(byte);
        at += length;
    }
    decoded
}

/// Returns the byte of two hexadecimal digits.
fn escaped(digits: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*digits.get(at)?).to_digit(16);
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

/// Returns the value of a pair as a text; bytes in another encoding than UTF-8 stay
/// percent-encoded ([`readable`]). The flag says that they are.
#[must_use]
pub fn text(raw: &[u8]) -> (Cow<'_, str>, bool) {
    let of = |bytes: Vec<u8>| match String::from_utf8(bytes) {
        Ok(text) => (text, false),
        Err(error) => (readable(error.as_bytes()).into_owned(), true),
    };
    match value(raw) {
        Cow::Borrowed(bytes) => match readable(bytes) {
            Cow::Borrowed(text) => (Cow::Borrowed(text), false),
            Cow::Owned(text) => (Cow::Owned(text), true),
        },
        Cow::Owned(bytes) => {
            let (text, is_encoded) = of(bytes);
            (Cow::Owned(text), is_encoded)
        }
    }
}

/// Reads a user id: a whole number from 1 to 2^63 − 1, in digits.
#[must_use]
pub fn user_id(text: &[u8]) -> Option<i64> {
    let is_plain = text.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(text).ok().filter(|_| is_plain)?.parse::<i64>();
    number.ok().filter(|number| *number > 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_name_of_a_prospect_id_and_a_key_is_known() {
        assert!(KEY_NAMES.iter().all(|name| is_key(name.as_bytes())));
        assert!(PROSPECT_ID_NAMES.iter().all(|name| is_prospect_id(name.as_bytes())));
        assert!(!is_prospect_id(b"id") && !is_prospect_id(b"k") && is_key(b"k"));
    }

    #[test]
    fn pairs_without_a_value_are_left_out() {
        let found: Vec<_> = pairs(b"&a=1&&b&c=&=d&e=f=g&").collect();
        assert_eq!(found, [(&b"a"[..], &b"1"[..]), (b"", b"d"), (b"e", b"f=g")]);
        assert_eq!(pairs(b"").count(), 0);
    }

    #[test]
    fn only_what_is_encoded_is_copied() {
        for plain in [&b""[..], b"2222222222222222", b"{clickid}", b"\xff"] {
            assert!(matches!(decode(plain), Cow::Borrowed(found) if found == plain), "{plain:?}");
        }
        for (raw, decoded) in [
            ("a+b", "a b"),
            ("%61", "a"),
            ("%zz+%", "%zz %"),
            ("%2B+", "+ "),
            ("100%", "100%"),
            ("%C3%A4", "ä"),
        ] {
            assert_eq!(decode(raw.as_bytes()), decoded.as_bytes(), "{raw}");
            assert_eq!(text(raw.as_bytes()), (decoded.trim().into(), false), "{raw}");
        }
        assert_eq!(text(b"\xe4%E4+"), ("%E4%E4".into(), true));
    }

    #[test]
    fn names_count_in_any_case_and_with_escaped_separators() {
        for raw in [
            "sub1",
            "SUB1",
            "Sub1",
            "%73ub1",
            "amp;sub1",
            "AMP;sub1",
            "amp;amp;Sub1",
            "amp%3Bsub1",
            "%2338;sub1",
        ] {
            assert_eq!(name(raw.as_bytes()), &b"sub1"[..], "{raw}");
        }
        for raw in ["sub1", "utm_source", "a.b-c", ""] {
            assert!(matches!(name(raw.as_bytes()), Cow::Borrowed(found) if found == raw.as_bytes()), "{raw}");
        }
        assert_eq!(name(b"a;b"), &b"a;b"[..]);
    }

    #[test]
    fn values_lose_what_nobody_sees() {
        for raw in ["a b", "%20a+b%20", "a+b%E2%80%8B", "%EF%BB%BFa%20b", "%C2%A0a b%09"] {
            assert_eq!(value(raw.as_bytes()), &b"a b"[..], "{raw}");
            assert_eq!(text(raw.as_bytes()), ("a b".into(), false), "{raw}");
        }
        assert_eq!(value(b"+%20"), &b""[..]);
        assert!(matches!(value(b"plain"), Cow::Borrowed(_)));
    }

    #[test]
    fn another_encoding_keeps_its_bytes() {
        assert_eq!(text(b"%CF%F0%E8%E2%E5%F2"), ("%CF%F0%E8%E2%E5%F2".into(), true));
        assert_eq!(text(b"a+\xe4%2525"), ("a %E4%2525".into(), true));
        assert_eq!(text("ä%C3%B6".as_bytes()), ("äö".into(), false));
    }

    #[test]
    fn user_ids_are_whole_numbers_in_range() {
        assert_eq!((user_id(b"7"), user_id(b"9223372036854775807")), (Some(7), Some(i64::MAX)));
        for wrong in ["", "0", "-1", "+1", "1.0", "abc", "\0", " 1", "9223372036854775808", "١"] {
            assert_eq!(user_id(wrong.as_bytes()), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn pairs_are_those_of_a_form_parser(text in "[a-c%+=&2-5é]{0,60}") {
            let found: Vec<_> = pairs(text.as_bytes())
                .map(|(name, value)| (decode(name).into_owned(), decode(value).into_owned()))
                .map(|(name, value)| (String::from_utf8_lossy(&name).into_owned(), String::from_utf8_lossy(&value).into_owned()))
                .collect();
            let plain: Vec<_> =
                form_urlencoded::parse(text.as_bytes()).into_owned().filter(|(_, value)| !value.is_empty()).collect();
            prop_assert_eq!(found, plain);
        }

        #[test]
        fn any_bytes_are_decoded_like_a_form(value in proptest::collection::vec(any::<u8>(), 0..60)) {
            let value: Vec<u8> = value.into_iter().filter(|byte| !b"&=".contains(byte)).collect();
            let pair = [b"a=", &value[..]].concat();
            let plain = form_urlencoded::parse(&pair).next().map(|(_, value)| value.into_owned());
            prop_assert_eq!(String::from_utf8_lossy(&decode(&value)).into_owned(), plain.unwrap());
        }
    }
}
