//! What was measured on, with and when.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::thread;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::process::{command, output, quoted};

/// The machine, as far as it counts for the numbers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Machine {
    /// The processor's model.
    pub(super) cpu: String,
    pub(super) cores: usize,
    /// System and version of its kernel.
    pub(super) kernel: String,
}

impl Machine {
    /// The one this runs on.
    ///
    /// # Errors
    /// If the number of cores can't be found out.
    pub(super) fn this() -> Result<Self> {
        let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpus.lines().find_map(|line| Some(line.strip_prefix("model name")?.split_once(':')?.1.trim()));
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Ok(Self {
            cpu: model.unwrap_or("unknown").to_owned(),
            cores: thread::available_parallelism().context("the number of cores is unknown")?.get(),
            kernel: format!("{} {}", env::consts::OS, release.trim()),
        })
    }
}

/// The day by the system's clock, as `2026-01-31`.
pub(super) fn today() -> Result<String> {
    Ok(output(command("date").arg("+%F"))?.trim().to_owned())
}

/// The commit that was built; `-dirty` if the tree differs from it.
pub(super) fn commit() -> String {
    let described = output(command("git").args(["describe", "--always", "--dirty", "--abbrev=12"]));
    described.map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
}

/// How this task was called.
pub(super) fn this_command() -> String {
    let words: Vec<OsString> = ["cargo".into(), "xtask".into()].into_iter().chain(env::args_os().skip(1)).collect();
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// The unit in which the kernel counts CPU time.
pub(super) fn ticks_per_s() -> Result<f64> {
    output(command("getconf").arg("CLK_TCK"))?.trim().parse().context("`getconf CLK_TCK` gave no number")
}
