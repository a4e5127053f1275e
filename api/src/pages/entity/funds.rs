//! Ad accounts, budgets of teams, requests for money, and transfers.

use super::description::{
    ACCOUNT_PICK, BUYERS, Column, Entity, Forms, Input, Kind, LISTED, Panel, Refers, SOURCE_PICK, TEAM_PICK,
    Verb, Widget, is,
};
use crate::policy::{Action, Resource};

const STATES: &[&str] = &["active", "paused", "banned", "closed"];
const STATUSES: &[&str] = &["open", "approved", "refused", "cancelled", "topped_up"];

pub static ACCOUNTS: Entity = Entity {
    resource: Resource::FundAccounts,
    one: "ad account",
    many: "Ad accounts",
    about: "Accounts of Buyers in the traffic systems",
    empty: "No ad accounts yet. Create one for a Buyer, then record its transfers.",
    name: "name",
    columns: &[
        Column::sorted("name", "Name", Kind::Name),
        Column::sorted("user_id", "Buyer", Kind::Ref(Refers::User)),
        Column::sorted("source_id", "Source", Kind::Ref(Refers::Source)),
        Column::sorted("state", "State", Kind::Status),
        Column::sorted("balance", "Balance", Kind::Money),
        Column::sorted("credit_limit", "Credit limit", Kind::Money),
        Column::sorted("low_runway_days", "Low runway, days", Kind::Number),
        Column::sorted("created_at", "Created", Kind::Time),
    ],
    facts: &[Column::new("id", "Id", Kind::Number)],
    filters: &[
        Input::filter("user_id", "Buyer", Widget::Pick(BUYERS)),
        Input::filter("team_id", "Team", Widget::Pick(TEAM_PICK)),
        Input::filter("state", "State", Widget::Choice(STATES)),
    ],
    is_searched: true,
    inputs: &[
        Input::new("name", "Name", Widget::Line(100), "").required(),
        Input::new("user_id", "Buyer", Widget::Pick(BUYERS), "").required(),
        Input::new("currency", "Currency", Widget::Currency, "It cannot be changed later.")
            .required()
            .only(Forms::Create),
        Input::new("source_id", "Source", Widget::Pick(SOURCE_PICK), ""),
        Input::new("state", "State", Widget::Choice(STATES), "Only an active account can be topped up."),
        Input::new("credit_limit", "Credit limit", Widget::Decimal, "How far the balance may be below zero."),
        Input::new("low_runway_days", "Low runway, days", Widget::Whole, "From 0 to 365; 3 if empty."),
    ],
    is_created: true,
    is_updated: true,
    is_deleted: true,
    is_shown: true,
    panels: &[
        Panel { title: "Transfers", entity: &TRANSFERS, filter: "account_id", is_main: true },
        Panel { title: "Requests", entity: &REQUESTS, filter: "account_id", is_main: false },
    ],
    deletion: "It disappears from lists. Its transfers stay in the ledger.",
    ..LISTED
};

pub static BUDGETS: Entity = Entity {
    resource: Resource::FundBudgets,
    one: "budget",
    many: "Budgets",
    about: "What teams may have approved in a month",
    empty: "No budgets yet. Create one, so that a Team Lead can approve requests.",
    name: "month",
    columns: &[
        Column::sorted("month", "Month", Kind::Name),
        Column::sorted("team_id", "Team", Kind::Ref(Refers::Team)),
        Column::sorted("amount", "Amount", Kind::Money),
        Column::sorted("used", "Approved", Kind::Money),
        Column::sorted("left", "Left", Kind::Money),
    ],
    facts: &[Column::new("id", "Id", Kind::Number)],
    filters: &[
        Input::filter("team_id", "Team", Widget::Pick(TEAM_PICK)),
        Input::filter("month", "Month", Widget::Month),
    ],
    inputs: &[
        Input::new("team_id", "Team", Widget::Pick(TEAM_PICK), "").required(),
        Input::new("month", "Month", Widget::Month, "As 2026-11.").required(),
        Input::new("amount", "Amount", Widget::Decimal, "").required(),
        Input::new("currency", "Currency", Widget::Currency, "").required(),
    ],
    is_created: true,
    is_updated: true,
    is_deleted: true,
    is_shown: true,
    deletion: "Requests can no longer be approved within it. A budget with approved requests cannot be deleted.",
    ..LISTED
};

pub static REQUESTS: Entity = Entity {
    resource: Resource::FundRequests,
    one: "request",
    many: "Requests",
    about: "Buyers ask for money in their ad accounts",
    empty: "No requests yet. A Buyer asks for a top-up of an ad account here.",
    name: "id",
    columns: &[
        Column::sorted("id", "Request", Kind::Name),
        Column::sorted("created_at", "Created", Kind::Time),
        Column::sorted("account_id", "Ad account", Kind::Ref(Refers::Account)),
        Column::sorted("user_id", "Buyer", Kind::Ref(Refers::User)),
        Column::sorted("amount", "Amount", Kind::Money),
        Column::sorted("status", "Status", Kind::Status),
        Column::sorted("purpose", "Purpose", Kind::Text),
    ],
    facts: &[
        Column::new("decided_by_id", "Decided by", Kind::Ref(Refers::User)),
        Column::new("decided_at", "Decided", Kind::Time),
        Column::new("reason", "Reason", Kind::Text),
    ],
    filters: &[
        Input::filter("status", "Status", Widget::Choice(STATUSES)),
        Input::filter("account_id", "Ad account", Widget::Pick(ACCOUNT_PICK)),
        Input::filter("user_id", "Buyer", Widget::Pick(BUYERS)),
    ],
    is_dated: true,
    inputs: &[
        Input::new("account_id", "Ad account", Widget::Pick(ACCOUNT_PICK), "").required().only(Forms::Create),
        Input::new("amount", "Amount", Widget::Decimal, "In the currency of the account.").required(),
        Input::new("purpose", "Purpose", Widget::Lines(500), "").required(),
    ],
    is_created: true,
    is_updated: true,
    is_shown: true,
    verbs: &[
        Verb {
            name: "approve",
            label: "Approve",
            hint: "Within the budget of the team.",
            action: Action::Approve,
            resource: Resource::FundRequests,
            inputs: &[Input::new("amount", "Amount that you read", Widget::Decimal, "")],
            is_shown: |request| is(request, "status", "open"),
            reveals: None,
            notice: "Approved.",
        },
        Verb {
            name: "refuse",
            label: "Refuse",
            hint: "",
            action: Action::Approve,
            resource: Resource::FundRequests,
            inputs: &[Input::new("reason", "Reason", Widget::Line(500), "").required()],
            is_shown: |request| is(request, "status", "open"),
            reveals: None,
            notice: "Refused.",
        },
        Verb {
            name: "top-up",
            label: "Record the top-up",
            hint: "The amount may be smaller than approved.",
            action: Action::Create,
            resource: Resource::FundTransfers,
            inputs: &[
                Input::new("amount", "Amount", Widget::Decimal, "The approved amount if empty."),
                Input::new("fee", "Fee", Widget::Decimal, ""),
                Input::new("reference", "Reference", Widget::Line(100), "Of the bank or the network."),
                Input::new("date", "Date", Widget::Date, "Today if empty."),
                Input::new("note", "Note", Widget::Line(500), ""),
            ],
            is_shown: |request| is(request, "status", "approved"),
            reveals: None,
            notice: "The top-up is recorded.",
        },
        Verb {
            name: "cancel",
            label: "Cancel the request",
            hint: "",
            action: Action::Update,
            resource: Resource::FundRequests,
            inputs: &[],
            is_shown: |request| is(request, "status", "open") || is(request, "status", "approved"),
            reveals: None,
            notice: "Cancelled.",
        },
    ],
    ..LISTED
};

pub static TRANSFERS: Entity = Entity {
    resource: Resource::FundTransfers,
    one: "transfer",
    many: "Transfers",
    about: "Top-ups, spend and returns of ad accounts",
    empty: "No transfers yet. Record a top-up, spend or a return, or import a file.",
    name: "id",
    columns: &[
        Column::sorted("id", "Transfer", Kind::Name),
        Column::sorted("date", "Date", Kind::Date),
        Column::sorted("kind", "Kind", Kind::Status),
        Column::sorted("account_id", "Ad account", Kind::Ref(Refers::Account)),
        Column::sorted("amount", "Amount", Kind::Money),
        Column::sorted("fee", "Fee", Kind::Money),
        Column::sorted("reference", "Reference", Kind::Text),
        Column::sorted("note", "Note", Kind::Text),
        Column::sorted("user_id", "Entered by", Kind::Ref(Refers::User)),
        Column::sorted("time", "Entered", Kind::Time),
    ],
    facts: &[
        Column::new("request_id", "Request", Kind::Id("funds/requests")),
        Column::new("reverses_id", "Reverses", Kind::Id("funds/transfers")),
        Column::new("reversed_by_id", "Reversed by", Kind::Id("funds/transfers")),
    ],
    filters: &[
        Input::filter("account_id", "Ad account", Widget::Pick(ACCOUNT_PICK)),
        Input::filter("user_id", "Buyer", Widget::Pick(BUYERS)),
        Input::filter("kind", "Kind", Widget::Choice(&["top_up", "spend", "return", "reversal"])),
    ],
    is_dated: true,
    inputs: &[
        Input::new("kind", "Kind", Widget::Choice(&["top_up", "spend", "return"]), "").required(),
        Input::new("account_id", "Ad account", Widget::Pick(ACCOUNT_PICK), "").required(),
        Input::new("amount", "Amount", Widget::Decimal, "In the currency of the account.").required(),
        Input::new("fee", "Fee", Widget::Decimal, "Of a top-up."),
        Input::new("date", "Date", Widget::Date, "Today if empty."),
        Input::new("reference", "Reference", Widget::Line(100), "Of the bank or the network."),
        Input::new("note", "Note", Widget::Line(500), ""),
    ],
    is_created: true,
    is_shown: true,
    verbs: &[Verb {
        name: "reverse",
        label: "Reverse",
        hint: "A transfer is never edited: a reversal takes it back, and both stay in the ledger.",
        action: Action::Create,
        resource: Resource::FundTransfers,
        inputs: &[Input::new("note", "Note", Widget::Line(500), "")],
        is_shown: |transfer| {
            transfer.get("reversed_by_id").is_some_and(serde_json::Value::is_null)
                && !is(transfer, "kind", "reversal")
        },
        reveals: None,
        notice: "Reversed.",
    }],
    ..LISTED
};
