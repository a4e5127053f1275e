//! Logins and API tokens of all users, and the settings of the service.

use super::description::{Column, Dated, Entity, Input, Kind, LISTED, Refers, USER_PICK, Widget};
use crate::policy::Resource;

pub static SESSIONS: Entity = Entity {
    resource: Resource::Sessions,
    one: "login",
    many: "Logins",
    about: "Browsers and programs that are logged in",
    empty: "Nobody is logged in.",
    columns: &[
        Column::sorted("created_at", "Began", Kind::Time),
        Column::new("id", "Id", Kind::Uuid("sessions")),
        Column::sorted("user_id", "User", Kind::Ref(Refers::User)),
        Column::sorted("kind", "Kind", Kind::Text),
        Column::sorted("agent", "Browser or program", Kind::Text),
        Column::sorted("address", "Address", Kind::Text),
        Column::sorted("last_seen_at", "Last seen", Kind::Time),
        Column::sorted("expires_at", "Expires", Kind::Time),
    ],
    filters: &[
        Input::filter("user_id", "User", Widget::Pick(USER_PICK)),
        Input::filter("kind", "Kind", Widget::Choice(&["browser", "api"])),
    ],
    is_searched: true,
    dated: Dated::ByTime,
    is_deleted: true,
    is_for_admin: true,
    is_shown: true,
    deletion: "The browser or program has to log in again.",
    ..LISTED
};

pub static TOKENS: Entity = Entity {
    resource: Resource::Tokens,
    one: "API token",
    many: "API tokens",
    about: "Programs that act for users",
    empty: "No API tokens yet. Everybody creates their own in their account.",
    name: "name",
    columns: &[
        Column::sorted("name", "Name", Kind::Name),
        Column::sorted("user_id", "User", Kind::Ref(Refers::User)),
        Column::new("hint", "Begins with", Kind::Text),
        Column::new("scopes", "May", Kind::Words),
        Column::sorted("created_at", "Created", Kind::Time),
        Column::sorted("last_used_at", "Last used", Kind::Time),
        Column::sorted("expires_at", "Expires", Kind::Time),
    ],
    facts: &[Column::new("id", "Id", Kind::Number)],
    filters: &[Input::filter("user_id", "User", Widget::Pick(USER_PICK))],
    is_searched: true,
    dated: Dated::ByTime,
    is_deleted: true,
    is_for_admin: true,
    is_shown: true,
    deletion: "Programs with it have no access any more.",
    ..LISTED
};

pub static SETTINGS: Entity = Entity {
    resource: Resource::Settings,
    one: "setting",
    many: "Settings",
    about: "From the configuration of the service, which its file and its environment change",
    empty: "There are no settings.",
    name: "key",
    columns: &[
        Column::new("key", "Key", Kind::Text),
        Column::new("value", "Value", Kind::Text),
        Column::new("default", "Without configuration", Kind::Text),
        Column::new("is_default", "Not changed", Kind::Flag),
    ],
    is_searched: true,
    is_for_admin: true,
    ..LISTED
};
