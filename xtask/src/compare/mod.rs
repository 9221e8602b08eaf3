//! Comparison: the release build beside a real Redis, with the same load on the same cores.
//!
//! The server has one core and the load another. The runs are interleaved, so that whatever else the machine does hits
//! all servers alike, and each has a server of its own, so that nothing is left over from the one before. What a server
//! can't stand is written down as failed and is no reason to stop.

mod load;
mod machine;
mod memory;
mod page;
mod plot;
mod results;
mod rows;
mod server;
mod verdict;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use self::machine::Machine;
use self::results::{Results, Run};
use self::rows::Row;
use self::server::Server;
use crate::paths;
use crate::process::{cargo, run as run_command};
use crate::steps::{Failed, Steps};

/// What to compare, and how long.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Runs of each row with each server.
    #[arg(long, default_value_t = RUNS_MIN, value_parser = clap::value_parser!(u32).range(1..=1000))]
    runs: u32,
    /// Seconds that each run measures, after one second of warm-up.
    #[arg(long, default_value_t = SECONDS_MIN, value_parser = clap::value_parser!(u32).range(1..=3600))]
    seconds: u32,
    /// The servers by name, with commas between; by default all that are there.
    #[arg(long, value_delimiter = ',')]
    servers: Vec<String>,
    /// The rows, with commas between, and `memory`; by default all.
    #[arg(long, value_delimiter = ',', value_parser = rows::ids())]
    rows: Vec<String>,
    /// One more server: a `nats-server`, or one that takes redis-server's options, such as
    /// `valkey=/opt/valkey/bin/valkey-server`.
    #[arg(long = "peer", value_name = "NAME=PATH", value_parser = server::peer)]
    peers: Vec<(String, PathBuf)>,
    /// Fails if a target is missed.
    #[arg(long)]
    check: bool,
    /// Measures nothing and writes the page and its plot from these results.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["runs", "seconds", "servers", "rows", "peers"])]
    table: Option<PathBuf>,
}

/// Measures, or reads what was measured, and writes the page.
pub(crate) fn run(steps: &mut Steps, options: &Options) -> Result<(), Failed> {
    let mut results = None;
    if let Some(file) = &options.table {
        steps.run("write the page", || {
            let read = Results::read(file)?;
            write_page(&read, file)?;
            results = Some(read);
            Ok(())
        })?;
    } else {
        steps.run("build", || {
            run_command(&mut cargo(&["build", "--release", "-p", "fanfare-cli", "-p", "fanfare-bench", "--bins"]))
        })?;
        steps.run("compare", || {
            results = Some(measure_and_write(options)?);
            Ok(())
        })?;
    }
    match results {
        Some(results) if options.check => steps.run("targets", || check(&results)),
        _ => Ok(()),
    }
}

fn measure_and_write(options: &Options) -> Result<Results> {
    let wanted = |id: &str| options.rows.is_empty() || options.rows.iter().any(|row| row == id);
    let rows: Vec<&Row> = rows::ROWS.iter().filter(|row| wanted(row.id)).collect();
    let machine = Machine::this()?;
    ensure!(machine.cores >= 2, "the server and the load need a core each; this machine has one");
    ensure!(
        paths::on_search_path("taskset").is_some(),
        "`taskset` is missing: install util-linux, it pins the server and the load to a core each"
    );
    let servers = chosen(server::available(&options.peers, machine.cores), &options.servers)?;
    let mut results = measure(options, machine, &servers, &rows)?;
    if wanted(rows::MEMORY) {
        results.memory = memory::measure(&servers)?;
    }

    // A trial must not replace what was measured in full.
    let less = options.runs < RUNS_MIN || options.seconds < SECONDS_MIN;
    let trial = less || !options.rows.is_empty() || !options.servers.is_empty();
    let file = if trial {
        paths::target().join("compare").join("trial.json")
    } else {
        paths::root().join("bench/results").join(format!("{}.json", results.date))
    };
    results.write(&file)?;
    println!("wrote {}", file.display());
    if trial {
        println!("a trial; the page stays as it is, unless written by `cargo xtask compare --table FILE`\n");
        println!("{}", page::tables(&results));
    } else {
        write_page(&results, &file)?;
    }
    Ok(results)
}

/// The servers of these names, or all if there are none.
fn chosen(servers: Vec<Server>, names: &[String]) -> Result<Vec<Server>> {
    for name in names {
        if !servers.iter().any(|server| server.name == *name) {
            let there: Vec<_> = servers.iter().map(|server| server.name.as_str()).collect();
            bail!("there is no server `{name}` here, only {}", there.join(", "));
        }
    }
    Ok(servers.into_iter().filter(|server| names.is_empty() || names.contains(&server.name)).collect())
}

fn measure(options: &Options, machine: Machine, servers: &[Server], rows: &[&Row]) -> Result<Results> {
    let mut results = Results {
        date: machine::today()?,
        commit: machine::commit(),
        command: machine::this_command(),
        machine,
        runs: options.runs,
        seconds: options.seconds,
        servers: servers.iter().map(Server::described).collect::<Result<_>>()?,
        rows: rows.iter().map(|row| row.described(options.seconds)).collect(),
        measured: Vec::new(),
        memory: Vec::new(),
    };
    let ticks_per_s = machine::ticks_per_s()?;
    for row in rows {
        println!("\n{}", row.title);
        for number in 1..=options.runs {
            for server in servers.iter().filter(|server| row.suits(server)) {
                let outcome = load::measure(server, row, options.seconds, ticks_per_s);
                let name = &server.name;
                match &outcome {
                    Ok(sample) => println!(
                        "  {number} {name}: {} {}, {:.1} MiB",
                        page::plain(row.measure.of(sample).unwrap_or(f64::NAN)),
                        row.measure.name(),
                        sample.memory_mib()
                    ),
                    Err(error) => println!("  {number} {name}: failed: {error:#}"),
                }
                results.measured.push(Run::new(row.id, name, number, outcome));
            }
        }
    }
    Ok(results)
}

fn write_page(results: &Results, file: &Path) -> Result<()> {
    let full = fs::canonicalize(file).with_context(|| format!("looking up {}", file.display()))?;
    let shown =
        full.strip_prefix(paths::root()).context("the page names its results, so they must lie in the repository")?;
    let notes = fs::read_to_string(paths::root().join(NOTES)).unwrap_or_default();
    let page = page::page(results, &shown.to_string_lossy(), &notes);
    for (path, text) in [(PAGE, page), (PLOT, plot::svg(results))] {
        fs::write(paths::root().join(path), text).with_context(|| format!("writing {path}"))?;
        println!("wrote {path}");
    }
    Ok(())
}

fn check(results: &Results) -> Result<()> {
    let missed = page::missed(results);
    ensure!(missed.is_empty(), "targets that are not met:\n{}", missed.join("\n"));
    Ok(())
}

const PAGE: &str = "docs/performance.md";
const PLOT: &str = "docs/performance.svg";
/// Written by hand; it becomes the page's end.
const NOTES: &str = "docs/performance-notes.md";
/// With fewer, a median says little.
const RUNS_MIN: u32 = 5;
const SECONDS_MIN: u32 = 2;
