//! A search finds a text in each field of a visit: page, click id, referrer and user agent.

use sluice_api::policy::Position;
use sluice_schemas::rows::ProspectRow;

use crate::events::{insert_prospects, numbers, prospect};
use crate::world::{NOW_MS, World};

#[tokio::test]
async fn a_text_is_found_in_every_field_and_each_visit_once() {
    let world = World::with_events(|_| {}).await;
    let owner = world.person("owner", Position::Owner).await;
    let visit = |number: u64| ProspectRow {
        user_agent: "Agent".to_owned(),
        referrer: "https://news.example/".to_owned(),
        page: "https://shop.example/".to_owned(),
        ..prospect(number, NOW_MS + number, 0)
    };
    let rows = [
        ProspectRow { page: "https://shop.example/?p=Summer_Sale-50%25".to_owned(), ..visit(1) },
        ProspectRow { external_id: "Summer".to_owned(), ..visit(2) },
        ProspectRow { referrer: "https://news.example/SUMMER".to_owned(), ..visit(3) },
        ProspectRow { user_agent: "Summer/1.0".to_owned(), ..visit(4) },
        ProspectRow { user_agent: r"back\slash".to_owned(), ..visit(5) },
        ProspectRow {
            page: "summer".to_owned(),
            referrer: "summer".to_owned(),
            user_agent: "summer".to_owned(),
            ..visit(6)
        },
        ProspectRow { page: r"https://shop.example/a\b?ЛІТО".to_owned(), ..visit(7) },
    ];
    insert_prospects(&world, &rows).await;
    for (q, found) in [
        ("sUMMer", vec![6, 4, 3, 1]),
        // A click id is matched exactly.
        ("Summer", vec![6, 4, 3, 2, 1]),
        ("summer_sale-50%25", vec![1]),
        ("summer%sale", vec![]),
        ("summer-sale", vec![]),
        ("%", vec![1]),
        ("_", vec![1]),
        (r"\", vec![7, 5]),
        (r"A\B", vec![7]),
        ("літо", vec![7]),
        ("l", vec![7, 5, 4, 3, 2, 1]),
        ("winter", vec![]),
    ] {
        let query = |more: &str| {
            let mut query = form_urlencoded::Serializer::new(String::new());
            format!("/api/prospects/list/?{}{more}", query.append_pair("q", q).finish())
        };
        assert_eq!(numbers(&world.get_as(&query(""), &owner).await), found, "{q}");
        let mut pages = Vec::new();
        let mut next = Some(query("&limit=2"));
        while let Some(path) = next {
            let answer = world.get_as(&path, &owner).await;
            pages.extend(numbers(&answer));
            next = answer.header("link").split(['<', '>']).nth(1).map(str::to_owned);
        }
        assert_eq!(pages, found, "{q}, two at a time");
        let oldest_first = found.iter().rev().copied().collect::<Vec<_>>();
        assert_eq!(numbers(&world.get_as(&query("&sort=time"), &owner).await), oldest_first, "{q}");
    }
}
