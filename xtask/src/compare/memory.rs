//! Memory: what a connection, a subscription, a pattern and a stalled subscriber add to a server's resident memory.
//!
//! Each number is the growth of one server of its own. What the kernel holds for sockets is not part of it; it is the
//! same for all servers.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use fanfare_bench::{encoded, mixed_pattern};
use serde::{Deserialize, Serialize};
use socket2::{Domain, Socket, Type};

use super::page::plain;
use super::results::told;
use super::server::{FANFARE, Program, REFERENCE, Running, Server};

/// One kind of growth, for each server.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct MemoryRow {
    pub(super) title: String,
    /// What the growth is divided by.
    pub(super) count: u32,
    /// The most there may be for each byte of the reference.
    pub(super) target: Option<f64>,
    pub(super) measured: Vec<Growth>,
}

/// How much a server's resident memory grew.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Growth {
    pub(super) server: String,
    /// Nothing if it failed or was left out.
    pub(super) bytes: Option<u64>,
    /// Why there is nothing.
    pub(super) failure: Option<String>,
}

impl MemoryRow {
    /// Bytes of each one of those that are counted.
    pub(super) fn each(&self, server: &str) -> Option<f64> {
        let growth = self.measured.iter().find(|growth| growth.server == server)?;
        Some(growth.bytes? as f64 / f64::from(self.count))
    }

    pub(super) fn ratio(&self) -> Option<f64> {
        Some(self.each(FANFARE)? / self.each(REFERENCE)?)
    }
}

/// What makes a server grow.
#[derive(Clone, Copy, Debug)]
enum Load {
    /// Connections that have just sent a request: buffers are still there.
    Busy {
        connections: u32,
    },
    Idle {
        connections: u32,
    },
    Patterns {
        count: u32,
    },
    Stalled {
        subscribers: u32,
    },
    /// Each connection to this many channels, which are the same for all unless `own`.
    Subscribed {
        connections: u32,
        names: u32,
        own: bool,
    },
}

/// Measures all of it with Fanfare (one worker) and the servers that take Redis's requests.
pub(super) fn measure(servers: &[Server]) -> Result<Vec<MemoryRow>> {
    let limit = rlimit::increase_nofile_limit(u64::from(MANY + DESCRIPTORS_SPARE))
        .context("the limit of open descriptors can't be read")?;
    let many = MANY.min(u32::try_from(limit).unwrap_or(MANY).saturating_sub(DESCRIPTORS_SPARE));
    let many_title = if many == MANY {
        "idle connection, 50,000 of them".to_owned()
    } else {
        let (many, limit) = (plain(f64::from(many)), plain(limit as f64));
        format!("idle connection, {many} of them (50,000 need more than a process's {limit} descriptors here)")
    };
    let all = [
        ("idle connection, 10,000 of them".to_owned(), 10_000, Some(HALF), Load::Idle { connections: 10_000 }),
        (many_title, many, Some(HALF), Load::Idle { connections: many }),
        ("connection just served, 10,000 of them".to_owned(), 10_000, None, Load::Busy { connections: 10_000 }),
        (
            "connection subscribed to one channel of all, 10,000 of them".to_owned(),
            10_000,
            None,
            Load::Subscribed { connections: 10_000, names: 1, own: false },
        ),
        (
            "subscription, 1,000 connections x the same 1,000 channels".to_owned(),
            1_000_000,
            None,
            Load::Subscribed { connections: 1_000, names: 1_000, own: false },
        ),
        (
            "subscription, 1,000 connections x 1,000 channels of their own".to_owned(),
            1_000_000,
            None,
            Load::Subscribed { connections: 1_000, names: 1_000, own: true },
        ),
        ("pattern, 100,000 of mixed shapes".to_owned(), 100_000, None, Load::Patterns { count: 100_000 }),
        ("stalled subscriber, 100 of them, 8 MiB behind".to_owned(), 100, None, Load::Stalled { subscribers: 100 }),
        (
            "stalled subscriber, 1,000 of them, 8 MiB behind".to_owned(),
            1_000,
            None,
            Load::Stalled { subscribers: 1_000 },
        ),
    ];
    let takes_part = |server: &&Server| matches!(server.program, Program::Fanfare | Program::Redis);
    let mut rows = Vec::new();
    for (title, count, target, load) in all {
        println!("\n{title}");
        let mut row = MemoryRow { title, count, target, measured: Vec::new() };
        for server in servers.iter().filter(takes_part) {
            let outcome = load.growth(server);
            match &outcome {
                Ok(bytes) => println!("  {}: {} B each", server.name, bytes / u64::from(count)),
                Err(error) => println!("  {}: {error:#}", server.name),
            }
            let (bytes, failure) = told(outcome);
            row.measured.push(Growth { server: server.name.clone(), bytes, failure });
        }
        rows.push(row);
    }
    Ok(rows)
}

impl Load {
    fn growth(self, server: &Server) -> Result<u64> {
        if let (Self::Stalled { subscribers }, Program::Redis) = (self, server.program) {
            // It copies each message for each subscriber.
            let needed_mib = u64::from(subscribers) * (BACKLOG_BYTES >> 20);
            let available_mib = available_mib()?;
            ensure!(
                needed_mib < available_mib / 2,
                "left out: it would need {needed_mib} MiB, {available_mib} MiB are there"
            );
        }
        let running = server.start(MANY + DESCRIPTORS_SPARE)?;
        let mut control = Client::connect(running.port, 0, None)?;
        control.ping()?;
        control.request(&["CONFIG", "SET", "client-output-buffer-limit", "pubsub 0 0 0"], b"+OK\r\n")?;
        match self {
            Self::Busy { connections } => {
                let before = settled_kib(&running)?;
                let _clients = served(&running, connections)?;
                Ok(running.memory_kib()?.0.saturating_sub(before) * 1024)
            }
            Self::Idle { connections } => {
                let before = settled_kib(&running)?;
                let clients = served(&running, connections)?;
                grown(&running, before, clients)
            }
            Self::Subscribed { connections, names: 1, .. } => {
                let before = settled_kib(&running)?;
                let mut clients = served(&running, connections)?;
                clients.iter_mut().try_for_each(|client| client.subscribe("subscribe", 0, &["news".to_owned()]))?;
                grown(&running, before, clients)
            }
            Self::Subscribed { connections, names, own } => {
                let mut clients = served(&running, connections)?;
                let before = settled_kib(&running)?;
                for (number, client) in clients.iter_mut().enumerate() {
                    let prefix = if own { format!("news:{number:04}") } else { "news:all1".to_owned() };
                    let names: Vec<_> = (0..names).map(|name| format!("{prefix}:{name:04}")).collect();
                    client.subscribe("subscribe", 0, &names)?;
                }
                grown(&running, before, clients)
            }
            Self::Patterns { count } => {
                let before = settled_kib(&running)?;
                for first in (0..count).step_by(NAMES_AT_ONCE as usize) {
                    let patterns: Vec<_> = (first..count.min(first + NAMES_AT_ONCE))
                        .map(|number| mixed_pattern(number as usize))
                        .collect();
                    control.subscribe("psubscribe", first, &patterns)?;
                }
                grown(&running, before, control)
            }
            Self::Stalled { subscribers } => {
                let stalled = (0..subscribers).map(|number| {
                    let mut client = Client::connect(running.port, number, Some(STALLED_RECEIVE_BYTES))?;
                    client.subscribe("subscribe", 0, &["news".to_owned()])?;
                    Ok(client)
                });
                let stalled = stalled.collect::<Result<Vec<_>>>()?;
                let before = settled_kib(&running)?;
                let payload = "x".repeat(MESSAGE_BYTES as usize);
                let requests = encoded(&["PUBLISH", "news", &payload]).repeat(PUBLISHES_AT_ONCE);
                let reply = format!(":{subscribers}\r\n").repeat(PUBLISHES_AT_ONCE);
                for _ in 0..BACKLOG_BYTES / MESSAGE_BYTES / PUBLISHES_AT_ONCE as u64 {
                    control.exchange(&requests, reply.as_bytes())?;
                }
                grown(&running, before, stalled)
            }
        }
    }
}

/// Connections that have been served once.
fn served(running: &Running, count: u32) -> Result<Vec<Client>> {
    let connect = |number| -> Result<Client> {
        let mut client = Client::connect(running.port, number, None)?;
        client.ping()?;
        Ok(client)
    };
    (0..count).map(|number| connect(number).with_context(|| format!("connection {number}"))).collect()
}

/// How much memory came to be used; `_clients` have been open until now.
fn grown<C>(running: &Running, before_kib: u64, _clients: C) -> Result<u64> {
    Ok(settled_kib(running)?.saturating_sub(before_kib) * 1024)
}

/// The resident memory once it stands still: servers give back some of what they needed for a moment.
///
/// It is looked at again and again, since a foreign process tells nobody when that is.
fn settled_kib(running: &Running) -> Result<u64> {
    let start = Instant::now();
    let (mut kib, mut since) = (running.memory_kib()?.0, start);
    while since.elapsed() < STILL && start.elapsed() < SETTLE_MAX {
        thread::sleep(Duration::from_millis(100));
        let now = running.memory_kib()?.0;
        if now.abs_diff(kib) > kib / 200 {
            (kib, since) = (now, Instant::now());
        }
    }
    Ok(running.memory_kib()?.0)
}

fn available_mib() -> Result<u64> {
    let text = fs::read_to_string("/proc/meminfo")?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:")?.trim().strip_suffix(" kB"));
    Ok(line.context("the available memory is unknown")?.trim().parse::<u64>()? / 1024)
}

/// A connection that waits for each answer.
struct Client(TcpStream);

impl Client {
    fn connect(port: u16, number: u32, receive_bytes: Option<usize>) -> Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        if let Some(bytes) = receive_bytes {
            socket.set_recv_buffer_size(bytes)?;
        }
        // A port that waits for its end could not be bound again by the next measurement.
        socket.set_linger(Some(Duration::ZERO))?;
        // One address has too few ports for all, and the first one's are those of the loads before.
        let last = u8::try_from(2 + number / CONNECTIONS_PER_ADDRESS)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0)).into())?;
        socket.connect(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(REPLY_MAX))?;
        stream.set_write_timeout(Some(REPLY_MAX))?;
        Ok(Self(stream))
    }

    fn ping(&mut self) -> Result<()> {
        self.request(&["PING"], b"+PONG\r\n")
    }

    /// `held` is how many there are already.
    fn subscribe(&mut self, verb: &str, held: u32, names: &[String]) -> Result<()> {
        let words: Vec<_> = [verb].into_iter().chain(names.iter().map(String::as_str)).collect();
        let confirmation = |(number, name): (u32, &String)| {
            format!("*3\r\n${}\r\n{verb}\r\n${}\r\n{name}\r\n:{number}\r\n", verb.len(), name.len())
        };
        let confirmations: String = (held + 1..).zip(names).map(confirmation).collect();
        self.request(&words, confirmations.as_bytes())
    }

    fn request(&mut self, words: &[&str], reply: &[u8]) -> Result<()> {
        self.exchange(&encoded(words), reply)
    }

    fn exchange(&mut self, requests: &[u8], expected: &[u8]) -> Result<()> {
        self.0.write_all(requests).context("a request can't be sent")?;
        let mut reply = vec![0; expected.len()];
        self.0.read_exact(&mut reply).context("no reply came")?;
        let shown = |bytes: &[u8]| bytes[..bytes.len().min(60)].escape_ascii().to_string();
        ensure!(reply == expected, "the reply was {}", shown(&reply));
        Ok(())
    }
}

/// The most of an idle connection of the reference.
const HALF: f64 = 0.5;
const MANY: u32 = 50_000;
/// For what a process has open besides, and the server keeps for itself.
const DESCRIPTORS_SPARE: u32 = 100;
const CONNECTIONS_PER_ADDRESS: u32 = 20_000;
const NAMES_AT_ONCE: u32 = 1_000;
const BACKLOG_BYTES: u64 = 8 << 20;
const MESSAGE_BYTES: u64 = 1 << 10;
const PUBLISHES_AT_ONCE: usize = 64;
/// So that the backlog lies in the server and not in the kernel.
const STALLED_RECEIVE_BYTES: usize = 4 << 10;
const REPLY_MAX: Duration = Duration::from_secs(60);
const STILL: Duration = Duration::from_secs(3);
const SETTLE_MAX: Duration = Duration::from_secs(20);

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Ten idle connections of these many bytes together.
    pub(in crate::compare) fn row(fanfare: Option<u64>, redis: Option<u64>) -> MemoryRow {
        let growth = |server: &str, bytes: Option<u64>| Growth {
            server: server.to_owned(),
            bytes,
            failure: bytes.is_none().then(|| "refused".to_owned()),
        };
        MemoryRow {
            title: "idle connection".to_owned(),
            count: 10,
            target: Some(HALF),
            measured: vec![growth(FANFARE, fanfare), growth(REFERENCE, redis)],
        }
    }

    #[test]
    fn growth_is_divided_by_what_was_counted() {
        let row = row(Some(1000), Some(4000));
        assert_eq!((row.each(FANFARE), row.ratio()), (Some(100.0), Some(0.25)));
        assert_eq!(tests::row(None, Some(1)).ratio(), None);
    }
}
