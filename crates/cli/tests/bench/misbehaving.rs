//! Servers that do wrong.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use fanfare_wire::{Parsed, Protocol, ReplyWriter, Request, RequestArgs, RequestLimits, RequestParser};

/// What the server of a test does wrong, once, with its tenth message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mischief {
    CloseSubscriber,
    Drop,
    Miscount,
    Repeat,
    Spoil,
    Swap,
}

#[derive(Default)]
struct Channel {
    published: u64,
    subscriber: Option<TcpStream>,
    /// The message that changes places with the next one.
    held: Vec<u8>,
}

/// A server for one subscriber that lives as long as the test's process.
pub(crate) fn serve_badly(mischief: Mischief) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let channel = Arc::new(Mutex::new(Channel::default()));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, channel) = (stream.expect("a connection"), Arc::clone(&channel));
            // The end of the load generator is the end of the connection, by whichever error.
            thread::spawn(move || serve_connection(stream, &channel, mischief));
        }
    });
    port
}

fn serve_connection(mut stream: TcpStream, channel: &Mutex<Channel>, mischief: Mischief) -> std::io::Result<()> {
    let (mut parser, mut args, mut input) = (RequestParser::new(), RequestArgs::new(), Vec::new());
    let mut chunk = [0; 4096];
    loop {
        let len = stream.read(&mut chunk)?;
        if len == 0 {
            return Ok(());
        }
        input.extend_from_slice(&chunk[..len]);
        while let Ok(Parsed::Complete { consumed }) = parser.parse(&input, &RequestLimits::DEFAULT, &mut args) {
            let request = Request::new(&input, &args);
            let mut reply = Vec::new();
            let mut writer = ReplyWriter::new(&mut reply, Protocol::Resp2);
            let mut channel = channel.lock().expect("no thread panics");
            match request.name() {
                b"SUBSCRIBE" => {
                    writer.array(3).bulk(b"subscribe").bulk(&request[1]).integer(1);
                    channel.subscriber = Some(stream.try_clone()?);
                }
                b"PING" => {
                    writer.simple("PONG");
                }
                b"PUBLISH" => {
                    let receivers = channel.publish(&request[1], &request[2], mischief)?;
                    writer.integer(receivers);
                }
                _ => {
                    writer.error("ERR unknown command");
                }
            }
            stream.write_all(&reply)?;
            drop(channel);
            input.drain(..consumed);
        }
    }
}

impl Channel {
    fn publish(&mut self, name: &[u8], payload: &[u8], mischief: Mischief) -> std::io::Result<i64> {
        let Some(mut subscriber) = self.subscriber.as_ref() else { return Ok(0) };
        self.published += 1;
        let mut frame = Vec::new();
        ReplyWriter::new(&mut frame, Protocol::Resp2).array(3).bulk(b"message").bulk(name).bulk(payload);
        let now = self.published == 10;
        match mischief {
            Mischief::CloseSubscriber if now => subscriber.shutdown(std::net::Shutdown::Both)?,
            Mischief::Drop if now => frame.clear(),
            Mischief::Miscount if now => {
                subscriber.write_all(&frame)?;
                return Ok(2);
            }
            Mischief::Repeat if now => frame.extend_from_within(..),
            Mischief::Spoil if now => {
                let last = frame.len() - 3;
                frame[last] ^= 1;
            }
            Mischief::Swap if now => self.held = std::mem::take(&mut frame),
            _ => {}
        }
        if !now {
            frame.append(&mut self.held);
        }
        subscriber.write_all(&frame)?;
        Ok(1)
    }
}
