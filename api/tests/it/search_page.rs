//! The search over everything, by the API and by the page, within the scope of its viewer.

use crate::events::{Office, id, order_id};
use crate::world::NOW_MS;

#[tokio::test]
async fn everybody_finds_what_they_may_list_and_nothing_else() {
    let office = Office::new().await;
    let world = &office.world;
    world.sql("INSERT INTO sources (name) VALUES ('Alpha ads')").await;
    let kinds = |answer: &crate::world::Answer| -> Vec<String> {
        let hits = answer.json();
        hits.as_array().unwrap().iter().map(|hit| hit["kind"].as_str().unwrap().to_owned()).collect()
    };
    let of_ann = format!("/api/search/?q={}", id(3));
    let order = format!("/api/search/?q={}", order_id(3, NOW_MS - 49_000));
    for (person, expected) in [
        (&office.ann, [1, 1, 1, 1, 0]),
        (&office.lead, [1, 1, 1, 1, 0]),
        (&office.funds, [0, 0, 1, 1, 1]),
        (&office.eve, [0, 0, 1, 0, 1]),
        (&office.owner, [1, 1, 1, 1, 1]),
    ] {
        let paths = [
            of_ann.as_str(),
            order.as_str(),
            "/api/search/?q=alpha%20ads",
            "/api/search/?q=ann",
            "/api/search/?q=eve",
        ];
        for (path, n) in paths.into_iter().zip(expected) {
            let answer = world.get_as(path, person).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            let n_exact = kinds(&answer).iter().filter(|kind| *kind != "team").count();
            assert_eq!(n_exact, n, "{path} as {}: {}", person.id, answer.text);
        }
    }
    assert_eq!(world.get_as("/api/search/?q=", &office.owner).await.text, "[]");
    assert_eq!(world.get_as(&format!("/api/search/?q={}", "a".repeat(201)), &office.owner).await.status, 400);
    assert_eq!(world.get("/api/search/?q=a").await.status, 401);
}

#[tokio::test]
async fn an_exact_id_opens_its_page() {
    let office = Office::new().await;
    let mut owner = office.world.visitor("owner").await;
    let answer = owner.get(&format!("/search/?q={}", id(3))).await;
    assert_eq!((answer.status, answer.header("location")), (303, format!("/prospects/{}/", id(3)).as_str()));
    let page = owner.get("/search/?q=%3Cb%3Ean").await;
    assert!(page.status == 200 && page.text.contains("Nothing matches"), "{}", page.text);
    let page = owner.get("/search/?q=an").await.text;
    assert!(page.contains(">ann</a>"), "{page}");
    let suggested = owner.get("/search/suggestions/?q=an").await;
    assert!(
        suggested.json().as_array().unwrap().iter().any(|hit| hit["name"] == "ann"),
        "{}",
        suggested.text
    );
}
