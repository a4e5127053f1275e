//! The ledger, balances and exchange rates.

use super::description::{
    ACCOUNT_PICK, BUYERS, Column, Dated, Entity, Input, Kind, LISTED, Refers, TEAM_PICK, Widget,
};
use crate::policy::Resource;

pub static LEDGER: Entity = Entity {
    resource: Resource::FundTransfers,
    path: "funds/ledger",
    one: "line",
    many: "Ledger",
    about: "Every movement of money, with the balance after it",
    empty: "The ledger is empty. Each transfer adds two lines or more.",
    columns: &[
        Column::sorted("time", "Entered", Kind::Time),
        Column::sorted("date", "Date", Kind::Date),
        Column::sorted("kind", "Kind", Kind::Status),
        Column::sorted("book", "Book", Kind::Word),
        Column::sorted("account_id", "Ad account", Kind::Ref(Refers::Account)),
        Column::sorted("amount", "Amount", Kind::Money),
        Column::new("balance", "Balance", Kind::Money),
        Column::new("transfer_id", "Transfer", Kind::Id("funds/transfers")),
        Column::new("reference", "Reference", Kind::Text),
        Column::new("note", "Note", Kind::Text),
    ],
    filters: &[
        Input::filter("account_id", "Ad account", Widget::Pick(ACCOUNT_PICK)),
        Input::filter("user_id", "Buyer", Widget::Pick(BUYERS)),
        Input::filter("team_id", "Team", Widget::Pick(TEAM_PICK)),
    ],
    dated: Dated::ByTime,
    ..LISTED
};

pub static BALANCES: Entity = Entity {
    resource: Resource::FundTransfers,
    path: "funds/balances",
    one: "balance",
    many: "Balances",
    about: "Balance and runway of ad accounts",
    empty: "No balances yet. They appear with the first ad account.",
    columns: &[
        Column::new("name", "Name", Kind::Text),
        Column::new("balance", "Balance", Kind::Money),
        Column::new("spent_7_days", "Spent in 7 days", Kind::Money),
        Column::new("runway_days", "Runway, days", Kind::Number),
        Column::new("is_low", "Low", Kind::Flag),
    ],
    filters: &[
        Input::filter("by", "By", Widget::Choice(&["account", "buyer", "team"])),
        Input::filter("user_id", "Buyer", Widget::Pick(BUYERS)),
        Input::filter("team_id", "Team", Widget::Pick(TEAM_PICK)),
    ],
    ..LISTED
};

pub static RATES: Entity = Entity {
    resource: Resource::FundRates,
    one: "rate",
    many: "Exchange rates",
    about: "Prices of currencies by day",
    empty: "No rates yet. Create one for each pair of currencies that reports convert.",
    name: "date",
    columns: &[
        Column::sorted("date", "Valid from", Kind::Name),
        Column::sorted("base", "Currency", Kind::Text),
        Column::sorted("quote", "In", Kind::Text),
        Column::sorted("rate", "Rate", Kind::Number),
    ],
    facts: &[Column::new("id", "Id", Kind::Number)],
    filters: &[
        Input::filter("base", "Currency", Widget::Currency),
        Input::filter("quote", "In", Widget::Currency),
    ],
    dated: Dated::ByDay,
    inputs: &[
        Input::new("base", "Currency", Widget::Currency, "").required(),
        Input::new("quote", "In", Widget::Currency, "").required(),
        Input::new("date", "Valid from", Widget::Date, "").required(),
        Input::new(
            "rate",
            "Rate",
            Widget::Decimal,
            "The price of one unit, with at most nine decimal places.",
        )
        .required(),
    ],
    is_created: true,
    is_updated: true,
    is_deleted: true,
    is_shown: true,
    deletion: "Amounts that were converted with it stay as they are.",
    ..LISTED
};
