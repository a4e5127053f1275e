//! Campaigns.

use super::description::{
    BUYERS, Column, Entity, Input, Kind, LISTED, PARTNER_PICK, Panel, Refers, SOURCE_PICK, TEAM_PICK, Verb,
    Widget,
};
use super::prospects::PROSPECTS;
use crate::policy::{Action, Position, Resource};

const STATES: &[&str] = &["active", "paused"];

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
    is_restored: true,
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
