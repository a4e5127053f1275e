//! All routes, walked: none is without a rule that holds, and the document describes them.

use axum::body::Body;
use axum::http::Request;
use sluice_api::guard::{Rule, Surface};
use sluice_api::router;

use crate::world::World;

#[tokio::test]
async fn nobody_gets_anywhere_that_is_not_public() {
    let world = World::new().await;
    let (_, routes) = router::routes(&world.app);
    assert!(routes.len() >= 25, "{}", routes.len());
    for route in &routes {
        let path = route.path.replace("{id}", "0192f5a0-1234-7000-8000-000000000000");
        let mut answer = world.get(&path).await;
        if answer.status == 405 && route.surface == Surface::Api {
            // What is not read is asked as it is changed.
            let method = answer.header("allow").split(',').next().unwrap().to_owned();
            let request = Request::builder().method(method.as_str()).uri(&path);
            answer = world.send(request.body(Body::empty()).unwrap()).await;
        }
        match (route.rule, route.surface) {
            (Rule::Public(reason), _) => assert!(reason.len() > 10, "{path}"),
            (Rule::Asks(..) | Rule::AsksPerson(..), Surface::Api) => {
                assert_eq!(statuses_of(&world, &path).await, [401], "{path}");
            }
            (_, Surface::Page) if answer.status == 405 => {}
            (_, Surface::Page) => {
                assert_eq!(answer.status, 303, "{path}");
                assert!(answer.header("location").starts_with("/login/?next=%2F"), "{path}");
            }
            (_, Surface::File) => panic!("{path}: files are for everybody"),
        }
    }
    let public: Vec<&str> = routes
        .iter()
        .filter(|route| matches!(route.rule, Rule::Public(_)))
        .map(|route| route.path.as_str())
        .collect();
    insta::assert_snapshot!(public.join("\n"), @r"
    /api/users/register/
    /api/users/login/
    /api/users/refresh/
    /api/users/logout/
    /api/users/reset-password/
    /api/prospects/create/
    /api/prospects/create/
    /api/orders/create/
    /api/orders/create/
    /login/
    /static/{version}/{name}
    /swagger/
    /livez
    /readyz
    /robots.txt
    ");
}

/// What nobody is answered by whatever methods the path has.
async fn statuses_of(world: &World, path: &str) -> Vec<u16> {
    let mut statuses = Vec::new();
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        statuses.push(world.send(request).await.status);
    }
    statuses.retain(|status| *status != 405);
    statuses.dedup();
    statuses
}

#[tokio::test]
async fn the_document_names_every_route_of_the_api_by_its_handler() {
    let world = World::new().await;
    let answer = world.get("/openapi.json").await;
    let document = answer.json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            operations.push(format!("{method} {path} {}", operation["operationId"].as_str().unwrap()));
            assert!(operation["responses"].as_object().unwrap().len() > 2, "{path}");
        }
    }
    operations.sort();
    insta::assert_snapshot!(operations.join("\n"), @r"
    delete /api/campaigns/delete/{id}/ delete_campaign
    delete /api/partners/delete/{id}/ delete_partner
    delete /api/sources/delete/{id}/ delete_source
    delete /api/teams/delete/{id}/ delete_team
    get /api/campaigns/detail/{id}/ get_campaign
    get /api/campaigns/list/ list_campaigns
    delete /api/account/image/ delete_account_image
    delete /api/account/sessions/{id}/ revoke_session
    delete /api/account/tokens/delete/{id}/ delete_token
    delete /api/users/delete/{id}/ delete_user
    get /api/account/ get_account
    get /api/account/image/ get_account_image
    get /api/account/sessions/ list_sessions
    get /api/account/tokens/list/ list_tokens
    get /api/audit/list/ list_audit
    delete /api/funds/accounts/delete/{id}/ delete_fund_account
    delete /api/funds/budgets/delete/{id}/ delete_fund_budget
    delete /api/funds/rates/delete/{id}/ delete_fund_rate
    delete /api/funds/requests/delete/{id}/ delete_fund_request
    get /api/funds/accounts/detail/{id}/ get_fund_account
    get /api/funds/accounts/list/ list_fund_accounts
    get /api/funds/accounts/{id}/statement.csv get_fund_account_statement
    get /api/funds/balances/list/ list_balances
    get /api/funds/budgets/detail/{id}/ get_fund_budget
    get /api/funds/budgets/list/ list_fund_budgets
    get /api/funds/ledger/list/ list_ledger
    get /api/funds/rates/detail/{id}/ get_fund_rate
    get /api/funds/rates/list/ list_fund_rates
    get /api/funds/requests/detail/{id}/ get_fund_request
    get /api/funds/requests/list/ list_fund_requests
    get /api/funds/transfers/detail/{id}/ get_fund_transfer
    get /api/funds/transfers/list/ list_fund_transfers
    get /api/orders/detail/{id}/ get_order
    get /api/orders/list/ list_orders
    get /api/partners/detail/{id}/ get_partner
    get /api/partners/list/ list_partners
    get /api/prospects/detail/{id}/ get_prospect
    get /api/prospects/list/ list_prospects
    get /api/sources/detail/{id}/ get_source
    get /api/sources/list/ list_sources
    get /api/sources/templates/ list_source_templates
    get /api/teams/detail/{id}/ get_team
    get /api/teams/list/ list_teams
    get /api/teams/{id}/history/ list_team_history
    get /api/users/list/ list_users
    patch /api/campaigns/update/{id}/ update_campaign
    patch /api/partners/update/{id}/ update_partner
    patch /api/sources/update/{id}/ update_source
    patch /api/teams/update/{id}/ update_team
    post /api/campaigns/create/ create_campaign
    post /api/campaigns/{id}/revoke-key/ revoke_campaign_key
    post /api/campaigns/{id}/rotate-key/ rotate_campaign_key
    get /api/users/detail/{id}/ get_user
    get /api/users/list/ list_users
    get /api/users/{id}/image/ get_user_image
    patch /api/account/ update_account
    patch /api/users/update/{id}/ update_user
    post /api/account/password/ change_password
    post /api/account/sessions/revoke-others/ revoke_other_sessions
    post /api/account/tokens/create/ create_token
    patch /api/funds/accounts/update/{id}/ update_fund_account
    patch /api/funds/budgets/update/{id}/ update_fund_budget
    patch /api/funds/rates/update/{id}/ update_fund_rate
    patch /api/funds/requests/update/{id}/ update_fund_request
    post /api/funds/accounts/create/ create_fund_account
    post /api/funds/budgets/create/ create_fund_budget
    post /api/funds/rates/create/ create_fund_rate
    post /api/funds/requests/create/ create_fund_request
    post /api/funds/requests/{id}/approve/ approve_fund_request
    post /api/funds/requests/{id}/cancel/ cancel_fund_request
    post /api/funds/requests/{id}/refuse/ refuse_fund_request
    post /api/funds/requests/{id}/top-up/ top_up_fund_request
    post /api/funds/transfers/create/ create_fund_transfer
    post /api/funds/transfers/import/ import_fund_transfers
    post /api/funds/transfers/import/preview/ preview_fund_import
    post /api/funds/transfers/{id}/reverse/ reverse_fund_transfer
    post /api/orders/create/ create_order
    post /api/partners/create/ create_partner
    post /api/prospects/create/ create_prospect
    post /api/sources/create/ create_source
    post /api/teams/create/ create_team
    post /api/users/create/ create_user
    post /api/users/login/ login_user
    post /api/users/logout/ logout_user
    post /api/users/refresh/ refresh_token
    post /api/users/register/ register_user
    put /api/campaigns/update/{id}/ replace_campaign
    put /api/partners/update/{id}/ replace_partner
    put /api/sources/update/{id}/ replace_source
    put /api/teams/update/{id}/ replace_team
    post /api/users/reset-password/ reset_password
    post /api/users/{id}/activate/ activate_user
    post /api/users/{id}/approve/ approve_user
    post /api/users/{id}/deactivate/ deactivate_user
    post /api/users/{id}/reset-password/ create_password_reset
    put /api/account/image/ set_account_image
    put /api/users/update/{id}/ replace_user
    put /api/funds/accounts/update/{id}/ replace_fund_account
    put /api/funds/budgets/update/{id}/ replace_fund_budget
    put /api/funds/rates/update/{id}/ replace_fund_rate
    put /api/funds/requests/update/{id}/ replace_fund_request
    ");
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
}

#[tokio::test]
async fn every_answer_has_the_headers_that_protect_a_browser() {
    let world = World::new().await;
    for path in ["/login/", "/api/users/list/", "/nothing/", "/swagger/", "/openapi.json", "/livez"] {
        let answer = world.get(path).await;
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert!(!answer.header("content-security-policy").contains("unsafe"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("strict-transport-security"), "", "{path}");
        assert!(!answer.header("x-request-id").is_empty(), "{path}");
    }
}

#[tokio::test]
async fn https_is_believed_from_a_trusted_proxy_only() {
    let world =
        World::with(|config| config.http.trusted_proxies = vec!["192.0.2.0/24".parse().unwrap()]).await;
    let request = Request::get("/login/").header("x-forwarded-proto", "https");
    let answer = world.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.header("strict-transport-security"), "max-age=31536000");
    assert!(answer.header("set-cookie").ends_with("SameSite=Lax; Secure"));
}

#[tokio::test]
async fn files_are_kept_by_browsers_for_ever_and_compressed() {
    let world = World::new().await;
    let path = sluice_api::assets::url("tabler.css");
    let request = Request::get(&path).header("accept-encoding", "gzip");
    let answer = world.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(answer.header("content-encoding"), "gzip");
    assert_eq!(world.get("/static/old/app.css").await.header("cache-control"), "no-cache");
    assert_eq!(world.get("/static/old/none.css").await.status, 404);
    // Without the slash, the same.
    assert_eq!(world.get("/login").await.status, 200);
}
