//! `bench fanout`: how many messages get through.

use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use super::load::Load;
use super::report::{self, Cpu, Progress, grouped, rounded};
use super::verify::Faults;
use super::{Common, Span, Traffic};

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    traffic: Traffic,
    /// PUBLISH that each publisher may have unanswered
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pipeline: u64,
    /// KiB that subscribers may be behind on average before publishers wait for them
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u64).range(1..=1 << 30))]
    lag: u64,
    #[command(flatten)]
    span: Span,
}

#[derive(Debug, Serialize)]
struct Outcome {
    bench: &'static str,
    #[serde(flatten)]
    traffic: Traffic,
    pipeline: u64,
    /// From the first PUBLISH to the last delivery.
    seconds: f64,
    publishes: u64,
    deliveries: u64,
    /// Those to the matching patterns, which are counted nowhere else but checked as well.
    pattern_deliveries: u64,
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
    let (traffic, target) = (options.traffic, options.common.target(options.traffic.protocol)?);
    let frame_len = traffic.shape().frame_len();
    let mut progress = Progress::new("connecting");
    let mut load = traffic.connect(target, &mut progress)?;

    progress.phase("warming up");
    publish_for(&mut load, options, options.span.warmup, &mut progress)?;
    // The clock starts with nothing on the way, so that each delivery within the time belongs to a PUBLISH within it.
    load.verify()?;
    let (before, cpu_before) = (load.totals(), Cpu::now(target));
    progress.phase("measuring");
    let start = Instant::now();
    publish_for(&mut load, options, options.span.seconds, &mut progress)?;
    let seconds = start.elapsed().as_secs_f64();
    let cpu = Cpu::now(target).since(cpu_before);
    let verified = load.verify()?;
    drop(progress);

    let publishes = load.totals().published - before.published;
    let deliveries = load.totals().delivered - before.delivered;
    let pattern_deliveries = load.totals().pattern_delivered - before.pattern_delivered;
    let outcome = Outcome {
        bench: "fanout",
        traffic,
        pipeline: options.pipeline,
        seconds,
        publishes,
        deliveries,
        pattern_deliveries,
        publishes_per_s: publishes as f64 / seconds,
        deliveries_per_s: deliveries as f64 / seconds,
        bytes_per_s: deliveries as f64 * frame_len as f64 / seconds,
        cpu,
        verified: verified.deliveries,
        faults: verified.faults,
    };
    let title = format!("fanout: {traffic}");
    let rows = [
        ("seconds", format!("{seconds:.3}")),
        ("publishes", grouped(publishes)),
        ("deliveries", grouped(deliveries)),
        ("pattern deliveries", grouped(pattern_deliveries)),
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
    let lag = options.lag * 1024;
    loop {
        let now = Instant::now();
        if now - start >= duration || load.is_stuck() {
            break;
        }
        for publisher in 0..options.traffic.publishers {
            let mut room = load.room(publisher, options.pipeline);
            // Servers cut off subscribers that fall too far behind, and rightly so.
            while room > 0 && load.keeps_up(lag) {
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
