//! `fanfare bench`: load for any server that speaks Redis pub/sub, and a check of all it delivers.
//!
//! One thread makes the load and takes the deliveries, since it shares its machine with the server. A run in which
//! something was lost, repeated, reordered or changed is no result but an error.

mod churn;
mod connections;
mod fanout;
mod frames;
mod latency;
mod link;
mod load;
mod report;
mod verify;

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::{ArgMatches, Args, Command, FromArgMatches, Subcommand};

/// `bench` and its kinds of load.
pub(crate) fn command() -> Command {
    Kind::augment_subcommands(
        Command::new("bench")
            .about("Measures a server that speaks Redis pub/sub, and checks all it delivers")
            .subcommand_required(true)
            .arg_required_else_help(true),
    )
    .mut_subcommands(|kind| {
        // Nearly every option is a number; its own name in capitals would say nothing more.
        kind.mut_args(|arg| {
            let name = if arg.get_id() == "host" { "name" } else { "number" };
            if arg.get_action().takes_values() { arg.value_name(name) } else { arg }
        })
    })
}

pub(crate) fn run(matches: &ArgMatches) -> anyhow::Result<()> {
    match Kind::from_arg_matches(matches).map_err(|error| anyhow!(error))? {
        Kind::Churn(options) => churn::run(&options),
        Kind::Connections(options) => connections::run(&options),
        Kind::Fanout(options) => fanout::run(&options),
        Kind::Latency(options) => latency::run(&options),
    }
}

#[derive(Debug, Subcommand)]
enum Kind {
    /// Publishes as fast as the deliveries come
    Fanout(fanout::Options),
    /// Publishes at a fixed rate and measures the time to each delivery
    Latency(latency::Options),
    /// Subscribes and unsubscribes as fast as it is confirmed
    Churn(churn::Options),
    /// Opens many subscribed connections, holds them and checks that all are alive
    Connections(connections::Options),
}

/// Options that all kinds have.
#[derive(Clone, Debug, Args)]
struct Common {
    /// The server's name or address
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// The server's port
    #[arg(long, short = 'p', default_value_t = 6379)]
    port: u16,
    /// Seconds without any progress after which what is missing counts as lost
    #[arg(long, default_value_t = 5.0, value_parser = seconds)]
    timeout: f64,
    /// Print one line of JSON instead of a table
    #[arg(long)]
    json: bool,
}

impl Common {
    fn address(&self) -> anyhow::Result<SocketAddr> {
        let target = (self.host.as_str(), self.port);
        let mut addresses = target.to_socket_addrs().with_context(|| format!("{} can't be looked up", self.host))?;
        addresses.next().with_context(|| format!("{} has no address", self.host))
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs_f64(self.timeout)
    }
}

/// How long a load runs.
#[derive(Clone, Copy, Debug, Args)]
struct Span {
    /// Seconds that are measured
    #[arg(long, default_value_t = 5.0, value_parser = seconds)]
    seconds: f64,
    /// Seconds before that, under the same load
    #[arg(long, default_value_t = 1.0, value_parser = seconds)]
    warmup: f64,
}

/// A number of seconds that a duration can hold.
fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=86_400.0).contains(&seconds) => Ok(seconds),
        _ => Err("seconds from 0 to 86400, fractions allowed".to_owned()),
    }
}
