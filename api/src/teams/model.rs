//! Requests and responses of teams.

use serde::Serialize;
use utoipa::ToSchema;

use crate::db::teams::{MembershipRow, TeamRow};
use crate::http::fields::keys::Key;
use crate::http::fields::options::Nullable;
use crate::http::fields::types::{Keys, Text};
use crate::http::json_values;
use crate::http::request::request;

/// A team.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TeamResponse {
    pub id: i64,
    pub name: String,
    /// Id of the Team Lead.
    pub team_lead: Option<i64>,
    /// Ids of the present members.
    pub members: Vec<i64>,
    /// Only in lists of deleted teams.
    #[schema(format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<String>,
}

impl From<TeamRow> for TeamResponse {
    fn from(row: TeamRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            team_lead: row.lead_id,
            members: row.members,
            archived_at: json_values::optional_time(row.archived_at),
        }
    }
}

/// A membership of a Buyer in the team. Events from this time count for the team.
#[derive(Debug, Serialize, ToSchema)]
pub struct MembershipResponse {
    pub user_id: i64,
    #[schema(format = DateTime)]
    pub since: String,
    /// Null for a present member.
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
        /// Up to 100 characters. Several teams may have the same name.
        pub name: Text<100>,
        /// Id of an active Team Lead without a team.
        pub team_lead: Option<Nullable<Key>>,
        /// Ids of active Buyers without a team, at most 1,000. They join the team now.
        pub members: Option<Keys<1000>>,
    }
}

request! {
    /// Changes of a team. Omitted fields keep their values.
    pub struct UpdateTeamRequest {
        pub name: Option<Text<100>>,
        /// Id of an active Team Lead without a team, or null.
        pub team_lead: Option<Nullable<Key>>,
        /// The complete new set of members.
        pub members: Option<Keys<1000>>,
    }
}

/// A replacement also keeps omitted values. Only the name is required.
impl From<CreateTeamRequest> for UpdateTeamRequest {
    fn from(request: CreateTeamRequest) -> Self {
        let name = Some(request.name).filter(|name| !name.is_empty());
        Self { name, team_lead: request.team_lead, members: request.members }
    }
}
