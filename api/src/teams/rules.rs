//! Rules for the name, lead and members of a team. The database has the same rules as constraints.
//! Here they produce the error texts of the legacy CRM, all errors at once.
//!
//! An inactive user may stay a member or the lead of a team, but cannot become one.

use std::collections::HashMap;

use sqlx::PgConnection;

use crate::db::teams::{self, LEAD_UNIQUE, ONE_TEAM, PersonRow, TeamRow};
use crate::http::error::ApiError;
use crate::http::fields::Errors;
use crate::http::fields::keys::Key;
use crate::http::fields::options::Nullable;
use crate::http::fields::types::Keys;
use crate::http::server_error::constraint_to_field;
use crate::policy::Position;
use crate::teams::model::UpdateTeamRequest;

/// A team that passed the rules.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Checked {
    pub(super) name: String,
    pub(super) lead: Option<i64>,
    pub(super) members: Vec<i64>,
}

impl UpdateTeamRequest {
    /// Locks the named users, and all teams against other edits.
    pub(super) async fn lock(&self, connection: &mut PgConnection) -> sqlx::Result<HashMap<i64, PersonRow>> {
        let lead = self.team_lead.iter().filter_map(|lead| lead.0.as_ref());
        let members = self.members.iter().flat_map(|members| &members.0);
        let ids: Vec<i64> = lead.chain(members).filter_map(|key| key.id).collect();
        teams::lock_people_exclusive(connection, &ids).await?;
        teams::lock_exclusive(connection).await?;
        let people = teams::people(connection, &ids).await?;
        Ok(people.into_iter().map(|person| (person.id, person)).collect())
    }

    /// Applies a request to the present team, checks the rules, and adds errors.
    pub(super) fn check(
        &self,
        people: &HashMap<i64, PersonRow>,
        before: Option<&TeamRow>,
        errors: &mut Errors,
    ) -> Checked {
        let name = self.name.as_ref().map(|name| name.0.clone());
        let mut checked = Checked {
            name: name.or_else(|| before.map(|team| team.name.clone())).unwrap_or_default(),
            lead: before.and_then(|team| team.lead_id),
            members: before.map(|team| team.members.clone()).unwrap_or_default(),
        };
        let find = |key: &Key| key.id.and_then(|id| people.get(&id));
        if let Some(Nullable(wanted)) = &self.team_lead {
            let present = checked.lead;
            checked.lead = wanted.as_ref().and_then(|key| {
                let person = find(key).filter(|person| may_lead(person, present));
                if person.is_none() {
                    errors.fail("team_lead", key.no_such());
                }
                person.map(|person| person.id)
            });
        }
        if let Some(Keys(wanted)) = &self.members {
            let own = before.map(|team| team.id);
            checked.members = wanted.iter().filter_map(|key| member(key, find(key), own, errors)).collect();
            checked.members.sort_unstable();
        }
        checked
    }
}

fn may_lead(person: &PersonRow, present: Option<i64>) -> bool {
    let is_lead = person.position == Position::TeamLead.as_str();
    is_lead && (person.is_active || present == Some(person.id))
}

fn member(key: &Key, person: Option<&PersonRow>, team: Option<i64>, errors: &mut Errors) -> Option<i64> {
    let is_own = person.is_some_and(|person| person.team_id.is_some() && person.team_id == team);
    let is_buyer = |person: &&PersonRow| person.position == Position::Buyer.as_str();
    let Some(person) = person.filter(is_buyer).filter(|person| person.is_active || is_own) else {
        errors.fail("members", key.no_such());
        return None;
    };
    if person.team_id.is_some() && !is_own {
        errors.fail("members", format!("A Buyer with id {} can only be a member of one team.", person.id));
        return None;
    }
    Some(person.id)
}

/// Maps violated constraints to errors in the words of the legacy CRM.
pub(super) fn constraint_error(error: sqlx::Error) -> ApiError {
    constraint_to_field(
        error,
        &[
            (LEAD_UNIQUE, "team_lead", "team with this team lead already exists."),
            (ONE_TEAM, "members", "A Buyer can only be a member of one team."),
        ],
    )
}

/// Returns the ids in `these` that are not in `those`.
pub(super) fn missing(these: &[i64], those: &[i64]) -> Vec<i64> {
    these.iter().filter(|id| !those.contains(id)).copied().collect()
}
