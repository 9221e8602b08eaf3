//! Subscribers that do not read must cost the others nothing, share one backlog, and go by the policy that was set.

#![allow(clippy::print_stdout, reason = "the measured figures are part of the result")]

use std::net::SocketAddr;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use fanfare_conformance::connection::{Connection, WAIT_MAX};
use fanfare_conformance::frame::command;
use fanfare_conformance::server::{Server, Target};
use socket2::{Domain, Socket, Type};

const HEALTHY: usize = 200;
const STALLED: usize = 200;
const CHANNEL: &str = "feed";
const LAG_CHANNEL: &str = "__fanfare__:lag";
const PAYLOAD_BYTES: usize = 4096;
/// Publications of each measurement; with the stalled, four times what one of them may queue.
const ROUNDS: u64 = 1024;
const HARD_LIMIT_BYTES: u64 = 1024 * 1024;
const LIMIT: &str = "pubsub 1mb 256kb 5";

/// One at a time: the tests measure time and memory.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn policy_disconnect_closes_the_stalled() {
    let _turn = alone();
    let mut load = Load::start("disconnect").unwrap();
    load.run("disconnect").unwrap();
    // Redis counts these only from 7.2 on.
    if Target::from_env().unwrap() == Target::Fanfare {
        // The last ones may still be on their way out when the last publication was answered.
        let start = Instant::now();
        loop {
            let closed = load.info("client_output_buffer_limit_disconnections").unwrap();
            if closed == STALLED as u64 {
                break;
            }
            assert!(closed < STALLED as u64, "{closed} disconnections of {STALLED} stalled");
            assert!(start.elapsed() < WAIT_MAX, "only {closed} stalled were disconnected");
        }
    }
    for mut stalled in load.stalled.drain(..) {
        // Everything sent before the close is in order; then the connection ends.
        stalled.take_until_closed().unwrap();
    }
    assert_eq!(load.publish(0).unwrap(), HEALTHY as u64);
}

#[test]
fn policy_drop_oldest_tells_what_was_dropped() {
    drops_and_tells("drop-oldest");
}

#[test]
fn policy_latest_tells_what_was_dropped() {
    drops_and_tells("latest");
}

fn drops_and_tells(policy: &str) {
    if Target::from_env().unwrap() == Target::Redis {
        return; // It knows one policy only.
    }
    let _turn = alone();
    let mut load = Load::start(policy).unwrap();
    load.run(policy).unwrap();
    let mut stalled_all: Vec<Connection> = load.stalled.drain(..).collect();
    let mut dropped_all = 0;
    for (index, stalled) in stalled_all.iter_mut().enumerate() {
        dropped_all += catch_up(stalled).with_context(|| format!("stalled subscriber {index}")).unwrap();
    }
    println!("{policy}: {dropped_all} of {} messages dropped", ROUNDS * STALLED as u64);
    assert_eq!(load.info("client_output_buffer_limit_disconnections").unwrap(), 0);
    // They are as healthy as the others again.
    assert_eq!(load.publish(ROUNDS).unwrap(), (HEALTHY + STALLED) as u64);
    for stalled in &mut stalled_all {
        let message = stalled.frame().unwrap();
        assert_eq!(message.items()[0].bytes(), b"message");
        assert_eq!(number_of(message.items()[2].bytes()).unwrap(), ROUNDS);
    }
}

/// Reads what is left for a stalled subscriber; how many messages it was told it had lost.
fn catch_up(stalled: &mut Connection) -> Result<u64> {
    let (mut received, mut dropped, mut notices, mut next) = (0, 0, 0, 0);
    while received + dropped < ROUNDS {
        let frame =
            stalled.frame().with_context(|| format!("after {received} messages and notices of {dropped} dropped"))?;
        let [kind, channel, payload] = frame.items() else { bail!("{frame:?} is no message") };
        ensure!(kind.bytes() == b"message", "{frame:?} is no message");
        if channel.bytes() == LAG_CHANNEL.as_bytes() {
            let notice: serde_json::Value = serde_json::from_slice(payload.bytes())?;
            let count = notice["count"].as_u64().with_context(|| format!("no count in {notice}"))?;
            let bytes = notice["bytes"].as_u64().with_context(|| format!("no bytes in {notice}"))?;
            ensure!(count > 0 && bytes >= count * PAYLOAD_BYTES as u64, "{notice} does not add up");
            ensure!(notice["channels"].to_string().contains(CHANNEL), "{notice} does not name the channel");
            dropped += count;
            notices += 1;
        } else {
            let number = number_of(payload.bytes())?;
            ensure!(number >= next, "message {number} after {next} others");
            next = number + 1;
            received += 1;
        }
    }
    ensure!(received + dropped == ROUNDS, "{received} received and {dropped} dropped of {ROUNDS}");
    ensure!(next == ROUNDS, "the newest message was dropped, the last one received is {next} - 1");
    ensure!(notices > 0 && dropped > 0, "nothing was dropped: the subscriber did not stall");
    Ok(dropped)
}

/// A server with its subscribers.
struct Load {
    server: Server,
    publisher: Connection,
    /// One value for each delivery to a healthy subscriber: when it was read.
    read_rx: Receiver<Instant>,
    stalled: Vec<Connection>,
}

impl Load {
    /// Starts the server and the healthy subscribers.
    fn start(policy: &str) -> Result<Self> {
        let target = Target::from_env()?;
        let server = match target {
            Target::Fanfare => Server::start(
                &target,
                &["--workers", "2", "--client-output-buffer-limit", LIMIT, "--slow-subscriber-policy", policy],
            )?,
            _ => Server::start(&target, &["--client-output-buffer-limit", LIMIT])?,
        };
        let publisher = Connection::open(server.address())?;
        let (read_tx, read_rx) = mpsc::channel();
        for _ in 0..HEALTHY {
            let mut connection = Connection::open(server.address())?;
            connection.call(&["SUBSCRIBE", CHANNEL])?;
            let read_tx = read_tx.clone();
            thread::Builder::new().stack_size(256 * 1024).spawn(move || {
                // It ends with the server, or when the test has enough.
                while connection.frame().is_ok() {
                    if read_tx.send(Instant::now()).is_err() {
                        return;
                    }
                }
            })?;
        }
        Ok(Self { server, publisher, read_rx, stalled: Vec::new() })
    }

    /// Measures without and with the stalled subscribers.
    fn run(&mut self, policy: &str) -> Result<()> {
        let (alone, _) = self.measure()?;
        for _ in 0..STALLED {
            self.stalled.push(stalled_subscriber(self.server.address())?);
        }
        let before_bytes = self.server.resident_bytes()?;
        let (beside, peak_bytes) = self.measure()?;
        let grown_bytes = peak_bytes.saturating_sub(before_bytes);
        let ratio = beside.as_secs_f64() / alone.as_secs_f64();
        println!(
            "{policy}: p99 {alone:?} alone, {beside:?} beside {STALLED} stalled (x{ratio:.2}); memory grew by {} KiB",
            grown_bytes / 1024
        );
        // Far beyond noise: a stalled subscriber that is waited for costs milliseconds each.
        ensure!(ratio < 10.0 || beside < Duration::from_millis(50), "the stalled subscribers slow the healthy ones");
        if Target::from_env()? == Target::Fanfare {
            // One copy of what the limit allows and as much again in recycled segments, for each worker; not one for
            // each subscriber, which would be 200 MiB.
            let shared_max_bytes = 2 * 4 * HARD_LIMIT_BYTES + 24 * 1024 * 1024;
            ensure!(grown_bytes < shared_max_bytes, "memory grew by {grown_bytes} bytes");
        }
        Ok(())
    }

    /// Publishes one message after the other, each when the one before has reached every healthy subscriber: the 99th
    /// percentile of the time from publishing to reading, and the server's peak memory.
    fn measure(&mut self) -> Result<(Duration, u64)> {
        let mut times = Vec::with_capacity(ROUNDS as usize * HEALTHY);
        let mut peak_bytes = 0;
        for round in 0..ROUNDS {
            let start = Instant::now();
            self.publish(round)?;
            for _ in 0..HEALTHY {
                let read = self.read_rx.recv_timeout(WAIT_MAX).context("a healthy subscriber gets nothing")?;
                times.push(read.saturating_duration_since(start));
            }
            if round % 16 == 0 {
                peak_bytes = peak_bytes.max(self.server.resident_bytes()?);
            }
        }
        times.sort_unstable();
        Ok((times[times.len() * 99 / 100], peak_bytes))
    }

    /// Publishes one numbered message; how many subscribers it goes to.
    fn publish(&mut self, number: u64) -> Result<u64> {
        let mut payload = format!("{number} ").into_bytes();
        payload.resize(PAYLOAD_BYTES, b'.');
        let reply = self.publisher.call(&[b"PUBLISH", CHANNEL.as_bytes(), &payload])?;
        let count = reply.integer().with_context(|| format!("{reply:?} in answer to PUBLISH"))?;
        Ok(u64::try_from(count)?)
    }

    /// A number of INFO.
    fn info(&mut self, field: &str) -> Result<u64> {
        let reply = self.publisher.call(&["INFO"])?;
        let text = String::from_utf8_lossy(reply.bytes()).into_owned();
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))
            .with_context(|| format!("no {field} in INFO"))?;
        Ok(value.trim().parse()?)
    }
}

/// A subscriber with a receive buffer so small that its kernel reads little for it.
fn stalled_subscriber(address: SocketAddr) -> Result<Connection> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_recv_buffer_size(4096)?;
    socket.connect(&address.into())?;
    let mut connection = Connection::on(socket.into())?;
    connection.send(&command(&["SUBSCRIBE", LAG_CHANNEL, CHANNEL]))?;
    connection.frame()?;
    connection.frame()?;
    Ok(connection)
}

fn number_of(payload: &[u8]) -> Result<u64> {
    let digits = payload.split(|&byte| byte == b' ').next().unwrap_or_default();
    Ok(std::str::from_utf8(digits)?.parse()?)
}
