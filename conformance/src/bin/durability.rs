//! The durability test from the command line: `durability --rounds 200 --appendfsync everysec`.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "a program that reports to its caller")]

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use fanfare_conformance::durability::{self, Appendfsync, Options, Report, damage};
use fanfare_conformance::server::Target;

/// Ends a server in the middle of writes, again and again, and accounts for each write.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    damage: Option<Damage>,
    /// How often the server is ended.
    #[arg(long, default_value_t = 200)]
    rounds: u64,
    /// When the server syncs its log: `always`, `everysec` or `no`.
    #[arg(long, default_value = "always")]
    appendfsync: Appendfsync,
    /// What is expected of the server, if not the same: to see the test fail.
    #[arg(long)]
    expect: Option<Appendfsync>,
    /// How many clients write.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..))]
    clients: u16,
    /// The most writes that a client sends before it reads their replies.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    pipeline: u16,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Subcommand)]
enum Damage {
    /// Changes one byte of a closed store, or cuts its end off: the server must refuse it, or nothing be missing.
    Damage {
        /// How often.
        #[arg(long, default_value_t = 100)]
        count: u64,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Debug, clap::Args)]
struct Common {
    /// The server: `fanfare` or `redis`.
    #[arg(long, default_value = "fanfare")]
    target: Target,
    /// Where chance begins.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Further arguments of the server.
    #[arg(last = true)]
    server: Vec<String>,
}

fn main() -> ExitCode {
    let Arguments { damage, rounds, appendfsync, expect, clients, pipeline, common } = Arguments::parse();
    let options = |Common { target, seed, server }: Common, rounds| Options {
        target,
        rounds,
        appendfsync,
        expect: expect.unwrap_or(appendfsync),
        seed,
        clients: clients.into(),
        pipeline: pipeline.into(),
        server,
    };
    match damage {
        None => crash(&options(common, rounds)),
        Some(Damage::Damage { count, common }) => damage_store(&options(common, damage::ROUNDS), count),
    }
}

fn crash(options: &Options) -> ExitCode {
    let mut last = Report::default();
    let result = durability::run(options, |report| {
        last = *report;
        if report.rounds.is_multiple_of(20) {
            println!("{} rounds, {} writes acknowledged", report.rounds, report.acknowledged);
        }
    });
    let (failed, code) = outcome(result);
    println!("{} rounds passed, {failed} failed, {last}", last.rounds);
    code
}

fn damage_store(options: &Options, count: u64) -> ExitCode {
    let mut last = damage::Report::default();
    let result = damage::run(options, count, |report| last = *report);
    let (failed, code) = outcome(result);
    let damage::Report { refused, unharmed } = last;
    println!("{} passed ({refused} refused, {unharmed} unharmed), {failed} failed", refused + unharmed);
    code
}

/// Says what is wrong, if anything.
fn outcome(result: anyhow::Result<()>) -> (u8, ExitCode) {
    match result {
        Ok(()) => (0, ExitCode::SUCCESS),
        Err(error) => {
            println!("{error:#}");
            (1, ExitCode::FAILURE)
        }
    }
}
