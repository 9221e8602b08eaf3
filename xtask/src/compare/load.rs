//! One run of a row: a server of its own, the load against it, and what both say.

use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::results::Sample;
use super::rows::{Row, WARMUP_S};
use super::server::{CLIENTS_MAX, Server};
use crate::paths;
use crate::process::command;

/// One run against a server of its own.
///
/// # Errors
/// If the server or the load fails, or something was not delivered as it should be.
pub(super) fn measure(server: &Server, row: &Row, seconds: u32, ticks_per_s: f64) -> Result<Sample> {
    let running = server.start(CLIENTS_MAX)?;
    let mut load = command("taskset");
    load.args(["-c", &server.load_cores]).arg(paths::release_program());
    load.args(row.arguments(&running.port.to_string(), server.program.protocol(), seconds));
    let before_s = running.cpu_s(ticks_per_s)?;
    let line = within(Duration::from_secs(u64::from(seconds + WARMUP_S)) + EXTRA_MAX, &mut load)?;
    let server_cpu_s = running.cpu_s(ticks_per_s)? - before_s;
    let (rss_kib, rss_max_kib) = running.memory_kib()?;
    let bench: Value = serde_json::from_str(line.trim()).context("the load printed no JSON")?;
    let sample = Sample { server_cpu_s, rss_kib, rss_max_kib, bench };
    let judged = row.measure.of(&sample);
    ensure!(judged.is_some_and(|number| number > 0.0), "the load told no {}", row.measure.name());
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

/// For connecting, and for what is on the way at the end.
const EXTRA_MAX: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_that_fails_tells_why_and_one_that_hangs_is_ended() {
        let long = Duration::from_secs(60);
        assert_eq!(within(long, command("sh").args(["-c", "echo 1"])).unwrap(), "1\n");
        let failed = within(long, command("sh").args(["-c", "echo 'it  was' >&2; echo lost >&2; exit 1"]));
        assert_eq!(failed.unwrap_err().to_string(), "it was lost");
        assert!(within(Duration::ZERO, command("sh").args(["-c", "read -r x <>/dev/ptmx"])).is_err());
    }
}
