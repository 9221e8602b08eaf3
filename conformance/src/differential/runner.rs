//! Plays a sequence to both servers and compares.

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::canonical::equal;
use super::generate::{Sequence, SequenceKind, Step, sequence};
use super::model::{Effects, Op, Session};
use super::restart::Restarts;
use super::shrink;
use crate::connection::Connection;
use crate::frame::{Frame, command};

/// A server that has not answered a fence by then is taken not to answer it at all.
const ANSWER_MAX: Duration = Duration::from_secs(3);

/// From then on seconds that were counted from the beginning of a sequence may be rounded to others.
const LATE: Duration = Duration::from_millis(400);

/// What a MULTI inside a transaction is answered with; it changes nothing, so it serves as the fence there.
const NESTED_MULTI: &[u8] = b"-ERR MULTI calls can not be nested\r\n";

/// Two answers that differ.
#[derive(Clone, Debug)]
pub struct Mismatch {
    /// The index of the step.
    pub step: usize,
    /// Which connection got them, or which key it is.
    pub place: String,
    /// What the reference answered.
    pub reference: Vec<u8>,
    /// What the server under test answered.
    pub subject: Vec<u8>,
}

/// A sequence on which the servers differ.
#[derive(Debug)]
pub struct Failure {
    /// The seed to run again.
    pub seed: u64,
    /// The whole sequence.
    pub whole: Sequence,
    /// Whether the server under test keeps its keys.
    pub restarts: bool,
    /// The difference in it.
    pub first: Mismatch,
    /// The shortest sequence found that still differs, and how; or why there is none.
    pub shrunk: Result<(Sequence, Mismatch), String>,
}

impl std::error::Error for Failure {}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = match self.whole.kind {
            SequenceKind::Keys if self.restarts => "--keys --restart-every 1 ",
            SequenceKind::Keys => "--keys ",
            SequenceKind::Channels => "",
        };
        writeln!(out, "the servers differ; run again with {keys}--seed {} --sequences 1", self.seed)?;
        match &self.shrunk {
            Ok((sequence, mismatch)) => {
                writeln!(out, "shortest sequence that still differs:")?;
                write_sequence(out, sequence, mismatch.step)?;
                write_mismatch(out, mismatch)
            }
            Err(reason) => {
                writeln!(out, "({reason})")?;
                write_sequence(out, &self.whole, self.first.step)?;
                write_mismatch(out, &self.first)
            }
        }
    }
}

fn write_sequence(out: &mut fmt::Formatter<'_>, sequence: &Sequence, last_step: usize) -> fmt::Result {
    for (index, step) in sequence.steps.iter().enumerate().take(last_step + 1) {
        writeln!(out, "  step {index}, connection {}, cuts {:?}:", step.connection, step.cuts)?;
        for item in &step.items {
            writeln!(out, "    {:?}: {}", kind_of(&item.op), shown(&item.bytes))?;
        }
    }
    Ok(())
}

fn write_mismatch(out: &mut fmt::Formatter<'_>, mismatch: &Mismatch) -> fmt::Result {
    let Mismatch { step, place, reference, subject } = mismatch;
    writeln!(out, "after step {step}, {place}:")?;
    writeln!(out, "  reference: {}", shown(reference))?;
    writeln!(out, "  subject:   {}", shown(subject))
}

/// The name of an operation without its arguments, which the bytes show already.
fn kind_of(op: &Op) -> String {
    format!("{op:?}").split('(').next().unwrap_or_default().to_owned()
}

fn shown(bytes: &[u8]) -> String {
    const SHOWN_MAX: usize = 600;
    if bytes.len() <= SHOWN_MAX {
        return bytes.escape_ascii().to_string();
    }
    let (front, back) = (&bytes[..SHOWN_MAX / 2], &bytes[bytes.len() - SHOWN_MAX / 2..]);
    format!("{} ...({} bytes)... {}", front.escape_ascii(), bytes.len(), back.escape_ascii())
}

/// Both servers with the connections to them, which are used again from sequence to sequence.
#[derive(Debug)]
pub struct Runner {
    kind: SequenceKind,
    addresses: [SocketAddr; 2],
    /// One to each server, for questions of the harness itself.
    controls: [Connection; 2],
    peers: Vec<Option<Peer>>,
    fences: u64,
    sequence_start: Instant,
}

/// One client, connected to both servers.
#[derive(Debug)]
struct Peer {
    connections: [Connection; 2],
    session: Session,
}

/// What was sent so that its answer marks the end of a connection's answers.
#[derive(Debug)]
enum Fence {
    /// The connection is going to be closed: the end is the end.
    Close,
    /// A MULTI inside a transaction, and how many of its errors come before.
    NestedMulti { errors_before: usize },
    /// PING with a token.
    Ping(Vec<u8>),
    /// UNSUBSCRIBE of a channel that nobody uses: confirmed in every mode, CLIENT REPLY OFF included.
    Unsubscribe(Vec<u8>),
}

impl Fence {
    fn request(&self) -> Vec<u8> {
        match self {
            Self::Close => Vec::new(),
            Self::NestedMulti { .. } => command(&["MULTI"]),
            Self::Ping(token) => command(&[b"PING", token.as_slice()]),
            Self::Unsubscribe(token) => command(&[b"UNSUBSCRIBE", token.as_slice()]),
        }
    }

    fn is_reached(&self, received: &[u8]) -> bool {
        match self {
            Self::Close => false,
            Self::NestedMulti { errors_before } => {
                received.ends_with(NESTED_MULTI)
                    && received.windows(NESTED_MULTI.len()).filter(|&window| window == NESTED_MULTI).count()
                        > *errors_before
            }
            Self::Ping(token) => after(received, token).is_some_and(|rest| rest.starts_with(b"\r\n")),
            Self::Unsubscribe(token) => {
                after(received, token).is_some_and(|rest| rest.starts_with(b"\r\n:") && rest[2..].contains(&b'\n'))
            }
        }
    }
}

fn after<'a>(haystack: &'a [u8], needle: &[u8]) -> Option<&'a [u8]> {
    // The fence is at the end, or close to it.
    let at = haystack.windows(needle.len()).rposition(|window| window == needle)?;
    Some(&haystack[at + needle.len()..])
}

impl Runner {
    /// Connects to both servers, and for sequences on keys turns their events on.
    ///
    /// # Errors
    ///
    /// If one does not accept.
    pub fn new(kind: SequenceKind, reference: SocketAddr, subject: SocketAddr) -> Result<Self> {
        Ok(Self {
            kind,
            addresses: [reference, subject],
            controls: [control(kind, reference)?, control(kind, subject)?],
            peers: Vec::new(),
            fences: 0,
            sequence_start: Instant::now(),
        })
    }

    /// Runs the sequence of `seed`; if the server under test is one that keeps its keys, with what is planned for it.
    ///
    /// # Errors
    ///
    /// A [`Failure`] if the servers differ; another error if one of them goes away, or if the reference does not behave
    /// as the harness expects.
    pub fn run(&mut self, seed: u64, mut restarts: Option<&mut Restarts>) -> Result<()> {
        let whole = sequence(self.kind, seed);
        let Some(first) = self.play(&whole, restarts.as_deref_mut()).with_context(|| format!("seed {seed}"))? else {
            return self.reset().with_context(|| format!("resetting after seed {seed}"));
        };
        let shrunk = shrink::shrink(&whole, |candidate| {
            self.start_over()?;
            self.play(candidate, restarts.as_deref_mut())
        });
        let shrunk = match shrunk {
            Ok(Some(shortest)) => Ok(shortest),
            Ok(None) => Err("not so on new connections: a RESET or an earlier sequence matters".to_owned()),
            Err(error) => Err(format!("not made shorter: {error:#}")),
        };
        Err(Failure { seed, whole, restarts: restarts.is_some(), first, shrunk }.into())
    }

    /// Plays one sequence on the connections there are; the first difference, if any.
    fn play(&mut self, sequence: &Sequence, restarts: Option<&mut Restarts>) -> Result<Option<Mismatch>> {
        while self.peers.len() < sequence.connections {
            self.peers.push(None);
        }
        for index in 0..sequence.connections {
            self.open(index)?;
        }
        self.sequence_start = Instant::now();
        for (index, step) in sequence.steps.iter().enumerate() {
            if let Some(restarts) = &restarts {
                restarts.before_step(index, &mut self.controls[1])?;
            }
            if let Some((connection, [reference, subject])) = self.play_step(step).with_context(|| {
                let items: Vec<String> = step.items.iter().map(|item| shown(&item.bytes)).collect();
                format!("step {index}, which sends {}", items.join(" | "))
            })? {
                let place = format!("on connection {connection}");
                return Ok(Some(Mismatch { step: index, place, reference, subject }));
            }
        }
        match restarts.filter(|restarts| restarts.is_due()) {
            Some(restarts) => self.restart(sequence.steps.len().saturating_sub(1), restarts),
            None => Ok(None),
        }
    }

    /// Restarts the server under test behind the last step, and connects to it anew.
    fn restart(&mut self, step: usize, restarts: &mut Restarts) -> Result<Option<Mismatch>> {
        let difference = restarts.restart(self.addresses[0])?;
        self.peers.clear();
        self.addresses[1] = restarts.address();
        self.controls[1] = control(self.kind, self.addresses[1])?;
        Ok(difference.map(|(place, [reference, subject])| Mismatch { step, place, reference, subject }))
    }

    fn play_step(&mut self, step: &Step) -> Result<Option<(usize, [Vec<u8>; 2])>> {
        self.open(step.connection)?;
        let Some(session) = self.peers[step.connection].as_ref().map(|peer| &peer.session) else {
            bail!("the connection was just opened");
        };
        let mut after = session.clone();
        let keys = self.kind == SequenceKind::Keys && step.connection > 0;
        let mut effects = Effects { sent: true, keys, ..Effects::default() };
        for item in &step.items {
            after.apply(&item.op, &mut effects);
        }
        // Inside a transaction whose answers are swallowed nothing can serve as a fence.
        if effects.awkward || (after.in_multi() && after.is_silent()) {
            return Ok(None);
        }
        let closes = after.is_closed();
        self.send_burst(step, closes)?;
        if let Some(peer) = &mut self.peers[step.connection] {
            peer.session = after;
        }
        effects.late = self.sequence_start.elapsed() > LATE;
        let difference = self.compare(&[step.connection], &effects, step.ping_fence)?;
        if closes {
            self.peers[step.connection] = None;
        }
        if difference.is_some() {
            return Ok(difference);
        }
        let others: Vec<usize> = (0..self.peers.len()).filter(|&index| index != step.connection).collect();
        self.compare(&others, &Effects::default(), step.ping_fence)
    }

    fn send_burst(&mut self, step: &Step, closes: bool) -> Result<()> {
        let bytes: Vec<u8> = step.items.iter().flat_map(|item| item.bytes.iter().copied()).collect();
        let mut ends: Vec<usize> = step.cuts.iter().map(|cut| bytes.len() * cut / 1000).collect();
        ends.push(bytes.len());
        ends.sort_unstable();
        let mut sent = 0;
        for end in ends {
            if end == sent {
                continue;
            }
            if sent > 0 {
                // By the time a question asked now is answered, the part before has most likely been read.
                for control in &mut self.controls {
                    control.call(&["PING"])?;
                }
            }
            if let Some(peer) = &mut self.peers[step.connection] {
                for connection in &mut peer.connections {
                    let result = connection.send(&bytes[sent..end]);
                    // The server may have closed at an earlier part.
                    ensure!(closes || result.is_ok(), "sending failed: {result:?}");
                }
            }
            sent = end;
        }
        Ok(())
    }

    /// Reads the connections up to a fence on both servers; the first that differs.
    fn compare(
        &mut self,
        indices: &[usize],
        effects: &Effects,
        ping_fence: bool,
    ) -> Result<Option<(usize, [Vec<u8>; 2])>> {
        let mut fences = Vec::with_capacity(indices.len());
        for &index in indices {
            let Some(peer) = &mut self.peers[index] else {
                continue;
            };
            self.fences += 1;
            let token = format!("fence-{}-", self.fences).into_bytes();
            let fence = if peer.session.is_closed() {
                Fence::Close
            } else if peer.session.in_multi() {
                Fence::NestedMulti { errors_before: effects.nested_multi }
            } else if ping_fence && !peer.session.is_silent() {
                Fence::Ping(token)
            } else {
                Fence::Unsubscribe(token)
            };
            let request = fence.request();
            peer.session.apply(
                match fence {
                    Fence::Close => &Op::Ignored,
                    Fence::NestedMulti { .. } => &Op::Multi,
                    Fence::Ping(_) | Fence::Unsubscribe(_) => &Op::Ping,
                },
                &mut Effects::default(),
            );
            for connection in &mut peer.connections {
                // A connection that was closed against expectation shows when it is read.
                let _ = connection.send(&request);
            }
            fences.push((index, fence));
        }
        let mut difference = None;
        for (index, fence) in fences {
            let Some(peer) = &mut self.peers[index] else {
                continue;
            };
            let [reference, subject] = peer.connections.each_mut().map(|connection| read_to(connection, &fence));
            ensure!(reference.1, "the reference server did not answer as expected: {}", shown(&reference.0));
            if difference.is_none() && !same(&reference, &subject, effects) {
                let mut subject_bytes = subject.0;
                if !subject.1 {
                    subject_bytes.extend_from_slice(b"<nothing more, or closed too early or too late>");
                }
                difference = Some((index, [reference.0, subject_bytes]));
            }
        }
        Ok(difference)
    }

    fn open(&mut self, index: usize) -> Result<()> {
        if self.peers[index].is_some() {
            return Ok(());
        }
        let connections = [Connection::open(self.addresses[0])?, Connection::open(self.addresses[1])?];
        for connection in &connections {
            connection.stream().set_read_timeout(Some(ANSWER_MAX))?;
        }
        self.peers[index] = Some(Peer { connections, session: Session::default() });
        Ok(())
    }

    /// Makes all connections as new.
    fn reset(&mut self) -> Result<()> {
        for peer in self.peers.iter_mut().flatten() {
            for connection in &mut peer.connections {
                connection.send(&command(&["RESET"]))?;
            }
            for connection in &mut peer.connections {
                connection.take_until(|received| received.ends_with(b"+RESET\r\n"))?;
            }
            peer.session = Session::default();
        }
        self.flush()
    }

    /// Removes the keys of a sequence on keys.
    fn flush(&mut self) -> Result<()> {
        if self.kind == SequenceKind::Keys {
            for control in &mut self.controls {
                control.call(&["FLUSHALL"])?;
            }
        }
        Ok(())
    }

    /// Opens new connections, once the servers have forgotten what the old ones subscribed to.
    fn start_over(&mut self) -> Result<()> {
        self.peers.clear();
        for control in &mut self.controls {
            let mut tries_left = 100_000;
            loop {
                let channels = control.call(&["PUBSUB", "CHANNELS"])?;
                let shard_channels = control.call(&["PUBSUB", "SHARDCHANNELS"])?;
                let patterns = control.call(&["PUBSUB", "NUMPAT"])?;
                let empty = |list: &Frame| matches!(list, Frame::Aggregate(_, items) if items.is_empty());
                if empty(&channels) && empty(&shard_channels) && patterns.integer() == Some(0) {
                    break;
                }
                tries_left -= 1;
                ensure!(tries_left > 0, "subscriptions outlive their connections");
            }
        }
        self.flush()
    }
}

/// A connection for the harness; for sequences on keys it turns the server's events on.
fn control(kind: SequenceKind, address: SocketAddr) -> Result<Connection> {
    let mut control = Connection::open(address)?;
    if kind == SequenceKind::Keys {
        let reply = control.call(&["CONFIG", "SET", "notify-keyspace-events", "KEAmn"])?;
        ensure!(reply.bytes() == b"OK", "events of keys: {reply:?}");
    }
    Ok(control)
}

/// What arrives up to the fence, and whether it was reached.
fn read_to(connection: &mut Connection, fence: &Fence) -> (Vec<u8>, bool) {
    let result = match fence {
        Fence::Close => connection.take_until_closed(),
        _ => connection.take_until(|received| fence.is_reached(received)),
    };
    match result {
        Ok(bytes) => (bytes, true),
        Err(_) => (connection.take_pending(), false),
    }
}

fn same(reference: &(Vec<u8>, bool), subject: &(Vec<u8>, bool), effects: &Effects) -> bool {
    if reference.1 != subject.1 {
        return false;
    }
    equal(&reference.0, &subject.0, effects)
}
