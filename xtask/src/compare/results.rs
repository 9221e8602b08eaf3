//! What was measured: every run as it was, and what is said about several of them.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::machine::Machine;
use super::memory::MemoryRow;

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
    pub(super) memory: Vec<MemoryRow>,
}

/// A server, for others to repeat the run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Described {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) command: String,
    /// The cores of its load.
    pub(super) load_cores: String,
}

/// A row, for others to repeat the run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct DescribedRow {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) kind: Kind,
    pub(super) measure: Measure,
    pub(super) targets: Vec<Target>,
    pub(super) command: String,
}

/// The kind of load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Churn,
    Fanout,
    Latency,
}

/// What one number of Fanfare's has to be beside another one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Target {
    pub(super) measure: Measure,
    pub(super) limit: Limit,
    /// Compared with this row of Fanfare's own; without one, with the same row of the reference.
    pub(super) row: Option<String>,
}

/// The bound of a ratio.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Limit {
    AtLeast(f64),
    AtMost(f64),
}

/// One number of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Measure {
    CpuUsPerPublish,
    DeliveriesPerS,
    MaxUs,
    P50Us,
    P999Us,
    P99Us,
    PairsPerS,
    PublishesPerS,
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
    /// From before the first connection to after the last delivery.
    pub(super) server_cpu_s: f64,
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
        ensure!(
            !results.measured.is_empty() || !results.memory.is_empty(),
            "{} holds nothing that was measured",
            file.display()
        );
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

    /// One number of a server, the median, for each one of another server.
    pub(super) fn ratio(&self, row: &str, server: &str, other: &str, measure: Measure) -> Option<f64> {
        let median = |server| Some(self.spread(row, server, |sample| measure.of(sample))?.median);
        Some(median(server)? / median(other)?)
    }
}

impl Run {
    pub(super) fn new(row: &str, server: &str, number: u32, outcome: Result<Sample>) -> Self {
        let (sample, failure) = told(outcome);
        Self { row: row.to_owned(), server: server.to_owned(), number, sample, failure }
    }
}

/// What there is, or why there is nothing.
pub(super) fn told<T>(outcome: Result<T>) -> (Option<T>, Option<String>) {
    match outcome {
        Ok(value) => (Some(value), None),
        Err(error) => (None, Some(format!("{error:#}"))),
    }
}

impl Sample {
    /// From the first of the warm-up to the last: deliveries, or pairs.
    pub(super) fn cpu_s_per_million(&self) -> Option<f64> {
        Some(self.server_cpu_s / self.told("/verified")? * 1e6)
    }

    /// The part of the time in which the load used a core.
    pub(super) fn load_busy(&self) -> Option<f64> {
        Some(self.told("/cpu/bench_s")? / self.told("/seconds")?)
    }

    pub(super) fn memory_mib(&self) -> f64 {
        self.rss_max_kib as f64 / 1024.0
    }

    fn told(&self, path: &str) -> Option<f64> {
        self.bench.pointer(path)?.as_f64()
    }
}

impl Kind {
    /// Its name for `fanfare bench`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Churn => "churn",
            Self::Fanout => "fanout",
            Self::Latency => "latency",
        }
    }
}

impl Measure {
    pub(super) fn of(self, sample: &Sample) -> Option<f64> {
        match self {
            // While it was measured, as the server's INFO tells: adding the patterns is not part of it.
            Self::CpuUsPerPublish => Some(1e6 * sample.told("/cpu/server_s")? / sample.told("/publishes")?),
            Self::DeliveriesPerS => sample.told("/deliveries_per_s"),
            Self::MaxUs => sample.told("/max_us"),
            Self::P50Us => sample.told("/p50_us"),
            Self::P999Us => sample.told("/p999_us"),
            Self::P99Us => sample.told("/p99_us"),
            Self::PairsPerS => sample.told("/pairs_per_s"),
            Self::PublishesPerS => sample.told("/publishes_per_s"),
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::CpuUsPerPublish => "server's CPU per publish, us",
            Self::DeliveriesPerS => "deliveries/s",
            Self::MaxUs => "max latency, us",
            Self::P50Us => "p50 latency, us",
            Self::P999Us => "p99.9 latency, us",
            Self::P99Us => "p99 latency, us",
            Self::PairsPerS => "pairs/s",
            Self::PublishesPerS => "publishes/s",
        }
    }
}

impl Limit {
    pub(super) fn allows(self, ratio: f64) -> bool {
        match self {
            Self::AtLeast(least) => ratio >= least,
            Self::AtMost(most) => ratio <= most,
        }
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
    use serde_json::json;

    use super::*;

    pub(in crate::compare) fn described(name: &str) -> Described {
        let owned = |text: &str| text.to_owned();
        Described { name: owned(name), version: format!("{name} v1"), command: owned(name), load_cores: owned("1") }
    }

    /// Runs of the row `r` with these deliveries per second; nothing stands for a failed run.
    pub(in crate::compare) fn runs(server: &str, rates: &[Option<f64>]) -> Vec<Run> {
        let sample = |rate: f64| Sample {
            server_cpu_s: 0.5,
            rss_kib: 1024,
            rss_max_kib: 2048,
            bench: json!({
                "deliveries_per_s": rate, "verified": 2e6, "publishes": 1e6, "seconds": 2.0,
                "cpu": { "bench_s": 0.5, "server_s": 1.0 }
            }),
        };
        let outcome = |rate: &Option<f64>| rate.map(sample).context("cut | off");
        (1..).zip(rates).map(|(number, rate)| Run::new("r", server, number, outcome(rate))).collect()
    }

    /// Results of one row with a target of 2.
    pub(in crate::compare) fn results(fanfare: &[Option<f64>], redis: &[Option<f64>]) -> Results {
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
                kind: Kind::Fanout,
                measure: Measure::DeliveriesPerS,
                targets: vec![Target { measure: Measure::DeliveriesPerS, limit: Limit::AtLeast(2.0), row: None }],
                command: "load".to_owned(),
            }],
            measured: [runs("fanfare", fanfare), runs("redis-server", redis)].concat(),
            memory: Vec::new(),
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
        let ratio = |fanfare: &[_], redis: &[_]| {
            results(fanfare, redis).ratio("r", "fanfare", "redis-server", Measure::DeliveriesPerS)
        };
        assert_eq!(ratio(&[Some(10.0), Some(90.0), Some(30.0)], &[Some(10.0), None, Some(20.0)]), Some(2.0));
        assert_eq!(ratio(&[Some(10.0)], &[None]), None);
        assert_eq!(ratio(&[Some(10.0)], &[]), None);
    }

    #[test]
    fn numbers_come_from_what_the_load_told() {
        let runs = runs("fanfare", &[Some(7.0)]);
        let sample = runs[0].sample.as_ref().unwrap();
        assert_eq!(Measure::DeliveriesPerS.of(sample), Some(7.0));
        assert_eq!(Measure::CpuUsPerPublish.of(sample), Some(1.0));
        assert_eq!(Measure::P50Us.of(sample), None);
        assert_eq!((sample.cpu_s_per_million(), sample.load_busy()), (Some(0.25), Some(0.25)));
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
