//! Whole sessions: whatever three connections on two workers send, nothing panics, all they get is well-formed, and
//! nothing is left of them.
//!
//! An input is a row of steps: a byte that says which connection, how many bytes (0 to 31) and whether the workers end
//! a turn afterwards; then these bytes. Connections 0 and 1 share a worker; 3 stands for something that happens to one.
#![no_main]

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fanfare_engine::settings::Settings;
use fanfare_engine::{Broker, BrokerOptions, CloseReason, ConnId, Endpoint, Load, Now, Worker};
use fanfare_wire::{DecodeLimits, decode};
use libfuzzer_sys::fuzz_target;

const WORKER_OF: [usize; 3] = [0, 0, 1];

struct Peer {
    worker: usize,
    conn: ConnId,
    id: u64,
    is_open: bool,
    /// Bytes its socket still takes, `None` for any number.
    appetite: Option<usize>,
    sent: Vec<u8>,
    received: Vec<u8>,
}

impl Peer {
    fn take(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut left = self.appetite.unwrap_or(usize::MAX);
        if left == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut taken = 0;
        for slice in slices {
            let part = &slice[..slice.len().min(left)];
            self.received.extend_from_slice(part);
            taken += part.len();
            left -= part.len();
        }
        self.appetite = self.appetite.map(|_| left);
        Ok(taken)
    }

    /// What it got are whole values, but for the end.
    fn check_received(&self) {
        // CLIENT REPLY inside a transaction leaves gaps in the array, as in Redis; a backslash might hide it.
        if self.sent.windows(5).any(|word| word.eq_ignore_ascii_case(b"reply")) || self.sent.contains(&b'\\') {
            return;
        }
        let mut rest = &self.received[..];
        loop {
            match decode(rest, &DecodeLimits::DEFAULT) {
                Ok(Some((_, length))) => rest = &rest[length..],
                Ok(None) => return,
                Err(error) => panic!("{error} at {}", rest.escape_ascii()),
            }
        }
    }
}

struct World {
    broker: Arc<Broker>,
    workers: Vec<Worker>,
    woken: Arc<AtomicU64>,
    now: Now,
    peers: Vec<Peer>,
}

fuzz_target!(|data: &[u8]| {
    let mut world = World::new();
    let mut rest = data;
    while let Some((&control, behind)) = rest.split_first() {
        let at = usize::from(control >> 6);
        let (bytes, next) = behind.split_at(behind.len().min(usize::from(control & 31)));
        rest = next;
        match world.peers.get(at) {
            Some(_) => world.send(at, bytes),
            None => world.happens(control & 31),
        }
        if control & 32 != 0 {
            world.settle();
        }
    }
    world.end();
});

impl World {
    fn new() -> Self {
        let woken = Arc::new(AtomicU64::new(0));
        let wakes = Arc::clone(&woken);
        let mut settings = Settings::default();
        // Small, so that inputs of some hundred bytes reach them.
        for (name, value) in [
            ("client-output-buffer-limit", "normal 65536 0 0 pubsub 2048 1024 1"),
            ("publish-window-bytes", "4096"),
            ("max-subscriptions-per-client", "6"),
            ("pattern-cache-entries", "2"),
            ("proto-max-bulk-len", "1mb"),
            ("maxmemory", "100kb"),
            ("maxmemory-policy", "allkeys-lru"),
            ("notify-keyspace-events", "KEAmnocSTIV"),
        ] {
            settings.set(name, value).expect("a known setting");
        }
        let broker = Arc::new(Broker::new(BrokerOptions {
            settings,
            workers: 2,
            wake: Box::new(move |worker| {
                wakes.fetch_or(1 << worker, Ordering::Relaxed);
            }),
            ..BrokerOptions::default()
        }));
        let workers = (0..2).map(|id| Worker::new(Arc::clone(&broker), id)).collect();
        let mut world = Self { broker, workers, woken, now: Now::default(), peers: Vec::new() };
        for worker in WORKER_OF {
            world.open(worker);
        }
        world
    }

    fn open(&mut self, worker: usize) {
        let conn = self.workers[worker].open(Endpoint::default(), self.now);
        let Some(id) = self.workers[worker].client_id(conn) else { return };
        self.peers.push(Peer {
            worker,
            conn,
            id,
            is_open: true,
            appetite: None,
            sent: Vec::new(),
            received: Vec::new(),
        });
    }

    fn send(&mut self, at: usize, bytes: &[u8]) {
        let peer = &mut self.peers[at];
        if peer.is_open {
            peer.sent.extend_from_slice(bytes);
            self.workers[peer.worker].handle_input(peer.conn, bytes, self.now);
        }
    }

    fn happens(&mut self, what: u8) {
        let at = usize::from(what) % self.peers.len();
        let peer = &mut self.peers[at];
        match what / 4 {
            0 => peer.appetite = Some(0),
            4 => peer.appetite = Some(13),
            5 => peer.appetite = Some(200),
            1 if peer.is_open && peer.appetite.take().is_some() => {
                self.workers[peer.worker].unblock(peer.conn);
            }
            6 if peer.is_open => {
                peer.appetite = Some(50);
                self.workers[peer.worker].unblock(peer.conn);
            }
            2 if peer.is_open => {
                peer.is_open = false;
                self.workers[peer.worker].close(peer.conn, CloseReason::ClientClosed);
            }
            3 => {
                self.now.monotonic_us += 700_000;
                self.now.unix_us += 700_000;
                for worker in &mut self.workers {
                    worker.handle_timeout(self.now, Load::default());
                }
            }
            _ => {}
        }
    }

    /// Turns of both workers until nothing is left to do.
    fn settle(&mut self) {
        loop {
            self.woken.store(0, Ordering::Relaxed);
            let mut is_quiet = true;
            for at in 0..self.workers.len() {
                is_quiet &= !self.turn(at);
            }
            if is_quiet && self.woken.load(Ordering::Relaxed) == 0 {
                return;
            }
        }
    }

    fn turn(&mut self, at: usize) -> bool {
        let Self { workers, peers, now, .. } = self;
        let worker = &mut workers[at];
        let mut did_something = false;
        worker.finish_turn(*now);
        while let Some(conn) = worker.poll_ready() {
            did_something = true;
            worker.handle_input(conn, b"", *now);
        }
        while let Some(conn) = worker.next_dirty() {
            did_something = true;
            let id = worker.client_id(conn);
            let Some(peer) = peers.iter_mut().find(|peer| Some(peer.id) == id) else { continue };
            worker.transmit(conn, |slices| peer.take(slices));
        }
        while let Some((_, id, _)) = worker.poll_closed() {
            did_something = true;
            for peer in peers.iter_mut().filter(|peer| peer.id == id) {
                peer.is_open = false;
            }
        }
        did_something
    }

    /// Everyone leaves: nothing is subscribed, queued or counted any more.
    fn end(&mut self) {
        self.settle();
        for peer in &mut self.peers {
            if std::mem::take(&mut peer.is_open) {
                self.workers[peer.worker].close(peer.conn, CloseReason::ClientClosed);
            }
        }
        self.settle();
        self.now.monotonic_us += 10_000_000;
        self.now.unix_us = u64::MAX / 2;
        for worker in &mut self.workers {
            worker.handle_timeout(self.now, Load::default());
        }
        self.settle();
        self.peers.iter().for_each(Peer::check_received);
        assert!(self.broker.clients().is_empty());
        assert!(self.workers.iter().all(Worker::is_empty));

        // A newcomer, who sees no one else.
        self.peers.clear();
        self.open(0);
        let mut answer = Vec::new();
        let worker = &mut self.workers[0];
        let conn = self.peers[0].conn;
        let ask =
            b"AUTH x\r\nPUBSUB CHANNELS\r\nPUBSUB SHARDCHANNELS\r\nPUBSUB NUMPAT\r\nPUBLISH a x\r\nSPUBLISH a x\r\n";
        worker.handle_input(conn, ask, self.now);
        worker.finish_turn(self.now);
        while let Some(conn) = worker.next_dirty() {
            worker.transmit(conn, |slices| {
                slices.iter().for_each(|slice| answer.extend_from_slice(slice));
                Ok(slices.iter().map(|slice| slice.len()).sum())
            });
        }
        let answer = String::from_utf8_lossy(&answer);
        // Unless somebody has set a password or paused everything for ages.
        assert!(
            answer.ends_with("*0\r\n*0\r\n:0\r\n:0\r\n:0\r\n") || answer.contains("-NOAUTH") || answer.is_empty(),
            "{answer}"
        );
    }
}
