//! Postgres ends all connections shortly after a request, as in a restart, while the pool still
//! trusts them. The next requests succeed or get a 503 with `Retry-After`, and the pool recovers.

use futures::future::join_all;
use serde_json::json;
use sluice_api::policy::Position;
use sqlx::{Connection as _, PgConnection};

use crate::world::{Answer, Person, Visitor, World};

/// Each kind of request twice: a list, a page, and a change in a transaction.
const N_ROUNDS: usize = 6;

#[tokio::test]
async fn a_request_on_a_cut_connection_succeeds_or_can_be_repeated() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    let mut visitor = world.visitor("owner").await;
    let mut other = PgConnection::connect(world.app.config.postgres.url.expose()).await.unwrap();
    for round in 0..N_ROUNDS {
        warm(&world, &owner).await;
        cut(&mut other).await;
        let mut n_refused = 0;
        loop {
            let (answer, done) = ask(&world, &owner, &mut visitor, round).await;
            if answer.status == done {
                break;
            }
            assert_eq!((answer.status, answer.header("retry-after")), (503, "2"), "{round}: {}", answer.text);
            // Each refused request removes a dead connection from the pool.
            n_refused += 1;
            assert!(n_refused <= world.app.postgres.options().get_max_connections(), "{round}: {n_refused}");
        }
    }
}

/// Sends the kind of request of this round. Returns the response and the status of success.
async fn ask(world: &World, owner: &Person, visitor: &mut Visitor<'_>, round: usize) -> (Answer, u16) {
    match round % 3 {
        0 => (world.get_as("/api/users/list/", owner).await, 200),
        1 => (visitor.get("/users/").await, 200),
        _ => {
            let body = json!({"name": format!("Team {round}")});
            (world.post_json("/api/teams/create/", &body, Some(owner)).await, 201)
        }
    }
}

/// Fills the pool with idle connections that have just been used.
async fn warm(world: &World, owner: &Person) {
    let pool = &world.app.postgres;
    let n_connections = pool.options().get_max_connections();
    join_all((0..n_connections).map(|_| world.get_as("/api/users/list/", owner))).await;
    while pool.num_idle() < pool.size() as usize {
        tokio::task::yield_now().await;
    }
}

/// Ends the pool's connections over another connection, until Postgres has none of them.
async fn cut(other: &mut PgConnection) {
    assert!(n_told_to_end(other).await > 0, "the pool has connections");
    while n_told_to_end(other).await > 0 {}
}

async fn n_told_to_end(other: &mut PgConnection) -> i64 {
    sqlx::query_scalar(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'sluice-api'",
    )
    .fetch_one(other)
    .await
    .unwrap()
}
