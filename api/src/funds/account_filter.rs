//! The filters of lists of things that happen in ad accounts: requests, transfers, ledger lines.

use chrono::{DateTime, Utc};

use crate::funds::reach::Reach;
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::query::{Moment, Params};
use crate::http::state::App;
use crate::http::typed_query::query;
use crate::time_zone::TimeZone;

query! {
    /// The filters by time and by ad account.
    pub struct AccountFilterQuery {
        /// First time of creation, inclusive: RFC 3339, or a date in `tz`.
        pub from: Option<Moment>,
        /// Last time of creation, inclusive: RFC 3339, or a date in `tz`, of which the whole day is
        /// included.
        pub to: Option<Moment>,
        /// IANA time zone, for example `Europe/Berlin`. The default is the viewer's.
        pub tz: Option<TimeZone>,
        /// Only of this ad account.
        pub account_id: Option<i64>,
        /// Only of this buyer's accounts.
        pub user_id: Option<i64>,
        /// Only of accounts of the present members of this team.
        pub team_id: Option<i64>,
    }
}

/// The filters within the viewer's scope.
#[derive(Debug)]
pub struct AccountFilter {
    pub reach: Reach,
    pub account_id: Option<i64>,
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
}

impl AccountFilter {
    /// Reads the filters. Errors of parameters stay in `params`.
    pub async fn read(app: &App, allowed: &Allowed, params: &mut Params) -> Result<Self, ApiError> {
        let query = AccountFilterQuery::read(params);
        let reach = Reach::asked(app, allowed, query.user_id, query.team_id).await?;
        let range = params.range(query.from, query.to, query.tz.unwrap_or(allowed.viewer.time_zone));
        let (from, to) = range.moments();
        Ok(Self { reach, account_id: query.account_id, from, to })
    }

    /// Returns the ad accounts that match. `None` means all.
    pub async fn account_ids(&self, app: &App) -> Result<Option<Vec<i64>>, ApiError> {
        self.reach.account_ids(app, self.account_id).await
    }
}
