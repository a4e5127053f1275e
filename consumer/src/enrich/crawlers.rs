//! Crawlers, scanners and HTTP libraries, by the list crawler-user-agents, and by words that only
//! programs have in their user agent.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use regex::{Regex, RegexSet};
use serde::Deserialize;

/// The list. Nearly all of its patterns are plain texts, and one automaton finds them all.
pub(super) struct Crawlers {
    texts: AhoCorasick,
    text_names: Vec<Box<str>>,
    patterns: RegexSet,
    pattern_names: Vec<Box<str>>,
}

#[derive(Deserialize)]
struct File {
    crawlers: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    pattern: String,
    name: Box<str>,
}

/// The reason for a program that the list does not name.
const NAMELESS: &str = "user_agent";

/// Words of programs ("CUBOT" is a brand of phones), and a user agent that is one product and
/// nothing else: every browser says more.
static PROGRAMS: LazyLock<Regex> = LazyLock::new(|| {
    let words = "(?:^|[^u]|[^c]u)bot(?:[^a-z]|$)|crawl|spider|scrap(?:er|ing|y)|headless|phantomjs|selenium\
                 |puppeteer|playwright|http-?client|libwww|url(?:lib|fetch)|fetcher|link-?check";
    let product = r"^[a-z0-9_.!-]+(?:/[a-z0-9_.+-]*)?$";
    Regex::new(&format!("(?i:{words}|{product})")).expect("a constant that the tests use")
});

impl Crawlers {
    /// Reads the list and compiles it.
    pub(super) fn parse(json: &str) -> Result<Self, String> {
        let file: File = serde_json::from_str(json).map_err(|error| error.to_string())?;
        let (mut texts, mut text_names) = (Vec::new(), Vec::new());
        let (mut patterns, mut pattern_names) = (Vec::new(), Vec::new());
        for Entry { pattern, name } in file.crawlers {
            if let Some(text) = plain_text(&pattern) {
                texts.push(text);
                text_names.push(name);
            } else {
                patterns.push(pattern);
                pattern_names.push(name);
            }
        }
        Ok(Self {
            texts: AhoCorasick::new(texts).map_err(|error| error.to_string())?,
            text_names,
            patterns: RegexSet::new(patterns).map_err(|error| error.to_string())?,
            pattern_names,
        })
    }

    /// The name of a crawler, `user_agent` for a program without a name, or empty for a person.
    pub(super) fn reason(&self, agent: &str) -> &str {
        if let Some(name) = self.name(agent) {
            name
        } else if PROGRAMS.is_match(agent.trim()) {
            NAMELESS
        } else {
            ""
        }
    }

    /// The longest text of the list, else the first pattern. A text counts only where a word
    /// begins: "RED/" is not in "WIRED/".
    fn name(&self, agent: &str) -> Option<&str> {
        let begins_word = |at: usize| {
            let bytes = agent.as_bytes();
            at == 0 || !(bytes[at].is_ascii_alphanumeric() && bytes[at - 1].is_ascii_alphanumeric())
        };
        let found = self.texts.find_overlapping_iter(agent).filter(|found| begins_word(found.start()));
        if let Some(longest) = found.max_by_key(aho_corasick::Match::len) {
            return self.text_names.get(longest.pattern().as_usize()).map(|name| &**name);
        }
        let first = self.patterns.matches(agent).iter().next()?;
        self.pattern_names.get(first).map(|name| &**name)
    }
}

/// The text that a pattern finds, if it can find only one.
fn plain_text(pattern: &str) -> Option<String> {
    let mut text = String::with_capacity(pattern.len());
    let mut rest = pattern.chars();
    while let Some(one) = rest.next() {
        match one {
            '\\' => text.push(rest.next().filter(|escaped| !escaped.is_alphanumeric())?),
            '[' | ']' | '(' | ')' | '{' | '}' | '|' | '^' | '$' | '*' | '+' | '?' | '.' => return None,
            _ => text.push(one),
        }
    }
    (!text.is_empty()).then_some(text)
}
