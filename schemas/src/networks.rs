//! The conventions of ad networks in URLs: the parameters with their click ids, and the syntaxes of
//! their macros. Source templates use these tables, and so does the consumer, to recognise macros
//! that a network did not fill in. So it recognises every macro of a template.

use memchr::memmem;
use uuid::Uuid;

use crate::parameters;
use crate::text::readable;

/// A parameter with which networks add their click id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClickId {
    /// The name as the network writes it, which becomes the kind of the external id.
    pub name: &'static str,
}

macro_rules! click_ids {
    ($($constant:ident = $name:literal),* $(,)?) => {
        impl ClickId {
            $(pub const $constant: Self = Self { name: $name };)*
            /// All click ids. If a visit has several, the first in this order is its external id:
            /// the one that its network takes conversions by.
            pub const ALL: &'static [Self] = &[$(Self::$constant),*];
        }
    };
}

click_ids! {
    GOOGLE = "gclid",
    GOOGLE_APP = "gbraid",
    GOOGLE_WEB_TO_APP = "wbraid",
    GOOGLE_DISPLAY = "dclid",
    META = "fbclid",
    TIKTOK = "ttclid",
    MICROSOFT = "msclkid",
    X = "twclid",
    LINKEDIN = "li_fat_id",
    YANDEX = "yclid",
    VK = "rb_clickid",
    SNAPCHAT = "ScCid",
    PINTEREST = "epik",
    REDDIT = "rdt_cid",
    QUORA = "qclid",
    TABOOLA = "tblci",
    OUTBRAIN = "dicbo",
    OUTBRAIN_CLICK = "ob_click_id",
    YAHOO = "vmcid",
    IMPACT = "irclickid",
    CJ = "cjevent",
    AWIN = "awc",
}

impl ClickId {
    /// Returns the place of a parameter's name, in any case, among [`Self::ALL`].
    #[must_use]
    pub fn position(name: &str) -> Option<usize> {
        Self::ALL.iter().position(|known| known.name.eq_ignore_ascii_case(name))
    }
}

/// The characters before and after the name of a macro.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Syntax {
    pub open: &'static str,
    pub close: &'static str,
    /// People do not write this in a text of their own. So it is a macro inside a text too,
    /// whatever its name. Macros of the other syntaxes are recognised inside a text by their name.
    pub is_distinct: bool,
}

impl Syntax {
    const fn distinct(open: &'static str, close: &'static str) -> Self {
        Self { open, close, is_distinct: true }
    }

    const fn usual(open: &'static str, close: &'static str) -> Self {
        Self { open, close, is_distinct: false }
    }

    /// `{clickid}`
    pub const BRACES: Self = Self::distinct("{", "}");
    /// `{{campaign.id}}`
    pub const DOUBLE_BRACES: Self = Self::distinct("{{", "}}");
    /// `${SUBID}`
    pub const DOLLAR_BRACES: Self = Self::distinct("${", "}");
    /// `__CID__`
    pub const UNDERSCORES: Self = Self::usual("__", "__");

    /// All syntaxes. Of those that begin in the same way, the longer ones come first.
    pub const ALL: &'static [Self] = &[
        Self::distinct("{{{", "}}}"),
        Self::DOUBLE_BRACES,
        Self::distinct("{%", "%}"),
        Self::BRACES,
        Self::DOLLAR_BRACES,
        Self::distinct("$(", ")"),
        Self::usual("$$", "$$"),
        Self::usual("$", "$"),
        Self::distinct("%%", "%%"),
        Self::distinct("%{", "}"),
        Self::usual("%", "%"),
        Self::distinct("[[", "]]"),
        Self::usual("[", "]"),
        Self::UNDERSCORES,
        Self::distinct("##", "##"),
        Self::distinct("#{", "}"),
        Self::usual("#", "#"),
        Self::distinct("<%", "%>"),
        Self::distinct("<<", ">>"),
        Self::usual("<", ">"),
        Self::distinct("@@", "@@"),
        Self::distinct("@{", "}"),
        Self::usual("!!", "!!"),
        Self::usual("!", "!"),
        Self::distinct("*|", "|*"),
    ];

    /// Returns the macro of a name.
    #[must_use]
    pub fn of(self, name: &str) -> String {
        [self.open, name, self.close].concat()
    }
}

/// The longest name of a macro.
const MAX_NAME_BYTES: usize = 64;

/// Words in the names of macros, alone or before `id`.
const WORDS: [&str; 41] = [
    "keyword",
    "query",
    "cost",
    "bid",
    "cpc",
    "cpm",
    "price",
    "payout",
    "currency",
    "device",
    "os",
    "browser",
    "country",
    "geo",
    "city",
    "region",
    "language",
    "carrier",
    "isp",
    "useragent",
    "site",
    "domain",
    "placement",
    "creative",
    "campaign",
    "adgroup",
    "adset",
    "ad",
    "banner",
    "zone",
    "source",
    "publisher",
    "timestamp",
    "click",
    "sub",
    "feed",
    "impression",
    "visit",
    "transaction",
    "offer",
    "user",
];

/// Returns whether a text is a macro, or contains one, that the network did not fill in.
///
/// Also recognises macros whose delimiters were percent-encoded once more.
#[must_use]
pub fn has_macro(text: &str) -> bool {
    find(text, true) || is_encoded_again(text) && find(&decoded(text), true)
}

/// Returns whether a text is nothing but a macro that the network did not fill in. URLs are read
/// with this: a macro in the address of a page does not make the page unknown.
#[must_use]
pub fn is_macro(text: &str) -> bool {
    find(text, false) || is_encoded_again(text) && find(&decoded(text), false)
}

fn is_encoded_again(text: &str) -> bool {
    memchr::memchr(b'%', text.as_bytes()).is_some()
}

fn decoded(text: &str) -> String {
    readable(&parameters::decode(text.as_bytes())).into_owned()
}

/// Looks for a macro: at the beginning up to the end, or also inside.
fn find(text: &str, inside: bool) -> bool {
    let bytes = text.as_bytes();
    let ends = if inside { bytes.len() } else { bytes.len().min(1) };
    (0..ends).any(|at| opens(bytes[at]) && macro_at(text, at, inside))
}

/// Whether a byte begins any syntax.
const fn opens(byte: u8) -> bool {
    matches!(byte, b'{' | b'$' | b'%' | b'[' | b'_' | b'#' | b'<' | b'@' | b'!' | b'*')
}

fn macro_at(text: &str, at: usize, inside: bool) -> bool {
    let bytes = text.as_bytes();
    Syntax::ALL.iter().any(|syntax| {
        let Some(rest) = bytes[at..].strip_prefix(syntax.open.as_bytes()) else { return false };
        // The name is not longer than that.
        let rest = &rest[..rest.len().min(MAX_NAME_BYTES + syntax.close.len())];
        let Some(length) = memmem::find(rest, syntax.close.as_bytes()) else { return false };
        let start = at + syntax.open.len();
        let end = start + length + syntax.close.len();
        let name = if syntax.is_distinct { rest[..length].trim_ascii() } else { &rest[..length] };
        if !is_name(name) {
            return false;
        }
        if at == 0 && end == bytes.len() {
            return true;
        }
        inside && (syntax.is_distinct || is_known(name) || stands_alone(*syntax, name, bytes, at, end))
    })
}

/// Whether the name of a macro can be this: letters, digits and the characters that names and their
/// defaults have (`keyword:default`, `SUB_ID_SHORT(action)`). A UUID in braces is an id.
fn is_name(name: &[u8]) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.:-,()".contains(byte);
    name.len() <= MAX_NAME_BYTES
        && name.iter().any(u8::is_ascii_alphabetic)
        && name.iter().all(is_part)
        && Uuid::try_parse_ascii(name).is_err()
}

/// Whether people would not put a word like this between signs, but networks do: `cid`,
/// `campaign_name`, `zoneid`. `Android` ends in `id` too.
fn is_known(name: &[u8]) -> bool {
    let is_word = |part: &[u8]| WORDS.iter().any(|known| part.eq_ignore_ascii_case(known.as_bytes()));
    name.split(|byte| b"_.:-".contains(byte)).any(|part| {
        let before_id = part.len().checked_sub(2).map(|at| part.split_at(at));
        let before_id =
            before_id.filter(|(_, end)| end.eq_ignore_ascii_case(b"id")).map(|(before, _)| before);
        is_word(part) || before_id.is_some_and(|before| before.len() < 2 || is_word(before))
    })
}

/// Whether `__NAME__` stands between signs or at an end of the text, and not in `us__SALE__v2`.
fn stands_alone(syntax: Syntax, name: &[u8], bytes: &[u8], at: usize, end: usize) -> bool {
    let is_sign = |byte: Option<&u8>| byte.is_none_or(|byte| !byte.is_ascii_alphanumeric());
    syntax == Syntax::UNDERSCORES
        && name.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_')
        && is_sign(at.checked_sub(1).and_then(|before| bytes.get(before)))
        && is_sign(bytes.get(end))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_syntax_is_recognised_alone_and_inside_a_text() {
        for syntax in Syntax::ALL {
            for name in ["clickid", "SUBID", "zone_id", "cost", "ad.id"] {
                let unfilled = syntax.of(name);
                assert!(is_macro(&unfilled) && has_macro(&unfilled), "{unfilled}");
                for text in [format!("a-{unfilled}-b"), format!("{unfilled}:x"), format!("net {unfilled}")] {
                    assert!(has_macro(&text), "{text}");
                    assert!(!is_macro(&text), "{text}");
                }
            }
        }
        let opening: Vec<u8> = (0..=255).filter(|byte| opens(*byte)).collect();
        assert!(Syntax::ALL.iter().all(|syntax| opening.contains(&syntax.open.as_bytes()[0])));
    }

    #[test]
    fn macros_of_networks_are_recognised() {
        for text in [
            "{keyword:default}",
            "{{campaign.id}}",
            "%%KEYWORD%%",
            "[cid]",
            "__CID__",
            "${SUBID}",
            "{{ ad.name }}",
            "##SUB_ID_SHORT(action)##",
            "$ob_click_id$",
            "*|EMAIL|*",
            "%7Bclickid%7D",
            "%5Bclickid%5D",
            "{_lpurl}",
            "x-__CALLBACK__",
            "tt__CID__",
            "pre_${SUBID}_post",
            "a{clickid}b",
            "[FEEDID]-[IMPRESSIONID]",
            "%campaign_id%",
            "<zone>",
            "{source_type}|{source}",
            "a [campaign_name] b",
            "x%aid%y",
        ] {
            assert!(has_macro(text), "{text}");
        }
    }

    #[test]
    fn texts_of_people_are_no_macros() {
        for text in [
            "",
            "{",
            "{}",
            "[]",
            "%%",
            "____",
            "$5$",
            "100% sure, 50% off",
            "[US] Summer",
            "us__SALE__v2",
            "US__SUMMER__2026",
            "#1 of #2",
            "wow! now! here",
            "a@b.co",
            "{a b}",
            "5 < 7 > 3",
            "snake_case_name",
            "a|b|c",
            "~30~40",
            "{01920000-0000-7000-8000-0000000000ab}",
            "https://a.b/?q=1#top",
            "50%",
            "$9.99",
            "[Promo] shoes",
            "[Android] lal_1",
            "US|geo_1|x",
            "#tag_one #tag_two",
            "[US_CA] x",
            "!madrid! x",
            "<b>bold</b> text",
            "{\"a\":1}",
            "*bold*",
        ] {
            assert!(!has_macro(text), "{text}");
        }
    }

    #[test]
    fn click_ids_are_found_in_any_case() {
        for name in ["gclid", "GCLID", "sccid", "ScCid", "li_fat_id", "Rdt_Cid"] {
            let position = ClickId::position(name).unwrap();
            assert!(ClickId::ALL[position].name.eq_ignore_ascii_case(name));
        }
        assert!(ClickId::position("gclid") < ClickId::position("gbraid"));
        for name in ["", "gclidx", "clickid", "sub1"] {
            assert_eq!(ClickId::position(name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_judged(text in "[a-zI_{}%$#<>@!|*~^\\[\\]() 7é]{0,40}") {
            prop_assert!(!is_macro(&text) || has_macro(&text));
        }
    }
}
