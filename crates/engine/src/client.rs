//! What others may know of a connection: the record behind CLIENT LIST, and the table of all of them.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fanfare_fanout::{Kind, Name, Slot, WorkerId};

/// Where a connection comes from and came in.
#[derive(Clone, Debug, Default)]
pub struct Endpoint {
    /// The peer's address as `ip:port`, or the socket's path and `:0` for a Unix socket.
    pub address: String,
    /// Our address as `ip:port`.
    pub local_address: String,
    /// The descriptor, for CLIENT LIST.
    pub fd: i32,
    /// It came in through the Unix socket.
    pub is_unix: bool,
}

/// What a client said about itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Labels {
    pub(crate) name: Vec<u8>,
    pub(crate) lib_name: Vec<u8>,
    pub(crate) lib_ver: Vec<u8>,
}

/// The names a connection is subscribed to, with the worker's slot of each.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    pub(crate) channels: HashMap<Name, Slot>,
    pub(crate) patterns: HashMap<Name, Slot>,
    pub(crate) shard_channels: HashMap<Name, Slot>,
}

impl Subscriptions {
    pub(crate) const fn of(&self, kind: Kind) -> &HashMap<Name, Slot> {
        match kind {
            Kind::Channel => &self.channels,
            Kind::Pattern => &self.patterns,
            Kind::Shard => &self.shard_channels,
        }
    }

    pub(crate) const fn of_mut(&mut self, kind: Kind) -> &mut HashMap<Name, Slot> {
        match kind {
            Kind::Channel => &mut self.channels,
            Kind::Pattern => &mut self.patterns,
            Kind::Shard => &mut self.shard_channels,
        }
    }
}

/// One connection as all workers see it. Its own worker keeps it up to date; others only read, and never wait long.
#[derive(Debug)]
pub struct Client {
    /// Ascending from 1, never reused.
    pub id: u64,
    /// The worker it lives on.
    pub worker: WorkerId,
    /// Its number there.
    pub conn: u32,
    /// Where it comes from.
    pub endpoint: Endpoint,
    /// Unix time in microseconds of its accept.
    pub created_us: u64,
    pub(crate) active_us: AtomicU64,
    pub(crate) db: AtomicU32,
    pub(crate) resp: AtomicU32,
    /// Queued commands of its transaction, -1 outside of one.
    pub(crate) multi: AtomicI64,
    /// The number of the command it executed last, `u16::MAX` for none.
    pub(crate) command: AtomicU16,
    pub(crate) query_bytes: AtomicUsize,
    /// Bytes queued for it: exact while its socket takes no more.
    pub(crate) outbox_bytes: Arc<AtomicUsize>,
    pub(crate) channels: AtomicU32,
    pub(crate) patterns: AtomicU32,
    pub(crate) shard_channels: AtomicU32,
    pub(crate) commands: AtomicU64,
    pub(crate) no_evict: AtomicBool,
    pub(crate) no_touch: AtomicBool,
    /// Told to close, or closing once its replies are out.
    pub(crate) closing: AtomicBool,
    labels: Mutex<Labels>,
    subscriptions: Mutex<Subscriptions>,
}

impl Client {
    pub(crate) fn labels(&self) -> MutexGuard<'_, Labels> {
        self.labels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn subscriptions(&self) -> MutexGuard<'_, Subscriptions> {
        self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Subscriptions of all three kinds.
    pub(crate) fn subscription_count(&self) -> u32 {
        self.channels.load(Ordering::Relaxed)
            + self.patterns.load(Ordering::Relaxed)
            + self.shard_channels.load(Ordering::Relaxed)
    }
}

/// All connections of the process.
#[derive(Debug, Default)]
pub struct Clients {
    by_id: Mutex<BTreeMap<u64, Arc<Client>>>,
    last_id: AtomicU64,
}

impl Clients {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Client>>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(
        &self,
        worker: WorkerId,
        conn: u32,
        endpoint: Endpoint,
        outbox_bytes: Arc<AtomicUsize>,
        unix_us: u64,
    ) -> Arc<Client> {
        let client = Arc::new(Client {
            id: self.last_id.fetch_add(1, Ordering::Relaxed) + 1,
            worker,
            conn,
            endpoint,
            created_us: unix_us,
            active_us: AtomicU64::new(unix_us),
            db: AtomicU32::new(0),
            resp: AtomicU32::new(2),
            multi: AtomicI64::new(-1),
            command: AtomicU16::new(u16::MAX),
            query_bytes: AtomicUsize::new(0),
            outbox_bytes,
            channels: AtomicU32::new(0),
            patterns: AtomicU32::new(0),
            shard_channels: AtomicU32::new(0),
            commands: AtomicU64::new(0),
            no_evict: AtomicBool::new(false),
            no_touch: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            labels: Mutex::default(),
            subscriptions: Mutex::default(),
        });
        self.lock().insert(client.id, Arc::clone(&client));
        client
    }

    pub(crate) fn remove(&self, id: u64) {
        self.lock().remove(&id);
    }

    /// The number of connections.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All connections as of now, by ascending id.
    pub fn snapshot(&self) -> Vec<Arc<Client>> {
        self.lock().values().cloned().collect()
    }

    pub(crate) fn get(&self, id: u64) -> Option<Arc<Client>> {
        self.lock().get(&id).cloned()
    }
}
