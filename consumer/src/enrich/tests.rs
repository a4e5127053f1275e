//! The rules against the test files of the data sets, and against user agents seen in practice.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use super::classifier::Classifier;
use super::*;

fn enricher() -> Enricher {
    Enricher::load(&DataFiles::default()).unwrap()
}

/// The lines of a test file, each split at its tabs.
fn cases<const N: usize>(packed: &[u8]) -> Vec<[String; N]> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed).read_to_string(&mut text).unwrap();
    let parts = |line: &str| line.splitn(N, '\t').map(str::to_owned).collect::<Vec<_>>().try_into().unwrap();
    text.lines().map(parts).collect()
}

#[test]
fn browsers_and_bots_are_told_apart() {
    let enricher = enricher();
    let read = |text: &str| {
        let Agent { device, os, browser, bot } = &*enricher.agent(text.as_bytes());
        [*device, os, browser, bot].map(str::to_owned)
    };
    let chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36";
    assert_eq!(read(chrome), ["desktop", "Windows 10", "Chrome", ""]);
    let iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Mobile/15E148 Safari/604.1";
    assert_eq!(read(iphone), ["mobile", "iPhone", "Safari", ""]);
    assert_eq!(read("Mozilla/5.0 (compatible; GPTBot/1.0; +https://openai.com/gptbot)")[3], "GPTBot");
    for empty in ["", " ", "\t"] {
        assert_eq!(read(empty), ["other", "", "", "no_user_agent"]);
    }
}

#[test]
fn devices_systems_and_apps_have_the_names_that_buyers_know() {
    let enricher = enricher();
    for case in include_str!("../../data/tests/named.txt").lines() {
        let (expected, agent) = case.split_once(" | ").unwrap();
        let Agent { device, os, browser, bot } = &*enricher.agent(agent.as_bytes());
        assert_eq!(format!("{device}, {os}, {browser}"), expected, "{agent}");
        assert_eq!(bot, "", "{agent}");
    }
}

#[test]
fn programs_are_bots_with_their_name_and_people_are_none() {
    let enricher = enricher();
    let bot = |agent: &str| enricher.agent(agent.as_bytes()).bot.clone();
    for (agent, name) in [
        ("node", "node"),
        ("undici", "undici"),
        ("Bun/1.1.0", "Bun"),
        ("Deno/1.40", "Deno"),
        ("curl/8.5.0", "curl"),
        ("python-requests/2.31", "python-requests"),
        ("Go-http-client/2.0", "Go-http-client"),
        ("Wget/1.21", "Wget"),
        ("ChatGPT-User/1.0", "ChatGPT-User"),
        ("Mozilla/5.0 (compatible; Claude-User/1.0; +Claude-User@anthropic.com)", "Claude-User"),
        (
            "meta-externalagent/1.1 (+https://developers.facebook.com/docs/sharing/webmasters/crawler)",
            "meta-externalagent",
        ),
        (
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) Chrome/116.0.1938.76 Safari/537.36",
            "bingbot",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0.0.0 Safari/537.36",
            "HeadlessChrome",
        ),
        // No name is known: one reason for all, however they call themselves.
        ("Mozilla/5.0", "user_agent"),
        ("Mozilla/5.0 (compatible; Neverseenbot/1.0)", "user_agent"),
        ("my-own-loader/7.1", "user_agent"),
        ("Mozilla/5.0 (compatible; x) robot", "user_agent"),
    ] {
        assert_eq!(bot(agent), name, "{agent}");
    }
    for agent in [
        "Mozilla/5.0 (Linux; Android 13; CUBOT NOTE 50) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36",
        "Mozilla/5.0 (Linux; Android 9; CUBOT_X19) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/98.0.4758.101 Mobile Safari/537.36",
        "Mozilla/5.0 (Linux; Android 12; SM-G991N; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/120.0.0.0 Mobile Safari/537.36 Viber/21.5.0.3",
        "Mozilla/5.0 (iPad; U; CPU iPhone OS 7_0 like Mac OS X; de-DE) WIRED/3.2.3.11.87970",
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/90.0.4430.210 Mobile Safari/537.36 SogouMSE,SogouMobileBrowser/6.1.3",
        "Opera/9.80 (J2ME/MIDP; Opera Mini/7.1.32008/28.2725; U; en) Presto/2.8.119 Version/11.10",
        "Dalvik/2.1.0 (Linux; U; Android 9; SM-G960F Build/PPR1.180610.011)",
        "Nokia6300/2.0 (05.00) Profile/MIDP-2.0 Configuration/CLDC-1.1",
    ] {
        assert_eq!(bot(agent), "", "{agent}");
    }
}

#[test]
fn bytes_that_are_no_text_and_long_texts_are_read_too() {
    let enricher = enricher();
    assert_eq!(enricher.agent(b"\xff\xfe\x00").bot, "");
    let long = format!("Mozilla/5.0 (X11; Linux x86_64) {} Firefox/145.0", "x".repeat(4000));
    assert_eq!(enricher.agent(long.as_bytes()).browser, "Firefox");
    // A rule takes this name from the visitor's text.
    let name = format!("{}-iPad/1.0 CFNetwork/1", "n".repeat(150));
    assert_eq!(enricher.agent(name.as_bytes()).browser, "");
}

/// The test cases of uap-core: the rules were converted whole and in order.
#[test]
fn the_rules_pass_their_own_tests() {
    let agents = Agents::parse(AGENTS).unwrap();
    let cases = cases::<5>(include_bytes!("../../data/tests/agents.txt.gz"));
    assert!(cases.len() > 1500, "{}", cases.len());
    let mut wrong = Vec::new();
    for [kind, family, major, minor, agent] in &cases {
        let found = agents.found(kind, agent);
        let is_own =
            agents::OWN_BROWSERS.iter().chain(&agents::OWN_SYSTEMS).any(|(_, name)| found[0] == *name);
        if !is_own && [&found[0], &found[1], &found[2]] != [family, major, minor] {
            wrong.push(format!("{kind} {family} {major} {minor}: {found:?} in {agent}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}

/// Each user agent that the list of crawlers gives as an example is a bot, and nearly each by a
/// name of its own.
#[test]
fn the_crawlers_are_found_in_their_own_examples() {
    let crawlers = Crawlers::parse(CRAWLERS).unwrap();
    let cases = cases::<2>(include_bytes!("../../data/tests/crawlers.txt.gz"));
    assert!(cases.len() > 2000, "{}", cases.len());
    let mut names = BTreeMap::new();
    for [name, agent] in &cases {
        let reason = crawlers.reason(agent);
        assert_ne!(reason, "", "{name}: {agent}");
        *names.entry(if reason == name { "own" } else { reason }).or_insert(0_u32) += 1;
    }
    assert!(names["own"] > 1900, "{names:?}");
    assert!(names.get("user_agent").is_none_or(|count| *count < 10), "{names:?}");
}

/// User agents of people, with the kind of device that their screen shows.
#[test]
fn people_are_no_bots_and_have_their_device() {
    let enricher = enricher();
    let cases = cases::<2>(include_bytes!("../../data/tests/people.txt.gz"));
    assert!(cases.len() > 900, "{}", cases.len());
    let mut n_other = 0_usize;
    for [device, agent] in &cases {
        let found = enricher.agent(agent.as_bytes());
        assert_eq!(found.bot, "", "{agent}");
        assert_ne!((found.os.as_str(), found.browser.as_str()), ("", ""), "{agent}");
        // Some tablets ask for the desktop's pages, and some people resize a window.
        n_other += usize::from(found.device != device);
    }
    assert!(n_other * 50 < cases.len(), "{n_other} of {} have another device", cases.len());
}

#[test]
fn countries_are_read_in_each_publishers_shape() {
    let open = |name: &str| {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/tests").join(name);
        Enricher::load(&DataFiles { countries: file, ..DataFiles::default() })
    };
    let (germany, satellite) =
        ("::ffff:198.51.100.7".parse().unwrap(), "::ffff:203.0.113.7".parse().unwrap());
    for (name, of_satellite) in [("maxmind.mmdb", "US"), ("dbip.mmdb", ""), ("ip-location-db.mmdb", "")] {
        let enricher = open(name).unwrap();
        let found = [germany, satellite, "2001:db8::1".parse().unwrap()].map(|ip| enricher.country(ip));
        assert_eq!(found, ["DE", of_satellite, "FR"], "{name}");
        assert_eq!(enricher.country("::ffff:192.0.2.1".parse().unwrap()), "", "{name}");
        let edition = enricher.editions().countries.clone().unwrap();
        assert!(edition.built_s > 1_700_000_000 && edition.version.contains(" 20"), "{edition:?}");
    }
    let error = open("networks.mmdb").err().unwrap();
    assert_eq!(error.key, "geo.database");
    assert!(error.to_string().contains("GeoLite2-ASN"), "{error}");
    assert!(open("missing.mmdb").is_err() && open("agents.txt.gz").is_err());
}

#[test]
fn a_file_that_changes_is_loaded_again_and_a_bad_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("agents.json");
    let write = |version: &str, name: &str| {
        let parser = format!(r#"{{"regex": "Newbrowser/", "family_replacement": "{name}"}}"#);
        let head = format!(r#""version": "{version}", "built_s": 1790000000"#);
        let text = format!(r#"{{{head}, "user_agent_parsers": [{parser}], "os_parsers": []}}"#);
        std::fs::write(&rules, text).unwrap();
    };
    write("1", "Newbrowser");
    let classifier = Classifier::open(DataFiles { agents: rules.clone(), ..DataFiles::default() }).unwrap();
    let browser = || classifier.current().agent(b"Mozilla/5.0 Newbrowser/1.0").browser.clone();
    assert_eq!(browser(), "Newbrowser");
    assert!(!classifier.reload_if_changed().unwrap());

    let of_a_batch = classifier.current();
    write("22", "Renamed");
    assert!(classifier.reload_if_changed().unwrap());
    assert_eq!(browser(), "Renamed");
    assert_eq!(classifier.current().editions().agents.version, "22");
    assert_eq!(of_a_batch.agent(b"Mozilla/5.0 Newbrowser/1.0").browser, "Newbrowser");

    for bad in
        ["{", r#"{"version": "3", "built_s": 1, "user_agent_parsers": [{"regex": "("}], "os_parsers": []}"#]
    {
        std::fs::write(&rules, bad).unwrap();
        assert_eq!(classifier.reload_if_changed().unwrap_err().key, "agents.rules");
        assert_eq!(browser(), "Renamed");
    }
    write("4444", "Again");
    assert!(classifier.reload_if_changed().unwrap());
    assert_eq!(browser(), "Again");
}
