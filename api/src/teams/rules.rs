//! What may be in a team. The database has the same rules as constraints; here they get the seed's words, all at once.
//!
//! Somebody who is inactive may stay in a team or go on leading it, but not join or begin.

use std::collections::HashMap;

use sqlx::PgConnection;

use crate::db::constraint_to_field;
use crate::db::teams::{self, LEAD_UNIQUE, ONE_TEAM, PersonRow, TeamRow};
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::fields::keys::Key;
use crate::policy::Position;

/// The most characters of a team's name.
pub(super) const MAX_NAME_CHARS: usize = 100;
/// The most members of a team.
pub(super) const MAX_MEMBERS: usize = 1000;

/// What a body says of a team; `None` where it says nothing.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) name: Option<String>,
    pub(super) lead: Option<Option<Key>>,
    pub(super) members: Option<Vec<Key>>,
}

/// A team as it shall be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Checked {
    pub(super) name: String,
    pub(super) lead: Option<i64>,
    pub(super) members: Vec<i64>,
}

impl Wanted {
    /// Reads a body; what is wrong stays in `fields`.
    pub(super) fn read(fields: &mut Fields, needs_name: bool) -> Self {
        let is_named = needs_name || fields.get("name").is_some();
        Self {
            name: if is_named { fields.required_text("name", MAX_NAME_CHARS) } else { None },
            lead: fields.key("team_lead"),
            members: fields.keys("members", MAX_MEMBERS),
        }
    }

    /// Locks the people who are named, and every other change of a team out.
    pub(super) async fn lock_exclusive(
        &self,
        connection: &mut PgConnection,
    ) -> sqlx::Result<HashMap<i64, PersonRow>> {
        let lead = self.lead.iter().flatten();
        let ids: Vec<i64> = lead.chain(self.members.iter().flatten()).filter_map(|key| key.id).collect();
        teams::lock_people_exclusive(connection, &ids).await?;
        teams::lock_exclusive(connection).await?;
        let people = teams::people(connection, &ids).await?;
        Ok(people.into_iter().map(|person| (person.id, person)).collect())
    }

    /// What is wanted beside what is, by the rules; what is wrong is added to `fields`.
    pub(super) fn check(
        &self,
        people: &HashMap<i64, PersonRow>,
        before: Option<&TeamRow>,
        fields: &mut Fields,
    ) -> Checked {
        let mut checked = Checked {
            name: self.name.clone().or_else(|| before.map(|team| team.name.clone())).unwrap_or_default(),
            lead: before.and_then(|team| team.lead_id),
            members: before.map(|team| team.members.clone()).unwrap_or_default(),
        };
        let find = |key: &Key| key.id.and_then(|id| people.get(&id));
        if let Some(wanted) = &self.lead {
            let present = checked.lead;
            checked.lead = wanted.as_ref().and_then(|key| {
                let person = find(key).filter(|person| may_lead(person, present));
                if person.is_none() {
                    fields.fail("team_lead", key.no_such());
                }
                person.map(|person| person.id)
            });
        }
        if let Some(wanted) = &self.members {
            let own = before.map(|team| team.id);
            checked.members = wanted.iter().filter_map(|key| member(key, find(key), own, fields)).collect();
            checked.members.sort_unstable();
        }
        checked
    }
}

fn may_lead(person: &PersonRow, present: Option<i64>) -> bool {
    let is_lead = person.position == Position::TeamLead.as_str();
    is_lead && (person.is_active || present == Some(person.id))
}

fn member(key: &Key, person: Option<&PersonRow>, team: Option<i64>, fields: &mut Fields) -> Option<i64> {
    let is_own = person.is_some_and(|person| person.team_id.is_some() && person.team_id == team);
    let is_buyer = |person: &&PersonRow| person.position == Position::Buyer.as_str();
    let Some(person) = person.filter(is_buyer).filter(|person| person.is_active || is_own) else {
        fields.fail("members", key.no_such());
        return None;
    };
    if person.team_id.is_some() && !is_own {
        fields.fail("members", format!("A Buyer with id {} can only be a member of one team.", person.id));
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

/// Who is in `these` and not in `those`.
pub(super) fn missing(these: &[i64], those: &[i64]) -> Vec<i64> {
    these.iter().filter(|id| !those.contains(id)).copied().collect()
}
