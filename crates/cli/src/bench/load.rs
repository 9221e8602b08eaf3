//! Publishers and subscribers in one thread: everything that is published is accounted for.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail, ensure};
use fanfare_wire::{Value, encode_request};
use mio::{Events, Poll};

use super::frames::{Shape, Stamp};
use super::link::{Control, Link};
use super::report::{Progress, grouped};
use super::verify::{Faults, Ledger};

/// What there is to be connected.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crowd {
    pub(super) publishers: u32,
    pub(super) subscribers: u32,
    pub(super) patterns: u32,
}

/// One run's connections and counts.
pub(super) struct Load {
    poll: Poll,
    events: Events,
    /// All reading goes through one buffer, which stays in the cache.
    buffer: Vec<u8>,
    shape: Shape,
    subscribers: Vec<Subscriber>,
    publishers: Vec<Publisher>,
    patterns: Option<Control>,
    /// How many subscribers each channel has.
    audience: Vec<u64>,
    totals: Totals,
    timeout: Duration,
    last_progress: Instant,
}

/// Counts since the connections were made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) published: u64,
    /// PUBLISH replies.
    pub(super) replies: u64,
    /// What the PUBLISH replies say how many got the message.
    pub(super) claimed: u64,
    /// How many deliveries what was published must make.
    pub(super) expected: u64,
    pub(super) delivered: u64,
}

struct Subscriber {
    link: Link,
    channel: u32,
    ledger: Ledger,
    /// What confirms the subscription, until it has come.
    confirmation: Vec<u8>,
}

struct Publisher {
    link: Link,
    /// How many messages it has published.
    published: u64,
    replies: u64,
    reply: ReplyScanner,
}

/// How many connections may be in the making at a time: fewer than servers let wait.
const DIALS_MAX: usize = 128;
/// A publisher whose socket takes no more is not asked to encode on and on.
const UNWRITTEN_MAX: usize = 1024 * 1024;
const BUFFER_LEN: usize = 256 * 1024;
/// Patterns subscribed to with one request.
const PATTERNS_AT_ONCE: u32 = 500;

impl Load {
    /// Connects and subscribes everyone; says how long the subscribers took.
    pub(super) fn connect(
        address: SocketAddr,
        shape: Shape,
        crowd: Crowd,
        timeout: Duration,
        progress: &mut Progress,
    ) -> anyhow::Result<(Self, Duration)> {
        raise_descriptors(u64::from(crowd.subscribers) + u64::from(crowd.publishers) + 1)?;
        let mut audience = vec![0; shape.channels() as usize];
        for subscriber in 0..crowd.subscribers {
            audience[(subscriber % shape.channels()) as usize] += 1;
        }
        let mut load = Self {
            poll: Poll::new().context("the poller can't be made")?,
            events: Events::with_capacity(1024),
            buffer: vec![0; BUFFER_LEN.max(2 * shape.frame_len())],
            shape,
            subscribers: Vec::with_capacity(crowd.subscribers as usize),
            publishers: Vec::with_capacity(crowd.publishers as usize),
            patterns: None,
            audience,
            totals: Totals::default(),
            timeout,
            last_progress: Instant::now(),
        };
        load.hold_patterns(address, crowd.patterns)?;
        let start = Instant::now();
        load.dial_subscribers(address, crowd, progress)?;
        let took = start.elapsed();
        for publisher in 0..crowd.publishers {
            let link = Link::dial(load.poll.registry(), address, (crowd.subscribers + publisher) as usize, Vec::new())
                .with_context(|| format!("publisher {publisher} can't connect"))?;
            link.no_delay()?;
            load.publishers.push(Publisher { link, published: 0, replies: 0, reply: ReplyScanner::default() });
        }
        Ok((load, took))
    }

    fn hold_patterns(&mut self, address: SocketAddr, count: u32) -> anyhow::Result<()> {
        if count == 0 {
            return Ok(());
        }
        let mut control = Control::connect(address, self.timeout)?;
        let mut held = 0;
        while held < count {
            let upto = count.min(held + PATTERNS_AT_ONCE);
            let args: Vec<String> =
                std::iter::once("PSUBSCRIBE".to_owned()).chain((held..upto).map(|at| self.shape.pattern(at))).collect();
            let mut request = Vec::new();
            encode_request(&mut request, &args);
            control.send(&request)?;
            for number in held + 1..=upto {
                let reply = control.reply()?;
                let holds = reply.as_elements().and_then(<[Value]>::last).and_then(Value::as_integer);
                ensure!(holds == Some(i64::from(number)), "PSUBSCRIBE was answered with {reply:?}");
            }
            held = upto;
        }
        self.patterns = Some(control);
        Ok(())
    }

    fn dial_subscribers(&mut self, address: SocketAddr, crowd: Crowd, progress: &mut Progress) -> anyhow::Result<()> {
        let count = crowd.subscribers as usize;
        let (mut live, mut last_progress) = (0, Instant::now());
        while live < count {
            while self.subscribers.len() < count && self.subscribers.len() - live < DIALS_MAX {
                let number = self.subscribers.len();
                // The remainder is below the number of channels.
                let channel = (number % self.shape.channels() as usize) as u32;
                let (request, confirmation) = self.shape.subscribe(channel);
                let link = Link::dial(self.poll.registry(), address, number, request)
                    .with_context(|| format!("subscriber {number} can't connect to {address}"))?;
                let ledger = Ledger::new(crowd.publishers);
                self.subscribers.push(Subscriber { link, channel, ledger, confirmation });
            }
            poll_once(&mut self.poll, &mut self.events, Duration::from_millis(100))?;
            let now = Instant::now();
            for event in &self.events {
                let number = event.token().0;
                let Some(Subscriber { link, confirmation, .. }) = self.subscribers.get_mut(number) else { continue };
                let mut step = || {
                    if event.is_writable() {
                        link.unblock()?;
                    }
                    if event.is_readable() && !confirmation.is_empty() {
                        link.read(&mut self.buffer, event.is_read_closed(), |bytes| {
                            if bytes == confirmation.as_slice() {
                                confirmation.clear();
                                return Ok(bytes.len());
                            }
                            ensure!(
                                confirmation.starts_with(bytes),
                                "SUBSCRIBE was answered with {}",
                                bytes.escape_ascii()
                            );
                            Ok(0)
                        })?;
                        if confirmation.is_empty() {
                            live += 1;
                            last_progress = now;
                        }
                    }
                    anyhow::Ok(())
                };
                step().with_context(|| format!("subscriber {number} can't be set up at {address}"))?;
            }
            ensure!(now - last_progress < self.timeout, "only {live} of {count} subscribers got through to {address}");
            progress.show(now, live as f64 / count as f64);
        }
        Ok(())
    }

    /// Has a publisher publish its next message; [`flush`](Self::flush) sends it.
    ///
    /// The k-th message of publisher p goes to channel (p + k) mod channels.
    pub(super) fn publish(&mut self, publisher: u32) {
        if self.is_settled() {
            // Until now there was nothing to wait for.
            self.last_progress = Instant::now();
        }
        let channels = u64::from(self.shape.channels());
        let Publisher { link, published, .. } = &mut self.publishers[publisher as usize];
        // The remainder is below the number of channels.
        let channel = ((u64::from(publisher) + *published) % channels) as u32;
        let stamp = Stamp { publisher, sequence: *published / channels };
        self.shape.encode_publish(link.out(), channel, stamp);
        *published += 1;
        self.totals.published += 1;
        self.totals.expected += self.audience[channel as usize];
    }

    /// How many more PUBLISH this publisher may have on the way.
    pub(super) fn room(&self, publisher: u32, pipeline: u64) -> u64 {
        let Publisher { link, published, replies, .. } = &self.publishers[publisher as usize];
        if link.unwritten() > UNWRITTEN_MAX { 0 } else { pipeline.saturating_sub(published - replies) }
    }

    /// Sends what was published.
    pub(super) fn flush(&mut self) -> anyhow::Result<()> {
        for (number, publisher) in self.publishers.iter_mut().enumerate() {
            publisher.link.flush().with_context(|| format!("publisher {number} failed"))?;
        }
        Ok(())
    }

    /// Takes what has arrived, waiting for something at most as long as `wait`.
    ///
    /// `on_delivery` gets the channel, the message and the time it was read at.
    pub(super) fn turn(
        &mut self,
        wait: Duration,
        mut on_delivery: impl FnMut(u32, Stamp, Instant),
    ) -> anyhow::Result<()> {
        poll_once(&mut self.poll, &mut self.events, wait)?;
        let before = self.totals;
        let count = self.subscribers.len();
        for event in &self.events {
            let number = event.token().0;
            let closing = event.is_read_closed();
            if let Some(subscriber) = self.subscribers.get_mut(number) {
                let Subscriber { link, channel, ledger, .. } = subscriber;
                let received = ledger.received();
                let result = link.read(&mut self.buffer, closing, |bytes| {
                    let now = Instant::now();
                    Ok(ledger.scan(&self.shape, *channel, bytes, |stamp| on_delivery(*channel, stamp, now))?)
                });
                self.totals.delivered += ledger.received() - received;
                let Totals { expected, delivered, .. } = self.totals;
                result.with_context(|| {
                    format!("not a result: subscriber {number} failed when {delivered} of {expected} messages had come")
                })?;
            } else if let Some(publisher) = self.publishers.get_mut(number - count) {
                let Publisher { link, replies, reply, .. } = publisher;
                let totals = &mut self.totals;
                let mut step = || {
                    if event.is_writable() {
                        link.unblock()?;
                    }
                    if !event.is_readable() {
                        return Ok(());
                    }
                    link.read(&mut self.buffer, closing, |bytes| {
                        reply.scan(bytes, |receivers| {
                            *replies += 1;
                            totals.replies += 1;
                            totals.claimed += receivers;
                        })?;
                        Ok(bytes.len())
                    })
                };
                step().with_context(|| format!("not a result: publisher {} failed", number - count))?;
            }
        }
        if self.totals != before {
            self.last_progress = Instant::now();
        }
        Ok(())
    }

    /// Takes what is still on the way; gives up when nothing comes any more.
    pub(super) fn settle(&mut self, mut on_delivery: impl FnMut(u32, Stamp, Instant)) -> anyhow::Result<()> {
        self.last_progress = Instant::now();
        self.flush()?;
        while !self.is_settled() && self.last_progress.elapsed() < self.timeout {
            self.turn(Duration::from_millis(100), &mut on_delivery)?;
            self.flush()?;
        }
        Ok(())
    }

    /// Whether everything that was published has been answered and has arrived.
    fn is_settled(&self) -> bool {
        self.totals.replies >= self.totals.published && self.totals.delivered >= self.totals.expected
    }

    /// Nothing has come for so long that nothing will.
    pub(super) fn is_stuck(&self) -> bool {
        !self.is_settled() && self.last_progress.elapsed() >= self.timeout
    }

    pub(super) fn totals(&self) -> Totals {
        self.totals
    }

    /// How many bytes are on the way to subscribers.
    pub(super) fn bytes_behind(&self) -> u64 {
        self.totals.expected.saturating_sub(self.totals.delivered) * self.shape.frame_len() as u64
    }

    /// Compares what each subscriber got with what was published, all of it being settled.
    ///
    /// # Errors
    ///
    /// Anything was lost, repeated, out of order or wrong, or the server's replies say something else.
    pub(super) fn verify(&mut self) -> anyhow::Result<Verified> {
        let channels = self.shape.channels();
        let mut published = vec![0; channels as usize];
        for (number, publisher) in (0u64..).zip(&self.publishers) {
            for (channel, published) in (0u64..).zip(&mut published) {
                let offset = (channel + u64::from(channels) - number % u64::from(channels)) % u64::from(channels);
                *published += publisher.published.saturating_sub(offset).div_ceil(u64::from(channels));
            }
        }
        let (mut faults, mut affected) = (Faults::default(), 0u32);
        for subscriber in &self.subscribers {
            let found = subscriber.ledger.faults(published[subscriber.channel as usize]);
            affected += u32::from(found != Faults::default());
            faults.add(found);
        }
        let Totals { published, replies, claimed, expected, delivered } = self.totals;
        if faults != Faults::default() {
            bail!("not a result: of {expected} deliveries {faults} (at {affected} subscribers)");
        }
        ensure!(replies == published, "not a result: {published} PUBLISH got {replies} replies");
        ensure!(
            claimed == delivered,
            "not a result: {delivered} deliveries arrived, but the replies to PUBLISH sum up to {claimed}"
        );
        if let Some(patterns) = &mut self.patterns {
            ensure!(patterns.is_silent()?, "not a result: a pattern that matches no channel got something");
        }
        Ok(Verified { deliveries: delivered, faults })
    }
}

/// The deliveries that were checked, none of them wrong.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verified {
    pub(super) deliveries: u64,
    pub(super) faults: Faults,
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} deliveries, {}", grouped(self.deliveries), self.faults)
    }
}

/// How many messages its publisher had published before this one.
pub(super) fn position(channels: u32, channel: u32, stamp: Stamp) -> u64 {
    let channels = u64::from(channels);
    let offset = (u64::from(channel) + channels - u64::from(stamp.publisher) % channels) % channels;
    stamp.sequence * channels + offset
}

/// Makes room for this many connections.
pub(super) fn raise_descriptors(connections: u64) -> anyhow::Result<()> {
    let needed = connections + 32;
    let limit = rlimit::increase_nofile_limit(needed).context("the limit of open descriptors can't be read")?;
    ensure!(limit >= needed, "{connections} connections need {needed} descriptors, but the limit is {limit}");
    Ok(())
}

/// One wait for readiness; an interruption is an end without events.
pub(super) fn poll_once(poll: &mut Poll, events: &mut Events, wait: Duration) -> anyhow::Result<()> {
    match poll.poll(events, Some(wait)) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            events.clear();
            Ok(())
        }
        Err(error) => Err(error).context("the poller failed"),
    }
}

/// Reads the replies to PUBLISH, wherever they are cut.
#[derive(Debug, Default)]
struct ReplyScanner {
    /// The number so far, within a reply.
    number: Option<u64>,
    return_seen: bool,
}

impl ReplyScanner {
    fn scan(&mut self, bytes: &[u8], mut on_reply: impl FnMut(u64)) -> anyhow::Result<()> {
        for (at, &byte) in bytes.iter().enumerate() {
            match (byte, self.number, self.return_seen) {
                (b':', None, _) => self.number = Some(0),
                (b'0'..=b'9', Some(number), false) if number < u64::from(u32::MAX) => {
                    self.number = Some(number * 10 + u64::from(byte - b'0'));
                }
                (b'\r', Some(_), false) => self.return_seen = true,
                (b'\n', Some(number), true) => {
                    on_reply(number);
                    *self = Self::default();
                }
                _ => {
                    let rest = &bytes[at..bytes.len().min(at + 200)];
                    return Err(anyhow!("PUBLISH was answered with {}", rest.escape_ascii()));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_cut_anywhere_are_the_same_replies() {
        let bytes = b":0\r\n:12\r\n:345\r\n";
        for cut in 0..=bytes.len() {
            let (mut scanner, mut seen) = (ReplyScanner::default(), Vec::new());
            for part in [&bytes[..cut], &bytes[cut..]] {
                scanner.scan(part, |number| seen.push(number)).expect("the replies are good");
            }
            assert_eq!(seen, [0, 12, 345], "cut at {cut}");
        }
    }

    #[test]
    fn other_replies_are_errors() {
        for bytes in
            [&b"-NOAUTH Authentication required.\r\n"[..], b":-1\r\n", b":1\n", b"+OK\r\n", b":99999999999\r\n"]
        {
            assert!(ReplyScanner::default().scan(bytes, |_| {}).is_err(), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn a_message_knows_its_position() {
        for (channels, publisher) in [(1, 0), (1, 4), (3, 0), (3, 1), (3, 5), (7, 3)] {
            for published in 0..40u64 {
                let channel = ((u64::from(publisher) + published) % u64::from(channels)) as u32;
                let stamp = Stamp { publisher, sequence: published / u64::from(channels) };
                assert_eq!(position(channels, channel, stamp), published);
            }
        }
    }
}
