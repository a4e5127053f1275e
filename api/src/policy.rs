//! Permissions: one table has the actions of each position, the rows that they reach, and the right
//! to see customer data. `routes.rs` declares the permission of each route, and `http/guard.rs`
//! checks it before the handler runs. API, pages and charts have no other access to the data.
//!
//! Everything that is not in the table is forbidden.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The position of a user. The API and the database have the words of the legacy CRM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub enum Position {
    Buyer,
    #[serde(rename = "Team Lead")]
    TeamLead,
    #[serde(rename = "Funds Coordinator")]
    FundsCoordinator,
    Owner,
}

/// An action on a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    List,
    View,
    Create,
    Update,
    /// A resource with a history is archived, so that the history stays. Includes the permission to
    /// list what is archived, and to restore it.
    Delete,
    /// Approve or refuse a request.
    Approve,
    /// Set the status of an order.
    SetStatus,
}

/// The resource of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resource {
    /// `Create` permits accounts of any position. Registration as a Buyer is public.
    Users,
    Prospects,
    /// Orders with their contacts.
    Orders,
    /// Parked events.
    Parked,
    /// Totals and charts.
    Figures,
    /// The caller's own account.
    Account,
    Teams,
    Campaigns,
    Sources,
    Partners,
    /// The audit trail.
    Audit,
    /// The logins of all users.
    Sessions,
    /// The API tokens of all users.
    Tokens,
    /// The configuration of the service.
    Settings,
    /// The state of all services and databases, and the counts of the pipeline.
    System,
    /// Ad accounts and their balances.
    FundAccounts,
    /// Monthly budgets of teams.
    FundBudgets,
    /// Buyers' requests for money.
    FundRequests,
    /// Top-ups, spend, returns and reversals, and the ledger.
    FundTransfers,
    /// Exchange rates by day.
    FundRates,
}

/// The row scope of a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The viewer's own rows.
    Own,
    /// The rows of the viewer's team. Events count from the time when their buyer was a member.
    Team,
    All,
}

/// The extent of a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    pub scope: Scope,
    /// Whether customer data may be shown: names, e-mail, postal and IP addresses, phone numbers.
    pub customer_data: bool,
}

impl Position {
    /// All positions, in the order of the table's columns.
    pub const ALL: [Self; 4] = [Self::Buyer, Self::TeamLead, Self::FundsCoordinator, Self::Owner];

    /// Returns the word in the API and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Buyer => "Buyer",
            Self::TeamLead => "Team Lead",
            Self::FundsCoordinator => "Funds Coordinator",
            Self::Owner => "Owner",
        }
    }

    /// Parses the word.
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
    pub const ALL: [Self; 7] =
        [Self::List, Self::View, Self::Create, Self::Update, Self::Delete, Self::Approve, Self::SetStatus];
}

impl Resource {
    pub const ALL: [Self; 20] = [
        Self::Users,
        Self::Prospects,
        Self::Orders,
        Self::Parked,
        Self::Figures,
        Self::Account,
        Self::Teams,
        Self::Campaigns,
        Self::Sources,
        Self::Partners,
        Self::Audit,
        Self::Sessions,
        Self::Tokens,
        Self::Settings,
        Self::System,
        Self::FundAccounts,
        Self::FundBudgets,
        Self::FundRequests,
        Self::FundTransfers,
        Self::FundRates,
    ];
}

impl Resource {
    /// Returns the word in paths and in the audit trail.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Prospects => "prospects",
            Self::Orders => "orders",
            Self::Parked => "parked",
            Self::Figures => "figures",
            Self::Account => "account",
            Self::Teams => "teams",
            Self::Campaigns => "campaigns",
            Self::Sources => "sources",
            Self::Partners => "partners",
            Self::Audit => "audit",
            Self::Sessions => "sessions",
            Self::Tokens => "tokens",
            Self::Settings => "settings",
            Self::System => "system",
            Self::FundAccounts => "funds/accounts",
            Self::FundBudgets => "funds/budgets",
            Self::FundRequests => "funds/requests",
            Self::FundTransfers => "funds/transfers",
            Self::FundRates => "funds/rates",
        }
    }
}

type Cell = Option<Grant>;

const NO: Cell = None;
const OWN: Cell = Some(Grant { scope: Scope::Own, customer_data: true });
const TEAM: Cell = Some(Grant { scope: Scope::Team, customer_data: true });
const ALL: Cell = Some(Grant { scope: Scope::All, customer_data: true });
/// All rows without customer data.
const TOTALS: Cell = Some(Grant { scope: Scope::All, customer_data: false });

/// The order of rows does not matter. Columns: Buyer, Team Lead, Funds Coordinator, Owner. The rows
/// of the legacy CRM's resources have its permissions.
const TABLE: &[(Resource, Action, [Cell; 4])] = &[
    (Resource::Users, Action::List, [OWN, TEAM, TOTALS, ALL]),
    (Resource::Users, Action::View, [OWN, TEAM, TOTALS, ALL]),
    (Resource::Users, Action::Create, [NO, NO, NO, ALL]),
    (Resource::Users, Action::Update, [NO, NO, NO, ALL]),
    (Resource::Users, Action::Delete, [NO, NO, NO, ALL]),
    (Resource::Prospects, Action::List, [OWN, TEAM, NO, ALL]),
    (Resource::Prospects, Action::View, [OWN, TEAM, NO, ALL]),
    // On the pages; landing pages need no permission.
    (Resource::Prospects, Action::Create, [NO, NO, NO, ALL]),
    (Resource::Prospects, Action::Update, [NO, NO, NO, ALL]),
    (Resource::Prospects, Action::Delete, [NO, NO, NO, ALL]),
    (Resource::Orders, Action::List, [OWN, TEAM, NO, ALL]),
    (Resource::Orders, Action::View, [OWN, TEAM, NO, ALL]),
    (Resource::Orders, Action::Create, [NO, NO, NO, ALL]),
    (Resource::Orders, Action::SetStatus, [NO, TEAM, NO, ALL]),
    (Resource::Orders, Action::Update, [NO, NO, NO, ALL]),
    (Resource::Orders, Action::Delete, [NO, NO, NO, ALL]),
    (Resource::Parked, Action::List, [NO, NO, NO, ALL]),
    (Resource::Parked, Action::View, [NO, NO, NO, ALL]),
    (Resource::Parked, Action::Update, [NO, NO, NO, ALL]),
    (Resource::Figures, Action::View, [OWN, TEAM, TOTALS, ALL]),
    // Publishes a saved report to everybody.
    (Resource::Figures, Action::Create, [NO, NO, NO, ALL]),
    (Resource::Account, Action::View, [OWN, OWN, OWN, OWN]),
    (Resource::Account, Action::Update, [OWN, OWN, OWN, OWN]),
    (Resource::Teams, Action::List, [TEAM, TEAM, ALL, ALL]),
    (Resource::Teams, Action::View, [TEAM, TEAM, ALL, ALL]),
    (Resource::Teams, Action::Create, [NO, NO, NO, ALL]),
    // A lead may only change the members of their own team.
    (Resource::Teams, Action::Update, [NO, TEAM, NO, ALL]),
    (Resource::Teams, Action::Delete, [NO, NO, NO, ALL]),
    (Resource::Campaigns, Action::List, [OWN, TEAM, TOTALS, ALL]),
    (Resource::Campaigns, Action::View, [OWN, TEAM, TOTALS, ALL]),
    (Resource::Campaigns, Action::Create, [OWN, TEAM, NO, ALL]),
    (Resource::Campaigns, Action::Update, [OWN, TEAM, NO, ALL]),
    (Resource::Campaigns, Action::Delete, [OWN, TEAM, NO, ALL]),
    (Resource::Sources, Action::List, [ALL, ALL, ALL, ALL]),
    (Resource::Sources, Action::View, [ALL, ALL, ALL, ALL]),
    (Resource::Sources, Action::Create, [NO, NO, NO, ALL]),
    (Resource::Sources, Action::Update, [NO, NO, NO, ALL]),
    (Resource::Sources, Action::Delete, [NO, NO, NO, ALL]),
    (Resource::Partners, Action::List, [ALL, ALL, ALL, ALL]),
    (Resource::Partners, Action::View, [ALL, ALL, ALL, ALL]),
    (Resource::Partners, Action::Create, [NO, NO, NO, ALL]),
    (Resource::Partners, Action::Update, [NO, NO, NO, ALL]),
    (Resource::Partners, Action::Delete, [NO, NO, NO, ALL]),
    (Resource::Audit, Action::List, [NO, NO, NO, ALL]),
    (Resource::Sessions, Action::List, [NO, NO, NO, ALL]),
    (Resource::Sessions, Action::View, [NO, NO, NO, ALL]),
    (Resource::Sessions, Action::Delete, [NO, NO, NO, ALL]),
    (Resource::Tokens, Action::List, [NO, NO, NO, ALL]),
    (Resource::Tokens, Action::View, [NO, NO, NO, ALL]),
    (Resource::Tokens, Action::Delete, [NO, NO, NO, ALL]),
    (Resource::Settings, Action::List, [NO, NO, NO, ALL]),
    (Resource::System, Action::View, [NO, NO, NO, ALL]),
    (Resource::FundAccounts, Action::List, [OWN, TEAM, ALL, ALL]),
    (Resource::FundAccounts, Action::View, [OWN, TEAM, ALL, ALL]),
    (Resource::FundAccounts, Action::Create, [NO, NO, ALL, ALL]),
    (Resource::FundAccounts, Action::Update, [NO, NO, ALL, ALL]),
    (Resource::FundAccounts, Action::Delete, [NO, NO, ALL, ALL]),
    (Resource::FundBudgets, Action::List, [NO, TEAM, ALL, ALL]),
    (Resource::FundBudgets, Action::View, [NO, TEAM, ALL, ALL]),
    (Resource::FundBudgets, Action::Create, [NO, NO, NO, ALL]),
    (Resource::FundBudgets, Action::Update, [NO, NO, NO, ALL]),
    (Resource::FundBudgets, Action::Delete, [NO, NO, NO, ALL]),
    (Resource::FundRequests, Action::List, [OWN, TEAM, ALL, ALL]),
    (Resource::FundRequests, Action::View, [OWN, TEAM, ALL, ALL]),
    (Resource::FundRequests, Action::Create, [OWN, NO, NO, ALL]),
    // Buyers may change and cancel their own requests.
    (Resource::FundRequests, Action::Update, [OWN, NO, NO, ALL]),
    (Resource::FundRequests, Action::Delete, [OWN, NO, NO, ALL]),
    (Resource::FundRequests, Action::Approve, [NO, TEAM, NO, ALL]),
    (Resource::FundTransfers, Action::List, [OWN, TEAM, ALL, ALL]),
    (Resource::FundTransfers, Action::View, [OWN, TEAM, ALL, ALL]),
    (Resource::FundTransfers, Action::Create, [NO, NO, ALL, ALL]),
    (Resource::FundRates, Action::List, [ALL, ALL, ALL, ALL]),
    (Resource::FundRates, Action::View, [ALL, ALL, ALL, ALL]),
    (Resource::FundRates, Action::Create, [NO, NO, ALL, ALL]),
    // Corrects a mistyped rate. Amounts that were converted with it stay.
    (Resource::FundRates, Action::Update, [NO, NO, ALL, ALL]),
    (Resource::FundRates, Action::Delete, [NO, NO, ALL, ALL]),
];

/// Looks up a permission. `None`: forbidden.
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

    /// The rows of these resources, a line for each action that anybody may do.
    fn table_of(is_wanted: fn(&Resource) -> bool) -> String {
        let mut found = String::new();
        for resource in Resource::ALL.into_iter().filter(is_wanted) {
            for action in Action::ALL {
                let row = Position::ALL.map(|position| cell(decide(position, action, resource)));
                if row == ["-"; 4] {
                    continue;
                }
                found.push_str(&format!("{resource:?} {action:?}: {}\n", row.join(" | ")));
            }
        }
        found
    }

    fn is_of_funds(resource: &Resource) -> bool {
        format!("{resource:?}").starts_with("Fund")
    }

    #[test]
    fn every_position_against_every_action_on_every_resource() {
        insta::assert_snapshot!(table_of(|resource| !is_of_funds(resource)), @"
        Users List: Own | Team | All masked | All
        Users View: Own | Team | All masked | All
        Users Create: - | - | - | All
        Users Update: - | - | - | All
        Users Delete: - | - | - | All
        Prospects List: Own | Team | - | All
        Prospects View: Own | Team | - | All
        Prospects Create: - | - | - | All
        Prospects Update: - | - | - | All
        Prospects Delete: - | - | - | All
        Orders List: Own | Team | - | All
        Orders View: Own | Team | - | All
        Orders Create: - | - | - | All
        Orders Update: - | - | - | All
        Orders Delete: - | - | - | All
        Orders SetStatus: - | Team | - | All
        Parked List: - | - | - | All
        Parked View: - | - | - | All
        Parked Update: - | - | - | All
        Figures View: Own | Team | All masked | All
        Figures Create: - | - | - | All
        Account View: Own | Own | Own | Own
        Account Update: Own | Own | Own | Own
        Teams List: Team | Team | All | All
        Teams View: Team | Team | All | All
        Teams Create: - | - | - | All
        Teams Update: - | Team | - | All
        Teams Delete: - | - | - | All
        Campaigns List: Own | Team | All masked | All
        Campaigns View: Own | Team | All masked | All
        Campaigns Create: Own | Team | - | All
        Campaigns Update: Own | Team | - | All
        Campaigns Delete: Own | Team | - | All
        Sources List: All | All | All | All
        Sources View: All | All | All | All
        Sources Create: - | - | - | All
        Sources Update: - | - | - | All
        Sources Delete: - | - | - | All
        Partners List: All | All | All | All
        Partners View: All | All | All | All
        Partners Create: - | - | - | All
        Partners Update: - | - | - | All
        Partners Delete: - | - | - | All
        Audit List: - | - | - | All
        Sessions List: - | - | - | All
        Sessions View: - | - | - | All
        Sessions Delete: - | - | - | All
        Tokens List: - | - | - | All
        Tokens View: - | - | - | All
        Tokens Delete: - | - | - | All
        Settings List: - | - | - | All
        System View: - | - | - | All
        ");
    }

    #[test]
    fn every_position_against_every_action_on_funds() {
        insta::assert_snapshot!(table_of(is_of_funds), @"
        FundAccounts List: Own | Team | All | All
        FundAccounts View: Own | Team | All | All
        FundAccounts Create: - | - | All | All
        FundAccounts Update: - | - | All | All
        FundAccounts Delete: - | - | All | All
        FundBudgets List: - | Team | All | All
        FundBudgets View: - | Team | All | All
        FundBudgets Create: - | - | - | All
        FundBudgets Update: - | - | - | All
        FundBudgets Delete: - | - | - | All
        FundRequests List: Own | Team | All | All
        FundRequests View: Own | Team | All | All
        FundRequests Create: Own | - | - | All
        FundRequests Update: Own | - | - | All
        FundRequests Delete: Own | - | - | All
        FundRequests Approve: - | Team | - | All
        FundTransfers List: Own | Team | All | All
        FundTransfers View: Own | Team | All | All
        FundTransfers Create: - | - | All | All
        FundRates List: All | All | All | All
        FundRates View: All | All | All | All
        FundRates Create: - | - | All | All
        FundRates Update: - | - | All | All
        FundRates Delete: - | - | All | All
        ");
    }

    #[test]
    fn no_permission_is_listed_twice() {
        for (index, (resource, action, _)) in TABLE.iter().enumerate() {
            let again = TABLE[index + 1..].iter().any(|row| row.0 == *resource && row.1 == *action);
            assert!(!again, "{resource:?} {action:?} stands twice");
        }
    }

    #[test]
    fn words_are_parsed_back() {
        for position in Position::ALL {
            assert_eq!(Position::parse(position.as_str()), Some(position));
            assert_eq!(serde_json::to_value(position).unwrap(), position.as_str());
        }
        assert_eq!(Position::parse("owner"), None);
    }
}
