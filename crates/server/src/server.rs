//! The server: listeners in front, workers behind, and an orderly end.

use std::fmt;
use std::fs::OpenOptions;
use std::future::Future;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use fanfare_engine::settings::{self, Settings};
use fanfare_engine::{Address, Broker, BrokerOptions, Endpoint};
use mio::{Poll, Waker};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Notify;

use crate::listener::{ListenError, Listeners};
use crate::log::LogControl;
use crate::process;
use crate::stream::Stream;
use crate::worker::{self, Handle, Setup};

/// Descriptors kept for what is no client: listeners, epoll instances, logs, files.
const DESCRIPTORS_RESERVED: u64 = 64;

/// How long the accepting side waits when the process is out of descriptors, for one to be closed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

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
    /// It can't listen.
    Listen(ListenError),
    /// A thread can't be started, or has nothing to wait with.
    Thread(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Descriptors { allowed, needed } => write!(
                f,
                "maxclients needs {needed} open files, the system allows {allowed}, too few for any client: raise the \
                 limit (ulimit -n)"
            ),
            Self::Listen(error) => error.fmt(f),
            Self::Thread(error) => write!(f, "a worker can't be started: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

/// A server that listens.
pub struct Server {
    broker: Arc<Broker>,
    listeners: Listeners,
    workers: Vec<Handle>,
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
        let broker = Arc::new(Broker::new(BrokerOptions {
            workers,
            facts: process::facts(listeners.port, &file),
            started_us: process::now().unix_us,
            seed: process::seed(),
            wake: {
                let wakers = Arc::clone(&wakers);
                Box::new(move |worker| wake(&wakers[worker]))
            },
            apply: Box::new(move |settings| {
                if let Err(error) = raise_descriptor_limit(settings.maxclients) {
                    tracing::warn!("{error}");
                }
                if let Some(log) = &log {
                    log.apply(settings);
                }
            }),
            rewrite: Box::new(move |settings| {
                let settings = Settings { port: configured_port, ..settings.clone() };
                rewrite(config_file.as_deref(), &settings)
            }),
            clock_us: Box::new(process::monotonic_us),
            resident_bytes: Box::new(process::resident_bytes),
            cpu_seconds: Box::new(process::cpu_seconds),
            shutdown: {
                let shutdown = Arc::clone(&shutdown);
                Box::new(move || shutdown.notify_one())
            },
            settings,
        }));
        let stop = StopNotice { stop: Arc::default(), wakers };
        let workers = polls
            .into_iter()
            .enumerate()
            .map(|(id, poll)| start_worker(id, &broker, poll, Arc::clone(&stop.stop), EndNotice(Arc::clone(&shutdown))))
            .collect::<io::Result<_>>()
            .map_err(StartError::Thread)?;
        Ok(Self { broker, listeners, workers, stop, shutdown })
    }

    /// The TCP addresses it listens on.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.tcp.iter().filter_map(|listener| listener.local_addr().ok()).collect()
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
        let Self { broker, listeners, workers, stop: stop_notice, shutdown } = self;
        let acceptor = Acceptor { broker: &broker, workers: &workers, wakers: &stop_notice.wakers };
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

/// Takes connections in and gives each to the worker with the fewest.
struct Acceptor<'a> {
    broker: &'a Arc<Broker>,
    workers: &'a [Handle],
    wakers: &'a [Waker],
}

impl Acceptor<'_> {
    async fn accept_all(&self, listeners: &Listeners) {
        let mut accepts: Vec<std::pin::Pin<Box<dyn Future<Output = ()> + '_>>> = Vec::new();
        for listener in &listeners.tcp {
            accepts.push(Box::pin(async move {
                loop {
                    match listener.accept().await {
                        Ok((stream, peer)) => self.take_tcp(stream, peer),
                        Err(error) => self.pause(&error).await,
                    }
                }
            }));
        }
        if let Some(socket) = &listeners.unix {
            let path: Arc<str> = socket.path.display().to_string().into();
            accepts.push(Box::pin(async move {
                loop {
                    match socket.listener.accept().await {
                        Ok((stream, _)) => self.take_unix(stream, &path),
                        Err(error) => self.pause(&error).await,
                    }
                }
            }));
        }
        // They never end; polled together they are one future.
        std::future::poll_fn(|context| {
            for accept in &mut accepts {
                let _ = accept.as_mut().poll(context);
            }
            std::task::Poll::Pending
        })
        .await
    }

    /// Out of descriptors or memory: the connection stays in the backlog, and is tried again soon.
    async fn pause(&self, error: &io::Error) {
        tracing::warn!(error = %error, "a connection can't be accepted");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }

    fn take_tcp(&self, stream: TcpStream, peer: SocketAddr) {
        let settings = self.broker.settings();
        if settings.protected_mode && settings.requirepass.is_empty() && !peer.ip().to_canonical().is_loopback() {
            self.refuse_tcp(
                &stream,
                b"-DENIED Fanfare runs in protected mode: no password is set, so only clients of its own machine may \
                  connect. Set requirepass, or protected-mode no if everyone who can reach this port may use it.\r\n",
            );
            return;
        }
        if self.is_full(&settings) {
            self.refuse_tcp(&stream, b"-ERR max number of clients reached\r\n");
            return;
        }
        let endpoint = Endpoint {
            address: Address::Tcp(peer),
            local_address: stream.local_addr().map(Address::Tcp).unwrap_or_default(),
            fd: stream.as_raw_fd(),
        };
        let socket = SockRef::from(&stream);
        // A socket without these options still works, only worse; it fails by itself if it is gone.
        let _ = socket.set_tcp_nodelay(true);
        if settings.tcp_keepalive > 0 {
            let seconds = u64::from(settings.tcp_keepalive);
            let probes = TcpKeepalive::new()
                .with_time(Duration::from_secs(seconds))
                .with_interval(Duration::from_secs((seconds / 3).max(1)))
                .with_retries(3);
            let _ = socket.set_tcp_keepalive(&probes);
        }
        match stream.into_std() {
            Ok(stream) => self.assign(Stream::Tcp(mio::net::TcpStream::from_std(stream)), endpoint),
            Err(error) => tracing::warn!(error = %error, "a connection can't be handed to a worker"),
        }
    }

    fn take_unix(&self, stream: UnixStream, path: &Arc<str>) {
        if self.is_full(&self.broker.settings()) {
            let _ = stream.try_write(b"-ERR max number of clients reached\r\n");
            self.count_refused();
            return;
        }
        let address = Address::Unix(Arc::clone(path));
        let endpoint = Endpoint { local_address: address.clone(), address, fd: stream.as_raw_fd() };
        match stream.into_std() {
            Ok(stream) => self.assign(Stream::Unix(mio::net::UnixStream::from_std(stream)), endpoint),
            Err(error) => tracing::warn!(error = %error, "a connection can't be handed to a worker"),
        }
    }

    fn is_full(&self, settings: &Settings) -> bool {
        let connected: usize = self.workers.iter().map(|worker| worker.connections.load(Ordering::Relaxed)).sum();
        connected >= settings.maxclients as usize
    }

    /// Says why, as far as the fresh socket takes it, and closes.
    fn refuse_tcp(&self, stream: &TcpStream, reason: &[u8]) {
        let _ = SockRef::from(stream).send(reason);
        self.count_refused();
    }

    fn count_refused(&self) {
        self.broker.stats().rejected_connections.fetch_add(1, Ordering::Relaxed);
    }

    fn assign(&self, stream: Stream, endpoint: Endpoint) {
        let workers = self.workers.iter().zip(self.wakers);
        let fewest = workers.min_by_key(|(worker, _)| worker.connections.load(Ordering::Relaxed));
        let Some((worker, waker)) = fewest else { return };
        worker.connections.fetch_add(1, Ordering::Relaxed);
        if worker.incoming.send((stream, endpoint)).is_err() {
            tracing::error!("a worker has stopped: its connection is dropped");
            worker.connections.fetch_sub(1, Ordering::Relaxed);
        }
        wake(waker);
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

fn wake(waker: &Waker) {
    if let Err(error) = waker.wake() {
        tracing::error!(error = %error, "a worker can't be woken");
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
    replace(file, |original| settings::rewrite(original, settings, &Settings::default()))
        .map_err(|error| format!("{}: {error}", file.display()))
}

/// Replaces a file's text by what `change` makes of it; a link to the file and the file's mode stay.
fn replace(file: &Path, change: impl FnOnce(&str) -> String) -> io::Result<()> {
    let file = file.canonicalize()?;
    let text = change(&std::fs::read_to_string(&file)?);
    let fresh = file.with_extension("rewrite");
    // The text may have a password: until the file has its mode nobody else may open it.
    let mut writer = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    writer.set_permissions(file.metadata()?.permissions())?;
    writer.write_all(text.as_bytes())?;
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

    #[tokio::test]
    async fn a_server_that_nobody_runs_ends_its_worker() {
        let settings = Settings { bind: vec!["127.0.0.1".to_owned()], port: 0, workers: 1, ..Settings::default() };
        let server = Server::bind(ServerOptions { settings, config_file: None, log: None }).expect("a free port");
        let ended = Arc::clone(&server.shutdown);
        drop(server);
        ended.notified().await;
    }
}
