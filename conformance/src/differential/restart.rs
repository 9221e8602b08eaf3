//! Restarts of the server under test, which must hold the same keys afterwards.

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Result, ensure};
use tempfile::TempDir;

use super::contents::{Between, Contents, Difference};
use crate::connection::{Connection, WAIT_MAX};
use crate::rng::Rng;
use crate::server::{NotReady, Server, Target};

/// How the server is ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    /// SIGKILL, as a crash.
    Kill,
    /// SIGTERM.
    Terminate,
}

/// What of a save there is when the server is ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum LastSave {
    /// What the steps have left of one: it comes back from there and from the log behind it.
    Earlier,
    /// It has just begun.
    Begun,
    /// It is complete: everything comes back from there.
    Complete,
}

/// What happens to the server in and behind one sequence; its seed decides.
#[derive(Clone, Debug, Default)]
struct Plan {
    /// The step before which all keys are saved anew.
    save_before: Option<usize>,
    /// How the server is ended behind the last step, once after the other: what came back must come back again.
    ends: Vec<(LastSave, End)>,
}

/// A server under test that keeps its keys in a folder, and is ended and started again between sequences.
#[derive(Debug)]
pub struct Restarts {
    target: Target,
    further: Vec<String>,
    folder: TempDir,
    server: Server,
    plan: Plan,
}

impl Restarts {
    /// Starts the server on an empty folder; every write it acknowledges has to survive.
    ///
    /// # Errors
    ///
    /// If it does not start, or is one that somebody else started.
    pub fn start(target: &Target, further: &[&str]) -> Result<Self> {
        ensure!(!matches!(target, Target::Running(_)), "a server that somebody else started cannot be restarted");
        let further: Vec<String> = further.iter().map(|&argument| argument.to_owned()).collect();
        let folder = new_folder()?;
        let server = start(target, &folder, &further)?;
        Ok(Self { target: target.clone(), further, folder, server, plan: Plan::default() })
    }

    /// Where the server listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Sets what happens in the sequence of `seed`, and whether the server is restarted behind it.
    pub fn plan(&mut self, seed: u64, is_restarted: bool) {
        // Other numbers than those that make the sequence.
        let mut rng = Rng::new(!seed);
        let save_before = rng.one_in(2).then(|| rng.below(25));
        let count = if is_restarted { 1 + rng.below(2) } else { 0 };
        let end = |rng: &mut Rng| {
            let last_save = *rng.pick(&[LastSave::Earlier, LastSave::Begun, LastSave::Complete]);
            (last_save, *rng.pick(&[End::Kill, End::Terminate]))
        };
        let ends = (0..count).map(|_| end(&mut rng)).collect();
        self.plan = Plan { save_before, ends };
    }

    /// Asks for a save if the plan says so before this step.
    pub(super) fn before_step(&self, step: usize, control: &mut Connection) -> Result<()> {
        if self.plan.save_before == Some(step) { save(control) } else { Ok(()) }
    }

    /// Whether the plan has a restart.
    pub(super) fn is_due(&self) -> bool {
        !self.plan.ends.is_empty()
    }

    /// Restarts the server as planned; where and how what it holds differs, then or before.
    pub(super) fn restart(&mut self, reference: SocketAddr) -> Result<Option<Difference>> {
        let before = Contents::read(self.server.address())?;
        let differs = Contents::read(reference)?.difference(&before, Between::Servers);
        if let Some((place, contents)) = differs {
            return Ok(Some((format!("{place}, before a restart"), contents)));
        }
        for (last_save, end) in self.plan.ends.clone() {
            let mut control = Connection::open(self.server.address())?;
            if last_save != LastSave::Earlier {
                save(&mut control)?;
            }
            if last_save == LastSave::Complete {
                wait_for_save(&mut control)?;
            }
            if let Some(difference) = self.restart_once(end, &before)? {
                return Ok(Some(difference));
            }
        }
        Ok(None)
    }

    fn restart_once(&mut self, end: End, before: &Contents) -> Result<Option<Difference>> {
        match end {
            End::Kill => self.server.kill()?,
            End::Terminate => {
                let status = self.server.terminate()?;
                ensure!(status.success(), "after SIGTERM it ended with {status}");
            }
        }
        match start(&self.target, &self.folder, &self.further) {
            Ok(server) => self.server = server,
            Err(error) => {
                let not_ready = error.downcast::<NotReady>()?;
                let place = format!("the start after {end:?} on {}", self.start_afresh()?);
                return Ok(Some((place, [b"<ready>".to_vec(), not_ready.to_string().into_bytes()])));
            }
        }
        let after = Contents::read(self.server.address())?;
        let differs = before.difference(&after, Between::Restart);
        Ok(differs.map(|(place, contents)| (format!("{place}, before and after {end:?}"), contents)))
    }

    /// Goes on in another folder; returns the one so far, which is left for whoever wants to look into it.
    fn start_afresh(&mut self) -> Result<String> {
        let mut old = std::mem::replace(&mut self.folder, new_folder()?);
        self.server = start(&self.target, &self.folder, &self.further)?;
        old.disable_cleanup(true);
        Ok(old.path().display().to_string())
    }
}

/// Asks for a save; refused if one is under way, which is as good.
fn save(control: &mut Connection) -> Result<()> {
    control.call(&["BGREWRITEAOF"])?;
    Ok(())
}

/// Returns once no save is under way.
fn wait_for_save(control: &mut Connection) -> Result<()> {
    let start = Instant::now();
    loop {
        let info = control.call(&["INFO", "persistence"])?;
        if String::from_utf8_lossy(info.bytes()).contains("aof_rewrite_in_progress:0") {
            return Ok(());
        }
        ensure!(start.elapsed() < WAIT_MAX, "the save takes longer than {WAIT_MAX:?}");
    }
}

fn new_folder() -> Result<TempDir> {
    Ok(tempfile::Builder::new().prefix("fanfare-differential-").tempdir()?)
}

/// Starts the server on a folder, on any port: the one it had may be somebody else's by then.
fn start(target: &Target, folder: &TempDir, further: &[String]) -> Result<Server> {
    let path = folder.path().display().to_string();
    let mut words = if *target == Target::Redis { vec!["--appendonly", "yes", "--dir"] } else { vec!["--data-dir"] };
    // So small a log is rewritten now and then without being asked.
    words.extend([&path, "--appendfsync", "always"]);
    words.extend(["--auto-aof-rewrite-min-size", "64kb", "--auto-aof-rewrite-percentage", "50"]);
    words.extend(further.iter().map(String::as_str));
    Server::start(target, &words)
}
