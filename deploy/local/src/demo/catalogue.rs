//! The data of demo visits: countries with address ranges that their providers really announce,
//! browsers, crawlers, traffic sources, and fictitious people. Tables only; `visits.rs` chooses
//! from them. Addresses within a range are random, contacts are at example.com, and telephone
//! numbers are in ranges reserved for fiction, so no real person is affected.

/// A country with its share of the visits and its distance from UTC.
#[derive(Debug)]
pub(super) struct Country {
    pub(super) weight: u32,
    /// Networks as `address/prefix`, announced by consumer providers in the country.
    pub(super) networks: &'static [&'static str],
    pub(super) city: &'static str,
    pub(super) name: &'static str,
    /// The beginning of a telephone number. Digits follow.
    pub(super) phone: &'static str,
}

pub(super) const COUNTRIES: &[Country] = &[
    country(
        20,
        &["73.0.0.0/8", "98.192.0.0/10", "71.192.0.0/12", "2601::/20"],
        "Austin",
        "USA",
        "+1 512 555 01",
    ),
    country(12, &["91.0.0.0/10", "79.192.0.0/10", "2003::/19"], "Leipzig", "Germany", "+49 341 23125 "),
    country(9, &["86.128.0.0/10", "81.96.0.0/12"], "Leeds", "United Kingdom", "+44 113 496 0"),
    country(7, &["90.0.0.0/9", "86.192.0.0/10"], "Lyon", "France", "+33 1 99 00 "),
    country(6, &["88.0.0.0/11", "83.32.0.0/11"], "Valencia", "Spain", "+34 900 555 "),
    country(6, &["79.0.0.0/10", "87.0.0.0/12"], "Bologna", "Italy", "+39 051 555 "),
    country(6, &["83.0.0.0/11", "83.20.0.0/14"], "Wrocław", "Poland", "+48 71 555 "),
    country(9, &["177.0.0.0/12", "189.0.0.0/12", "2804:14c::/32"], "Curitiba", "Brazil", "+55 41 5555 "),
    country(10, &["49.32.0.0/12", "117.192.0.0/10", "2409:4000::/22"], "Pune", "India", "+91 20 5555 "),
    country(5, &["189.128.0.0/9", "187.192.0.0/11"], "Puebla", "Mexico", "+52 222 555 "),
    country(5, &["114.120.0.0/13", "36.64.0.0/11"], "Bandung", "Indonesia", "+62 22 5555 "),
    country(4, &["113.160.0.0/11"], "Da Nang", "Vietnam", "+84 236 555 "),
    country(3, &["171.96.0.0/13"], "Chiang Mai", "Thailand", "+66 53 555 "),
    country(4, &["78.160.0.0/11", "88.224.0.0/11"], "Izmir", "Türkiye", "+90 232 555 "),
    country(3, &["79.112.0.0/13", "86.120.0.0/13"], "Cluj-Napoca", "Romania", "+40 264 555 "),
    country(3, &["105.112.0.0/12"], "Ibadan", "Nigeria", "+234 2 555 "),
    country(3, &["126.0.0.0/8"], "Sapporo", "Japan", "+81 11 555 "),
    country(3, &["1.120.0.0/13", "58.160.0.0/12"], "Hobart", "Australia", "+61 3 7010 "),
    country(3, &["70.24.0.0/13"], "Halifax", "Canada", "+1 902 555 01"),
];

const fn country(
    weight: u32,
    networks: &'static [&'static str],
    city: &'static str,
    name: &'static str,
    phone: &'static str,
) -> Country {
    Country { weight, networks, city, name, phone }
}

/// Browsers with their shares. Phones come first, as in paid traffic.
pub(super) const BROWSERS: &[(u32, &str)] = &[
    (
        26,
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
    ),
    (
        9,
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
    ),
    (
        4,
        "Mozilla/5.0 (Linux; Android 15; SM-S928B Build/AP3A.240905.015.A2; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/142.0.7444.102 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/535.0.0.52.76;]",
    ),
    (
        4,
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/29.0 Chrome/136.0.0.0 Mobile Safari/537.36",
    ),
    (
        15,
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1",
    ),
    (
        5,
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1",
    ),
    (
        4,
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Instagram 404.0.0.29.72 (iPhone15,4; iOS 18_6_2; en_US; en; scale=3.00; 1179x2556; 789654321)",
    ),
    (
        2,
        "Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
    ),
    (
        16,
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    ),
    (
        4,
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
    ),
    (3, "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"),
    (
        4,
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15",
    ),
    (
        2,
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    ),
    (1, "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"),
    (
        1,
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 OPR/124.0.0.0",
    ),
];

/// Crawlers with a network of their operators.
pub(super) const BOTS: &[(&str, &str)] = &[
    (
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.3; +https://openai.com/gptbot)",
        "20.171.206.0/24",
    ),
    ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "66.249.64.0/19"),
    ("Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)", "54.36.148.0/23"),
    ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "157.55.39.0/24"),
    ("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", "69.171.224.0/19"),
    ("python-requests/2.32.5", "3.80.0.0/12"),
    ("curl/8.14.1", "95.216.0.0/16"),
];

/// A traffic source.
#[derive(Debug)]
pub(super) struct TrafficSource {
    pub(super) weight: u32,
    /// The name of its template in the CRM, if it has one.
    pub(super) network: &'static str,
    pub(super) utm: Option<(&'static str, &'static str)>,
    /// The parameter with the click id of the source, and the beginning of such an id.
    pub(super) click_id: Option<(&'static str, &'static str)>,
    pub(super) campaigns: &'static [&'static str],
    pub(super) referrers: &'static [&'static str],
    /// Values for `sub1` (ad or zone) and `sub2` (placement).
    pub(super) subs: (&'static [&'static str], &'static [&'static str]),
    pub(super) keywords: &'static [&'static str],
    /// The lowest and highest cost of a click in US cents. It is sent as `cost` if it is not 0.
    pub(super) cents: (u32, u32),
    /// Orders per thousand visits.
    pub(super) orders_per_mille: u32,
}

const NONE: TrafficSource = TrafficSource {
    weight: 0,
    network: "",
    utm: None,
    click_id: None,
    campaigns: &[],
    referrers: &[],
    subs: (&[], &[]),
    keywords: &[],
    cents: (0, 0),
    orders_per_mille: 0,
};

pub(super) const SOURCES: &[TrafficSource] = &[
    TrafficSource {
        weight: 30,
        network: "Meta Ads",
        utm: Some(("facebook", "paid_social")),
        click_id: Some(("fbclid", "IwY2xjawN")),
        campaigns: &["dawn_lamp_lookalike", "dawn_lamp_retarget", "winter_mornings"],
        referrers: &["https://l.facebook.com/", "https://m.facebook.com/", "https://l.instagram.com/"],
        subs: (&["ad_video_a", "ad_video_b", "ad_carousel"], &["feed", "reels", "stories"]),
        orders_per_mille: 34,
        ..NONE
    },
    TrafficSource {
        weight: 22,
        network: "Google Ads",
        utm: Some(("google", "cpc")),
        click_id: Some(("gclid", "EAIaIQobChMI")),
        campaigns: &["brand", "sleep_generic"],
        referrers: &["https://www.google.com/"],
        keywords: &["wake up lamp", "sunrise alarm clock", "light therapy lamp", "bedside lamp gift"],
        orders_per_mille: 50,
        ..NONE
    },
    TrafficSource {
        weight: 18,
        network: "TikTok Ads",
        utm: Some(("tiktok", "paid_social")),
        click_id: Some(("ttclid", "E.C.P.")),
        campaigns: &["morning_routine", "dorm_room"],
        referrers: &["https://www.tiktok.com/"],
        subs: (&["spark_01", "spark_02", "ugc_07"], &["foryou", "search"]),
        orders_per_mille: 22,
        ..NONE
    },
    TrafficSource {
        weight: 12,
        network: "PropellerAds",
        utm: Some(("propellerads", "push")),
        click_id: Some(("external_id", "pa")),
        campaigns: &["push_tier1", "push_tier2"],
        subs: (&["4021", "4088", "5117", "6310"], &["android", "desktop"]),
        cents: (1, 6),
        orders_per_mille: 20,
        ..NONE
    },
    TrafficSource {
        weight: 8,
        network: "Taboola",
        utm: Some(("taboola", "native")),
        click_id: Some(("external_id", "GiA")),
        campaigns: &["advertorial_sleep"],
        referrers: &["https://www.msn.com/", "https://www.weather.com/"],
        subs: (&["img_bedroom", "img_sunrise"], &["msn-home", "weather-article"]),
        cents: (18, 65),
        orders_per_mille: 28,
        ..NONE
    },
    TrafficSource {
        weight: 4,
        network: "Microsoft Advertising",
        utm: Some(("bing", "cpc")),
        click_id: Some(("msclkid", "5f3c")),
        campaigns: &["search_desktop"],
        referrers: &["https://www.bing.com/"],
        keywords: &["sunrise lamp", "alarm clock light"],
        orders_per_mille: 42,
        ..NONE
    },
    TrafficSource {
        weight: 3,
        utm: Some(("newsletter", "email")),
        campaigns: &["november_offer"],
        referrers: &["https://mail.google.com/"],
        orders_per_mille: 48,
        ..NONE
    },
    TrafficSource { weight: 3, orders_per_mille: 25, ..NONE },
];

/// Given and family names of the fictitious customers.
pub(super) const FIRST_NAMES: &[&str] = &[
    "Ana", "Ben", "Clara", "Daniel", "Elif", "Farah", "Giulia", "Hugo", "Ines", "Jonas", "Kavya", "Linh",
    "Marek", "Nora", "Olu", "Priya", "Rosa", "Sofia", "Tomasz", "Yuki",
];
pub(super) const LAST_NAMES: &[&str] = &[
    "Almeida", "Bauer", "Costa", "Dupont", "Eriksen", "Fischer", "Garcia", "Hansen", "Ivanova", "Jansen",
    "Kowalska", "Lopez", "Moretti", "Nguyen", "Okafor", "Popescu", "Rossi", "Santos", "Tanaka", "Yılmaz",
];
pub(super) const STREETS: &[&str] =
    &["Harbour Road", "Linden Street", "Mill Lane", "Orchard Avenue", "Station Road", "Sunrise Close"];
