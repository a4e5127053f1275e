//! Texts as people and programs send them: without what nobody sees around them, and readable even
//! if their bytes are in another encoding than UTF-8. The edge, the consumer and the API read
//! values through this file.

use std::borrow::Cow;

/// Returns whether a character shows nothing: white space, and the invisible characters that are
/// copied along with a text (zero-width spaces, marks of the writing direction, byte order marks,
/// fillers). Control characters other than white space are not among them.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    c.is_whitespace()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}')
}

/// Returns a text without the invisible characters around it.
#[must_use]
pub fn trim(text: &str) -> &str {
    text.trim_matches(is_invisible)
}

/// Returns bytes without the invisible characters around them. Bytes that are not UTF-8 lose only
/// ASCII white space.
#[must_use]
#[inline]
pub fn trim_bytes(bytes: &[u8]) -> &[u8] {
    match bytes {
        // Nearly all values.
        [b'!'..=b'~'] | [b'!'..=b'~', .., b'!'..=b'~'] | [] => bytes,
        _ => std::str::from_utf8(bytes).map_or_else(|_| bytes.trim_ascii(), |text| trim(text).as_bytes()),
    }
}

/// Returns bytes as a text. If they are not UTF-8, every byte that is not printable ASCII, and
/// every `%`, is percent-encoded, so that no byte is lost.
#[must_use]
pub fn readable(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| Cow::Owned(encoded(bytes)), Cow::Borrowed)
}

fn encoded(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |number: u8| char::from(DIGITS[usize::from(number)]);
    let mut text = String::with_capacity(bytes.len() * 3);
    for byte in bytes {
        match byte {
            b'%' | 0..b' ' | 0x7f.. => text.extend(['%', digit(byte >> 4), digit(byte & 15)]),
            byte => text.push(char::from(*byte)),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_nobody_sees_is_trimmed() {
        for around in [
            " ",
            "\t\r\n",
            "\u{a0}",
            "\u{200b}",
            "\u{200c}\u{200d}",
            "\u{200e}",
            "\u{200f}",
            "\u{202a}",
            "\u{202e}",
            "\u{2066}\u{2069}",
            "\u{2060}",
            "\u{feff}",
            "\u{3000}",
            "\u{ad}",
            "\u{61c}",
            "\u{180e}",
            "\u{3164}",
            " \u{200b}\u{a0}\u{feff} ",
        ] {
            for inner in ["a", "a b", "ä\u{200d}ö", "+1 (555) 010-0123"] {
                let text = format!("{around}{inner}{around}");
                assert_eq!(trim(&text), inner, "{text:?}");
                assert_eq!(trim_bytes(text.as_bytes()), inner.as_bytes(), "{text:?}");
            }
            assert_eq!(trim(around), "");
            assert_eq!(trim_bytes(around.as_bytes()), b"");
        }
    }

    #[test]
    fn what_is_seen_or_is_no_text_stays() {
        for text in ["a\0", "\0", "\u{7f}a", "❤\u{fe0f}", "नमस्ते", "{a}"] {
            assert_eq!(trim(text), text);
        }
        assert_eq!(trim_bytes(b" \xcf\xf0 \xe8\xa0 "), b"\xcf\xf0 \xe8\xa0");
    }

    #[test]
    fn other_encodings_keep_their_bytes() {
        assert_eq!(readable("Иван 50%".as_bytes()), "Иван 50%");
        assert_eq!(readable(b"\xc8\xe2\xe0\xed 50%"), "%C8%E2%E0%ED 50%25");
        assert_eq!(readable(b"a\xff\x01"), "a%FF%01");
    }

    proptest! {
        #[test]
        fn any_bytes_become_a_text_from_which_they_can_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let text = readable(&bytes);
            match std::str::from_utf8(&bytes) {
                Ok(plain) => prop_assert_eq!(text, plain),
                Err(_) => {
                    let encoded = text.replace('+', "%2B");
                    prop_assert_eq!(crate::parameters::decode(encoded.as_bytes()), &bytes[..]);
                }
            }
        }

        #[test]
        fn bytes_are_trimmed_as_the_text_is(text in "[ \u{a0}\u{200b}a-c\u{feff}]{0,12}") {
            prop_assert_eq!(trim_bytes(text.as_bytes()), trim(&text).as_bytes());
        }
    }
}
