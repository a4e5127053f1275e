//! Descriptions of the entities that pages list, show and edit. One description serves the lists,
//! the pages of one thing, the forms, the CSV files and the admin section. The data come from the
//! API ([how to add one](../../../../docs/adr/0011-pages-are-clients-of-the-api.md)).

pub mod description;
mod funds;
mod money;
mod people;
mod traffic;

pub use self::description::{Column, Entity, Forms, Input, Kind, Panel, Pick, Refers, Verb, Widget};
pub use self::funds::{ACCOUNTS, BUDGETS, REQUESTS, TRANSFERS};
pub use self::money::{AUDIT, BALANCES, HISTORY, LEDGER, RATES};
pub use self::people::{TEAMS, USERS};
pub use self::traffic::{CAMPAIGNS, ORDERS, PARTNERS, PROSPECTS, SOURCES};

/// All entities, in the order of the admin section.
pub static ALL: [&Entity; 15] = [
    &USERS, &TEAMS, &PROSPECTS, &ORDERS, &CAMPAIGNS, &SOURCES, &PARTNERS, &ACCOUNTS, &BUDGETS, &REQUESTS,
    &TRANSFERS, &LEDGER, &BALANCES, &RATES, &AUDIT,
];
