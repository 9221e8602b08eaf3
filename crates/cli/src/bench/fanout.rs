//! `bench fanout`: how many messages get through.

use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use super::frames::{CHANNELS_MAX, PUBLISHERS_MAX, STAMP_LEN, Shape};
use super::load::{Crowd, Load};
use super::report::{self, Cpu, Progress, grouped, rounded};
use super::verify::Faults;
use super::{Common, Span};

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    common: Common,
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
    /// PUBLISH that each publisher may have unanswered
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pipeline: u64,
    /// KiB that subscribers may be behind on average before publishers wait for them
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u64).range(1..=1 << 30))]
    lag: u64,
    /// Pattern subscriptions that match no channel, held by one more connection
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=10_000_000))]
    patterns: u32,
    #[command(flatten)]
    span: Span,
}

#[derive(Debug, Serialize)]
struct Outcome {
    bench: &'static str,
    publishers: u32,
    subscribers: u32,
    channels: u32,
    payload: u32,
    pipeline: u64,
    patterns: u32,
    /// From the first PUBLISH to the last delivery.
    seconds: f64,
    publishes: u64,
    deliveries: u64,
    publishes_per_s: f64,
    deliveries_per_s: f64,
    /// Of whole frames, as on the wire.
    bytes_per_s: f64,
    cpu: Cpu,
    /// Deliveries that were checked, those of the warm-up included.
    verified: u64,
    faults: Faults,
}

pub(super) fn run(options: &Options) -> anyhow::Result<()> {
    let (address, timeout) = (options.common.address()?, options.common.timeout());
    let shape = Shape::new(std::process::id(), options.channels, options.payload as usize);
    let frame_len = shape.frame_len();
    let Options { publishers, subscribers, patterns, .. } = *options;
    let mut progress = Progress::new("connecting");
    let crowd = Crowd { publishers, subscribers, patterns };
    let (mut load, _) = Load::connect(address, shape, crowd, timeout, &mut progress)?;

    progress.phase("warming up");
    publish_for(&mut load, options, options.span.warmup, &mut progress)?;
    // The clock starts with nothing on the way, so that each delivery within the time belongs to a PUBLISH within it.
    load.verify()?;
    let (before, cpu_before) = (load.totals(), Cpu::now(address, timeout));
    progress.phase("measuring");
    let start = Instant::now();
    publish_for(&mut load, options, options.span.seconds, &mut progress)?;
    let seconds = start.elapsed().as_secs_f64();
    let cpu = Cpu::now(address, timeout).since(cpu_before);
    let verified = load.verify()?;
    drop(progress);

    let publishes = load.totals().published - before.published;
    let deliveries = load.totals().delivered - before.delivered;
    let outcome = Outcome {
        bench: "fanout",
        publishers,
        subscribers,
        channels: options.channels,
        payload: options.payload,
        pipeline: options.pipeline,
        patterns,
        seconds,
        publishes,
        deliveries,
        publishes_per_s: publishes as f64 / seconds,
        deliveries_per_s: deliveries as f64 / seconds,
        bytes_per_s: deliveries as f64 * frame_len as f64 / seconds,
        cpu,
        verified: verified.deliveries,
        faults: verified.faults,
    };
    let title = format!(
        "fanout: {publishers} publishers, {subscribers} subscribers, {} channels, {} byte payloads, {patterns} patterns",
        options.channels, options.payload
    );
    let rows = [
        ("seconds", format!("{seconds:.3}")),
        ("publishes", grouped(publishes)),
        ("deliveries", grouped(deliveries)),
        ("publishes/s", rounded(outcome.publishes_per_s)),
        ("deliveries/s", rounded(outcome.deliveries_per_s)),
        ("bytes/s", rounded(outcome.bytes_per_s)),
        cpu.row(seconds),
        cpu.row_each(deliveries),
        ("verified", verified.to_string()),
    ];
    report::print(options.common.json, &title, &outcome, &rows)
}

/// Publishes for a time and then waits until everything has arrived.
fn publish_for(load: &mut Load, options: &Options, seconds: f64, progress: &mut Progress) -> anyhow::Result<()> {
    let (start, duration) = (Instant::now(), Duration::from_secs_f64(seconds));
    let behind_max = options.lag * 1024 * u64::from(options.subscribers);
    loop {
        let now = Instant::now();
        if now - start >= duration || load.is_stuck() {
            break;
        }
        for publisher in 0..options.publishers {
            let mut room = load.room(publisher, options.pipeline);
            // Servers cut off subscribers that fall too far behind, and rightly so.
            while room > 0 && load.bytes_behind() <= behind_max {
                load.publish(publisher);
                room -= 1;
            }
        }
        load.flush()?;
        load.turn(Duration::from_millis(100), |_, _, _| {})?;
        progress.show(now, (now - start).as_secs_f64() / seconds);
    }
    load.settle(|_, _, _| {})
}
