//! Types for the fields of a campaign that have their own rules.

use axum::http::Uri;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use crate::http::fields::Fields;
use crate::http::fields::types::{Texts, text};
use crate::http::request::Field;

const MAX_SITES: usize = 50;

const MAX_URL_CHARS: usize = 500;

/// States of a campaign, the default first.
pub(super) const STATES: [&str; 2] = ["active", "paused"];

/// The state of a campaign.
#[derive(Debug, Clone, Copy)]
pub struct CampaignState(pub &'static str);

impl Field for CampaignState {
    const IS_REQUIRED: bool = false;

    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        Some(Self(fields.choice(name, &STATES)))
    }

    fn schema() -> RefOr<Schema> {
        text().enum_values(Some(STATES)).into()
    }
}

impl Default for CampaignState {
    fn default() -> Self {
        Self(STATES[0])
    }
}

/// Origins of landing pages.
#[derive(Debug, Clone, Default)]
pub struct Sites(pub Vec<String>);

impl Field for Sites {
    const IS_REQUIRED: bool = false;

    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        Some(Self(urls(fields, name, origin, "Enter the origin of a site, as https://shop.example.")))
    }

    fn schema() -> RefOr<Schema> {
        Texts::<MAX_SITES, MAX_URL_CHARS>::schema()
    }
}

/// URLs to which an order form may redirect.
#[derive(Debug, Clone, Default)]
pub struct Redirects(pub Vec<String>);

impl Field for Redirects {
    const IS_REQUIRED: bool = false;

    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        let address = |text: &str| web_address(text).map(|_| text.to_owned());
        Some(Self(urls(fields, name, address, "Enter a valid URL.")))
    }

    fn schema() -> RefOr<Schema> {
        Texts::<MAX_SITES, MAX_URL_CHARS>::schema()
    }
}

fn urls(
    fields: &mut Fields,
    name: &str,
    read: impl Fn(&str) -> Option<String>,
    message: &str,
) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for text in fields.texts(name, MAX_SITES, MAX_URL_CHARS).unwrap_or_default() {
        match read(&text) {
            Some(url) if found.contains(&url) => {}
            Some(url) => found.push(url),
            None => fields.fail(name, message),
        }
    }
    found
}

/// Parses an absolute http or https URL without credentials.
fn web_address(text: &str) -> Option<Uri> {
    let is_plain = text.chars().all(|ch| ch.is_ascii_graphic() && !"#\"'<>\\`".contains(ch));
    let uri: Uri = text.parse().ok().filter(|_| is_plain)?;
    let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
    let has_host =
        uri.authority().is_some_and(|known| !known.as_str().contains('@') && !known.host().is_empty());
    (is_web && has_host).then_some(uri)
}

/// Parses an origin, and writes it as browsers do: in lower case and without the default port.
fn origin(text: &str) -> Option<String> {
    let uri = web_address(text)?;
    if uri.path() != "/" || uri.query().is_some() {
        return None;
    }
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?.as_str().to_ascii_lowercase());
    let own_port = if scheme == "https" { ":443" } else { ":80" };
    Some(format!("{scheme}://{}", authority.strip_suffix(own_port).unwrap_or(&authority)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_written_as_browsers_do() {
        for (text, expected) in [
            ("https://Shop.Example", Some("https://shop.example")),
            ("HTTPS://shop.example:443/", Some("https://shop.example")),
            ("http://shop.example:8081", Some("http://shop.example:8081")),
            ("https://shop.example/landing", None),
            ("https://shop.example/?a=1", None),
            ("https://user@shop.example", None),
            ("shop.example", None),
            ("ftp://shop.example", None),
            ("https://", None),
            ("javascript:alert(1)", None),
            ("https://shöp.example", None),
        ] {
            assert_eq!(origin(text).as_deref(), expected, "{text}");
        }
        assert!(web_address("https://shop.example/thanks?a=1&b=2").is_some());
        assert!(web_address("//shop.example/thanks").is_none());
        assert!(web_address("https://shop.example/\"><script>").is_none());
    }
}
