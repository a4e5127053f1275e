//! The security log: refusals, failed logins and changes to accounts leave a line each, without
//! anything secret or personal.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::json;
use sluice_api::policy::Position;

use crate::world::{PASSWORD, Person, World};

/// The log of one test, as JSON.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Returns the new lines of the security log.
    fn take(&self) -> Vec<String> {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap());
        let text = String::from_utf8(bytes).unwrap();
        text.lines().filter(|line| line.contains("\"sluice_api::security\"")).map(str::to_owned).collect()
    }
}

#[tokio::test]
async fn refusals_failures_and_changes_leave_a_line_each() {
    let world = World::new().await;
    let owner = world.person("owner", Position::Owner).await;
    let ann = world.person("ann", Position::Buyer).await;
    let lines = Log::default();
    let subscriber = || {
        let log = lines.clone();
        // As `sluice_runtime::telemetry` has it.
        tracing_subscriber::fmt()
            .with_writer(move || log.clone())
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .finish()
    };
    // Two subscribers, so that tracing-core does not cache what another test's thread wants.
    let _other = tracing::Dispatch::new(subscriber());
    let _guard = tracing::subscriber::set_default(subscriber());
    let expect = |what: &str, parts: &[&str]| {
        let found = lines.take();
        assert!(
            found.iter().any(|line| parts.iter().all(|part| line.contains(part))),
            "{what}: {parts:?} in {found:?}"
        );
        for secret in [PASSWORD, "guessed-password", "nobody-at-all", "@example.com", &owner.token] {
            assert!(!found.iter().any(|line| line.contains(secret)), "{what}: {secret} in {found:?}");
        }
    };
    world.get("/api/users/list/").await;
    expect("nobody", &["\"event\":\"not-authenticated\"", "\"status\":401", "\"address\":\"192.0.2.1\""]);
    let forged = Person { id: 0, token: "forged".to_owned() };
    world.get_as("/api/users/list/", &forged).await;
    expect("a forged token", &["\"event\":\"not-authenticated\""]);
    world.get_as("/api/audit/list/", &ann).await;
    expect(
        "no permission",
        &["\"event\":\"forbidden\"", "\"status\":403", &format!("\"user_id\":{}", ann.id)],
    );
    world.login("nobody-at-all", "guessed-password").await;
    expect(
        "an unknown name",
        &["\"event\":\"login-failed\"", "\"user_id\":0", "\"wrong\":\"password\"", "\"username_hash\":\""],
    );
    world.login("ann", "guessed-password").await;
    expect("a wrong password", &["\"event\":\"login-failed\"", &format!("\"user_id\":{}", ann.id)]);
    for _ in 0..15 {
        world.login("ann", "guessed-password").await;
    }
    expect("too many", &["\"event\":\"throttled\"", "\"status\":429"]);
    world.ask("POST", "/api/account/tokens/create/", &json!({"name": "robot"}), &owner).await;
    expect("a token", &["\"event\":\"create-token\"", &format!("\"actor_id\":{}", owner.id)]);
    let path = format!("/api/users/update/{}/", ann.id);
    world.ask("PATCH", &path, &json!({"position": "Funds Coordinator"}), &owner).await;
    expect("a position", &["\"event\":\"update\"", &format!("\"resource_id\":\"{}\"", ann.id)]);
    let mut visitor = world.visitor("owner").await;
    expect("a login", &["\"event\":\"login\""]);
    assert_eq!(visitor.get("/users/export.csv").await.status, 200);
    expect("an export", &["\"event\":\"export\"", &format!("\"actor_id\":{}", owner.id)]);
    // Nothing to tell.
    world.get_as("/api/users/list/", &owner).await;
    assert_eq!(lines.take(), Vec::<String>::new());
}
