//! `bench churn`: how fast subscriptions come and go.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use clap::Args;
use serde::Serialize;

use super::frames::{CHANNELS_MAX, Patched, STAMP_LEN, Shape};
use super::link::Link;
use super::poller::{Poller, Target};
use super::protocol::Protocol;
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
    /// More connections that stay subscribed to all these names
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    audience: u32,
    #[command(flatten)]
    span: Span,
}

#[derive(Debug, Serialize)]
struct Outcome {
    bench: &'static str,
    connections: u32,
    channels: u32,
    pipeline: u64,
    audience: u32,
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

/// Events have tokens by number: the clients', then the audience's.
struct Churn {
    poller: Poller,
    clients: Vec<Client>,
    audience: Vec<Link>,
    request: Patched,
    reply: Patched,
    channels: u32,
    pipeline: u64,
}

pub(super) fn run(options: &Options) -> anyhow::Result<()> {
    let target = options.common.target(Protocol::Resp)?;
    let Options { connections, channels, pipeline, audience, .. } = *options;
    let mut progress = Progress::new("connecting");
    let mut churn = Churn::connect(target, options, &mut progress)?;
    progress.phase("warming up");
    churn.run_for(options.span.warmup, &mut progress)?;
    let (before, cpu_before) = (churn.confirmed(), Cpu::now(target));
    progress.phase("measuring");
    let start = Instant::now();
    churn.run_for(options.span.seconds, &mut progress)?;
    let seconds = start.elapsed().as_secs_f64();
    let cpu = Cpu::now(target).since(cpu_before);
    drop(progress);

    let verified = churn.confirmed();
    let pairs = verified - before;
    let pairs_per_s = pairs as f64 / seconds;
    let bench = "churn";
    let outcome =
        Outcome { bench, connections, channels, pipeline, audience, seconds, pairs, pairs_per_s, cpu, verified };
    let title = format!(
        "churn: {connections} connections, {channels} channels, {pipeline} pairs on the way each, {audience} more \
         subscribed to all"
    );
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
    fn connect(target: Target, options: &Options, progress: &mut Progress) -> anyhow::Result<Self> {
        let Options { connections, channels, pipeline, audience, .. } = *options;
        let shape = Shape::new(Protocol::Resp, std::process::id(), channels, STAMP_LEN);
        let (request, reply) = shape.pair();
        let count = connections as usize;
        let mut poller = Poller::new(target, u64::from(connections) + u64::from(audience) + 1, reply.len())?;
        let names: Vec<String> = (0..channels).map(|channel| shape.channel(channel)).collect();
        let opening = |_| target.protocol.subscribe(&names);
        let audience = poller.connect("subscriber", count, audience as usize, opening, progress)?;
        let links = poller.connect("connection", 0, count, |_| target.protocol.open(false), progress)?;
        let mut clients = Vec::with_capacity(count);
        for (offset, link) in (0..).zip(links) {
            link.no_delay()?;
            clients.push(Client { link, offset, sent: 0, confirmed: 0 });
        }
        Ok(Self { poller, clients, audience, request, reply, channels, pipeline })
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
            if now - last_progress >= self.poller.target.timeout {
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
        self.poller.wait(Duration::from_millis(100))?;
        for event in &self.poller.events {
            let number = event.token().0;
            let Some(client) = self.clients.get_mut(number) else {
                let number = number - self.clients.len();
                let Some(link) = self.audience.get_mut(number) else { continue };
                let protocol = self.poller.target.protocol;
                link.handle(event, &mut self.poller.buffer, |bytes, out| protocol.expect_silence(bytes, out))
                    .with_context(|| format!("not a result: subscriber {number} failed"))?;
                continue;
            };
            let Client { link, offset, sent, confirmed } = client;
            let (before, reply, channels) = (*confirmed, &mut self.reply, u64::from(self.channels));
            let result = link.handle(event, &mut self.poller.buffer, |bytes, _| {
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
            });
            result.with_context(|| format!("not a result: connection {number} failed"))?;
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
