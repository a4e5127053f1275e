//! Funds through the real router: permissions, operations, and the ledger afterwards.

mod accounts;
mod bad_input;
mod balances;
mod budgets;
mod import;
mod ledger;
mod property;
mod rates;
mod requests;
mod transfers;

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{Method, Request};
use serde_json::{Value, json};
use sluice_api::policy::Position;

use crate::world::{Answer, Person, World};

/// A world with each role: a buyer in the lead's team, and another buyer elsewhere.
pub(crate) struct Funds {
    pub(crate) world: World,
    pub(crate) buyer: Person,
    pub(crate) other: Person,
    pub(crate) lead: Person,
    pub(crate) coordinator: Person,
    pub(crate) owner: Person,
    pub(crate) team: i64,
}

impl Funds {
    pub(crate) async fn new() -> Self {
        // The clock of these tests moves by days.
        Self::on(World::with(|config| config.auth.access_minutes = 60 * 24 * 30).await).await
    }

    /// Adds the people to a world.
    pub(crate) async fn on(world: World) -> Self {
        let buyer = world.person("buyer", Position::Buyer).await;
        let other = world.person("other", Position::Buyer).await;
        let lead = world.person("lead", Position::TeamLead).await;
        let coordinator = world.person("coordinator", Position::FundsCoordinator).await;
        let owner = world.person("owner", Position::Owner).await;
        let team = world.team("Alpha", lead.id, &[buyer.id]).await;
        Self { world, buyer, other, lead, coordinator, owner, team }
    }

    /// Creates an ad account of the buyer, or of another user.
    pub(crate) async fn account(&self, name: &str, buyer: &Person, currency: &str) -> i64 {
        let body = json!({"name": name, "user_id": buyer.id, "currency": currency});
        made(self.post("accounts/create", &body, &self.coordinator).await)
    }

    /// Creates a transfer as the coordinator.
    pub(crate) async fn transfer(&self, kind: &str, account: i64, amount: &str) -> Answer {
        let body = json!({"kind": kind, "account_id": account, "amount": amount});
        self.post("transfers/create", &body, &self.coordinator).await
    }

    /// Creates this month's budget of the team.
    pub(crate) async fn budget(&self, amount: &str, currency: &str) -> i64 {
        let body = json!({"team_id": self.team, "month": "2026-11", "amount": amount, "currency": currency});
        made(self.post("budgets/create", &body, &self.owner).await)
    }

    /// Creates a request as the buyer.
    pub(crate) async fn request(&self, account: i64, amount: &str) -> i64 {
        let body = json!({"account_id": account, "amount": amount, "purpose": "scale"});
        made(self.post("requests/create", &body, &self.buyer).await)
    }

    pub(crate) async fn balance(&self, account: i64) -> String {
        let answer = self.get(&format!("accounts/detail/{account}"), &self.coordinator).await;
        answer.json()["balance"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn get(&self, path: &str, person: &Person) -> Answer {
        self.world.get_as(&format!("/api/funds/{path}"), person).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value, person: &Person) -> Answer {
        self.send(Method::POST, path, Some(body), person, &[]).await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        person: &Person,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/funds/{path}"))
            .header(AUTHORIZATION, format!("Bearer {}", person.token));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match body {
            Some(body) => {
                request = request.header(CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        self.world.send(request.body(body).unwrap()).await
    }

    /// Returns the response to each role, in the order of the policy's columns.
    pub(crate) async fn by_role(&self, method: Method, path: &str, body: Option<&Value>) -> Vec<u16> {
        let mut found = Vec::new();
        for person in [&self.buyer, &self.lead, &self.coordinator, &self.owner] {
            found.push(self.send(method.clone(), path, body, person, &[]).await.status);
        }
        found
    }

    /// Returns the verbs in the audit trail of a resource, oldest first.
    pub(crate) async fn trail(&self, resource: &str) -> Vec<String> {
        sqlx::query_scalar("SELECT verb || ' ' || actor_name FROM audit_log WHERE resource = $1 ORDER BY id")
            .bind(resource)
            .fetch_all(&self.world.app.postgres)
            .await
            .unwrap()
    }
}

/// Returns the id of the thing that was created.
pub(crate) fn made(answer: Answer) -> i64 {
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json()["id"].as_i64().unwrap()
}

/// Returns the ids of a list.
pub(crate) fn ids(answer: &Answer) -> Vec<i64> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json().as_array().unwrap().iter().map(|item| item["id"].as_i64().unwrap()).collect()
}
