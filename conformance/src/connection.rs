//! A raw client connection: bytes out, bytes or values in, every wait bounded.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::frame::{Frame, command};

/// How long any single wait may take before the test fails.
pub const WAIT_MAX: Duration = Duration::from_secs(10);

/// A TCP connection with what was received and not yet taken.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
    /// What was received before this position has been taken.
    taken: usize,
    closed: bool,
}

impl Connection {
    /// Connects to `address`.
    ///
    /// # Errors
    ///
    /// If the connection is refused.
    pub fn open(address: SocketAddr) -> Result<Self> {
        let stream =
            TcpStream::connect_timeout(&address, WAIT_MAX).with_context(|| format!("connecting to {address}"))?;
        Self::on(stream)
    }

    /// Uses a socket that was connected elsewhere.
    ///
    /// # Errors
    ///
    /// If the system refuses the socket's options.
    pub fn on(stream: TcpStream) -> Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(WAIT_MAX))?;
        stream.set_write_timeout(Some(WAIT_MAX))?;
        Ok(Self { stream, received: Vec::new(), taken: 0, closed: false })
    }

    /// Writes `bytes` as they are.
    ///
    /// # Errors
    ///
    /// If the peer has closed the connection, or takes nothing for [`WAIT_MAX`].
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(bytes)?)
    }

    /// Sends one command and returns its reply.
    ///
    /// # Errors
    ///
    /// If the connection fails or what comes back is not RESP.
    pub fn call<A: AsRef<[u8]>>(&mut self, arguments: &[A]) -> Result<Frame> {
        self.send(&command(arguments))?;
        self.frame()
    }

    /// Sends several commands at once and returns their replies.
    ///
    /// # Errors
    ///
    /// As [`Connection::call`].
    pub fn call_all<'a>(&mut self, requests: impl Iterator<Item = Vec<&'a [u8]>>) -> Result<Vec<Frame>> {
        let requests: Vec<Vec<u8>> = requests.map(|request| command(&request)).collect();
        self.send(&requests.concat())?;
        requests.iter().map(|_| self.frame()).collect()
    }

    /// Takes the next value.
    ///
    /// # Errors
    ///
    /// If none arrives within [`WAIT_MAX`], the peer closes, or the bytes are not RESP.
    pub fn frame(&mut self) -> Result<Frame> {
        loop {
            if let Some((frame, used)) = Frame::parse(self.pending()).map_err(anyhow::Error::msg)? {
                self.taken += used;
                self.compact();
                return Ok(frame);
            }
            if self.fill()? == 0 {
                bail!("closed by the server; left over: {}", self.pending().escape_ascii());
            }
        }
    }

    /// Reads until what is pending satisfies `enough`, and takes all of it.
    ///
    /// # Errors
    ///
    /// If that does not happen within [`WAIT_MAX`]; what was received by then stays pending.
    pub fn take_until(&mut self, enough: impl Fn(&[u8]) -> bool) -> Result<Vec<u8>> {
        let start = Instant::now();
        while !enough(self.pending()) {
            if self.fill()? == 0 {
                bail!("closed by the server");
            }
            if start.elapsed() > WAIT_MAX {
                bail!("nothing fitting within {WAIT_MAX:?}");
            }
        }
        Ok(self.take_pending())
    }

    /// Reads until the peer closes, and takes all of it.
    ///
    /// # Errors
    ///
    /// If the peer keeps the connection open for [`WAIT_MAX`].
    pub fn take_until_closed(&mut self) -> Result<Vec<u8>> {
        while self.fill()? != 0 {}
        Ok(self.take_pending())
    }

    /// Takes whatever has been read so far.
    pub fn take_pending(&mut self) -> Vec<u8> {
        let taken = self.received.split_off(self.taken);
        self.received.clear();
        self.taken = 0;
        taken
    }

    /// What has been read and not taken.
    #[must_use]
    pub fn pending(&self) -> &[u8] {
        &self.received[self.taken..]
    }

    /// Whether the peer was seen to have closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// The socket, for a test that needs to set or split it.
    #[must_use]
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Reads once; 0 means that the peer has closed.
    ///
    /// # Errors
    ///
    /// If nothing arrives within the socket's read timeout, [`WAIT_MAX`] unless changed.
    pub fn fill(&mut self) -> Result<usize> {
        let mut chunk = [0; 16 * 1024];
        loop {
            match self.stream.read(&mut chunk) {
                Ok(0) => {
                    self.closed = true;
                    return Ok(0);
                }
                Ok(length) => {
                    self.received.extend_from_slice(&chunk[..length]);
                    return Ok(length);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // A server that closes with unread input resets; what it sent before has been read by then.
                Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                    self.closed = true;
                    return Ok(0);
                }
                Err(error) => return Err(error).context("waiting for the server"),
            }
        }
    }

    /// Drops taken bytes once they are most of the buffer.
    fn compact(&mut self) {
        if self.taken == self.received.len() {
            self.received.clear();
            self.taken = 0;
        } else if self.taken > 64 * 1024 && self.taken * 2 > self.received.len() {
            self.received.drain(..self.taken);
            self.taken = 0;
        }
    }
}
