//! Workers and scripted connections in memory, with time that only the test moves.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use fanfare_fanout::Transmit;

use crate::settings::Settings;
use crate::{Address, Broker, BrokerOptions, CloseReason, ConnId, Endpoint, Load, Now, ServerFacts, Worker};

/// The first moment of every test, in Unix time.
const START_US: u64 = 1_700_000_000_000_000;

/// A connection, by the worker it is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Peer {
    pub(crate) worker: usize,
    pub(crate) conn: ConnId,
    pub(crate) id: u64,
}

/// A broker, its workers, and what each connection was sent.
pub(crate) struct Harness {
    pub(crate) broker: Arc<Broker>,
    pub(crate) workers: Vec<Worker>,
    pub(crate) now: Now,
    /// Calls of the broker's shutdown closure.
    pub(crate) shutdowns: Arc<AtomicU64>,
    /// Calls of the broker's rewrite closure.
    pub(crate) rewrites: Arc<AtomicU64>,
    /// Calls of the broker's apply closure.
    pub(crate) applies: Arc<AtomicU64>,
    /// What the ACL file holds.
    pub(crate) acl_file: Arc<Mutex<Vec<u8>>>,
    /// Ids of clients whose socket takes nothing.
    blocked: HashSet<u64>,
    woken: Arc<AtomicU64>,
    received: HashMap<u64, Vec<u8>>,
    closed: HashMap<u64, CloseReason>,
}

impl Harness {
    pub(crate) fn new(workers: usize) -> Self {
        Self::with_settings(workers, Settings::default())
    }

    pub(crate) fn with_settings(workers: usize, settings: Settings) -> Self {
        let woken = Arc::new(AtomicU64::new(0));
        let shutdowns = Arc::new(AtomicU64::new(0));
        let rewrites = Arc::new(AtomicU64::new(0));
        let applies = Arc::new(AtomicU64::new(0));
        let acl_file = Arc::new(Mutex::new(Vec::new()));
        let (read_file, written_file) = (Arc::clone(&acl_file), Arc::clone(&acl_file));
        let counter = |counter: &Arc<AtomicU64>| {
            let counter = Arc::clone(counter);
            move || counter.fetch_add(1, Ordering::SeqCst)
        };
        let (wakes, shuts, writes, changes) =
            (Arc::clone(&woken), counter(&shutdowns), counter(&rewrites), counter(&applies));
        let broker = Arc::new(Broker::new(BrokerOptions {
            settings,
            workers,
            facts: ServerFacts {
                process_id: 4711,
                run_id: "0123456789abcdef0123456789abcdef01234567".to_owned(),
                os: "Linux 6.1 x86_64".to_owned(),
                tcp_port: 6379,
                executable: "/usr/bin/fanfare".to_owned(),
                config_file: "/etc/fanfare.conf".to_owned(),
            },
            started_us: START_US,
            wake: Box::new(move |worker| {
                wakes.fetch_or(1 << worker, Ordering::SeqCst);
            }),
            apply: Box::new(move |_, _| {
                changes();
                Ok(())
            }),
            rewrite: Box::new(move |_| {
                writes();
                Ok(())
            }),
            read_file: Box::new(move |_| Ok(read_file.lock().unwrap().clone())),
            write_file: Box::new(move |_, text| {
                *written_file.lock().unwrap() = text.to_vec();
                Ok(())
            }),
            fill_random: Box::new(|bytes| {
                bytes.fill(0xa5);
                true
            }),
            resident_bytes: Box::new(|| 8 << 20),
            cpu_seconds: Box::new(|| (1.5, 0.25)),
            shutdown: Box::new(move || {
                shuts();
            }),
            ..BrokerOptions::default()
        }));
        Self {
            workers: (0..workers).map(|id| Worker::new(Arc::clone(&broker), id)).collect(),
            broker,
            now: Now { monotonic_us: 0, unix_us: START_US },
            shutdowns,
            rewrites,
            applies,
            acl_file,
            blocked: HashSet::new(),
            woken,
            received: HashMap::new(),
            closed: HashMap::new(),
        }
    }

    /// Opens a connection on a worker.
    pub(crate) fn connect(&mut self, worker: usize) -> Peer {
        let port = 50_000 + self.broker.clients().len();
        let endpoint = Endpoint {
            address: Address::Tcp(([127, 0, 0, 1], port as u16).into()),
            local_address: Address::Tcp(([127, 0, 0, 1], 6379).into()),
            fd: 8,
            certificate_user: None,
        };
        self.connect_from(worker, endpoint)
    }

    /// Opens a connection that comes from `endpoint`.
    pub(crate) fn connect_from(&mut self, worker: usize, endpoint: Endpoint) -> Peer {
        let conn = self.workers[worker].open(endpoint, self.now);
        let id = self.workers[worker].client_id(conn).unwrap();
        self.received.insert(id, Vec::new());
        Peer { worker, conn, id }
    }

    /// Hands bytes to the connection's worker, without letting any worker end its turn.
    pub(crate) fn send(&mut self, peer: &Peer, bytes: impl AsRef<[u8]>) {
        self.workers[peer.worker].handle_input(peer.conn, bytes.as_ref(), self.now);
    }

    /// Lets all workers run until none has anything left to do.
    pub(crate) fn settle(&mut self) {
        loop {
            let mut is_quiet = true;
            self.woken.store(0, Ordering::SeqCst);
            for at in 0..self.workers.len() {
                is_quiet &= !self.turn(at);
            }
            if is_quiet && self.woken.load(Ordering::SeqCst) == 0 {
                return;
            }
        }
    }

    /// One turn of one worker; whether it did anything.
    pub(crate) fn turn(&mut self, at: usize) -> bool {
        let worker = &mut self.workers[at];
        let mut did_something = false;
        worker.finish_turn(self.now);
        while let Some(conn) = worker.poll_ready() {
            did_something = true;
            worker.handle_input(conn, b"", self.now);
        }
        while let Some(conn) = worker.next_dirty() {
            did_something = true;
            let id = worker.client_id(conn).unwrap();
            let is_blocked = self.blocked.contains(&id);
            let received = self.received.get_mut(&id).unwrap();
            let result = worker.transmit(conn, |slices| {
                if is_blocked {
                    return Err(std::io::ErrorKind::WouldBlock.into());
                }
                slices.iter().for_each(|slice| received.extend_from_slice(slice));
                Ok(slices.iter().map(|slice| slice.len()).sum())
            });
            assert!(!matches!(result, Transmit::Failed(_)), "the test's sockets do not fail");
        }
        while let Some((_, id, reason)) = worker.poll_closed() {
            did_something = true;
            self.closed.insert(id, reason);
        }
        did_something
    }

    /// What the connection was sent since the last call.
    pub(crate) fn take(&mut self, peer: &Peer) -> Vec<u8> {
        std::mem::take(self.received.get_mut(&peer.id).unwrap())
    }

    /// Sends, settles, and takes what came back, as text.
    pub(crate) fn ask(&mut self, peer: &Peer, bytes: impl AsRef<[u8]>) -> String {
        self.send(peer, bytes);
        self.settle();
        String::from_utf8_lossy(&self.take(peer)).into_owned()
    }

    /// Why the connection closed, `None` while it is open.
    pub(crate) fn closed(&self, peer: &Peer) -> Option<CloseReason> {
        self.closed.get(&peer.id).copied()
    }

    /// Makes the connection's socket take nothing from now on.
    pub(crate) fn block(&mut self, peer: &Peer) {
        self.blocked.insert(peer.id);
    }

    /// Makes the connection's socket take everything again.
    pub(crate) fn unblock(&mut self, peer: &Peer) {
        self.blocked.remove(&peer.id);
        self.workers[peer.worker].unblock(peer.conn);
    }

    /// Lets time pass, looks at what depends on it, and settles.
    pub(crate) fn advance_ms(&mut self, ms: u64) {
        self.now.monotonic_us += ms * 1000;
        self.now.unix_us += ms * 1000;
        for worker in &mut self.workers {
            worker.handle_timeout(self.now, Load::default());
        }
        self.settle();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_goes_from_one_worker_to_another() {
        let mut harness = Harness::new(2);
        let subscriber = harness.connect(1);
        let publisher = harness.connect(0);
        assert_eq!(harness.ask(&subscriber, "SUBSCRIBE news\r\n"), "*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n");
        assert_eq!(harness.ask(&publisher, "PUBLISH news hello\r\n"), ":1\r\n");
        assert_eq!(harness.take(&subscriber), b"*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n");
        assert_eq!(harness.ask(&publisher, "QUIT\r\n"), "+OK\r\n");
        assert_eq!(harness.closed(&publisher), Some(CloseReason::ClientQuit));
    }
}
