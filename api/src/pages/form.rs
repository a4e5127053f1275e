//! Forms: from a description and a thing's present values to fields, and from a sent form to the
//! body of the API.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use sluice_schemas::currency;

use crate::http::allowed::Form;
use crate::http::error::ApiError;
use crate::http::in_process::Api;
use crate::http::query::with_param;
use crate::pages::entity::{Forms, Input, Pick, Widget};
use crate::pages::table::plain;
use crate::policy::{Action, Position, Resource, Scope, decide};
use crate::time_zone::TimeZone;

/// The most choices of a select box. A longer list is entered as names.
const MAX_CHOICES: usize = 1000;
/// The prefix of a field that says which of two values is kept.
const KEEP: &str = "keep.";

/// The texts of a form by field. A list is a text a line.
pub type Texts = BTreeMap<&'static str, Vec<String>>;

/// A field as a page shows it.
#[derive(Debug)]
pub struct FieldView {
    pub name: &'static str,
    pub label: &'static str,
    pub hint: &'static str,
    /// The `type` of the input, or `textarea`, `select`, `many` or `checkbox`.
    pub kind: &'static str,
    pub value: String,
    pub choices: Vec<Choice>,
    /// Whether the API also accepts things that the viewer cannot list. They are added by id.
    pub takes_others: bool,
    pub errors: Vec<String>,
    pub is_required: bool,
    pub max_chars: Option<u16>,
    pub autocomplete: &'static str,
    pub inputmode: &'static str,
    /// The value that another person has set meanwhile.
    pub theirs: Option<String>,
}

/// A choice of a select box.
#[derive(Debug)]
pub struct Choice {
    pub value: String,
    pub text: String,
    pub is_selected: bool,
}

/// The errors of a form: messages by field.
pub type Messages = BTreeMap<String, Vec<String>>;

/// Returns whether something is wrong at a field, or with the form as a whole.
#[must_use]
pub fn has_errors(fields: &[FieldView], errors: &[String]) -> bool {
    !errors.is_empty() || fields.iter().any(|field| !field.errors.is_empty())
}

/// The fields of a form that somebody in this position fills in.
pub fn inputs(all: &'static [Input], form: Forms, position: Position) -> Vec<&'static Input> {
    all.iter()
        .filter(|input| input.forms == Forms::Both || input.forms == form)
        .filter(|input| input.positions.contains(&position))
        .collect()
}

/// Returns the present values of a thing as the texts of its form.
#[must_use]
pub fn texts_of(inputs: &[&'static Input], thing: &Value) -> Texts {
    inputs.iter().map(|input| (input.name, text_of(thing.get(input.name).unwrap_or(&Value::Null)))).collect()
}

fn text_of(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(map) => map.iter().map(|(name, value)| format!("{name} = {}", plain(value))).collect(),
        other => vec![plain(other)],
    }
}

/// Returns the texts that were sent.
#[must_use]
pub fn texts_sent(inputs: &[&'static Input], form: &Form) -> Texts {
    let sent = |input: &Input| -> Vec<String> {
        match input.widget {
            Widget::List | Widget::Pairs => lines(form.text(input.name)),
            Widget::PickMany(_) => form.all(input.name).flat_map(names).collect(),
            Widget::Check => vec![(form.text(input.name) == "true").to_string()],
            // Browsers send line breaks as CR LF.
            Widget::Lines(_) => vec![form.text(input.name).replace("\r\n", "\n")],
            _ => vec![form.text(input.name).to_owned()],
        }
    };
    let trimmed = |texts: Vec<String>| texts.into_iter().filter(|text| !text.is_empty()).collect();
    inputs.iter().map(|input| (input.name, trimmed(sent(input)))).collect()
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// A select box sends an id a field, a text field names in one text.
fn names(text: &str) -> Vec<String> {
    text.split(['\n', ',']).map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Makes the body of the API.
#[must_use]
pub fn body(inputs: &[&'static Input], texts: &Texts, is_update: bool) -> Value {
    let mut body = Map::new();
    for input in inputs {
        let texts = texts.get(input.name).map(Vec::as_slice).unwrap_or_default();
        if let Some(value) = value_of(input, texts, is_update) {
            body.insert(input.name.to_owned(), value);
        }
    }
    Value::Object(body)
}

/// An empty field is blank where it is required, so that the API names it; null in an update, so
/// that the present value goes; and omitted otherwise.
fn value_of(input: &Input, texts: &[String], is_update: bool) -> Option<Value> {
    match input.widget {
        Widget::List => Some(texts.iter().cloned().map(Value::String).collect()),
        Widget::PickMany(_) => Some(texts.iter().map(|text| id(text)).collect()),
        Widget::Pairs => Some(Value::Object(texts.iter().map(|line| pair(line)).collect())),
        Widget::Check => Some(Value::Bool(texts.first().is_some_and(|text| text == "true"))),
        _ => match (texts.first(), input.widget) {
            (Some(text), Widget::Pick(_)) => Some(id(text)),
            (Some(text), _) => Some(Value::String(text.clone())),
            (None, Widget::Line(_) | Widget::Lines(_) | Widget::Email) => Some(Value::String(String::new())),
            (None, _) if input.is_required => Some(Value::String(String::new())),
            (None, Widget::Pick(_) | Widget::Decimal) if is_update => Some(Value::Null),
            (None, _) => None,
        },
    }
}

fn id(text: &str) -> Value {
    text.parse::<i64>().map_or_else(|_| Value::String(text.to_owned()), Value::from)
}

fn pair(line: &str) -> (String, Value) {
    let (name, value) = line.split_once('=').unwrap_or((line, ""));
    (name.trim().to_owned(), Value::String(value.trim().to_owned()))
}

/// The values of an edit: mine, with those of another person where I chose them or touched nothing.
#[derive(Debug)]
pub struct Edit {
    pub texts: Texts,
    /// The fields that this edit changes.
    pub changed: Vec<&'static Input>,
    /// The texts on which the edit is based.
    pub before: Texts,
}

impl Edit {
    /// Reads a sent form: `before` has the texts on which it is based.
    #[must_use]
    pub fn read(inputs: &[&'static Input], form: &Form) -> Self {
        let mut texts = texts_sent(inputs, form);
        let before = read_before(inputs, form.text("before"));
        let mut changed = Vec::new();
        for input in inputs {
            let old = before.get(input.name).cloned().unwrap_or_default();
            // Browsers send nothing for a check box that is off and for a list without a choice.
            let may_be_silent = matches!(input.widget, Widget::Check | Widget::PickMany(_));
            let is_sent = form.has(input.name) || (may_be_silent && form.has("before"));
            if !is_sent || form.text(&format!("{KEEP}{}", input.name)) == "theirs" {
                texts.insert(input.name, old);
            } else if texts.get(input.name) != Some(&old) {
                changed.push(*input);
            }
        }
        Self { texts, changed, before }
    }

    /// Merges what another person saved meanwhile. Returns the fields that both changed, with
    /// their values.
    pub fn merge(&mut self, inputs: &[&'static Input], theirs: Texts) -> BTreeMap<&'static str, String> {
        let mut conflicts = BTreeMap::new();
        for input in inputs {
            let new = theirs.get(input.name).cloned().unwrap_or_default();
            let is_mine = self.changed.iter().any(|changed| changed.name == input.name);
            if !is_mine {
                self.texts.insert(input.name, new);
            } else if self.before.get(input.name) != Some(&new) && self.texts.get(input.name) != Some(&new) {
                conflicts.insert(input.name, new.join("\n"));
            }
        }
        self.before = theirs;
        conflicts
    }
}

fn read_before(inputs: &[&'static Input], text: &str) -> Texts {
    let read: BTreeMap<String, Vec<String>> = serde_json::from_str(text).unwrap_or_default();
    inputs.iter().filter_map(|input| Some((input.name, read.get(input.name)?.clone()))).collect()
}

/// Writes the texts on which an edit is based into one hidden field.
#[must_use]
pub fn write_before(before: &Texts) -> String {
    serde_json::to_string(before).unwrap_or_default()
}

/// Makes the fields of a form, with the choices that the API offers the viewer.
///
/// # Errors
/// An error of the API, other than that the viewer may not see a list.
pub async fn fields(
    api: &Api,
    inputs: &[&'static Input],
    texts: &Texts,
    messages: &Messages,
    theirs: &BTreeMap<&'static str, String>,
) -> Result<Vec<FieldView>, ApiError> {
    let texts_at = |input: &Input| texts.get(input.name).map(Vec::as_slice).unwrap_or_default();
    // All choices are loaded at the same time.
    let widgets = inputs.iter().map(|input| widget(api, input, texts_at(input)));
    let widgets = futures::future::try_join_all(widgets).await?;
    let users = decide(api.caller().viewer.position, Action::List, Resource::Users);
    let lists_all_users = users.is_some_and(|grant| grant.scope == Scope::All);
    let mut fields = Vec::new();
    for (input, (kind, choices)) in inputs.iter().zip(widgets) {
        let texts = texts_at(input);
        fields.push(FieldView {
            name: input.name,
            label: input.label,
            hint: input.hint,
            kind,
            value: if input.widget == Widget::NewPassword { String::new() } else { texts.join("\n") },
            choices,
            takes_others: kind == "many" && !lists_all_users,
            errors: messages.get(input.name).cloned().unwrap_or_default(),
            is_required: input.is_required,
            max_chars: match input.widget {
                Widget::Line(max) | Widget::Lines(max) => Some(max),
                _ => None,
            },
            autocomplete: match input.widget {
                Widget::NewPassword => "new-password",
                _ => "off",
            },
            inputmode: match input.widget {
                Widget::Decimal => "decimal",
                Widget::Whole => "numeric",
                _ => "",
            },
            theirs: theirs.get(input.name).cloned(),
        });
    }
    Ok(fields)
}

async fn widget(api: &Api, input: &Input, texts: &[String]) -> Result<(&'static str, Vec<Choice>), ApiError> {
    let is_chosen = |value: &str| texts.iter().any(|text| text == value);
    let choice = |value: String, text: String| Choice { is_selected: is_chosen(&value), value, text };
    let empty = |choices: Vec<Choice>| -> Vec<Choice> {
        let none = Choice { value: String::new(), text: "–".to_owned(), is_selected: texts.is_empty() };
        if input.is_required && !texts.is_empty() {
            choices
        } else {
            [none].into_iter().chain(choices).collect()
        }
    };
    Ok(match input.widget {
        Widget::Line(_) | Widget::Whole | Widget::Decimal => ("text", Vec::new()),
        Widget::Email => ("email", Vec::new()),
        Widget::NewPassword => ("password", Vec::new()),
        Widget::Lines(_) | Widget::List | Widget::Pairs => ("textarea", Vec::new()),
        Widget::Date => ("date", Vec::new()),
        Widget::Month => ("month", Vec::new()),
        Widget::Check => ("checkbox", Vec::new()),
        Widget::Choice(words) => {
            let words = words.iter().map(|word| choice((*word).to_owned(), shown_word(word)));
            ("select", empty(words.collect()))
        }
        Widget::Currency => {
            let codes = currency::codes().map(|code| choice(code.to_owned(), code.to_owned()));
            ("select", empty(codes.collect()))
        }
        Widget::TimeZone => {
            ("select", TimeZone::names().map(|name| choice(name.to_owned(), name.to_owned())).collect())
        }
        Widget::Pick(pick) => match choices(api, pick).await? {
            Some(known) => {
                ("select", empty(with_chosen(known, texts).map(|(id, name)| choice(id, name)).collect()))
            }
            None => ("text", Vec::new()),
        },
        Widget::PickMany(pick) => match choices(api, pick).await? {
            Some(known) => ("many", with_chosen(known, texts).map(|(id, name)| choice(id, name)).collect()),
            None => ("textarea", Vec::new()),
        },
    })
}

fn shown_word(word: &str) -> String {
    match word {
        "true" => "yes".to_owned(),
        "false" => "no".to_owned(),
        word => word.replace('_', " "),
    }
}

/// A chosen thing stays a choice, also when it is not in the list any more.
fn with_chosen(known: Vec<(String, String)>, texts: &[String]) -> impl Iterator<Item = (String, String)> {
    let missing: Vec<(String, String)> = texts
        .iter()
        .filter(|text| !known.iter().any(|(id, _)| id == *text))
        .map(|id| (id.clone(), format!("#{id}")))
        .collect();
    known.into_iter().chain(missing)
}

/// Returns ids and names, unless there are too many for a select box.
async fn choices(api: &Api, pick: Pick) -> Result<Option<Vec<(String, String)>>, ApiError> {
    let (path, query) = pick.list.split_once('?').unwrap_or((pick.list, ""));
    let query = with_param(Some(query), "limit", Some(&MAX_CHOICES.to_string()));
    let reply = match api.get(&format!("{path}?{query}")).await {
        Ok(reply) => reply,
        Err(error) if error.status() == axum::http::StatusCode::FORBIDDEN => return Ok(Some(Vec::new())),
        Err(error) => return Err(error),
    };
    if reply.next.is_some() {
        return Ok(None);
    }
    let items = reply.body.as_array().cloned().unwrap_or_default();
    let text = |item: &Value, key: &str| item.get(key).map(plain).unwrap_or_default();
    Ok(Some(items.iter().map(|item| (text(item, "id"), text(item, pick.name))).collect()))
}

/// Replaces names by ids in the fields that pick things, for lists that are too long to choose
/// from.
///
/// # Errors
/// When the API fails.
pub async fn resolve(api: &Api, inputs: &[&'static Input], texts: &mut Texts) -> Result<(), ApiError> {
    for input in inputs {
        let (Widget::Pick(pick) | Widget::PickMany(pick)) = input.widget else { continue };
        for text in texts.get_mut(input.name).into_iter().flatten() {
            if text.bytes().all(|byte| byte.is_ascii_digit()) {
                continue;
            }
            if let Some(id) = find(api, pick, text).await? {
                *text = id;
            }
        }
    }
    Ok(())
}

async fn find(api: &Api, pick: Pick, name: &str) -> Result<Option<String>, ApiError> {
    let (path, query) = pick.list.split_once('?').unwrap_or((pick.list, ""));
    let query = with_param(Some(query), "q", Some(name));
    let reply = match api.get(&format!("{path}?{query}")).await {
        Ok(reply) => reply,
        // The name is too long to be one.
        Err(error) if error.status().is_client_error() => return Ok(None),
        Err(error) => return Err(error),
    };
    let items = reply.body.as_array().cloned().unwrap_or_default();
    let is_it = |item: &&Value| {
        item.get(pick.name).map(plain).is_some_and(|known| known.to_lowercase() == name.to_lowercase())
    };
    Ok(items.iter().find(is_it).and_then(|item| item.get("id")).map(plain))
}
