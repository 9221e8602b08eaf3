//! The gate of instruction counts: what the steps of the hot path cost, against the baseline in the repository.
//!
//! Valgrind's callgrind runs a plain program and this reads the total. Gungraun (once iai-callgrind) would do the
//! same with a runner of its own to be built on each machine, and compares with that machine's last run; a baseline
//! that comes with the source needs neither.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::paths;
use crate::process::{cargo, command, output};
use crate::setup::{self, VALGRIND};

/// A step may cost so much more than its baseline; one that costs so much less has outdated it.
const PERCENT_MAX: u64 = 10;

/// The function between whose entry and exit is counted.
const COUNTED: &str = "instructions::counted*";

/// The C library picks its copying loops by the processor, and callgrind counts each round of `rep movsb`: these
/// leave the one variant that every x86-64 has.
const GLIBC_TUNABLES: &str = "glibc.cpu.hwcaps=-AVX2,-ERMS,-AVX512VL,-AVX_Fast_Unaligned_Load";

type Counts = BTreeMap<String, u64>;

/// Instructions of one operation of each step, and what they were counted with.
#[derive(Debug, Serialize, Deserialize)]
struct Baseline {
    rustc: String,
    target: String,
    profile: String,
    instructions: Counts,
}

/// Counts, and compares with the baseline; `write` makes a new baseline instead.
pub(crate) fn run(write: bool) -> Result<()> {
    ensure!(cfg!(all(target_arch = "x86_64", target_os = "linux")), "the baseline is one of x86-64 Linux");
    setup::need(VALGRIND)?;
    let rustc = output(command("rustc").arg("--version"))?.trim_end().to_owned();
    let counts = count(&build()?)?;
    let path = paths::root().join("bench/instructions.json");
    if write {
        let target = "x86_64-linux".to_owned();
        let baseline = Baseline { rustc, target, profile: "bench".to_owned(), instructions: counts };
        let text = serde_json::to_string_pretty(&baseline)? + "\n";
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        println!("wrote {}", path.display());
        return Ok(());
    }
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let baseline: Baseline = serde_json::from_str(&text).with_context(|| format!("in {}", path.display()))?;
    let comparison = compare(&baseline.instructions, &counts);
    print!("{}", comparison.table);
    if rustc != baseline.rustc {
        println!("The baseline is of {}, this is {rustc}: the compiler alone may have changed counts.", baseline.rustc);
    }
    if !comparison.shrunk.is_empty() {
        println!(
            "More than {PERCENT_MAX} % less: {}. Run `cargo xtask instructions --write`, so that it stays so.",
            comparison.shrunk.join(", ")
        );
    }
    comparison.verdict()
}

/// Builds the program that has the steps, and returns where it is.
fn build() -> Result<PathBuf> {
    let arguments = ["bench", "-p", "fanfare-bench", "--bench", "instructions", "--no-run", "--message-format=json"];
    let messages = output(&mut cargo(&arguments))?;
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == "instructions")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .context("cargo named no executable of the bench `instructions`")
}

/// Instructions per operation of each step that the program lists.
fn count(program: &Path) -> Result<Counts> {
    let profiles = paths::target().join("instructions");
    fs::create_dir_all(&profiles).with_context(|| format!("creating {}", profiles.display()))?;
    println!("Profiles for `callgrind_annotate` go to {}.", profiles.display());
    let list = output(command(program).arg("--list"))?;
    list.lines()
        .map(|line| {
            let (name, operations) = line.split_once(' ').context("a line of the list is a name and a number")?;
            let profile = profiles.join(name.replace('/', "-"));
            let total = count_one(program, name, &profile).with_context(|| format!("counting {name}"))?;
            Ok((name.to_owned(), total / operations.parse::<u64>()?))
        })
        .collect()
}

fn count_one(program: &Path, name: &str, profile: &Path) -> Result<u64> {
    let counted = command("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no"])
        .arg(format!("--toggle-collect={COUNTED}"))
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(program)
        .arg(name)
        .env("GLIBC_TUNABLES", GLIBC_TUNABLES)
        .stdin(Stdio::null())
        .output()
        .context("valgrind did not start")?;
    ensure!(counted.status.success(), "{}\n{}", counted.status, String::from_utf8_lossy(&counted.stderr));
    let profile = fs::read_to_string(profile)?;
    let total = profile.lines().find_map(|line| line.strip_prefix("totals: ")).context("the profile has no total")?;
    let total = total.trim().parse()?;
    ensure!(total > 0, "nothing was counted: no function fits `{COUNTED}`");
    Ok(total)
}

/// What has become of each step.
#[derive(Debug, Default)]
struct Comparison {
    table: String,
    grown: Vec<String>,
    shrunk: Vec<String>,
    /// In the baseline but not among the steps any more.
    gone: Vec<String>,
    /// Without a baseline.
    new: Vec<String>,
}

fn compare(baseline: &Counts, now: &Counts) -> Comparison {
    let mut comparison = Comparison::default();
    let width = baseline.keys().chain(now.keys()).map(String::len).max().unwrap_or(0);
    let mut row = |name: &str, before: &str, after: &str, ratio: &str, note: &str| {
        let line = format!("{name:width$}  {before:>10}  {after:>10}  {ratio:>6}  {note}");
        comparison.table.push_str(line.trim_end());
        comparison.table.push('\n');
    };
    row("instructions per operation", "baseline", "now", "ratio", "");
    for (name, after) in now {
        let Some(before) = baseline.get(name) else {
            row(name, "-", &after.to_string(), "-", "no baseline");
            comparison.new.push(name.clone());
            continue;
        };
        let note = if after * 100 > before * (100 + PERCENT_MAX) {
            comparison.grown.push(name.clone());
            "GROWN"
        } else if after * 100 < before * (100 - PERCENT_MAX) {
            comparison.shrunk.push(name.clone());
            "shrunk"
        } else {
            ""
        };
        row(name, &before.to_string(), &after.to_string(), &format!("{:.3}", *after as f64 / *before as f64), note);
    }
    for (name, before) in baseline.iter().filter(|(name, _)| !now.contains_key(*name)) {
        row(name, &before.to_string(), "-", "-", "not counted any more");
        comparison.gone.push(name.clone());
    }
    comparison
}

impl Comparison {
    /// Fails with everything that has to be dealt with.
    fn verdict(&self) -> Result<()> {
        let mut complaints = Vec::new();
        let mut complain = |names: &[String], what: &str| {
            if !names.is_empty() {
                complaints.push(format!("{what}: {}", names.join(", ")));
            }
        };
        complain(&self.grown, &format!("more than {PERCENT_MAX} % over the baseline"));
        complain(&self.new, "without a baseline");
        complain(&self.gone, "in the baseline, but not counted any more");
        if complaints.is_empty() {
            return Ok(());
        }
        bail!("{}; if that is meant, run `cargo xtask instructions --write`", complaints.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(counts: &[(&str, u64)]) -> Counts {
        counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    #[test]
    fn a_tenth_more_passes_and_anything_above_fails() {
        let before = counts(&[("append", 1000), ("parse", 1000)]);
        assert!(compare(&before, &counts(&[("append", 1100), ("parse", 900)])).verdict().is_ok());
        let comparison = compare(&before, &counts(&[("append", 1101), ("parse", 899)]));
        assert_eq!(
            (&comparison.grown[..], &comparison.shrunk[..]),
            (&["append".to_owned()][..], &["parse".to_owned()][..])
        );
        let complaint = comparison.verdict().unwrap_err().to_string();
        assert!(complaint.starts_with("more than 10 % over the baseline: append; "), "{complaint}");
    }

    #[test]
    fn a_step_without_its_counterpart_fails() {
        let comparison = compare(&counts(&[("old", 10)]), &counts(&[("new", 10)]));
        let complaint = comparison.verdict().unwrap_err().to_string();
        assert!(
            complaint.starts_with("without a baseline: new; in the baseline, but not counted any more: old; "),
            "{complaint}"
        );
        assert_eq!(comparison.table.lines().count(), 3);
    }
}
