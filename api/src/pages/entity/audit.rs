//! The audit trail, and the history of one thing.

use super::description::{Column, Dated, Entity, Input, Kind, LISTED, USER_PICK, Widget};
use crate::policy::Resource;

/// The lines of the audit trail about one thing.
pub static HISTORY: Entity = Entity {
    resource: Resource::Audit,
    many: "History",
    columns: &[
        Column::new("at", "Time", Kind::Time),
        Column::new("actor_name", "User", Kind::Text),
        Column::new("verb", "Action", Kind::Word),
        Column::new("before", "Before", Kind::Pairs),
        Column::new("after", "After", Kind::Pairs),
        Column::new("via", "Via", Kind::Text),
    ],
    ..LISTED
};

pub static AUDIT: Entity = Entity {
    resource: Resource::Audit,
    one: "line",
    many: "Audit trail",
    about: "What was changed, and by which user",
    empty: "The trail is empty.",
    columns: &[
        Column::sorted("at", "Time", Kind::Time),
        Column::new("actor_name", "User", Kind::Text),
        Column::new("verb", "Action", Kind::Text),
        Column::new("resource", "Resource", Kind::Text),
        Column::new("resource_id", "Id", Kind::Text),
        Column::new("before", "Before", Kind::Pairs),
        Column::new("after", "After", Kind::Pairs),
        Column::new("address", "Address", Kind::Text),
        Column::new("via", "Via", Kind::Text),
    ],
    filters: &[
        Input::filter("actor_id", "User", Widget::Pick(USER_PICK)),
        Input::filter("resource", "Resource", Widget::Line(100)),
        Input::filter("resource_id", "Id", Widget::Line(100)),
        Input::filter("verb", "Action", Widget::Line(100)),
    ],
    is_searched: true,
    dated: Dated::ByTime,
    is_for_admin: true,
    ..LISTED
};
