//! Demo data, so that a newcomer sees the whole pipeline at work: a landing page with a separate
//! origin, slow endless traffic through the real edge, decisions about its orders, and a past week.
//! Production needs nothing of this.
//!
//! Customers are fictitious (example.com), addresses are random addresses of real ranges, and the
//! page is marked as a demo.

mod backfill;
mod catalogue;
pub mod credentials;
mod decisions;
mod landing;
mod macros;
mod owners;
mod traffic;
pub mod visits;

pub use backfill::BackfillArgs;
pub use landing::LandingArgs;
pub use owners::Owners;
pub use traffic::TrafficArgs;

/// The commands of the demo.
#[derive(Debug, clap::Subcommand)]
pub enum DemoCommand {
    /// Serve a landing page with the pixel and an order form
    Landing(LandingArgs),
    /// Send visits and orders through an edge until stopped
    Traffic(TrafficArgs),
    /// Write the visits and orders of the past days into Kafka, once
    Backfill(BackfillArgs),
}

impl DemoCommand {
    /// Runs the command to its end, or until SIGTERM or SIGINT if it is endless.
    ///
    /// # Errors
    /// When an address cannot be bound, or Kafka does not accept the backfill. An edge that is down
    /// is not an error.
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Landing(args) => landing::run(args).await,
            Self::Traffic(args) => traffic::run(args).await,
            Self::Backfill(args) => backfill::run(args).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Program {
        #[command(subcommand)]
        _command: DemoCommand,
    }

    #[test]
    fn each_command_takes_one_owner() {
        let edge = ["--edge", "http://127.0.0.1:8080"];
        let is_accepted = |command: &str, arguments: &[&str]| {
            Program::try_parse_from([&["demo", command][..], arguments].concat()).is_ok()
        };
        for owner in [["--key", "7qk2m9xw4tbvhr32"], ["--user-id", "3"]] {
            assert!(is_accepted("landing", &[&edge[..], &["--listen", "127.0.0.1:1"], &owner].concat()));
        }
        assert!(!is_accepted("landing", &edge));
        assert!(!is_accepted("landing", &["--key", "7qk2m9xw4tbvhr32", "--user-id", "3"]));
        let crm = ["--crm", "http://127.0.0.1:8000"];
        for owner in [["--users", "3,4"], ["--campaigns", "file"]] {
            assert!(is_accepted("traffic", &[&edge[..], &owner].concat()));
            assert!(is_accepted("backfill", &[&["--brokers", "b", "--days", "7"][..], &owner].concat()));
        }
        assert!(is_accepted("traffic", &[&["--campaigns", "file"][..], &crm].concat()));
        assert!(!is_accepted("traffic", &edge));
        assert!(!is_accepted("backfill", &["--brokers", "b", "--users", "3", "--campaigns", "file"]));
    }
}
