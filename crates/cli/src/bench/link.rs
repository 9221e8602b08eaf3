//! One non-blocking connection of the load generator.

use std::io::{self, Read, Write};
use std::net::SocketAddr;

use anyhow::{Context, bail};
use fanfare_wire::{DecodeLimits, Value, decode};
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

/// A connection, what is still to be written and the start of a frame that is still to be completed.
pub(super) struct Link {
    stream: TcpStream,
    out: Vec<u8>,
    written: usize,
    /// The socket takes no more until readiness is reported.
    blocked: bool,
    partial: Vec<u8>,
}

impl Link {
    /// Begins to connect; `first` is sent as soon as that is done.
    pub(super) fn dial(registry: &Registry, address: SocketAddr, token: usize, first: Vec<u8>) -> io::Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        // Readiness is reported by its changes only, so asking for both costs nothing later on.
        registry.register(&mut stream, Token(token), Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self { stream, out: first, written: 0, blocked: true, partial: Vec::new() })
    }

    /// How much waits to be written.
    pub(super) fn unwritten(&self) -> usize {
        self.out.len() - self.written
    }

    /// Where requests are appended that the next [`flush`](Self::flush) sends.
    pub(super) fn out(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    /// The socket takes bytes again.
    pub(super) fn unblock(&mut self) -> anyhow::Result<()> {
        self.blocked = false;
        self.flush()
    }

    /// Writes as much as the socket takes.
    pub(super) fn flush(&mut self) -> anyhow::Result<()> {
        while !self.blocked && self.unwritten() > 0 {
            match self.stream.write(&self.out[self.written..]) {
                Ok(len) => self.written += len,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.blocked = true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("the connection can't be written to"),
            }
        }
        if self.unwritten() == 0 {
            self.out.clear();
            self.written = 0;
        }
        Ok(())
    }

    /// Small requests are to leave at once.
    pub(super) fn no_delay(&self) -> anyhow::Result<()> {
        self.stream.set_nodelay(true).context("TCP_NODELAY can't be set")
    }

    /// Reads what has arrived and hands it to `take`, which says how much of it was whole; the rest is kept.
    ///
    /// `buffer` is longer than any two frames. `ending` says that the peer has closed its side, so that the end is near.
    pub(super) fn read(
        &mut self,
        buffer: &mut [u8],
        ending: bool,
        mut take: impl FnMut(&[u8]) -> anyhow::Result<usize>,
    ) -> anyhow::Result<()> {
        loop {
            let kept = self.partial.len();
            buffer[..kept].copy_from_slice(&self.partial);
            match self.stream.read(&mut buffer[kept..]) {
                Ok(0) => bail!("the server closed the connection"),
                Ok(len) => {
                    let end = kept + len;
                    let used = take(&buffer[..end])?;
                    self.partial.clear();
                    self.partial.extend_from_slice(&buffer[used..end]);
                    // A read that left room took everything: what comes later is reported anew.
                    if end < buffer.len() && !ending {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("the connection can't be read from"),
            }
        }
    }
}

/// A connection that waits for each answer: for what is not measured.
pub(super) struct Control {
    stream: std::net::TcpStream,
    input: Vec<u8>,
}

impl Control {
    pub(super) fn connect(address: SocketAddr, timeout: std::time::Duration) -> anyhow::Result<Self> {
        let connect = || {
            let stream = std::net::TcpStream::connect_timeout(&address, timeout)?;
            stream.set_read_timeout(Some(timeout))?;
            stream.set_write_timeout(Some(timeout))?;
            io::Result::Ok(stream)
        };
        let stream = connect().with_context(|| format!("there is no connection to {address}"))?;
        Ok(Self { stream, input: Vec::new() })
    }

    pub(super) fn send(&mut self, request: &[u8]) -> anyhow::Result<()> {
        self.stream.write_all(request).context("a request can't be sent")
    }

    /// The next reply.
    pub(super) fn reply(&mut self) -> anyhow::Result<Value> {
        let mut chunk = [0; 16 * 1024];
        loop {
            if let Some((value, len)) = decode(&self.input, &DecodeLimits::DEFAULT).context("the reply is malformed")? {
                self.input.drain(..len);
                return Ok(value);
            }
            match self.stream.read(&mut chunk).context("no reply came")? {
                0 => bail!("the server closed the connection"),
                len => self.input.extend_from_slice(&chunk[..len]),
            }
        }
    }

    /// Whether the server sent anything that was not asked for.
    pub(super) fn is_silent(&mut self) -> anyhow::Result<bool> {
        self.stream.set_nonblocking(true)?;
        let read = self.stream.peek(&mut [0]);
        self.stream.set_nonblocking(false)?;
        Ok(self.input.is_empty() && matches!(read, Err(error) if error.kind() == io::ErrorKind::WouldBlock))
    }
}
