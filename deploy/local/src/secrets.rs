//! Passwords of the local stack: generated once, kept in files that only their owner can read.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Returns a new password with 122 random bits.
pub fn generate() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

/// Writes a file that only its owner can read. Replaces an existing file in one step.
pub fn write_private(path: &Path, content: &str) -> std::io::Result<()> {
    let temporary = path.with_extension(format!("new-{}", std::process::id()));
    let mut file =
        std::fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(content.as_bytes())?;
    drop(file);
    std::fs::rename(&temporary, path)
}

/// Returns the password in a file. Generates one if the file does not exist.
pub fn load_or_generate(path: &Path) -> std::io::Result<String> {
    match std::fs::read_to_string(path) {
        Ok(secret) if !secret.trim().is_empty() => Ok(secret.trim().to_owned()),
        _ => {
            let secret = generate();
            write_private(path, &secret)?;
            Ok(secret)
        }
    }
}
