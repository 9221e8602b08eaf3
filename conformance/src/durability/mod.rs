//! Crashes, after each of which every write is accounted for.
//!
//! Clients write to a server that keeps its keys, until it is ended at a random moment; it is started again on the same
//! folder, everything is read back, and what is there must be what the first so many of each client's writes lead to
//! (`check.rs`): at least those that the server's `appendfsync` promises, none twice, none in part, none that was never
//! sent. Rounds go on with what is there, so the log grows and is rewritten. [`run`] does that; [`damage::run`] flips
//! bytes of a closed store.

mod check;
pub mod damage;
mod observe;
mod operation;
mod replay;
mod state;
mod write;

use std::fmt;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use tempfile::TempDir;

use self::check::survived;
use self::observe::observe;
use self::replay::Sent;
use self::state::State;
use self::write::{Publications, Round, Writer};
use crate::rng::Rng;
use crate::server::{Server, Target};

/// Clients write to that many databases.
const DATABASES: usize = 3;
/// The most that `everysec` and `no` may lose when the process is killed.
const LOSS_MAX: Duration = Duration::from_secs(1);
/// A round ends then at the latest, however slow the disk.
const ROUND_MAX: Duration = Duration::from_secs(20);
/// Every so many rounds the server is asked to end.
const TERMINATE_EVERY: u64 = 10;

/// When the server syncs its log, which says what must survive.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Appendfsync {
    /// Before a write is acknowledged: all of these survive.
    Always,
    /// Once a second: what was acknowledged longer than a second ago survives.
    Everysec,
    /// When the system likes; what the process has written survives the process, so as for `everysec`.
    No,
}

impl Appendfsync {
    const fn name(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Everysec => "everysec",
            Self::No => "no",
        }
    }

    const fn loss_max(self) -> Duration {
        match self {
            Self::Always => Duration::ZERO,
            Self::Everysec | Self::No => LOSS_MAX,
        }
    }
}

impl std::str::FromStr for Appendfsync {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Always, Self::Everysec, Self::No]
            .into_iter()
            .find(|value| value.name() == text)
            .ok_or_else(|| format!("{text:?} is neither `always`, `everysec` nor `no`"))
    }
}

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The server, which must be one to start.
    pub target: Target,
    /// How often it is ended.
    pub rounds: u64,
    /// What the server is told.
    pub appendfsync: Appendfsync,
    /// What is expected of it: the same, but for seeing that the check can fail.
    pub expect: Appendfsync,
    /// Where chance begins.
    pub seed: u64,
    /// How many clients write.
    pub clients: usize,
    /// The most writes that a client sends before it reads their replies.
    pub pipeline: usize,
    /// Further arguments of the server.
    pub server: Vec<String>,
}

/// What has been seen so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report {
    /// Rounds that passed.
    pub rounds: u64,
    /// Writes that were acknowledged.
    pub acknowledged: u64,
    /// Acknowledged writes that did not survive.
    pub lost: u64,
    /// The longest time before a crash at which such a write was acknowledged.
    pub worst_loss: Duration,
    /// Keys at the end.
    pub keys: usize,
    publications: Publications,
    slowest_start: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { acknowledged, lost, worst_loss, keys, publications, slowest_start, .. } = self;
        let Publications { count, slow, slowest } = publications;
        write!(
            out,
            "worst loss {} ms, {lost} of {acknowledged} acknowledged writes lost, {keys} keys, slowest start {} ms, \
             {count} messages published, {slow} of them answered after more than {} s (slowest {} ms)",
            worst_loss.as_millis(),
            slowest_start.as_millis(),
            write::SLOW.as_secs(),
            slowest.as_millis()
        )
    }
}

/// Runs all rounds; `progress` is called after each.
///
/// # Errors
///
/// At the first write that should have survived and has not, at the first key that is not what the writes lead to, or
/// if the server does not start or refuses something. It names the round and the folder, which is kept then.
pub fn run(options: &Options, mut progress: impl FnMut(&Report)) -> Result<()> {
    let mut crashes = Crashes::start(options.clone())?;
    for round in 1..=options.rounds {
        let result = crashes.round(round);
        if let Err(error) = result {
            let folder = crashes.keep();
            let Options { seed, appendfsync, .. } = options;
            let what = format!("round {round}, seed {seed}, appendfsync {}, folder {folder}", appendfsync.name());
            return Err(error.context(what));
        }
        progress(&crashes.report);
    }
    Ok(())
}

/// The database that a client writes to.
const fn database_of(client: usize) -> usize {
    client % DATABASES
}

/// What ends a round.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    Kill,
    Terminate,
}

/// A server with the clients that write to it, between two rounds.
#[derive(Debug)]
struct Crashes {
    options: Options,
    rng: Rng,
    folder: TempDir,
    server: Server,
    writers: Vec<Writer>,
    /// What each client left.
    states: Vec<State>,
    report: Report,
}

impl Crashes {
    fn start(options: Options) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("fanfare-durability-").tempdir()?;
        let mut rng = Rng::new(options.seed);
        let server = start(&options, folder.path(), &mut rng)?;
        let pipeline = options.pipeline;
        let writer = |client| Writer { client, rng: Rng::new(rng.next_u64()), pipeline, next_number: 1 };
        let writers = (0..options.clients).map(writer).collect();
        let states = vec![State::new(); options.clients];
        Ok(Self { options, rng, folder, server, writers, states, report: Report::default() })
    }

    /// Leaves the folder for whoever wants to look into it.
    fn keep(mut self) -> String {
        self.folder.disable_cleanup(true);
        self.folder.path().display().to_string()
    }

    fn round(&mut self, round: u64) -> Result<()> {
        let end = if round.is_multiple_of(TERMINATE_EVERY) { End::Terminate } else { End::Kill };
        let (sent, ended_at) = self.write_until(end)?;
        if self.rng.one_in(5) {
            let delay = Duration::from_micros(self.rng.below(50_000) as u64);
            let arguments = arguments(&self.options, self.folder.path(), &mut self.rng);
            Server::crash_while_starting(&self.options.target, &refs(&arguments), delay)?;
        }
        let start_at = Instant::now();
        self.server = start(&self.options, self.folder.path(), &mut self.rng)?;
        self.report.slowest_start = self.report.slowest_start.max(start_at.elapsed());
        self.check(&sent, end, ended_at)?;
        self.report.rounds += 1;
        Ok(())
    }

    /// Lets the clients write, and ends the server at some moment; returns what was sent, and when it was ended.
    fn write_until(&mut self, end: End) -> Result<(Vec<Vec<Sent>>, Instant)> {
        let (wanted, time_max) = self.moment();
        // A little later than the reply that makes the number full, which would always be the same moment.
        let delay = Duration::from_micros(self.rng.below(2000) as u64);
        let (end_tx, end_rx) = mpsc::sync_channel(1);
        let round = Round::new(wanted, end_tx);
        let address = self.server.address();
        let (server, writers) = (&mut self.server, &mut self.writers);
        let (sent, publications, ended_at) = thread::scope(|scope| {
            let writing: Vec<_> =
                writers.iter_mut().map(|writer| scope.spawn(|| writer.write(address, &round))).collect();
            let publishing = scope.spawn(|| Publications::publish(address, &round));
            if wanted > 0 {
                // Either it is time, or the number is full: both end the round.
                let _ = end_rx.recv_timeout(time_max);
            }
            thread::sleep(delay);
            round.set_over();
            let ended_at = Instant::now();
            let ended = match end {
                End::Kill => server.kill(),
                End::Terminate => server.terminate().and_then(|status| {
                    ensure!(status.success(), "after SIGTERM it ended with {status}");
                    Ok(())
                }),
            };
            let died = |_| anyhow!("a thread of the test died");
            let sent: Result<Vec<_>> = writing.into_iter().map(|thread| thread.join().map_err(died)?).collect();
            let publications = publishing.join().map_err(died)?;
            ended?;
            anyhow::Ok((sent?, publications?, ended_at))
        })?;
        let seen = &mut self.report.publications;
        seen.count += publications.count;
        seen.slow += publications.slow;
        seen.slowest = seen.slowest.max(publications.slowest);
        Ok((sent, ended_at))
    }

    /// After how many acknowledged writes, or how much time, the server is ended.
    fn moment(&mut self) -> (u64, Duration) {
        if self.options.appendfsync != Appendfsync::Always && self.rng.one_in(2) {
            return (u64::MAX, Duration::from_millis(self.rng.below(2500) as u64));
        }
        let most = *self.rng.pick(&[3, 300, 5000]);
        (self.rng.below(most) as u64, ROUND_MAX)
    }

    /// Compares what is there with what was sent, and goes on from it.
    fn check(&mut self, sent: &[Vec<Sent>], end: End, ended_at: Instant) -> Result<()> {
        let all = observe(self.server.address(), self.options.clients).context("reading everything back")?;
        // Who is asked to end loses nothing.
        let loss_max = if end == End::Kill { self.options.expect.loss_max() } else { Duration::ZERO };
        for (client, ((state, sent), observed)) in self.states.iter_mut().zip(sent).zip(&all).enumerate() {
            let survived =
                survived(client, state, sent, observed, ended_at).map_err(|difference| anyhow!("{difference}"))?;
            if survived.lost > 0 {
                let first = &sent[survived.kept];
                ensure!(
                    survived.loss < loss_max,
                    "client {client} has lost {} acknowledged writes after {:?}; the first, {:?}, was acknowledged \
                     {:.3} ms before the end, where {} ms are allowed",
                    survived.lost,
                    end,
                    first.operation,
                    survived.loss.as_secs_f64() * 1000.0,
                    loss_max.as_millis()
                );
            }
            self.report.acknowledged += sent.iter().filter(|write| write.answer.is_some()).count() as u64;
            self.report.lost += survived.lost as u64;
            self.report.worst_loss = self.report.worst_loss.max(survived.loss);
            *state = observed.state();
        }
        self.report.keys = self.states.iter().map(State::len).sum();
        Ok(())
    }
}

fn start(options: &Options, folder: &Path, rng: &mut Rng) -> Result<Server> {
    let arguments = arguments(options, folder, rng);
    Server::start(&options.target, &refs(&arguments))
}

fn refs(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

/// The server's arguments; mostly those with which it rewrites its log soon.
fn arguments(options: &Options, folder: &Path, rng: &mut Rng) -> Vec<String> {
    let mut words =
        if options.target == Target::Redis { vec!["--appendonly", "yes", "--dir"] } else { vec!["--data-dir"] };
    let folder = folder.display().to_string();
    words.extend([folder.as_str(), "--appendfsync", options.appendfsync.name()]);
    if !rng.one_in(4) {
        words.extend(["--auto-aof-rewrite-min-size", "256kb", "--auto-aof-rewrite-percentage", "50"]);
    }
    words.into_iter().map(str::to_owned).chain(options.server.iter().cloned()).collect()
}
