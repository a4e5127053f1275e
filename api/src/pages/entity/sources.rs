//! Traffic sources.

use super::campaigns::CAMPAIGNS;
use super::description::{Column, Entity, Input, Kind, LISTED, Panel, Widget};
use crate::policy::Resource;

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
    is_restored: true,
    is_shown: true,
    panels: &[Panel { title: "Campaigns", entity: &CAMPAIGNS, filter: "source_id", is_main: true }],
    deletion: "Its campaigns keep their visits and orders, and no longer have a source.",
    ..LISTED
};
