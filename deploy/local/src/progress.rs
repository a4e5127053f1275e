//! What the stack's commands tell the person who runs them, on standard output, one line at a time.

use std::io::Write as _;
use std::time::Duration;

/// Prints a line.
pub fn say(text: &str) {
    print(format!("{text}\n").as_bytes());
}

/// A step that took a while.
pub fn done(what: &str, took: Duration) {
    say(&format!("  {what:<12} ready in {:.1} s", took.as_secs_f32()));
}

/// Prints bytes as they are. A reader that went away is no reason to fail.
pub fn print(bytes: &[u8]) {
    let mut output = std::io::stdout();
    output.write_all(bytes).and_then(|()| output.flush()).ok();
}

/// Prints a line on standard error.
pub fn complain(text: &str) {
    writeln!(std::io::stderr(), "{text}").ok();
}
