//! Everything that the SQL of a report needs, and its parameters.

use clickhouse::query::Query;

use crate::dates::buckets::Bucket;
use crate::db::campaigns::CampaignLinksRow;
use crate::db::event_conditions::Conditions;
use crate::db::scope::EventScope;
use crate::reports::dimensions::Dimension;
use crate::reports::expected::ApproveRates;
use crate::reports::formula::Base;
use crate::reports::money::Rates;
use crate::reports::request::Report;
use crate::reports::slots;

/// A range of a report, with the starts of its intervals for each dimension.
#[derive(Debug, Clone)]
pub struct Span {
    pub from_ms: i64,
    pub to_ms: i64,
    pub starts: Vec<Vec<i64>>,
}

/// A report with everything that its SQL needs.
#[derive(Debug)]
pub struct Plan {
    pub report: Report,
    pub scope: EventScope,
    pub rates: Rates,
    pub approve_rates: ApproveRates,
    pub links: Vec<CampaignLinksRow>,
    pub now: Span,
    pub then: Option<Span>,
    /// Rows of a first level of time that have begun.
    pub n_slots: usize,
    /// Levels of time below the first, each with the end of the numbers that have begun.
    pub begun: Vec<(usize, usize)>,
    /// Keys of rows that are open, as SQL writes them.
    pub open: Vec<Vec<String>>,
}

impl Span {
    /// Makes the span of a range. `buckets` has the intervals of each dimension; empty for others.
    #[must_use]
    pub fn new(from_ms: i64, to_ms: i64, buckets: &[Vec<Bucket>]) -> Self {
        let starts = |buckets: &Vec<Bucket>| buckets.iter().map(|bucket| bucket.from_ms).collect();
        Self { from_ms, to_ms, starts: buckets.iter().map(starts).collect() }
    }
}

impl Plan {
    pub(super) fn uses(&self, base: Base) -> bool {
        self.report.uses_any(|used| used == base)
    }

    pub(super) fn n_keys(&self) -> usize {
        self.report.dimensions.len()
    }

    /// `false`: the range itself, `true`: the range to compare with.
    pub(super) fn spans(&self) -> impl Iterator<Item = bool> + use<> {
        [false].into_iter().chain(self.then.is_some().then_some(true))
    }

    pub(super) fn span(&self, is_then: bool) -> &Span {
        self.then.as_ref().filter(|_| is_then).unwrap_or(&self.now)
    }

    pub(super) fn slots_name(&self, is_then: bool, dimension: &Dimension) -> String {
        let index = self.report.dimensions.iter().position(|known| known.name == dimension.name);
        format!("slots_{}_{}", if is_then { "then" } else { "now" }, index.unwrap_or(0))
    }

    pub(super) fn value_sql(&self, is_then: bool, dimension: &Dimension) -> String {
        dimension.sql(&self.slots_name(is_then, dimension))
    }

    pub(super) fn conditions(&self) -> Conditions {
        self.report.filters.conditions(|dimension| dimension.sql(""))
    }

    /// Writes the keys `k1` to `k3`, each followed by a comma.
    pub(super) fn keys_sql(&self, of: impl Fn(&Dimension, usize) -> String) -> String {
        let dimensions = self.report.dimensions.iter().enumerate();
        let keys =
            dimensions.map(|(index, dimension)| format!("{} AS k{}, ", of(dimension, index), index + 1));
        keys.collect::<Vec<_>>().concat()
    }

    pub(super) fn bind(&self, query: Query) -> Query {
        let (changes, offsets) = {
            let (from_ms, to_ms) = self.then.as_ref().map_or((self.now.from_ms, self.now.to_ms), |then| {
                (then.from_ms.min(self.now.from_ms), then.to_ms.max(self.now.to_ms))
            });
            slots::offsets(from_ms, to_ms, self.report.present.zone)
        };
        let id = |id: i64| u64::try_from(id).unwrap_or(0);
        let of = |of: fn(&CampaignLinksRow) -> i64| -> Vec<u64> {
            // `transform` needs a value.
            [0].into_iter().chain(self.links.iter().map(|link| id(of(link)))).collect()
        };
        let then = self.span(true);
        let open: Vec<String> = self
            .open
            .iter()
            .map(|path| {
                let part = |index: usize| path.get(index).map_or("", String::as_str);
                format!("{}{}\u{1}{}", path.len() + 1, part(0), part(1))
            })
            .collect();
        let mut query = self
            .rates
            .bind(self.conditions().bind(self.approve_rates.bind(self.scope.bind(query))))
            .param("from_ms", self.now.from_ms)
            .param("to_ms", self.now.to_ms)
            .param("then_from_ms", then.from_ms)
            .param("then_to_ms", then.to_ms)
            .param("campaigns", of(|link| link.id))
            .param("sources", of(|link| link.source_id))
            .param("partners", of(|link| link.partner_id))
            .param("changes", changes)
            .param("offsets", offsets)
            .param("offset", self.report.offset)
            .param("open", open);
        for (name, span) in [("now", &self.now), ("then", then)] {
            for (index, starts) in span.starts.iter().enumerate() {
                query = query.param(&format!("slots_{name}_{index}"), starts);
            }
        }
        query
    }
}
