//! Reads the pairs of an event (a query, or a body turned into one) into the parameters of reports.
//! Pure.
//!
//! Aliases and stored names are in the table "Inbound parameters" of `docs/parameters.md`. The
//! first value of a parameter wins. A value that is still a macro (`{clickid}`, `%%KEYWORD%%`,
//! `[cid]`) is marked and not stored.

use sluice_schemas::decimal::Decimal;
use sluice_schemas::parameters::{self, decode, decode_text, is_key, is_prospect_id};

/// The number of free dimensions of an event.
pub const N_SUBS: usize = 20;
/// A value longer than this many bytes is cut at a character, and marked.
pub const MAX_VALUE_BYTES: usize = 2048;

/// The parameters of an event. Those that were not given are empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parameters {
    pub key: String,
    pub prospect_id: String,
    pub external_id: String,
    pub external_kind: String,
    /// Up to the last sub that was set.
    pub subs: Vec<String>,
    pub utm_source: String,
    pub utm_medium: String,
    pub utm_campaign: String,
    pub utm_content: String,
    pub utm_term: String,
    pub referrer: String,
    pub page: String,
    /// Millionths of a currency unit.
    pub cost: Option<i64>,
    pub payout: Option<i64>,
    pub currency: String,
    pub keyword: String,
    pub creative_id: String,
    pub ad_campaign_id: String,
    pub placement: String,
    pub user_id: Option<u64>,
    pub status: String,
    /// `macro:sub1`, `cut:page`, `bad:cost` …
    pub marks: Vec<String>,
}

/// Click ids of the ad networks: the name becomes the kind of the external id.
const CLICK_IDS: [&str; 6] = ["gclid", "fbclid", "msclkid", "ttclid", "twclid", "li_fat_id"];

impl Parameters {
    /// Reads pairs. Ignores unknown names, and marks values that it cannot read.
    #[must_use]
    pub fn parse(pairs: &[u8]) -> Self {
        let mut this = Self::default();
        for (name, value) in parameters::pairs(pairs) {
            this.set(&decode_text(name), value);
        }
        this
    }

    fn set(&mut self, name: &str, value: &[u8]) {
        match name {
            name if is_key(name.as_bytes()) => self.text(|this| &mut this.key, "key", value),
            name if is_prospect_id(name.as_bytes()) => {
                self.text(|this| &mut this.prospect_id, "prospect_id", value);
            }
            "external_id" | "externalid" => self.external("external_id", value),
            "utm_source" => self.text(|this| &mut this.utm_source, "utm_source", value),
            "utm_medium" => self.text(|this| &mut this.utm_medium, "utm_medium", value),
            "utm_campaign" => self.text(|this| &mut this.utm_campaign, "utm_campaign", value),
            "utm_content" => self.text(|this| &mut this.utm_content, "utm_content", value),
            "utm_term" => self.text(|this| &mut this.utm_term, "utm_term", value),
            "r" | "ref" | "referrer" => self.text(|this| &mut this.referrer, "referrer", value),
            "u" | "url" | "page" => self.text(|this| &mut this.page, "page", value),
            "cost" | "cpc" => self.money(|this| &mut this.cost, "cost", value),
            "payout" | "revenue" | "amount" => self.money(|this| &mut this.payout, "payout", value),
            "currency" => {
                self.text(|this| &mut this.currency, "currency", value);
                self.currency.make_ascii_uppercase();
            }
            "keyword" => self.text(|this| &mut this.keyword, "keyword", value),
            "creative_id" => self.text(|this| &mut this.creative_id, "creative_id", value),
            "ad_campaign_id" => self.text(|this| &mut this.ad_campaign_id, "ad_campaign_id", value),
            "placement" => self.text(|this| &mut this.placement, "placement", value),
            "status" => self.text(|this| &mut this.status, "status", value),
            "user_id" => self.user_id(value),
            _ => self.other(name, value),
        }
    }

    fn other(&mut self, name: &str, value: &[u8]) {
        if let Some(kind) = CLICK_IDS.iter().find(|kind| **kind == name) {
            self.external(kind, value);
        } else if let Some(number) = sub_number(name)
            && let Some(text) = self.readable(value, &format!("sub{number}"))
        {
            if self.subs.len() < number {
                self.subs.resize(number, String::new());
            }
            if self.subs[number - 1].is_empty() {
                self.subs[number - 1] = text;
            }
        }
    }

    fn text(&mut self, field: impl Fn(&mut Self) -> &mut String, name: &str, value: &[u8]) {
        if field(self).is_empty()
            && let Some(text) = self.readable(value, name)
        {
            *field(self) = text;
        }
    }

    fn external(&mut self, kind: &str, value: &[u8]) {
        if self.external_id.is_empty()
            && let Some(text) = self.readable(value, kind)
        {
            self.external_id = text;
            kind.clone_into(&mut self.external_kind);
        }
    }

    fn money(&mut self, field: impl Fn(&mut Self) -> &mut Option<i64>, name: &str, value: &[u8]) {
        if field(self).is_none()
            && let Some(text) = self.readable(value, name)
        {
            match Decimal::parse(&text).and_then(Decimal::micros) {
                Some(micros) => *field(self) = Some(micros),
                None => self.marks.push(format!("bad:{name}")),
            }
        }
    }

    fn user_id(&mut self, value: &[u8]) {
        // The edge refuses a pixel whose user_id is not a number, unless it has a key, which
        // decides.
        if self.user_id.is_some() {
            return;
        }
        match parameters::user_id(&decode(value)) {
            Some(user_id) => self.user_id = Some(user_id.unsigned_abs()),
            None => self.marks.push("bad:user_id".to_owned()),
        }
    }

    /// The decoded value, unless it is a macro.
    fn readable(&mut self, value: &[u8], name: &str) -> Option<String> {
        let text = decode_text(value);
        if is_macro(&text) {
            self.marks.push(format!("macro:{name}"));
            return None;
        }
        let mut text = text.into_owned();
        if text.len() > MAX_VALUE_BYTES {
            text.truncate(text.floor_char_boundary(MAX_VALUE_BYTES));
            self.marks.push(format!("cut:{name}"));
        }
        Some(text)
    }
}

/// Only the pairs with the money of an order, unchanged.
#[must_use]
pub fn money_pairs(pairs: &[u8]) -> Vec<u8> {
    let is_money = |pair: &&[u8]| {
        let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
        matches!(&*decode(name), b"payout" | b"revenue" | b"amount" | b"currency")
    };
    let kept: Vec<&[u8]> = pairs.split(|byte| *byte == b'&').filter(is_money).collect();
    kept.join(&b'&')
}

/// The number in `sub1`, `sub_id_1`, `s1`, `t1` … up to 20.
fn sub_number(name: &str) -> Option<usize> {
    let digits = ["sub_id_", "sub", "s", "t"].iter().find_map(|prefix| name.strip_prefix(prefix))?;
    if digits.starts_with('0') || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().filter(|number| (1..=N_SUBS).contains(number))
}

/// Whether a text is a macro that the traffic source did not fill in.
fn is_macro(text: &str) -> bool {
    let inner = [("{", "}"), ("%%", "%%"), ("[", "]")]
        .iter()
        .find_map(|(open, close)| text.strip_prefix(open)?.strip_suffix(close));
    inner.is_some_and(|inner| !inner.is_empty() && !inner.contains(char::is_whitespace))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn aliases_end_in_one_name() {
        let parameters = Parameters::parse(
            b"k=abc&clickid=17&s1=one&sub_id_3=three&gclid=G-1&utm_source=face+book&r=https%3A%2F%2Fa.b%2F%3Fq%3D1&cpc=0.05&currency=usd&user_id=7",
        );
        assert_eq!(parameters.key, "abc");
        assert_eq!(parameters.prospect_id, "17");
        assert_eq!(parameters.subs, ["one", "", "three"]);
        assert_eq!((parameters.external_id.as_str(), parameters.external_kind.as_str()), ("G-1", "gclid"));
        assert_eq!(parameters.utm_source, "face book");
        assert_eq!(parameters.referrer, "https://a.b/?q=1");
        assert_eq!((parameters.cost, parameters.currency.as_str()), (Some(50_000), "USD"));
        assert_eq!(parameters.user_id, Some(7));
        assert!(parameters.marks.is_empty());
    }

    #[test]
    fn a_macro_is_marked_and_not_readable() {
        for text in ["{sub1}", "{{campaign.id}}", "%25%25KEYWORD%25%25", "[cid]"] {
            let parameters = Parameters::parse(format!("sub1={text}").as_bytes());
            assert!(parameters.subs.is_empty(), "{text}");
            assert_eq!(parameters.marks, ["macro:sub1"], "{text}");
        }
        assert_eq!(Parameters::parse(b"sub1={a b}&sub2=%25%25").subs, ["{a b}", "%%"]);
    }

    #[test]
    fn the_first_value_wins_and_numbers_out_of_range_are_no_subs() {
        let parameters = Parameters::parse(
            b"sub1=a&sub1=b&sub0=x&sub21=y&sub01=z&subid=id&t2=c&user_id=5&user_id=9&cost=0&cpc=2",
        );
        assert_eq!(parameters.subs, ["a", "c"]);
        assert_eq!(parameters.prospect_id, "id");
        assert_eq!((parameters.user_id, parameters.cost), (Some(5), Some(0)));
    }

    #[test]
    fn an_amount_or_user_that_is_none_is_marked() {
        let parameters = Parameters::parse(b"cost=1e3&payout=.5&user_id=0");
        assert_eq!((parameters.cost, parameters.payout, parameters.user_id), (None, Some(500_000), None));
        assert_eq!(parameters.marks, ["bad:cost", "bad:user_id"]);
    }

    #[test]
    fn a_long_value_is_cut_at_a_character() {
        let parameters = Parameters::parse(format!("page={}", "ä".repeat(2000)).as_bytes());
        assert_eq!(parameters.page.len(), MAX_VALUE_BYTES);
        assert_eq!(parameters.marks, ["cut:page"]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(pairs in proptest::collection::vec(any::<u8>(), 0..300)) {
            let parameters = Parameters::parse(&pairs);
            prop_assert!(parameters.subs.len() <= N_SUBS);
        }
    }
}
