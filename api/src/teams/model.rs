//! Requests and responses of teams.

use serde::Serialize;
use utoipa::ToSchema;

use crate::db::teams::{MembershipRow, TeamRow};
use crate::http::fields::keys::Key;
use crate::http::fields::options::Nullable;
use crate::http::fields::types::{Keys, Text};
use crate::http::json_values;
use crate::http::request::request;

/// A team as it is now.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TeamResponse {
    pub id: i64,
    pub name: String,
    /// The user who leads it.
    pub team_lead: Option<i64>,
    /// The Buyers who are in it now.
    pub members: Vec<i64>,
}

impl From<TeamRow> for TeamResponse {
    fn from(row: TeamRow) -> Self {
        Self { id: row.id, name: row.name, team_lead: row.lead_id, members: row.members }
    }
}

/// A time in which a Buyer was in the team. What they brought in it stays the team's.
#[derive(Debug, Serialize, ToSchema)]
pub struct MembershipResponse {
    pub user_id: i64,
    #[schema(format = DateTime)]
    pub since: String,
    /// Null: still in it.
    #[schema(format = DateTime)]
    pub until: Option<String>,
}

impl From<MembershipRow> for MembershipResponse {
    fn from(row: MembershipRow) -> Self {
        Self {
            user_id: row.user_id,
            since: json_values::time(row.since.timestamp_millis()),
            until: row.until.map(|until| json_values::time(until.timestamp_millis())),
        }
    }
}

request! {
    /// A new team.
    pub struct CreateTeamRequest {
        /// Up to 100 characters. Teams may have the same name.
        pub name: Text<100>,
        /// An active Team Lead without a team.
        pub team_lead: Option<Nullable<Key>>,
        /// Active Buyers without a team. They are in it from now on.
        pub members: Option<Keys<1000>>,
    }
}

request! {
    /// What changes.
    pub struct UpdateTeamRequest {
        pub name: Option<Text<100>>,
        /// An active Team Lead without a team, or null.
        pub team_lead: Option<Nullable<Key>>,
        /// All members that it shall have.
        pub members: Option<Keys<1000>>,
    }
}

/// A replacement keeps what it does not name, like a change; only the name must be there.
impl From<CreateTeamRequest> for UpdateTeamRequest {
    fn from(request: CreateTeamRequest) -> Self {
        let name = Some(request.name).filter(|name| !name.is_empty());
        Self { name, team_lead: request.team_lead, members: request.members }
    }
}
