//! The frame of every page (navigation that the policy allows, viewer, form token) and the error
//! page.

use std::sync::Arc;

use askama::Template;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};

use crate::http::allowed::{Allowed, Surroundings};
use crate::http::assets;
use crate::http::auth::csrf;
use crate::http::error::ApiError;
use crate::http::notice::Notice;
use crate::policy::{self, Action, Position, Resource};
use crate::preferences::Theme;

/// A section of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Home,
    Reports,
    Campaigns,
    Prospects,
    Orders,
    Funds,
    Teams,
    Users,
    Sources,
    Partners,
    Live,
    Parked,
    Pipeline,
    System,
    Admin,
    Account,
    None,
}

/// A link of the navigation.
#[derive(Debug, Clone)]
pub struct NavItem {
    pub href: &'static str,
    pub label: &'static str,
    pub is_active: bool,
    /// The number of things that wait for the viewer behind the link.
    pub waiting: u64,
}

/// Data of the frame around a page.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The links of the bar.
    pub nav: Vec<NavItem>,
    /// The links of the menu *More*.
    pub more: Vec<NavItem>,
    /// The links of the bar at the bottom of a phone.
    pub phone: Vec<NavItem>,
    /// `None` if nobody is logged in.
    pub viewer: Option<FrameViewer>,
    pub section: Section,
    /// `auto`, `light` or `dark`.
    pub theme: &'static str,
    /// Whether keys are shortcuts.
    pub has_shortcuts: bool,
    surroundings: Arc<Surroundings>,
}

/// The logged-in user, as the frame shows them.
#[derive(Debug, Clone)]
pub struct FrameViewer {
    pub name: String,
    pub position: &'static str,
    /// Value of the hidden field `csrf_token` of every form.
    pub csrf: String,
    /// The time zone, with its distance to UTC now.
    pub zone: String,
}

/// A link, and the permission that it needs to be shown.
type Link = (Section, &'static str, &'static str, Action, Resource);

const HOME: Link = (Section::Home, "/", "Home", Action::View, Resource::Figures);
const REPORTS: Link = (Section::Reports, "/reports/", "Reports", Action::View, Resource::Figures);
const CAMPAIGNS: Link = (Section::Campaigns, "/campaigns/", "Campaigns", Action::List, Resource::Campaigns);
const PROSPECTS: Link = (Section::Prospects, "/prospects/", "Prospects", Action::List, Resource::Prospects);
const ORDERS: Link = (Section::Orders, "/orders/", "Orders", Action::List, Resource::Orders);
const FUNDS: Link = (Section::Funds, "/funds/", "Funds", Action::List, Resource::FundRequests);
const TEAMS: Link = (Section::Teams, "/teams/", "Teams", Action::List, Resource::Teams);
const USERS: Link = (Section::Users, "/users/", "Users", Action::List, Resource::Users);
const SOURCES: Link = (Section::Sources, "/sources/", "Sources", Action::List, Resource::Sources);
const PARTNERS: Link = (Section::Partners, "/partners/", "Partners", Action::List, Resource::Partners);
const LIVE: Link = (Section::Live, "/live/", "Live", Action::List, Resource::Prospects);
const PARKED: Link = (Section::Parked, "/parked/", "Parked", Action::List, Resource::Parked);
const PIPELINE: Link = (Section::Pipeline, "/pipeline/", "Pipeline", Action::View, Resource::System);
const SYSTEM: Link = (Section::System, "/system/", "System", Action::View, Resource::System);
const ADMIN: Link = (Section::Admin, "/admin/", "Admin", Action::List, Resource::Audit);

/// The bar, the menu *More* and the bar of a phone, by position.
const fn links(position: Position) -> (&'static [Link], &'static [Link], &'static [Link]) {
    match position {
        Position::Buyer => (
            &[HOME, REPORTS, CAMPAIGNS, PROSPECTS, ORDERS, FUNDS],
            &[LIVE, TEAMS, USERS, SOURCES, PARTNERS],
            &[HOME, REPORTS, CAMPAIGNS, ORDERS],
        ),
        Position::TeamLead => (
            &[HOME, REPORTS, CAMPAIGNS, PROSPECTS, ORDERS, FUNDS, TEAMS, USERS],
            &[LIVE, SOURCES, PARTNERS],
            &[HOME, REPORTS, CAMPAIGNS, ORDERS],
        ),
        Position::FundsCoordinator => (
            &[HOME, FUNDS, REPORTS, CAMPAIGNS, TEAMS, USERS],
            &[SOURCES, PARTNERS],
            &[HOME, FUNDS, REPORTS, CAMPAIGNS],
        ),
        Position::Owner => (
            &[HOME, REPORTS, CAMPAIGNS, PROSPECTS, ORDERS, FUNDS, TEAMS, USERS],
            &[LIVE, PARKED, PIPELINE, SYSTEM, SOURCES, PARTNERS, ADMIN],
            &[HOME, REPORTS, CAMPAIGNS, ORDERS],
        ),
    }
}

impl Section {
    /// Returns the section of a resource's pages.
    #[must_use]
    pub const fn of(resource: Resource, is_admin: bool) -> Self {
        if is_admin {
            return Self::Admin;
        }
        match resource {
            Resource::Users => Self::Users,
            Resource::Prospects => Self::Prospects,
            Resource::Orders => Self::Orders,
            Resource::Parked => Self::Parked,
            Resource::Figures => Self::Home,
            Resource::Account => Self::Account,
            Resource::Teams => Self::Teams,
            Resource::Campaigns => Self::Campaigns,
            Resource::Sources => Self::Sources,
            Resource::Partners => Self::Partners,
            Resource::Audit | Resource::Sessions | Resource::Tokens | Resource::Settings => Self::Admin,
            Resource::System => Self::System,
            Resource::FundAccounts
            | Resource::FundBudgets
            | Resource::FundRequests
            | Resource::FundTransfers
            | Resource::FundRates => Self::Funds,
        }
    }
}

impl Frame {
    /// Makes the frame of a logged-in viewer.
    #[must_use]
    pub fn new(allowed: &Allowed, section: Section) -> Self {
        let viewer = &allowed.viewer;
        let surroundings = allowed.surroundings.clone().unwrap_or_default();
        let (bar, more, phone) = links(viewer.position);
        let items = |links: &'static [Link]| -> Vec<NavItem> {
            links
                .iter()
                .filter(|(_, _, _, action, resource)| {
                    policy::decide(viewer.position, *action, *resource).is_some()
                })
                .map(|(known, href, label, _, _)| NavItem {
                    href,
                    label,
                    is_active: *known == section,
                    waiting: match known {
                        Section::Funds => surroundings.funds_waiting.unsigned_abs(),
                        Section::Parked => surroundings.parked_waiting,
                        _ => 0,
                    },
                })
                .collect()
        };
        let zone = viewer.time_zone;
        let viewer = FrameViewer {
            name: viewer.display_name(),
            position: viewer.position.as_str(),
            csrf: Self::csrf(allowed),
            zone: match zone.name() {
                "UTC" => "UTC".to_owned(),
                name => format!("{name}, UTC{}", short_offset(&zone.format(surroundings.now_ms, "%:z"))),
            },
        };
        Self {
            nav: items(bar),
            more: items(more),
            phone: items(phone),
            viewer: Some(viewer),
            section,
            theme: allowed.viewer.preferences.theme.as_str(),
            has_shortcuts: allowed.viewer.preferences.shortcuts,
            surroundings,
        }
    }

    /// Returns the value of the hidden field `csrf_token` of the viewer's forms.
    #[must_use]
    pub fn csrf(allowed: &Allowed) -> String {
        allowed.session.as_ref().map(|session| csrf::show(&session.csrf)).unwrap_or_default()
    }

    /// Makes the frame of a page without a viewer.
    #[must_use]
    pub fn anonymous() -> Self {
        Self {
            nav: Vec::new(),
            more: Vec::new(),
            phone: Vec::new(),
            viewer: None,
            section: Section::None,
            theme: Theme::Auto.as_str(),
            has_shortcuts: false,
            surroundings: Arc::default(),
        }
    }

    /// Returns the path of a static file.
    #[must_use]
    pub fn asset(&self, name: &str) -> String {
        assets::url(name)
    }

    /// Returns whether this is the account page.
    #[must_use]
    pub fn is_account(&self) -> bool {
        self.section == Section::Account
    }

    /// Returns whether a link of the menu *More* is the present page.
    #[must_use]
    pub fn is_in_more(&self) -> bool {
        self.more.iter().any(|item| item.is_active)
    }

    /// Returns what was done before the page was opened.
    #[must_use]
    pub fn notice(&self) -> Option<&Notice> {
        self.surroundings.notice.as_ref()
    }

    /// Returns how long ago the last stored event came, in words.
    #[must_use]
    pub fn freshness(&self) -> String {
        let Some(last_ms) = self.surroundings.last_event_ms else { return String::new() };
        let seconds = (self.surroundings.now_ms - last_ms).max(0) / 1000;
        let age = match seconds {
            0..120 => format!("{seconds} s"),
            120..7_200 => format!("{} min", seconds / 60),
            7_200..172_800 => format!("{} h", seconds / 3600),
            _ => format!("{} days", seconds / 86_400),
        };
        format!("Last event {age} ago.")
    }
}

/// Shortens a distance to UTC: `+2` for `+02:00`, `−3:30` for `-03:30`.
fn short_offset(offset: &str) -> String {
    let (hours, minutes) = offset.split_once(':').unwrap_or((offset, "00"));
    let sign = if hours.starts_with('-') { "−" } else { "+" };
    let hours = hours.trim_start_matches(['+', '-']).trim_start_matches('0');
    let hours = if hours.is_empty() { "0" } else { hours };
    if minutes == "00" { format!("{sign}{hours}") } else { format!("{sign}{hours}:{minutes}") }
}

/// Renders a template.
///
/// # Errors
/// 500 if the template fails. A test renders every page to rule this out.
pub fn render(page: &impl Template) -> Result<Response, PageError> {
    let html = page.render().map_err(|error| ApiError::internal(&error))?;
    Ok(Html(html).into_response())
}

/// An error that is shown as a page.
#[derive(Debug)]
pub struct PageError(ApiError);

impl<E: Into<ApiError>> From<E> for PageError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    frame: Frame,
    title: &'static str,
    status: u16,
    sentence: String,
    request_id: String,
}

/// An error beside its response. The guard, which knows the viewer, puts it into their frame.
#[derive(Debug, Clone)]
pub struct Shown(ApiError);

impl Shown {
    /// Renders the error in the viewer's frame. The request id finds it in the log.
    #[must_use]
    pub fn in_frame(&self, frame: Frame, request_id: &str) -> Response {
        error_page(&self.0, frame, request_id)
    }
}

fn error_page(error: &ApiError, frame: Frame, request_id: &str) -> Response {
    let status = error.status();
    let title = match status {
        StatusCode::FORBIDDEN => "No access",
        StatusCode::NOT_FOUND => "There is nothing here",
        StatusCode::SERVICE_UNAVAILABLE => "Temporarily unavailable",
        StatusCode::TOO_MANY_REQUESTS => "Too many attempts",
        _ if status.is_client_error() => "The request was not accepted",
        _ => "Something went wrong",
    };
    let sentence = match status {
        StatusCode::NOT_FOUND => "This page does not exist, or is not in your scope.".to_owned(),
        _ => error.sentence(),
    };
    let request_id = if status.is_server_error() { request_id.to_owned() } else { String::new() };
    let page = ErrorPage { frame, title, status: status.as_u16(), sentence, request_id };
    let html = page.render().unwrap_or_else(|_| title.to_owned());
    let mut response = (status, Html(html)).into_response();
    if let Some(seconds) = error.retry_after_s() {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let mut response = error_page(&self.0, Frame::anonymous(), "");
        response.extensions_mut().insert(Shown(self.0));
        response
    }
}
