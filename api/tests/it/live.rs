//! `/live/` and its stream: each viewer sees the events of their scope, from the feed and without
//! it.

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord};
use reqwest::header::COOKIE;
use serde_json::Value;
use sluice_api::live_feed;
use sluice_api::policy::Position;
use sluice_local::testing::{kafka_topic, servers};
use sluice_runtime::lifecycle::Lifecycle;
use sluice_schemas::live::{LeftOut, LiveKind, LiveMessage, LiveRow};
use sluice_schemas::rows::ProspectRow;
use uuid::Uuid;

use crate::events::{insert_index, insert_orders, insert_prospects, order, prospect};
use crate::world::{NOW_MS, World};

/// A buyer in a team, its lead, another buyer, a coordinator and an owner, and their feed.
pub(crate) struct Office {
    pub(crate) world: World,
    pub(crate) ben: i64,
    zoe: i64,
    topic: String,
    producer: FutureProducer,
    lifecycle: Lifecycle,
}

impl Office {
    pub(crate) async fn new() -> Self {
        let topic = kafka_topic("live", 1).await;
        let live_topic = topic.clone();
        let world = World::with_events(|config| config.kafka.live_topic = live_topic).await;
        let ben = world.person("ben", Position::Buyer).await.id;
        let lea = world.person("lea", Position::TeamLead).await.id;
        let zoe = world.person("zoe", Position::Buyer).await.id;
        world.person("fay", Position::FundsCoordinator).await;
        world.person("olga", Position::Owner).await;
        world.team("Alpha", lea, &[ben]).await;
        let brokers = &servers().await.kafka_brokers;
        let producer = ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap();
        Self { world, ben, zoe, topic, producer, lifecycle: Lifecycle::default() }
    }

    /// Reads the feed from now on.
    pub(crate) async fn read(&self) {
        live_feed::watch(&self.world.app.live, &self.lifecycle);
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.world.app.live.position().is_none() {
            assert!(Instant::now() < deadline, "the feed was not reached");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Feeds visits, as the consumer does.
    pub(crate) async fn feed(&self, rows: &[LiveRow], left_out: &[LeftOut]) {
        let message = LiveMessage { rows: rows.to_vec(), left_out: left_out.to_vec() };
        let payload = serde_json::to_vec(&message).unwrap();
        let record = FutureRecord::<(), _>::to(&self.topic).partition(0).payload(&payload);
        self.producer.send(record, Duration::from_secs(20)).await.unwrap();
    }

    pub(crate) fn visit(&self, number: u128, user_id: i64) -> LiveRow {
        LiveRow {
            kind: LiveKind::Visit,
            id: Uuid::from_u128((0x019a_0b7a_1cb0_7000_8000_u128 << 48) | (0xfeed_0000 + number)),
            time_ms: NOW_MS.cast_signed(),
            user_id: user_id.cast_unsigned(),
            country: "PL".to_owned(),
            device: "mobile".to_owned(),
            os: "<b>Android</b>".to_owned(),
            ..LiveRow::default()
        }
    }

    pub(crate) async fn stop(self) {
        self.lifecycle.begin_drain();
        assert!(self.lifecycle.finish(Duration::from_secs(10)).await);
    }
}

/// Reads a stream until it has this many events. Returns their ids and their data.
async fn events(response: &mut reqwest::Response, n_events: usize) -> Vec<(String, Value)> {
    let read = async {
        let mut text = String::new();
        while text.matches("\n\n").count() < n_events {
            let chunk = response.chunk().await.unwrap().expect("the stream is open");
            text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
        text
    };
    let text = tokio::time::timeout(Duration::from_secs(20), read).await.expect("events come");
    let field = |event: &str, name: &str| {
        let line = event.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_default().trim().to_owned()
    };
    let events = text.split("\n\n").filter(|event| event.contains("event: news"));
    events.map(|event| (field(event, "id:"), serde_json::from_str(&field(event, "data:")).unwrap())).collect()
}

#[tokio::test]
async fn the_list_has_the_newest_events_of_the_scope_and_the_filter() {
    let office = Office::new().await;
    let (ben, zoe) = (office.ben, office.zoe);
    let bot = ProspectRow {
        bot: "user_agent".to_owned(),
        country: "DE".to_owned(),
        ..prospect(3, NOW_MS - 3000, zoe)
    };
    let visits = [prospect(1, NOW_MS - 9000, ben), prospect(2, NOW_MS - 5000, zoe), bot];
    insert_prospects(&office.world, &visits).await;
    insert_index(&office.world, &visits).await;
    insert_orders(&office.world, &[order(7, NOW_MS - 1000, &visits[0])]).await;
    let n_rows = |text: &str| text.matches("<tr data-id=").count();
    for (name, n_expected) in [("olga", 4), ("lea", 2), ("ben", 2), ("zoe", 2)] {
        let page = office.world.visitor(name).await.get("/live/").await;
        assert_eq!((page.status, n_rows(&page.text)), (200, n_expected), "{name}: {}", page.text);
        assert!(!page.text.contains("192.168.4.1"), "no address is shown");
    }
    for path in ["/live/", "/live/events/"] {
        assert_eq!(office.world.visitor("fay").await.get(path).await.status, 403);
    }
    let mut olga = office.world.visitor("olga").await;
    let page = olga.get("/live/").await.text;
    let first = page.split_once("<tr data-id=").unwrap().1;
    for text in [
        "Order <a class=\"id\" href=\"/orders/",
        ">hold</span>",
        "12.50 EUR",
        "desktop, Linux, Firefox",
        ">ben</a>",
    ] {
        assert!(first.split("</tr>").next().unwrap().contains(text), "{text}: {first}");
    }
    assert!(page.contains("Live updates are not available now."), "nothing reads the feed: {page}");
    assert!(page.contains("href=\"/live/?\">Refresh</a>"), "{page}");
    assert!(page.contains("<a href=\"/live/\" aria-current=\"page\">Live</a>"), "{page}");
    let filters =
        [("kind=order", 1), ("kind=visit", 3), ("country=de", 1), ("bot=true", 1), ("bot=false", 3)];
    for (query, n_expected) in filters {
        let page = olga.get(&format!("/live/?{query}")).await;
        assert_eq!((page.status, n_rows(&page.text)), (200, n_expected), "{query}: {}", page.text);
    }
    let page = olga.get(&format!("/live/?user_id={zoe}&bot=false")).await.text;
    assert!(
        n_rows(&page) == 1 && page.contains("Buyer is zoe") && page.contains("/live/?bot=false"),
        "{page}"
    );
    // A name out of scope is not told.
    let page = office.world.visitor("ben").await.get(&format!("/live/?user_id={zoe}")).await.text;
    assert!(page.contains("Nothing matches") && !page.contains("zoe"), "{page}");
    office.stop().await;
}

#[tokio::test]
async fn bad_filters_are_named_and_without_clickhouse_it_is_unavailable() {
    let office = Office::new().await;
    let mut ben = office.world.visitor("ben").await;
    let page = ben.get("/live/").await;
    assert!(page.status == 200 && page.text.contains("No events yet."), "{}", page.text);
    let bad = [
        ("kind=click", "kind"),
        ("country=Germany", "country"),
        ("bot=maybe", "bot"),
        ("user_id=-1", "user_id"),
        ("campaign_id=x", "campaign_id"),
    ];
    for (query, name) in bad {
        let page = ben.get(&format!("/live/?{query}")).await;
        assert_eq!(page.status, 400, "{query}");
        assert!(page.text.contains("<title>Error: Live"), "{query}: {}", page.text);
        let is_named = page.text.contains(&format!("href=\"#{name}\""));
        assert_eq!(is_named, !name.ends_with("_id"), "{query}: {}", page.text);
        assert!(page.text.contains("There is a problem"), "{query}: {}", page.text);
        assert!(!page.text.contains("data-stream"), "{query}: {}", page.text);
        assert_eq!(ben.get(&format!("/live/events/?{query}")).await.status, 400, "{query}");
    }
    for after in ["x", "-1", "99999999999999999999"] {
        assert_eq!(ben.get(&format!("/live/events/?after={after}")).await.status, 400, "{after}");
    }
    office.stop().await;
    let world = World::with(|config| config.clickhouse.url = "http://127.0.0.1:1".to_owned()).await;
    world.person("ben", Position::Buyer).await;
    assert_eq!(world.visitor("ben").await.get("/live/").await.status, 503);
}

#[tokio::test]
async fn a_stream_goes_on_from_the_list_with_the_events_of_the_scope() {
    let office = Office::new().await;
    office.read().await;
    let (ben, zoe) = (office.ben, office.zoe);
    let page = office.world.visitor("lea").await.get("/live/?country=PL").await.text;
    assert!(!page.contains("not available"), "{page}");
    let stream = page.split_once("data-stream=\"").unwrap().1.split('"').next().unwrap();
    let stream = stream.replace("&amp;", "&").replace("&#38;", "&");
    // Before the stream is open.
    let left_out =
        |user_id: i64, count| LeftOut { user_id: user_id.cast_unsigned(), team_id: 0, time_ms: 1000, count };
    let german = LiveRow { country: "DE".to_owned(), ..office.visit(3, ben) };
    let rows = [office.visit(1, ben), office.visit(2, zoe), german, office.visit(4, 0)];
    office.feed(&rows, &[left_out(ben, 5), left_out(zoe, 70), left_out(0, 900)]).await;

    let lifecycle = Lifecycle::default();
    let bound = office.world.serve(&lifecycle).await.unwrap();
    let client = reqwest::Client::new();
    let open = async |name: &str, last: Option<&str>| {
        let cookies = office.world.visitor(name).await.cookies.join("; ");
        let request = client.get(format!("http://{bound}{stream}")).header(COOKIE, cookies);
        let request = last.iter().fold(request, |request, last| request.header("last-event-id", *last));
        request.send().await.unwrap()
    };
    let mut lea = open("lea", None).await;
    assert_eq!(lea.status(), 200);
    assert_eq!(lea.headers()["content-type"], "text/event-stream");
    // The reader of the feed may come after the first event.
    let mut seen = Vec::new();
    while seen.iter().all(|(_, data): &(String, Value)| data["rows"][0].is_null()) {
        seen.extend(events(&mut lea, 1).await);
    }
    let (position, data) = seen.last().unwrap().clone();
    assert_eq!((data["rows"].as_array().unwrap().len(), &data["left_out"]), (1, &5.into()), "{data}");
    assert_eq!((&data["is_fed"], &data["is_cut"]), (&true.into(), &false.into()));
    let html = data["rows"][0]["html"].as_str().unwrap();
    assert_eq!(data["rows"][0]["id"], rows[0].id.to_string());
    assert!(html.contains(">ben</a>") && html.contains("country=PL"), "{html}");
    assert!(!html.contains("<b>") && html.contains("Android"), "texts are escaped: {html}");

    // An event that is fed twice is shown once.
    office.feed(&[office.visit(1, ben), office.visit(5, ben), office.visit(6, zoe)], &[]).await;
    let (next, data) = events(&mut lea, 1).await.pop().unwrap();
    assert_eq!(data["rows"].as_array().unwrap().len(), 1, "{data}");
    assert_eq!(data["rows"][0]["id"], office.visit(5, ben).id.to_string());
    assert!(next.parse::<i64>().unwrap() > position.parse::<i64>().unwrap());

    // The browser asks again from where it stopped.
    let mut again = open("lea", Some(&position)).await;
    let (_, data) = events(&mut again, 1).await.pop().unwrap();
    assert_eq!(data["rows"].as_array().unwrap().len(), 1, "{data}");
    let mut unknown = open("lea", Some("123456789")).await;
    let (_, data) = events(&mut unknown, 1).await.pop().unwrap();
    assert_eq!((&data["is_cut"], data["rows"].as_array().unwrap().len()), (&true.into(), 0), "{data}");

    let mut fourth = open("lea", None).await;
    assert_eq!(open("lea", None).await.status(), 429, "a person has four streams");
    assert_eq!(office.world.app.metrics.open_streams.get(), 4);
    drop((lea, again, unknown));
    let mut owner = open("olga", None).await;
    let (_, data) = events(&mut owner, 1).await.pop().unwrap();
    assert_eq!((data["rows"].as_array().unwrap().len(), &data["left_out"]), (5, &975.into()), "{data}");
    assert!(fourth.chunk().await.unwrap().is_some());
    // A drain does not wait for open streams.
    office.stop().await;
    lifecycle.begin_drain();
    drop((fourth, owner));
    assert!(lifecycle.finish(Duration::from_secs(10)).await);
}
