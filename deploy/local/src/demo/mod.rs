//! Demo data, so that a newcomer sees the whole way alive: a landing page on an origin of its own, gentle endless traffic
//! through the real edge, and a week that has already happened. Nothing here is needed in production.
//!
//! Customers are fictitious (example.com), addresses are random ones of real ranges, and the page wears a ribbon.

mod backfill;
mod catalogue;
mod landing;
mod traffic;
pub mod visits;

pub use backfill::BackfillArgs;
pub use landing::LandingArgs;
pub use traffic::TrafficArgs;

/// What can be shown.
#[derive(Debug, clap::Subcommand)]
pub enum DemoCommand {
    /// Serve a landing page with the pixel and an order form
    Landing(LandingArgs),
    /// Send visits and orders through an edge until told to stop
    Traffic(TrafficArgs),
    /// Write the visits and orders of the past days into Kafka, once
    Backfill(BackfillArgs),
}

impl DemoCommand {
    /// Runs the command: to its end, or until SIGTERM or SIGINT for those that have none.
    ///
    /// # Errors
    /// When an address cannot be bound or Kafka does not take the backfill. An edge that is down is no error.
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Landing(args) => landing::run(args).await,
            Self::Traffic(args) => traffic::run(args).await,
            Self::Backfill(args) => backfill::run(args).await,
        }
    }
}
