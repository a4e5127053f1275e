//! Prospects, orders, and what they are attributed to: campaigns, sources and partners.

use super::description::{
    BUYERS, CAMPAIGN_PICK, Column, Entity, Forms, Input, Kind, LISTED, PARTNER_PICK, Panel, Refers,
    SOURCE_PICK, TEAM_PICK, Verb, Widget,
};
use crate::policy::{Action, Position, Resource};

const STATES: &[&str] = &["active", "paused"];
const STATUSES: &[&str] = &["hold", "sale", "rejected", "trash", "chargeback", "rebill"];

pub static PROSPECTS: Entity = Entity {
    resource: Resource::Prospects,
    one: "prospect",
    many: "Prospects",
    about: "Visits to landing pages",
    empty: "No prospects yet. Put the code of a campaign on your landing page, then open the page once.",
    columns: &[
        Column::sorted_as("created_at", "Created", Kind::Time, "time"),
        Column::new("id", "Id", Kind::Uuid("prospects")),
        Column::sorted("ip_address", "IP address", Kind::Text),
        Column::sorted("country", "Country", Kind::Text),
        Column::sorted("user_agent", "User agent", Kind::Text),
        Column::sorted("referral_source", "Referral source", Kind::Text),
        Column::new("bot", "Bot", Kind::Word),
        Column::sorted("user_id", "User", Kind::Ref(Refers::User)),
    ],
    filters: &[
        Input::filter("user_id", "User", Widget::Pick(BUYERS)),
        Input::filter("team_id", "Team", Widget::Pick(TEAM_PICK)),
        Input::filter("campaign_id", "Campaign", Widget::Pick(CAMPAIGN_PICK)),
        Input::filter("country", "Country", Widget::Line(2)),
        Input::filter("bot", "Bot", Widget::Choice(&["true", "false"])),
    ],
    is_searched: true,
    list_query: "&details=true",
    is_dated: true,
    inputs: &[
        Input::new("ip_address", "IP address", Widget::Line(45), "IPv4 or IPv6").required(),
        Input::new("user_agent", "User agent", Widget::Line(2048), "").required(),
        Input::new("referral_source", "Referral source", Widget::Line(2048), "").required(),
        Input::new("user_id", "User", Widget::Pick(BUYERS), "The buyer to whom it counts."),
    ],
    is_created: true,
    is_updated: true,
    is_deleted: true,
    is_shown: true,
    deletion: "The visit disappears from lists and figures. Its orders stay. This cannot be undone.",
    ..LISTED
};

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
    is_dated: true,
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

pub static CAMPAIGNS: Entity = Entity {
    resource: Resource::Campaigns,
    one: "campaign",
    many: "Campaigns",
    about: "Where visits and orders come from",
    empty: "No campaigns yet. Make one to get the code for your landing page.",
    name: "name",
    columns: &[
        Column::sorted("name", "Name", Kind::Name),
        Column::sorted("user_id", "Buyer", Kind::Ref(Refers::User)),
        Column::sorted("source", "Source", Kind::Ref(Refers::Source)),
        Column::sorted("partner", "Partner", Kind::Ref(Refers::Partner)),
        Column::sorted("state", "State", Kind::Status),
        Column::sorted("payout", "Payout", Kind::Money),
        Column::new("tags", "Tags", Kind::Words),
    ],
    facts: &[
        Column::new("id", "Id", Kind::Number),
        Column::new("sites", "Sites", Kind::Words),
        Column::new("redirects", "Redirects", Kind::Words),
    ],
    filters: &[
        Input::filter("user_id", "Buyer", Widget::Pick(BUYERS)),
        Input::filter("team_id", "Team", Widget::Pick(TEAM_PICK)),
        Input::filter("source_id", "Source", Widget::Pick(SOURCE_PICK)),
        Input::filter("partner_id", "Partner", Widget::Pick(PARTNER_PICK)),
        Input::filter("state", "State", Widget::Choice(STATES)),
    ],
    is_searched: true,
    inputs: &[
        Input::new("name", "Name", Widget::Line(100), "").required(),
        Input::new("user_id", "Buyer", Widget::Pick(BUYERS), "The Buyer who runs it.")
            .required()
            .for_positions(&[Position::TeamLead, Position::Owner]),
        Input::new(
            "source",
            "Source",
            Widget::Pick(SOURCE_PICK),
            "The pixel's URL gets the macros of the source.",
        ),
        Input::new("partner", "Partner", Widget::Pick(PARTNER_PICK), "The company that pays for orders."),
        Input::new("state", "State", Widget::Choice(STATES), ""),
        Input::new("payout", "Payout", Widget::Decimal, "For an order that brings no payout of its own."),
        Input::new("currency", "Currency", Widget::Currency, ""),
        Input::new(
            "sites",
            "Sites",
            Widget::List,
            "Origins of its landing pages, one a line, as https://shop.example",
        ),
        Input::new(
            "redirects",
            "Redirects",
            Widget::List,
            "URLs to which an order form may redirect, one a line.",
        ),
        Input::new("tags", "Tags", Widget::List, "One a line."),
    ],
    is_created: true,
    is_updated: true,
    is_deleted: true,
    is_shown: true,
    verbs: &[
        Verb {
            name: "rotate-key",
            label: "Make a new key",
            hint: "Put the new code on the landing pages before the present keys end.",
            action: Action::Update,
            resource: Resource::Campaigns,
            inputs: &[Input::new(
                "grace_hours",
                "Hours for which the present keys stay valid",
                Widget::Whole,
                "From 0 to 720; 72 if empty.",
            )],
            is_shown: |_| true,
            reveals: None,
            notice: "There is a new key.",
        },
        Verb {
            name: "revoke-key",
            label: "Revoke a key",
            hint: "Events with it are parked from now on.",
            action: Action::Update,
            resource: Resource::Campaigns,
            inputs: &[Input::new("key", "Key", Widget::Line(100), "").required()],
            is_shown: |campaign| campaign.get("tracking_key").is_some_and(|key| !key.is_null()),
            reveals: None,
            notice: "The key is revoked.",
        },
    ],
    panels: &[Panel { title: "Prospects", entity: &PROSPECTS, filter: "campaign_id", is_main: true }],
    deletion: "Its keys stop working: later events with them are parked. Its prospects and orders stay.",
    ..LISTED
};

pub static SOURCES: Entity = Entity {
    resource: Resource::Sources,
    one: "source",
    many: "Sources",
    about: "Networks where visits are bought",
    empty: "No sources yet. Create one to fill in the macros of a network.",
    name: "name",
    columns: &[
        Column::sorted("name", "Name", Kind::Name),
        Column::sorted("click_id_param", "Click id parameter", Kind::Text),
        Column::new("macros", "Macros", Kind::Pairs),
    ],
    facts: &[Column::new("id", "Id", Kind::Number)],
    is_searched: true,
    inputs: &[
        Input::new("name", "Name", Widget::Line(100), "").required(),
        Input::new(
            "click_id_param",
            "Click id parameter",
            Widget::Line(100),
            "The parameter with which the network adds its click id to the URL, as gclid.",
        ),
        Input::new("macros", "Macros", Widget::Pairs, "One a line: parameter = macro, as sub1 = {adgroupid}"),
    ],
    is_created: true,
    is_updated: true,
    is_deleted: true,
    is_shown: true,
    panels: &[Panel { title: "Campaigns", entity: &CAMPAIGNS, filter: "source_id", is_main: true }],
    deletion: "Its campaigns keep their visits and orders, and no longer have a source.",
    ..LISTED
};

pub static PARTNERS: Entity = Entity {
    resource: Resource::Partners,
    one: "partner",
    many: "Partners",
    about: "Companies that accept orders and pay for them",
    empty: "No partners yet. Create one to translate its words into statuses.",
    name: "name",
    columns: &[
        Column::sorted("name", "Name", Kind::Name),
        Column::sorted("currency", "Currency", Kind::Text),
        Column::new("status_map", "Words", Kind::Pairs),
    ],
    facts: &[Column::new("id", "Id", Kind::Number)],
    is_searched: true,
    inputs: &[
        Input::new("name", "Name", Widget::Line(100), "").required(),
        Input::new("currency", "Currency", Widget::Currency, "Of payouts that name none."),
        Input::new(
            "status_map",
            "Words",
            Widget::Pairs,
            "One a line: the partner's word = hold, sale, rejected, trash, chargeback or rebill. Common words need \
             no line.",
        ),
    ],
    is_created: true,
    is_updated: true,
    is_deleted: true,
    is_shown: true,
    panels: &[Panel { title: "Campaigns", entity: &CAMPAIGNS, filter: "partner_id", is_main: true }],
    deletion: "Its campaigns keep their orders, and no longer have a partner.",
    ..LISTED
};
