//! Rules for the fields of a campaign, and for its buyer: a Buyer makes campaigns of their own, a
//! Team Lead for a member of their team, an Owner for any Buyer. A Team Lead hands over only what
//! its Buyer has run in the team.

use sqlx::PgConnection;

use crate::amount::to_minor;
use crate::campaigns::model::CreateCampaignRequest;
use crate::db::campaigns::{CampaignRow, NewCampaign};
use crate::db::teams::{self, PersonRow};
use crate::db::{partners, sources};
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::fields::Errors;
use crate::http::fields::keys::Key;
use crate::http::fields::options::Nullable;
use crate::policy::{Position, Scope};

const OLDER_THAN_MEMBERSHIP: &str =
    "Its Buyer has run this campaign since before they joined your team. Ask an Owner to hand it over.";

/// Returns whether a campaign is within the scope of the viewer's grant.
pub(super) fn is_in_scope(allowed: &Allowed, row: &CampaignRow) -> bool {
    let own_team = allowed.viewer.team.as_ref().map(|(id, _)| *id);
    match allowed.grant.scope {
        Scope::All => true,
        Scope::Team => own_team.is_some() && row.team_id == own_team,
        Scope::Own => row.user_id == allowed.viewer.id,
    }
}

/// Locks the buyer that a request names. The default is the caller, if the caller is a Buyer. Call
/// this before other locks.
pub(super) async fn lock_buyer(
    connection: &mut PgConnection,
    allowed: &Allowed,
    sent: Option<&Nullable<Key>>,
) -> Result<Option<(Key, Option<PersonRow>)>, ApiError> {
    let key = match sent {
        None => (allowed.grant.scope == Scope::Own).then(|| Key::from(allowed.viewer.id)),
        Some(Nullable(key)) => key.clone(),
    };
    let ids: Vec<i64> = key.iter().filter_map(|key| key.id).collect();
    teams::lock_people_exclusive(connection, &ids).await?;
    allowed.lock_teams_shared(connection).await?;
    let Some(key) = key else { return Ok(None) };
    let person = teams::people(connection, &ids).await?.pop();
    Ok(Some((key, person)))
}

/// Checks the buyer that [`lock_buyer`] returned, adds errors, and returns the id of the buyer.
pub(super) fn buyer(
    allowed: &Allowed,
    sent: Option<&Nullable<Key>>,
    wanted: Option<(Key, Option<PersonRow>)>,
    present: Option<&CampaignRow>,
    errors: &mut Errors,
) -> Option<i64> {
    let before = present.map(|row| row.user_id);
    let Some((key, person)) = wanted else {
        match sent {
            Some(_) => errors.fail("user_id", "This field may not be null."),
            None if before.is_none() => errors.fail_missing("user_id"),
            None => {}
        }
        return before;
    };
    if before.is_some() && key.id == before {
        return before;
    }
    // Else a lead could take in a Buyer, hand on the Buyer's campaigns, and let the Buyer go.
    if allowed.grant.scope == Scope::Team && present.is_some_and(|row| !row.is_of_team) {
        errors.fail("user_id", OLDER_THAN_MEMBERSHIP);
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
        errors.fail("user_id", "A Buyer runs campaigns of their own only.");
    } else {
        errors.fail("user_id", key.no_such());
    }
    None
}

/// Makes the values of a campaign from a request. Its source and partner must exist, unless they
/// are those of the present campaign, which may be deleted.
pub(super) async fn check(
    connection: &mut PgConnection,
    request: CreateCampaignRequest,
    before: Option<&CampaignRow>,
    errors: &mut Errors,
) -> Result<NewCampaign, ApiError> {
    let source = request.source.and_then(|source| source.0);
    let partner = request.partner.and_then(|partner| partner.0);
    if let Some(key) = source.as_ref().filter(|key| before.is_none_or(|row| row.source_id != key.id))
        && !matches!(key.id, Some(id) if sources::find(&mut *connection, id).await?.is_some())
    {
        errors.fail("source", key.no_such());
    }
    if let Some(key) = partner.as_ref().filter(|key| before.is_none_or(|row| row.partner_id != key.id))
        && !matches!(key.id, Some(id) if partners::find(&mut *connection, id).await?.is_some())
    {
        errors.fail("partner", key.no_such());
    }
    let currency = request.currency.0;
    let payout = request.payout.0.map(|payout| to_minor(payout, currency, 0));
    Ok(NewCampaign {
        name: request.name.0,
        source_id: source.and_then(|key| key.id),
        partner_id: partner.and_then(|key| key.id),
        state: request.state.0,
        sites: request.sites.0,
        redirects: request.redirects.0,
        payout_minor: payout.and_then(|payout| errors.accept("payout", payout)),
        currency: currency.code.to_owned(),
        tags: request.tags.0,
    })
}
