//! What others may know of a connection: the record behind CLIENT LIST, and the table of all of them.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{BuildHasher, DefaultHasher, RandomState};
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use fanfare_fanout::{Kind, Name, Slot, WorkerId};

use crate::acl::DEFAULT_USER;

/// Where a connection comes from and came in.
#[derive(Clone, Debug, Default)]
pub struct Endpoint {
    /// The peer's address.
    pub address: Address,
    /// Our address.
    pub local_address: Address,
    /// The descriptor, for CLIENT LIST.
    pub fd: i32,
    /// The user that its certificate names, if certificates stand for users: `tls-auth-clients-user`.
    pub certificate_user: Option<String>,
}

/// One end of a connection; as text `ip:port`, or the socket's path and `:0` for a Unix socket.
#[derive(Clone, Debug)]
pub enum Address {
    /// An end of a TCP connection.
    Tcp(SocketAddr),
    /// The path of the Unix socket, the same for all connections through it.
    Unix(Arc<str>),
}

impl Default for Address {
    fn default() -> Self {
        Self::Tcp((Ipv4Addr::UNSPECIFIED, 0).into())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "{path}:0"),
        }
    }
}

/// What a client said about itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Labels {
    pub(crate) name: Vec<u8>,
    pub(crate) lib_name: Vec<u8>,
    pub(crate) lib_ver: Vec<u8>,
    /// The user it has logged in as, `None` for the default one.
    pub(crate) user: Option<Box<[u8]>>,
}

/// Hashes with a seed of the process, random since peers choose the names: the tables of a connection need none of
/// their own.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ProcessSeed;

impl BuildHasher for ProcessSeed {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        SEED.build_hasher()
    }
}

/// Names, with the worker's slot of each.
pub(crate) type Names = HashMap<Name, Slot, ProcessSeed>;

/// The names a connection is subscribed to.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    pub(crate) channels: Names,
    pub(crate) patterns: Names,
    pub(crate) shard_channels: Names,
}

impl Subscriptions {
    pub(crate) const fn of(&self, kind: Kind) -> &Names {
        match kind {
            Kind::Channel => &self.channels,
            Kind::Pattern => &self.patterns,
            Kind::Shard => &self.shard_channels,
        }
    }

    pub(crate) const fn of_mut(&mut self, kind: Kind) -> &mut Names {
        match kind {
            Kind::Channel => &mut self.channels,
            Kind::Pattern => &mut self.patterns,
            Kind::Shard => &mut self.shard_channels,
        }
    }
}

/// A part of the record that most connections leave empty: it has no memory of its own until it is first changed.
#[derive(Debug, Default)]
struct Rare<T>(Mutex<Option<Box<T>>>);

/// What [`Rare`] shows before.
pub(crate) trait Empty: Default + 'static {
    const EMPTY: &'static Self;
}

impl Empty for Labels {
    const EMPTY: &'static Self = &Self { name: Vec::new(), lib_name: Vec::new(), lib_ver: Vec::new(), user: None };
}

impl Empty for Subscriptions {
    const EMPTY: &'static Self = &Self {
        channels: HashMap::with_hasher(ProcessSeed),
        patterns: HashMap::with_hasher(ProcessSeed),
        shard_channels: HashMap::with_hasher(ProcessSeed),
    };
}

/// Access to a [`Rare`]; a change allocates it.
pub(crate) struct RareGuard<'a, T>(MutexGuard<'a, Option<Box<T>>>);

impl<T> Rare<T> {
    fn lock(&self) -> RareGuard<'_, T> {
        RareGuard(self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T: Empty> Deref for RareGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or(T::EMPTY)
    }
}

impl<T: Empty> DerefMut for RareGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.get_or_insert_default()
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
    /// Its number among the trackers, 0 for none. Only its own worker changes it, with the trackers locked.
    pub(crate) tracking: AtomicU32,
    /// Told to close, or closing once its replies are out.
    pub(crate) closing: AtomicBool,
    labels: Rare<Labels>,
    subscriptions: Rare<Subscriptions>,
}

impl Client {
    pub(crate) fn labels(&self) -> RareGuard<'_, Labels> {
        self.labels.lock()
    }

    /// The name of its user.
    pub(crate) fn user_name(&self) -> Box<[u8]> {
        self.labels().user.clone().unwrap_or_else(|| DEFAULT_USER.into())
    }

    pub(crate) fn subscriptions(&self) -> RareGuard<'_, Subscriptions> {
        self.subscriptions.lock()
    }

    /// Whether it hears of keys that change.
    pub(crate) fn is_tracking(&self) -> bool {
        self.tracking.load(Ordering::Relaxed) != 0
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
            tracking: AtomicU32::new(0),
            closing: AtomicBool::new(false),
            labels: Rare::default(),
            subscriptions: Rare::default(),
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
