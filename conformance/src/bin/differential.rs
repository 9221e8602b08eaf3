//! The differential test from the command line: `differential --sequences 10000 --target redis fanfare`.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "a program that reports to its caller")]

use std::num::NonZeroU64;

use clap::Parser;
use fanfare_conformance::differential::{self, SequenceKind};
use fanfare_conformance::server::Target;

/// Sends the same commands to two servers and compares every answer.
#[derive(Debug, Parser)]
struct Arguments {
    /// The reference and the server under test: `redis`, `fanfare` or the address of one that runs.
    #[arg(long, num_args = 2, default_values = ["redis", "fanfare"])]
    target: Vec<Target>,
    /// Commands on keys and their events, instead of subscriptions and publications.
    #[arg(long)]
    keys: bool,
    /// Lets the server under test keep its keys, ends it behind every Nth sequence and starts it again.
    #[arg(long, value_name = "N", requires = "keys")]
    restart_every: Option<NonZeroU64>,
    /// How many sequences.
    #[arg(long, default_value_t = 10_000)]
    sequences: u64,
    /// The first seed; sequence N has the seed after it by N.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Goes on after a difference, with the next seed, up to this many differences.
    #[arg(long, default_value_t = 1)]
    differences: u64,
    /// Further arguments of the server under test.
    #[arg(last = true)]
    server: Vec<String>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let server: Vec<&str> = arguments.server.iter().map(String::as_str).collect();
    let kind = if arguments.keys { SequenceKind::Keys } else { SequenceKind::Channels };
    let [reference, subject] = arguments.target.as_slice() else { anyhow::bail!("two targets are compared") };
    let (mut seed, mut left) = (arguments.seed, arguments.sequences);
    let (mut passed, mut failed) = (0, 0);
    while left > 0 && failed < arguments.differences {
        let mut done = 0;
        let progress = |count| {
            done = count;
            if count % 1000 == 0 {
                println!("{count} sequences");
            }
        };
        let result = match arguments.restart_every {
            Some(every) => differential::run_restarting(reference, subject, &server, every, seed, left, progress),
            None => differential::run(kind, reference, subject, &server, seed, left, progress),
        };
        passed += done;
        if let Err(error) = result {
            failed += 1;
            println!("{error:#}");
            done += 1;
        }
        seed = seed.wrapping_add(done);
        left -= done;
    }
    println!("{passed} passed, {failed} failed");
    anyhow::ensure!(failed == 0, "the servers differ");
    Ok(())
}
