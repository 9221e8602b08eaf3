//! Conformance: the release build against a real Redis, Redis's own tests and real clients.
//!
//! The parts live in `conformance/` and start their servers themselves; this builds what they test and installs what
//! they need.

use std::process::Command;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::paths;
use crate::process::{cargo, command, run};
use crate::setup::{self, NODE, PYTHON, REDIS, TCL};
use crate::steps::{Failed, Steps};

/// A part of the conformance tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The same requests to Fanfare and to a real Redis; every byte of the answers is compared.
    Differential,
    /// Units of Redis's own test suite.
    Tcl,
    /// Clients in Python, JavaScript and Rust.
    Clients,
    /// One order per channel for all subscribers, and exact counts, under load.
    Order,
    /// A server that is killed in the middle of writes, and every write accounted for.
    Durability,
    /// Subscribers that don't read disturb nobody, and are dealt with as their policy says.
    #[value(name = "slow_subscribers", alias = "slow-subscribers")]
    SlowSubscribers,
}

/// The server under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Target {
    /// The release build.
    Fanfare,
    /// The `redis-server` on the search path: whether the tests themselves are right.
    Redis,
}

/// Which parts to run, and against what.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Selection {
    /// The part to run; all of them if none is given.
    part: Option<Part>,
    /// The server under test.
    #[arg(long, default_value = "fanfare")]
    target: Target,
}

impl Selection {
    /// Everything, against Fanfare.
    pub(crate) const fn all() -> Self {
        Self { part: None, target: Target::Fanfare }
    }

    /// Runs the selected parts.
    pub(crate) fn run(self, steps: &mut Steps) -> Result<(), Failed> {
        steps.run("conformance: build", build)?;
        for part in Part::value_variants() {
            if self.part.is_none_or(|only| only == *part) {
                steps.run(&format!("conformance: {}", part.name()), || part.run(self.target))?;
            }
        }
        Ok(())
    }
}

impl Part {
    const fn name(self) -> &'static str {
        match self {
            Self::Differential => "differential",
            Self::Tcl => "tcl",
            Self::Clients => "clients",
            Self::Order => "order",
            Self::Durability => "durability",
            Self::SlowSubscribers => "slow_subscribers",
        }
    }

    fn run(self, target: Target) -> Result<()> {
        match self {
            Self::Differential => differential(target),
            Self::Tcl => {
                setup::need(TCL)?;
                run(on(target, command("bash").args(["conformance/tcl/run", "--target", target.name()])))
            }
            Self::Clients => clients(target),
            Self::Durability => durability(target),
            Self::Order | Self::SlowSubscribers => {
                run(on(target, test(&["--test", self.name()]).args(["--", "--nocapture"])))
            }
        }
    }
}

impl Target {
    /// As the conformance programs spell it.
    const fn name(self) -> &'static str {
        match self {
            Self::Fanfare => "fanfare",
            Self::Redis => "redis",
        }
    }
}

fn build() -> Result<()> {
    setup::need(REDIS)?;
    run(&mut cargo(&["build", "--release", "-p", "fanfare-cli"]))
}

/// The harness's own tests and a short comparison with one worker and with several, then a long one, and one with
/// restarts; Redis does not keep all of a stream.
fn differential(target: Target) -> Result<()> {
    if target == Target::Fanfare {
        run(on(target, &mut test(&["--lib", "--test", "differential"])))?;
    }
    let differential = |arguments: &[&str]| {
        let mut program = cargo(&["run", "--release", "-p", "fanfare-conformance", "--bin", "differential", "--"]);
        run(on(target, program.args(["--target", "redis", target.name()]).args(arguments)))
    };
    differential(&["--sequences", SEQUENCES])?;
    if target == Target::Redis {
        return Ok(());
    }
    differential(&["--keys", "--restart-every", "5", "--sequences", "300"])
}

/// A dozen crashes for each promise, then a few damaged files; Redis does not notice every damage.
fn durability(target: Target) -> Result<()> {
    let durability = |arguments: &[&str]| {
        let mut program = cargo(&["run", "--release", "-p", "fanfare-conformance", "--bin", "durability", "--"]);
        run(on(target, program.args(arguments).args(["--target", target.name()])))
    };
    for appendfsync in ["always", "everysec"] {
        durability(&["--rounds", "12", "--appendfsync", appendfsync])?;
    }
    if target == Target::Fanfare { durability(&["damage", "--count", "30"]) } else { Ok(()) }
}

/// Programs in other languages fetch their client libraries themselves.
fn clients(target: Target) -> Result<()> {
    setup::need(PYTHON)?;
    setup::need(NODE)?;
    setup::python_environments()?;
    run(on(target, command("python3").args(["conformance/clients/run.py", "--target", target.name()])))?;
    run(on(target, &mut test(&["--test", "redis_rs"])))
}

fn test(arguments: &[&str]) -> Command {
    let mut test = cargo(&["test", "--release", "-p", "fanfare-conformance"]);
    test.args(arguments);
    test
}

/// Tells a conformance program what to test.
fn on(target: Target, command: &mut Command) -> &mut Command {
    if target == Target::Redis {
        command.env("FANFARE_TARGET", target.name());
    }
    command.env("FANFARE_BIN", paths::release_program())
}

/// Takes about a minute.
const SEQUENCES: &str = "10000";
