//! `bench churn`: how fast subscriptions come and go.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use clap::Args;
use mio::{Events, Poll};
use serde::Serialize;

use super::frames::{CHANNELS_MAX, Patched, STAMP_LEN, Shape};
use super::link::Link;
use super::load::{poll_once, raise_descriptors};
use super::report::{self, Cpu, Progress, grouped, rounded};
use super::{Common, Span};

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    common: Common,
    /// Connections that subscribe and unsubscribe
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    connections: u32,
    /// Names they go through, each connection from another one on
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=i64::from(CHANNELS_MAX)))]
    channels: u32,
    /// Pairs that each connection may have unanswered
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pipeline: u64,
    #[command(flatten)]
    span: Span,
}

#[derive(Debug, Serialize)]
struct Outcome {
    bench: &'static str,
    connections: u32,
    channels: u32,
    pipeline: u64,
    seconds: f64,
    pairs: u64,
    pairs_per_s: f64,
    cpu: Cpu,
    /// Pairs whose confirmations were checked, byte for byte.
    verified: u64,
}

struct Client {
    link: Link,
    /// The number of its first channel.
    offset: u64,
    sent: u64,
    confirmed: u64,
}

struct Churn {
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    clients: Vec<Client>,
    request: Patched,
    reply: Patched,
    channels: u32,
    pipeline: u64,
    timeout: Duration,
}

pub(super) fn run(options: &Options) -> anyhow::Result<()> {
    let (address, timeout) = (options.common.address()?, options.common.timeout());
    let Options { connections, channels, pipeline, .. } = *options;
    let mut progress = Progress::new("warming up");
    let mut churn = Churn::connect(address, options)?;
    churn.run_for(options.span.warmup, &mut progress)?;
    let (before, cpu_before) = (churn.confirmed(), Cpu::now(address, timeout));
    progress.phase("measuring");
    let start = Instant::now();
    churn.run_for(options.span.seconds, &mut progress)?;
    let seconds = start.elapsed().as_secs_f64();
    let cpu = Cpu::now(address, timeout).since(cpu_before);
    drop(progress);

    let verified = churn.confirmed();
    let pairs = verified - before;
    let pairs_per_s = pairs as f64 / seconds;
    let bench = "churn";
    let outcome = Outcome { bench, connections, channels, pipeline, seconds, pairs, pairs_per_s, cpu, verified };
    let title = format!("churn: {connections} connections, {channels} channels, {pipeline} pairs on the way each");
    let rows = [
        ("seconds", format!("{seconds:.3}")),
        ("pairs", grouped(pairs)),
        ("pairs/s", rounded(pairs_per_s)),
        cpu.row(seconds),
        cpu.row_each(pairs),
        ("verified", format!("{} pairs, 0 lost, 0 out of order", grouped(verified))),
    ];
    report::print(options.common.json, &title, &outcome, &rows)
}

impl Churn {
    fn connect(address: SocketAddr, options: &Options) -> anyhow::Result<Self> {
        raise_descriptors(u64::from(options.connections) + 1)?;
        let (request, reply) = Shape::new(std::process::id(), options.channels, STAMP_LEN).pair();
        let poll = Poll::new().context("the poller can't be made")?;
        let mut clients = Vec::with_capacity(options.connections as usize);
        for number in 0..options.connections {
            let link = Link::dial(poll.registry(), address, number as usize, Vec::new())
                .with_context(|| format!("connection {number} can't be made"))?;
            link.no_delay()?;
            clients.push(Client { link, offset: u64::from(number), sent: 0, confirmed: 0 });
        }
        Ok(Self {
            poll,
            events: Events::with_capacity(1024),
            buffer: vec![0; 256 * 1024],
            clients,
            request,
            reply,
            channels: options.channels,
            pipeline: options.pipeline,
            timeout: options.common.timeout(),
        })
    }

    fn confirmed(&self) -> u64 {
        self.clients.iter().map(|client| client.confirmed).sum()
    }

    /// Sends pairs for a time and then waits until all are confirmed.
    fn run_for(&mut self, seconds: f64, progress: &mut Progress) -> anyhow::Result<()> {
        let (start, duration) = (Instant::now(), Duration::from_secs_f64(seconds));
        let mut last_progress = start;
        for number in 0..self.clients.len() {
            self.refill(number)?;
        }
        loop {
            let now = Instant::now();
            let sending = now - start < duration;
            if !sending && self.clients.iter().all(|client| client.sent == client.confirmed) {
                return Ok(());
            }
            if now - last_progress >= self.timeout {
                let missing: u64 = self.clients.iter().map(|client| client.sent - client.confirmed).sum();
                bail!("not a result: {missing} pairs were not confirmed");
            }
            if self.turn(sending)? {
                last_progress = now;
            }
            progress.show(now, (now - start).as_secs_f64() / seconds);
        }
    }

    /// Takes confirmations and, if `sending`, sends as many new pairs; false if nothing came.
    fn turn(&mut self, sending: bool) -> anyhow::Result<bool> {
        let mut ready = Vec::new();
        poll_once(&mut self.poll, &mut self.events, Duration::from_millis(100))?;
        for event in &self.events {
            let number = event.token().0;
            let Some(client) = self.clients.get_mut(number) else { continue };
            let Client { link, offset, sent, confirmed } = client;
            let (before, reply, channels) = (*confirmed, &mut self.reply, u64::from(self.channels));
            let mut step = || {
                if event.is_writable() {
                    link.unblock()?;
                }
                if !event.is_readable() {
                    return Ok(());
                }
                link.read(&mut self.buffer, event.is_read_closed(), |bytes| {
                    let pairs = bytes.chunks_exact(reply.len());
                    let rest = pairs.remainder().len();
                    for pair in pairs {
                        // The remainder is below the number of channels.
                        let expected = reply.with(((*offset + *confirmed) % channels) as u32);
                        ensure!(pair == expected, "it got {} for {}", pair.escape_ascii(), expected.escape_ascii());
                        *confirmed += 1;
                        ensure!(*confirmed <= *sent, "it got a confirmation of nothing");
                    }
                    ensure!(rest == 0 || bytes[bytes.len() - rest] == b'*', "it got {}", bytes.escape_ascii());
                    Ok(bytes.len() - rest)
                })
            };
            step().with_context(|| format!("not a result: connection {number} failed"))?;
            if *confirmed > before {
                ready.push(number);
            }
        }
        if sending {
            for &number in &ready {
                self.refill(number)?;
            }
        }
        Ok(!ready.is_empty())
    }

    fn refill(&mut self, number: usize) -> anyhow::Result<()> {
        let Client { link, offset, sent, confirmed } = &mut self.clients[number];
        while *sent - *confirmed < self.pipeline {
            // The remainder is below the number of channels.
            let channel = ((*offset + *sent) % u64::from(self.channels)) as u32;
            link.out().extend_from_slice(self.request.with(channel));
            *sent += 1;
        }
        link.flush()
    }
}
