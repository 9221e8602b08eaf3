//! `bench connections`: how fast connections are taken, and whether all of many idle ones stay alive.

use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use super::frames::{CHANNELS_MAX, STAMP_LEN, Shape};
use super::load::{Crowd, Load};
use super::patterns;
use super::protocol::Protocol;
use super::report::{self, Progress, grouped, rounded};
use super::verify::Faults;
use super::{Common, seconds};

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    common: Common,
    /// What the server speaks
    #[arg(long, value_enum, default_value_t)]
    protocol: Protocol,
    /// Connections to open
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    count: u32,
    /// Channels they are spread over
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(CHANNELS_MAX)))]
    channels: u32,
    /// Names that each subscribes to: none, one of the channels, or so many of its own
    #[arg(long, default_value_t = 1, conflicts_with = "channels", value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    names: u32,
    /// Seconds to hold them, checked each second and at the end
    #[arg(long, default_value_t = 5.0, value_parser = seconds)]
    hold: f64,
}

#[derive(Debug, Serialize)]
struct Outcome {
    bench: &'static str,
    protocol: Protocol,
    count: u32,
    channels: u32,
    /// Names that each connection is subscribed to.
    names: u32,
    connect_s: f64,
    connects_per_s: f64,
    held_s: f64,
    checks: u32,
    /// The longest that a message took to reach all.
    slowest_check_ms: f64,
    verified: u64,
    faults: Faults,
}

pub(super) fn run(options: &Options) -> anyhow::Result<()> {
    let Options { protocol, count, names, .. } = *options;
    let target = options.common.target(protocol)?;
    // A connection that has names of its own has one of them published to.
    let channels = if names > 1 { count } else { options.channels };
    // Without names it is only looked whether they stay open.
    let publishers = names.min(1);
    let mut progress = Progress::new("connecting");
    let crowd = Crowd { publishers, subscribers: count, names, patterns: patterns::Plan::default() };
    let shape = Shape::new(protocol, std::process::id(), channels, STAMP_LEN);
    let (mut load, connecting) = Load::connect(target, shape, crowd, &mut progress)?;

    progress.phase("holding");
    let (start, hold) = (Instant::now(), Duration::from_secs_f64(options.hold));
    let (mut checks, mut slowest) = (0u32, Duration::ZERO);
    let verified = loop {
        if publishers > 0 {
            let begun = Instant::now();
            for _ in 0..channels {
                load.publish(0);
            }
            load.settle(|_, _, _| {})?;
            checks += 1;
            slowest = slowest.max(begun.elapsed());
        }
        let verified = load.verify()?;
        if start.elapsed() >= hold {
            break verified;
        }
        let next = hold.min(start.elapsed() + Duration::from_secs(1));
        // A connection that is closed meanwhile is seen here.
        while start.elapsed() < next {
            load.turn(next.saturating_sub(start.elapsed()).min(Duration::from_millis(100)), |_, _, _| {})?;
            progress.show(Instant::now(), start.elapsed().as_secs_f64() / options.hold);
        }
    };
    let held_s = start.elapsed().as_secs_f64();
    drop(progress);

    let connect_s = connecting.as_secs_f64();
    let outcome = Outcome {
        bench: "connections",
        protocol,
        count,
        channels,
        names,
        connect_s,
        connects_per_s: f64::from(count) / connect_s,
        held_s,
        checks,
        slowest_check_ms: slowest.as_secs_f64() * 1e3,
        verified: verified.deliveries,
        faults: verified.faults,
    };
    let title = match names {
        0 => format!("connections: {count} subscribed to nothing"),
        1 => format!("connections: {count} subscribed to {channels} channels"),
        names => format!("connections: {count} subscribed to {names} names each"),
    };
    let rows = [
        ("connected", grouped(u64::from(count))),
        ("connect seconds", format!("{connect_s:.3}")),
        ("connects/s", rounded(outcome.connects_per_s)),
        ("held seconds", format!("{held_s:.3}")),
        ("checks", grouped(u64::from(checks))),
        ("slowest check", format!("{:.3} ms", outcome.slowest_check_ms)),
        ("verified", verified.to_string()),
    ];
    report::print(options.common.json, &title, &outcome, &rows)
}
