//! The references that are generated from the code of all services and committed, so that a review
//! sees what changes. Each test compares one with the code. `SLUICE_RENEW=1` writes them instead.
#![expect(clippy::unwrap_used, reason = "a test that cannot continue panics")]

mod configuration;
mod metrics;
mod openapi;
mod shapes;

use std::path::Path;

/// Compares a generated document with the committed one, or renews that.
fn check(path: &str, generated: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(path);
    if std::env::var_os("SLUICE_RENEW").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, generated).unwrap();
        return;
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    let difference = committed.lines().zip(generated.lines()).find(|(old, new)| old != new);
    assert!(
        committed == generated,
        "{path} differs from the code; renew it with \
         `SLUICE_RENEW=1 cargo test -p sluice-bench --test it references`. \
         The first lines that differ: {difference:#?}"
    );
}

/// Breaks a text into lines of at most 100 columns that begin with `prefix`.
fn wrap(text: &str, prefix: &str) -> String {
    let mut lines = vec![prefix.to_owned()];
    for word in text.split(' ') {
        let line = lines.last_mut().unwrap();
        if line.chars().count() + word.chars().count() > 99 {
            lines.push(format!("{prefix}{word}"));
        } else if line == prefix {
            line.push_str(word);
        } else {
            line.push(' ');
            line.push_str(word);
        }
    }
    lines.join("\n")
}
