//! The demo's people, things, money and events in both databases.

mod events;
mod marks;
mod people;
mod removal;

pub use self::events::{DemoNames, PAGE, delete_events, has_events};
pub use self::marks::{
    CampaignKeyRow, campaign_keys, fund_account_names, has_campaigns, has_fund_budget, has_fund_rate,
    has_fund_rates, mark_campaign, mark_fund_rate, mark_partner, mark_source, partner_id, source_id,
};
pub use self::people::{find_user, insert_team, join, team_ids, user_ids};
pub use self::removal::delete_people;
