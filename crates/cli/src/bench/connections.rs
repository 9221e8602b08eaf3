//! `bench connections`: how fast connections are taken, and whether all of many idle ones stay alive.

use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use super::frames::{CHANNELS_MAX, STAMP_LEN, Shape};
use super::load::{Crowd, Load};
use super::report::{self, Progress, grouped, rounded};
use super::verify::Faults;
use super::{Common, seconds};

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    common: Common,
    /// Connections to open, each subscribed to one channel
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    count: u32,
    /// Channels they are spread over
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(CHANNELS_MAX)))]
    channels: u32,
    /// Seconds to hold them, checked each second and at the end
    #[arg(long, default_value_t = 5.0, value_parser = seconds)]
    hold: f64,
}

#[derive(Debug, Serialize)]
struct Outcome {
    bench: &'static str,
    count: u32,
    channels: u32,
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
    let (address, timeout) = (options.common.address()?, options.common.timeout());
    let Options { count, channels, .. } = *options;
    let mut progress = Progress::new("connecting");
    let crowd = Crowd { publishers: 1, subscribers: count, patterns: 0 };
    let shape = Shape::new(std::process::id(), channels, STAMP_LEN);
    let (mut load, connecting) = Load::connect(address, shape, crowd, timeout, &mut progress)?;

    progress.phase("holding");
    let (start, hold) = (Instant::now(), Duration::from_secs_f64(options.hold));
    let (mut checks, mut slowest) = (0u32, Duration::ZERO);
    let verified = loop {
        let begun = Instant::now();
        for _ in 0..channels {
            load.publish(0);
        }
        load.settle(|_, _, _| {})?;
        checks += 1;
        slowest = slowest.max(begun.elapsed());
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
        count,
        channels,
        connect_s,
        connects_per_s: f64::from(count) / connect_s,
        held_s,
        checks,
        slowest_check_ms: slowest.as_secs_f64() * 1e3,
        verified: verified.deliveries,
        faults: verified.faults,
    };
    let title = format!("connections: {count} subscribed to {channels} channels");
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
