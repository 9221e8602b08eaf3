//! Publishers and subscribers in one thread: everything that is published is accounted for.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use super::frames::{Shape, Stamp};
use super::link::Link;
use super::patterns::{self, Patterns};
use super::poller::{Poller, Target};
use super::protocol::psubscribe;
use super::publishers::Publisher;
use super::report::{Progress, grouped};
use super::verify::{Faults, Ledger};

/// What there is to be connected.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crowd {
    pub(super) publishers: u32,
    pub(super) subscribers: u32,
    /// Names that each subscriber is subscribed to; one of them is a channel that is published to.
    pub(super) names: u32,
    pub(super) patterns: patterns::Plan,
}

/// One run's connections and counts.
///
/// Events have tokens by number: the subscribers', then the publishers', then that of the patterns.
pub(super) struct Load {
    poller: Poller,
    shape: Shape,
    subscribers: Vec<Subscriber>,
    publishers: Vec<Publisher>,
    patterns: Option<Patterns>,
    /// How many subscribers each channel has.
    audience: Vec<u64>,
    /// How many patterns match each channel.
    matching: u64,
    totals: Totals,
    last_progress: Instant,
}

/// Counts since the connections were made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) published: u64,
    /// Answers to publications.
    pub(super) answers: u64,
    /// What the answers say how many got the message.
    pub(super) claimed: u64,
    /// How many deliveries what was published must make.
    pub(super) expected: u64,
    pub(super) delivered: u64,
    /// Deliveries to patterns, which are not among the others.
    pub(super) pattern_delivered: u64,
}

struct Subscriber {
    link: Link,
    channel: u32,
    ledger: Ledger,
}

impl Load {
    /// Connects and subscribes everyone; says how long the subscribers took.
    pub(super) fn connect(
        target: Target,
        shape: Shape,
        crowd: Crowd,
        progress: &mut Progress,
    ) -> anyhow::Result<(Self, Duration)> {
        let (subscribers, publishers) = (crowd.subscribers as usize, crowd.publishers as usize);
        let connections = u64::from(crowd.subscribers) + u64::from(crowd.publishers) + 1;
        let mut poller = Poller::new(target, connections, shape.frame_len())?;

        let mut patterns = None;
        if crowd.patterns.patterns > 0 {
            let names = crowd.patterns.names(shape.prefix());
            let links =
                poller.connect("pattern holder", subscribers + publishers, 1, |_| psubscribe(&names), progress)?;
            patterns =
                links.into_iter().next().map(|link| Patterns::new(link, crowd.patterns, &shape, crowd.publishers));
        }

        // The remainder is below the number of channels.
        let channel_of = |subscriber: usize| (subscriber % shape.channels() as usize) as u32;
        let mut audience = vec![0; shape.channels() as usize];
        let start = Instant::now();
        let opening = |subscriber| match crowd.names {
            0 => target.protocol.open(false),
            names => target.protocol.subscribe(&shape.names(channel_of(subscriber), names)),
        };
        let links = poller.connect("subscriber", 0, subscribers, opening, progress)?;
        let took = start.elapsed();
        let subscribers = links
            .into_iter()
            .enumerate()
            .map(|(number, link)| {
                let channel = channel_of(number);
                audience[channel as usize] += u64::from(crowd.names.min(1));
                Subscriber { link, channel, ledger: Ledger::new(crowd.publishers) }
            })
            .collect::<Vec<_>>();

        let opening = |_| target.protocol.open(true);
        let links = poller.connect("publisher", subscribers.len(), publishers, opening, progress)?;
        let publishers =
            (0..).zip(links).map(|(number, link)| Publisher::new(link, number)).collect::<Result<_, _>>()?;
        let load = Self {
            poller,
            shape,
            subscribers,
            publishers,
            patterns,
            audience,
            matching: u64::from(crowd.patterns.matching),
            totals: Totals::default(),
            last_progress: Instant::now(),
        };
        Ok((load, took))
    }

    /// Has a publisher publish its next message; [`flush`](Self::flush) sends it.
    pub(super) fn publish(&mut self, publisher: u32) {
        if self.is_settled() {
            // Until now there was nothing to wait for.
            self.last_progress = Instant::now();
        }
        let channel = self.publishers[publisher as usize].publish(&self.shape);
        self.totals.published += 1;
        self.totals.expected += self.audience[channel as usize];
    }

    /// How many more messages this publisher may have on the way.
    pub(super) fn room(&self, publisher: u32, pipeline: u64) -> u64 {
        self.publishers[publisher as usize].room(pipeline)
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
        self.poller.wait(wait)?;
        let before = self.totals;
        let (count, totals, shape) = (self.subscribers.len(), &mut self.totals, &self.shape);
        for event in &self.poller.events {
            let (number, buffer) = (event.token().0, &mut self.poller.buffer);
            if let Some(subscriber) = self.subscribers.get_mut(number) {
                let Subscriber { link, channel, ledger } = subscriber;
                let received = ledger.received();
                let result = link.handle(event, buffer, |bytes, out| {
                    let now = Instant::now();
                    Ok(ledger.scan(shape, *channel, bytes, out, |stamp| on_delivery(*channel, stamp, now))?)
                });
                totals.delivered += ledger.received() - received;
                let Totals { expected, delivered, .. } = *totals;
                result.with_context(|| {
                    format!("not a result: subscriber {number} failed when {delivered} of {expected} messages had come")
                })?;
            } else if let Some(publisher) = self.publishers.get_mut(number - count) {
                let result = publisher.handle(event, buffer, shape, |receivers| {
                    totals.answers += 1;
                    totals.claimed += receivers;
                });
                result.with_context(|| format!("not a result: publisher {} failed", number - count))?;
            } else if let Some(patterns) = &mut self.patterns {
                let result = patterns.handle(event, buffer, shape);
                totals.pattern_delivered = patterns.received();
                result.context("not a result: the connection that holds the patterns failed")?;
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
        while !self.is_settled() && self.last_progress.elapsed() < self.poller.target.timeout {
            self.turn(Duration::from_millis(100), &mut on_delivery)?;
            self.flush()?;
        }
        Ok(())
    }

    /// Whether everything that was published has been answered and has arrived.
    fn is_settled(&self) -> bool {
        let Totals { published, answers, expected, delivered, pattern_delivered, .. } = self.totals;
        answers >= published && delivered >= expected && pattern_delivered >= published * self.matching
    }

    /// Nothing has come for so long that nothing will.
    pub(super) fn is_stuck(&self) -> bool {
        !self.is_settled() && self.last_progress.elapsed() >= self.poller.target.timeout
    }

    pub(super) fn totals(&self) -> Totals {
        self.totals
    }

    /// Whether subscribers are behind by no more than `lag` bytes on average, and the patterns by no more either.
    pub(super) fn keeps_up(&self, lag: u64) -> bool {
        let Totals { published, expected, delivered, pattern_delivered, .. } = self.totals;
        let frame_len = self.shape.frame_len() as u64;
        // A delivery to a pattern is longer by the pattern, which does not matter here.
        let behind = |expected: u64, delivered: u64| expected.saturating_sub(delivered) * frame_len;
        behind(expected, delivered) <= lag * self.subscribers.len() as u64
            && behind(published * self.matching, pattern_delivered) <= lag
    }

    /// Compares what each subscriber got with what was published, all of it being settled.
    ///
    /// # Errors
    ///
    /// Anything was lost, repeated, out of order or wrong, or the server's answers say something else.
    pub(super) fn verify(&self) -> anyhow::Result<Verified> {
        let channels = self.shape.channels();
        let published: Vec<u64> = (0..channels)
            .map(|channel| self.publishers.iter().map(|publisher| publisher.published_to(channel, channels)).sum())
            .collect();
        let (mut faults, mut affected) = (Faults::default(), 0u32);
        for subscriber in &self.subscribers {
            let found = subscriber.ledger.faults(published[subscriber.channel as usize]);
            affected += u32::from(found != Faults::default());
            faults.add(found);
        }
        let Totals { published: publications, answers, claimed, expected, delivered, pattern_delivered } = self.totals;
        if faults != Faults::default() {
            bail!("not a result: of {expected} deliveries {faults} (at {affected} subscribers)");
        }
        let found = self.patterns.as_ref().map_or_else(Faults::default, |patterns| patterns.faults(&published));
        if found != Faults::default() {
            bail!("not a result: of {} deliveries to patterns {found}", publications * self.matching);
        }
        ensure!(answers == publications, "not a result: {publications} PUBLISH got {answers} replies");
        let arrived = delivered + pattern_delivered;
        ensure!(
            claimed == arrived || !self.shape.protocol().counts_receivers(),
            "not a result: {arrived} deliveries arrived, but the replies to PUBLISH sum up to {claimed}"
        );
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
