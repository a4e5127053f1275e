//! Translates the scope of the policy into the buyers whose money a viewer may see. The money of a
//! team is that of its present members.

use sqlx::PgExecutor;

use crate::db::funds::accounts;
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::state::App;
use crate::policy::Scope;

/// Buyers whose money the viewer may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// `None` means all buyers.
    pub buyers: Option<Vec<i64>>,
}

impl Reach {
    /// Resolves the policy's scope for this viewer.
    pub async fn of(executor: impl PgExecutor<'_>, allowed: &Allowed) -> Result<Self, ApiError> {
        let buyers = match (allowed.grant.scope, &allowed.viewer.team) {
            (Scope::All, _) => None,
            (Scope::Own, _) => Some(vec![allowed.viewer.id]),
            (Scope::Team, Some((team_id, _))) => Some(accounts::members(executor, *team_id).await?),
            (Scope::Team, None) => Some(Vec::new()),
        };
        Ok(Self { buyers })
    }

    /// Loads the buyers within the viewer's scope who match the parameters `user_id` and `team_id`.
    pub async fn asked(
        app: &App,
        allowed: &Allowed,
        user_id: Option<i64>,
        team_id: Option<i64>,
    ) -> Result<Self, ApiError> {
        let mut reach = Self::of(&app.postgres, allowed).await?;
        if let Some(team_id) = team_id {
            let members = accounts::members(&app.postgres, team_id).await?;
            reach.narrow(&members);
        }
        if let Some(user_id) = user_id {
            reach.narrow(&[user_id]);
        }
        Ok(reach)
    }

    /// Returns the ad accounts of these buyers, only `asked` if given. `None` means all accounts.
    pub async fn account_ids(&self, app: &App, asked: Option<i64>) -> Result<Option<Vec<i64>>, ApiError> {
        let Some(buyers) = &self.buyers else { return Ok(asked.map(|id| vec![id])) };
        let mut ids = accounts::ids_of(&app.postgres, buyers).await?;
        ids.retain(|id| asked.is_none_or(|asked| asked == *id));
        Ok(Some(ids))
    }

    /// Returns whether a buyer is among them.
    #[must_use]
    pub fn has(&self, buyer_id: i64) -> bool {
        self.buyers.as_ref().is_none_or(|buyers| buyers.contains(&buyer_id))
    }

    /// Returns the ids for queries.
    #[must_use]
    pub fn ids(&self) -> Option<&[i64]> {
        self.buyers.as_deref()
    }

    fn narrow(&mut self, to: &[i64]) {
        let within = to.iter().copied().filter(|id| self.has(*id)).collect();
        self.buyers = Some(within);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_never_widens_what_is_seen() {
        let mut reach = Reach { buyers: Some(vec![1, 2]) };
        reach.narrow(&[2, 3]);
        assert_eq!(reach.ids(), Some([2].as_slice()));
        let mut all = Reach { buyers: None };
        assert!(all.has(9));
        all.narrow(&[9]);
        assert_eq!(all.ids(), Some([9].as_slice()));
    }
}
