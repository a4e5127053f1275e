//! Output for the person or program that ran the command.

/// Prints a line.
#[expect(clippy::print_stdout, reason = "the command's output")]
pub(super) fn say(line: impl std::fmt::Display) {
    println!("{line}");
}
