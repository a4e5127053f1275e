//! A client that is generated from the OpenAPI document (`api/tests/client/`), type-checked, and
//! run against the service on a port.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use sluice_api::policy::Position;
use sluice_local::artifacts::npm_packages;
use sluice_runtime::lifecycle::Lifecycle;
use tokio::process::Command;

use crate::world::{PASSWORD, World};

const MANIFEST: &str = include_str!("../client/package.json");
const LOCK: &str = include_str!("../client/package-lock.json");
const FILES: [(&str, &str); 3] = [
    ("package.json", MANIFEST),
    ("tsconfig.json", include_str!("../client/tsconfig.json")),
    ("walk.ts", include_str!("../client/walk.ts")),
];

#[tokio::test]
async fn a_generated_client_is_typed_and_works() {
    let world = World::new().await;
    world.person("olga", Position::Owner).await;
    world.person("ben", Position::Buyer).await;
    let lifecycle = Lifecycle::default();
    let bound = world.serve(&lifecycle).await.unwrap();
    let url = format!("http://{bound}");
    let document = reqwest::get(format!("{url}/openapi.json")).await.unwrap().text().await.unwrap();

    let title = "a generator of clients (25 MB)";
    let packages = tokio::task::spawn_blocking(move || npm_packages(title, MANIFEST, LOCK));
    let packages = packages.await.unwrap().unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in FILES {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    std::fs::write(folder.path().join("openapi.json"), document).unwrap();
    std::os::unix::fs::symlink(packages.join("node_modules"), folder.path().join("node_modules")).unwrap();

    let generator = "node_modules/openapi-typescript/bin/cli.js";
    node(folder.path(), &[generator, "openapi.json", "-o", "schema.d.ts"], &url).await;
    node(folder.path(), &["node_modules/typescript/bin/tsc", "-p", "."], &url).await;
    let walked = node(folder.path(), &["out/walk.js"], &url).await;
    insta::assert_snapshot!(String::from_utf8_lossy(&walked.stdout), @r#"
    users ben
    team 201 1 member of true
    campaign Spring push 12.50 EUR active
    changed 200 paused
    late 412 {"detail":"It has changed since you read it. Read it again."}
    bad 400 This field may not be blank.
    "#);
    lifecycle.begin_drain();
    assert!(lifecycle.finish(Duration::from_secs(10)).await);
}

async fn node(folder: &Path, arguments: &[&str], url: &str) -> Output {
    let environment = [("SLUICE_URL", url), ("SLUICE_USERNAME", "olga"), ("SLUICE_PASSWORD", PASSWORD)];
    let mut command = Command::new("node");
    command.args(arguments).current_dir(folder).envs(environment).kill_on_drop(true);
    let output = command.output().await.expect("node is needed: apt-get install npm");
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&text));
    output
}
