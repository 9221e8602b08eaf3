//! Comparison: the release build beside a real Redis, with the same load on the same cores.
//!
//! The server has one core and the load another. The runs are interleaved, so that whatever else the machine does hits
//! all servers alike, and each has a server of its own, so that nothing is left over from the one before. What a server
//! can't stand is written down as failed and is no reason to stop.

mod load;
mod machine;
mod page;
mod results;
mod server;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use self::load::Row;
use self::machine::Machine;
use self::results::{Results, Run};
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
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=3600))]
    seconds: u32,
    /// The servers by name, with commas between; by default all that are there.
    #[arg(long, value_delimiter = ',')]
    servers: Vec<String>,
    /// The rows, with commas between; by default all.
    #[arg(long, value_delimiter = ',', value_parser = load::ids())]
    rows: Vec<String>,
    /// One more server that takes redis-server's options, such as `valkey=/opt/valkey/bin/valkey-server`.
    #[arg(long = "peer", value_name = "NAME=PATH", value_parser = server::peer)]
    peers: Vec<(String, PathBuf)>,
    /// Measures Fanfare with one worker per core as well; it then shares the load's core.
    #[arg(long)]
    all_cores: bool,
    /// Fails if a target is missed.
    #[arg(long)]
    check: bool,
    /// Measures nothing and writes the page from these results.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["runs", "seconds", "servers", "rows", "peers", "all_cores"])]
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
        steps.run("build", || run_command(&mut cargo(&["build", "--release", "-p", "fanfare-cli"])))?;
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
    let rows: Vec<&Row> =
        load::ROWS.iter().filter(|row| options.rows.is_empty() || options.rows.iter().any(|id| id == row.id)).collect();
    let machine = Machine::this()?;
    ensure!(machine.cores >= 2, "the server and the load need a core each; this machine has one");
    ensure!(
        paths::on_search_path("taskset").is_some(),
        "`taskset` is missing: install util-linux, it pins the server and the load to a core each"
    );
    let servers = chosen(server::available(&options.peers, options.all_cores, machine.cores), &options.servers)?;
    let results = measure(options, machine, &servers, &rows)?;

    // A trial must not replace what was measured in full.
    let trial = options.runs < RUNS_MIN || rows.len() < load::ROWS.len();
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
    };
    let ticks_per_s = machine::ticks_per_s()?;
    for row in rows {
        println!("\n{}", row.title);
        for number in 1..=options.runs {
            for server in servers {
                let outcome = load::measure(server, row, options.seconds, ticks_per_s);
                let name = &server.name;
                match &outcome {
                    Ok(sample) => println!(
                        "  {number} {name}: {} deliveries/s, {:.3} CPU s per million, {:.1} MiB",
                        page::grouped(sample.deliveries_per_s),
                        sample.cpu_s_per_million(),
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
    fs::write(paths::root().join(PAGE), page::page(results, &shown.to_string_lossy()))
        .with_context(|| format!("writing {PAGE}"))?;
    println!("wrote {PAGE}");
    Ok(())
}

fn check(results: &Results) -> Result<()> {
    let missed = page::missed(results);
    ensure!(missed.is_empty(), "targets that are not met:\n{}", missed.join("\n"));
    Ok(())
}

const PAGE: &str = "docs/performance.md";
/// With fewer, a median says little.
const RUNS_MIN: u32 = 5;
