//! Prospects.

use super::description::{
    BUYERS, CAMPAIGN_PICK, Column, Dated, Entity, Input, Kind, LISTED, Refers, TEAM_PICK, Widget,
};
use crate::policy::Resource;

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
    dated: Dated::ByTime,
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
