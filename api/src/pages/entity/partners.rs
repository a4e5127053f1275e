//! Partners (CPA networks).

use super::campaigns::CAMPAIGNS;
use super::description::{Column, Entity, Input, Kind, LISTED, Panel, Widget};
use crate::policy::Resource;

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
    is_restored: true,
    is_shown: true,
    panels: &[Panel { title: "Campaigns", entity: &CAMPAIGNS, filter: "partner_id", is_main: true }],
    deletion: "Its campaigns keep their orders, and no longer have a partner.",
    ..LISTED
};
