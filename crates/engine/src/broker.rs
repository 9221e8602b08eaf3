//! What all workers of a process share.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use fanfare_fanout::{Interest, InterestOptions, WorkerId};
use fanfare_keyspace::{EncodingLimits, Eviction, Keyspace};

use crate::acl::{Acl, users_of_file, users_of_lines};
use crate::client::Clients;
use crate::close::CloseReason;
use crate::journal::Journal;
use crate::settings::{SettingError, Settings};
use crate::slowlog::Slowlog;
use crate::stats::Stats;
use crate::tracking::Tracking;

/// The version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The Redis version whose behaviour is offered; clients choose what they send by it.
pub(crate) const REDIS_VERSION: &str = "7.2.4";

/// Channels whose names start like this are the server's own: everyone may subscribe, nobody may publish.
pub(crate) const RESERVED_PREFIX: &[u8] = b"__fanfare__:";

/// Channel on which subscribers hear that the server is about to stop.
pub(crate) const DRAIN_CHANNEL: &[u8] = b"__fanfare__:drain";

/// The worker that removes keys whose time has come.
pub(crate) const EXPIRING_WORKER: WorkerId = 0;

/// What a worker tells another beside publications.
#[derive(Debug)]
pub enum Control {
    /// Close a client. `id` makes sure that it is still the one that was meant.
    Close {
        /// The client's number on the worker.
        conn: u32,
        /// The client's id.
        id: u64,
        /// Why.
        reason: CloseReason,
        /// Who waits for it to be gone.
        done: Option<Barrier>,
    },
    /// A client that waited for others may go on.
    Continue {
        /// Its number on the worker.
        conn: u32,
        /// Its id.
        id: u64,
    },
    /// A worker that publishers waited for has caught up.
    Resume,
    /// What was recorded of keys is on the disk.
    Synced,
    /// Settings or the pause have changed.
    Refresh,
    /// The server stops: what is queued is still sent, nothing is read any more.
    Drain,
}

/// Lets one client wait until several workers have done something for it.
#[derive(Clone, Debug)]
pub struct Barrier {
    pub(crate) left: Arc<AtomicUsize>,
    pub(crate) worker: WorkerId,
    pub(crate) conn: u32,
    pub(crate) id: u64,
}

/// What the outside knows and INFO shows.
#[derive(Clone, Debug, Default)]
pub struct ServerFacts {
    /// The process's id.
    pub process_id: u32,
    /// 40 hexadecimal digits, new at each start.
    pub run_id: String,
    /// The operating system, as INFO shows it.
    pub os: String,
    /// The TCP port that is really listened on, 0 for none.
    pub tcp_port: u16,
    /// Path of the program.
    pub executable: String,
    /// Path of the config file, empty for none.
    pub config_file: String,
}

/// Acts on settings of which those with these names were set, or says which of them can't be had and why.
pub type ApplySettings = Box<dyn Fn(&Settings, &[&[u8]]) -> Result<(), SettingError> + Send + Sync>;

/// Writes settings to the config file, or says why it can't.
pub type WriteSettings = Box<dyn Fn(&Settings) -> Result<(), String> + Send + Sync>;

/// Reads a file, or says why it can't.
pub type ReadFile = Box<dyn Fn(&str) -> Result<Vec<u8>, String> + Send + Sync>;

/// Replaces a file's contents, or says why it can't; nobody else may read what is new.
pub type WriteFile = Box<dyn Fn(&str, &[u8]) -> Result<(), String> + Send + Sync>;

/// Fills a buffer with bytes that nobody can guess; `false` if there are none.
pub type FillRandom = Box<dyn Fn(&mut [u8]) -> bool + Send + Sync>;

/// How a [`Broker`] is set up.
pub struct BrokerOptions {
    /// The settings to start with.
    pub settings: Settings,
    /// Worker threads, at least 1; [`Settings::workers`] says 0 for one per core, which only the outside can count.
    pub workers: usize,
    /// What INFO shows of the process.
    pub facts: ServerFacts,
    /// Unix time in microseconds of the start.
    pub started_us: u64,
    /// Begins the random choices among keys.
    pub seed: u64,
    /// Wakes a worker whose mailbox was empty; called from any thread.
    pub wake: Box<dyn Fn(WorkerId) + Send + Sync>,
    /// Acts on changed settings that concern sockets and logs.
    pub apply: ApplySettings,
    /// Writes the config file for CONFIG REWRITE; `Err` has the reason.
    pub rewrite: WriteSettings,
    /// Reads the ACL file.
    pub read_file: ReadFile,
    /// Writes the ACL file.
    pub write_file: WriteFile,
    /// Makes the passwords of ACL GENPASS.
    pub fill_random: FillRandom,
    /// Microseconds of a clock that never goes back; read around requests that may be slow.
    pub clock_us: Box<dyn Fn() -> u64 + Send + Sync>,
    /// Resident memory of the process in bytes.
    pub resident_bytes: Box<dyn Fn() -> u64 + Send + Sync>,
    /// Processor seconds of the process, as (user, system).
    pub cpu_seconds: Box<dyn Fn() -> (f64, f64) + Send + Sync>,
    /// Asks the process to stop: SHUTDOWN.
    pub shutdown: Box<dyn Fn() + Send + Sync>,
}

impl Default for BrokerOptions {
    /// One worker under the default settings, without a process around it: no clock, nothing to be told or asked.
    fn default() -> Self {
        Self {
            settings: Settings::default(),
            workers: 1,
            facts: ServerFacts::default(),
            started_us: 0,
            seed: 0,
            wake: Box::new(|_| {}),
            apply: Box::new(|_, _| Ok(())),
            rewrite: Box::new(|_| Ok(())),
            read_file: Box::new(|_| Err("there are no files".to_owned())),
            write_file: Box::new(|_, _| Err("there are no files".to_owned())),
            fill_random: Box::new(|_| false),
            clock_us: Box::new(|| 0),
            resident_bytes: Box::new(|| 0),
            cpu_seconds: Box::new(|| (0.0, 0.0)),
            shutdown: Box::new(|| {}),
        }
    }
}

/// Which commands CLIENT PAUSE holds back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PauseMode {
    All,
    Write,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pause {
    pub(crate) all_until_us: u64,
    pub(crate) write_until_us: u64,
}

/// The state shared by all workers: settings, interest, clients, counters.
pub struct Broker {
    pub(crate) interest: Arc<Interest<Control>>,
    /// Lock order: the keyspace before anything of the interest, since events are published while it is held.
    pub(crate) keyspace: Arc<parking_lot::Mutex<Keyspace>>,
    /// Locked while the keyspace is, so that nothing changes between a read and the note of it; then the clients.
    pub(crate) tracking: parking_lot::Mutex<Tracking>,
    /// Unix time in milliseconds of the next deadline of a key, for the worker that waits for it.
    pub(crate) next_deadline_ms: AtomicU64,
    /// Where changes of keys go; unset if they are in memory only.
    pub(crate) journal: OnceLock<Box<dyn Journal>>,
    /// The number of the last entry that the journal was given, written while the keyspace is locked.
    pub(crate) last_entry: AtomicU64,
    /// Why the journal can't write.
    pub(crate) journal_failure: parking_lot::Mutex<Option<Box<str>>>,
    pub(crate) is_journal_failing: AtomicBool,
    pub(crate) acl: Acl,
    pub(crate) clients: Clients,
    pub(crate) stats: Stats,
    pub(crate) slowlog: Slowlog,
    pub(crate) started_us: u64,
    settings: RwLock<Arc<Settings>>,
    /// Changes with the settings, so that workers look at them only then.
    settings_version: AtomicU64,
    pause: Mutex<Pause>,
    pub(crate) is_paused: AtomicBool,
    pub(crate) is_draining: AtomicBool,
    pub(crate) facts: ServerFacts,
    pub(crate) wake: Box<dyn Fn(WorkerId) + Send + Sync>,
    pub(crate) apply: ApplySettings,
    pub(crate) rewrite: WriteSettings,
    pub(crate) read_file: ReadFile,
    pub(crate) write_file: WriteFile,
    pub(crate) fill_random: FillRandom,
    pub(crate) clock_us: Box<dyn Fn() -> u64 + Send + Sync>,
    pub(crate) resident_bytes: Box<dyn Fn() -> u64 + Send + Sync>,
    pub(crate) cpu_seconds: Box<dyn Fn() -> (f64, f64) + Send + Sync>,
    pub(crate) shutdown: Box<dyn Fn() + Send + Sync>,
    /// Bytes that the frame logs of each worker hold.
    pub(crate) log_bytes: Box<[AtomicUsize]>,
}

impl Broker {
    /// A broker without clients.
    ///
    /// # Panics
    /// If `options.workers` is 0 or above [`fanfare_fanout::WORKERS_MAX`].
    pub fn new(options: BrokerOptions) -> Self {
        let interest = Interest::new(InterestOptions {
            workers: options.workers,
            pattern_cache_entries: options.settings.pattern_cache_entries,
            publish_window_bytes: options.settings.publish_window_bytes,
        });
        let mut keyspace = Keyspace::new(options.settings.databases, options.seed);
        configure_keys(&mut keyspace, &options.settings);
        Self {
            interest: Arc::new(interest),
            keyspace: Arc::new(parking_lot::Mutex::new(keyspace)),
            tracking: parking_lot::Mutex::default(),
            next_deadline_ms: AtomicU64::new(u64::MAX),
            journal: OnceLock::new(),
            last_entry: AtomicU64::new(0),
            journal_failure: parking_lot::Mutex::default(),
            is_journal_failing: AtomicBool::new(false),
            acl: Acl::new(options.settings.requirepass.as_bytes()),
            clients: Clients::default(),
            stats: Stats::default(),
            slowlog: Slowlog::default(),
            started_us: options.started_us,
            settings: RwLock::new(Arc::new(options.settings)),
            settings_version: AtomicU64::new(0),
            pause: Mutex::default(),
            is_paused: AtomicBool::new(false),
            is_draining: AtomicBool::new(false),
            facts: options.facts,
            wake: options.wake,
            apply: options.apply,
            rewrite: options.rewrite,
            read_file: options.read_file,
            write_file: options.write_file,
            fill_random: options.fill_random,
            clock_us: options.clock_us,
            resident_bytes: options.resident_bytes,
            cpu_seconds: options.cpu_seconds,
            shutdown: options.shutdown,
            log_bytes: (0..options.workers).map(|_| AtomicUsize::new(0)).collect(),
        }
    }

    /// Makes the users of the settings or of the ACL file: at the start and for ACL LOAD.
    ///
    /// # Errors
    /// What is wrong with a rule or with the file; the users are then what they were.
    pub fn load_users(&self) -> Result<(), String> {
        let settings = self.settings();
        let (password, channels) = (settings.requirepass.as_bytes(), settings.acl_pubsub_default);
        let users = if settings.aclfile.is_empty() {
            users_of_lines(&settings.users, password, channels)?
        } else {
            let path = &settings.aclfile;
            let text = (self.read_file)(path)
                .map_err(|reason| format!("Error loading ACLs, opening file '{path}': {reason}"))?;
            users_of_file(&text, path, password, channels)?
        };
        self.acl.replace_all(users);
        Ok(())
    }

    /// Whether clients need not say who they are.
    pub fn is_open(&self) -> bool {
        self.acl.is_open()
    }

    /// The settings in force.
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes with each change of the settings.
    pub(crate) fn settings_version(&self) -> u64 {
        self.settings_version.load(Ordering::Acquire)
    }

    /// Sets the settings with these names to these values, and tells all workers.
    ///
    /// # Errors
    /// The text of the error reply; then nothing is changed.
    pub(crate) fn change_settings(&self, pairs: &[(&[u8], &[u8])]) -> Result<(), String> {
        let names: Vec<&[u8]> = pairs.iter().map(|(name, _)| *name).collect();
        let changed = {
            let mut settings = self.settings.write().unwrap_or_else(PoisonError::into_inner);
            let changed = Arc::new(settings.apply_at_runtime(pairs)?);
            (self.apply)(&changed, &names).map_err(|error| error.reply())?;
            *settings = Arc::clone(&changed);
            self.settings_version.fetch_add(1, Ordering::Release);
            changed
        };
        self.interest.set_publish_window_bytes(changed.publish_window_bytes);
        self.interest.set_pattern_cache_entries(changed.pattern_cache_entries);
        self.tell_all(|| Control::Refresh);
        Ok(())
    }

    /// Sends a control message to every worker.
    pub fn tell_all(&self, control: impl Fn() -> Control) {
        for worker in 0..self.interest.workers() {
            self.tell(worker, control());
        }
    }

    /// Sends a control message to one worker.
    pub fn tell(&self, worker: WorkerId, control: Control) {
        if self.interest.send(worker, control) {
            (self.wake)(worker);
        }
    }

    /// The clients.
    pub const fn clients(&self) -> &Clients {
        &self.clients
    }

    /// The counters.
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Starts the end: subscribers of the drain channel hear of it, then every worker sends what is queued.
    pub fn drain(&self) {
        self.is_draining.store(true, Ordering::SeqCst);
        let timeout = self.settings().shutdown_timeout;
        let notice = format!(r#"{{"event":"drain","timeout_s":{timeout}}}"#);
        let published = self.interest.publish(fanfare_fanout::Kind::Channel, DRAIN_CHANNEL, notice.as_bytes());
        for worker in published.wake.iter() {
            (self.wake)(worker);
        }
        self.tell_all(|| Control::Drain);
    }

    /// Holds commands back until `until_us`; a pause never gets shorter or milder.
    pub(crate) fn pause(&self, mode: PauseMode, until_us: u64) {
        let mut pause = self.pause.lock().unwrap_or_else(PoisonError::into_inner);
        let until = match mode {
            PauseMode::All => &mut pause.all_until_us,
            PauseMode::Write => &mut pause.write_until_us,
        };
        *until = until_us.max(*until);
        self.is_paused.store(true, Ordering::SeqCst);
    }

    pub(crate) fn unpause(&self) {
        *self.pause.lock().unwrap_or_else(PoisonError::into_inner) = Pause::default();
        self.is_paused.store(false, Ordering::SeqCst);
        self.tell_all(|| Control::Refresh);
    }

    /// What is paused at `unix_us`, `None` for nothing.
    pub(crate) fn paused(&self, unix_us: u64) -> Option<PauseMode> {
        if !self.is_paused.load(Ordering::Relaxed) {
            return None;
        }
        let pause = *self.pause.lock().unwrap_or_else(PoisonError::into_inner);
        if unix_us < pause.all_until_us {
            Some(PauseMode::All)
        } else if unix_us < pause.write_until_us {
            Some(PauseMode::Write)
        } else {
            None
        }
    }
}

/// Hands the settings that concern keys to those who keep them.
pub(crate) fn configure_keys(keyspace: &mut Keyspace, settings: &Settings) {
    keyspace.set_event_classes(settings.notify_keyspace_events);
    keyspace.set_string_bytes_max(settings.proto_max_bulk_len);
    keyspace.set_eviction(Eviction {
        max_bytes: settings.maxmemory,
        policy: settings.maxmemory_policy,
        samples: settings.maxmemory_samples,
    });
    keyspace.set_encoding_limits(EncodingLimits {
        hash_max_listpack_entries: settings.hash_max_listpack_entries,
        hash_max_listpack_value: settings.hash_max_listpack_value,
        list_max_listpack_size: settings.list_max_listpack_size,
        set_max_intset_entries: settings.set_max_intset_entries,
        set_max_listpack_entries: settings.set_max_listpack_entries,
        set_max_listpack_value: settings.set_max_listpack_value,
        zset_max_listpack_entries: settings.zset_max_listpack_entries,
        zset_max_listpack_value: settings.zset_max_listpack_value,
        stream_node_max_entries: settings.stream_node_max_entries,
    });
}
