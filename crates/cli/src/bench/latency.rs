//! `bench latency`: how long a message takes, at a rate that does not wait for the server.
//!
//! All latencies are in microseconds, from the time a message was due to the time its delivery was read. So what the load
//! generator itself was late by is part of them, and is told beside them: where it is not far below the latencies, they
//! say as much about the load generator as about the server.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Args;
use hdrhistogram::Histogram;
use serde::Serialize;

use super::frames::Stamp;
use super::publishers::position;
use super::report::{self, Cpu, Progress, grouped, rounded};
use super::verify::Faults;
use super::{Common, Span, Traffic};

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    common: Common,
    /// Publishes per second, by all publishers together
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    rate: u32,
    #[command(flatten)]
    traffic: Traffic,
    #[command(flatten)]
    span: Span,
}

#[derive(Debug, Serialize)]
struct Outcome {
    bench: &'static str,
    rate: u32,
    /// What was reached; less than `rate` if the server did not take more.
    rate_reached: f64,
    #[serde(flatten)]
    traffic: Traffic,
    seconds: f64,
    publishes: u64,
    deliveries: u64,
    pattern_deliveries: u64,
    /// How many publishes left more than a millisecond after they were due.
    late: u64,
    late_p99_us: f64,
    late_max_us: f64,
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
/// A publish that leaves later than this after it was due counts as late.
const LATE: Duration = Duration::from_millis(1);
/// The histograms' end; a longer latency is counted as this.
const LATENCY_NS_MAX: u64 = 600_000_000_000;

pub(super) fn run(options: &Options) -> anyhow::Result<()> {
    let (traffic, target) = (options.traffic, options.common.target(options.traffic.protocol)?);
    let (rate, publishers, channels) = (options.rate, traffic.publishers, traffic.channels);
    let mut progress = Progress::new("connecting");
    let mut load = traffic.connect(target, &mut progress)?;

    let histogram = || Histogram::<u64>::new_with_max(LATENCY_NS_MAX, 3).context("the histogram can't be made");
    let (mut latencies, mut lateness) = (histogram()?, histogram()?);
    let record = |histogram: &mut Histogram<u64>, time: Duration| {
        histogram.saturating_record(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    };
    // Neither is negative, nor larger than the longest time at the highest rate.
    let first_measured = (options.span.warmup * f64::from(rate)) as u64;
    let count = first_measured + ((options.span.seconds * f64::from(rate)) as u64).max(1);
    let interval_ns = 1e9 / f64::from(rate);
    let due_after = |number: u64| Duration::from_nanos((number as f64 * interval_ns) as u64);

    progress.phase("measuring");
    let cpu_before = Cpu::now(target);
    let start = Instant::now();
    let mut deliveries = 0u64;
    // A message is timed from when it was due, not from when it was sent: a server that holds up the publisher must not
    // make its own latency look better.
    let mut on_delivery = |channel: u32, stamp: Stamp, now: Instant| {
        let number = position(channels, channel, stamp) * u64::from(publishers) + u64::from(stamp.publisher);
        if number >= first_measured {
            deliveries += 1;
            record(&mut latencies, (now - start).saturating_sub(due_after(number)));
        }
    };
    let given_up = Duration::from_secs_f64(2.0 * (options.span.warmup + options.span.seconds)) + target.timeout;
    let (mut next, mut late) = (0, 0u64);
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
            if next >= first_measured {
                let behind = start.elapsed().saturating_sub(due_after(next));
                record(&mut lateness, behind);
                late += u64::from(behind > LATE);
            }
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
    let cpu = Cpu::now(target).since(cpu_before);
    let verified = load.verify()?;
    drop(progress);

    let us = |ns: u64| ns as f64 / 1e3;
    let outcome = Outcome {
        bench: "latency",
        rate,
        rate_reached: count as f64 / sending_s,
        traffic,
        seconds,
        publishes: count - first_measured,
        deliveries,
        // As many as there must be, or the run would be no result.
        pattern_deliveries: (count - first_measured) * u64::from(traffic.patterns.matching),
        late,
        late_p99_us: us(lateness.value_at_quantile(0.99)),
        late_max_us: us(lateness.max()),
        mean_us: latencies.mean() / 1e3,
        p50_us: us(latencies.value_at_quantile(0.5)),
        p99_us: us(latencies.value_at_quantile(0.99)),
        p999_us: us(latencies.value_at_quantile(0.999)),
        max_us: us(latencies.max()),
        cpu,
        verified: verified.deliveries,
        faults: verified.faults,
    };
    let title = format!("latency: {rate} publishes/s; {traffic}");
    let shown = |us: f64| format!("{us:.1} us");
    let rows = [
        ("publishes/s", rounded(outcome.rate_reached)),
        ("deliveries", grouped(deliveries)),
        ("mean", shown(outcome.mean_us)),
        ("p50", shown(outcome.p50_us)),
        ("p99", shown(outcome.p99_us)),
        ("p99.9", shown(outcome.p999_us)),
        ("max", shown(outcome.max_us)),
        ("publishes late", grouped(late)),
        ("latest", shown(outcome.late_max_us)),
        cpu.row(seconds),
        ("verified", verified.to_string()),
    ];
    report::print(options.common.json, &title, &outcome, &rows)
}
