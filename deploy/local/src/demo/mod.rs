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
