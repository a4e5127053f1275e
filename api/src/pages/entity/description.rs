//! The parts of a description of an entity: columns, form, filters, actions on one thing, and the
//! lists on its page.

use serde_json::Value;

pub use crate::db::names::Refers;
use crate::policy::{Action, Position, Resource};

/// A kind of things that people see and edit.
#[derive(Debug)]
pub struct Entity {
    /// The resource in the policy. Its word is the path of the pages and of the API.
    pub resource: Resource,
    /// The path, where it is not the word of the resource.
    pub path: &'static str,
    /// One of them, in lower case: `team`.
    pub one: &'static str,
    /// The heading of the list: `Teams`.
    pub many: &'static str,
    /// The line above the heading.
    pub about: &'static str,
    /// The text of an empty list: what to do next.
    pub empty: &'static str,
    /// The field with the name of a thing.
    pub name: &'static str,
    /// The columns of the list and of the CSV file.
    pub columns: &'static [Column],
    /// Further fields for the page of one thing.
    pub facts: &'static [Column],
    /// The filters of the list.
    pub filters: &'static [Input],
    pub is_searched: bool,
    /// Parameters that every list of the pages sends to the API.
    pub list_query: &'static str,
    /// Whether the list can be limited to a range of dates.
    pub is_dated: bool,
    /// The fields of the forms.
    pub inputs: &'static [Input],
    pub is_created: bool,
    pub is_updated: bool,
    pub is_deleted: bool,
    /// Whether there is a page of one thing.
    pub is_shown: bool,
    /// Further actions on one thing.
    pub verbs: &'static [Verb],
    /// Lists on the page of one thing.
    pub panels: &'static [Panel],
    /// A text that says what a deletion removes and what stays.
    pub deletion: &'static str,
    /// A list in the thing whose length the page of a deletion tells, and the word for its items.
    pub counted: Option<(&'static str, &'static str)>,
}

/// An entity that can only be listed: the defaults of the others.
pub(in crate::pages) const LISTED: Entity = Entity {
    resource: Resource::Audit,
    path: "",
    one: "",
    many: "",
    about: "",
    empty: "",
    name: "id",
    columns: &[],
    facts: &[],
    filters: &[],
    is_searched: false,
    list_query: "",
    is_dated: false,
    inputs: &[],
    is_created: false,
    is_updated: false,
    is_deleted: false,
    is_shown: false,
    verbs: &[],
    panels: &[],
    deletion: "",
    counted: None,
};

/// A column of a list, or a fact about one thing: a field of the API's response.
#[derive(Debug)]
pub struct Column {
    pub key: &'static str,
    pub label: &'static str,
    pub kind: Kind,
    /// The column by which the API sorts, if it can.
    pub sort: Option<&'static str>,
}

/// The way in which a value is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The name of the thing, with a link to its page.
    Name,
    /// A UUID, shortened, with a link to the page of this entity's path.
    Uuid(&'static str),
    Text,
    /// A whole number without a unit.
    Number,
    /// An amount in the currency of the field `currency`.
    Money,
    Time,
    Date,
    Flag,
    /// A word with a color and a shape.
    Status,
    /// The number of items of a list.
    Count,
    /// Words in a list.
    Words,
    /// Pairs of an object.
    Pairs,
    /// A word of the API, whose parts are joined by underscores.
    Word,
    /// The number of another thing, with a link to its page under this path.
    Id(&'static str),
    /// The id of another thing, shown by its name.
    Ref(Refers),
}

/// A field of a form, or a filter.
#[derive(Debug)]
pub struct Input {
    pub name: &'static str,
    pub label: &'static str,
    pub hint: &'static str,
    pub widget: Widget,
    pub is_required: bool,
    /// The forms that have the field.
    pub forms: Forms,
    /// The positions that see the field.
    pub positions: &'static [Position],
}

/// The forms that have a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forms {
    Both,
    Create,
    Update,
}

/// The control with which a field is entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Widget {
    /// One line of at most this many characters.
    Line(u16),
    Email,
    NewPassword,
    /// Several lines of at most this many characters.
    Lines(u16),
    /// A list, an item a line.
    List,
    /// An object, a pair `name = value` a line.
    Pairs,
    Whole,
    Decimal,
    Date,
    Month,
    Check,
    /// One of these words. The first is the default if the field is not required.
    Choice(&'static [&'static str]),
    Currency,
    TimeZone,
    /// One thing of this list of the API.
    Pick(Pick),
    /// Several of them.
    PickMany(Pick),
}

/// A list of the API from which a field picks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pick {
    /// The path and query of the list.
    pub list: &'static str,
    /// The field with the name.
    pub name: &'static str,
}

/// Something that can be done with one thing, by POST.
#[derive(Debug)]
pub struct Verb {
    /// The last part of the path.
    pub name: &'static str,
    /// The text of the button.
    pub label: &'static str,
    pub hint: &'static str,
    pub action: Action,
    pub resource: Resource,
    pub inputs: &'static [Input],
    /// Whether the thing, as the API shows it, allows it now.
    pub is_shown: fn(&Value) -> bool,
    /// The field of the response that is shown once, and its label.
    pub reveals: Option<(&'static str, &'static str)>,
    pub notice: &'static str,
}

/// A list of other things on the page of one thing.
#[derive(Debug)]
pub struct Panel {
    pub title: &'static str,
    pub entity: &'static Entity,
    /// The filter that takes the id of the thing.
    pub filter: &'static str,
    /// Whether the query of the page is the query of this list.
    pub is_main: bool,
}

impl Entity {
    /// Returns the path of the list, without the first and the last slash.
    #[must_use]
    pub const fn path(&self) -> &'static str {
        if self.path.is_empty() { self.resource.as_str() } else { self.path }
    }
}

impl Column {
    /// A column by which the list cannot be sorted.
    pub(in crate::pages) const fn new(key: &'static str, label: &'static str, kind: Kind) -> Self {
        Self { key, label, kind, sort: None }
    }

    /// A column by which the list can be sorted.
    pub(in crate::pages) const fn sorted(key: &'static str, label: &'static str, kind: Kind) -> Self {
        Self { key, label, kind, sort: Some(key) }
    }

    /// A column by which the list can be sorted, under another name.
    pub(in crate::pages) const fn sorted_as(
        key: &'static str,
        label: &'static str,
        kind: Kind,
        sort: &'static str,
    ) -> Self {
        Self { key, label, kind, sort: Some(sort) }
    }

    /// Returns whether the values are aligned to the right.
    #[must_use]
    pub const fn is_number(&self) -> bool {
        matches!(self.kind, Kind::Number | Kind::Money | Kind::Count)
    }
}

impl Input {
    /// An optional field of both forms.
    pub(in crate::pages) const fn new(
        name: &'static str,
        label: &'static str,
        widget: Widget,
        hint: &'static str,
    ) -> Self {
        Self { name, label, hint, widget, is_required: false, forms: Forms::Both, positions: &Position::ALL }
    }

    /// A filter of a list.
    pub(in crate::pages) const fn filter(name: &'static str, label: &'static str, widget: Widget) -> Self {
        Self::new(name, label, widget, "")
    }

    pub(in crate::pages) const fn required(mut self) -> Self {
        self.is_required = true;
        self
    }

    pub(in crate::pages) const fn only(mut self, forms: Forms) -> Self {
        self.forms = forms;
        self
    }

    pub(in crate::pages) const fn for_positions(mut self, positions: &'static [Position]) -> Self {
        self.positions = positions;
        self
    }
}

/// Returns whether a field of a thing has a text.
pub(in crate::pages) fn is(thing: &Value, key: &str, text: &str) -> bool {
    thing.get(key).and_then(Value::as_str) == Some(text)
}

/// Returns whether a field of a thing is true.
pub(in crate::pages) fn is_true(thing: &Value, key: &str) -> bool {
    thing.get(key).and_then(Value::as_bool) == Some(true)
}

pub(in crate::pages) const BUYERS: Pick =
    Pick { list: "/api/users/list/?position=Buyer&is_active=true", name: "username" };
pub(in crate::pages) const LEADS: Pick =
    Pick { list: "/api/users/list/?position=Team%20Lead&is_active=true", name: "username" };
pub(in crate::pages) const TEAM_PICK: Pick = Pick { list: "/api/teams/list/?", name: "name" };
pub(in crate::pages) const SOURCE_PICK: Pick = Pick { list: "/api/sources/list/?", name: "name" };
pub(in crate::pages) const PARTNER_PICK: Pick = Pick { list: "/api/partners/list/?", name: "name" };
pub(in crate::pages) const ACCOUNT_PICK: Pick = Pick { list: "/api/funds/accounts/list/?", name: "name" };
pub(in crate::pages) const CAMPAIGN_PICK: Pick = Pick { list: "/api/campaigns/list/?", name: "name" };
