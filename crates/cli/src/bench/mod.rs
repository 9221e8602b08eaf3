//! `fanfare bench`: load for any server that speaks Redis pub/sub, or NATS, and a check of all it delivers.
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
mod patterns;
mod poller;
mod protocol;
mod publishers;
mod report;
mod verify;

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use clap::{ArgMatches, Args, Command, FromArgMatches, Subcommand};
use serde::Serialize;

use frames::{CHANNELS_MAX, PUBLISHERS_MAX, STAMP_LEN, Shape};
use load::{Crowd, Load};
use poller::Target;
use protocol::Protocol;
use report::Progress;

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
            let name = match arg.get_id().as_str() {
                "host" => "name",
                _ if !arg.get_possible_values().is_empty() => "kind",
                _ => "number",
            };
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
    /// Opens many connections, holds them and checks that all are alive
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
    fn target(&self, protocol: Protocol) -> anyhow::Result<Target> {
        Ok(Target { address: self.address()?, protocol, timeout: Duration::from_secs_f64(self.timeout) })
    }

    fn address(&self) -> anyhow::Result<SocketAddr> {
        let target = (self.host.as_str(), self.port);
        let mut addresses = target.to_socket_addrs().with_context(|| format!("{} can't be looked up", self.host))?;
        addresses.next().with_context(|| format!("{} has no address", self.host))
    }
}

/// Who publishes what to whom.
#[derive(Clone, Copy, Debug, Args, Serialize)]
struct Traffic {
    /// What the server speaks
    #[arg(long, value_enum, default_value_t)]
    protocol: Protocol,
    /// Connections that publish, to all channels in turn
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(PUBLISHERS_MAX)))]
    publishers: u32,
    /// Connections that subscribe, spread over the channels
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    subscribers: u32,
    /// Channels
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(CHANNELS_MAX)))]
    channels: u32,
    /// Bytes of each payload
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(STAMP_LEN as i64..=64 << 20))]
    payload: u32,
    #[command(flatten)]
    #[serde(flatten)]
    patterns: patterns::Plan,
}

impl Traffic {
    fn shape(&self) -> Shape {
        Shape::new(self.protocol, std::process::id(), self.channels, self.payload as usize)
    }

    fn connect(&self, target: Target, progress: &mut Progress) -> anyhow::Result<Load> {
        let Self { publishers, subscribers, patterns, .. } = *self;
        ensure!(patterns.matching <= patterns.patterns, "--matching is a part of --patterns, so it can't be more");
        ensure!(
            patterns.patterns == 0 || self.protocol == Protocol::Resp,
            "--patterns needs --protocol resp: the wildcards of NATS are others"
        );
        let crowd = Crowd { publishers, subscribers, names: 1, patterns };
        Load::connect(target, self.shape(), crowd, progress).map(|(load, _)| load)
    }
}

impl fmt::Display for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { publishers, subscribers, channels, payload, patterns, .. } = self;
        write!(
            f,
            "{publishers} publishers, {subscribers} subscribers, {channels} channels, {payload} byte payloads, {} \
             patterns",
            patterns.patterns
        )?;
        if patterns.matching > 0 { write!(f, " ({} matching)", patterns.matching) } else { Ok(()) }
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
