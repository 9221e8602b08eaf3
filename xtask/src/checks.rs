//! The checks of the source itself: format, lints, documentation, tests, models.

use std::env;

use anyhow::{Result, ensure};

use crate::paths;
use crate::process::{cargo, output, run, succeeds};

pub(crate) fn format() -> Result<()> {
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    // The fuzz targets are a workspace of their own.
    run(&mut cargo(&["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"]))
}

pub(crate) fn clippy() -> Result<()> {
    run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

pub(crate) fn documentation() -> Result<()> {
    run(cargo(&["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", with_flags("RUSTDOCFLAGS", "-D warnings")))
}

/// Unit, integration and documentation tests; conformance is a step of its own, since it needs the release build.
pub(crate) fn tests() -> Result<()> {
    if !succeeds(&mut cargo(&["nextest", "--version"])) {
        return run(&mut cargo(&["test", "--workspace", "--exclude", CONFORMANCE]));
    }
    run(&mut cargo(&["nextest", "run", "--workspace", "--exclude", CONFORMANCE]))?;
    run(&mut cargo(&["test", "--workspace", "--exclude", CONFORMANCE, "--doc"]))
}

/// The models live among the unit tests and need a build of their own, with loom's locks and atomics.
pub(crate) fn loom() -> Result<()> {
    let with_loom = |arguments: &[&str]| {
        let mut cargo = cargo(&["test", "-p", "fanfare-fanout", "--release", "--lib", "loom_tests"]);
        cargo.args(arguments);
        cargo.env("RUSTFLAGS", with_flags("RUSTFLAGS", "--cfg loom"));
        cargo.env("CARGO_TARGET_DIR", paths::target().join("loom"));
        cargo
    };
    let models = output(&mut with_loom(&["--", "--list"]))?;
    // A filter that fits nothing would pass.
    ensure!(models.contains(": test"), "there is no test of the name `loom_tests`");
    run(&mut with_loom(&[]))
}

/// What the caller has in this variable of flags, and ours.
fn with_flags(variable: &str, flags: &str) -> String {
    env::var(variable).map_or_else(|_| flags.to_owned(), |given| format!("{given} {flags}"))
}

const CONFORMANCE: &str = "fanfare-conformance";
