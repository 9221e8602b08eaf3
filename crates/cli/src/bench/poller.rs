//! All connections of a run, in one thread: making them and waiting for them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use mio::{Events, Poll};

use super::link::Link;
use super::protocol::{Opening, Protocol};
use super::report::Progress;

/// The server under load.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    pub(super) address: SocketAddr,
    pub(super) protocol: Protocol,
    /// Time without any progress after which what is missing counts as lost.
    pub(super) timeout: Duration,
}

/// What waits for readiness, and what reading needs.
pub(super) struct Poller {
    poll: Poll,
    pub(super) events: Events,
    /// All reading goes through one buffer, which stays in the cache.
    pub(super) buffer: Vec<u8>,
    pub(super) target: Target,
}

/// How many connections may be in the making at a time: fewer than servers let wait.
const DIALS_MAX: usize = 128;
const BUFFER_LEN: usize = 256 * 1024;
/// Connections from one source address, which must be fewer than the ports that the kernel hands out: 28,232 unless set.
const CONNECTIONS_PER_SOURCE: usize = 25_000;

impl Poller {
    /// For this many connections and frames of this length.
    pub(super) fn new(target: Target, connections: u64, frame_len: usize) -> anyhow::Result<Self> {
        raise_descriptors(connections)?;
        let poll = Poll::new().context("the poller can't be made")?;
        let buffer = vec![0; BUFFER_LEN.max(2 * frame_len)];
        Ok(Self { poll, events: Events::with_capacity(1024), buffer, target })
    }

    /// One wait for readiness; an interruption is an end without events.
    pub(super) fn wait(&mut self, wait: Duration) -> anyhow::Result<()> {
        match self.poll.poll(&mut self.events, Some(wait)) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                self.events.clear();
                Ok(())
            }
            Err(error) => Err(error).context("the poller failed"),
        }
    }

    /// Makes `count` connections of a kind whose events have the tokens from `first` on, and has each open.
    pub(super) fn connect(
        &mut self,
        kind: &str,
        first: usize,
        count: usize,
        mut opening: impl FnMut(usize) -> Opening,
        progress: &mut Progress,
    ) -> anyhow::Result<Vec<Link>> {
        let (address, timeout) = (self.target.address, self.target.timeout);
        let (mut links, mut openings) = (Vec::with_capacity(count), Vec::<Option<Opening>>::with_capacity(count));
        let (mut live, mut last_progress) = (0, Instant::now());
        while live < count {
            while links.len() < count && links.len() - live < DIALS_MAX {
                let number = links.len();
                let mut opening = opening(number);
                let request = std::mem::take(&mut opening.request);
                let source = source(address, first + number);
                let link = Link::dial(self.poll.registry(), address, source, first + number, request)
                    .with_context(|| format!("{kind} {number} can't connect to {address}"))?;
                links.push(link);
                openings.push(Some(opening));
            }
            self.wait(Duration::from_millis(100))?;
            let now = Instant::now();
            for event in &self.events {
                // Connections of other kinds get nothing before all are there.
                let Some(number) = event.token().0.checked_sub(first) else { continue };
                let Some((link, opening)) = links.get_mut(number).zip(openings.get_mut(number)) else { continue };
                let protocol = self.target.protocol;
                let taken = link.handle(event, &mut self.buffer, |bytes, out| {
                    last_progress = now;
                    match opening {
                        Some(opening) => opening.take(bytes, out),
                        None => protocol.expect_silence(bytes, out),
                    }
                });
                taken.with_context(|| format!("{kind} {number} can't be set up at {address}"))?;
                if opening.take_if(|opening| opening.is_done()).is_some() {
                    live += 1;
                }
            }
            ensure!(now - last_progress < timeout, "only {live} of {count} {kind}s got through to {address}");
            progress.show(now, live as f64 / count as f64);
        }
        Ok(links)
    }
}

/// The address that the connection of this number comes from, where one address has too few ports.
fn source(target: SocketAddr, number: usize) -> Option<Ipv4Addr> {
    let IpAddr::V4(address) = target.ip() else { return None };
    let number = u32::try_from(number / CONNECTIONS_PER_SOURCE).ok().filter(|&number| number > 0)?;
    address.is_loopback().then(|| Ipv4Addr::from(u32::from(Ipv4Addr::LOCALHOST) + number))
}

/// Makes room for this many connections.
fn raise_descriptors(connections: u64) -> anyhow::Result<()> {
    let needed = connections + 32;
    let limit = rlimit::increase_nofile_limit(needed).context("the limit of open descriptors can't be read")?;
    ensure!(limit >= needed, "{connections} connections need {needed} descriptors, but the limit is {limit}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_loopback_server_gets_connections_from_more_addresses() {
        let (near, far) = (SocketAddr::from(([127, 0, 0, 1], 1)), SocketAddr::from(([10, 0, 0, 1], 1)));
        assert_eq!(source(near, CONNECTIONS_PER_SOURCE - 1), None);
        assert_eq!(source(near, CONNECTIONS_PER_SOURCE), Some(Ipv4Addr::new(127, 0, 0, 2)));
        assert_eq!(source(near, 999_999), Some(Ipv4Addr::new(127, 0, 0, 40)));
        assert_eq!(source(far, 999_999), None);
        assert_eq!(source(SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, 1)), 999_999), None);
    }
}
