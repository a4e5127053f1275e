//! Users and teams.

use super::campaigns::CAMPAIGNS;
use super::description::{
    BUYERS, Column, Entity, Forms, Input, Kind, LEADS, LISTED, Panel, Refers, TEAM_PICK, Verb, Widget,
    is_true,
};
use super::funds::ACCOUNTS;
use super::prospects::PROSPECTS;
use crate::policy::{Action, Position, Resource};

const POSITIONS: &[&str] = &["Buyer", "Team Lead", "Funds Coordinator", "Owner"];

pub static USERS: Entity = Entity {
    resource: Resource::Users,
    one: "user",
    many: "Users",
    about: "People in your scope",
    empty: "No users yet. Create one, or send people to the registration page.",
    name: "username",
    columns: &[
        Column::sorted("username", "Username", Kind::Name),
        Column::sorted("first_name", "First name", Kind::Text),
        Column::sorted("last_name", "Last name", Kind::Text),
        Column::sorted("email", "E-mail", Kind::Text),
        Column::sorted("position", "Position", Kind::Text),
        Column::sorted("team_id", "Team", Kind::Ref(Refers::Team)),
        Column::sorted("is_active", "Active", Kind::Flag),
        Column::sorted("created_at", "Registered", Kind::Time),
        Column::sorted("last_login", "Last login", Kind::Time),
    ],
    facts: &[
        Column::new("id", "Id", Kind::Number),
        Column::new("time_zone", "Time zone", Kind::Text),
        Column::new("awaits_approval", "Waits for approval", Kind::Flag),
    ],
    filters: &[
        Input::filter("position", "Position", Widget::Choice(POSITIONS)),
        Input::filter("team_id", "Team", Widget::Pick(TEAM_PICK)),
        Input::filter("is_active", "Active", Widget::Choice(&["true", "false"])),
    ],
    is_searched: true,
    inputs: &[
        Input::new("username", "Username", Widget::Line(150), "Letters, digits and @ . + - _").required(),
        Input::new("email", "E-mail", Widget::Email, ""),
        Input::new(
            "password",
            "Password",
            Widget::NewPassword,
            "At least 8 characters, and not easy to guess.",
        )
        .required()
        .only(Forms::Create),
        Input::new("first_name", "First name", Widget::Line(30), ""),
        Input::new("last_name", "Last name", Widget::Line(30), ""),
        Input::new(
            "position",
            "Position",
            Widget::Choice(POSITIONS),
            "The position decides what they may do.",
        )
        .required(),
        Input::new("is_active", "Active", Widget::Check, "Only active users can log in.").only(Forms::Update),
        Input::new("time_zone", "Time zone", Widget::TimeZone, "").only(Forms::Update),
    ],
    is_created: true,
    is_updated: true,
    is_deleted: true,
    is_restored: true,
    is_shown: true,
    verbs: &[
        Verb {
            name: "approve",
            label: "Approve",
            hint: "They can log in from now on.",
            action: Action::Update,
            resource: Resource::Users,
            inputs: &[],
            is_shown: |user| is_true(user, "awaits_approval"),
            reveals: None,
            notice: "Approved.",
        },
        Verb {
            name: "activate",
            label: "Activate",
            hint: "They can log in again.",
            action: Action::Update,
            resource: Resource::Users,
            inputs: &[],
            is_shown: |user| !is_true(user, "is_active") && !is_true(user, "awaits_approval"),
            reveals: None,
            notice: "Activated.",
        },
        Verb {
            name: "deactivate",
            label: "Deactivate",
            hint: "Ends all their sessions and tokens. Their traffic still counts.",
            action: Action::Update,
            resource: Resource::Users,
            inputs: &[],
            is_shown: |user| is_true(user, "is_active"),
            reveals: None,
            notice: "Deactivated.",
        },
        Verb {
            name: "reset-password",
            label: "Make a reset link",
            hint: "The link lets them set a new password once. Pass it on yourself.",
            action: Action::Update,
            resource: Resource::Users,
            inputs: &[],
            is_shown: |user| is_true(user, "is_active"),
            reveals: Some(("token", "/reset-password/?token=")),
            notice: "This link works once. It is not shown again.",
        },
        Verb {
            name: "reset-second-factor",
            label: "Turn off the second factor",
            hint: "For somebody who lost their app and their recovery codes. Ends all their logins.",
            action: Action::Update,
            resource: Resource::Users,
            inputs: &[],
            is_shown: |user| is_true(user, "has_second_factor"),
            reveals: None,
            notice: "The second factor is off.",
        },
    ],
    panels: &[
        Panel { title: "Prospects", entity: &PROSPECTS, filter: "user_id", is_main: true },
        Panel { title: "Campaigns", entity: &CAMPAIGNS, filter: "user_id", is_main: false },
        Panel { title: "Ad accounts", entity: &ACCOUNTS, filter: "user_id", is_main: false },
    ],
    deletion: "They can no longer log in, and they leave their team. Their prospects, orders and funds stay in \
               lists and reports under their name.",
    ..LISTED
};

pub static TEAMS: Entity = Entity {
    resource: Resource::Teams,
    one: "team",
    many: "Teams",
    about: "Buyers and their Team Leads",
    empty: "No teams yet. Create one and choose its lead and members.",
    name: "name",
    columns: &[
        Column::sorted("name", "Name", Kind::Name),
        Column::sorted("team_lead", "Team Lead", Kind::Ref(Refers::User)),
        Column::sorted("members", "Members", Kind::Count),
    ],
    facts: &[Column::new("id", "Id", Kind::Number)],
    is_searched: true,
    inputs: &[
        Input::new("name", "Name", Widget::Line(100), "").required().for_positions(&[Position::Owner]),
        Input::new("team_lead", "Team Lead", Widget::Pick(LEADS), "A Team Lead leads one team.")
            .for_positions(&[Position::Owner]),
        Input::new(
            "members",
            "Members",
            Widget::PickMany(BUYERS),
            "A Buyer is in one team at most. Events count for the team in which their buyer was at that moment.",
        ),
    ],
    is_created: true,
    is_updated: true,
    is_deleted: true,
    is_restored: true,
    is_shown: true,
    panels: &[
        Panel { title: "Members", entity: &USERS, filter: "team_id", is_main: true },
        Panel { title: "Campaigns", entity: &CAMPAIGNS, filter: "team_id", is_main: false },
    ],
    deletion: "Its members leave it. Its prospects and orders stay in reports under its name.",
    counted: Some(("members", "members")),
    ..LISTED
};
