//! Create, edit and delete, for each entity that a position may change.

use super::walker::Walker;

/// A thing to create, edit and delete.
pub(super) struct Thing {
    /// The path of the list.
    list: &'static str,
    one: &'static str,
    fields: &'static [(&'static str, &'static str)],
    /// The field to edit, its new value, and the text that shows it.
    edit: (&'static str, &'static str, &'static str),
    /// The name after the edit, as the page of the deletion has it.
    name: &'static str,
}

const ACCOUNT: Thing = Thing {
    list: "/funds/accounts/",
    one: "ad account",
    fields: &[
        ("name", "Walk account"),
        ("user_id", "demo_buyer1"),
        ("currency", "USD"),
        ("credit_limit", "10"),
    ],
    edit: ("credit_limit", "1234.5", "1\u{202f}234.50"),
    name: "Walk account",
};

const RATE: Thing = Thing {
    list: "/funds/rates/",
    one: "rate",
    fields: &[("base", "CHF"), ("quote", "USD"), ("date", "2026-01-05"), ("rate", "1.1")],
    edit: ("rate", "1.25", "1.25"),
    name: "2026-01-05",
};

pub(super) const PARTNER: Thing = Thing {
    list: "/partners/",
    one: "partner",
    fields: &[("name", "Walk partner"), ("currency", "EUR"), ("status_map", "paid = sale")],
    edit: ("currency", "PLN", "PLN"),
    name: "Walk partner",
};

pub(super) const COORDINATOR: &[Thing] = &[ACCOUNT, RATE];

pub(super) const OWNER: &[Thing] = &[
    Thing {
        list: "/teams/",
        one: "team",
        fields: &[("name", "Walk team")],
        edit: ("name", "Walk team 2", "Walk team 2"),
        name: "Walk team 2",
    },
    Thing {
        list: "/users/",
        one: "user",
        fields: &[
            ("username", "walk_user"),
            ("email", "walk@example.com"),
            ("password", "a long way from here"),
            ("first_name", "Wanda"),
            ("position", "Buyer"),
        ],
        edit: ("first_name", "Wilma", "Wilma"),
        name: "walk_user",
    },
    Thing {
        list: "/sources/",
        one: "source",
        fields: &[("name", "Walk source"), ("click_id_param", "wclid"), ("macros", "sub1 = {ad}")],
        edit: ("click_id_param", "wclid2", "wclid2"),
        name: "Walk source",
    },
    PARTNER,
    Thing {
        list: "/funds/budgets/",
        one: "budget",
        fields: &[
            ("team_id", "Demo team North"),
            ("month", "2027-03"),
            ("amount", "900"),
            ("currency", "PLN"),
        ],
        edit: ("amount", "1900", "1\u{202f}900.00 PLN"),
        name: "2027-03",
    },
    Thing {
        list: "/campaigns/",
        one: "campaign",
        fields: &[("name", "Walk campaign of an Owner"), ("user_id", "demo_buyer2")],
        edit: ("state", "paused", "paused"),
        name: "Walk campaign of an Owner",
    },
    Thing {
        list: "/prospects/",
        one: "prospect",
        fields: &[
            ("ip_address", "192.0.2.77"),
            ("user_agent", "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"),
            ("referral_source", "https://walk.example/"),
            ("user_id", "demo_buyer1"),
        ],
        edit: ("referral_source", "https://walk.example/second", "https://walk.example/second"),
        name: "",
    },
];

/// Creates, edits and deletes each of these things.
pub(super) async fn change_all(walker: &mut Walker, things: &[Thing]) -> anyhow::Result<()> {
    let mut faults = Vec::new();
    for thing in things {
        if let Err(error) = change(walker, thing).await {
            faults.push(format!("{}: {error:#}", thing.one));
        }
    }
    anyhow::ensure!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(())
}

async fn change(walker: &mut Walker, thing: &Thing) -> anyhow::Result<()> {
    let Thing { list, one, fields, edit: (field, value, shown), name } = thing;
    walker.open(list).await?;
    walker.press_and_see(&format!("New {one}"), &format!("New {one}")).await?;
    walker.look().await?;
    walker.try_keyboard().await?;
    walker.fill(fields).await?;
    walker.press_and_see(&format!("Create {one}"), &format!("Created {one}.")).await?;
    walker.look().await?;
    walker.press_and_see("Edit", "Save").await?;
    walker.look().await?;
    walker.fill(&[(field, value)]).await?;
    walker.press_and_see("Save", shown).await?;
    walker.look().await?;
    walker.press_and_see("Delete", &format!("Delete {one}")).await?;
    walker.look().await?;
    let button = walker.element("main form .btn-danger").await?;
    let status = walker.follow(&button).await?;
    let text = walker.visible_text().await?;
    anyhow::ensure!(status == 200 && text.contains(&format!("Deleted {one} {name}")), "{status}: {text}");
    Ok(())
}

/// A Team Lead lets a member leave the team, and takes them back by their id: a lead does not see
/// the users of no team.
pub(super) async fn edit_team(walker: &mut Walker) -> anyhow::Result<()> {
    walker.open("/teams/").await?;
    walker.press_and_see("Demo team", "demo_buyer3").await?;
    walker.press_and_see("Edit", "Save").await?;
    walker.look().await?;
    walker.try_keyboard().await?;
    let id = walker
        .text(
            "(() => {
                const options = [...document.querySelector('main select[name=members]').options];
                const option = options.find(option => option.text === 'demo_buyer3');
                option.selected = false;
                return option.value;
            })()",
        )
        .await?;
    save_members(walker, false).await?;
    walker.press_and_see("Edit", "Add by id").await?;
    walker.evaluate(&format!("document.querySelector('#field-members-others').value = '{id}'")).await?;
    save_members(walker, true).await
}

async fn save_members(walker: &mut Walker, is_member: bool) -> anyhow::Result<()> {
    walker.press_and_see("Save", "Members").await?;
    let members = walker.text_of("[aria-label=Members]").await?;
    anyhow::ensure!(members.contains("demo_buyer3") == is_member, "the members are {members}");
    Ok(())
}
