//! Descriptions of the entities that pages list, show and edit. One description serves the lists,
//! the pages of one thing, the forms, the CSV files and the admin section. The data come from the
//! API ([how to add one](../../../../docs/adr/0011-pages-are-clients-of-the-api.md)).

mod access;
mod audit;
mod campaigns;
pub mod description;
mod funds;
mod money;
mod orders;
mod partners;
mod people;
mod prospects;
mod sources;

pub use self::access::{SESSIONS, SETTINGS, TOKENS};
pub use self::audit::{AUDIT, HISTORY};
pub use self::campaigns::CAMPAIGNS;
pub use self::description::{Column, Dated, Entity, Forms, Input, Kind, Panel, Pick, Refers, Verb, Widget};
pub use self::funds::{ACCOUNTS, BUDGETS, REQUESTS, TRANSFERS};
pub use self::money::{BALANCES, LEDGER, RATES};
pub use self::orders::ORDERS;
pub use self::partners::PARTNERS;
pub use self::people::{TEAMS, USERS};
pub use self::prospects::PROSPECTS;
pub use self::sources::SOURCES;

/// All entities, in the order of the admin section.
pub static ALL: [&Entity; 18] = [
    &USERS, &TEAMS, &PROSPECTS, &ORDERS, &CAMPAIGNS, &SOURCES, &PARTNERS, &ACCOUNTS, &BUDGETS, &REQUESTS,
    &TRANSFERS, &LEDGER, &BALANCES, &RATES, &SESSIONS, &TOKENS, &SETTINGS, &AUDIT,
];
