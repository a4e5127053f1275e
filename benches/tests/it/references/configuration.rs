//! `docs/configuration.md` and the examples in `deploy/config/`, made of the structs that each
//! service reads its configuration into: keys, types and meanings from the source and its doc
//! comments, defaults from `Default`, limits from trying which numbers `validate` takes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sluice_runtime::config::{ConfigError, Validate};
use toml::{Table, Value};

use super::shapes::{Field, Shape, read_shapes};

const HEAD: &str = "# Configuration

<!-- Generated from the code. Renew it:
SLUICE_RENEW=1 cargo test -p sluice-bench --test it references -->

Each service has a default for every key. The file given by `--config FILE` overrides the defaults,
and environment variables override the file. An unknown key or a bad value ends the service with
status 64 and a message that names the key. `--print-config` prints the effective configuration
without secrets. Files with all keys and their defaults are in `deploy/config/`.

In an environment variable a list is written as `[\"10.0.0.0/8\"]`.
";

/// Long enough for every secret.
const PLACEHOLDER: &str = "replace this by a long random text";

/// The configuration of one service.
struct Service {
    name: &'static str,
    shapes: BTreeMap<String, Shape>,
    defaults: Table,
    /// The defaults with all secrets, which is valid.
    valid: Table,
    accepts: fn(&Table, &str) -> bool,
    loads: fn(&Path) -> Result<(), ConfigError>,
}

/// A key with everything that is known of it.
struct Key<'a> {
    path: String,
    field: &'a Field,
    default: Option<&'a Value>,
}

#[test]
fn every_key_is_described() {
    let mut document = HEAD.to_owned();
    for service in services() {
        writeln!(document, "\n## {}", service.name).unwrap();
        service.visit("Config", "", &mut |section, doc, keys| {
            if keys.is_empty() {
                return;
            }
            write!(document, "\n### `[{section}]`\n\n{}\n\n", super::wrap(doc, "")).unwrap();
            document.push_str("| Key | Type | Default | Limits | Meaning |\n|---|---|---|---|---|\n");
            for key in keys {
                document.push_str(&service.line(key));
            }
        });
    }
    super::check("docs/configuration.md", &document);
}

#[test]
fn every_example_has_all_keys_and_loads() {
    for service in services() {
        let path = format!("deploy/config/{}.example.toml", service.name.trim_start_matches("sluice-"));
        super::check(&path, &service.example(false));
        let folder = tempfile::tempdir().unwrap();
        let with_secrets = folder.path().join("config.toml");
        std::fs::write(&with_secrets, service.example(true)).unwrap();
        (service.loads)(&with_secrets).unwrap();
    }
}

fn services() -> [Service; 3] {
    [
        Service::new::<sluice_ingest::config::Config>("sluice-ingest"),
        Service::new::<sluice_consumer::config::Config>("sluice-consumer"),
        Service::new::<sluice_api::config::Config>("sluice-api"),
    ]
}

impl Service {
    fn new<C: Default + Serialize + DeserializeOwned + Validate>(name: &'static str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut shapes = BTreeMap::new();
        let service = format!("{}/src/config.rs", name.trim_start_matches("sluice-"));
        for file in ["runtime/src/ops.rs", &service] {
            shapes.extend(read_shapes(&root.join(file)));
        }
        let defaults = Table::try_from(C::default()).unwrap();
        let accepts = |table: &Table, key: &str| {
            table
                .clone()
                .try_into::<C>()
                .is_ok_and(|config| config.validate().err().is_none_or(|error| error.key != key))
        };
        let loads = |file: &Path| sluice_runtime::config::load::<C>(Some(file)).map(drop);
        let mut service = Self { name, shapes, defaults: defaults.clone(), valid: defaults, accepts, loads };
        let mut secrets = Vec::new();
        service.visit("Config", "", &mut |_, _, keys| {
            let of_section = keys.iter().filter(|key| key.is_secret());
            secrets.extend(of_section.map(|key| (key.path.clone(), key.placeholder())));
        });
        // One thread, so that limits do not depend on the cores of this machine.
        secrets.push(("edge.threads".to_owned(), Value::from(1)));
        for (path, value) in secrets {
            set(&mut service.valid, &path, value);
        }
        service
    }

    /// Calls `each` for every section in the order of the file: its own keys, then its sections.
    fn visit<'a>(&'a self, type_name: &str, path: &str, each: &mut impl FnMut(&str, &str, &[Key<'a>])) {
        let Some(Shape::Section { doc, fields }) = self.shapes.get(type_name) else { panic!("{type_name}") };
        let path_of = |field: &Field| format!("{path}.{}", field.name).trim_start_matches('.').to_owned();
        let is_section =
            |field: &&Field| matches!(self.shapes.get(&field.type_name), Some(Shape::Section { .. }));
        let (sections, fields): (Vec<&Field>, Vec<&Field>) = fields.iter().partition(is_section);
        let keys: Vec<Key<'_>> = fields
            .into_iter()
            .map(|field| Key { path: path_of(field), field, default: find(&self.defaults, &path_of(field)) })
            .collect();
        each(path, doc, &keys);
        for section in sections {
            self.visit(&section.type_name, &path_of(section), each);
        }
    }

    fn line(&self, key: &Key<'_>) -> String {
        assert!(key.field.doc.len() > 10, "{} of {} needs a doc comment", key.path, self.name);
        let variable = format!("SLUICE__{}", key.path.replace('.', "__").to_uppercase());
        let default = match key.default {
            Some(value) if !key.is_secret() => format!("`{value}`"),
            _ => "–".to_owned(),
        };
        let (name, doc) = (&key.field.name, &key.field.doc);
        let (kind, limits) = (self.kind(key), self.limits(key).unwrap_or_else(|| "–".to_owned()));
        format!("| `{name}`<br>`{variable}` | {kind} | {default} | {limits} | {doc} |\n")
    }

    /// The type in words, with the unit that the name ends in.
    fn kind(&self, key: &Key<'_>) -> String {
        let unit = match key.field.name.rsplit('_').next().unwrap() {
            "ms" => " of milliseconds",
            unit @ ("bytes" | "minutes" | "days") => &format!(" of {unit}"),
            _ => "",
        };
        match (key.field.type_name.as_str(), self.shapes.get(&key.field.type_name)) {
            (_, Some(Shape::Words(words))) => {
                words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
            }
            ("usize" | "u64" | "u32", _) => format!("whole number{unit}"),
            ("bool", _) => "true or false".to_owned(),
            ("String", _) => "text".to_owned(),
            ("PathBuf", _) => "path".to_owned(),
            ("SocketAddr" | "Option<SocketAddr>", _) => "address:port".to_owned(),
            ("Secret", _) => "secret text".to_owned(),
            ("Vec<String>", _) => "list of texts".to_owned(),
            ("Vec<Secret>", _) => "list of secret texts".to_owned(),
            ("Vec<IpNet>", _) => "list of networks".to_owned(),
            ("BTreeMap<String,Secret>", _) => "table of secret texts".to_owned(),
            (other, _) => panic!("{}: say in words what {other} is", key.path),
        }
    }

    /// The numbers that `validate` takes, searched from the default outwards.
    fn limits(&self, key: &Key<'_>) -> Option<String> {
        let default = key.default?.as_integer()?;
        let largest = if key.field.type_name == "u32" { i64::from(u32::MAX) } else { i64::MAX };
        let least = self.last_accepted(&key.path, default, 0);
        let most = self.last_accepted(&key.path, default, largest);
        match (least > 0, most < largest) {
            (true, true) => Some(format!("{least} to {most}")),
            (true, false) => Some(format!("at least {least}")),
            (false, true) => Some(format!("at most {most}")),
            (false, false) => None,
        }
    }

    /// The last number on the way from one that is accepted to `end` that is still accepted.
    fn last_accepted(&self, path: &str, mut accepted: i64, end: i64) -> i64 {
        let mut table = self.valid.clone();
        let mut is_accepted = |number| {
            set(&mut table, path, Value::from(number));
            (self.accepts)(&table, path)
        };
        if is_accepted(end) {
            return end;
        }
        let mut refused = end;
        while accepted.abs_diff(refused) > 1 {
            let middle = accepted.midpoint(refused);
            if is_accepted(middle) { accepted = middle } else { refused = middle }
        }
        accepted
    }

    /// Returns a file with all keys. Keys without a default, and secrets unless requested, are
    /// commented out.
    fn example(&self, with_secrets: bool) -> String {
        let mut text = format!(
            "# The configuration of {}: all keys with their defaults.\n\
             # docs/configuration.md has their meaning and limits.\n\
             # Generated from the code. Renew it:\n\
             # SLUICE_RENEW=1 cargo test -p sluice-bench --test it references\n",
            self.name
        );
        self.visit("Config", "", &mut |section, doc, keys| {
            if section.is_empty() {
                return;
            }
            write!(text, "\n{}\n[{section}]\n", super::wrap(doc, "# ")).unwrap();
            for key in keys {
                let limits = self.limits(key).map(|limits| format!(", {limits}")).unwrap_or_default();
                let (value, is_off) = match key.default {
                    Some(value) if !key.is_secret() => (value.clone(), false),
                    _ => (key.placeholder(), !(with_secrets && key.is_secret())),
                };
                let about = super::wrap(&key.field.doc, "# ");
                let off = if is_off { "#" } else { "" };
                let (kind, name) = (self.kind(key), &key.field.name);
                writeln!(text, "\n{about}\n# Type: {kind}{limits}.\n{off}{name} = {value}").unwrap();
            }
        });
        text
    }
}

impl Key<'_> {
    fn is_secret(&self) -> bool {
        self.field.type_name == "Secret"
    }

    /// The example in the doc comment.
    fn placeholder(&self) -> Value {
        let example = self.field.doc.split_once("For example `").and_then(|(_, rest)| rest.split_once('`'));
        Value::from(example.map_or(PLACEHOLDER, |(example, _)| example))
    }
}

fn find<'a>(table: &'a Table, path: &str) -> Option<&'a Value> {
    match path.split_once('.') {
        Some((section, rest)) => find(table.get(section)?.as_table()?, rest),
        None => table.get(path),
    }
}

/// Sets a key if the table has it.
fn set(table: &mut Table, path: &str, value: Value) {
    let place = match path.split_once('.') {
        Some((section, rest)) => {
            if let Some(table) = table.get_mut(section).and_then(Value::as_table_mut) {
                set(table, rest, value);
            }
            return;
        }
        None => table.get_mut(path),
    };
    if let Some(place) = place {
        *place = value;
    }
}
