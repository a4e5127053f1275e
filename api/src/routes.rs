//! The list of all routes, except the pages of entities and the admin section, which
//! `pages/entities.rs` adds. Each route declares the permission it checks. A route without one does
//! not compile.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, options, post};
use utoipa_axum::router::UtoipaMethodRouterExt as _;
use utoipa_axum::routes;

use crate::account::{self, picture};
use crate::http::guard::{Rule, Surface};
use crate::http::idempotency::KeyMode::{AtEdge, InTransaction};
use crate::http::middleware::{self, Service};
use crate::http::router::{RouteInfo, Routes};
use crate::http::state::App;
use crate::http::{assets, health};
use crate::policy::Action::{Approve, Create, Delete, List, SetStatus, Update, View};
use crate::policy::Resource::{
    Account, Audit, Campaigns, Figures, FundAccounts, FundBudgets, FundRates, FundRequests, FundTransfers,
    Orders, Parked, Partners, Prospects, Sessions, Settings, Sources, System, Teams, Tokens, Users,
};
use crate::{
    access, audit, campaigns, funds, orders, pages, parked, partners, pipeline, prospects, reports, search,
    sources, system, teams, users, views,
};

const LOGS_IN: Rule = Rule::Public("authenticates the caller");
const HAS_TOKEN: Rule = Rule::Public("the refresh token is the credential");
const HAS_LINK: Rule = Rule::Public("the one-time token is the credential");
const REGISTERS: Rule = Rule::Public("the handler checks the configured mode of registration");
const EVENT: Rule = Rule::Public("landing pages send events, like to an edge");
const DOCUMENTS: Rule = Rule::Public("documents the API, like in the legacy CRM");
const FILE: Rule = Rule::Public("the same for everybody");
const LOGS_OUT: Rule = Rule::Asks(Update, Account);

/// Builds the service: routes, guards and middleware.
#[must_use]
pub fn build(app: &App) -> Service {
    let (router, _) = routes(app);
    middleware::wrap(router, app)
}

/// Builds the router and the list of routes.
pub fn routes(app: &App) -> (Router, Vec<RouteInfo>) {
    let list = Routes::new(app);
    let list = api(list);
    let list = team_api(list);
    let list = campaign_api(list);
    let list = parked_api(list);
    let list = reports_api(list);
    let list = fund_accounts(list);
    let list = fund_requests(list);
    let list = fund_transfers(list);
    let list = pages::entities::routes(account_pages(pages(list)));
    files(list).finish()
}

fn api(list: Routes) -> Routes {
    access_api(events_api(account_api(users_api(list))))
}

fn access_api(list: Routes) -> Routes {
    list.api(Rule::Asks(List, Sessions), routes!(access::sessions::list_user_sessions))
        .api(Rule::Asks(View, Sessions), routes!(access::sessions::get_user_session))
        .api(Rule::AsksPerson(Delete, Sessions), routes!(access::sessions::delete_user_session))
        .api(Rule::Asks(List, Tokens), routes!(access::tokens::list_user_tokens))
        .api(Rule::Asks(View, Tokens), routes!(access::tokens::get_user_token))
        .api(Rule::AsksPerson(Delete, Tokens), routes!(access::tokens::delete_user_token))
        .api(Rule::Asks(List, Settings), routes!(access::settings::list_settings))
}

fn account_api(list: Routes) -> Routes {
    let uploads = routes!(account::image::set_account_image).layer(DefaultBodyLimit::max(picture::MAX_BYTES));
    list.api(Rule::Asks(View, Account), routes!(account::profile::get_account))
        .api(Rule::Asks(Update, Account), routes!(account::profile::update_account))
        .api(Rule::AsksPerson(Update, Account), routes!(account::password::change_password))
        .api(Rule::Asks(View, Account), routes!(account::image::get_account_image))
        .api(Rule::Asks(Update, Account), uploads)
        .api(Rule::Asks(Update, Account), routes!(account::image::delete_account_image))
        .api(Rule::Asks(View, Account), routes!(account::second_factor::get_second_factor))
        .api(Rule::AsksPerson(Update, Account), routes!(account::second_factor::begin_second_factor))
        .api(Rule::AsksPerson(Update, Account), routes!(account::second_factor::confirm_second_factor))
        .api(Rule::AsksPerson(Update, Account), routes!(account::second_factor::disable_second_factor))
        .api(Rule::AsksPerson(Update, Account), routes!(account::second_factor::renew_recovery_codes))
        .api(Rule::Asks(View, Account), routes!(account::sessions::list_sessions))
        .api(Rule::AsksPerson(Update, Account), routes!(account::sessions::revoke_session))
        .api(Rule::AsksPerson(Update, Account), routes!(account::sessions::revoke_other_sessions))
        .api(Rule::Asks(View, Account), routes!(account::tokens::list_tokens))
        .idempotent(InTransaction, Rule::AsksPerson(Update, Account), routes!(account::tokens::create_token))
        .api(Rule::AsksPerson(Update, Account), routes!(account::tokens::delete_token))
        .api(Rule::Asks(List, Audit), routes!(audit::list::list_audit))
        // Each kind of things is found within the viewer's permission to list it.
        .api(Rule::Asks(View, Account), routes!(search::find::search))
}

fn users_api(list: Routes) -> Routes {
    list.api(REGISTERS, routes!(users::register::register_user))
        .api(LOGS_IN, routes!(users::login::login_user))
        .api(HAS_TOKEN, routes!(users::refresh::refresh_token))
        .api(HAS_TOKEN, routes!(users::logout::logout_user))
        .api(Rule::Asks(List, Users), routes!(users::list::list_users))
        .api(Rule::Asks(View, Users), routes!(users::detail::get_user))
        .idempotent(InTransaction, Rule::AsksPerson(Create, Users), routes!(users::create::create_user))
        .api(
            Rule::AsksPerson(Update, Users),
            routes!(users::update::replace_user, users::update::update_user),
        )
        .api(Rule::AsksPerson(Delete, Users), routes!(users::delete::delete_user))
        .api(Rule::AsksPerson(Delete, Users), routes!(users::restore::restore_user))
        .api(Rule::AsksPerson(Update, Users), routes!(users::activity::approve_user))
        .api(Rule::AsksPerson(Update, Users), routes!(users::activity::activate_user))
        .api(Rule::AsksPerson(Update, Users), routes!(users::activity::deactivate_user))
        .api(Rule::AsksPerson(Update, Users), routes!(users::reset_password::create_password_reset))
        .api(Rule::AsksPerson(Update, Users), routes!(users::reset_second_factor::reset_second_factor))
        .api(HAS_LINK, routes!(users::reset_password::reset_password))
        .api(Rule::Asks(View, Users), routes!(account::image::get_user_image))
}

fn events_api(list: Routes) -> Routes {
    list.idempotent(AtEdge, EVENT, routes!(prospects::create::create_prospect))
        .route(Surface::Api, EVENT, prospects::create::PATH, options(prospects::create::preflight_prospect))
        .api(Rule::Asks(List, Prospects), routes!(prospects::list::list_prospects))
        .api(Rule::Asks(View, Prospects), routes!(prospects::detail::get_prospect))
        .api(
            Rule::Asks(Update, Prospects),
            routes!(prospects::change::update_prospect, prospects::change::replace_prospect),
        )
        .api(Rule::Asks(Delete, Prospects), routes!(prospects::change::delete_prospect))
        .idempotent(AtEdge, EVENT, routes!(orders::create::create_order))
        .route(Surface::Api, EVENT, orders::create::PATH, options(orders::create::preflight_order))
        .api(Rule::Asks(List, Orders), routes!(orders::list::list_orders))
        .api(Rule::Asks(View, Orders), routes!(orders::detail::get_order))
        .api(Rule::Asks(View, Orders), routes!(orders::history::list_order_statuses))
        // The handler rejects other fields from callers who may only set the status.
        .api(
            Rule::Asks(SetStatus, Orders),
            routes!(orders::update::update_order, orders::update::replace_order),
        )
        .api(Rule::Asks(SetStatus, Orders), routes!(orders::update::set_order_status))
        .api(Rule::Asks(Delete, Orders), routes!(orders::delete::delete_order))
        .api(Rule::Asks(Delete, Orders), routes!(orders::delete::erase_order))
}

fn team_api(list: Routes) -> Routes {
    list.idempotent(InTransaction, Rule::Asks(Create, Teams), routes!(teams::create::create_team))
        .api(Rule::Asks(List, Teams), routes!(teams::list::list_teams))
        .api(Rule::Asks(View, Teams), routes!(teams::detail::get_team))
        .api(Rule::Asks(View, Teams), routes!(teams::history::list_team_history))
        .api(Rule::Asks(Update, Teams), routes!(teams::update::replace_team, teams::update::update_team))
        .api(Rule::Asks(Delete, Teams), routes!(teams::delete::delete_team))
        .api(Rule::Asks(Delete, Teams), routes!(teams::restore::restore_team))
}

fn campaign_api(list: Routes) -> Routes {
    list.idempotent(InTransaction, Rule::Asks(Create, Campaigns), routes!(campaigns::create::create_campaign))
        .api(Rule::Asks(List, Campaigns), routes!(campaigns::list::list_campaigns))
        .api(Rule::Asks(View, Campaigns), routes!(campaigns::detail::get_campaign))
        .api(
            Rule::Asks(Update, Campaigns),
            routes!(campaigns::update::replace_campaign, campaigns::update::update_campaign),
        )
        .api(Rule::Asks(Delete, Campaigns), routes!(campaigns::delete::delete_campaign))
        .api(Rule::Asks(Delete, Campaigns), routes!(campaigns::restore::restore_campaign))
        .idempotent(
            InTransaction,
            Rule::Asks(Update, Campaigns),
            routes!(campaigns::keys::rotate_campaign_key),
        )
        .api(Rule::Asks(Update, Campaigns), routes!(campaigns::keys::revoke_campaign_key))
        .idempotent(InTransaction, Rule::Asks(Create, Sources), routes!(sources::create::create_source))
        .api(Rule::Asks(List, Sources), routes!(sources::list::list_sources))
        .api(Rule::Asks(List, Sources), routes!(sources::templates::list_source_templates))
        .api(Rule::Asks(View, Sources), routes!(sources::detail::get_source))
        .api(
            Rule::Asks(Update, Sources),
            routes!(sources::update::replace_source, sources::update::update_source),
        )
        .api(Rule::Asks(Delete, Sources), routes!(sources::delete::delete_source))
        .api(Rule::Asks(Delete, Sources), routes!(sources::restore::restore_source))
        .idempotent(InTransaction, Rule::Asks(Create, Partners), routes!(partners::create::create_partner))
        .api(Rule::Asks(List, Partners), routes!(partners::list::list_partners))
        .api(Rule::Asks(View, Partners), routes!(partners::detail::get_partner))
        .api(
            Rule::Asks(Update, Partners),
            routes!(partners::update::replace_partner, partners::update::update_partner),
        )
        .api(Rule::Asks(Delete, Partners), routes!(partners::delete::delete_partner))
        .api(Rule::Asks(Delete, Partners), routes!(partners::restore::restore_partner))
}

fn parked_api(list: Routes) -> Routes {
    list.api(Rule::Asks(List, Parked), routes!(parked::list::list_parked))
        .api(Rule::Asks(List, Parked), routes!(parked::counts::count_parked))
        .api(Rule::Asks(View, Parked), routes!(parked::detail::get_parked))
        .api(Rule::Asks(Update, Parked), routes!(parked::mend::mend_parked))
        .api(Rule::Asks(Update, Parked), routes!(parked::ignore::ignore_parked))
        .api(Rule::Asks(Update, Parked), routes!(parked::wait_again::let_parked_wait))
        .api(Rule::Asks(List, Parked), routes!(parked::decisions::list_parked_decisions))
        .api(Rule::Asks(View, Parked), routes!(parked::decisions::get_parked_decision))
        .api(Rule::Asks(Update, Parked), routes!(parked::decisions::revoke_parked_decision))
        .api(Rule::Asks(View, System), routes!(system::check::get_system))
        .api(Rule::Asks(View, System), routes!(pipeline::audit::get_pipeline))
}

fn reports_api(list: Routes) -> Routes {
    list.api(Rule::Asks(View, Figures), routes!(reports::get::get_report))
        .api(Rule::Asks(View, Figures), routes!(reports::schema::get_report_schema))
        .api(Rule::Asks(View, Figures), routes!(views::list::list_views))
        .api(Rule::Asks(View, Figures), routes!(views::detail::get_view))
        .idempotent(InTransaction, Rule::Asks(Update, Account), routes!(views::create::create_view))
        .api(Rule::Asks(Update, Account), routes!(views::update::update_view))
        .api(Rule::Asks(Update, Account), routes!(views::delete::delete_view))
        .api(Rule::Asks(Update, Account), routes!(views::star::star_view))
        .api(Rule::Asks(Update, Account), routes!(views::star::unstar_view))
}

fn fund_accounts(list: Routes) -> Routes {
    use funds::{accounts, budgets, rates};
    list.api(Rule::Asks(List, FundAccounts), routes!(accounts::list::list_fund_accounts))
        .api(Rule::Asks(View, FundAccounts), routes!(accounts::detail::get_fund_account))
        .api(Rule::Asks(View, FundAccounts), routes!(accounts::statement::get_fund_account_statement))
        .idempotent(
            InTransaction,
            Rule::Asks(Create, FundAccounts),
            routes!(accounts::create::create_fund_account),
        )
        .api(
            Rule::Asks(Update, FundAccounts),
            routes!(accounts::update::replace_fund_account, accounts::update::update_fund_account),
        )
        .api(Rule::Asks(Delete, FundAccounts), routes!(accounts::delete::delete_fund_account))
        .api(Rule::Asks(Delete, FundAccounts), routes!(accounts::restore::restore_fund_account))
        .api(Rule::Asks(List, FundBudgets), routes!(budgets::list::list_fund_budgets))
        .api(Rule::Asks(View, FundBudgets), routes!(budgets::detail::get_fund_budget))
        .idempotent(
            InTransaction,
            Rule::Asks(Create, FundBudgets),
            routes!(budgets::create::create_fund_budget),
        )
        .api(
            Rule::Asks(Update, FundBudgets),
            routes!(budgets::update::replace_fund_budget, budgets::update::update_fund_budget),
        )
        .api(Rule::Asks(Delete, FundBudgets), routes!(budgets::delete::delete_fund_budget))
        .api(Rule::Asks(List, FundRates), routes!(rates::list::list_fund_rates))
        .api(Rule::Asks(View, FundRates), routes!(rates::detail::get_fund_rate))
        .idempotent(InTransaction, Rule::Asks(Create, FundRates), routes!(rates::create::create_fund_rate))
        .api(
            Rule::Asks(Update, FundRates),
            routes!(rates::update::replace_fund_rate, rates::update::update_fund_rate),
        )
        .api(Rule::Asks(Delete, FundRates), routes!(rates::delete::delete_fund_rate))
}

fn fund_requests(list: Routes) -> Routes {
    use funds::requests;
    list.api(Rule::Asks(List, FundRequests), routes!(requests::list::list_fund_requests))
        .api(Rule::Asks(View, FundRequests), routes!(requests::detail::get_fund_request))
        .idempotent(
            InTransaction,
            Rule::Asks(Create, FundRequests),
            routes!(requests::create::create_fund_request),
        )
        .api(
            Rule::Asks(Update, FundRequests),
            routes!(requests::update::replace_fund_request, requests::update::update_fund_request),
        )
        .api(Rule::Asks(Delete, FundRequests), routes!(requests::cancel::delete_fund_request))
        .api(Rule::Asks(Update, FundRequests), routes!(requests::cancel::cancel_fund_request))
        .api(Rule::Asks(Approve, FundRequests), routes!(requests::decide::approve_fund_request))
        .api(Rule::Asks(Approve, FundRequests), routes!(requests::decide::refuse_fund_request))
        .api(Rule::Asks(Create, FundTransfers), routes!(requests::top_up::top_up_fund_request))
}

fn fund_transfers(list: Routes) -> Routes {
    use funds::{balances, ledger, transfers};
    let file = || DefaultBodyLimit::max(transfers::sheet::MAX_FILE_BYTES);
    list.api(Rule::Asks(List, FundTransfers), routes!(transfers::list::list_fund_transfers))
        .api(Rule::Asks(View, FundTransfers), routes!(transfers::detail::get_fund_transfer))
        .api(Rule::Asks(Create, FundTransfers), routes!(transfers::create::create_fund_transfer))
        .api(Rule::Asks(Create, FundTransfers), routes!(transfers::reverse::reverse_fund_transfer))
        .api(Rule::Asks(Create, FundTransfers), routes!(transfers::import::preview_fund_import).layer(file()))
        .api(
            Rule::Asks(Create, FundTransfers),
            routes!(transfers::import::import_fund_transfers).layer(file()),
        )
        .api(Rule::Asks(List, FundTransfers), routes!(ledger::list::list_ledger))
        .api(Rule::Asks(List, FundTransfers), routes!(balances::list::list_balances))
}

/// Home and reports.
fn figures_pages(list: Routes) -> Routes {
    list.page(Rule::Asks(View, Figures), "/", get(pages::home::show_home))
        .page(Rule::Asks(View, Figures), "/reports/", get(pages::reports::show_reports))
        .data(Rule::Asks(View, Figures), "/reports/export.csv", get(pages::reports::export_report))
        .page(Rule::Asks(Update, Account), "/reports/views/", post(pages::reports::views::submit_view))
        .page(
            Rule::Asks(Update, Account),
            "/reports/views/{id}/{action}/",
            post(pages::reports::views::submit_action),
        )
}

/// Parked events and the decisions about them.
fn parked_pages(list: Routes) -> Routes {
    list.page(Rule::Asks(List, Parked), "/parked/", get(pages::parked::list::list_parked_page))
        .page(Rule::Asks(View, Parked), "/parked/{id}/", get(pages::parked::event::show_parked))
        .page(Rule::Asks(Update, Parked), "/parked/mend/", post(pages::parked::decide::submit_mend))
        .page(Rule::Asks(Update, Parked), "/parked/ignore/", post(pages::parked::decide::submit_ignore))
        .page(
            Rule::Asks(Update, Parked),
            "/parked/wait-again/",
            post(pages::parked::decide::submit_wait_again),
        )
        .page(
            Rule::Asks(View, Parked),
            "/parked/decisions/{id}/",
            get(pages::parked::decision::show_decision),
        )
        .page(
            Rule::Asks(Update, Parked),
            "/parked/decisions/{id}/revoke/",
            post(pages::parked::decision::submit_revoke),
        )
}

fn pages(list: Routes) -> Routes {
    parked_pages(figures_pages(list))
        .page(LOGS_IN, "/login/", get(pages::login::show_login).post(pages::login::submit_login))
        .page(
            LOGS_IN,
            "/login/code/",
            get(pages::login::show_login_code).post(pages::login::submit_login_code),
        )
        .page(LOGS_OUT, "/logout/", post(pages::login::submit_logout))
        .page(Rule::Asks(View, Prospects), "/prospects/{id}/", get(pages::prospect::show_prospect))
        .page(Rule::Asks(View, Orders), "/orders/{id}/", get(pages::order::show_order))
        .page(Rule::Asks(List, FundRequests), "/funds/", get(pages::funds::show_funds))
        .page(
            Rule::AsksPerson(Create, FundTransfers),
            "/funds/import/",
            get(pages::fund_import::show).post(pages::fund_import::submit),
        )
        .page(Rule::Asks(View, Account), "/search/", get(pages::search::show))
        .data(Rule::Asks(View, Account), "/search/suggestions/", get(pages::search::suggest))
        .data(Rule::Asks(View, Campaigns), "/campaigns/{id}/hits/", get(pages::setup::stream_first_hit))
        .data(Rule::Asks(View, Users), "/users/{id}/image/", get(account::image::get_user_image))
        // Orders are shown to those who may list them too.
        .page(Rule::Asks(List, Prospects), "/live/", get(pages::live::page::show_live))
        .data(Rule::Asks(List, Prospects), "/live/events/", get(pages::live::stream::stream_live))
        .page(Rule::Asks(View, System), "/system/", get(pages::system::show_system))
        .page(Rule::Asks(View, System), "/pipeline/", get(pages::pipeline::show_pipeline))
        .page(
            REGISTERS,
            "/register/",
            get(pages::register::show_register).post(pages::register::submit_register),
        )
        .page(
            HAS_LINK,
            "/reset-password/",
            get(pages::reset_password::show_reset_password)
                .post(pages::reset_password::submit_reset_password),
        )
}

fn account_pages(list: Routes) -> Routes {
    use pages::own_account::{image, password, profile, second_factor, sessions, tokens};
    let (view, change) = (Rule::Asks(View, Account), Rule::AsksPerson(Update, Account));
    list.page(view, "/account/", get(profile::show_account))
        .page(change, "/account/", post(profile::update_account))
        .page(view, "/account/image/", get(image::show_image))
        .page(change, "/account/image/", post(image::set_image))
        .page(change, "/account/image/delete/", post(image::delete_image))
        .page(view, "/account/password/", get(password::show_password))
        .page(change, "/account/password/", post(password::change_password))
        .page(view, "/account/second-factor/", get(second_factor::show_second_factor))
        .page(
            change,
            "/account/second-factor/begin/",
            post(second_factor::begin).get(second_factor::to_second_factor),
        )
        .page(
            change,
            "/account/second-factor/confirm/",
            post(second_factor::confirm).get(second_factor::to_second_factor),
        )
        .page(
            change,
            "/account/second-factor/disable/",
            post(second_factor::disable).get(second_factor::to_second_factor),
        )
        .page(
            change,
            "/account/second-factor/recovery-codes/",
            post(second_factor::renew).get(second_factor::to_second_factor),
        )
        .page(view, "/account/sessions/", get(sessions::show_sessions))
        .page(change, "/account/sessions/end-others/", post(sessions::end_other_sessions))
        .page(change, "/account/sessions/{id}/end/", post(sessions::end_session))
        .page(view, "/account/tokens/", get(tokens::show_tokens))
        .page(change, "/account/tokens/", post(tokens::create_token))
        .page(change, "/account/tokens/{id}/delete/", post(tokens::delete_token))
}

fn files(list: Routes) -> Routes {
    list.file(FILE, "/static/{version}/{name}", get(assets::get_asset))
        .file(DOCUMENTS, "/swagger/", get(pages::swagger::show_swagger))
        .file(DOCUMENTS, "/redoc/", get(pages::redoc::show_redoc))
        .file(FILE, "/livez", get(health::livez))
        .file(FILE, "/readyz", get(health::readyz))
        .file(FILE, "/robots.txt", get(health::robots))
}
