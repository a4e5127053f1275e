//! Reads the pairs of an event (a query, or a body turned into one) into the parameters of reports.
//! Pure.
//!
//! Aliases and stored names are in the table "Inbound parameters" of `docs/parameters.md`. The
//! first value of a parameter that is neither blank nor an unfilled macro wins. Macros are marked.

use sluice_schemas::currency::Currency;
use sluice_schemas::decimal::{Decimal, MICROS_PLACES};
use sluice_schemas::networks::{ClickId, has_macro, is_macro};
use sluice_schemas::parameters::{self, is_key, is_prospect_id};
use uuid::Uuid;

/// The number of free dimensions of an event.
pub const N_SUBS: usize = 20;
/// A value longer than this many bytes is cut at a character, and marked.
pub const MAX_VALUE_BYTES: usize = 2048;

/// The parameters of an event. Those that were not given are empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parameters {
    pub key: String,
    pub external_id: String,
    /// The name of the parameter with the external id.
    pub external_kind: String,
    /// The rank of the external id, if there is one.
    rank: u8,
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

/// The ranks of external ids. The lowest rank wins, whatever the order of the parameters: the
/// parameter `external_id`, the click id of the campaign's source, click ids of networks
/// (`NETWORK_RANK` and above), and another id under a name of the prospect's id.
const SAID_RANK: u8 = 0;
const SOURCE_RANK: u8 = 1;
const NETWORK_RANK: u8 = 2;
const OTHER_RANK: u8 = u8::MAX;

impl Parameters {
    /// Reads the pairs of the event with this id. Ignores unknown names, and marks values that it
    /// cannot read.
    #[must_use]
    pub fn parse(pairs: &[u8], event_id: Uuid) -> Self {
        let mut this = Self::default();
        for (name, value) in parameters::pairs(pairs) {
            if let Ok(name) = std::str::from_utf8(&parameters::name(name)) {
                this.set(name, value, event_id);
            }
        }
        this
    }

    /// Takes the value of the parameter with which the campaign's source passes its click id as the
    /// external id.
    pub fn take_click_id(&mut self, pairs: &[u8], event_id: Uuid, param: &str) {
        for (name, value) in parameters::pairs(pairs) {
            if parameters::name(name).eq_ignore_ascii_case(param.as_bytes())
                && parameters::prospect_id(&parameters::value(value)) != Some(event_id)
            {
                self.external(SOURCE_RANK, param, param, value);
            }
        }
    }

    fn set(&mut self, name: &str, value: &[u8], event_id: Uuid) {
        match name {
            name if is_key(name.as_bytes()) => self.text(|this| &mut this.key, "key", value),
            name if is_prospect_id(name.as_bytes()) => {
                // An id of its own, which the edge took. Another one is the click id of a network.
                if parameters::prospect_id(&parameters::value(value)) != Some(event_id) {
                    self.external(OTHER_RANK, name, "prospect_id", value);
                }
            }
            "external_id" | "externalid" => self.external(SAID_RANK, "external_id", "external_id", value),
            "utm_source" => self.text(|this| &mut this.utm_source, "utm_source", value),
            "utm_medium" => self.text(|this| &mut this.utm_medium, "utm_medium", value),
            "utm_campaign" => self.text(|this| &mut this.utm_campaign, "utm_campaign", value),
            "utm_content" => self.text(|this| &mut this.utm_content, "utm_content", value),
            "utm_term" => self.text(|this| &mut this.utm_term, "utm_term", value),
            "r" | "ref" | "referrer" => self.address(|this| &mut this.referrer, "referrer", value),
            "u" | "url" | "page" => self.address(|this| &mut this.page, "page", value),
            "cost" | "cpc" => self.money(|this| &mut this.cost, "cost", value),
            "payout" | "revenue" | "amount" => self.money(|this| &mut this.payout, "payout", value),
            "currency" => self.currency(value),
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
        if let Some(number) = sub_number(name) {
            if let Some(text) = self.readable(value, &format!("sub{number}"), has_macro) {
                if self.subs.len() < number {
                    self.subs.resize(number, String::new());
                }
                if self.subs[number - 1].is_empty() {
                    self.subs[number - 1] = text;
                }
            }
        } else if let Some(position) = ClickId::position(name) {
            let rank = NETWORK_RANK.saturating_add(u8::try_from(position).unwrap_or(u8::MAX));
            let kind = ClickId::ALL[position].name;
            self.external(rank, kind, kind, value);
        }
    }

    fn text(&mut self, field: impl Fn(&mut Self) -> &mut String, name: &str, value: &[u8]) {
        if field(self).is_empty()
            && let Some(text) = self.readable(value, name, has_macro)
        {
            *field(self) = text;
        }
    }

    /// The address of a page, which may have macros in its own query.
    fn address(&mut self, field: impl Fn(&mut Self) -> &mut String, name: &str, value: &[u8]) {
        if field(self).is_empty()
            && let Some(text) = self.readable(value, name, is_macro)
        {
            *field(self) = text;
        }
    }

    fn external(&mut self, rank: u8, kind: &str, name: &str, value: &[u8]) {
        if (self.external_id.is_empty() || rank < self.rank)
            && let Some(text) = self.readable(value, name, has_macro)
        {
            self.external_id = text;
            kind.clone_into(&mut self.external_kind);
            self.rank = rank;
        }
    }

    fn money(&mut self, field: impl Fn(&mut Self) -> &mut Option<i64>, name: &str, value: &[u8]) {
        if field(self).is_some() {
            return;
        }
        let Some(text) = self.readable(value, name, has_macro) else { return };
        // Anybody can send an event, so an amount cannot take anything away from a sum.
        let number = Decimal::parse(&text).filter(|number| !number.is_negative());
        match number.and_then(Decimal::micros) {
            Some(micros) => {
                *field(self) = Some(micros);
                if number.is_some_and(|number| number.places() > MICROS_PLACES) {
                    self.marks.push(format!("cut:{name}"));
                }
            }
            None => self.marks.push(format!("bad:{name}")),
        }
    }

    fn currency(&mut self, value: &[u8]) {
        if self.currency.is_empty()
            && let Some(text) = self.readable(value, "currency", has_macro)
        {
            match Currency::parse(&text) {
                Some(currency) => currency.code.clone_into(&mut self.currency),
                None => self.marks.push("bad:currency".to_owned()),
            }
        }
    }

    fn user_id(&mut self, value: &[u8]) {
        // The edge refuses a pixel whose user_id is not a number, unless it has a key, which
        // decides.
        let value = parameters::value(value);
        if self.user_id.is_some() || value.is_empty() {
            return;
        }
        match parameters::user_id(&value) {
            Some(user_id) => self.user_id = Some(user_id.unsigned_abs()),
            None => self.marks.push("bad:user_id".to_owned()),
        }
    }

    /// The decoded value, unless it is blank or a macro.
    fn readable(&mut self, value: &[u8], name: &str, is_unfilled: fn(&str) -> bool) -> Option<String> {
        let (text, is_encoded) = parameters::text(value);
        if text.is_empty() {
            return None;
        }
        if is_encoded {
            self.marks.push(format!("encoding:{name}"));
        } else if is_unfilled(&text) {
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
        let name = parameters::name(parameters::halves(pair).0);
        matches!(&*name, b"payout" | b"revenue" | b"amount" | b"currency")
    };
    let kept: Vec<&[u8]> = parameters::split(pairs).filter(is_money).collect();
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(pairs: &str) -> Parameters {
        Parameters::parse(pairs.as_bytes(), Uuid::max())
    }

    fn external(pairs: &str) -> (String, String) {
        let parameters = read(pairs);
        (parameters.external_id, parameters.external_kind)
    }

    fn pair(id: &str, kind: &str) -> (String, String) {
        (id.to_owned(), kind.to_owned())
    }

    #[test]
    fn aliases_end_in_one_name() {
        let parameters = read(
            "k=abc&clickid=17&s1=one&sub_id_3=three&gclid=G-1&utm_source=face+book&r=https%3A%2F%2Fa.b%2F%3Fq%3D1&cpc=0.05&currency=usd&user_id=7",
        );
        assert_eq!(parameters.key, "abc");
        assert_eq!(parameters.subs, ["one", "", "three"]);
        assert_eq!((parameters.external_id.as_str(), parameters.external_kind.as_str()), ("G-1", "gclid"));
        assert_eq!(parameters.utm_source, "face book");
        assert_eq!(parameters.referrer, "https://a.b/?q=1");
        assert_eq!((parameters.cost, parameters.currency.as_str()), (Some(50_000), "USD"));
        assert_eq!(parameters.user_id, Some(7));
        assert!(parameters.marks.is_empty());
    }

    #[test]
    fn names_count_in_any_case_and_after_an_escaped_separator() {
        for pairs in [
            "K=abc&UTM_SOURCE=x&GCLID=G&Sub1=s&USER_ID=7&Cost=1",
            "k=abc&amp;utm_source=x&amp;gclid=G&amp;amp;sub1=s&#38;user_id=7&amp;Cost=1",
            "Campaign_Key=abc&Utm_Source=x&GclId=G&T1=s&User_Id=7&CPC=1",
        ] {
            let found = read(pairs);
            assert_eq!((found.key.as_str(), found.utm_source.as_str()), ("abc", "x"), "{pairs}");
            assert_eq!((found.external_id.as_str(), found.external_kind.as_str()), ("G", "gclid"), "{pairs}");
            assert_eq!(found.subs, ["s"], "{pairs}");
            assert_eq!((found.user_id, found.cost), (Some(7), Some(1_000_000)), "{pairs}");
        }
    }

    #[test]
    fn a_macro_is_marked_and_not_believed_alone_or_inside_a_text() {
        for text in [
            "{sub1}",
            "{{campaign.id}}",
            "%25%25KEYWORD%25%25",
            "[cid]",
            "__CID__",
            "${SUBID}",
            "%25zone%25",
            "$click$",
            "%23%23SUBID%23%23",
            "<zone>",
            "@@x@@",
            "!cid!",
            "a-{zone}-b",
            "tt__CID__",
            "x_${SUBID}_y",
            "%257Bcid%257D",
        ] {
            let parameters = read(&format!("sub1={text}"));
            assert!(parameters.subs.is_empty(), "{text}");
            assert_eq!(parameters.marks, ["macro:sub1"], "{text}");
        }
        assert_eq!(read("sub1={a b}&sub2=%25%25").subs, ["{a b}", "%%"]);
        assert_eq!(read("sub1={zone}&s1=5").subs, ["5"]);
        assert_eq!(external("gclid={gclid}&external_id=__CLICKID__&fbclid=F"), pair("F", "fbclid"));
    }

    #[test]
    fn a_page_with_a_macro_in_its_query_is_still_the_page() {
        let parameters = read("u=https%3A%2F%2Flp.example%2F%3Fsub1%3D{zone}&r={referrer}");
        assert_eq!(
            (parameters.page.as_str(), parameters.referrer.as_str()),
            ("https://lp.example/?sub1={zone}", "")
        );
        assert_eq!(parameters.marks, ["macro:referrer"]);
    }

    #[test]
    fn the_first_value_that_is_not_blank_wins_and_numbers_out_of_range_are_no_subs() {
        let parameters = read(
            "sub1=+%E2%80%8B&sub1=a&sub1=b&sub0=x&sub21=y&sub01=z&t2=c&user_id=%20&user_id=5&user_id=9&cost=&cost=0&cpc=2",
        );
        assert_eq!(parameters.subs, ["a", "c"]);
        assert_eq!((parameters.user_id, parameters.cost), (Some(5), Some(0)));
        assert!(parameters.marks.is_empty());
    }

    #[test]
    fn values_are_trimmed() {
        let parameters = read("utm_source=%E2%80%8Bface+book%C2%A0&sub1=%EF%BB%BFa%0A&cost=%200.05&k=abc%20");
        assert_eq!((parameters.utm_source.as_str(), parameters.key.as_str()), ("face book", "abc"));
        assert_eq!((parameters.subs, parameters.cost), (vec!["a".to_owned()], Some(50_000)));
    }

    #[test]
    fn money_that_is_none_or_too_precise_is_marked() {
        let money = |pairs: &str| {
            let found = read(pairs);
            (found.cost, found.payout, found.currency, found.marks.join(" "))
        };
        let none = String::new;
        assert_eq!(money("currency=usd&cost=%200.05"), (Some(50_000), None, "USD".to_owned(), none()));
        assert_eq!(money("currency=%20Eur+"), (None, None, "EUR".to_owned(), none()));
        assert_eq!(money("currency=dollar"), (None, None, none(), "bad:currency".to_owned()));
        assert_eq!(
            money("currency=%24&currency=gbp"),
            (None, None, "GBP".to_owned(), "bad:currency".to_owned())
        );
        assert_eq!(money("cost=0.0000004"), (Some(0), None, none(), "cut:cost".to_owned()));
        assert_eq!(money("cost=0.0500000000"), (Some(50_000), None, none(), none()));
        assert_eq!(money("payout=1.2345678"), (None, Some(1_234_567), none(), "cut:payout".to_owned()));
        for bad in ["1e3", "0,05", "%240.05", "0.05USD", "NaN", "1000000000000", "-5000", "-0.000001"] {
            assert_eq!(money(&format!("cost={bad}")), (None, None, none(), "bad:cost".to_owned()), "{bad}");
        }
        assert_eq!(money("amount=-5&payout=-0"), (None, Some(0), none(), "bad:payout".to_owned()));
        assert_eq!(money("payout=.5&amount=7"), (None, Some(500_000), none(), none()));
    }

    #[test]
    fn click_ids_keep_their_kind() {
        for id in ClickId::ALL {
            assert_eq!(external(&format!("{}=Z-1", id.name)), pair("Z-1", id.name));
            assert_eq!(external(&format!("{}=Z-1", id.name.to_uppercase())), pair("Z-1", id.name));
        }
        // Google sends both, and takes conversions by the gclid.
        assert_eq!(external("gbraid=B&gclid=G"), pair("G", "gclid"));
        assert_eq!(external("gclid=G&externalid=E"), pair("E", "external_id"));
        assert_eq!(external("fbclid=&yclid=Y"), pair("Y", "yclid"));
    }

    #[test]
    fn another_id_under_a_name_of_the_prospect_is_the_networks() {
        let own = Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0001);
        let found = |pairs: &str| {
            let found = Parameters::parse(pairs.as_bytes(), own);
            (found.external_id, found.external_kind)
        };
        assert_eq!(found(&format!("pid={own}&clickid=NET-123")), pair("NET-123", "clickid"));
        assert_eq!(found(&format!("clickid={}&subid={}", own.simple(), own)), pair("", ""));
        assert_eq!(found(&format!("pid={own}&CID=n1&gclid=G")), pair("G", "gclid"));
        let theirs = Uuid::from_u128(7);
        assert_eq!(found(&format!("pid={own}&click_id={theirs}")), pair(&theirs.to_string(), "click_id"));
        let parameters = Parameters::parse(b"pid={clickid}", own);
        assert_eq!(
            (parameters.external_id.as_str(), &parameters.marks[..]),
            ("", &["macro:prospect_id".to_owned()][..])
        );
    }

    #[test]
    fn the_click_id_of_the_source_counts_before_those_of_others() {
        let own = Uuid::max();
        let taken = |pairs: &str, param: &str| {
            let mut found = read(pairs);
            found.take_click_id(pairs.as_bytes(), own, param);
            (found.external_id, found.external_kind)
        };
        assert_eq!(taken("zclid=Z-17", "zclid"), pair("Z-17", "zclid"));
        assert_eq!(taken("gclid=G&ZClid=Z-17&zclid=2", "zclid"), pair("Z-17", "zclid"));
        assert_eq!(taken("gclid=G&fbclid=F", "fbclid"), pair("F", "fbclid"));
        assert_eq!(taken("zclid=Z&external_id=E", "zclid"), pair("E", "external_id"));
        assert_eq!(taken("zclid={zclid}&gclid=G", "zclid"), pair("G", "gclid"));
        assert_eq!(taken("cid=N&pid=1", "cid"), pair("N", "cid"));
    }

    #[test]
    fn bytes_in_another_encoding_are_kept_and_marked() {
        let parameters = read("utm_campaign=%CF%F0%E8%E2%E5%F2&sub1=a%FF%25&utm_term=%D0%9F");
        assert_eq!(
            (parameters.utm_campaign.as_str(), parameters.utm_term.as_str()),
            ("%CF%F0%E8%E2%E5%F2", "П")
        );
        assert_eq!(parameters.subs, ["a%FF%25"]);
        assert_eq!(parameters.marks, ["encoding:utm_campaign", "encoding:sub1"]);
    }

    #[test]
    fn an_amount_or_user_that_is_none_is_marked() {
        let parameters = read("cost=1e3&payout=.5&user_id=0");
        assert_eq!((parameters.cost, parameters.payout, parameters.user_id), (None, Some(500_000), None));
        assert_eq!(parameters.marks, ["bad:cost", "bad:user_id"]);
    }

    #[test]
    fn a_long_value_is_cut_at_a_character() {
        let parameters = read(&format!("page={}", "ä".repeat(2000)));
        assert_eq!(parameters.page.len(), MAX_VALUE_BYTES);
        assert_eq!(parameters.marks, ["cut:page"]);
    }

    #[test]
    fn only_money_is_left_of_pairs() {
        let pairs = b"phone=1&Payout=5&amp;CURRENCY=usd&amount=7&sub1=x&revenue";
        assert_eq!(money_pairs(pairs), b"Payout=5&amp;CURRENCY=usd&amount=7&revenue");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(pairs in proptest::collection::vec(any::<u8>(), 0..300)) {
            let parameters = Parameters::parse(&pairs, Uuid::nil());
            prop_assert!(parameters.subs.len() <= N_SUBS);
        }
    }
}
