//! Who may do what, to which rows, and seeing what: the one table that every route asks (`router.rs` names the question
//! of each route, `guard.rs` asks it before the handler runs). API, pages and charts have no other way to the data.
//!
//! What is not in the table is forbidden.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a person is on the team. The words are those of the seed, on the wire and in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub enum Position {
    Buyer,
    #[serde(rename = "Team Lead")]
    TeamLead,
    #[serde(rename = "Funds Coordinator")]
    FundsCoordinator,
    Owner,
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// See many.
    List,
    /// See one.
    View,
    /// Make one.
    Create,
    /// Change one.
    Update,
}

/// What it is done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resource {
    /// Accounts. Creating one is making a person of any position; registering oneself as a Buyer is public.
    Users,
    Prospects,
    /// Orders with the customers' data.
    Orders,
    /// Events that wait for what they name.
    Parked,
    /// Totals and charts.
    Figures,
    /// One's own account.
    Account,
}

/// Whose rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// What the viewer brought, or is.
    Own,
    /// What the viewer's team brought while its members were in it, or is.
    Team,
    All,
}

/// What the policy allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    pub scope: Scope,
    /// Whether customers' data (addresses, names, phones; an IP address too) may be shown.
    pub customer_data: bool,
}

impl Position {
    /// All of them, in the order of the table's columns.
    pub const ALL: [Self; 4] = [Self::Buyer, Self::TeamLead, Self::FundsCoordinator, Self::Owner];

    /// The word on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Buyer => "Buyer",
            Self::TeamLead => "Team Lead",
            Self::FundsCoordinator => "Funds Coordinator",
            Self::Owner => "Owner",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|position| position.as_str() == word)
    }

    const fn column(self) -> usize {
        match self {
            Self::Buyer => 0,
            Self::TeamLead => 1,
            Self::FundsCoordinator => 2,
            Self::Owner => 3,
        }
    }
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::List, Self::View, Self::Create, Self::Update];
}

impl Resource {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Users, Self::Prospects, Self::Orders, Self::Parked, Self::Figures, Self::Account];
}

type Cell = Option<Grant>;

const NO: Cell = None;
const OWN: Cell = Some(Grant { scope: Scope::Own, customer_data: true });
const TEAM: Cell = Some(Grant { scope: Scope::Team, customer_data: true });
const ALL: Cell = Some(Grant { scope: Scope::All, customer_data: true });
/// Everybody's totals, nobody's name.
const TOTALS: Cell = Some(Grant { scope: Scope::All, customer_data: false });

/// Rows in any order; columns: Buyer, Team Lead, Funds Coordinator, Owner.
const TABLE: &[(Resource, Action, [Cell; 4])] = &[
    (Resource::Users, Action::List, [OWN, TEAM, TOTALS, ALL]),
    (Resource::Users, Action::View, [OWN, TEAM, TOTALS, ALL]),
    (Resource::Users, Action::Create, [NO, NO, NO, ALL]),
    (Resource::Prospects, Action::List, [OWN, TEAM, NO, ALL]),
    (Resource::Prospects, Action::View, [OWN, TEAM, NO, ALL]),
    (Resource::Orders, Action::List, [OWN, TEAM, NO, ALL]),
    (Resource::Orders, Action::View, [OWN, TEAM, NO, ALL]),
    (Resource::Parked, Action::List, [NO, NO, NO, ALL]),
    (Resource::Parked, Action::View, [NO, NO, NO, ALL]),
    (Resource::Figures, Action::View, [OWN, TEAM, TOTALS, ALL]),
    (Resource::Account, Action::View, [OWN, OWN, OWN, OWN]),
    (Resource::Account, Action::Update, [OWN, OWN, OWN, OWN]),
];

/// Asks the table. `None`: forbidden.
#[must_use]
pub fn decide(position: Position, action: Action, resource: Resource) -> Option<Grant> {
    TABLE
        .iter()
        .find(|(known_resource, known_action, _)| *known_resource == resource && *known_action == action)
        .and_then(|(_, _, cells)| cells[position.column()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(grant: Option<Grant>) -> String {
        grant.map_or_else(
            || "-".to_owned(),
            |grant| format!("{:?}{}", grant.scope, if grant.customer_data { "" } else { " masked" }),
        )
    }

    #[test]
    fn every_position_against_every_action_on_every_resource() {
        let mut found = String::new();
        for resource in Resource::ALL {
            for action in Action::ALL {
                let row = Position::ALL.map(|position| cell(decide(position, action, resource)));
                found.push_str(&format!("{resource:?} {action:?}: {}\n", row.join(" | ")));
            }
        }
        insta::assert_snapshot!(found, @"
        Users List: Own | Team | All masked | All
        Users View: Own | Team | All masked | All
        Users Create: - | - | - | All
        Users Update: - | - | - | -
        Prospects List: Own | Team | - | All
        Prospects View: Own | Team | - | All
        Prospects Create: - | - | - | -
        Prospects Update: - | - | - | -
        Orders List: Own | Team | - | All
        Orders View: Own | Team | - | All
        Orders Create: - | - | - | -
        Orders Update: - | - | - | -
        Parked List: - | - | - | All
        Parked View: - | - | - | All
        Parked Create: - | - | - | -
        Parked Update: - | - | - | -
        Figures List: - | - | - | -
        Figures View: Own | Team | All masked | All
        Figures Create: - | - | - | -
        Figures Update: - | - | - | -
        Account List: - | - | - | -
        Account View: Own | Own | Own | Own
        Account Create: - | - | - | -
        Account Update: Own | Own | Own | Own
        ");
    }

    #[test]
    fn no_question_has_two_answers() {
        for (index, (resource, action, _)) in TABLE.iter().enumerate() {
            let again = TABLE[index + 1..].iter().any(|row| row.0 == *resource && row.1 == *action);
            assert!(!again, "{resource:?} {action:?} stands twice");
        }
    }

    #[test]
    fn the_words_are_read_back() {
        for position in Position::ALL {
            assert_eq!(Position::parse(position.as_str()), Some(position));
            assert_eq!(serde_json::to_value(position).unwrap(), position.as_str());
        }
        assert_eq!(Position::parse("owner"), None);
    }
}
