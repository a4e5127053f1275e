//! What a campaign may say, and whose it may be: a Buyer's own, a lead's for a member of the own team, an Owner's for any
//! Buyer.

use axum::http::Uri;
use sqlx::PgConnection;

use crate::db::campaigns::{CampaignRow, NewCampaign};
use crate::db::teams::{self, PersonRow};
use crate::db::{partners, sources};
use crate::funds::amount::to_minor;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::fields::keys::Key;
use crate::http::guard::Allowed;
use crate::partners::rules::{DEFAULT_CURRENCY, read_currency};
use crate::policy::{Position, Scope};
use sluice_schemas::currency::Currency;
use sluice_schemas::decimal::Decimal;

const MAX_NAME_CHARS: usize = 100;
const MAX_SITES: usize = 50;
const MAX_URL_CHARS: usize = 500;
const MAX_TAGS: usize = 20;
const MAX_TAG_CHARS: usize = 50;
const MAX_AMOUNT_CHARS: usize = 100;
/// What a campaign can be, the default first.
pub(super) const STATES: [&str; 2] = ["active", "paused"];

/// Whether a campaign is the viewer's to see, or to change where that is what was granted.
pub(super) fn is_in_scope(allowed: &Allowed, row: &CampaignRow) -> bool {
    let own_team = allowed.viewer.team.as_ref().map(|(id, _)| *id);
    match allowed.grant.scope {
        Scope::All => true,
        Scope::Team => own_team.is_some() && row.team_id == own_team,
        Scope::Own => row.user_id == allowed.viewer.id,
    }
}

/// Reads whose campaign it shall be, a Buyer's own unless said otherwise, and locks them: to be called before anything else is
/// locked. `None` where nothing was said, or what was said is wrong.
pub(super) async fn lock_buyer(
    connection: &mut PgConnection,
    allowed: &Allowed,
    fields: &mut Fields,
) -> Result<Option<(Key, Option<PersonRow>)>, ApiError> {
    let key = if fields.get("user_id").is_none() {
        (allowed.grant.scope == Scope::Own).then(|| Key::from(allowed.viewer.id))
    } else {
        let sent = fields.key("user_id");
        if sent == Some(None) {
            fields.fail("user_id", "This field may not be null.");
        }
        sent.flatten()
    };
    let ids: Vec<i64> = key.iter().filter_map(|key| key.id).collect();
    teams::lock_people_exclusive(connection, &ids).await?;
    allowed.lock_teams_shared(connection).await?;
    let Some(key) = key else { return Ok(None) };
    let person = teams::people(connection, &ids).await?.pop();
    Ok(Some((key, person)))
}

/// Whose campaign it is to be, by the rules; what is wrong is added to `fields`.
pub(super) fn buyer(
    allowed: &Allowed,
    wanted: Option<(Key, Option<PersonRow>)>,
    before: Option<i64>,
    fields: &mut Fields,
) -> Option<i64> {
    let Some((key, person)) = wanted else {
        if before.is_none() && fields.get("user_id").is_none() {
            fields.fail("user_id", "This field is required.");
        }
        return before;
    };
    if before.is_some() && key.id == before {
        return before;
    }
    let own_team = allowed.viewer.team.as_ref().map(|(id, _)| *id);
    let may_run = |person: &PersonRow| {
        let is_mine = match allowed.grant.scope {
            Scope::All => true,
            Scope::Team => own_team.is_some() && person.team_id == own_team,
            Scope::Own => person.id == allowed.viewer.id,
        };
        is_mine && person.is_active && person.position == Position::Buyer.as_str()
    };
    if let Some(person) = person.filter(may_run) {
        return Some(person.id);
    }
    if allowed.grant.scope == Scope::Own {
        fields.fail("user_id", "A Buyer runs campaigns of their own only.");
    } else {
        fields.fail("user_id", key.no_such());
    }
    None
}

/// Reads a campaign; what is wrong stays in `fields`. What it names must be there, or have been named before.
///
/// # Errors
/// When Postgres fails.
pub(super) async fn read(
    connection: &mut PgConnection,
    fields: &mut Fields,
    before: Option<&CampaignRow>,
) -> Result<Option<NewCampaign>, ApiError> {
    let source = fields.key("source").flatten();
    let partner = fields.key("partner").flatten();
    if let Some(key) = source.as_ref().filter(|key| before.is_none_or(|row| row.source_id != key.id))
        && !matches!(key.id, Some(id) if sources::find(&mut *connection, id).await?.is_some())
    {
        fields.fail("source", key.no_such());
    }
    if let Some(key) = partner.as_ref().filter(|key| before.is_none_or(|row| row.partner_id != key.id))
        && !matches!(key.id, Some(id) if partners::find(&mut *connection, id).await?.is_some())
    {
        fields.fail("partner", key.no_such());
    }
    let name = fields.required_text("name", MAX_NAME_CHARS);
    let currency = read_currency(fields, DEFAULT_CURRENCY);
    let new = NewCampaign {
        name: name.unwrap_or_default(),
        source_id: source.and_then(|key| key.id),
        partner_id: partner.and_then(|key| key.id),
        state: fields.choice("state", &STATES),
        sites: urls(fields, "sites", origin, "Enter the origin of a site, as https://shop.example."),
        redirects: urls(
            fields,
            "redirects",
            |text| web_address(text).map(|_| text.to_owned()),
            "Enter a valid URL.",
        ),
        payout_minor: payout(fields, &currency),
        currency,
        tags: fields.texts("tags", MAX_TAGS, MAX_TAG_CHARS).unwrap_or_default(),
    };
    Ok(fields.finish().is_ok().then_some(new))
}

fn payout(fields: &mut Fields, currency: &str) -> Option<i64> {
    if fields.get("payout").is_none_or(serde_json::Value::is_null) {
        return None;
    }
    let text = fields.optional_text("payout", MAX_AMOUNT_CHARS);
    if text.is_empty() {
        return None;
    }
    let currency = Currency::parse(currency)?;
    let read = Decimal::parse(&text).ok_or_else(|| "A valid number is required.".to_owned());
    read.and_then(|decimal| to_minor(decimal, currency, 0))
        .map_err(|message| fields.fail("payout", message))
        .ok()
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

/// An absolute address of the web without credentials.
fn web_address(text: &str) -> Option<Uri> {
    let is_plain = text.chars().all(|ch| ch.is_ascii_graphic() && !"#\"'<>\\`".contains(ch));
    let uri: Uri = text.parse().ok().filter(|_| is_plain)?;
    let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
    let has_host =
        uri.authority().is_some_and(|known| !known.as_str().contains('@') && !known.host().is_empty());
    (is_web && has_host).then_some(uri)
}

/// An origin as browsers write it: lower case, without the scheme's own port.
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
