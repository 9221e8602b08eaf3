//! One non-blocking connection of the load generator.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, bail};
use fanfare_wire::{DecodeLimits, Value, decode};
use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::{Domain, Socket, Type};

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
    pub(super) fn dial(
        registry: &Registry,
        address: SocketAddr,
        source: Option<Ipv4Addr>,
        token: usize,
        first: Vec<u8>,
    ) -> io::Result<Self> {
        let mut stream = match source {
            Some(source) => connect_from(source, address)?,
            None => TcpStream::connect(address)?,
        };
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

    /// Does what the socket is ready for: `take` gets what has arrived, and where an answer to it may be appended; it
    /// says how much of it was whole, and the rest comes again with what follows.
    ///
    /// `buffer` is longer than any two frames.
    pub(super) fn handle(
        &mut self,
        event: &Event,
        buffer: &mut [u8],
        take: impl FnMut(&[u8], &mut Vec<u8>) -> anyhow::Result<usize>,
    ) -> anyhow::Result<()> {
        if event.is_writable() {
            self.blocked = false;
        }
        if event.is_readable() {
            self.read(buffer, event.is_read_closed(), take)?;
        }
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

    /// `ending` says that the peer has closed its side, so that the end is near.
    fn read(
        &mut self,
        buffer: &mut [u8],
        ending: bool,
        mut take: impl FnMut(&[u8], &mut Vec<u8>) -> anyhow::Result<usize>,
    ) -> anyhow::Result<()> {
        loop {
            let kept = self.partial.len();
            buffer[..kept].copy_from_slice(&self.partial);
            match self.stream.read(&mut buffer[kept..]) {
                Ok(0) => bail!("the server closed the connection"),
                Ok(len) => {
                    let end = kept + len;
                    let used = take(&buffer[..end], &mut self.out)?;
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

/// Connects from an address of this machine other than the usual one.
fn connect_from(source: Ipv4Addr, address: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((source, 0)).into())?;
    // To this machine itself a connection is made at once.
    socket.connect(&address.into())?;
    socket.set_nonblocking(true)?;
    Ok(TcpStream::from_std(socket.into()))
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
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_connection_comes_from_the_address_that_is_asked_for() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let source = Ipv4Addr::new(127, 0, 0, 2);
        let _stream = connect_from(source, address).expect("it is listened there");
        let (_, peer) = listener.accept().expect("somebody has connected");
        assert_eq!(peer.ip(), source);
    }
}
