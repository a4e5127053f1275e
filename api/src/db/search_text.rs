//! Reads the text of a search as people write names, phone numbers, ids and addresses.
//!
//! The words of a name come in any order, so each word is searched on its own. Phone numbers are
//! compared by their digits, because everybody writes them with other signs.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use uuid::Uuid;

use crate::db::like_pattern;

/// The most words that are searched one by one. The last one has the rest of the text.
const MAX_WORDS: usize = 8;
/// A number of fewer digits says too little: every phone number has it somewhere.
const MIN_PHONE_DIGITS: usize = 3;
/// In a number of at least this many digits, a leading zero is the prefix of a long-distance call.
const MIN_TRUNK_DIGITS: usize = 8;
/// A stored number of fewer digits is not looked for at the end of a longer one.
const MIN_LOCAL_DIGITS: usize = 7;

/// Returns the words of a text, without the commas between them. A word that is an IPv6 address has
/// the spelling that the databases store. A phone number is one word: its parts would be found in
/// many others.
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    if text.trim().contains(char::is_whitespace) && phone_digits(text).is_some() {
        return vec![text.trim().to_owned()];
    }
    let mut words = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = if words.len() + 1 < MAX_WORDS { rest.find(char::is_whitespace) } else { None };
        let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
        let bare = word.trim_matches([',', ';']);
        let word = if bare.is_empty() { word } else { bare };
        words.push(address(word).map_or_else(|| word.to_owned(), |ip| ip.to_canonical().to_string()));
        rest = after.trim_start();
    }
    words
}

/// Returns an `ILIKE` pattern for each word of a text.
#[must_use]
pub fn patterns(text: &str) -> Vec<String> {
    words(text).iter().map(|word| like_pattern(word)).collect()
}

/// Returns the digits of a text that can be a phone number or a part of one. What is dialled before
/// the number of the country (`00`) or of the area (`0`) is left out, also in `+44 (0)20`.
#[must_use]
pub fn phone_digits(text: &str) -> Option<String> {
    let is_phone =
        |c: char| c.is_ascii_digit() || c.is_whitespace() || "+()-./\u{2010}\u{2011}\u{2013}".contains(c);
    if !text.chars().all(is_phone) {
        return None;
    }
    let digits: String = text.replace("(0)", "").chars().filter(char::is_ascii_digit).collect();
    let bare = digits.trim_start_matches('0');
    let digits = if digits.len() >= MIN_TRUNK_DIGITS && !bare.is_empty() { bare.to_owned() } else { digits };
    (digits.len() >= MIN_PHONE_DIGITS).then_some(digits)
}

/// Returns the condition that a column has a phone number with the digits of a parameter: they are
/// a part of it, or it is the same number without the country.
#[must_use]
pub fn has_digits_sql(column: &str, parameter: &str) -> String {
    let digits = format!("replaceRegexpAll(replaceAll({column}, '(0)', ''), '[^0-9]+', '')");
    let local = format!("trim(LEADING '0' FROM {digits})");
    format!(
        "(position({digits}, {parameter}) > 0
          OR length({local}) >= {MIN_LOCAL_DIGITS} AND endsWith({parameter}, {local}))"
    )
}

/// Returns the pattern (RE2) of a number with these digits and any signs between them.
#[must_use]
pub fn digits_regex(digits: &str) -> String {
    let digits: Vec<String> = digits.chars().map(String::from).collect();
    digits.join("[^0-9A-Za-z]{0,4}")
}

/// Returns the address in a text: IPv4, or IPv6 in any spelling, with or without brackets and a
/// port.
#[must_use]
pub fn address(text: &str) -> Option<Ipv6Addr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address: IpAddr =
        bare.parse().or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip())).ok()?;
    Some(match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    })
}

/// Returns the spellings in which networks write an id that is a UUID; of another text only the
/// text itself.
#[must_use]
pub fn id_spellings(text: &str) -> Vec<String> {
    let mut spellings = vec![text.to_owned()];
    if let Ok(id) = text.parse::<Uuid>() {
        let (long, short) = (id.hyphenated().to_string(), id.simple().to_string());
        spellings.extend([long.to_uppercase(), short.to_uppercase(), long, short]);
    }
    spellings.sort_unstable();
    spellings.dedup();
    spellings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_at_any_blank_and_lose_commas() {
        assert_eq!(words("  Doe,\u{a0}John\t"), ["Doe", "John"]);
        assert_eq!(words(" , "), [","]);
        assert!(words(" \n").is_empty());
        assert_eq!(words("2001:DB8:0:0:0:0:0:1"), ["2001:db8::1"]);
        assert_eq!(words("a b c d e f g h i j").last().unwrap(), "h i j");
        assert_eq!(words(" +55 41 5555 82"), ["+55 41 5555 82"]);
        assert_eq!(words("Flat 82 41"), ["Flat", "82", "41"]);
        assert_eq!(patterns("50% off"), [r"%50\%%", "%off%"]);
    }

    #[test]
    fn phone_numbers_are_their_digits() {
        for (text, digits) in [
            ("+1 (555) 010-0123", Some("15550100123")),
            ("0044 20 7946 0018", Some("442079460018")),
            ("+44 (0)20 7946 0018", Some("442079460018")),
            ("020.7946.0018", Some("2079460018")),
            ("555\u{2011}0123", Some("5550123")),
            ("010", Some("010")),
            ("00000000", Some("00000000")),
            ("12", None),
            ("Ann 5550123", None),
            ("", None),
        ] {
            assert_eq!(phone_digits(text).as_deref(), digits, "{text}");
        }
    }

    #[test]
    fn addresses_are_read_in_any_spelling() {
        for text in ["2001:DB8::1", "2001:0db8:0000:0:0:0:0:0001", "[2001:db8::1]", "[2001:db8::1]:4711"] {
            assert_eq!(address(text).unwrap().to_string(), "2001:db8::1", "{text}");
        }
        for text in ["203.0.113.7", "203.0.113.7:4711", "::ffff:203.0.113.7", "::FFFF:CB00:7107"] {
            assert_eq!(address(text).unwrap().to_string(), "::ffff:203.0.113.7", "{text}");
        }
        assert!(["", "203.0.113", "2001:db8:", "dead"].iter().all(|text| address(text).is_none()));
    }

    #[test]
    fn an_id_has_its_spellings() {
        assert_eq!(id_spellings("abc"), ["abc"]);
        let spellings = id_spellings("7B0E0000-0000-4000-8000-00000000000a");
        assert_eq!(spellings.len(), 5);
        assert!(spellings.contains(&"7b0e000000004000800000000000000a".to_owned()), "{spellings:?}");
        assert!(spellings.contains(&"7B0E0000-0000-4000-8000-00000000000A".to_owned()), "{spellings:?}");
    }
}
