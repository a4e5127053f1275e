//! Files of reports, limits, and a ClickHouse that is slow or down.

use sluice_api::policy::Position;
use sluice_schemas::rows::ProspectRow;

use crate::events::prospect;
use crate::reports::{report, store};
use crate::world::{NOW_MS, World};

#[tokio::test]
async fn a_file_has_all_rows_and_no_formulas_and_is_audited() {
    let world = World::with_events(|_| {}).await;
    let owner = world.person("owner", Position::Owner).await;
    let of = |number, sub: &str| ProspectRow {
        subs: vec![sub.to_owned()],
        cost: 1_500_000,
        ..prospect(number, NOW_MS - number, owner.id)
    };
    store(&world, &[of(1, "=1+1"), of(2, "a,\"b\""), of(3, "a,\"b\""), of(4, "")], &[]).await;
    let answer = world
        .get_as(
            "/api/reports/?group_by=user,sub1&metrics=prospects,cr,cost,epc&format=csv&separator=semicolon&sort=-prospects&per_page=10",
            &owner,
        )
        .await;
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"report.csv\"");
    insta::assert_snapshot!(answer.text.replace('\r', "").trim_start_matches('\u{feff}'), @r#"
    Buyer;Buyer (name);Sub 1;Currency;Prospects;CR;Cost;EPC
    1;owner;"a,""b""";USD;2;0.0;3.00;0.00
    1;owner;;USD;1;0.0;1.50;0.00
    1;owner;'=1+1;USD;1;0.0;1.50;0.00
    "#);
    let trail = world.audit("figures").await;
    assert_eq!(trail.len(), 1, "{trail:?}");
    assert!(trail[0].starts_with("export ") && trail[0].contains("group_by=user,sub1"), "{trail:?}");
    // An empty report is a file with headings.
    let empty = world.get_as("/api/reports/?group_by=country&user_id=999&format=csv", &owner).await;
    assert_eq!(empty.text.lines().count(), 1, "{}", empty.text);
}

#[tokio::test]
async fn more_than_a_million_groups_are_only_in_the_file() {
    let world = World::with_events(|_| {}).await;
    let owner = world.person("owner", Position::Owner).await;
    let insert = format!(
        "INSERT INTO prospects (prospect_id, time, subs)
         SELECT generateUUIDv4(), toDateTime64({}, 3, 'UTC'), [toString(number)] FROM numbers(1000001)",
        NOW_MS / 1000 - 60
    );
    world.app.clickhouse.query(&insert).execute().await.unwrap();
    let query = "/api/reports/?group_by=sub1&metrics=prospects&range=today";
    let answer = world.get_as(query, &owner).await;
    assert_eq!(answer.line(), r#"400 {"group_by":["There are too many values to list. Use the CSV."]}"#);
    let file = world.get_as(&format!("{query}&format=csv"), &owner).await;
    assert_eq!((file.status, file.text.lines().count()), (200, 1_000_002));
    assert_eq!(
        report(&world, &owner, "group_by=country&range=today").await["total"]["values"]["prospects"],
        1_000_001
    );
}

#[tokio::test]
async fn a_clickhouse_that_is_down_is_a_503() {
    let world = World::with(|config| config.clickhouse.url = "http://127.0.0.1:9".to_owned()).await;
    let owner = world.person("owner", Position::Owner).await;
    for query in ["", "?range=all", "?format=csv"] {
        let answer = world.get_as(&format!("/api/reports/{query}"), &owner).await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, "2"), "{query}: {}", answer.text);
    }
    // A wrong address is still a 400.
    assert_eq!(world.get_as("/api/reports/?group_by=luck", &owner).await.status, 400);
}
