//! `bench latency`: how long a message takes, at a rate that does not wait for the server.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Args;
use hdrhistogram::Histogram;
use serde::Serialize;

use super::frames::{CHANNELS_MAX, PUBLISHERS_MAX, STAMP_LEN, Shape, Stamp};
use super::load::{Crowd, Load, position};
use super::report::{self, Cpu, Progress, grouped, rounded};
use super::verify::Faults;
use super::{Common, Span};

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    common: Common,
    /// Publishes per second, by all publishers together
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    rate: u32,
    /// Connections that publish, in turn
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
    /// Pattern subscriptions that match no channel, held by one more connection
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=10_000_000))]
    patterns: u32,
    #[command(flatten)]
    span: Span,
}

#[derive(Debug, Serialize)]
struct Outcome {
    bench: &'static str,
    rate: u32,
    /// What was reached; less than `rate` if the server did not take more.
    rate_reached: f64,
    publishers: u32,
    subscribers: u32,
    channels: u32,
    payload: u32,
    patterns: u32,
    seconds: f64,
    publishes: u64,
    deliveries: u64,
    mean_us: f64,
    p50_us: f64,
    p99_us: f64,
    p999_us: f64,
    max_us: f64,
    cpu: Cpu,
    verified: u64,
    faults: Faults,
}

/// Below this the wait for the next PUBLISH is a spin: the poller counts in milliseconds.
const SPIN: Duration = Duration::from_millis(1);
/// The histogram's end; a longer latency is counted as this.
const LATENCY_NS_MAX: u64 = 600_000_000_000;

pub(super) fn run(options: &Options) -> anyhow::Result<()> {
    let (address, timeout) = (options.common.address()?, options.common.timeout());
    let shape = Shape::new(std::process::id(), options.channels, options.payload as usize);
    let Options { publishers, subscribers, patterns, channels, payload, rate, .. } = *options;
    let mut progress = Progress::new("connecting");
    let crowd = Crowd { publishers, subscribers, patterns };
    let (mut load, _) = Load::connect(address, shape, crowd, timeout, &mut progress)?;

    let mut histogram = Histogram::<u64>::new_with_max(LATENCY_NS_MAX, 3).context("the histogram can't be made")?;
    // Neither is negative, nor larger than the longest time at the highest rate.
    let first_measured = (options.span.warmup * f64::from(rate)) as u64;
    let count = first_measured + ((options.span.seconds * f64::from(rate)) as u64).max(1);
    let interval_ns = 1e9 / f64::from(rate);
    let due_after = |number: u64| Duration::from_nanos((number as f64 * interval_ns) as u64);

    progress.phase("measuring");
    let cpu_before = Cpu::now(address, timeout);
    let start = Instant::now();
    let mut deliveries = 0u64;
    // A message is timed from when it was due, not from when it was sent: a server that holds up the publisher must not
    // make its own latency look better.
    let mut on_delivery = |channel: u32, stamp: Stamp, now: Instant| {
        let number = position(channels, channel, stamp) * u64::from(publishers) + u64::from(stamp.publisher);
        if number >= first_measured {
            deliveries += 1;
            let latency = (now - start).saturating_sub(due_after(number));
            histogram.saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
        }
    };
    let given_up = Duration::from_secs_f64(2.0 * (options.span.warmup + options.span.seconds)) + timeout;
    let mut next = 0;
    while next < count && !load.is_stuck() {
        let now = Instant::now();
        ensure!(
            now - start < given_up,
            "the server takes about {} publishes/s; at {rate} the latency has no bound",
            rounded(next as f64 / (now - start).as_secs_f64())
        );
        // Publishers take turns; the one whose turn it is may have to wait for its socket, which is the server's doing.
        while next < count && due_after(next) <= now - start {
            // The remainder is below the number of publishers.
            let publisher = (next % u64::from(publishers)) as u32;
            if load.room(publisher, u64::MAX) == 0 {
                break;
            }
            load.publish(publisher);
            next += 1;
        }
        load.flush()?;
        let wait = (start + due_after(next)).saturating_duration_since(Instant::now());
        if wait < SPIN {
            load.turn(Duration::ZERO, &mut on_delivery)?;
            // The server may need this core.
            std::thread::yield_now();
        } else {
            // Whole milliseconds, since the poller rounds up.
            load.turn(Duration::from_millis(u64::try_from(wait.as_millis()).unwrap_or(1)), &mut on_delivery)?;
        }
        progress.show(now, next as f64 / count as f64);
    }
    let sending_s = start.elapsed().as_secs_f64();
    load.settle(&mut on_delivery)?;
    let seconds = start.elapsed().as_secs_f64();
    let cpu = Cpu::now(address, timeout).since(cpu_before);
    let verified = load.verify()?;
    drop(progress);

    let us = |ns: u64| ns as f64 / 1e3;
    let outcome = Outcome {
        bench: "latency",
        rate,
        rate_reached: count as f64 / sending_s,
        publishers,
        subscribers,
        channels,
        payload,
        patterns,
        seconds,
        publishes: count - first_measured,
        deliveries,
        mean_us: histogram.mean() / 1e3,
        p50_us: us(histogram.value_at_quantile(0.5)),
        p99_us: us(histogram.value_at_quantile(0.99)),
        p999_us: us(histogram.value_at_quantile(0.999)),
        max_us: us(histogram.max()),
        cpu,
        verified: verified.deliveries,
        faults: verified.faults,
    };
    let title = format!(
        "latency: {rate} publishes/s by {publishers} publishers, {subscribers} subscribers, {channels} channels, \
         {payload} byte payloads, {patterns} patterns"
    );
    let shown = |us: f64| format!("{us:.1} us");
    let rows = [
        ("publishes/s", rounded(outcome.rate_reached)),
        ("deliveries", grouped(deliveries)),
        ("mean", shown(outcome.mean_us)),
        ("p50", shown(outcome.p50_us)),
        ("p99", shown(outcome.p99_us)),
        ("p99.9", shown(outcome.p999_us)),
        ("max", shown(outcome.max_us)),
        cpu.row(seconds),
        ("verified", verified.to_string()),
    ];
    report::print(options.common.json, &title, &outcome, &rows)
}
