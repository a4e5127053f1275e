//! `sluice-consumer parked`, with a database role that may do nothing but what the consumer's may.

use sluice_local::servers::postgres::psql;
use sluice_local::testing;
use uuid::Uuid;

use crate::harness::{Lane, World};
use crate::parked::{N_WAITING, UNKNOWN_KEY};
use crate::resolving::{KEY, add_campaign};

const GRANTS: &str = "GRANT SELECT ON directory_log, directory_origin TO ROLE; \
    GRANT EXECUTE ON FUNCTION operator_decides_parked, operator_lets_parked_wait TO ROLE";

/// Makes a role as `./deploy/up` does. Returns its address.
async fn consumer_role(world: &World) -> String {
    let name = format!("consumer_{}", Uuid::now_v7().simple());
    let made = format!("CREATE ROLE {name} LOGIN PASSWORD 'secret'; {}", GRANTS.replace("ROLE", &name));
    psql(&world.postgres_url, &made).await.unwrap();
    let (_, place) = world.postgres_url.rsplit_once('@').unwrap();
    format!("postgres://{name}:secret@{place}")
}

async fn parked(world: &World, postgres_url: &str, args: &[&str]) -> (bool, String) {
    let output = tokio::process::Command::new(testing::service_binary("sluice-consumer"))
        .arg("parked")
        .args(args)
        .env("SLUICE__DIRECTORY__POSTGRES_URL", postgres_url)
        .env("SLUICE__CLICKHOUSE__URL", &world.clickhouse.url)
        .env("SLUICE__CLICKHOUSE__DATABASE", &world.clickhouse.database)
        .env("SLUICE__CLICKHOUSE__USER", &world.clickhouse.user)
        .env("SLUICE__CLICKHOUSE__PASSWORD", world.clickhouse.password.expose())
        .output()
        .await
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (output.status.success(), text)
}

#[tokio::test]
async fn an_operator_mends_and_ignores_after_counting() {
    let world = World::new(1).await;
    add_campaign(&world, KEY, 4).await;
    let consumer = world.consume();
    let mut lane = Lane::new(0);
    for _ in 0..3 {
        lane.prospect(Uuid::now_v7(), &format!("k={UNKNOWN_KEY}"));
        lane.order(Uuid::now_v7(), "lost\u{1b}[2J");
    }
    lane.send(&world, 10, 0).await;
    world.wait_for(N_WAITING, 6).await;
    let role = consumer_role(&world).await;
    let run = async |args: &[&str]| parked(&world, &role, args).await;

    let (_, text) = run(&["counts"]).await;
    assert!(text.contains(UNKNOWN_KEY) && text.contains("        3  waiting   unknown_key"), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
    let key = ["--reason", "unknown_key", "--reference", UNKNOWN_KEY];
    let (is_done, text) = run(&[&["mend", "--campaign", "1"][..], &key].concat()).await;
    assert!(is_done && text.contains("3 events, from 2026-11-01T00:00:00.000Z to"), "{text}");
    assert_eq!(world.one(N_WAITING).await, 6, "it only counts");
    let (is_done, text) = run(&[&["mend", "--campaign", "1", "--expect", "4"][..], &key].concat()).await;
    assert!(!is_done && text.contains("3 events match now, not 4"), "{text}");
    let (is_done, text) = run(&[&["mend", "--campaign", "77", "--expect", "3"][..], &key].concat()).await;
    assert!(!is_done && text.contains("parked_decisions_campaign_id_fkey"), "{text}");
    let (is_done, text) = run(&[&["mend", "--campaign", "1", "--expect", "3"][..], &key].concat()).await;
    assert!(is_done, "{text}");
    world.wait_for("SELECT count() FROM prospects WHERE campaign_id = 1", 3).await;

    let lost = ["--reason", "unknown_prospect", "--reference", "lost\u{1b}[2J", "--expect", "3"];
    let (is_done, text) = run(&[&["ignore", "--because", "a test"][..], &lost].concat()).await;
    assert!(is_done, "{text}");
    world
        .wait_for("SELECT count() FROM parked_log FINAL WHERE state = 'ignored' AND note = 'a test'", 3)
        .await;
    let (_, text) = run(&["list", "--state", "ignored"]).await;
    assert_eq!(text.matches("(a test)").count(), 3, "{text}");
    let (is_done, text) = run(&[&["wait-again"][..], &lost].concat()).await;
    assert!(is_done, "{text}");
    world.wait_for(N_WAITING, 3).await;
    let (is_done, text) = run(&[&["wait-again"][..], &lost].concat()).await;
    assert!(!is_done && text.contains("no event matches"), "{text}");
    consumer.drain().await;

    let lines = "SELECT string_agg(verb || ' ' || via || ' ' || actor_name, ', ' ORDER BY id) FROM audit_log";
    assert_eq!(
        psql(&world.postgres_url, lines).await.unwrap(),
        "mend cli operator, ignore cli operator, wait_again cli operator"
    );
    // Nothing else may be written.
    for sql in [
        "DELETE FROM parked_decisions",
        "SELECT decide_parked('wait', NULL, '', '', NULL, NULL, NULL, NULL, '', 0, 1)",
    ] {
        assert!(psql(&role, sql).await.is_err(), "{sql}");
    }
}
