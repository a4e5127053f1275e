//! Parameters of an event: a query or a form with `name=value` pairs, separated by `&` and encoded
//! with `%xx` and `+`. The edge scans them for the few values that decide. The consumer reads all
//! of them.
//!
//! Invariant: both split, name and decode in the same way. So an event is never accepted for a key
//! that the consumer does not see.

use std::borrow::Cow;

/// The names of a prospect id, in the order in which an order form is searched for them.
pub const PROSPECT_ID_NAMES: [&str; 7] =
    ["prospect_id", "pid", "click_id", "clickid", "cid", "subid", "cnv_id"];

/// Returns whether a parameter of this name is a tracking key.
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
    let mut start = 0;
    memchr::memchr_iter(b'&', text).chain(std::iter::once(text.len())).filter_map(move |end| {
        let pair = &text[start..end];
        start = end + 1;
        let equals = memchr::memchr(b'=', pair)?;
        let (name, value) = (&pair[..equals], &pair[equals + 1..]);
        (!value.is_empty()).then_some((name, value))
    })
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

/// Decodes `%xx` and `+` into a text, with U+FFFD for bytes that are not UTF-8.
#[must_use]
pub fn decode_text(raw: &[u8]) -> Cow<'_, str> {
    match decode(raw) {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => Cow::Owned(match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        }),
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
    fn every_name_of_a_prospect_id_is_known() {
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
            assert_eq!(decode_text(raw.as_bytes()), decoded, "{raw}");
        }
        assert_eq!(decode_text(b"\xe4%E4+"), "\u{fffd}\u{fffd} ");
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
                .map(|(name, value)| (decode_text(name).into_owned(), decode_text(value).into_owned()))
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
            prop_assert_eq!(decode_text(&value).into_owned(), plain.unwrap());
        }
    }
}
