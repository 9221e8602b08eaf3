//! The rows of the comparison, and one run of one of them.

use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::builder::PossibleValuesParser;
use serde_json::Value;

use super::results::{DescribedRow, Sample};
use super::server::Server;
use crate::paths;
use crate::process::command;

/// One kind of load, and how much faster than the reference it has to be.
#[derive(Debug)]
pub(super) struct Row {
    /// For the command line.
    pub(super) id: &'static str,
    /// Publishers -> subscribers.
    pub(super) title: &'static str,
    publishers: u32,
    subscribers: u32,
    channels: u32,
    payload: u32,
    pipeline: u32,
    /// The least ratio of deliveries per second.
    target: f64,
}

/// What `--rows` takes.
pub(super) fn ids() -> PossibleValuesParser {
    ROWS.iter().map(|row| row.id).collect::<Vec<_>>().into()
}

impl Row {
    pub(super) fn described(&self, seconds: u32) -> DescribedRow {
        let load = self.arguments("PORT", seconds).join(" ");
        DescribedRow {
            id: self.id.to_owned(),
            title: self.title.to_owned(),
            target: self.target,
            command: format!("taskset -c {LOAD_CORE} fanfare {load}"),
        }
    }

    fn arguments(&self, port: &str, seconds: u32) -> Vec<String> {
        let numbers = [
            ("--publishers", self.publishers),
            ("--subscribers", self.subscribers),
            ("--channels", self.channels),
            ("--payload", self.payload),
            ("--pipeline", self.pipeline),
            ("--warmup", WARMUP_S),
            ("--seconds", seconds),
        ];
        let mut words = ["bench", "fanout", "--json", "--port", port].map(str::to_owned).to_vec();
        words.extend(numbers.into_iter().flat_map(|(option, number)| [option.to_owned(), number.to_string()]));
        words
    }
}

/// One run against a server of its own.
///
/// # Errors
/// If the server or the load fails, or something was not delivered as it should be.
pub(super) fn measure(server: &Server, row: &Row, seconds: u32, ticks_per_s: f64) -> Result<Sample> {
    let running = server.start()?;
    let mut load = command("taskset");
    load.args(["-c", LOAD_CORE]).arg(paths::release_program()).args(row.arguments(&running.port.to_string(), seconds));
    let before_s = running.cpu_s(ticks_per_s)?;
    let line = within(Duration::from_secs(u64::from(seconds + WARMUP_S)) + EXTRA_MAX, &mut load)?;
    let server_cpu_s = running.cpu_s(ticks_per_s)? - before_s;
    let (rss_kib, rss_max_kib) = running.memory_kib()?;

    let bench: Value = serde_json::from_str(line.trim()).context("the load printed no JSON")?;
    let number = |path: &str| bench.pointer(path).and_then(Value::as_f64);
    let needed = |path: &str| number(path).with_context(|| format!("the load told no {path}"));
    let sample = Sample {
        deliveries_per_s: needed("/deliveries_per_s")?,
        // Those of the warm-up included, as in the CPU time.
        deliveries_all: needed("/verified")?,
        server_cpu_s,
        load_busy: number("/cpu/bench_s").zip(number("/seconds")).map(|(used, seconds)| used / seconds),
        rss_kib,
        rss_max_kib,
        bench,
    };
    ensure!(sample.deliveries_per_s > 0.0 && sample.deliveries_all > 0.0, "nothing was delivered");
    Ok(sample)
}

/// Runs a command to its end, but no longer than this, and returns what it wrote to its standard output.
fn within(time: Duration, command: &mut Command) -> Result<String> {
    // Both outputs are a few lines and fit into their pipes.
    let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let start = Instant::now();
    while process.try_wait()?.is_none() {
        if start.elapsed() > time {
            // It may have ended just now, which is as good.
            let _ = process.kill();
            let _ = process.wait();
            bail!("the load did not end within {} s", time.as_secs());
        }
        thread::sleep(Duration::from_millis(50));
    }
    let output = process.wait_with_output()?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        let words: Vec<_> = errors.split_whitespace().collect();
        bail!("{}", words.join(" ").chars().take(300).collect::<String>());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

const fn row(id: &'static str, title: &'static str, crowd: [u32; 3], payload: u32, pipeline: u32, target: f64) -> Row {
    let [publishers, subscribers, channels] = crowd;
    Row { id, title, publishers, subscribers, channels, payload, pipeline, target }
}

pub(super) const WARMUP_S: u32 = 1;
const LOAD_CORE: &str = "1";
/// For connecting, and for what is on the way at the end.
const EXTRA_MAX: Duration = Duration::from_secs(60);

/// All rows, in the page's order.
#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    row("1-1-single", "1 -> 1, one at a time", [1, 1, 1], 64, 1, 1.0),
    row("1-100", "1 -> 100, pipeline 64", [1, 100, 1], 64, 64, 6.0),
    row("1-1000", "1 -> 1,000, pipeline 64", [1, 1_000, 1], 64, 64, 8.0),
    row("1-1000-1k", "1 -> 1,000, 1 KiB, pipeline 64", [1, 1_000, 1], 1 << 10, 64, 4.0),
    row("1-100-16k", "1 -> 100, 16 KiB, pipeline 16", [1, 100, 1], 16 << 10, 16, 1.3),
    row("1-100-single", "1 -> 100, one at a time", [1, 100, 1], 64, 1, 3.0),
    row("1-1000-single", "1 -> 1,000, one at a time", [1, 1_000, 1], 64, 1, 25.0),
    row("1-10000-single", "1 -> 10,000, one at a time", [1, 10_000, 1], 64, 1, 40.0),
    row("4-1000-channels", "4 -> 1,000 channels of one subscriber each, pipeline 64", [4, 1_000, 1_000], 64, 64, 5.0),
    row("50-100-single", "50 -> 100, one at a time", [50, 100, 1], 64, 1, 2.0),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique() {
        let mut ids: Vec<_> = ROWS.iter().map(|row| row.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), ROWS.len());
    }

    #[test]
    fn a_row_tells_its_load() {
        let command = ROWS[4].described(2).command;
        assert_eq!(
            command,
            "taskset -c 1 fanfare bench fanout --json --port PORT --publishers 1 --subscribers 100 --channels 1 \
             --payload 16384 --pipeline 16 --warmup 1 --seconds 2"
        );
    }

    #[test]
    fn a_load_that_fails_tells_why_and_one_that_hangs_is_ended() {
        let long = Duration::from_secs(60);
        assert_eq!(within(long, command("sh").args(["-c", "echo 1"])).unwrap(), "1\n");
        let failed = within(long, command("sh").args(["-c", "echo 'it  was' >&2; echo lost >&2; exit 1"]));
        assert_eq!(failed.unwrap_err().to_string(), "it was lost");
        assert!(within(Duration::ZERO, command("sh").args(["-c", "read -r x <>/dev/ptmx"])).is_err());
    }
}
