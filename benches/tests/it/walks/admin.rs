//! The admin section: lists and forms of every entity, deletions of many, and an edit that another
//! Owner overtook.

use anyhow::Context as _;

use super::walker::Walker;

/// The entities whose pages are opened in the browser. One description makes those of all entities.
const LOOKED_AT: [&str; 3] = ["/admin/users/", "/admin/orders/", "/admin/audit/"];

/// Requests a list, its first thing, and the pages of both that create, edit and delete. A list has
/// one table. Returns the problems.
const REQUEST_ALL: &str = "async list => {
    const problems = [];
    const request = async (path, selector, isRight) => {
        const answer = await fetch(path);
        const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
        const n = page.querySelectorAll(selector).length;
        if (answer.status !== 200 || !isRight(n)) problems.push(`${path}: ${answer.status}, ${n} of ${selector}`);
        return [...page.querySelectorAll('main a')].map(a => a.getAttribute('href') ?? '')
            .filter(href => href.startsWith(list)).map(href => href.slice(list.length));
    };
    const inList = await request(`${list}?per_page=10`, 'main table, main .empty-state', n => n === 1);
    const thing = inList.find(path => /^[0-9a-f-]+\\/$/.test(path));
    const inThing = thing ? await request(list + thing, 'h1', n => n === 1) : [];
    const forms = [...inList, ...inThing].filter(path => /(create|update|delete)\\/$/.test(path));
    for (const form of new Set(forms)) await request(list + form, 'main form[method=post]', n => n > 0);
    return problems.join(', ');
}";

pub(super) async fn walk(admin: &mut Walker) -> anyhow::Result<()> {
    let visited = visit_all(admin).await;
    delete_many(admin).await?;
    delete_all(admin).await?;
    visited
}

async fn visit_all(admin: &mut Walker) -> anyhow::Result<()> {
    admin.visit("/admin/").await?;
    let lists = admin
        .evaluate("[...document.querySelectorAll('main td:first-child a')].map(a => a.getAttribute('href'))")
        .await?;
    let lists: Vec<String> = serde_json::from_value(lists)?;
    anyhow::ensure!(lists.len() > 12, "the admin section has {lists:?}");
    let mut problems = Vec::new();
    for list in lists {
        if LOOKED_AT.contains(&list.as_str()) {
            admin.visit(&format!("{list}?per_page=10")).await?;
            if let Some(thing) = admin.first_of_list(&list).await? {
                admin.visit(&thing).await?;
            }
        }
        problems.push(admin.text(&format!("({REQUEST_ALL})('{list}')")).await?);
    }
    problems.retain(|problem| !problem.is_empty());
    anyhow::ensure!(problems.is_empty(), "{}", problems.join("\n"));
    Ok(())
}

async fn delete_many(admin: &mut Walker) -> anyhow::Result<()> {
    for name in ["Bulk 1", "Bulk 2", "Bulk 3"] {
        admin.open("/admin/sources/create/").await?;
        admin.fill(&[("name", name)]).await?;
        admin.press_and_see("Create source", "Created source.").await?;
    }
    admin.open("/admin/sources/?q=Bulk").await?;
    admin.try_keyboard().await?;
    admin
        .evaluate(
            "[...document.querySelectorAll('main tbody input[type=checkbox]')].slice(0, 2)
                .forEach(box => box.click())",
        )
        .await?;
    admin.press_and_see("Delete the selected", "Delete 2 sources").await?;
    admin.look().await?;
    admin.press_and_see("Delete these 2", "2 sources deleted.").await?;
    admin.open("/admin/sources/?q=Bulk").await?;
    let text = admin.visible_text().await?;
    anyhow::ensure!(text.contains("Bulk 3") && !text.contains("Bulk 1"), "two of three are deleted: {text}");
    Ok(())
}

/// Deletes all sources that match a search, more than may be deleted without typing their number.
async fn delete_all(admin: &mut Walker) -> anyhow::Result<()> {
    for i in 0..21 {
        admin
            .evaluate(&format!(
                "(async () => {{
                    const page = await (await fetch('/admin/sources/create/')).text();
                    const token = new DOMParser().parseFromString(page, 'text/html')
                        .querySelector('main [name=csrf_token]').value;
                    const body = new URLSearchParams({{ csrf_token: token, name: 'Match {i}' }});
                    await fetch('/admin/sources/create/', {{ method: 'POST', body }});
                }})()"
            ))
            .await?;
    }
    admin.open("/admin/sources/?q=Match&per_page=10").await?;
    admin.press_and_see("Delete all that match", "Type 21 to confirm").await?;
    admin.look_as("admin_sources_bulk_typed").await?;
    admin.fill(&[("typed", "20")]).await?;
    let status = admin.press("Delete these 21").await?;
    anyhow::ensure!(status == 400, "the wrong number is answered with {status}");
    admin.look_as("admin_sources_bulk_wrong").await?;
    admin.fill(&[("typed", "21")]).await?;
    admin.press("Delete these 21").await?;
    admin.wait_for("document.body.innerText", |text| text.contains("21 sources deleted.")).await?;
    admin.open("/admin/sources/?q=Match").await?;
    let text = admin.visible_text().await?;
    anyhow::ensure!(text.contains("Nothing matches"), "all 21 are deleted: {text}");
    Ok(())
}

/// Two Owners edit the same source. The second one chooses what to keep.
pub(super) async fn edit_at_once(admin: &mut Walker, other: &mut Walker) -> anyhow::Result<()> {
    admin.open("/admin/sources/?q=Bulk").await?;
    let source = admin.first_of_list("/admin/sources/").await?.context("a source is left")?;
    for (walker, name) in [(&mut *admin, "Bulk mine"), (&mut *other, "Bulk theirs")] {
        walker.open(&format!("{source}update/")).await?;
        walker.fill(&[("name", name)]).await?;
    }
    other.press_and_see("Save", "Bulk theirs").await?;
    let status = admin.press("Save").await?;
    anyhow::ensure!(status == 412, "the later edit is answered with {status}");
    admin.look_as("conflict").await?;
    admin.try_keyboard().await?;
    admin.fill(&[("keep.name", "theirs")]).await?;
    admin.press_and_see("Save", "Bulk theirs").await
}
