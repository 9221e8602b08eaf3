//! The threads of a round: clients that write until the server is gone, and one that publishes.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};

use super::database_of;
use super::operation::{Kind, Operation};
use super::replay::{Answer, Sent};
use super::state::now_ms;
use crate::connection::Connection;
use crate::frame::Frame;
use crate::rng::Rng;

/// What the threads of a round share.
#[derive(Debug)]
pub(super) struct Round {
    acknowledged: AtomicU64,
    /// At that many the end has come.
    wanted: u64,
    /// Told that it has come, or that a client can't go on.
    end: SyncSender<()>,
    /// The server is being ended: connections may break.
    is_over: AtomicBool,
}

impl Round {
    pub(super) fn new(wanted: u64, end: SyncSender<()>) -> Self {
        Self { acknowledged: AtomicU64::new(0), wanted, end, is_over: AtomicBool::new(false) }
    }

    pub(super) fn set_over(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }

    fn acknowledge(&self) {
        if self.acknowledged.fetch_add(1, Ordering::Relaxed) + 1 == self.wanted {
            self.tell_end();
        }
    }

    fn tell_end(&self) {
        // One notice is enough: if there is one already, or nobody waits any more, that is as good.
        let _ = self.end.try_send(());
    }

    /// Makes of the end of a thread's work an error, unless the server's end explains it.
    fn judge(&self, end: End) -> Result<()> {
        match end {
            End::Broken(_) if self.is_over.load(Ordering::SeqCst) => Ok(()),
            End::Broken(error) => {
                self.tell_end();
                Err(error.context("before the server was ended"))
            }
            End::Wrong(reason) => {
                self.tell_end();
                Err(anyhow!(reason))
            }
        }
    }
}

/// Why a thread can't go on.
#[derive(Debug)]
enum End {
    /// The connection has failed.
    Broken(anyhow::Error),
    /// What came is an error, or not what it should be.
    Wrong(String),
}

impl From<anyhow::Error> for End {
    fn from(error: anyhow::Error) -> Self {
        Self::Broken(error)
    }
}

/// A client that writes.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) client: usize,
    pub(super) rng: Rng,
    /// The most operations that are sent before their replies are read.
    pub(super) pipeline: usize,
    /// The number of its next operation.
    pub(super) next_number: u64,
}

impl Writer {
    /// Writes until the server is gone; returns what was sent and what of it was acknowledged.
    ///
    /// # Errors
    ///
    /// If a write is refused, or the server goes away by itself.
    pub(super) fn write(&mut self, address: SocketAddr, round: &Round) -> Result<Vec<Sent>> {
        let mut sent = Vec::new();
        let Err(end) = self.write_on(address, round, &mut sent);
        round.judge(end).with_context(|| format!("client {}", self.client))?;
        Ok(sent)
    }

    fn write_on(&mut self, address: SocketAddr, round: &Round, sent: &mut Vec<Sent>) -> Result<Infallible, End> {
        let mut connection = Connection::open(address)?;
        connection.call(&["SELECT", &database_of(self.client).to_string()])?;
        let mut burst = Vec::new();
        loop {
            burst.clear();
            let first = sent.len();
            let mut replies = Vec::new();
            for _ in 0..1 + self.rng.below(self.pipeline) {
                let operation = Operation { number: self.next_number, kind: Kind::choose(&mut self.rng) };
                self.next_number += 1;
                replies.push(operation.encode(self.client, &mut burst));
                sent.push(Sent { operation, at_ms: now_ms(), answer: None });
            }
            connection.send(&burst)?;
            for (sent, replies) in sent[first..].iter_mut().zip(replies) {
                let replies = (0..replies).map(|_| connection.frame()).collect::<Result<Vec<Frame>>>()?;
                if let Some(complaint) = sent.operation.complaint(&replies) {
                    return Err(End::Wrong(complaint));
                }
                let popped = match (sent.operation.kind, replies.as_slice()) {
                    (Kind::SetPop, [Frame::Bulk(_, member)]) => Some(member.clone()),
                    _ => None,
                };
                sent.answer = Some(Answer { at: Instant::now(), at_ms: now_ms(), popped });
                round.acknowledge();
            }
        }
    }
}

/// What was published during a round.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Publications {
    pub(super) count: u64,
    /// Those answered after more than [`SLOW`].
    pub(super) slow: u64,
    pub(super) slowest: Duration,
}

/// An answer to PUBLISH after that time is counted as slow.
pub(super) const SLOW: Duration = Duration::from_secs(1);

impl Publications {
    /// Publishes until the server is gone, with one subscriber that must get each message.
    ///
    /// # Errors
    ///
    /// If a message does not arrive, or the server goes away by itself.
    pub(super) fn publish(address: SocketAddr, round: &Round) -> Result<Self> {
        let mut publications = Self::default();
        let Err(end) = publications.publish_on(address);
        round.judge(end).context("publisher")?;
        Ok(publications)
    }

    fn publish_on(&mut self, address: SocketAddr) -> Result<Infallible, End> {
        let mut subscriber = Connection::open(address)?;
        subscriber.call(&["SUBSCRIBE", CHANNEL])?;
        let mut publisher = Connection::open(address)?;
        loop {
            let payload = self.count.to_string();
            let start = Instant::now();
            let reply = publisher.call(&["PUBLISH", CHANNEL, &payload])?;
            let took = start.elapsed();
            // A server that stops may have let the subscriber go first: then that ends here as well.
            if reply.integer() != Some(1) {
                if reply.integer() == Some(0) {
                    subscriber.frame()?;
                }
                return Err(End::Wrong(format!("{reply:?} in answer to PUBLISH")));
            }
            let message = subscriber.frame()?;
            if message.items().last().map(Frame::bytes) != Some(payload.as_bytes()) {
                return Err(End::Wrong(format!("{message:?} instead of message {payload}")));
            }
            self.count += 1;
            self.slow += u64::from(took > SLOW);
            self.slowest = self.slowest.max(took);
        }
    }
}

const CHANNEL: &str = "news";
