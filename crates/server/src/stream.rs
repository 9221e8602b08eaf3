//! A connection's socket, whatever its kind.

use std::io::{self, IoSlice, Read, Write};

use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Registry, Token};

use crate::tls::{Buffers, TlsStream};

/// Bytes read at once. All connections of a worker read into the same buffer, so an idle one holds none.
pub(crate) const READ_BYTES: usize = 64 * 1024;

/// A socket that does not wait.
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<TlsStream>),
}

/// What a read has brought.
pub(crate) enum Taken {
    /// Bytes, of TLS perhaps none; with `has_more` no event need come for what is left.
    Bytes { count: usize, has_more: bool },
    /// The peer sends no more.
    End,
}

impl Stream {
    /// Has `registry` watch the socket until it is closed; that of TLS it has watched since its handshake.
    ///
    /// An event comes whenever there is more to read, or room to write after there was none.
    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let interests = Interest::READABLE | Interest::WRITABLE;
        match self {
            Self::Tcp(stream) => registry.register(stream, token, interests),
            Self::Unix(stream) => registry.register(stream, token, interests),
            Self::Tls(stream) => registry.reregister(stream.socket_mut(), token, interests),
        }
    }

    /// A read that leaves room has taken everything: the next event comes with more (epoll(7), edge-triggered).
    pub(crate) fn read(&mut self, buffer: &mut [u8], tls: &mut Buffers) -> io::Result<Taken> {
        let count = match self {
            Self::Tcp(stream) => stream.read(buffer)?,
            Self::Unix(stream) => stream.read(buffer)?,
            Self::Tls(stream) => return stream.read(buffer, tls),
        };
        Ok(if count == 0 { Taken::End } else { Taken::Bytes { count, has_more: count == buffer.len() } })
    }

    /// One slice goes the shorter way through the kernel.
    pub(crate) fn write(&mut self, slices: &[IoSlice<'_>], tls: &mut Buffers) -> io::Result<usize> {
        match (self, slices) {
            (Self::Tcp(stream), [slice]) => stream.write(slice),
            (Self::Tcp(stream), slices) => stream.write_vectored(slices),
            (Self::Unix(stream), slices) => stream.write_vectored(slices),
            (Self::Tls(stream), slices) => stream.write(slices, tls),
        }
    }

    /// Whether the socket has everything that was written, or takes the rest of it now.
    pub(crate) fn is_flushed(&mut self) -> bool {
        match self {
            Self::Tcp(_) | Self::Unix(_) => true,
            // Another failure shows in the next write.
            Self::Tls(stream) => !matches!(stream.flush(), Err(error) if error.kind() == io::ErrorKind::WouldBlock),
        }
    }

    /// Says goodbye where the protocol has a word for it.
    pub(crate) fn close(mut self) {
        if let Self::Tls(stream) = &mut self {
            stream.close();
        }
    }
}
