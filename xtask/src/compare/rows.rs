//! The rows of the comparison: each kind of load, what it is judged by, and what that has to be.

use std::sync::LazyLock;

use clap::builder::PossibleValuesParser;

use super::results::{DescribedRow, Kind, Limit, Measure, Target};
use super::server::{Program, Server};

/// One load with its targets.
#[derive(Debug)]
pub(super) struct Row {
    /// For the command line.
    pub(super) id: &'static str,
    /// Publishers -> subscribers.
    pub(super) title: &'static str,
    load: Load,
    /// What tells most about it.
    pub(super) measure: Measure,
    targets: Vec<Target>,
    /// Whether other servers get through it in a reasonable time.
    peers: bool,
}

#[derive(Debug)]
enum Load {
    Churn { connections: u32, audience: u32, pipeline: u32 },
    Fanout { crowd: [u32; 3], payload: u32, pipeline: u32, patterns: Option<Patterns> },
    Latency { subscribers: u32, rate: u32 },
}

/// Patterns held by one more connection.
#[derive(Debug)]
struct Patterns {
    count: u32,
    shapes: &'static str,
    matching: u32,
}

/// What `--rows` takes.
pub(super) fn ids() -> PossibleValuesParser {
    ROWS.iter().map(|row| row.id).chain([MEMORY]).collect::<Vec<_>>().into()
}

impl Load {
    fn kind(&self) -> Kind {
        match self {
            Self::Churn { .. } => Kind::Churn,
            Self::Fanout { .. } => Kind::Fanout,
            Self::Latency { .. } => Kind::Latency,
        }
    }
}

impl Row {
    pub(super) fn described(&self, seconds: u32) -> DescribedRow {
        let load = self.arguments("PORT", "resp", seconds).join(" ");
        DescribedRow {
            id: self.id.to_owned(),
            title: self.title.to_owned(),
            kind: self.load.kind(),
            measure: self.measure,
            targets: self.targets.clone(),
            command: format!("taskset -c LOAD_CORES fanfare {load}"),
        }
    }

    /// Whether this load makes sense for a server, or its numbers are wanted.
    pub(super) fn suits(&self, server: &Server) -> bool {
        let plain = match &self.load {
            Load::Fanout { patterns, .. } => patterns.is_none(),
            Load::Latency { .. } => server.program == Program::Nats,
            Load::Churn { .. } => false,
        };
        match server.program {
            Program::Fanfare => true,
            Program::FanfareAllCores | Program::Floor | Program::Nats => plain,
            Program::Redis => self.peers,
        }
    }

    /// What `fanfare` is called with.
    pub(super) fn arguments(&self, port: &str, protocol: &str, seconds: u32) -> Vec<String> {
        let options: Vec<(&str, String)> = match &self.load {
            Load::Churn { connections, audience, pipeline } => vec![
                ("--connections", connections.to_string()),
                ("--channels", "1".to_owned()),
                ("--audience", audience.to_string()),
                ("--pipeline", pipeline.to_string()),
            ],
            Load::Fanout { crowd: [publishers, subscribers, channels], payload, pipeline, patterns } => {
                let mut options = vec![
                    ("--publishers", publishers.to_string()),
                    ("--subscribers", subscribers.to_string()),
                    ("--channels", channels.to_string()),
                    ("--payload", payload.to_string()),
                    ("--pipeline", pipeline.to_string()),
                ];
                if let Some(Patterns { count, shapes, matching }) = patterns {
                    options.push(("--patterns", count.to_string()));
                    options.push(("--pattern-shapes", (*shapes).to_owned()));
                    options.push(("--matching", matching.to_string()));
                }
                options
            }
            Load::Latency { subscribers, rate } => vec![
                ("--subscribers", subscribers.to_string()),
                ("--payload", "64".to_owned()),
                ("--rate", rate.to_string()),
            ],
        };
        let mut words = ["bench", self.load.kind().name()].map(str::to_owned).to_vec();
        words.extend(options.into_iter().flat_map(|(name, value)| [name.to_owned(), value]));
        if protocol != "resp" {
            words.extend(["--protocol", protocol].map(str::to_owned));
        }
        let (warmup, seconds) = (WARMUP_S.to_string(), seconds.to_string());
        words.extend(["--warmup", &warmup, "--seconds", &seconds, "--json", "--port", port].map(str::to_owned));
        words
    }
}

fn at_least(measure: Measure, least: f64) -> Target {
    Target { measure, limit: Limit::AtLeast(least), row: None }
}

/// Beside another row of Fanfare's.
fn at_most_of(row: &str, measure: Measure, most: f64) -> Target {
    Target { measure, limit: Limit::AtMost(most), row: Some(row.to_owned()) }
}

fn at_most(measure: Measure, most: f64) -> Target {
    Target { measure, limit: Limit::AtMost(most), row: None }
}

fn fanout(id: &'static str, title: &'static str, crowd: [u32; 3], payload: u32, pipeline: u32, least: f64) -> Row {
    let load = Load::Fanout { crowd, payload, pipeline, patterns: None };
    let measure = Measure::DeliveriesPerS;
    Row { id, title, load, measure, targets: vec![at_least(measure, least)], peers: true }
}

fn latency(id: &'static str, title: &'static str, subscribers: u32, rate: u32) -> Row {
    let load = Load::Latency { subscribers, rate };
    Row {
        id,
        title,
        load,
        measure: Measure::P50Us,
        targets: vec![at_most(Measure::P50Us, 1.0), at_most(Measure::P99Us, 1.0)],
        peers: true,
    }
}

/// With one subscriber and up to 64 PUBLISH on the way.
fn patterns(
    id: &'static str,
    title: &'static str,
    patterns: Patterns,
    measure: Measure,
    targets: Vec<Target>,
    peers: bool,
) -> Row {
    let load = Load::Fanout { crowd: [1, 1, 1], payload: 64, pipeline: 64, patterns: Some(patterns) };
    Row { id, title, load, measure, targets, peers }
}

pub(super) const WARMUP_S: u32 = 1;
/// The measurement that is no load.
pub(super) const MEMORY: &str = "memory";

const FEW_PATTERNS: &str = "patterns-3";

/// All rows, in the page's order.
#[rustfmt::skip]
pub(super) static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| vec![
    fanout("1-1-single", "1 -> 1, one at a time", [1, 1, 1], 64, 1, 1.0),
    latency("1-1-open", "1 -> 1, open loop, 1,000/s", 1, 1_000),
    fanout("1-100", "1 -> 100, pipeline 64", [1, 100, 1], 64, 64, 6.0),
    fanout("1-1000", "1 -> 1,000, pipeline 64", [1, 1_000, 1], 64, 64, 8.0),
    fanout("1-1000-1k", "1 -> 1,000, 1 KiB, pipeline 64", [1, 1_000, 1], 1 << 10, 64, 4.0),
    fanout("1-100-16k", "1 -> 100, 16 KiB, pipeline 16", [1, 100, 1], 16 << 10, 16, 1.3),
    fanout("1-100-single", "1 -> 100, one at a time", [1, 100, 1], 64, 1, 3.0),
    fanout("1-1000-single", "1 -> 1,000, one at a time", [1, 1_000, 1], 64, 1, 25.0),
    fanout("1-10000-single", "1 -> 10,000, one at a time", [1, 10_000, 1], 64, 1, 40.0),
    fanout("4-1000-channels", "4 -> 1,000 channels of one subscriber each, pipeline 64", [4, 1_000, 1_000], 64, 64, 5.0),
    fanout("50-100-single", "50 -> 100, one at a time", [50, 100, 1], 64, 1, 2.0),
    patterns(
        "patterns-10000", "10,000 patterns that do not match",
        Patterns { count: 10_000, shapes: "plain", matching: 0 },
        Measure::PublishesPerS, vec![at_least(Measure::PublishesPerS, 200.0)], true,
    ),
    patterns(
        FEW_PATTERNS, "3 patterns, all of them matching",
        Patterns { count: 3, shapes: "mixed", matching: 3 },
        Measure::CpuUsPerPublish, vec![], true,
    ),
    // redis-server would take milliseconds per publish, and its patterns minutes to be added.
    patterns(
        "patterns-100000", "100,000 patterns of mixed shapes, 3 of them matching",
        Patterns { count: 100_000, shapes: "mixed", matching: 3 },
        Measure::CpuUsPerPublish, vec![at_most_of(FEW_PATTERNS, Measure::CpuUsPerPublish, 2.0)], false,
    ),
    latency("1-1000-open-200", "1 -> 1,000, open loop, 200/s", 1_000, 200),
    latency("1-1000-open-5000", "1 -> 1,000, open loop, 5,000/s", 1_000, 5_000),
    Row {
        id: "churn-hot", title: "subscribe + unsubscribe, one hot channel of 10,000",
        load: Load::Churn { connections: 50, audience: 10_000, pipeline: 16 },
        measure: Measure::PairsPerS, targets: vec![at_least(Measure::PairsPerS, 1.0)], peers: true,
    },
]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique() {
        let mut ids: Vec<_> = ROWS.iter().map(|row| row.id).chain([MEMORY]).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), ROWS.len() + 1);
    }

    #[test]
    fn targets_name_rows_that_exist() {
        for target in ROWS.iter().flat_map(|row| &row.targets) {
            let Some(other) = &target.row else { continue };
            assert!(ROWS.iter().any(|row| row.id == other), "{other}");
        }
    }

    #[test]
    fn a_row_tells_its_load() {
        let row = |id: &str| ROWS.iter().find(|row| row.id == id).unwrap();
        assert_eq!(
            row("1-100-16k").described(2).command,
            "taskset -c LOAD_CORES fanfare bench fanout --publishers 1 --subscribers 100 --channels 1 --payload 16384 \
             --pipeline 16 --warmup 1 --seconds 2 --json --port PORT"
        );
        assert_eq!(
            row("patterns-10000").arguments("7", "resp", 2)[12..18],
            ["--patterns", "10000", "--pattern-shapes", "plain", "--matching", "0"]
        );
        assert!(row("1-1-open").arguments("7", "nats", 2).join(" ").contains("--rate 1000 --protocol nats --warmup 1"));
    }
}
