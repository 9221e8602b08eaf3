//! Fuzzing for a bounded time: all targets are built, then each runs.

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::paths;
use crate::process::{cargo, output, run, succeeds};
use crate::setup::{self, COMPILER};
use crate::steps::{Failed, Steps};

/// Builds all targets and runs each for `seconds`.
pub(crate) fn run_all(steps: &mut Steps, seconds: u32) -> Result<(), Failed> {
    let mut targets = Vec::new();
    steps.run("fuzz: build", || {
        targets = build()?;
        Ok(())
    })?;
    for target in &targets {
        steps.run(&format!("fuzz: {target}"), || run_one(target, seconds))?;
    }
    Ok(())
}

/// Builds the targets; returns their names.
fn build() -> Result<Vec<String>> {
    ensure!(
        succeeds(&mut cargo(&["+nightly", "--version"])),
        "fuzzing needs a nightly compiler: `rustup toolchain install nightly`"
    );
    setup::need(COMPILER)?;
    if !succeeds(&mut cargo(&["+nightly", "fuzz", "--version"])) {
        run(&mut cargo(&["install", "--locked", "cargo-fuzz"]))?;
    }
    let listed = output(&mut cargo(&["+nightly", "fuzz", "list"]))?;
    let targets: Vec<String> = listed.split_whitespace().map(str::to_owned).collect();
    ensure!(!targets.is_empty(), "there are no fuzz targets");
    run(&mut cargo(&["+nightly", "fuzz", "build"]))?;
    Ok(targets)
}

fn run_one(target: &str, seconds: u32) -> Result<()> {
    // What the fuzzer finds goes into the first folder, which git does not see; the seeds stay as they are.
    let found = format!("fuzz/corpus-run/{target}");
    fs::create_dir_all(paths::root().join(&found)).with_context(|| format!("creating {found}"))?;
    let seeds = format!("fuzz/corpus/{target}");
    let limit = format!("-max_total_time={seconds}");
    let mut fuzz = cargo(&["+nightly", "fuzz", "run", target, &found]);
    if paths::root().join(&seeds).is_dir() {
        fuzz.arg(&seeds);
    }
    run(fuzz.args(["--", &limit, "-verbosity=0", "-print_final_stats=1"]))
}
