//! Configuration: defaults in code, then a TOML file, then the environment
//! (`SLUICE__SECTION__KEY`). Unknown keys are refused (the structs have `deny_unknown_fields`). A
//! bad value ends the program with status 64 and the name of its key. Secrets are redacted when the
//! configuration is printed.

use std::fmt;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env, Format as _, Serialized, Toml};
use figment::value::Value;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The exit status for a bad configuration (`EX_USAGE` of BSD's sysexits).
pub const EXIT_BAD_CONFIG: i32 = 64;

/// The flags that every service takes.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ConfigArgs {
    /// A TOML file; keys that it leaves out keep their defaults.
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// Print the effective configuration, without secrets, and exit.
    #[arg(long, global = true)]
    pub print_config: bool,
}

/// A configuration that checks more than its types.
pub trait Validate {
    /// # Errors
    /// The first key with an invalid value.
    fn validate(&self) -> Result<(), ConfigError>;
}

/// A key (`section.key`) and its error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bad configuration: {key}: {reason}")]
pub struct ConfigError {
    pub key: String,
    pub reason: String,
}

impl ConfigError {
    /// Returns an error at a key.
    #[must_use]
    pub fn new(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { key: key.into(), reason: reason.into() }
    }
}

/// A text that is never printed: not by `Debug`, not by `--print-config`.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns whether no secret was given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn shown(&self) -> &'static str {
        if self.0.is_empty() { "" } else { "[redacted]" }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.shown())
    }
}

impl Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.shown())
    }
}

/// Reads and validates a configuration.
///
/// # Errors
/// [`ConfigError`] with the key for a file that cannot be read, an unknown key, a value of a wrong
/// type, or a value that [`Validate`] refuses.
pub fn load<C>(file: Option<&Path>) -> Result<C, ConfigError>
where
    C: Default + Serialize + DeserializeOwned + Validate,
{
    let mut figment = Figment::from(Serialized::defaults(C::default()));
    if let Some(file) = file {
        if !file.is_file() {
            return Err(ConfigError::new("--config", format!("cannot read {}", file.display())));
        }
        figment = figment.merge(Toml::file(file));
    }
    let environment = Env::prefixed("SLUICE__").split("__").parser(variable);
    let config: C = figment.merge(environment).extract().map_err(|error| name_key(&error))?;
    config.validate()?;
    Ok(config)
}

/// Reads the text of an environment variable. An empty one is an empty text, not a missing value.
fn variable(text: &str) -> Value {
    if text.is_empty() { Value::from("") } else { text.parse().unwrap_or_else(|never| match never {}) }
}

fn name_key(error: &figment::Error) -> ConfigError {
    let mut key = error.path.clone();
    let reason = match &error.kind {
        figment::error::Kind::UnknownField(field, _) => {
            if key.last() != Some(field) {
                key.push(field.clone());
            }
            "unknown key".to_owned()
        }
        kind => kind.to_string(),
    };
    ConfigError::new(key.join("."), reason)
}

/// Reads and validates a configuration for `main`. Prints it and exits with 0 for `--print-config`;
/// exits with 64 on an error.
#[must_use]
pub fn load_or_exit<C>(args: &ConfigArgs) -> C
where
    C: Default + Serialize + DeserializeOwned + Validate,
{
    match load::<C>(args.config.as_deref()) {
        Ok(config) if args.print_config => {
            print(&redacted(&config));
            std::process::exit(0);
        }
        Ok(config) => config,
        Err(error) => exit_bad_config(&error),
    }
}

/// Prints the error to standard error and exits with 64.
pub fn exit_bad_config(error: &ConfigError) -> ! {
    #[expect(clippy::print_stderr, reason = "tracing needs the configuration that is bad")]
    {
        eprintln!("{error}");
    }
    std::process::exit(EXIT_BAD_CONFIG);
}

/// Returns the effective configuration as TOML, with secrets redacted.
#[must_use]
pub fn redacted(config: &impl Serialize) -> String {
    toml::to_string_pretty(config).unwrap_or_else(|error| format!("# cannot be shown: {error}\n"))
}

#[expect(clippy::print_stdout, reason = "the output that --print-config asks for")]
fn print(text: &str) {
    println!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, Serialize, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Example {
        section: Section,
    }

    #[derive(Debug, Serialize, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Section {
        size_bytes: u64,
        password: Secret,
    }

    impl Default for Section {
        fn default() -> Self {
            Self { size_bytes: 1, password: Secret::new("hush") }
        }
    }

    impl Validate for Example {
        fn validate(&self) -> Result<(), ConfigError> {
            if self.section.size_bytes == 0 {
                return Err(ConfigError::new("section.size_bytes", "must be over 0"));
            }
            Ok(())
        }
    }

    fn load_text(text: &str) -> Result<Example, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.toml");
        std::fs::write(&file, text).unwrap();
        load(Some(&file))
    }

    #[test]
    fn defaults_are_overridden_by_the_file() {
        assert_eq!(load_text("[section]\nsize_bytes = 7").unwrap().section.size_bytes, 7);
        assert_eq!(load_text("").unwrap().section.size_bytes, 1);
    }

    #[test]
    fn every_error_names_its_key() {
        for (text, key) in [
            ("[section]\nsize_bytes = \"many\"", "section.size_bytes"),
            ("[section]\nsize = 1", "section.size"),
            ("[sektion]\nsize = 1", "sektion"),
            ("[section]\nsize_bytes = 0", "section.size_bytes"),
        ] {
            assert_eq!(load_text(text).unwrap_err().key, key, "{text}");
        }
        assert_eq!(load::<Example>(Some(Path::new("/nowhere"))).unwrap_err().key, "--config");
    }

    #[test]
    fn an_empty_variable_is_an_empty_text() {
        assert_eq!(variable("").as_str(), Some(""));
        assert_eq!(variable("7").to_u128(), Some(7));
    }

    #[test]
    fn secrets_are_not_shown() {
        let example = Example::default();
        assert!(!format!("{example:?}{}", redacted(&example)).contains("hush"));
        assert!(redacted(&example).contains("[redacted]"));
    }
}
