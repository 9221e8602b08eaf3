//! A closed store with one byte changed, or its end cut off: it must be refused, or nothing of it be missing.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};

use super::check::difference;
use super::observe::observe;
use super::state::State;
use super::{Crashes, Options, arguments, refs};
use crate::rng::Rng;
use crate::server::{NotReady, Server};

/// Enough rounds for a store with all kinds of keys, a base and a log.
pub const ROUNDS: u64 = 3;

/// How the server has taken it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report {
    /// It did not start, and said which file is damaged.
    pub refused: u64,
    /// It started, with everything there.
    pub unharmed: u64,
}

/// Damages a store `count` times, each time as it was at first; `progress` is called after each.
///
/// # Errors
///
/// If anything is missing or otherwise in a server that started, or one that did not start does not name the file.
pub fn run(options: &Options, count: u64, mut progress: impl FnMut(&Report)) -> Result<()> {
    let mut crashes = Crashes::start(options.clone())?;
    for round in 1..=options.rounds {
        crashes.round(round)?;
    }
    let status = crashes.server.terminate()?;
    ensure!(status.success(), "after SIGTERM it ended with {status}");
    let files = files_of(crashes.folder.path())?;
    ensure!(!files.is_empty(), "the server has left no files");

    let mut report = Report::default();
    for number in 1..=count {
        let folder = tempfile::Builder::new().prefix("fanfare-damage-").tempdir()?;
        for (path, bytes) in &files {
            let copy = folder.path().join(path);
            fs::create_dir_all(copy.parent().context("a file lies in a folder")?)?;
            fs::write(copy, bytes)?;
        }
        let (file, how) = damage(&mut crashes.rng, &files, folder.path())?;
        let is_refused = match start(options, folder.path(), &file, &crashes.states, &mut crashes.rng) {
            Ok(is_refused) => is_refused,
            Err(error) => {
                let folder = folder.keep();
                let what = format!("damage {number}, seed {}, folder {}: {how}", options.seed, folder.display());
                return Err(error.context(what));
            }
        };
        *(if is_refused { &mut report.refused } else { &mut report.unharmed }) += 1;
        progress(&report);
    }
    Ok(())
}

/// All files under `folder`, by their paths in it.
fn files_of(folder: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = PathBuf::from(path.file_name().context("a file has a name")?);
        if path.is_dir() {
            files.extend(files_of(&path)?.into_iter().map(|(inner, bytes)| (name.join(inner), bytes)));
        } else {
            files.push((name, fs::read(&path)?));
        }
    }
    files.sort();
    Ok(files)
}

/// Damages one of the files in `folder`; returns it and what was done.
fn damage(rng: &mut Rng, files: &[(PathBuf, Vec<u8>)], folder: &Path) -> Result<(PathBuf, String)> {
    let whole: Vec<_> = files.iter().filter(|(_, bytes)| !bytes.is_empty()).collect();
    ensure!(!whole.is_empty(), "all files are empty");
    let (path, bytes) = *rng.pick(&whole);
    let mut bytes = bytes.clone();
    let mut at = rng.below(bytes.len());
    let how = if rng.one_in(10) {
        bytes.truncate(at);
        format!("{} cut off at {at}", path.display())
    } else {
        // Much of a file may be unused, and is zero; half of the time it shall be something in use.
        if rng.one_in(2) {
            at = (0..1000).map(|_| rng.below(bytes.len())).find(|&at| bytes[at] != 0).unwrap_or(at);
        }
        let mask = 1 + rng.below(255) as u8;
        bytes[at] ^= mask;
        format!("{}, byte {at} of {} changed by {mask:#04x}", path.display(), bytes.len())
    };
    fs::write(folder.join(path), bytes)?;
    Ok((path.clone(), how))
}

/// Starts a server on the damaged store; returns whether it refused.
fn start(options: &Options, folder: &Path, file: &Path, states: &[State], rng: &mut Rng) -> Result<bool> {
    match Server::start(&options.target, &refs(&arguments(options, folder, rng))) {
        Ok(server) => {
            let all = observe(server.address(), states.len())?;
            for (state, observed) in states.iter().zip(&all) {
                let keys = state.keys().chain(observed.entries.keys());
                if let Some(key) = keys.into_iter().find(|key| !observed.agrees(key, state.get(*key))) {
                    bail!("it started all the same, with {}", difference(key, state.get(key), observed));
                }
            }
            Ok(false)
        }
        Err(error) => {
            let refusal: NotReady = error.downcast()?;
            let status = refusal.status.ok_or_else(|| anyhow!("it neither started nor ended: {refusal}"))?;
            ensure!(status.code().is_some_and(|code| code != 0), "it ended with {status}: {}", refusal.said);
            let name = file.file_name().context("a file has a name")?.to_string_lossy();
            ensure!(refusal.said.contains(&*name), "it did not name {name}: {}", refusal.said);
            ensure!(!refusal.said.contains("panicked"), "it panicked: {}", refusal.said);
            Ok(true)
        }
    }
}
