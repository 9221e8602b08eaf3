//! Listening sockets: TCP on several addresses, and the Unix socket.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use fanfare_engine::settings::Settings;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, UnixListener};

/// How many free ports are tried until one is free on all addresses.
const PICKED_PORTS_MAX: u32 = 16;

/// Why the server can't listen where it was told to.
#[derive(Debug)]
#[non_exhaustive]
pub enum ListenError {
    /// `bind` has something that is no address.
    Address(String),
    /// A TCP address can't be used.
    Tcp {
        /// The address.
        address: SocketAddr,
        /// The setting that its port is from.
        setting: &'static str,
        /// Why.
        error: io::Error,
    },
    /// The Unix socket can't be used.
    Unix(PathBuf, io::Error),
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(text) => write!(f, "bind: '{text}' is no IP address; give one such as 127.0.0.1 or ::1"),
            Self::Tcp { address, setting, error } if error.kind() == io::ErrorKind::AddrInUse => {
                let hint = if *setting == "port" { " (0 picks a free one)" } else { "" };
                write!(
                    f,
                    "{address} is in use by another program: stop that one, or choose another port with \
                     --{setting}{hint}"
                )
            }
            Self::Tcp { address, setting, error } if error.kind() == io::ErrorKind::PermissionDenied => write!(
                f,
                "{address}: not permitted ({error}); ports below 1024 need privileges, choose another --{setting}"
            ),
            Self::Tcp { address, error, .. } => {
                write!(f, "{address} can't be listened on: {error}; check --bind against this machine's addresses")
            }
            Self::Unix(path, error) => {
                write!(f, "the Unix socket {} can't be opened: {error}; check --unixsocket", path.display())
            }
        }
    }
}

impl std::error::Error for ListenError {}

/// The Unix socket; its path is removed with it.
pub(crate) struct UnixSocket {
    pub(crate) listener: UnixListener,
    pub(crate) path: PathBuf,
}

impl Drop for UnixSocket {
    fn drop(&mut self) {
        // Nothing listens there any more; if it is gone already, so much the better.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// All listening sockets.
pub(crate) struct Listeners {
    pub(crate) tcp: Vec<TcpListener>,
    pub(crate) tls: Vec<TcpListener>,
    pub(crate) unix: Option<UnixSocket>,
    /// The TCP port without TLS, the same for all addresses; 0 without one.
    pub(crate) port: u16,
}

impl Listeners {
    /// Opens what the settings name; must be called within a runtime.
    pub(crate) fn bind(settings: &Settings) -> Result<Self, ListenError> {
        let mut tries = if settings.port == 0 { PICKED_PORTS_MAX } else { 1 };
        loop {
            tries -= 1;
            match Self::bind_once(settings) {
                // The port picked for the first address may be taken on another: the next pick is a different one.
                Err(ListenError::Tcp { error, .. }) if tries > 0 && error.kind() == io::ErrorKind::AddrInUse => {}
                result => return result,
            }
        }
    }

    fn bind_once(settings: &Settings) -> Result<Self, ListenError> {
        let (mut tcp, mut tls) = (Vec::new(), Vec::new());
        if settings.tls_port != 0 {
            tls = bind_all(settings, "tls-port", settings.tls_port)?;
        }
        // With TLS, 0 is what switches the other port off.
        if settings.port != 0 || settings.tls_port == 0 {
            tcp = bind_all(settings, "port", settings.port)?;
        }
        let unix = if settings.unixsocket.is_empty() {
            None
        } else {
            let path = PathBuf::from(&settings.unixsocket);
            Some(listen_unix(&path, settings.unixsocketperm).map_err(|error| ListenError::Unix(path, error))?)
        };
        let port = tcp.first().and_then(|first| first.local_addr().ok()).map_or(0, |local| local.port());
        Ok(Self { tcp, tls, unix, port })
    }
}

/// Listens on all addresses of `bind`; with port 0 the first one picks one for all.
fn bind_all(settings: &Settings, setting: &'static str, mut port: u16) -> Result<Vec<TcpListener>, ListenError> {
    let mut listeners = Vec::new();
    for text in &settings.bind {
        let (text, is_optional) = match text.strip_prefix('-') {
            Some(rest) => (rest, true),
            None => (text.as_str(), false),
        };
        let ip = parse_address(text).ok_or_else(|| ListenError::Address(text.to_owned()))?;
        let address = SocketAddr::new(ip, port);
        match listen(address, settings.tcp_backlog) {
            Ok(listener) => {
                port = listener.local_addr().map_or(port, |local| local.port());
                listeners.push(listener);
            }
            Err(error) if is_optional && is_missing(&error) => {
                tracing::debug!(%address, error = %error, "skipped: this machine has no such address");
            }
            Err(error) => return Err(ListenError::Tcp { address, setting, error }),
        }
    }
    Ok(listeners)
}

fn parse_address(text: &str) -> Option<IpAddr> {
    match text {
        "*" => Some(Ipv4Addr::UNSPECIFIED.into()),
        "::*" => Some(Ipv6Addr::UNSPECIFIED.into()),
        "localhost" => Some(Ipv4Addr::LOCALHOST.into()),
        text => text.parse().ok(),
    }
}

/// The machine lacks the address or its whole family. Source: ip(7), ipv6(7).
fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported)
        || error.raw_os_error() == Some(97)
}

fn listen(address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    TcpListener::from_std(socket.into())
}

fn listen_unix(path: &Path, mode: u32) -> io::Result<UnixSocket> {
    // A socket that nobody listens on is left over from a server that was killed.
    if std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket()) {
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, "another program listens on it"));
        }
        std::fs::remove_file(path)?;
    }
    let socket = UnixSocket { listener: UnixListener::bind(path)?, path: path.to_owned() };
    if mode != 0 {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    }
    Ok(socket)
}
