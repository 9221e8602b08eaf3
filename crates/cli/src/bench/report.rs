//! What a run found: a table for people, JSON for machines, and a bar while it runs.

use std::time::{Duration, Instant};

use anyhow::Context;
use fanfare_wire::encode_request;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::link::Control;
use super::poller::Target;
use super::protocol::Protocol;
use crate::say;

/// A bar on standard error; nothing where that is no terminal.
pub(super) struct Progress {
    bar: ProgressBar,
    shown: Instant,
}

const STEPS: u64 = 1000;
const REDRAW_INTERVAL: Duration = Duration::from_millis(100);

impl Progress {
    pub(super) fn new(what: &'static str) -> Self {
        // A progress bar draws to standard error, and only if that is a terminal.
        let bar = ProgressBar::new(STEPS);
        if let Ok(style) = ProgressStyle::with_template("{msg:>12} [{bar:40.cyan}] {percent:>3} %") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(what);
        Self { bar, shown: Instant::now() }
    }

    pub(super) fn phase(&mut self, what: &'static str) {
        self.bar.set_message(what);
        self.bar.set_position(0);
    }

    /// Cheap enough to be called in every round.
    pub(super) fn show(&mut self, now: Instant, part: f64) {
        if now.saturating_duration_since(self.shown) >= REDRAW_INTERVAL {
            self.shown = now;
            // Within the steps, whatever the part.
            self.bar.set_position((part.clamp(0.0, 1.0) * STEPS as f64) as u64);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Prints the result: one line of JSON, or a table.
pub(super) fn print(json: bool, title: &str, result: &impl Serialize, rows: &[(&str, String)]) -> anyhow::Result<()> {
    if json {
        say(&serde_json::to_string(result).context("the result can't be written as JSON")?);
        return Ok(());
    }
    let labels = rows.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
    let is_number = |value: &str| value.starts_with(|first: char| first.is_ascii_digit()) && !value.contains(", ");
    let values =
        rows.iter().map(|(_, value)| value).filter(|value| is_number(value)).map(String::len).max().unwrap_or(0);
    say(title);
    for (label, value) in rows {
        // Numbers stand under one another, sentences begin at the left.
        if is_number(value) {
            say(&format!("  {label:<labels$}  {value:>values$}"));
        } else {
            say(&format!("  {label:<labels$}  {value}"));
        }
    }
    Ok(())
}

/// A number with its thousands apart: `1 234 567`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// As [`grouped`], without the fraction.
pub(super) fn rounded(number: f64) -> String {
    // Rates are neither negative nor near the end of the range.
    grouped(number.round() as u64)
}

/// CPU time on both sides: says whether the server or the load generator was at its limit.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Cpu {
    /// Of the load generator; nothing where the kernel does not tell.
    pub(super) bench_s: Option<f64>,
    /// Of the server, as its INFO tells; nothing if it does not.
    pub(super) server_s: Option<f64>,
}

impl Cpu {
    pub(super) fn now(target: Target) -> Self {
        let bench_s = std::fs::read_to_string("/proc/self/schedstat")
            .ok()
            .and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok())
            .map(|ns| ns / 1e9);
        Self { bench_s, server_s: server_cpu(target) }
    }

    pub(super) fn since(self, start: Self) -> Self {
        let between = |start: Option<f64>, end: Option<f64>| Some(end? - start?);
        Self { bench_s: between(start.bench_s, self.bench_s), server_s: between(start.server_s, self.server_s) }
    }

    pub(super) fn row(self, seconds: f64) -> (&'static str, String) {
        let share = |used: Option<f64>| used.map_or("?".to_owned(), |used| format!("{:.0} %", 100.0 * used / seconds));
        ("CPU", format!("server {}, load generator {}", share(self.server_s), share(self.bench_s)))
    }

    /// What one of `count` deliveries, or pairs, cost: other programs on the machine hardly change this.
    pub(super) fn row_each(self, count: u64) -> (&'static str, String) {
        let each =
            |used: Option<f64>| used.map_or("?".to_owned(), |used| format!("{:.0} ns", 1e9 * used / count as f64));
        ("CPU each", format!("server {}, load generator {}", each(self.server_s), each(self.bench_s)))
    }
}

/// The server's CPU time so far. Any failure is no more than a missing number.
fn server_cpu(target: Target) -> Option<f64> {
    if target.protocol != Protocol::Resp {
        return None;
    }
    let mut control = Control::connect(target.address, target.timeout).ok()?;
    let mut request = Vec::new();
    encode_request(&mut request, &["INFO", "cpu"]);
    control.send(&request).ok()?;
    let reply = control.reply().ok()?;
    let text = std::str::from_utf8(reply.as_bytes()?).ok()?.to_owned();
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
    Some(field("used_cpu_user:")? + field("used_cpu_sys:")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1 000", "1 234 567"]);
    }
}
