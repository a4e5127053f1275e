//! The frame around every page: the age of the last event, what waits, and pages that do not exist.

use sluice_api::policy::Position;

use crate::events::{insert_prospects, park_prospect, prospect};
use crate::parked::KEY;
use crate::world::{NOW_MS, World};

#[tokio::test]
async fn it_shows_the_age_of_the_last_event_and_the_parked_events() {
    let world = World::with_events(|_| {}).await;
    world.person("owner", Position::Owner).await;
    let buyer = world.person("ben", Position::Buyer).await;
    insert_prospects(&world, &[prospect(1, NOW_MS - 7_000, buyer.id)]).await;
    for number in 2..=4 {
        park_prospect(&world, number, NOW_MS - 60_000 + number, KEY).await;
    }
    let mut owner = world.visitor("owner").await;
    let page = owner.get("/sources/").await;
    assert!(page.text.contains("<span>Last event 7 s ago.</span>"), "{}", page.text);
    assert!(page.text.contains("Parked <span class=\"count\">3<"), "{}", page.text);
    assert!(page.text.contains("Times in UTC. "), "{}", page.text);
}

#[tokio::test]
async fn without_events_it_shows_no_age() {
    let world = World::new().await;
    world.person("owner", Position::Owner).await;
    world.sql("UPDATE users SET time_zone = 'Asia/Kathmandu'").await;
    let mut owner = world.visitor("owner").await;
    let page = owner.get("/sources/").await;
    assert!(!page.text.contains("Last event"), "{}", page.text);
    assert!(page.text.contains("Times in Asia/Kathmandu, UTC+5:45. "), "{}", page.text);
}

#[tokio::test]
async fn a_page_that_does_not_exist_keeps_the_frame() {
    let world = World::new().await;
    world.person("owner", Position::Owner).await;
    let mut owner = world.visitor("owner").await;
    let page = owner.get("/nothing/").await;
    assert_eq!(page.status, 404);
    assert!(page.text.contains("There is nothing here") && page.text.contains("Log out"), "{}", page.text);
    let stranger = world.get("/nothing/").await;
    assert_eq!(stranger.status, 404);
    assert!(!stranger.text.contains("Log out"), "{}", stranger.text);
}
