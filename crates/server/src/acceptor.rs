//! The accepting side: who may come in, and which worker gets the connection.

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use fanfare_engine::settings::Settings;
use fanfare_engine::{Address, Broker, Endpoint};
use mio::Waker;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, UnixStream};

use crate::listener::Listeners;
use crate::stream::Stream;
use crate::tls::{Tls, TlsStream};
use crate::worker::{Handle, wake};

/// How long the accepting side waits when the process is out of descriptors, for one to be closed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Refused handshakes are logged once in this time, however many they are.
const REPORT_PAUSE: Duration = Duration::from_secs(1);

/// Takes connections in and gives each to the worker with the fewest.
pub(crate) struct Acceptor<'a> {
    broker: &'a Arc<Broker>,
    tls: Option<&'a Arc<Tls>>,
    workers: &'a [Handle],
    wakers: &'a [Waker],
    /// When it was last logged that there were too many handshakes, and how many were refused since.
    handshakes_refused: Cell<Option<(Instant, u64)>>,
}

impl<'a> Acceptor<'a> {
    pub(crate) const fn new(
        broker: &'a Arc<Broker>,
        tls: Option<&'a Arc<Tls>>,
        workers: &'a [Handle],
        wakers: &'a [Waker],
    ) -> Self {
        Self { broker, tls, workers, wakers, handshakes_refused: Cell::new(None) }
    }

    pub(crate) async fn accept_all(&self, listeners: &Listeners) {
        let mut accepts: Vec<std::pin::Pin<Box<dyn Future<Output = ()> + '_>>> = Vec::new();
        let plain = listeners.tcp.iter().map(|listener| (listener, None));
        for (listener, tls) in plain.chain(listeners.tls.iter().map(|listener| (listener, self.tls))) {
            accepts.push(Box::pin(async move {
                loop {
                    match listener.accept().await {
                        Ok((stream, peer)) => self.take_tcp(stream, peer, tls),
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

    fn take_tcp(&self, stream: TcpStream, peer: SocketAddr, tls: Option<&Arc<Tls>>) {
        let settings = self.broker.settings();
        if settings.protected_mode && self.broker.is_open() && !peer.ip().to_canonical().is_loopback() {
            self.refuse_tcp(
                &stream,
                tls,
                b"-DENIED Fanfare runs in protected mode: no password is set, so only clients of its own machine may \
                  connect. Set requirepass, or protected-mode no if everyone who can reach this port may use it.\r\n",
            );
            return;
        }
        if self.is_full(&settings) {
            self.refuse_tcp(&stream, tls, b"-ERR max number of clients reached\r\n");
            return;
        }
        let endpoint = Endpoint {
            address: Address::Tcp(peer),
            local_address: stream.local_addr().map(Address::Tcp).unwrap_or_default(),
            fd: stream.as_raw_fd(),
            certificate_user: None,
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
            Ok(stream) => {
                let stream = mio::net::TcpStream::from_std(stream);
                match tls {
                    None => self.assign(Stream::Tcp(stream), endpoint),
                    Some(tls) => self.take_tls(stream, endpoint, tls, &settings),
                }
            }
            Err(error) => tracing::warn!(error = %error, "a connection can't be handed to a worker"),
        }
    }

    fn take_tls(&self, stream: mio::net::TcpStream, endpoint: Endpoint, tls: &Arc<Tls>, settings: &Settings) {
        let Some(handshake) = tls.begin_handshake(settings) else {
            self.count_refused();
            self.report_handshakes_refused();
            return;
        };
        match TlsStream::new(stream, tls, handshake) {
            Ok(stream) => self.assign(Stream::Tls(Box::new(stream)), endpoint),
            Err(error) => tracing::warn!(error = %error, "a connection can't begin with TLS"),
        }
    }

    /// Logs once a second at most that handshakes were refused.
    fn report_handshakes_refused(&self) {
        let refused = match self.handshakes_refused.get() {
            Some((logged_at, refused)) if logged_at.elapsed() < REPORT_PAUSE => {
                self.handshakes_refused.set(Some((logged_at, refused + 1)));
                return;
            }
            before => before.map_or(0, |(_, refused)| refused) + 1,
        };
        tracing::warn!(refused, "closed: more TLS handshakes under way than max-tls-handshakes");
        self.handshakes_refused.set(Some((Instant::now(), 0)));
    }

    fn take_unix(&self, stream: UnixStream, path: &Arc<str>) {
        if self.is_full(&self.broker.settings()) {
            let _ = stream.try_write(b"-ERR max number of clients reached\r\n");
            self.count_refused();
            return;
        }
        let address = Address::Unix(Arc::clone(path));
        let endpoint =
            Endpoint { local_address: address.clone(), address, fd: stream.as_raw_fd(), certificate_user: None };
        match stream.into_std() {
            Ok(stream) => self.assign(Stream::Unix(mio::net::UnixStream::from_std(stream)), endpoint),
            Err(error) => tracing::warn!(error = %error, "a connection can't be handed to a worker"),
        }
    }

    fn is_full(&self, settings: &Settings) -> bool {
        let connected: usize = self.workers.iter().map(|worker| worker.connections.load(Ordering::Relaxed)).sum();
        connected >= settings.maxclients as usize
    }

    /// Says why, as far as the fresh socket takes it, and closes; a peer that expects TLS would not understand it.
    fn refuse_tcp(&self, stream: &TcpStream, tls: Option<&Arc<Tls>>, reason: &[u8]) {
        if tls.is_none() {
            let _ = SockRef::from(stream).send(reason);
        }
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
