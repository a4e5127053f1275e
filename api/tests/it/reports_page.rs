//! The page of reports and its views, as a browser without JavaScript uses them.

use sluice_api::policy::Position;
use sluice_schemas::rows::ProspectRow;

use crate::events::{insert_orders, insert_prospects, order, prospect};
use crate::world::{Answer, NOW_MS, Visitor, World, token_in};

const HOUR_MS: u64 = 3_600_000;

/// Ann has visits from Ukraine and Poland, and an order; Eve, of another team, one from Germany.
pub(crate) async fn world() -> World {
    let world = World::with_events(|_| {}).await;
    world.person("owner", Position::Owner).await;
    world.person("funds", Position::FundsCoordinator).await;
    let lead = world.person("lead", Position::TeamLead).await;
    let ann = world.person("ann", Position::Buyer).await;
    let eve = world.person("eve", Position::Buyer).await;
    let red = world.team("Red", lead.id, &[ann.id]).await;
    world.team("Blue", None, &[eve.id]).await;
    let visit = |number: u64, user_id: i64, country: &str| ProspectRow {
        country: country.to_owned(),
        team_id: if user_id == ann.id { red.try_into().unwrap() } else { 0 },
        ..prospect(number, NOW_MS - number * HOUR_MS, user_id)
    };
    let rows =
        [visit(1, ann.id, "UA"), visit(2, ann.id, "UA"), visit(3, ann.id, "PL"), visit(4, eve.id, "DE")];
    insert_prospects(&world, &rows).await;
    insert_orders(&world, &[order(100, NOW_MS - HOUR_MS, &rows[0])]).await;
    world
}

async fn page(visitor: &mut Visitor<'_>, path: &str) -> String {
    let answer = visitor.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer.text
}

/// Returns the rows of the report's table: the texts of their cells.
fn rows(page: &str) -> Vec<Vec<String>> {
    let (_, rest) = page.split_once("Figures of the report").unwrap_or_else(|| panic!("no table in {page}"));
    let (table, _) = rest.split_once("</table>").unwrap();
    let text = |html: &str| {
        let parts = html.split('<').enumerate().map(|(index, part)| match index {
            0 => part,
            _ => part.split_once('>').map_or("", |(_, text)| text),
        });
        parts.collect::<String>().trim().to_owned()
    };
    let cells = |row: &str| {
        let row = row.replace("<th", "<td").replace("</th>", "</td>");
        row.split("</td>")
            .filter_map(|cell| Some(text(cell.split_once("<td")?.1.split_once('>')?.1)))
            .collect()
    };
    let body = table.split_once("<tbody>").unwrap().1;
    body.split("<tr").skip(1).map(cells).collect()
}

fn row<'a>(rows: &'a [Vec<String>], name: &str) -> &'a [String] {
    let found = rows.iter().find(|row| row[0].contains(name));
    found.unwrap_or_else(|| panic!("no {name} in {rows:?}"))
}

/// Returns the target of the first link with this text in its element.
fn link(page: &str, text: &str) -> String {
    let (before, _) = page.split_once(text).unwrap_or_else(|| panic!("no {text} in {page}"));
    let (_, rest) = before.rsplit_once("href=\"").unwrap();
    rest.split('"').next().unwrap().replace("&amp;", "&").replace("&#38;", "&")
}

#[tokio::test]
async fn each_position_sees_its_scope_by_day() {
    let world = world().await;
    for (username, prospects) in [("ann", "3"), ("eve", "1"), ("lead", "3"), ("funds", "4"), ("owner", "4")] {
        let page = page(&mut world.visitor(username).await, "/reports/?metrics=prospects").await;
        let rows = rows(&page);
        assert_eq!(row(&rows, "Total of")[1], prospects, "{username}: {rows:?}");
        assert_eq!(page.contains("Your own traffic"), ["ann", "eve"].contains(&username));
        assert!(page.contains("data-chart=\"chart-prospects\"") && !page.contains("style="));
    }
}

#[tokio::test]
async fn a_tree_is_opened_filtered_and_left_for_the_events() {
    let world = world().await;
    let mut owner = world.visitor("owner").await;
    let path = "/reports/?group_by=user&group_by=country&group_by=&metrics=prospects,orders&open=none";
    let closed = page(&mut owner, path).await;
    let found = rows(&closed);
    assert_eq!(&row(&found, "ann")[1..], ["3", "1"]);
    assert!(!found.iter().any(|row| row[0] == "Ukraine" || row[0] == "UA"), "{found:?}");

    let opened = page(&mut owner, &link(&closed, "aria-label=\"Open ann")).await;
    let open_rows = rows(&opened);
    assert_eq!(open_rows.len(), found.len() + 2, "{open_rows:?}");
    let closed_again = page(&mut owner, &link(&opened, "aria-label=\"Close ann")).await;
    assert_eq!(rows(&closed_again), found);

    // The name leads to this buyer alone, by the other dimension.
    let of_ann = page(&mut owner, &link(&closed, ">ann</a>")).await;
    let found = rows(&of_ann);
    assert_eq!(row(&found, "Total of 2 rows")[1..], ["3", "1"], "{found:?}");
    assert!(of_ann.contains("Buyer is ann"), "the chip names the buyer");
    let all = page(&mut owner, &link(&of_ann, "\" aria-label=\"Remove the filter: Buyer is ann")).await;
    assert_eq!(row(&rows(&all), "Total")[1], "4");

    // The count leads to its events.
    let events = page(&mut owner, &link(&of_ann, ">3</a>")).await;
    assert_eq!(events.matches("class=\"id\" href=\"/prospects/").count(), 3, "{events}");
}

#[tokio::test]
async fn a_filter_is_added_in_two_steps() {
    let world = world().await;
    let mut ann = world.visitor("ann").await;
    let chosen = page(&mut ann, "/reports/?metrics=prospects&filter_by=country").await;
    assert!(chosen.contains("Add the filter") && chosen.contains("name=\"filter_op\""));
    let path = "/reports/?metrics=prospects&filter_by=country&filter_op=not&filter_value=UA";
    let answer = ann.get(path).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, "/reports/?metrics=prospects&country.not=UA")
    );
    let filtered = page(&mut ann, answer.header("location")).await;
    assert_eq!(row(&rows(&filtered), "Total of")[1], "1");
    assert!(filtered.contains("Country is not UA"));
    let answer = ann.get("/reports/?filter_by=sub1&filter_op=none&filter_value=").await;
    assert_eq!(answer.header("location"), "/reports/?sub1.none=1");
}

#[tokio::test]
async fn a_filter_names_the_values_in_scope_and_is_changed() {
    let world = world().await;
    let mut lead = world.visitor("lead").await;
    let chosen = page(&mut lead, "/reports/?metrics=prospects&filter_by=user").await;
    let (_, choice) = chosen.split_once("<select class=\"form-select\" id=\"filter_value\"").unwrap();
    let (choice, _) = choice.split_once("</select>").unwrap();
    assert!(choice.contains(">ann</option>") && !choice.contains("eve"), "{choice}");

    let filtered = page(&mut lead, "/reports/?metrics=prospects&country.not=UA").await;
    let changed = page(&mut lead, &link(&filtered, "\" title=\"Change this filter\"")).await;
    assert!(
        changed.contains("<option value=\"not\" selected>") && changed.contains("value=\"UA\""),
        "{changed}"
    );
    assert!(!changed.contains("Country is not UA"), "it is not set while it is changed");
    let cancelled = page(&mut lead, &link(&changed, "\">Cancel</a>")).await;
    assert_eq!(row(&rows(&cancelled), "Total of")[1], "1");
}

#[tokio::test]
async fn columns_of_an_own_choice_move_up_and_down() {
    let world = World::with_events(|_| {}).await;
    world.person("owner", Position::Owner).await;
    let mut owner = world.visitor("owner").await;
    let headings = |page: &str| {
        let (_, table) = page.split_once("Figures of the report").unwrap();
        let (head, _) = table.split_once("</thead>").unwrap();
        let texts = head.split('<').filter_map(|part| Some(part.split_once('>')?.1.trim()));
        let columns = ["Prospects", "Orders", "CR"];
        let known = texts.filter_map(|text| columns.into_iter().find(|column| text.starts_with(column)));
        known.collect::<Vec<_>>()
    };
    let first = page(&mut owner, "/reports/?metrics=prospects,orders,cr").await;
    assert_eq!(headings(&first), ["Prospects", "Orders", "CR"]);
    assert!(!first.contains("Move Prospects up") && !first.contains("Move CR down"));
    let second = page(&mut owner, &link(&first, "aria-label=\"Move Orders up\"")).await;
    assert_eq!(headings(&second), ["Orders", "Prospects", "CR"]);
    let third = page(&mut owner, &link(&second, "aria-label=\"Move Prospects down\"")).await;
    assert_eq!(headings(&third), ["Orders", "CR", "Prospects"]);
    // The boxes of the form keep the order, so that adding a column does too.
    let boxes = third.find("value=\"cr\" checked").unwrap();
    assert!(third.find("value=\"orders\" checked").unwrap() < boxes);
    assert!(boxes < third.find("value=\"prospects\" checked").unwrap());
    assert!(!page(&mut owner, "/reports/?preset=money").await.contains("aria-label=\"Move "));
}

#[tokio::test]
async fn a_row_is_broken_down_in_place() {
    let world = world().await;
    let mut owner = world.visitor("owner").await;
    let flat = page(&mut owner, "/reports/?group_by=country&metrics=prospects").await;
    let deeper = page(&mut owner, &link(&flat, "\" title=\"Break UA down by buyer\"")).await;
    let found = rows(&deeper);
    assert_eq!(found.len(), rows(&flat).len() + 1, "only this row is open: {found:?}");
    assert_eq!(row(&found, "ann")[1], "2");
    // A buyer has no other buyers, and a fourth level does not exist.
    let mut ann = world.visitor("ann").await;
    let own = page(&mut ann, "/reports/?group_by=country&metrics=prospects").await;
    assert!(own.contains("Break UA down by campaign") && !own.contains(">Buyers</a>"));
    let full = page(&mut ann, "/reports/?group_by=country,device,os&metrics=prospects").await;
    assert!(!full.contains("Break "), "{full}");
}

#[tokio::test]
async fn a_comparison_is_in_the_table_and_in_the_chart() {
    let world = world().await;
    let mut owner = world.visitor("owner").await;
    let path = "/reports/?group_by=day&metrics=prospects,cost&range=today&compare=prev";
    let compared = page(&mut owner, path).await;
    assert_eq!(row(&rows(&compared), "Total of")[1].replace(' ', ""), "4▲new");
    assert_eq!(compared.matches("data-line=\"before\"").count(), 1);
    assert!(compared.contains("<option value=\"prev\" selected>"));
    let both = page(&mut owner, &link(&compared, "\">Show the values before")).await;
    assert_eq!(row(&rows(&both), "Total of")[1].replace(' ', ""), "40▲new");
    assert!(link(&both, "\">Hide the values before").contains("compare=prev"));
}

#[tokio::test]
async fn nonsense_is_400_with_the_form() {
    let world = world().await;
    let mut ann = world.visitor("ann").await;
    for (query, message) in [
        ("group_by=moon", "moon"),
        ("group_by=user,country,device,os", "group_by"),
        ("metrics=luck", "luck"),
        ("from=tomorrow", "There is a problem"),
        ("from=1900-01-01&to=2026-01-01", "There is a problem"),
        ("sort=%3Cscript%3E", "sort"),
        ("cursor=x", "cursor"),
        ("user_id=x", "user_id"),
        ("tz=Mars", "There is a problem"),
    ] {
        let answer = ann.get(&format!("/reports/?{query}")).await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.text);
        assert!(
            answer.text.contains(message) && answer.text.contains("Groups, columns and filters"),
            "{query}"
        );
        assert!(
            !answer.text.contains("<script>") && !answer.text.contains("Figures of the report"),
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_chart_is_a_table_too() {
    let world = world().await;
    let mut owner = world.visitor("owner").await;
    let path = "/reports/?group_by=country&metrics=prospects&range=today&interval=hour";
    let lines = page(&mut owner, path).await;
    let (_, table) =
        lines.split_once("<table class=\"table table-sm table-vcenter\" id=\"chart-prospects\">").unwrap();
    let (table, _) = table.split_once("</table>").unwrap();
    assert_eq!(table.matches("<th scope=\"col\" class=\"num\">").count(), 3, "three countries: {table}");
    // 15 hours have begun, and one begins now.
    assert_eq!(table.matches("<td class=\"time\">").count(), 16);
    assert_eq!(table.matches("data-value=\"1\"").count(), 4);
    let heat = page(&mut owner, &format!("{path}&chart_as=heat")).await;
    assert_eq!(heat.matches("<td class=\"heat-").count(), 7 * 24);
    assert_eq!(heat.matches("<td class=\"heat-0\">").count(), 7 * 24 - 4);
    assert!(!page(&mut owner, &format!("{path}&chart_as=none")).await.contains("data-chart="));
}

async fn save(visitor: &mut Visitor<'_>, name: &str, query: &str, with: &[&str]) -> Answer {
    let token = token_in(&visitor.get("/reports/?chart_as=none").await);
    let mut form = vec![("csrf_token", token), ("name", name.to_owned()), ("query", query.to_owned())];
    form.extend(with.iter().map(|field| (*field, "true".to_owned())));
    visitor.post("/reports/views/", &form).await
}

#[tokio::test]
async fn views_are_saved_starred_published_and_deleted() {
    let world = world().await;
    let (mut owner, mut ann) = (world.visitor("owner").await, world.visitor("ann").await);
    let query = "group_by=country&metrics=prospects&range=today";
    assert_eq!(save(&mut ann, "Mine", query, &[]).await.status, 303);
    let mine = page(&mut ann, "/reports/").await;
    let href = link(&mine, ">Mine</a>");
    assert_eq!(href, "/reports/?group_by=country&metrics=prospects&view=1", "without dates");
    assert!(!page(&mut owner, "/reports/").await.contains(">Mine</a>"));

    // Only Owners publish, and a name is taken once.
    let answer = save(&mut ann, "Ours", query, &["is_published"]).await;
    let told = page(&mut ann, answer.header("location")).await;
    assert!(told.contains("Only Owners may publish views."), "{told}");
    let answer = save(&mut ann, "mine", query, &[]).await;
    assert!(
        page(&mut ann, answer.header("location")).await.contains("You have a view with this name already.")
    );
    assert_eq!(save(&mut owner, "Everybody", query, &["is_published", "with_dates"]).await.status, 303);
    let published = link(&page(&mut ann, "/reports/").await, ">Everybody</a>");
    assert!(published.contains("range=today"), "{published}");

    // The star makes it the start.
    let deed = async |visitor: &mut Visitor<'_>, id: i64, deed: &str| {
        let token = token_in(&visitor.get("/reports/?chart_as=none").await);
        let form = [("csrf_token", token), ("query", query.to_owned())];
        visitor.post(&format!("/reports/views/{id}/{deed}/"), &form).await.status
    };
    let id: i64 = published.rsplit_once("view=").unwrap().1.parse().unwrap();
    assert_eq!(deed(&mut ann, id, "star").await, 303);
    let answer = ann.get("/reports/").await;
    assert_eq!((answer.status, answer.header("location")), (303, published.as_str()));
    assert_eq!(deed(&mut ann, id, "unstar").await, 303);
    assert_eq!(ann.get("/reports/").await.status, 200);

    // Another's view cannot be deleted, and another's own cannot be starred.
    assert_eq!(deed(&mut ann, id, "delete").await, 404);
    assert_eq!(deed(&mut owner, 1, "star").await, 404);
    assert_eq!(deed(&mut ann, 1, "burn").await, 404);
    assert_eq!(deed(&mut owner, id, "delete").await, 303);
    assert!(!page(&mut ann, "/reports/").await.contains(">Everybody</a>"));
}

#[tokio::test]
async fn a_user_has_at_most_fifty_views() {
    let world = World::new().await;
    let ann = world.person("ann", Position::Buyer).await;
    let create = async |number: u32| {
        let body = serde_json::json!({"name": format!("View {number}"), "query": "group_by=day"});
        world.post_json("/api/views/create/", &body, Some(&ann)).await
    };
    for number in 0..50 {
        assert_eq!(create(number).await.status, 201);
    }
    let answer = create(50).await;
    assert_eq!(answer.status, 409);
    assert!(answer.text.contains("You have 50 views"), "{}", answer.text);
    let eve = world.person("eve", Position::Buyer).await;
    let id = first_id(&world.get_as("/api/views/list/", &ann).await);
    let path = format!("/api/views/detail/{id}/");
    assert_eq!(world.get_as(&path, &ann).await.header("etag"), "\"1\"");
    assert_eq!(world.get_as(&path, &eve).await.status, 404);
    let list = world.get_as("/api/views/list/", &ann).await;
    assert_eq!(list.json().as_array().unwrap().len(), 50);
    let body = serde_json::json!({"name": "x".repeat(101), "query": "a=%00"});
    let answer = world.post_json("/api/views/create/", &body, Some(&ann)).await;
    assert_eq!(answer.status, 400);
    assert!(answer.json()["name"].is_array() && answer.json()["query"].is_array(), "{}", answer.text);
}

/// Returns the id of the first view of a list.
fn first_id(list: &Answer) -> i64 {
    list.json()[0]["id"].as_i64().unwrap()
}
