//! The filter of `/live/`: for the query of the list, and for the rows of the stream.

use sluice_schemas::live::{LiveKind, LiveRow};

use crate::db::MAX_TIME_MS;
use crate::db::event_conditions::{Comparison, Conditions};
use crate::db::event_filter::EventFilter;
use crate::db::scope::EventScope;
use crate::http::allowed::Allowed;
use crate::http::query::Params;
use crate::policy::{Action, Resource, decide};

/// The conditions of a viewer. An unset one is empty or 0.
#[derive(Debug, Clone)]
pub(super) struct LiveFilter {
    /// The kinds that the viewer chose and may see.
    pub kinds: Vec<LiveKind>,
    pub user_id: u64,
    pub campaign_id: u64,
    pub country: String,
    pub is_bot: Option<bool>,
}

impl LiveFilter {
    /// Reads the parameters. Errors stay in `params`.
    pub(super) fn read(params: &mut Params, allowed: &Allowed) -> Self {
        let kind = params.word("kind", &["visit", "order"]);
        let id = |params: &mut Params, name: &str| params.id(name).map_or(0, i64::unsigned_abs);
        let (user_id, campaign_id) = (id(params, "user_id"), id(params, "campaign_id"));
        let is_letters = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
        let country = params.parsed(
            "country",
            |text| is_letters(text).then(|| text.to_ascii_uppercase()),
            |_| "Enter a country as two letters, as UA.".to_owned(),
        );
        let is_bot = params.flag("bot");
        // The scope of both is the same, so that one load of it serves both.
        let sees_orders =
            decide(allowed.viewer.position, Action::List, Resource::Orders) == Some(allowed.grant);
        let kinds = [(LiveKind::Visit, "visit", true), (LiveKind::Order, "order", sees_orders)];
        let is_chosen = |word: &str| kind.is_none_or(|kind| kind == word);
        Self {
            kinds: kinds
                .into_iter()
                .filter(|(_, word, is_permitted)| *is_permitted && is_chosen(word))
                .map(|(kind, _, _)| kind)
                .collect(),
            user_id,
            campaign_id,
            country: country.unwrap_or_default(),
            is_bot,
        }
    }

    /// Makes the filter of the list.
    #[must_use]
    pub(super) fn of_list(&self, scope: EventScope, limit: u32) -> EventFilter {
        let mut conditions = Conditions::default();
        if let Some(is_bot) = self.is_bot {
            let comparison = if is_bot { Comparison::IsSome } else { Comparison::IsNone };
            conditions.any_of("bot", "bot", "''", &[comparison]);
        }
        EventFilter {
            scope,
            to_ms: MAX_TIME_MS,
            user_id: self.user_id,
            campaign_id: self.campaign_id,
            country: self.country.clone(),
            conditions,
            limit,
            ..EventFilter::default()
        }
    }

    /// Returns whether the list has the row, apart from the scope.
    #[must_use]
    pub(super) fn has(&self, row: &LiveRow) -> bool {
        self.kinds.contains(&row.kind)
            && (self.user_id == 0 || self.user_id == row.user_id)
            && (self.campaign_id == 0 || self.campaign_id == row.campaign_id)
            && (self.country.is_empty() || self.country == row.country)
            && self.is_bot.is_none_or(|is_bot| is_bot != row.bot.is_empty())
    }
}
