//! Reads the few values of a query or form that the edge needs to accept an event: key, prospect
//! id, `user_id`, `beacon`. Pure, over raw bytes; only these values are decoded. The consumer reads
//! everything else, from the bytes as received.
//!
//! Invariant: the scanned bytes are the stored bytes. An event is never accepted for a key that the
//! consumer does not see.

use std::borrow::Cow;

use sluice_schemas::event::MAX_PAIRS_BYTES;
use sluice_schemas::outcome::Rejection;
use sluice_schemas::parameters::{self, is_key, is_prospect_id, value};
use sluice_schemas::tracking_key;
use uuid::Uuid;

/// Values found in pairs, still encoded. The first value of a name that is not blank counts, and of
/// the prospect ids the first that is one: a network's click id may stand before it under one of
/// the names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScannedPairs<'a> {
    pub key: Option<&'a [u8]>,
    pub prospect_id: Option<&'a [u8]>,
    pub user_id: Option<&'a [u8]>,
    /// The answer must have no body.
    pub beacon: bool,
}

/// The prospect id of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProspectId {
    Given(Uuid),
    /// Not a UUID: an unfilled macro, or the click id of another system.
    Invalid,
    Absent,
}

/// Replaces every further `?` in a query by `&`: redirectors produce `…?k=1?sub1=2`. Borrows if
/// there are no others.
#[must_use]
pub fn mend(query: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'?', query).is_none() {
        return Cow::Borrowed(query);
    }
    Cow::Owned(query.iter().map(|byte| if *byte == b'?' { b'&' } else { *byte }).collect())
}

/// Mends the pairs of a body in the same way, except for addresses, which may have a `?` of their
/// own. Borrows if nothing was to be mended.
#[must_use]
pub fn mend_body(pairs: &[u8]) -> Cow<'_, [u8]> {
    let is_open = |pair: &[u8]| {
        let value = parameters::halves(pair).1;
        memchr::memchr(b'?', value).is_some_and(|at| !value[..at].contains(&b'/'))
    };
    if memchr::memchr(b'?', pairs).is_none() || !parameters::split(pairs).any(is_open) {
        return Cow::Borrowed(pairs);
    }
    let mended: Vec<_> = parameters::split(pairs)
        .map(|pair| if is_open(pair) { mend(pair) } else { Cow::Borrowed(pair) })
        .collect();
    Cow::Owned(mended.join(&b'&'))
}

/// Scans pairs once.
#[must_use]
pub fn scan(pairs: &[u8]) -> ScannedPairs<'_> {
    let mut found = ScannedPairs::default();
    for (name, value) in parameters::pairs(pairs) {
        // A browser encodes none of these letters, but a redirector may.
        take(&parameters::name(name), value, &mut found);
    }
    found
}

fn take<'a>(name: &[u8], value: &'a [u8], found: &mut ScannedPairs<'a>) {
    let slot = match name {
        b"user_id" => &mut found.user_id,
        b"beacon" => {
            found.beacon |= value == b"1";
            return;
        }
        name if is_key(name) => &mut found.key,
        name if is_prospect_id(name) => return take_prospect_id(value, &mut found.prospect_id),
        _ => return,
    };
    if slot.is_none() && !is_blank(value) {
        *slot = Some(value);
    }
}

fn take_prospect_id<'a>(raw: &'a [u8], slot: &mut Option<&'a [u8]>) {
    let is_id = |raw: &[u8]| matches!(prospect_id(Some(raw)), ProspectId::Given(_));
    let is_better = match *slot {
        None => !is_blank(raw),
        Some(first) => !is_id(first) && is_id(raw),
    };
    if is_better {
        *slot = Some(raw);
    }
}

/// Returns whether an encoded value shows nothing.
fn is_blank(raw: &[u8]) -> bool {
    // Nearly all values begin with something that is seen.
    !matches!(raw.first(), Some(b'!'..=b'$' | b'&'..=b'*' | b','..=b'~')) && value(raw).is_empty()
}

/// Checks whether a pixel may be accepted: it needs a well-formed key, or no key and a `user_id`.
pub fn check_owner(found: &ScannedPairs<'_>) -> Result<(), Rejection> {
    match (found.key, found.user_id) {
        (Some(key), _) if tracking_key::is_well_formed(&value(key)) => Ok(()),
        (Some(_), _) => Err(Rejection::BadKey),
        (None, Some(user_id)) if parameters::user_id(&value(user_id)).is_some() => Ok(()),
        (None, Some(_)) => Err(Rejection::BadUserId),
        (None, None) => Err(Rejection::MissingKey),
    }
}

/// Reads a prospect id, which is a UUID.
#[must_use]
pub fn prospect_id(raw: Option<&[u8]>) -> ProspectId {
    let Some(raw) = raw else { return ProspectId::Absent };
    parameters::prospect_id(&value(raw)).map_or(ProspectId::Invalid, ProspectId::Given)
}

/// Cuts pairs at the last whole pair within the limit. Returns them and whether something was cut.
#[must_use]
pub fn cut_pairs(pairs: &[u8]) -> (&[u8], bool) {
    if pairs.len() <= MAX_PAIRS_BYTES {
        return (pairs, false);
    }
    let end = memchr::memrchr(b'&', &pairs[..=MAX_PAIRS_BYTES]).unwrap_or(0);
    (&pairs[..end], true)
}

/// Cuts a text to `max_bytes`, never inside a UTF-8 character. Returns it and whether something was
/// cut.
#[must_use]
pub fn cut_text(text: &[u8], max_bytes: usize) -> (&[u8], bool) {
    if text.len() <= max_bytes {
        return (text, false);
    }
    let is_continuation = |byte: u8| byte & 0xC0 == 0x80;
    let back = (0..4).find(|back| !is_continuation(text[max_bytes - back])).unwrap_or(0);
    (&text[..max_bytes - back], true)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &[u8] = b"2222222222222222";

    #[test]
    fn keys_and_users_are_checked() {
        let check = |pairs: &[u8]| check_owner(&scan(pairs));
        assert!(tracking_key::is_well_formed(KEY), "sixteen times the digit 0 sums to 0");
        assert_eq!(check(b"k=2222222222222222"), Ok(()));
        assert_eq!(check(b"a=1&campaign_key=%32222222222222222&b"), Ok(()));
        assert_eq!(check(b"%6b=2222222222222222"), Ok(()));
        assert_eq!(check(b"k=&key=2222222222222222"), Ok(()));
        for found in ["K=", "Campaign_Key=", "amp;k=", "a=1&amp;KEY=", "k=%20", "k=%20&k=+", "k=%E2%80%8B"] {
            assert_eq!(check(format!("{found}2222222222222222%E2%80%8B&k=no").as_bytes()), Ok(()), "{found}");
        }
        assert_eq!(check(b"USER_ID=%207+"), Ok(()));
        assert_eq!(check(b"k=2222222222222223&user_id=1"), Err(Rejection::BadKey));
        assert_eq!(check(b"k={key}"), Err(Rejection::BadKey));
        assert_eq!(check(b"user_id=9223372036854775807"), Ok(()));
        for bad in ["0", "-1", "%2B1", "9223372036854775808", "1.0", "abc", "%00"] {
            assert_eq!(check(format!("user_id={bad}").as_bytes()), Err(Rejection::BadUserId), "{bad}");
        }
        for missing in [&b""[..], b"k", b"k=", b"&&=&", b"kk=2222222222222222"] {
            assert_eq!(check(missing), Err(Rejection::MissingKey));
        }
    }

    #[test]
    fn a_second_question_mark_separates() {
        let mended = mend(b"sub1=a?k=2222222222222222?beacon=1");
        let found = scan(&mended);
        assert_eq!((found.key, found.beacon), (Some(KEY), true));
        assert!(matches!(mend(b"k=1&b"), Cow::Borrowed(_)));
        assert!(!scan(b"beacon=10&k=1").beacon);
    }

    #[test]
    fn in_a_body_addresses_keep_their_question_mark() {
        for (pairs, mended) in [
            ("k=1&sub1=a?sub2=b?sub3=c&x=2", "k=1&sub1=a&sub2=b&sub3=c&x=2"),
            ("u=https://a/?b=c&sub1=a?gclid=G", "u=https://a/?b=c&sub1=a&gclid=G"),
            ("sub1=?k=1", "sub1=&k=1"),
        ] {
            assert_eq!(mend_body(pairs.as_bytes()), mended.as_bytes(), "{pairs}");
        }
        for whole in ["", "k=1", "u=https://a/?b=c", "r=/landing?x=1&k=1", "a?b", "&&?"] {
            assert!(matches!(mend_body(whole.as_bytes()), Cow::Borrowed(_)), "{whole}");
        }
    }

    #[test]
    fn prospect_ids_are_uuids_or_invalid() {
        let id = Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0001);
        for text in [id.to_string(), id.simple().to_string(), id.to_string().to_uppercase()] {
            assert_eq!(prospect_id(Some(text.as_bytes())), ProspectId::Given(id), "{text}");
        }
        let (nil, max) = (Uuid::nil().to_string(), Uuid::max().to_string());
        let braced = id.braced().to_string();
        for text in ["{clickid}", "1", &nil, &max, &braced, "zz920000-0000-7000-8000-000000000001"] {
            assert_eq!(prospect_id(Some(text.as_bytes())), ProspectId::Invalid, "{text}");
        }
        assert_eq!(prospect_id(scan(b"pid=").prospect_id), ProspectId::Absent);
    }

    #[test]
    fn a_prospects_id_is_found_behind_a_networks_click_id() {
        let id = Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0001);
        let found = |pairs: String| prospect_id(scan(pairs.as_bytes()).prospect_id);
        for pairs in [
            format!("clickid=NET-123&pid={id}"),
            format!("pid={id}&clickid=NET-123"),
            format!("subid=&CID={{cid}}&Prospect_Id=%20{id}&cid={}", Uuid::from_u128(7)),
        ] {
            assert_eq!(found(pairs.clone()), ProspectId::Given(id), "{pairs}");
        }
        assert_eq!(found("clickid=NET-123&pid=".to_owned()), ProspectId::Invalid);
        assert_eq!(found("pid=%20".to_owned()), ProspectId::Absent);
    }

    #[test]
    fn pairs_are_cut_between_pairs() {
        let pair = b"sub1=0123456789&";
        let long = pair.repeat(MAX_PAIRS_BYTES / pair.len() + 2);
        let (kept, cut) = cut_pairs(&long);
        assert!(cut && kept.len() <= MAX_PAIRS_BYTES && kept.ends_with(b"=0123456789"));
        assert_eq!(cut_pairs(&vec![b'a'; MAX_PAIRS_BYTES + 1]), (&b""[..], true));
        assert!(!cut_pairs(&vec![b'a'; MAX_PAIRS_BYTES]).1);
    }

    proptest! {
        #[test]
        fn any_bytes_are_scanned_and_what_is_found_lies_in_them(pairs in proptest::collection::vec(any::<u8>(), 0..200)) {
            let found = scan(&pairs);
            for value in [found.key, found.prospect_id, found.user_id].into_iter().flatten() {
                prop_assert!(!value.is_empty() && memchr::memmem::find(&pairs, value).is_some());
            }
            std::hint::black_box((check_owner(&found).is_ok(), prospect_id(found.prospect_id)));
        }

        #[test]
        fn pairs_in_any_order_are_found(before in "[a-z0-9%+]{0,20}", after in "[a-z0-9%+&=]{0,20}") {
            let pairs = format!("x={before}&k=2222222222222222&user_id=7&zz={after}");
            let found = scan(pairs.as_bytes());
            prop_assert_eq!((found.key, found.user_id), (Some(KEY), Some(&b"7"[..])));
        }

        #[test]
        fn text_is_cut_at_a_character(text in "\\PC{0,60}", max in 0_usize..80) {
            let (kept, cut) = cut_text(text.as_bytes(), max);
            prop_assert!(kept.len() <= max || !cut);
            prop_assert!(std::str::from_utf8(kept).is_ok());
            prop_assert!(!cut || kept.len() + 4 > max);
        }
    }
}
