//! The batches: the events that they need, their contents, and the expected rows afterwards.

use std::fmt;

use clap::ValueEnum;
use sluice_schemas::change::{Act, Change, Entity};
use uuid::Uuid;

use super::ledger::{Check, outcomes, rollup};
use super::round::Month::{Early, Late};
use super::round::{BUYER, Round, bot, order, visit};

/// A type of batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub enum Scenario {
    /// Visits, and orders of a visit in the batch, of an earlier visit, and of an unknown visit
    Events,
    /// Visits for which orders wait
    Replay,
    /// Edits, deletions and erasures, also of an order that waits
    Changes,
}

impl fmt::Display for Scenario {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Events => "events",
            Self::Replay => "replay",
            Self::Changes => "changes",
        })
    }
}

/// Records to send.
#[derive(Debug, Default)]
pub struct Batch {
    /// Encoded events for one chunk.
    pub events: Vec<Vec<u8>>,
    /// Changes, with their prospects as keys.
    pub changes: Vec<(Uuid, Change)>,
}

/// The buyer to whom some of the visits are moved.
const NEXT_BUYER: &str = "4";

/// The round of the visit that has an order in every batch of events.
const KNOWN: Round = Round(20_000);

impl Scenario {
    /// All scenarios.
    pub const ALL: [Self; 3] = [Self::Events, Self::Replay, Self::Changes];

    /// Returns the events that must be stored before the first round.
    pub(super) fn foundation(self) -> Vec<Vec<u8>> {
        match self {
            Self::Events => vec![visit(KNOWN, 1, Early)],
            Self::Replay | Self::Changes => Vec::new(),
        }
    }

    /// Returns the events that must be stored before a round.
    pub(super) fn setup(self, round: Round) -> Vec<Vec<u8>> {
        match self {
            Self::Events => Vec::new(),
            Self::Replay => {
                [Early, Late].map(|month| order(round, 1, month, round.prospect(1, month))).into()
            }
            Self::Changes => vec![
                visit(round, 1, Early),
                visit(round, 2, Late),
                visit(round, 3, Early),
                order(round, 1, Early, round.prospect(1, Early)),
                order(round, 2, Late, round.prospect(1, Early)),
                order(round, 3, Late, round.prospect(2, Late)),
                order(round, 4, Early, round.prospect(3, Early)),
                order(round, 5, Late, round.prospect(9, Late)),
            ],
        }
    }

    /// Returns the batch of a round.
    pub(super) fn batch(self, round: Round) -> Batch {
        match self {
            Self::Events => Batch {
                events: vec![
                    visit(round, 1, Early),
                    visit(round, 2, Late),
                    bot(round, 3, Late),
                    order(round, 1, Early, round.prospect(1, Early)),
                    order(round, 2, Late, KNOWN.prospect(1, Early)),
                    order(round, 3, Late, round.prospect(9, Late)),
                ],
                changes: Vec::new(),
            },
            Self::Replay => Batch {
                events: [Early, Late].map(|month| visit(round, 1, month)).into(),
                changes: Vec::new(),
            },
            Self::Changes => Batch { events: Vec::new(), changes: changes(round) },
        }
    }

    /// Returns the checks after a round, except the lane check, for which the sender knows the
    /// ordinal.
    pub(super) fn expected(self, round: Round) -> Vec<Check> {
        match self {
            Self::Events => {
                let prospects =
                    [(1, Early), (2, Late), (3, Late)].map(|(role, month)| round.prospect(role, month));
                let orders = [(1, Early), (2, Late)].map(|(role, month)| round.order(role, month));
                let mut checks = stored(&prospects, &orders);
                checks.extend([
                    Check::parked(&[(round.order(3, Late), "waiting")]),
                    rollup(round, &[(Early, 3, [1, 0, 1, 0]), (Late, 3, [2, 1, 1, 0])]),
                    outcomes(round, &[(Early, "stored", 2), (Late, "stored", 3), (Late, "parked", 1)]),
                ]);
                checks
            }
            Self::Replay => {
                let months = [Early, Late];
                let orders = months.map(|month| round.order(1, month));
                let mut checks = stored(&months.map(|month| round.prospect(1, month)), &orders);
                checks.extend([
                    Check::parked(&orders.map(|order| (order, "replayed"))),
                    rollup(round, &months.map(|month| (month, 3, [1, 0, 1, 0]))),
                    outcomes(
                        round,
                        &["stored", "parked", "replayed"]
                            .map(|word| months.map(|month| (month, word, 1)))
                            .concat(),
                    ),
                ]);
                checks
            }
            Self::Changes => changed(round),
        }
    }
}

/// Returns the checks for visits and orders of the usual buyer, and all rows that belong to them.
fn stored(prospects: &[Uuid], orders: &[Uuid]) -> Vec<Check> {
    let of_buyer: Vec<_> = prospects.iter().map(|id| (*id, BUYER.to_owned())).collect();
    let on_hold: Vec<_> = orders.iter().map(|id| (*id, format!("{BUYER} hold"))).collect();
    let contacts: Vec<_> = orders.iter().map(|id| (*id, "old@example.com".to_owned())).collect();
    vec![
        Check::rows("prospects", &of_buyer),
        Check::rows("prospect_index", &of_buyer),
        Check::rows("orders", &on_hold),
        Check::rows("order_contacts", &contacts),
    ]
}

/// Returns the changes of a round. The first visit is moved to another buyer, together with its
/// orders.
fn changes(round: Round) -> Vec<(Uuid, Change)> {
    let (first, second, third) =
        (round.prospect(1, Early), round.prospect(2, Late), round.prospect(3, Early));
    let contact = [
        ("status", "sale"),
        ("email", "new@example.com"),
        ("phone_number", ""),
        ("first_name", ""),
        ("last_name", ""),
        ("delivery_address", ""),
    ];
    let all = [
        (Entity::Prospect, first, first, Act::Update, &[("user_id", NEXT_BUYER)][..]),
        (Entity::Order, first, round.order(1, Early), Act::Update, &contact),
        (Entity::Order, second, round.order(3, Late), Act::Erase, &[]),
        (Entity::Prospect, third, third, Act::Delete, &[]),
        (Entity::Order, third, round.order(4, Early), Act::Delete, &[]),
        (Entity::Order, round.prospect(9, Late), round.order(5, Late), Act::Delete, &[]),
    ];
    let mut changes = Vec::new();
    for (role, (entity, key, target, act, fields)) in (0..).zip(all) {
        let month = if role % 2 == 0 { Early } else { Late };
        let named = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let change = Change {
            id: round.change(role, month).into_bytes().to_vec().into(),
            time_ms: round.time_ms(month),
            actor_id: 1,
            entity: entity.into(),
            entity_id: target.into_bytes().to_vec().into(),
            act: act.into(),
            fields: named.collect(),
            reason: "crash points".to_owned(),
            expected_version: None,
        };
        changes.push((key, change));
    }
    changes
}

/// Returns the checks after the changes of a round.
fn changed(round: Round) -> Vec<Check> {
    let (first, second) = (round.prospect(1, Early), round.prospect(2, Late));
    let prospects = [(first, NEXT_BUYER.to_owned()), (second, BUYER.to_owned())];
    let (sale, held, erased) = (round.order(1, Early), round.order(2, Late), round.order(3, Late));
    let done: Vec<_> =
        changes(round).iter().map(|(_, change)| (change.change_id(), "applied".to_owned())).collect();
    vec![
        Check::rows("prospects", &prospects),
        Check::rows("prospect_index", &prospects),
        Check::rows(
            "orders",
            &[
                (sale, format!("{NEXT_BUYER} sale")),
                (held, format!("{NEXT_BUYER} hold")),
                (erased, format!("{BUYER} hold")),
            ],
        ),
        Check::rows(
            "order_contacts",
            &[(sale, "new@example.com".to_owned()), (held, "old@example.com".to_owned())],
        ),
        Check::rows("order_status", &[(sale, "sale".to_owned())]),
        Check::rows("changes", &done),
        Check::gone("prospects", &[round.prospect(3, Early)]),
        Check::gone("prospect_index", &[round.prospect(3, Early)]),
        Check::gone("orders", &[round.order(4, Early)]),
        Check::gone("order_contacts", &[erased, round.order(4, Early)]),
        Check::parked(&[(round.order(5, Late), "ignored")]),
        rollup(round, &[(Early, 4, [1, 0, 1, 1]), (Late, 4, [0, 0, 1, 0]), (Late, 3, [1, 0, 1, 0])]),
        outcomes(round, &[(Early, "stored", 4), (Late, "stored", 3), (Late, "parked", 1)]),
    ]
}
