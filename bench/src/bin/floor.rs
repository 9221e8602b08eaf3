//! The floor: what a program pays that does nothing but send.
//!
//! It takes the load of `fanfare bench fanout` and, for each PUBLISH, loops one `send` of the same bytes over the sockets
//! of the channel's subscribers. A server that makes more deliveries than this has fewer system calls than deliveries.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr};

use anyhow::{Context, Result};
use clap::Parser;
use fanfare_wire::{
    Dialect, Message, MessageKind, Parsed, Protocol, ReplyWriter, Request, RequestArgs, RequestLimits, RequestParser,
    Resp2,
};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token};
use slab::Slab;

/// Loops one `send` per delivery, and nothing else: what servers are compared with.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The address to listen on.
    #[arg(long, default_value = "127.0.0.1")]
    bind: IpAddr,
    /// The port to listen on.
    #[arg(long, default_value_t = 6379)]
    port: u16,
}

fn main() -> Result<()> {
    let Arguments { bind, port } = Arguments::parse();
    let mut poll = Poll::new().context("the poller can't be made")?;
    let address = SocketAddr::new(bind, port);
    let mut listener = TcpListener::bind(address).with_context(|| format!("{address} can't be listened on"))?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let (mut floor, mut events) = (Floor::default(), Events::with_capacity(1024));
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error).context("the poller failed"),
            _ => {}
        }
        for event in &events {
            if event.token() == LISTENER {
                floor.accept(&listener, poll.registry())?;
                continue;
            }
            if event.is_writable() {
                floor.flush(event.token().0);
            }
            if event.is_readable() {
                floor.serve(event.token().0);
            }
        }
    }
}

const LISTENER: Token = Token(usize::MAX);
const READ_LEN: usize = 64 * 1024;
/// A subscriber this far behind stops the publishers.
const BEHIND_MAX: usize = 256 * 1024;

#[derive(Default)]
struct Floor {
    connections: Slab<Connection>,
    channels: HashMap<Vec<u8>, Vec<usize>>,
    frame: Vec<u8>,
    /// How many connections are more than [`BEHIND_MAX`] behind.
    far_behind: usize,
    /// Connections whose requests wait until there are none.
    waiting: Vec<usize>,
}

struct Connection {
    stream: TcpStream,
    parser: RequestParser,
    /// What was read and not served yet.
    input: Vec<u8>,
    /// What the socket did not take.
    backlog: Vec<u8>,
}

impl Connection {
    /// Sends at once what the socket takes; the rest goes out when there is room. Whether it got far behind by this.
    fn send(&mut self, bytes: &[u8]) -> bool {
        let taken = if self.backlog.is_empty() { write(&mut self.stream, bytes) } else { 0 };
        let before = self.backlog.len();
        self.backlog.extend_from_slice(&bytes[taken..]);
        before <= BEHIND_MAX && self.backlog.len() > BEHIND_MAX
    }
}

/// How much the socket took. All of it if the connection has ended, which reading will show.
fn write(stream: &mut TcpStream, bytes: &[u8]) -> usize {
    match stream.write(bytes) {
        Ok(len) => len,
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => 0,
        Err(_) => bytes.len(),
    }
}

impl Floor {
    fn accept(&mut self, listener: &TcpListener, registry: &Registry) -> Result<()> {
        loop {
            let mut stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).context("no connection can be accepted"),
            };
            stream.set_nodelay(true)?;
            let entry = self.connections.vacant_entry();
            registry.register(&mut stream, Token(entry.key()), Interest::READABLE | Interest::WRITABLE)?;
            let (parser, input, backlog) = (RequestParser::new(), Vec::new(), Vec::new());
            entry.insert(Connection { stream, parser, input, backlog });
        }
    }

    /// Reads and serves requests until there are none, or a subscriber is too far behind.
    fn serve(&mut self, number: usize) {
        let mut replies = Vec::new();
        let open = loop {
            if let Err(error) = self.serve_input(number, &mut replies) {
                break error.kind() == ErrorKind::WouldBlock;
            }
            let Some(Connection { stream, input, .. }) = self.connections.get_mut(number) else { return };
            let start = input.len();
            input.resize(start + READ_LEN, 0);
            let read = stream.read(&mut input[start..]);
            input.truncate(start + *read.as_ref().unwrap_or(&0));
            match read {
                Ok(0) => break false,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => break error.kind() == ErrorKind::WouldBlock,
            }
        };
        if open {
            self.send(number, &replies);
        } else {
            self.close(number);
        }
    }

    /// Serves what was read.
    ///
    /// # Errors
    /// [`ErrorKind::WouldBlock`] if the rest has to wait for subscribers; others end the connection.
    fn serve_input(&mut self, number: usize, replies: &mut Vec<u8>) -> io::Result<()> {
        let Some(connection) = self.connections.get_mut(number) else { return Ok(()) };
        let (input, mut parser) = (std::mem::take(&mut connection.input), std::mem::take(&mut connection.parser));
        let (mut used, mut args) = (0, RequestArgs::default());
        let result = loop {
            if self.far_behind > 0 {
                self.waiting.push(number);
                break Err(ErrorKind::WouldBlock.into());
            }
            match parser.parse(&input[used..], &RequestLimits::DEFAULT, &mut args) {
                Ok(Parsed::Complete { consumed }) => {
                    if !args.is_empty() {
                        self.execute(number, &Request::new(&input[used..], &args), replies);
                    }
                    used += consumed;
                }
                Ok(Parsed::Incomplete { .. }) => break Ok(()),
                Err(error) => break Err(io::Error::new(ErrorKind::InvalidData, error)),
            }
        };
        let connection = &mut self.connections[number];
        (connection.input, connection.parser) = (input, parser);
        connection.input.drain(..used);
        result
    }

    fn execute(&mut self, number: usize, request: &Request<'_>, replies: &mut Vec<u8>) {
        let mut reply = ReplyWriter::new(replies, Protocol::Resp2);
        match (request.name(), request.get(1), request.get(2)) {
            (b"PUBLISH", Some(channel), Some(payload)) => {
                self.frame.clear();
                Resp2.encode_head(&Message { kind: MessageKind::Channel, channel, payload }, &mut self.frame);
                self.frame.extend_from_slice(payload);
                Resp2.encode_tail(&mut self.frame);
                let subscribers = self.channels.get(channel).map_or(&[][..], Vec::as_slice);
                for &subscriber in subscribers {
                    self.far_behind += usize::from(self.connections[subscriber].send(&self.frame));
                }
                reply.integer(i64::try_from(subscribers.len()).unwrap_or(i64::MAX));
            }
            (b"SUBSCRIBE", Some(channel), None) => {
                self.channels.entry(channel.to_vec()).or_default().push(number);
                reply.array(3).bulk(b"subscribe").bulk(channel).integer(1);
            }
            (b"PING", None, None) => {
                reply.simple("PONG");
            }
            _ => {
                reply.error("ERR the floor knows PING, SUBSCRIBE of one channel and PUBLISH only");
            }
        }
    }

    fn send(&mut self, number: usize, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.far_behind += usize::from(self.connections[number].send(bytes));
        }
    }

    /// The socket takes bytes again.
    fn flush(&mut self, number: usize) {
        let Some(Connection { stream, backlog, .. }) = self.connections.get_mut(number) else { return };
        let was_far = backlog.len() > BEHIND_MAX;
        while !backlog.is_empty() {
            match write(stream, backlog) {
                0 => break,
                taken => drop(backlog.drain(..taken)),
            }
        }
        if was_far && backlog.len() <= BEHIND_MAX {
            self.resume();
        }
    }

    fn close(&mut self, number: usize) {
        let Some(closed) = self.connections.try_remove(number) else { return };
        self.channels.values_mut().for_each(|subscribers| subscribers.retain(|&subscriber| subscriber != number));
        self.waiting.retain(|&waiting| waiting != number);
        if closed.backlog.len() > BEHIND_MAX {
            self.resume();
        }
    }

    /// One connection fewer is far behind; without any, the requests that waited are served.
    fn resume(&mut self) {
        self.far_behind -= 1;
        if self.far_behind == 0 {
            for number in std::mem::take(&mut self.waiting) {
                self.serve(number);
            }
        }
    }
}
