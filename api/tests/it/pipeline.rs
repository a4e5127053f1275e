//! `/pipeline/` and its API: minutes and lanes that balance, and those that do not.

use serde_json::Value;
use sluice_api::http::health;
use sluice_api::policy::Position;

use crate::world::{NOW_MS, World};

const EDGE: &str = "0192f5a0-1234-7000-8000-00000000000e";

/// Inserts the count of an outcome of a lane. Its time is some minutes ago.
pub(crate) async fn count(world: &World, lane: u32, minutes_ago: u64, outcome: &str, count: u64) {
    let minute = NOW_MS / 1000 - minutes_ago * 60;
    let sql = "INSERT INTO outcomes (minute, stage, lane, outcome, reason, count) \
               VALUES ({minute:UInt32}, 'consumer', {lane:String}, {outcome:String}, '', {count:UInt64})";
    let query = world.events().query(sql).param("minute", minute).param("lane", format!("{EDGE}/{lane}"));
    query.param("outcome", outcome).param("count", count).execute().await.unwrap();
}

/// Sets the next ordinal of a lane. The time of the change is some seconds ago.
async fn expect(world: &World, lane: u32, next_ordinal: u64, seconds_ago: u64) {
    let sql = "INSERT INTO lanes (lane, partition, next_seq, updated) \
               VALUES ({lane:String}, 0, {next:UInt64}, fromUnixTimestamp64Milli({updated:Int64}, 'UTC'))";
    let query = world.events().query(sql).param("lane", format!("{EDGE}/{lane}"));
    let query = query.param("next", next_ordinal).param("updated", NOW_MS - seconds_ago * 1000);
    query.execute().await.unwrap();
}

fn row<'a>(answer: &'a Value, from: &str) -> &'a Value {
    answer["rows"].as_array().unwrap().iter().find(|row| row["from"] == from).expect("the row is there")
}

#[tokio::test]
async fn minutes_and_lanes_balance_or_are_red() {
    let world = World::with_events(|_| {}).await;
    let olga = world.person("olga", Position::Owner).await;
    // A lane that balances: 14 events, the ordinals begin with 1.
    count(&world, 0, 30, "stored", 10).await;
    count(&world, 0, 30, "parked", 3).await;
    count(&world, 0, 1, "dropped", 1).await;
    expect(&world, 0, 15, 60).await;
    // Of another one two events never came, and one is being written.
    count(&world, 1, 20, "stored", 5).await;
    count(&world, 1, 20, "missing", 2).await;
    expect(&world, 1, 8, 1200).await;
    count(&world, 2, 3, "stored", 4).await;
    expect(&world, 2, 2, 5).await;
    // Outcomes of replays, and markers, are no lane.
    world
        .events()
        .query(
            "INSERT INTO outcomes (minute, stage, lane, outcome, count, batch, made, batches) \
             VALUES (1795444200, 'consumer', 'replay/0', 'replayed', 2, toUUID('00000000-0000-0000-0000-000000000000'), 0, 0), \
             (1795444200, '', 'x', '', 0, generateUUIDv4(), 1795446000, 1)",
        )
        .execute()
        .await
        .unwrap();

    let answer = world.get_as("/api/pipeline/", &olga).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let answer = answer.json();
    assert_eq!((&answer["interval"], answer["rows"].as_array().unwrap().len()), (&"minute".into(), 60));
    let good = row(&answer, "2026-11-23T14:30:00.000Z");
    assert_eq!((&good["state"], &good["numbered"]), (&"balanced".into(), &13.into()));
    assert_eq!((&good["stored"], &good["parked"], &good["replayed"]), (&10.into(), &3.into(), &2.into()));
    let red = row(&answer, "2026-11-23T14:40:00.000Z");
    assert_eq!((&red["state"], &red["numbered"], &red["missing"]), (&"gap".into(), &7.into(), &2.into()));
    assert_eq!(red["lanes"][0], format!("{EDGE}/1"));
    assert_eq!(row(&answer, "2026-11-23T14:59:00.000Z")["state"], "settling");
    assert_eq!(answer["total"]["numbered"], 13 + 7 + 4 + 1);
    let lanes = answer["lanes"].as_array().unwrap();
    let shown: Vec<String> = lanes
        .iter()
        .map(|lane| format!("{} {} {}", lane["lane"].as_str().unwrap(), lane["state"], lane["difference"]))
        .collect();
    let expected = [(2, "settling", -3), (1, "gap", 2), (0, "balanced", 0)];
    assert_eq!(shown, expected.map(|(lane, state, gap)| format!("{EDGE}/{lane} \"{state}\" {gap}")));

    // Hours and days, in the zone that is asked for.
    let day =
        world.get_as("/api/pipeline/?from=2026-11-23&to=2026-11-23&tz=Asia/Kathmandu", &olga).await.json();
    assert_eq!(day["interval"], "hour");
    assert_eq!(row(&day, "2026-11-23T14:15:00.000Z")["missing"], 2);
    let month = world.get_as("/api/pipeline/?from=2026-11-01&tz=Asia/Kathmandu", &olga).await.json();
    assert_eq!((&month["interval"], month["rows"].as_array().unwrap().len()), (&"day".into(), 23));
    assert_eq!(row(&month, "2026-11-22T18:15:00.000Z")["numbered"], 25);
    let future = world.get_as("/api/pipeline/?from=2027-01-01", &olga).await.json();
    assert_eq!(future["rows"].as_array().unwrap().len(), 0);

    let mut visitor = world.visitor("olga").await;
    let page = visitor.get("/pipeline/").await;
    assert_eq!(page.status, 200, "{}", page.text);
    for text in [
        "<summary class=\"btn\">Last 60 minutes",
        "1 lane does",
        "Does not balance",
        "May still settle",
        "Balanced",
    ] {
        assert!(page.text.contains(text), "{text}: {}", page.text);
    }
    assert!(page.text.contains(&format!("{EDGE}/1</div>")), "the red minute names its lane: {}", page.text);
    assert!(page.text.contains("<a href=\"/pipeline/\" aria-current=\"page\">Pipeline</a>"));
    let all = visitor.get("/pipeline/?range=all").await;
    assert!(all.status == 200 && all.text.contains("All dates"), "{}", all.text);

    // The metric and the log have the lane that is quiet, not the one that is being written.
    health::audit_lanes(&world.app).await;
    assert_eq!(world.app.metrics.audit_gap.get(), 2);
    count(&world, 1, 20, "stored", 2).await;
    health::audit_lanes(&world.app).await;
    assert_eq!(world.app.metrics.audit_gap.get(), 0);
}

#[tokio::test]
async fn bad_dates_are_named_and_the_form_is_kept() {
    let world = World::new().await;
    let olga = world.person("olga", Position::Owner).await;
    let mut visitor = world.visitor("olga").await;
    for (query, field) in
        [("from=yesterday", "from"), ("from=2026-11-20&to=2026-11-19", "to"), ("tz=Mars/Phobos", "tz")]
    {
        let answer = world.get_as(&format!("/api/pipeline/?{query}"), &olga).await;
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.json().get(field).is_some(), "{query}: {}", answer.text);
        let page = visitor.get(&format!("/pipeline/?{query}")).await;
        assert_eq!(page.status, 400, "{query}");
        assert!(page.text.contains("<title>Error: Pipeline"), "{query}: {}", page.text);
        assert!(page.text.contains(&format!("href=\"#dates-{field}\"")), "{query}: {}", page.text);
        assert!(!page.text.contains("<tfoot>"), "{query}: no table of other dates: {}", page.text);
    }
    let empty = visitor.get("/pipeline/?range=all").await;
    assert!(empty.status == 200 && empty.text.contains("No event has been stored yet."), "{}", empty.text);
}

#[tokio::test]
async fn without_clickhouse_it_is_unavailable_and_others_may_not_see_it() {
    let world = World::with(|config| config.clickhouse.url = "http://127.0.0.1:1".to_owned()).await;
    let olga = world.person("olga", Position::Owner).await;
    assert_eq!(world.get_as("/api/pipeline/", &olga).await.status, 503);
    let page = world.visitor("olga").await.get("/pipeline/").await;
    assert!(page.status == 503 && page.text.contains("Temporarily unavailable"), "{}", page.text);
    health::audit_lanes(&world.app).await;
    for (name, position) in
        [("ben", Position::Buyer), ("lea", Position::TeamLead), ("fay", Position::FundsCoordinator)]
    {
        let person = world.person(name, position).await;
        assert_eq!(world.get_as("/api/pipeline/", &person).await.status, 403);
        assert_eq!(world.visitor(name).await.get("/pipeline/").await.status, 403);
    }
}
