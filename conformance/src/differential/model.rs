//! What the harness must know of a session to tell when a server has answered everything.
//!
//! This is not a second implementation: it follows only what decides which fence works (see
//! [`Fence`](super::runner)) and which parts of an answer have no defined order. A mistake here shows as a time-out of the
//! reference server.

use std::collections::{BTreeSet, VecDeque};

use super::reply::Reply;

/// One of the three kinds of subscription.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// SUBSCRIBE.
    Channel,
    /// PSUBSCRIBE.
    Pattern,
    /// SSUBSCRIBE.
    Shard,
}

/// What one piece of input means for the session.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Op {
    /// A command refused before it runs: unknown, or with the wrong number of arguments.
    Bad,
    /// EXEC with arguments, which is refused and discards the transaction.
    BadExec,
    /// CLIENT ID: its answer differs between servers.
    ClientId,
    /// CLIENT REPLY.
    ClientReply(ReplyMode),
    /// DISCARD.
    Discard,
    /// EXEC.
    Exec,
    /// HELLO; with the protocol if the server accepts it.
    Hello(Option<u8>),
    /// Input that is no command, such as an empty line.
    Ignored,
    /// Commands on keys, and what is defined about the reply to each.
    Keys(Vec<Reply>),
    /// PUBSUB CHANNELS or SHARDCHANNELS: its answer has no order.
    Listing,
    /// MULTI.
    Multi,
    /// Anything that does not change what the model follows.
    Other,
    /// PING, which RESP2's subscribe mode allows.
    Ping,
    /// Input that ends the connection, with or without an error.
    ProtocolError,
    /// QUIT.
    Quit,
    /// RESET.
    Reset,
    /// SUBSCRIBE and its kin.
    Subscribe(Kind, Vec<Vec<u8>>),
    /// UNSUBSCRIBE and its kin; without names it means all.
    Unsubscribe(Kind, Vec<Vec<u8>>),
    /// WATCH, which is refused inside a transaction and not queued.
    Watch,
}

/// The argument of CLIENT REPLY.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReplyMode {
    /// Answers again.
    On,
    /// No answers.
    Off,
    /// No answer to the next command.
    Skip,
}

/// What a step's answers may contain that needs care.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Effects {
    /// The connection sent the step: what it publishes to itself may come before or after the reply.
    pub sent: bool,
    /// A transaction was executed.
    pub exec: bool,
    /// A reply was swallowed.
    pub silenced: bool,
    /// An answer of HELLO, which names the server.
    pub hello: bool,
    /// An answer of CLIENT ID.
    pub client_id: bool,
    /// A list without an order.
    pub listing: bool,
    /// Frames of an UNSUBSCRIBE without names.
    pub unsubscribe_all: bool,
    /// How many errors of a nested MULTI were answered.
    pub nested_multi: usize,
    /// The commands were on keys, and are compared by `replies`.
    pub keys: bool,
    /// What is defined about each reply.
    pub replies: Vec<Reply>,
    /// So much time has gone by that seconds may have passed.
    pub late: bool,
    /// The step leads to where no fence works, or mixes what cannot be told apart: it is left out.
    pub awkward: bool,
}

/// The followed part of one connection's state.
#[derive(Clone, Debug, Default)]
pub struct Session {
    resp3: bool,
    queue: Option<VecDeque<Op>>,
    queue_broken: bool,
    channels: BTreeSet<Vec<u8>>,
    patterns: BTreeSet<Vec<u8>>,
    shard_channels: BTreeSet<Vec<u8>>,
    replies_off: bool,
    skip_next: bool,
    skip: bool,
    closed: bool,
}

impl Session {
    /// Takes in what one command does.
    pub fn apply(&mut self, op: &Op, effects: &mut Effects) {
        if self.closed {
            return;
        }
        if *op == Op::Ignored {
            // It uses up a CLIENT REPLY SKIP all the same.
            self.skip = std::mem::take(&mut self.skip_next);
            return;
        }
        // Redis closes once the last answer is written, so never when that answer was swallowed.
        effects.awkward |= matches!(op, Op::ProtocolError | Op::Quit) && self.is_silent();
        effects.silenced |= self.is_silent();
        if *op == Op::ProtocolError {
            self.closed = true;
            return;
        }
        if self.in_subscribe_mode() && !allowed_in_subscribe_mode(op) {
            self.refuse();
        } else if self.queue.is_some() {
            self.apply_in_multi(op, effects);
        } else {
            self.run(op, effects);
        }
        self.skip = std::mem::take(&mut self.skip_next);
    }

    /// Whether a transaction is open.
    #[must_use]
    pub fn in_multi(&self) -> bool {
        self.queue.is_some()
    }

    /// Whether answers are being swallowed.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.replies_off || self.skip
    }

    /// Whether the server closes the connection.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    fn in_subscribe_mode(&self) -> bool {
        let subscribed = !self.channels.is_empty() || !self.patterns.is_empty() || !self.shard_channels.is_empty();
        subscribed && !self.resp3
    }

    fn apply_in_multi(&mut self, op: &Op, effects: &mut Effects) {
        if !matches!(op, Op::Discard | Op::Exec | Op::Quit | Op::Reset) {
            let commands = if let Op::Keys(replies) = op { replies.len() } else { 1 };
            effects.replies.extend(vec![Reply::Exact; commands]);
        }
        match op {
            Op::Bad => self.refuse(),
            Op::BadExec => self.queue = None,
            Op::Watch => {}
            Op::Discard | Op::Exec | Op::Quit | Op::Reset => self.run(op, effects),
            Op::Multi => {
                if !self.is_silent() {
                    effects.nested_multi += 1;
                }
            }
            Op::ClientId | Op::ClientReply(_) | Op::Listing => effects.awkward = true,
            Op::Unsubscribe(_, names) if names.is_empty() => effects.awkward = true,
            _ => {
                if let Some(queue) = &mut self.queue {
                    queue.push_back(op.clone());
                }
            }
        }
    }

    fn run(&mut self, op: &Op, effects: &mut Effects) {
        match op {
            Op::Exec | Op::Hello(_) | Op::Keys(_) => {}
            _ => effects.replies.push(Reply::Exact),
        }
        match op {
            Op::Bad | Op::BadExec | Op::Ignored | Op::Other | Op::Ping | Op::Watch => {}
            Op::ClientId => effects.client_id = true,
            Op::ClientReply(ReplyMode::On) => self.replies_off = false,
            Op::ClientReply(ReplyMode::Off) => self.replies_off = true,
            Op::ClientReply(ReplyMode::Skip) => self.skip_next = !self.replies_off,
            Op::Discard => self.queue = None,
            Op::Exec => {
                let queue = self.queue.take().unwrap_or_default();
                let before = effects.replies.len();
                if self.queue_broken {
                    effects.replies.push(Reply::Exact);
                    return;
                }
                effects.exec = true;
                for queued in &queue {
                    // SSUBSCRIBE is refused inside a transaction when it runs.
                    if !matches!(queued, Op::Subscribe(Kind::Shard, _)) {
                        self.run(queued, effects);
                    }
                }
                let replies = effects.replies.split_off(before);
                effects.replies.push(Reply::Exec(replies));
            }
            Op::Hello(version) => {
                effects.hello = true;
                effects.replies.push(Reply::Hello);
                if let Some(version) = version {
                    self.resp3 = *version == 3;
                }
            }
            Op::Keys(replies) => effects.replies.extend_from_slice(replies),
            Op::Listing => effects.listing = true,
            Op::Multi => {
                self.queue = Some(VecDeque::new());
                self.queue_broken = false;
            }
            Op::ProtocolError | Op::Quit => self.closed = true,
            Op::Reset => *self = Self::default(),
            Op::Subscribe(kind, names) => self.names(*kind).extend(names.iter().cloned()),
            Op::Unsubscribe(kind, names) if names.is_empty() => {
                effects.unsubscribe_all = true;
                self.names(*kind).clear();
            }
            Op::Unsubscribe(kind, names) => {
                let subscribed = self.names(*kind);
                for name in names {
                    subscribed.remove(name);
                }
            }
        }
    }

    fn names(&mut self, kind: Kind) -> &mut BTreeSet<Vec<u8>> {
        match kind {
            Kind::Channel => &mut self.channels,
            Kind::Pattern => &mut self.patterns,
            Kind::Shard => &mut self.shard_channels,
        }
    }

    fn refuse(&mut self) {
        self.queue_broken = true;
    }
}

fn allowed_in_subscribe_mode(op: &Op) -> bool {
    matches!(op, Op::Ping | Op::Quit | Op::Reset | Op::Subscribe(..) | Op::Unsubscribe(..))
}
