//! The service on a real port, as `serve` runs it.

use std::time::Duration;

use sluice_api::policy::Position;
use sluice_runtime::lifecycle::Lifecycle;

use crate::world::World;

#[tokio::test]
async fn it_serves_on_a_port_and_drains() {
    let world = World::new().await;
    world.person("ann", Position::Buyer).await;
    let lifecycle = Lifecycle::default();
    let bound = world.serve(&lifecycle).await.unwrap();
    let client = reqwest::Client::new();
    let answer = client.get(format!("http://{bound}/livez")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let answer = client
        .post(format!("http://{bound}/api/users/login"))
        .form(&[("username", "ann"), ("password", crate::world::PASSWORD)])
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let token =
        answer.json::<serde_json::Value>().await.unwrap()["access_token"].as_str().unwrap().to_owned();
    let list = client.get(format!("http://{bound}/api/users/list/")).bearer_auth(token).send().await.unwrap();
    assert_eq!(list.text().await.unwrap().matches("\"username\":\"ann\"").count(), 1);

    lifecycle.begin_drain();
    assert!(lifecycle.finish(Duration::from_secs(10)).await, "idle connections do not hold up the drain");
    assert!(client.get(format!("http://{bound}/livez")).send().await.is_err());
}
