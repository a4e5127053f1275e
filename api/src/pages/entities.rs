//! The routes of all entities: lists, CSV files, forms, and the pages of one thing.

use axum::extract::{RawQuery, State};
use axum::routing::{get, post};

use crate::db::audit::Actor;
use crate::http::allowed::Form;
use crate::http::error::ApiError;
use crate::http::guard::Rule;
use crate::http::in_process::Api;
use crate::http::paging::Listing;
use crate::http::path_id::PathText;
use crate::http::router::Routes;
use crate::http::state::App;
use crate::pages::act::PageAction;
use crate::pages::entity::{ALL, Entity, Verb};
use crate::pages::site::Site;
use crate::pages::{act, admin, create, delete, detail, export, list, update};
use crate::policy::Action::{Create, Delete, List, Update, View};
use crate::policy::Resource;

type Id = Result<PathText, ApiError>;

/// The permission that the whole admin section needs.
const ADMIN: Rule = Rule::Asks(List, Resource::Audit);

/// Adds the pages of every entity, and the admin section.
#[must_use]
pub fn routes(list: Routes) -> Routes {
    let list = list.page(ADMIN, "/admin/", get(admin::show));
    ALL.into_iter().fold(list, |list, entity| in_admin(in_pages(list, entity), entity))
}

fn in_pages(list: Routes, entity: &'static Entity) -> Routes {
    let list = if entity.resource == Resource::Audit { list } else { lists(list, entity, Site::Pages) };
    // One visit and one order have pages of their own.
    let is_own = matches!(entity.resource, Resource::Prospects | Resource::Orders);
    let list = if is_own || !entity.is_shown { list } else { shown(list, entity, Site::Pages) };
    changes(list, entity, Site::Pages)
}

fn in_admin(list: Routes, entity: &'static Entity) -> Routes {
    let list = lists(list, entity, Site::Admin);
    let list = if entity.is_shown { shown(list, entity, Site::Admin) } else { list };
    let list = changes(list, entity, Site::Admin);
    if !entity.is_deleted {
        return list;
    }
    let path = format!("{}bulk/", Site::Admin.list(entity));
    list.page(
        Rule::Asks(Delete, entity.resource),
        &path,
        post(move |api: Api, form: Form| admin::submit_bulk(entity, api, form)),
    )
}

fn rule(site: Site, rule: Rule) -> Rule {
    // Only Owners may read the audit trail, and only they administrate.
    match (site, rule) {
        (Site::Admin, Rule::Asks(List | View, _)) => ADMIN,
        (_, rule) => rule,
    }
}

fn lists(list: Routes, entity: &'static Entity, site: Site) -> Routes {
    let asks = rule(site, Rule::Asks(List, entity.resource));
    let path = site.list(entity);
    let shown =
        move |app: State<App>, api: Api, listing: Listing| list::show(entity, site, app, api, listing);
    let sent = move |app: State<App>, api: Api, actor: Actor, listing: Listing| {
        export::send(entity, app, api, actor, listing)
    };
    list.page(asks, &path, get(shown)).page(asks, &format!("{path}export.csv"), get(sent))
}

fn shown(list: Routes, entity: &'static Entity, site: Site) -> Routes {
    let shown = move |app: State<App>, id: Id, api: Api, listing: Listing| {
        detail::show(entity, site, app, id, api, listing)
    };
    let path = format!("{}{{id}}/", site.list(entity));
    list.page(rule(site, Rule::Asks(View, entity.resource)), &path, get(shown))
}

fn changes(mut list: Routes, entity: &'static Entity, site: Site) -> Routes {
    let path = site.list(entity);
    if entity.is_created {
        let show = move |api: Api, query: RawQuery| create::show(entity, site, api, query);
        let submit = move |api: Api, form: Form| create::submit(entity, site, api, form);
        let methods = get(show).post(submit);
        list = list.page(Rule::AsksPerson(Create, entity.resource), &format!("{path}create/"), methods);
    }
    if entity.is_updated {
        let show = move |id: Id, api: Api| update::show(entity, site, id, api);
        let submit = move |id: Id, api: Api, form: Form| update::submit(entity, site, id, api, form);
        let methods = get(show).post(submit);
        list =
            list.page(Rule::AsksPerson(Update, entity.resource), &format!("{path}{{id}}/update/"), methods);
    }
    if entity.is_deleted {
        let show = move |id: Id, api: Api| delete::show(entity, site, id, api);
        let submit = move |id: Id, api: Api, form: Form| delete::submit(entity, site, id, api, form);
        let methods = get(show).post(submit);
        list =
            list.page(Rule::AsksPerson(Delete, entity.resource), &format!("{path}{{id}}/delete/"), methods);
    }
    entity.verbs.iter().fold(list, |list, verb| acts(list, entity, verb, site))
}

fn acts(list: Routes, entity: &'static Entity, verb: &'static Verb, site: Site) -> Routes {
    let submit = move |app: State<App>, id: Id, api: Api, listing: Listing, form: Form| {
        act::submit(PageAction { entity, verb, site }, app, id, api, listing, form)
    };
    let path = format!("{}{{id}}/{}/", site.list(entity), verb.name);
    list.page(Rule::AsksPerson(verb.action, verb.resource), &path, post(submit))
}
