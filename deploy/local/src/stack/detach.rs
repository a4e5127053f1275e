//! `up --detach`: starts the stack in its own session, and shows its output until it is ready.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;

use super::state;

/// Starts `sluice-local up` with the same arguments in the background. Returns when it is ready.
///
/// # Errors
/// When it ends before that. The message contains its exit status; its output was shown before.
pub async fn detach(folder: &Path) -> anyhow::Result<()> {
    if state::is_running(folder)? {
        // Refuses in the same way as in the foreground.
        return state::lock(folder).map(drop);
    }
    let log_path = folder.join("up.log");
    let log =
        std::fs::File::create(&log_path).with_context(|| format!("cannot create {}", log_path.display()))?;
    let arguments =
        std::env::args_os().skip(1).filter(|argument| argument != "--detach" && argument != "--yes");
    let mut child = Command::new(crate::process::own_binary()?)
        .args(arguments)
        .args(["--yes", "--in-background"])
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()?;
    let mut output = std::fs::File::open(&log_path)?;
    loop {
        show_new(&mut output)?;
        let is_ready = state::read(folder).is_some_and(|state| state.pid == child.id() && state.is_ready);
        if is_ready {
            show_new(&mut output)?;
            return Ok(());
        }
        if let Some(status) = child.try_wait()? {
            show_new(&mut output)?;
            anyhow::bail!("the stack did not start ({status})");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Prints the text that was appended since the last call.
pub(super) fn show_new(file: &mut std::fs::File) -> anyhow::Result<()> {
    if file.stream_position()? > file.metadata()?.len() {
        // The file was truncated.
        file.seek(SeekFrom::Start(0))?;
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    crate::progress::print(&bytes);
    Ok(())
}
