//! Orders: the page of one, the list and the CSV file.

use super::description::{
    BUYERS, CAMPAIGN_PICK, Column, Dated, Entity, Forms, Input, Kind, LISTED, Refers, TEAM_PICK, Verb, Widget,
};
use crate::policy::{Action, Resource};

const STATUSES: &[&str] = &sluice_schemas::status::Status::WORDS;

pub static ORDERS: Entity = Entity {
    resource: Resource::Orders,
    one: "order",
    many: "Orders",
    about: "Submitted order forms",
    empty: "No orders yet. They appear here when a visitor sends the order form of your landing page.",
    columns: &[
        Column::sorted_as("created_at", "Created", Kind::Time, "time"),
        Column::new("id", "Id", Kind::Uuid("orders")),
        Column::new("prospect_id", "Prospect", Kind::Uuid("prospects")),
        Column::new("email", "E-mail", Kind::Text),
        Column::new("phone_number", "Phone number", Kind::Text),
        Column::new("first_name", "First name", Kind::Text),
        Column::new("last_name", "Last name", Kind::Text),
        Column::new("delivery_address", "Delivery address", Kind::Text),
        Column::sorted("status", "Status", Kind::Status),
        Column::new("parked", "Waits", Kind::Status),
        Column::sorted("payout", "Payout", Kind::Money),
        Column::sorted("user_id", "User", Kind::Ref(Refers::User)),
    ],
    filters: &[
        Input::filter("status", "Status", Widget::Choice(STATUSES)),
        Input::filter("user_id", "User", Widget::Pick(BUYERS)),
        Input::filter("team_id", "Team", Widget::Pick(TEAM_PICK)),
        Input::filter("campaign_id", "Campaign", Widget::Pick(CAMPAIGN_PICK)),
        Input::filter("country", "Country", Widget::Line(2)),
    ],
    is_searched: true,
    list_query: "&details=true",
    dated: Dated::ByTime,
    inputs: &[
        Input::new("prospect_id", "Prospect", Widget::Line(64), "The id of the visit.")
            .required()
            .only(Forms::Create),
        Input::new("email", "E-mail", Widget::Email, "").required(),
        Input::new("phone_number", "Phone number", Widget::Line(20), "").required(),
        Input::new("first_name", "First name", Widget::Line(50), "").required(),
        Input::new("last_name", "Last name", Widget::Line(50), "").required(),
        Input::new("delivery_address", "Delivery address", Widget::Lines(1000), "").required(),
        Input::new("payout", "Payout", Widget::Decimal, "").only(Forms::Update),
        Input::new("currency", "Currency", Widget::Currency, "").only(Forms::Update),
    ],
    is_created: true,
    is_updated: true,
    is_deleted: true,
    is_shown: true,
    verbs: &[
        Verb {
            name: "set-status",
            label: "Set the status",
            hint: "Allowed moves: hold to any, sale to rejected or chargeback, rejected to sale, rebill to rejected.",
            action: Action::SetStatus,
            resource: Resource::Orders,
            inputs: &[
                Input::new("status", "New status", Widget::Choice(STATUSES), "").required(),
                Input::new("reason", "Reason", Widget::Line(500), ""),
            ],
            is_shown: |order| order.get("status").is_some_and(|status| !status.is_null()),
            reveals: None,
            notice: "The status is set.",
        },
        Verb {
            name: "erase",
            label: "Erase the customer's data",
            hint: "Removes names, e-mail, phone number and address. The order stays. This cannot be undone.",
            action: Action::Delete,
            resource: Resource::Orders,
            inputs: &[],
            is_shown: |order| order.get("status").is_some_and(|status| !status.is_null()),
            reveals: None,
            notice: "The customer's data are erased.",
        },
    ],
    deletion: "The order and the customer's data disappear from lists and figures. This cannot be undone.",
    ..LISTED
};
