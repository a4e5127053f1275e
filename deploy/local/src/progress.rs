//! Messages of the stack's commands for the person who runs them, on standard output, one per line.

use std::io::Write as _;
use std::time::Duration;

/// Prints a line.
pub fn say(text: &str) {
    print(format!("{text}\n").as_bytes());
}

/// Prints that a step has ended, and how long it took.
pub fn done(what: &str, took: Duration) {
    say(&format!("  {what:<12} ready in {:.1} s", took.as_secs_f32()));
}

/// Prints bytes unchanged. Ignores a reader that is gone.
pub fn print(bytes: &[u8]) {
    let mut output = std::io::stdout();
    output.write_all(bytes).and_then(|()| output.flush()).ok();
}

/// Prints a line on standard error.
pub fn complain(text: &str) {
    writeln!(std::io::stderr(), "{text}").ok();
}
