//! An encrypted socket.
//!
//! rustls keeps no buffers here: all connections of a worker decrypt and encrypt in the worker's, and one holds memory
//! only for part of a record that has come, or that its socket did not take.

use std::io::{self, IoSlice, Read, Write};

use fanfare_engine::Endpoint;
use mio::net::TcpStream;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, EncodeError, EncodeTlsData, InsufficientSizeError, UnbufferedStatus};

use super::{Handshake, Tls, certificate};
use crate::stream::{READ_BYTES, Taken};

/// The most that one record has of plaintext. Source: RFC 8446, section 5.1.
const RECORD_BYTES: usize = 16 * 1024;

/// Encrypted between two writes to the socket: all of it is kept if that takes nothing.
const PIECE_BYTES: usize = 4 * RECORD_BYTES;

/// Room for the records around a piece, and for a change of keys in front of it.
const OVERHEAD_BYTES: usize = 1024;

/// Buffers that all TLS connections of a worker use one after the other; without any they have no memory.
#[derive(Default)]
pub(crate) struct Buffers {
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
    gathered: Vec<u8>,
}

/// A TCP socket with TLS on it, the server's side.
pub(crate) struct TlsStream {
    pub(super) socket: TcpStream,
    connection: UnbufferedServerConnection,
    /// Until its end.
    pub(super) handshake: Option<Handshake>,
    /// The beginning of a record.
    incoming: Vec<u8>,
    /// The records that the socket has not taken.
    outgoing: Vec<u8>,
    /// Bytes of `outgoing` that it has.
    sent: usize,
    /// The last byte written is in `outgoing`, and not reported as written until that is sent: whoever waits for the
    /// end of a queue may close then.
    holds_byte: bool,
    /// There is plaintext, or a whole record in `incoming`, which no event of the socket tells.
    has_unread: bool,
    /// The peer has said that it sends no more.
    is_ended: bool,
}

impl TlsStream {
    pub(crate) fn new(socket: TcpStream, tls: &Tls, handshake: Handshake) -> Result<Self, rustls::Error> {
        Ok(Self {
            socket,
            connection: UnbufferedServerConnection::new(tls.config())?,
            handshake: Some(handshake),
            incoming: Vec::new(),
            outgoing: Vec::new(),
            sent: 0,
            holds_byte: false,
            has_unread: false,
            is_ended: false,
        })
    }

    pub(crate) const fn socket_mut(&mut self) -> &mut TcpStream {
        &mut self.socket
    }

    /// Takes what has come of the handshake and answers it; whether it is complete.
    pub(super) fn shake_hands(&mut self, buffers: &mut Buffers) -> io::Result<bool> {
        loop {
            let filled = match self.receive(buffers) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            };
            self.process(&mut buffers.incoming[..filled], None)?;
            if !self.connection.is_handshaking() {
                self.has_unread = true;
                return Ok(true);
            }
        }
    }

    /// Ends the handshake, and notes in `endpoint` what it has shown.
    pub(super) fn accept(&mut self, endpoint: &mut Endpoint) {
        if self.handshake.take().is_some_and(|handshake| handshake.names_user) {
            let certificate = self.connection.peer_certificates().and_then(<[_]>::first);
            endpoint.certificate_user = certificate.and_then(certificate::common_name);
        }
    }

    /// Reads once from the socket; plaintext that came goes to the front of `plaintext`.
    pub(crate) fn read(&mut self, plaintext: &mut [u8], buffers: &mut Buffers) -> io::Result<Taken> {
        if self.is_ended {
            return Ok(Taken::End);
        }
        let (filled, is_full) = if std::mem::take(&mut self.has_unread) {
            buffers.incoming.resize(READ_BYTES, 0);
            (self.restore(buffers), true)
        } else {
            match self.receive(buffers)? {
                0 => return Ok(Taken::End),
                filled => (filled, filled == READ_BYTES),
            }
        };
        let count = self.process(&mut buffers.incoming[..filled], Some(plaintext))?;
        Ok(Taken::Bytes { count, has_more: is_full || self.is_ended })
    }

    /// Reads from the socket behind the record that has begun; the bytes of both, 0 at the end.
    fn receive(&mut self, buffers: &mut Buffers) -> io::Result<usize> {
        buffers.incoming.resize(READ_BYTES, 0);
        let held = self.incoming.len();
        let room = &mut buffers.incoming[held..];
        if room.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a message of the handshake is too long"));
        }
        let count = self.socket.read(room)?;
        self.restore(buffers);
        Ok(if count == 0 { 0 } else { held + count })
    }

    /// Puts the record that has begun where more of it is read.
    fn restore(&self, buffers: &mut Buffers) -> usize {
        buffers.incoming[..self.incoming.len()].copy_from_slice(&self.incoming);
        self.incoming.len()
    }

    /// Works through records up to the last whole one, and answers those of the protocol itself; the bytes of plaintext.
    ///
    /// Without room for plaintext it stops in front of it.
    fn process(&mut self, records: &mut [u8], mut plaintext: Option<&mut [u8]>) -> io::Result<usize> {
        let (mut done, mut count) = (0, 0);
        loop {
            let UnbufferedStatus { mut discard, state } = self.connection.process_tls_records(&mut records[done..]);
            let mut is_over = false;
            match state {
                Ok(ConnectionState::EncodeTlsData(state)) => encode(state, &mut self.outgoing)?,
                Ok(ConnectionState::TransmitTlsData(state)) => state.done(),
                Ok(ConnectionState::PeerClosed) => self.is_ended = true,
                Ok(ConnectionState::ReadTraffic(mut state)) => match &mut plaintext {
                    None => is_over = true,
                    Some(plaintext) => {
                        while let Some(record) = state.next_record() {
                            let record = record.map_err(invalid)?;
                            discard += record.discard;
                            let room = plaintext.get_mut(count..count + record.payload.len());
                            room.ok_or(io::ErrorKind::OutOfMemory)?.copy_from_slice(record.payload);
                            count += record.payload.len();
                        }
                    }
                },
                // Data before the end of the handshake is never asked for.
                Ok(_) => is_over = true,
                Err(error) => {
                    // The peer is told why, as far as its socket takes it.
                    let status = self.connection.process_tls_records(&mut records[done + discard..]);
                    if let Ok(ConnectionState::EncodeTlsData(state)) = status.state {
                        encode(state, &mut self.outgoing)?;
                    }
                    let _ = self.flush();
                    return Err(invalid(error));
                }
            }
            done += discard;
            if is_over {
                break;
            }
        }
        // Usually both are empty, and no memory is touched.
        self.incoming = records[done..].to_vec();
        match self.flush() {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(count),
        }
    }

    /// Encrypts and sends as much as the socket takes; the bytes that are no longer the caller's to keep.
    ///
    /// Fewer than all mean that it goes on when the socket takes more, and so does [`io::ErrorKind::WouldBlock`].
    pub(crate) fn write(&mut self, slices: &[IoSlice<'_>], buffers: &mut Buffers) -> io::Result<usize> {
        self.flush()?;
        buffers.outgoing.resize(PIECE_BYTES + OVERHEAD_BYTES, 0);
        let total: usize = slices.iter().map(|slice| slice.len()).sum();
        let mut written = usize::from(std::mem::take(&mut self.holds_byte));
        let mut pieces = Pieces { slices, at: written };
        while let Some(piece) = pieces.next(&mut buffers.gathered) {
            let count = self.encrypt(piece, &mut buffers.outgoing)?;
            written += piece.len();
            self.send(&buffers.outgoing[..count])?;
            if !self.outgoing.is_empty() {
                self.holds_byte = written == total;
                return Ok(written - usize::from(self.holds_byte));
            }
        }
        Ok(written)
    }

    /// Encrypts `piece` into the front of `records`.
    fn encrypt(&mut self, piece: &[u8], records: &mut [u8]) -> io::Result<usize> {
        loop {
            let UnbufferedStatus { discard, state } = self.connection.process_tls_records(&mut self.incoming);
            let encrypted = match state.map_err(invalid)? {
                ConnectionState::WriteTraffic(mut traffic) => Some(traffic.encrypt(piece, records)),
                ConnectionState::EncodeTlsData(state) => {
                    encode(state, &mut self.outgoing)?;
                    None
                }
                ConnectionState::TransmitTlsData(state) => {
                    state.done();
                    None
                }
                _ => return Err(io::ErrorKind::NotConnected.into()),
            };
            self.incoming.drain(..discard);
            if let Some(encrypted) = encrypted {
                return encrypted.map_err(io::Error::other);
            }
        }
    }

    /// Sends records, or keeps what the socket does not take.
    fn send(&mut self, mut records: &[u8]) -> io::Result<()> {
        while self.outgoing.is_empty() && !records.is_empty() {
            match self.socket.write(records) {
                Ok(count) => records = &records[count..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.outgoing.extend_from_slice(records);
        Ok(())
    }

    /// Sends what the socket did not take before.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        while self.sent < self.outgoing.len() {
            match self.socket.write(&self.outgoing[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.sent = 0;
        self.outgoing = Vec::new();
        Ok(())
    }

    /// Tells the peer that no more comes, unless something still waits to be sent.
    pub(crate) fn close(&mut self) {
        if !self.outgoing.is_empty() {
            return;
        }
        let status = self.connection.process_tls_records(&mut self.incoming);
        if let Ok(ConnectionState::WriteTraffic(mut traffic)) = status.state {
            let mut alert = [0; OVERHEAD_BYTES];
            if let Ok(count) = traffic.queue_close_notify(&mut alert) {
                // A peer that has gone needs no goodbye.
                let _ = self.socket.write(&alert[..count]);
            }
        }
    }
}

/// Appends a message of the protocol.
fn encode<Data>(mut state: EncodeTlsData<'_, Data>, outgoing: &mut Vec<u8>) -> io::Result<()> {
    // Only the attempt tells its size.
    let Err(EncodeError::InsufficientSize(InsufficientSizeError { required_size })) = state.encode(&mut []) else {
        return Ok(());
    };
    let at = outgoing.len();
    outgoing.resize(at + required_size, 0);
    state.encode(&mut outgoing[at..]).map(|_| ()).map_err(io::Error::other)
}

fn invalid(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// Slices in pieces worth encrypting: small ones are gathered, so that a record has many messages, and large ones are
/// encrypted from where they are.
struct Pieces<'a> {
    slices: &'a [IoSlice<'a>],
    /// Bytes of the first slice that are done.
    at: usize,
}

impl<'a> Pieces<'a> {
    fn next<'b>(&mut self, gathered: &'b mut Vec<u8>) -> Option<&'b [u8]>
    where
        'a: 'b,
    {
        let first = self.rest()?;
        if first.len() >= RECORD_BYTES || self.slices.len() == 1 {
            let piece = &first[..first.len().min(PIECE_BYTES)];
            self.at += piece.len();
            return Some(piece);
        }
        gathered.clear();
        while let Some(rest) = self.rest() {
            let part = &rest[..rest.len().min(RECORD_BYTES - gathered.len())];
            if part.is_empty() {
                break;
            }
            gathered.extend_from_slice(part);
            self.at += part.len();
        }
        Some(gathered)
    }

    /// What is left of the first slice that is not done.
    fn rest(&mut self) -> Option<&'a [u8]> {
        while let Some((first, others)) = self.slices.split_first() {
            if self.at < first.len() {
                return Some(&first[self.at..]);
            }
            self.at -= first.len();
            self.slices = others;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream as StdStream};
    use std::sync::Arc;

    use fanfare_engine::settings::Settings;
    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
    use socket2::SockRef;

    use super::*;

    type Peer = StreamOwned<ClientConnection, StdStream>;

    /// A stream whose socket takes little, and its peer, after their handshake.
    fn pair(buffers: &mut Buffers) -> (TlsStream, Peer) {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(path("cert"), made.cert.pem()).unwrap();
        std::fs::write(path("key"), made.signing_key.serialize_pem()).unwrap();
        let mut settings = Settings::default();
        let (cert, key) = (path("cert"), path("key"));
        for (name, value) in [("tls-cert-file", &*cert), ("tls-key-file", &key), ("tls-auth-clients", "no")] {
            settings.set(name, value).unwrap();
        }
        let tls = Arc::new(Tls::load(&settings).unwrap());

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = StdStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        server.set_nonblocking(true).unwrap();
        SockRef::from(&server).set_send_buffer_size(4096).unwrap();
        let handshake = tls.begin_handshake(&settings).unwrap();
        let mut stream = TlsStream::new(TcpStream::from_std(server), &tls, handshake).unwrap();

        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let session = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
        let mut peer = StreamOwned::new(session, client);
        let peer = std::thread::scope(|scope| {
            let peer = scope.spawn(|| {
                peer.conn.complete_io(&mut peer.sock).unwrap();
                peer
            });
            while !stream.shake_hands(buffers).unwrap() {
                std::thread::yield_now();
            }
            peer.join().unwrap()
        });
        stream.accept(&mut Endpoint::default());
        (stream, peer)
    }

    #[test]
    fn the_last_byte_is_written_when_the_socket_has_it() {
        let mut buffers = Buffers::default();
        let (mut stream, mut peer) = pair(&mut buffers);
        let mut plaintext = vec![0; READ_BYTES];
        // What came behind the handshake: nothing.
        assert!(matches!(
            stream.read(&mut plaintext, &mut buffers).unwrap(),
            Taken::Bytes { count: 0, has_more: true }
        ));
        // One piece, so that all of it is encrypted at once.
        let message: Vec<u8> = (0..PIECE_BYTES).map(|at| at as u8).collect();
        // Until a write ends with the socket full, that is with fewer bytes than all.
        let mut whole = 0;
        let written = loop {
            match stream.write(&[IoSlice::new(&message)], &mut buffers).unwrap() {
                written if written == message.len() => whole += 1,
                written => break written,
            }
        };
        assert_eq!(written, message.len() - 1);
        let last = [IoSlice::new(&message[written..])];
        assert_eq!(stream.write(&last, &mut buffers).unwrap_err().kind(), io::ErrorKind::WouldBlock);

        let mut received = vec![0; message.len() * (whole + 1)];
        let received = std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                peer.read_exact(&mut received).unwrap();
                received
            });
            // More follows the byte that was held back, in the same write.
            let rest = [last[0], IoSlice::new(b"end")];
            let sent = loop {
                match stream.write(&rest, &mut buffers) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::yield_now(),
                    sent => break sent.unwrap(),
                }
            };
            assert_eq!(sent, 4);
            reader.join().unwrap()
        });
        assert!(received.chunks(message.len()).all(|chunk| chunk == message));
        let mut end = [0; 3];
        peer.read_exact(&mut end).unwrap();
        assert_eq!(&end, b"end");
        // Nothing is kept for a connection that waits.
        assert_eq!((stream.outgoing.capacity(), stream.incoming.capacity()), (0, 0));
    }

    #[test]
    fn pieces_gather_what_is_small_and_leave_what_is_large() {
        let large = vec![b'l'; PIECE_BYTES + 5];
        let slices = [&b"ab"[..], b"", b"cd", &large, b"e"].map(IoSlice::new);
        let whole: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        for done in [0, 1, 2, 3] {
            let mut pieces = Pieces { slices: &slices, at: done };
            let (mut gathered, mut joined, mut lengths) = (Vec::new(), Vec::new(), Vec::new());
            while let Some(piece) = pieces.next(&mut gathered) {
                joined.extend_from_slice(piece);
                lengths.push(piece.len());
            }
            assert_eq!(joined, whole[done..]);
            // The first fills a record, the next goes to the end of the large slice, which is less than a piece.
            let behind = large.len() - (RECORD_BYTES - (4 - done));
            assert_eq!(lengths, [RECORD_BYTES, behind, 1]);
        }
    }
}
