//! The two sites that show entities: the pages of everybody, and the admin section.

use crate::http::error::ApiError;
use crate::http::in_process::Api;
use crate::pages::entity::{ACCOUNTS, BALANCES, BUDGETS, Entity, LEDGER, RATES, REQUESTS, TRANSFERS};
use crate::policy::{Action, Position, Resource, decide};

/// The site that shows an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Site {
    Pages,
    /// The admin section, for Owners.
    Admin,
}

/// A link between lists that belong together.
#[derive(Debug)]
pub struct Tab {
    pub href: String,
    pub label: &'static str,
    pub is_active: bool,
}

/// The lists of funds, which have tabs to each other.
static FUNDS: [&Entity; 7] = [&REQUESTS, &ACCOUNTS, &BALANCES, &TRANSFERS, &BUDGETS, &LEDGER, &RATES];

impl Site {
    /// Returns the path before that of an entity.
    #[must_use]
    pub const fn base(self) -> &'static str {
        match self {
            Self::Pages => "",
            Self::Admin => "/admin",
        }
    }

    /// Checks that the caller may use the site. The admin section is for those who may read the
    /// audit trail.
    ///
    /// # Errors
    /// 403 for others.
    pub fn admit(self, api: &Api) -> Result<(), ApiError> {
        let is_open = self == Self::Pages;
        let may = is_open || decide(api.caller().viewer.position, Action::List, Resource::Audit).is_some();
        if may { Ok(()) } else { Err(ApiError::forbidden()) }
    }

    /// Returns the path of an entity's list.
    #[must_use]
    pub fn list(&self, entity: &Entity) -> String {
        format!("{}/{}/", self.base(), entity.path())
    }

    /// Returns the path of a thing.
    #[must_use]
    pub fn thing(&self, entity: &Entity, id: &str) -> String {
        format!("{}/{}/{id}/", self.base(), entity.path())
    }

    /// Returns the tabs above a list of funds; none above another list.
    #[must_use]
    pub fn tabs(self, shown: &Entity, position: Position) -> Vec<Tab> {
        if self == Self::Admin || !shown.path().starts_with("funds/") {
            return Vec::new();
        }
        FUNDS
            .iter()
            .filter(|entity| decide(position, Action::List, entity.resource).is_some())
            .map(|entity| Tab {
                href: self.list(entity),
                label: entity.many,
                is_active: entity.path() == shown.path(),
            })
            .collect()
    }
}
