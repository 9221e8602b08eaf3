//! The server: listeners in front, workers behind, and an orderly end.

use std::fmt;
use std::fs::OpenOptions;
use std::future::Future;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use fanfare_engine::settings::{self, SettingError, Settings};
use fanfare_engine::{Broker, BrokerOptions};
use fanfare_store::{Store, StoreError};
use mio::{Poll, Waker};
use tokio::sync::Notify;

use crate::acceptor::Acceptor;
use crate::durability;
use crate::listener::{ListenError, Listeners};
use crate::log::LogControl;
use crate::process;
use crate::tls::Tls;
use crate::worker::{self, Handle, Setup, wake};

/// Descriptors kept for what is no client: listeners, epoll instances, logs, files.
const DESCRIPTORS_RESERVED: u64 = 64;

/// How a [`Server`] is set up.
pub struct ServerOptions {
    /// The settings to start with.
    pub settings: Settings,
    /// The config file they came from, for CONFIG REWRITE.
    pub config_file: Option<PathBuf>,
    /// The log whose level follows `loglevel`.
    pub log: Option<LogControl>,
}

/// Why a server can't start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// The system allows too few open descriptors for any client.
    Descriptors {
        /// What the system allows.
        allowed: u64,
        /// What is needed.
        needed: u64,
    },
    /// Other machines reach it at this address, and it would ask none of them for a password.
    Exposed(SocketAddr),
    /// It can't listen.
    Listen(ListenError),
    /// A thread can't be started, or has nothing to wait with.
    Thread(io::Error),
    /// The certificates can't be used.
    Tls(SettingError),
    /// The users can't be made: the reason.
    Users(String),
    /// The keys on the disk can't be had.
    Keys(StoreError),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Descriptors { allowed, needed } => write!(
                f,
                "maxclients needs {needed} open files, the system allows {allowed}, too few for any client: raise the \
                 limit (ulimit -n)"
            ),
            Self::Exposed(address) => write!(
                f,
                "{address} can be reached from other machines, and no password is set: set requirepass or users, \
                 or protected-mode no if everyone who can reach it may use it"
            ),
            Self::Listen(error) => error.fmt(f),
            Self::Tls(error) => error.fmt(f),
            Self::Thread(error) => write!(f, "a worker can't be started: {error}"),
            Self::Keys(error) => error.fmt(f),
            Self::Users(reason) => write!(f, "the users can't be made: {reason}"),
        }
    }
}

impl std::error::Error for StartError {}

/// A server that listens.
pub struct Server {
    broker: Arc<Broker>,
    listeners: Listeners,
    tls: Option<Arc<Tls>>,
    workers: Vec<Handle>,
    store: Option<Store>,
    stop: StopNotice,
    /// SHUTDOWN was called, or a worker has ended by itself.
    shutdown: Arc<Notify>,
}

impl Server {
    /// Opens the listeners and starts the workers. Must be called within a tokio runtime with I/O and time.
    ///
    /// # Errors
    /// [`StartError`], whose text says what to do.
    pub fn bind(options: ServerOptions) -> Result<Self, StartError> {
        let ServerOptions { mut settings, config_file, log } = options;
        settings.maxclients = raise_descriptor_limit(settings.maxclients)?;
        let tls = match settings.tls_port {
            0 => None,
            _ => Some(Arc::new(Tls::load(&settings).map_err(StartError::Tls)?)),
        };
        let listeners = Listeners::bind(&settings).map_err(StartError::Listen)?;
        // With port 0 CONFIG GET shows the one that was picked; the file keeps the 0.
        let configured_port = std::mem::replace(&mut settings.port, listeners.port);
        let workers = match settings.workers {
            0 => std::thread::available_parallelism().map_or(1, usize::from).min(fanfare_fanout::WORKERS_MAX),
            count => count as usize,
        };
        let polls = (0..workers).map(|_| Poll::new()).collect::<io::Result<Vec<_>>>().map_err(StartError::Thread)?;
        let wakers = polls.iter().map(|poll| Waker::new(poll.registry(), worker::WAKE));
        let wakers: Arc<[Waker]> = wakers.collect::<io::Result<_>>().map_err(StartError::Thread)?;
        let shutdown = Arc::new(Notify::new());
        let file = config_file.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
        let applied_store = Arc::new(OnceLock::<Store>::new());
        let broker = Arc::new(Broker::new(BrokerOptions {
            workers,
            facts: process::facts(listeners.port, &file),
            started_us: process::now().unix_us,
            seed: process::seed(),
            wake: {
                let wakers = Arc::clone(&wakers);
                Box::new(move |worker| wake(&wakers[worker]))
            },
            apply: Box::new({
                let (tls, applied_store) = (tls.clone(), Arc::clone(&applied_store));
                move |settings, names| {
                    if let Some(tls) = &tls
                        && names.iter().any(|name| name.to_ascii_lowercase().starts_with(b"tls-"))
                    {
                        tls.reload(settings)?;
                        tracing::info!("TLS certificates read");
                    }
                    if let Err(error) = raise_descriptor_limit(settings.maxclients) {
                        tracing::warn!("{error}");
                    }
                    if let Some(log) = &log {
                        log.apply(settings);
                    }
                    if let Some(store) = applied_store.get() {
                        store.set_options(durability::options(settings));
                    }
                    Ok(())
                }
            }),
            rewrite: Box::new(move |settings| {
                let settings = Settings { port: configured_port, ..settings.clone() };
                rewrite(config_file.as_deref(), &settings)
            }),
            read_file: Box::new(|path| std::fs::read(path).map_err(|error| error.to_string())),
            write_file: Box::new(|path, text| {
                replace(Path::new(path), text).map_err(|error| format!("{path}: {error}"))
            }),
            fill_random: Box::new(|bytes| getrandom::fill(bytes).is_ok()),
            clock_us: Box::new(process::monotonic_us),
            resident_bytes: Box::new(process::resident_bytes),
            cpu_seconds: Box::new(process::cpu_seconds),
            shutdown: {
                let shutdown = Arc::clone(&shutdown);
                Box::new(move || shutdown.notify_one())
            },
            settings,
        }));
        broker.load_users().map_err(StartError::Users)?;
        let sockets = listeners.tcp.iter().chain(&listeners.tls);
        refuse_exposed(&broker, sockets.filter_map(|listener| listener.local_addr().ok()))?;
        let store = durability::start(&broker).map_err(StartError::Keys)?;
        if let Some(store) = &store {
            let _ = applied_store.set(store.clone());
        }
        let stop = StopNotice { stop: Arc::default(), wakers };
        let workers = polls
            .into_iter()
            .enumerate()
            .map(|(id, poll)| start_worker(id, &broker, poll, Arc::clone(&stop.stop), EndNotice(Arc::clone(&shutdown))))
            .collect::<io::Result<_>>()
            .map_err(StartError::Thread)?;
        Ok(Self { broker, listeners, tls, workers, store, stop, shutdown })
    }

    /// The TCP addresses it listens on without TLS.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.tcp.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    /// The TCP addresses it listens on for TLS.
    pub fn tls_addresses(&self) -> Vec<SocketAddr> {
        self.listeners.tls.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    /// What reads the certificates again while the server runs, and logs what has become of it; connections that are
    /// there keep theirs.
    pub fn certificate_reload(&self) -> impl Fn() + Send + 'static {
        let (broker, tls) = (Arc::clone(&self.broker), self.tls.clone());
        move || {
            let Some(tls) = &tls else { return };
            match tls.reload(&broker.settings()) {
                Ok(()) => tracing::info!("TLS certificates read"),
                Err(error) => tracing::error!(error = %error, "TLS certificates stay as they were"),
            }
        }
    }

    /// The number of its workers.
    pub const fn workers(&self) -> usize {
        self.workers.len()
    }

    /// The state that its workers share.
    pub const fn broker(&self) -> &Arc<Broker> {
        &self.broker
    }

    /// Accepts connections until `stop` is ready (or a client says SHUTDOWN), then sends what is queued, for at most
    /// `shutdown-timeout`; returns how many connections were cut off by that limit.
    ///
    /// # Errors
    /// If a worker has died.
    pub async fn run(self, stop: impl Future<Output = ()>) -> io::Result<usize> {
        let Self { broker, listeners, tls, workers, store, stop: stop_notice, shutdown } = self;
        let acceptor = Acceptor::new(&broker, tls.as_ref(), &workers, &stop_notice.wakers);
        tokio::select! {
            () = acceptor.accept_all(&listeners) => {}
            () = stop => {}
            () = shutdown.notified() => {}
        }
        drop(listeners);
        tracing::info!("draining");
        broker.drain();
        let timeout = Duration::from_secs(u64::from(broker.settings().shutdown_timeout));
        let threads = tokio::task::spawn_blocking(move || {
            let mut cut_off = Ok::<usize, io::Error>(0);
            for Handle { thread, .. } in workers {
                // The others are still waited for when one has failed.
                let ended = thread.join().unwrap_or_else(|_| Err(io::Error::other("a worker panicked")));
                cut_off = cut_off.and_then(|sum| Ok(sum + ended?));
            }
            // Replies wait for it, so it goes on until nobody is left to write.
            if let Some(store) = store {
                store.close();
            }
            cut_off
        });
        tokio::pin!(threads);
        let joined = tokio::select! {
            joined = &mut threads => joined,
            () = tokio::time::sleep(timeout) => {
                drop(stop_notice);
                threads.await
            }
        };
        let cut_off = joined.map_err(io::Error::other)??;
        tracing::info!(cut_off, "stopped");
        Ok(cut_off)
    }
}

/// Stops the workers when it is dropped, whatever they still have to send.
struct StopNotice {
    stop: Arc<AtomicBool>,
    wakers: Arc<[Waker]>,
}

impl Drop for StopNotice {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.wakers.iter().for_each(wake);
    }
}

/// Ends the server when its worker's thread ends, by a panic too: its subscribers would still be counted and sent to,
/// publishers would wait for it for ever, and new connections would be assigned to it.
struct EndNotice(Arc<Notify>);

impl Drop for EndNotice {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

fn start_worker(
    id: usize,
    broker: &Arc<Broker>,
    poll: Poll,
    stop: Arc<AtomicBool>,
    notice: EndNotice,
) -> io::Result<Handle> {
    let (sender, incoming) = mpsc::channel();
    let connections = Arc::new(AtomicUsize::new(0));
    let setup = Setup { id, broker: Arc::clone(broker), poll, incoming, connections: Arc::clone(&connections), stop };
    let thread = std::thread::Builder::new().name(format!("worker-{id}")).spawn(move || {
        let _notice = notice;
        worker::run(setup)
    })?;
    Ok(Handle { incoming: sender, connections, thread })
}

/// Protected mode at the start: better no server than one that turns everyone away, or lets everyone in when someone says
/// `protected-mode no` to get rid of that.
fn refuse_exposed(broker: &Broker, addresses: impl IntoIterator<Item = SocketAddr>) -> Result<(), StartError> {
    if !broker.settings().protected_mode || !broker.is_open() {
        return Ok(());
    }
    let exposed = addresses.into_iter().find(|address| !address.ip().to_canonical().is_loopback());
    exposed.map_or(Ok(()), |address| Err(StartError::Exposed(address)))
}

/// Makes room for `maxclients` descriptors; returns for how many clients there is room.
fn raise_descriptor_limit(maxclients: u32) -> Result<u32, StartError> {
    let needed = u64::from(maxclients) + DESCRIPTORS_RESERVED;
    let allowed = rlimit::increase_nofile_limit(needed).unwrap_or(0);
    if allowed >= needed {
        return Ok(maxclients);
    }
    let room = allowed.saturating_sub(DESCRIPTORS_RESERVED) as u32;
    if room == 0 {
        return Err(StartError::Descriptors { allowed, needed });
    }
    tracing::warn!(
        allowed,
        maxclients,
        room,
        "fewer clients than maxclients can connect: the system allows no more open files (ulimit -n)"
    );
    Ok(room)
}

/// Writes the settings into the config file: a new file beside it first, so that a crash leaves one of both whole.
fn rewrite(file: Option<&Path>, settings: &Settings) -> Result<(), String> {
    let Some(file) = file else { return Err("The server is running without a config file".to_owned()) };
    let text = std::fs::read_to_string(file)
        .map(|original| settings::rewrite(&original, settings, &Settings::default()))
        .and_then(|text| replace(file, text.as_bytes()));
    text.map_err(|error| format!("{}: {error}", file.display()))
}

/// Replaces a file's text; a link to the file and the file's mode stay.
fn replace(file: &Path, text: &[u8]) -> io::Result<()> {
    let file = file.canonicalize()?;
    let fresh = file.with_extension("rewrite");
    // The text may have passwords or their hashes: until the file has its mode nobody else may open it.
    let mut writer = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    writer.set_permissions(file.metadata()?.permissions())?;
    writer.write_all(text)?;
    writer.sync_all()?;
    std::fs::rename(&fresh, &file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_worker_that_panics_ends_the_server() {
        let shutdown = Arc::new(Notify::new());
        let notice = EndNotice(Arc::clone(&shutdown));
        let thread = std::thread::spawn(move || {
            let _notice = notice;
            panic!("as if a worker did");
        });
        shutdown.notified().await;
        assert!(thread.join().is_err());
    }

    #[test]
    fn an_address_that_others_reach_needs_a_password_or_consent() {
        let refused = |name: &str, value: &str, address: &str| {
            let mut settings = Settings::default();
            settings.set(name, value).expect("a valid setting");
            let broker = Broker::new(BrokerOptions { settings, ..BrokerOptions::default() });
            let addresses = ["127.0.0.1:6379".parse(), address.parse()].map(|address| address.expect("an address"));
            refuse_exposed(&broker, addresses).is_err()
        };
        for address in ["0.0.0.0:6379", "192.0.2.1:6379", "[::]:6379"] {
            assert!(refused("requirepass", "", address), "{address}");
            assert!(!refused("requirepass", "secret", address), "{address}");
            assert!(!refused("protected-mode", "no", address), "{address}");
        }
        assert!(!refused("requirepass", "", "[::1]:6379"));
    }

    #[tokio::test]
    async fn a_server_that_nobody_runs_ends_its_worker() {
        let settings = Settings { bind: vec!["127.0.0.1".to_owned()], port: 0, workers: 1, ..Settings::default() };
        let server = Server::bind(ServerOptions { settings, config_file: None, log: None }).expect("a free port");
        let ended = Arc::clone(&server.shutdown);
        drop(server);
        ended.notified().await;
    }
}
