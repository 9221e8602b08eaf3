//! The project's own tasks: `cargo xtask test` sets up what is needed and holds the workspace to everything it promises.
//!
//! A task is a list of [`steps`]; each runs ordinary commands and prints them, so that any of them can be repeated by
//! hand. Nothing here is linked into what is shipped.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "the tasks report to a person at a terminal")]

mod checks;
mod compare;
mod conformance;
mod docs;
mod fuzz;
mod instructions;
mod paths;
mod process;
mod setup;
mod steps;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::conformance::Selection;
use crate::steps::Steps;

/// Fanfare's own tasks.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask", arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Sets up what the tests need and runs them all.
    Test {
        /// Leaves out the loom models and conformance.
        #[arg(long)]
        quick: bool,
    },
    /// Writes the pages that are generated from the tables of settings and commands.
    Docs {
        /// Writes nothing; fails if a page is not up to date.
        #[arg(long)]
        check: bool,
    },
    /// Holds the release build against a real Redis, Redis's own tests and real clients.
    Conformance(Selection),
    /// Builds the fuzz targets and runs each for some time.
    Fuzz {
        /// How long each target runs.
        #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
        seconds: u32,
    },
    /// Measures the release build beside a real Redis and other servers, and writes `docs/performance.md`.
    Compare(compare::Options),
    /// Counts the instructions of the hot path's steps; fails if one needs over 10 % more than its baseline.
    Instructions {
        /// Writes the baseline, `bench/instructions.json`, instead of comparing with it.
        #[arg(long)]
        write: bool,
    },
    /// Explores the interleavings of publishers and subscribers with loom.
    Loom,
    /// What the project's continuous integration runs: test, instruction counts, then a short fuzz run.
    Ci {
        /// How long each fuzz target runs.
        #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
        fuzz_seconds: u32,
    },
}

fn main() -> ExitCode {
    let mut steps = Steps::new();
    let result = match Arguments::parse().task {
        Task::Test { quick } => test(&mut steps, quick),
        Task::Docs { check: false } => steps.run("write the generated pages", docs::write),
        Task::Docs { check: true } => steps.run("generated pages are up to date", docs::check),
        Task::Conformance(selection) => selection.run(&mut steps),
        Task::Fuzz { seconds } => fuzz::run_all(&mut steps, seconds),
        Task::Compare(options) => compare::run(&mut steps, &options),
        Task::Instructions { write: false } => count_instructions(&mut steps),
        Task::Instructions { write: true } => {
            steps.run("write the baseline of instruction counts", || instructions::run(true))
        }
        Task::Loom => steps.run("loom models", checks::loom),
        Task::Ci { fuzz_seconds } => test(&mut steps, false)
            .and_then(|()| count_instructions(&mut steps))
            .and_then(|()| fuzz::run_all(&mut steps, fuzz_seconds)),
    };
    steps.summarise();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(steps::Failed) => ExitCode::FAILURE,
    }
}

fn count_instructions(steps: &mut Steps) -> Result<(), steps::Failed> {
    steps.run("instruction counts", || instructions::run(false))
}

fn test(steps: &mut Steps, quick: bool) -> Result<(), steps::Failed> {
    steps.run("toolchain", setup::toolchain)?;
    steps.run("format", checks::format)?;
    steps.run("generated pages are up to date", docs::check)?;
    steps.run("clippy", checks::clippy)?;
    steps.run("documentation", checks::documentation)?;
    steps.run("tests", checks::tests)?;
    if quick {
        return Ok(());
    }
    steps.run("loom models", checks::loom)?;
    Selection::all().run(steps)
}
