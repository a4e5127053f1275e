//! There is always an active Owner, also after two requests at once.

use serde_json::{Value, json};
use sluice_api::policy::Position;

use crate::world::{Answer, World};

#[tokio::test]
async fn the_last_owner_cannot_be_removed_demoted_or_deactivated() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    let id = owner.id;
    for (method, path, body) in [
        ("DELETE", format!("/api/users/delete/{id}/"), Value::Null),
        ("PATCH", format!("/api/users/update/{id}/"), json!({"position": "Buyer"})),
        ("PATCH", format!("/api/users/update/{id}/"), json!({"is_active": false})),
        ("POST", format!("/api/users/{id}/deactivate/"), Value::Null),
    ] {
        let answer = world.ask(method, &path, &body, &owner).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(answer.line(), @r#"409 {"detail":"The last active Owner cannot be removed, demoted or deactivated."}"#);
        }
    }
    // An inactive Owner does not count.
    let other = world.person("other", Position::Owner).await;
    let deactivated =
        world.ask("POST", &format!("/api/users/{}/deactivate/", other.id), &Value::Null, &owner).await;
    assert_eq!(deactivated.status, 200);
    assert_eq!(
        world.ask("DELETE", &format!("/api/users/delete/{id}/"), &Value::Null, &owner).await.status,
        409
    );
    assert_eq!(
        world.ask("DELETE", &format!("/api/users/delete/{}/", other.id), &Value::Null, &owner).await.status,
        204
    );
    assert_eq!(world.trail("users", id).await, [""; 0]);
}

#[tokio::test]
async fn two_owners_who_remove_each_other_at_once_leave_one() {
    let world = World::new().await;
    for round in 0..5 {
        let ann = world.person(&format!("ann{round}"), Position::Owner).await;
        let bob = world.person(&format!("bob{round}"), Position::Owner).await;
        world
            .sql(&format!("UPDATE users SET is_active = false WHERE id NOT IN ({}, {})", ann.id, bob.id))
            .await;
        let body = json!({"position": "Buyer"});
        let (first, second): (Answer, Answer) = match round % 2 {
            0 => {
                let (left, right) =
                    (format!("/api/users/delete/{}/", bob.id), format!("/api/users/delete/{}/", ann.id));
                tokio::join!(
                    world.ask("DELETE", &left, &Value::Null, &ann),
                    world.ask("DELETE", &right, &Value::Null, &bob),
                )
            }
            _ => {
                let (left, right) =
                    (format!("/api/users/update/{}/", ann.id), format!("/api/users/{}/deactivate/", bob.id));
                tokio::join!(
                    world.ask("PATCH", &left, &body, &ann),
                    world.ask("POST", &right, &Value::Null, &bob),
                )
            }
        };
        let statuses = [first.status, second.status];
        assert!(
            statuses.iter().all(|status| [200, 204, 401, 403, 404, 409].contains(status)),
            "{statuses:?}"
        );
        let n_owners: i64 =
            sqlx::query_scalar("SELECT count(*) FROM users WHERE position = 'Owner' AND is_active")
                .fetch_one(&world.app.postgres)
                .await
                .unwrap();
        assert_eq!(n_owners, 1, "{statuses:?}");
    }
}
