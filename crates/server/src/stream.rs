//! A connection's socket, whatever its kind.

use std::io::{self, IoSlice, Read};

use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream};

/// An accepted socket on its way to a worker.
pub(crate) enum Accepted {
    Tcp(std::net::TcpStream),
    Unix(std::os::unix::net::UnixStream),
}

/// A socket that its worker's runtime watches.
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    /// Registers the socket with the runtime of this thread.
    pub(crate) fn register(accepted: Accepted) -> io::Result<Self> {
        match accepted {
            Accepted::Tcp(stream) => TcpStream::from_std(stream).map(Self::Tcp),
            Accepted::Unix(stream) => UnixStream::from_std(stream).map(Self::Unix),
        }
    }

    pub(crate) async fn readable(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.readable().await,
            Self::Unix(stream) => stream.readable().await,
        }
    }

    pub(crate) async fn writable(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.writable().await,
            Self::Unix(stream) => stream.writable().await,
        }
    }

    /// Reads without waiting.
    ///
    /// A read that leaves room has taken everything, so the socket then counts as not readable until more arrives
    /// (epoll(7), edge-triggered): one more read, only to be told so, would cost a tenth of a send.
    pub(crate) fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut partial = None;
        let mut read = |socket: SockRef<'_>| match (&*socket).read(buffer)? {
            // Only what would block ends the readiness. The end of the stream (0) is told again by every read.
            count if 0 < count && count < buffer.len() => {
                partial = Some(count);
                Err(io::ErrorKind::WouldBlock.into())
            }
            count => Ok(count),
        };
        let result = match self {
            Self::Tcp(stream) => stream.try_io(Interest::READABLE, || read(stream.into())),
            Self::Unix(stream) => stream.try_io(Interest::READABLE, || read(stream.into())),
        };
        partial.map_or(result, Ok)
    }

    /// Writes without waiting; one slice goes the shorter way through the kernel.
    pub(crate) fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match (self, slices) {
            (Self::Tcp(stream), [slice]) => stream.try_write(slice),
            (Self::Tcp(stream), slices) => stream.try_write_vectored(slices),
            (Self::Unix(stream), slices) => stream.try_write_vectored(slices),
        }
    }
}
