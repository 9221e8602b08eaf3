//! What was measured: every run as it was, and what is said about several of them.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::machine::Machine;

/// All that the page is made from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Results {
    pub(super) date: String,
    pub(super) commit: String,
    pub(super) command: String,
    pub(super) machine: Machine,
    pub(super) runs: u32,
    pub(super) seconds: u32,
    pub(super) servers: Vec<Described>,
    pub(super) rows: Vec<DescribedRow>,
    pub(super) measured: Vec<Run>,
}

/// A server, for others to repeat the run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Described {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) command: String,
}

/// A row, for others to repeat the run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct DescribedRow {
    pub(super) id: String,
    pub(super) title: String,
    /// The least ratio of deliveries per second.
    pub(super) target: f64,
    pub(super) command: String,
}

/// One run of one row with one server.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Run {
    pub(super) row: String,
    pub(super) server: String,
    pub(super) number: u32,
    /// Nothing if it failed.
    pub(super) sample: Option<Sample>,
    /// Why it failed.
    pub(super) failure: Option<String>,
}

/// What a run that did not fail gave.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Sample {
    pub(super) deliveries_per_s: f64,
    /// From the first of the warm-up to the last.
    pub(super) deliveries_all: f64,
    /// From before the first connection to after the last delivery.
    pub(super) server_cpu_s: f64,
    /// The part of the time in which the load used its core.
    pub(super) load_busy: Option<f64>,
    /// After the last delivery.
    pub(super) rss_kib: u64,
    /// The most there was.
    pub(super) rss_max_kib: u64,
    /// The load's own result.
    pub(super) bench: Value,
}

impl Results {
    /// Reads what [`Self::write`] wrote.
    ///
    /// # Errors
    /// If it is no such file.
    pub(super) fn read(file: &Path) -> Result<Self> {
        let text = fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
        let results: Self =
            serde_json::from_str(&text).with_context(|| format!("{} holds no such results", file.display()))?;
        ensure!(!results.measured.is_empty(), "{} holds no runs", file.display());
        Ok(results)
    }

    pub(super) fn write(&self, file: &Path) -> Result<()> {
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        let text = serde_json::to_string_pretty(self)? + "\n";
        fs::write(file, text).with_context(|| format!("writing {}", file.display()))
    }

    /// The runs of a row with a server.
    pub(super) fn of<'a>(&'a self, row: &'a str, server: &'a str) -> impl Iterator<Item = &'a Run> {
        self.measured.iter().filter(move |run| run.row == row && run.server == server)
    }

    /// One number of the runs of a row with a server; nothing if all failed.
    pub(super) fn spread(&self, row: &str, server: &str, number: impl Fn(&Sample) -> Option<f64>) -> Option<Spread> {
        Spread::of(self.of(row, server).filter_map(|run| number(run.sample.as_ref()?)).collect())
    }

    /// How many deliveries per second a server makes for each one of the reference.
    pub(super) fn ratio(&self, row: &str, server: &str, reference: &str) -> Option<f64> {
        let median = |server| Some(self.spread(row, server, |sample| Some(sample.deliveries_per_s))?.median);
        Some(median(server)? / median(reference)?)
    }
}

impl Run {
    pub(super) fn new(row: &str, server: &str, number: u32, outcome: Result<Sample>) -> Self {
        let (sample, failure) = match outcome {
            Ok(sample) => (Some(sample), None),
            Err(error) => (None, Some(format!("{error:#}"))),
        };
        Self { row: row.to_owned(), server: server.to_owned(), number, sample, failure }
    }
}

impl Sample {
    pub(super) fn cpu_s_per_million(&self) -> f64 {
        self.server_cpu_s / self.deliveries_all * 1e6
    }

    pub(super) fn memory_mib(&self) -> f64 {
        self.rss_max_kib as f64 / 1024.0
    }
}

/// The middle and the ends of some numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Spread {
    fn of(mut numbers: Vec<f64>) -> Option<Self> {
        numbers.sort_unstable_by(f64::total_cmp);
        let (min, max) = (*numbers.first()?, *numbers.last()?);
        let middle = numbers.len() / 2;
        let median = if numbers.len().is_multiple_of(2) {
            f64::midpoint(numbers[middle - 1], numbers[middle])
        } else {
            numbers[middle]
        };
        Some(Self { median, min, max })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Results of one row with a target of 2; nothing stands for a failed run.
    pub(in crate::compare) fn results(fanfare: &[Option<f64>], redis: &[Option<f64>]) -> Results {
        let described =
            |name: &str| Described { name: name.to_owned(), version: format!("{name} v1"), command: name.to_owned() };
        let runs = |server: &'static str, rates: &[Option<f64>]| {
            let sample = |rate: f64| Sample {
                deliveries_per_s: rate,
                deliveries_all: 2e6,
                server_cpu_s: 0.5,
                load_busy: Some(0.25),
                rss_kib: 1024,
                rss_max_kib: 2048,
                bench: Value::Null,
            };
            let outcome = move |rate: &Option<f64>| rate.map(sample).context("cut | off");
            let numbered = (1..).zip(rates.iter().map(outcome));
            numbered.map(|(number, outcome)| Run::new("r", server, number, outcome)).collect::<Vec<_>>()
        };
        Results {
            date: "2026-01-31".to_owned(),
            commit: "abc".to_owned(),
            command: "cargo xtask compare".to_owned(),
            machine: Machine { cpu: "A CPU".to_owned(), cores: 2, kernel: "linux 6".to_owned() },
            runs: 3,
            seconds: 2,
            servers: vec![described("fanfare"), described("redis-server")],
            rows: vec![DescribedRow {
                id: "r".to_owned(),
                title: "1 -> 2".to_owned(),
                target: 2.0,
                command: "load".to_owned(),
            }],
            measured: [runs("fanfare", fanfare), runs("redis-server", redis)].concat(),
        }
    }

    #[test]
    fn the_median_is_the_middle_or_between_the_two() {
        let spread = |numbers: &[f64]| Spread::of(numbers.to_vec());
        assert_eq!(spread(&[]), None);
        assert_eq!(spread(&[5.0]), Some(Spread { median: 5.0, min: 5.0, max: 5.0 }));
        assert_eq!(spread(&[9.0, 1.0, 4.0]), Some(Spread { median: 4.0, min: 1.0, max: 9.0 }));
        assert_eq!(spread(&[9.0, 1.0, 4.0, 2.0]), Some(Spread { median: 3.0, min: 1.0, max: 9.0 }));
    }

    #[test]
    fn the_ratio_is_that_of_the_medians_of_what_did_not_fail() {
        let ratio = |fanfare: &[_], redis: &[_]| results(fanfare, redis).ratio("r", "fanfare", "redis-server");
        assert_eq!(ratio(&[Some(10.0), Some(90.0), Some(30.0)], &[Some(10.0), None, Some(20.0)]), Some(2.0));
        assert_eq!(ratio(&[Some(10.0)], &[None]), None);
        assert_eq!(ratio(&[Some(10.0)], &[]), None);
    }

    #[test]
    fn what_is_written_can_be_read() {
        let written = results(&[Some(1.5), None], &[Some(1.0)]);
        let text = serde_json::to_string(&written).unwrap();
        let read: Results = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
        assert_eq!(read.measured[1].failure.as_deref(), Some("cut | off"));
    }
}
