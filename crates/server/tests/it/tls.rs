//! TLS: who gets in, what goes through, and certificates that change.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use fanfare_wire::Value;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};

use crate::support::{Client, TestServer, connect, eventually};

type Version = &'static SupportedProtocolVersion;

/// An authority, and the files of what it signs.
struct Authority {
    folder: tempfile::TempDir,
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

/// A certificate and its key, both PEM.
struct Identity {
    certificate: String,
    key: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca"), certificate.pem()).unwrap();
        let authority = Self { folder, certificate: certificate.der().clone(), issuer: Issuer::new(params, key) };
        authority.renew();
        authority
    }

    fn identity(&self, name: &str) -> Identity {
        let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    /// Gives the server's files a new certificate, which is returned.
    fn renew(&self) -> CertificateDer<'static> {
        let identity = self.identity("server");
        std::fs::write(self.path("cert"), &identity.certificate).unwrap();
        std::fs::write(self.path("key"), &identity.key).unwrap();
        CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap()
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn start(&self, settings: &[(&str, &str)]) -> TestServer {
        let (cert, key, ca) = (self.path("cert"), self.path("key"), self.path("ca"));
        let files = [("tls-cert-file", cert.as_str()), ("tls-key-file", &key), ("tls-ca-cert-file", &ca)];
        TestServer::start_tls(&[&files[..], settings].concat())
    }

    /// The client's side of a session before its handshake.
    fn session(&self, identity: Option<&Identity>, versions: &[Version]) -> ClientConnection {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some(Identity { certificate, key }) => builder
                .with_client_auth_cert(
                    vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
                    PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
                )
                .unwrap(),
        };
        ClientConnection::new(Arc::new(config), ServerName::try_from("127.0.0.1").unwrap()).unwrap()
    }

    /// A connection after its handshake.
    fn stream(&self, server: &TestServer, identity: Option<&Identity>, versions: &[Version]) -> io::Result<Stream> {
        let mut stream = StreamOwned::new(self.session(identity, versions), connect(tls_address(server)));
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(stream)
    }

    fn client(&self, server: &TestServer) -> Client {
        Client::over(self.stream(server, None, &[&TLS13]).expect("a handshake"))
    }
}

type Stream = StreamOwned<ClientConnection, TcpStream>;

fn tls_address(server: &TestServer) -> SocketAddr {
    server.tls_addresses[0]
}

/// The error that a client without a place gets, in the handshake or with its first request.
fn refusal(stream: io::Result<Stream>) -> io::Error {
    let asked = stream.and_then(|mut stream| {
        stream.write_all(b"PING\r\n")?;
        stream.read_exact(&mut [0])
    });
    asked.expect_err("it is refused")
}

const OPEN: (&str, &str) = ("tls-auth-clients", "no");

fn messages_of_all_sizes_go_through(workers: &str) {
    let authority = Authority::new();
    let server = authority.start(&[OPEN, ("workers", workers)]);
    for version in [&TLS12, &TLS13] {
        let mut subscriber = Client::over(authority.stream(&server, None, &[version]).unwrap());
        let mut plain = server.client();
        let mut publisher = authority.client(&server);
        subscriber.subscribe("SUBSCRIBE", &["c"]);
        plain.subscribe("SUBSCRIBE", &["c"]);
        for len in [0, 1, 100, 16 * 1024 - 1, 16 * 1024, 16 * 1024 + 1, 64 * 1024, 1 << 20] {
            let payload = "x".repeat(len);
            assert_eq!(publisher.number(&["PUBLISH", "c", &payload]), 2);
            subscriber.expect_message(&["message", "c", &payload]);
            plain.expect_message(&["message", "c", &payload]);
        }
        assert_eq!(plain.text(&["QUIT"]), "OK");
        assert_eq!(subscriber.text(&["QUIT"]), "OK");
        subscriber.expect_close();
    }
}

fn a_slow_subscriber_gets_everything_in_order(workers: &str) {
    let authority = Authority::new();
    let server = authority.start(&[OPEN, ("workers", workers)]);
    let (mut subscriber, mut publisher) = (authority.client(&server), authority.client(&server));
    subscriber.subscribe("SUBSCRIBE", &["c"]);
    let payload = |at: usize| format!("{at}:{}", "x".repeat(at % 5 * 20_000));
    for at in 0..250 {
        assert_eq!(publisher.number(&["PUBLISH", "c", &payload(at)]), 1);
    }
    for at in 0..250 {
        subscriber.expect_message(&["message", "c", &payload(at)]);
    }
    subscriber.expect_nothing();
}

with_workers!(messages_of_all_sizes_go_through, a_slow_subscriber_gets_everything_in_order);

#[test]
fn what_is_queued_comes_before_the_end() {
    let authority = Authority::new();
    let server = authority.start(&[OPEN]);
    let text = "x".repeat(1 << 20);
    for replies in [1, 2, 16] {
        let mut client = authority.client(&server);
        for _ in 0..replies {
            client.send(&["ECHO", &text]);
        }
        client.send(&["QUIT"]);
        for _ in 0..replies {
            assert_eq!(client.receive().as_bytes().map(<[u8]>::len), Some(text.len()));
        }
        assert_eq!(client.receive(), Value::Simple("OK".into()));
        client.expect_close();
    }
}

#[test]
fn what_is_dropped_for_a_slow_subscriber_leaves_whole_messages() {
    let authority = Authority::new();
    let policy = [("slow-subscriber-policy", "drop-oldest"), ("client-output-buffer-limit", "pubsub 200kb 0 0")];
    let server = authority.start(&[&[OPEN], &policy[..]].concat());
    let (mut subscriber, mut publisher) = (authority.client(&server), server.client());
    subscriber.subscribe("SUBSCRIBE", &["c"]);
    let payload = |at: usize| format!("{at:09}{}", "x".repeat(10_000));
    let count = 1_200;
    for at in 0..count {
        assert_eq!(publisher.number(&["PUBLISH", "c", &payload(at)]), 1);
    }
    let (mut last, mut received) = (None, 0);
    while last != Some(count - 1) {
        let message = subscriber.receive();
        let text = message.as_elements().and_then(|parts| parts[2].as_bytes()).map(String::from_utf8_lossy).unwrap();
        let at: usize = text[..9].parse().unwrap();
        assert_eq!(text, payload(at));
        assert!(last < Some(at), "{at} behind {last:?}");
        (last, received) = (Some(at), received + 1);
    }
    assert!(received < count, "nothing was dropped");
}

#[test]
fn a_handshake_may_come_byte_by_byte_and_with_the_first_request() {
    let authority = Authority::new();
    let server = authority.start(&[OPEN]);
    for version in [&TLS12, &TLS13] {
        let mut session = authority.session(None, &[version]);
        let mut socket = connect(tls_address(&server));
        // rustls keeps it until the handshake allows it, and sends it at once.
        session.writer().write_all(b"PING\r\n").unwrap();
        let mut reply = [0; 7];
        let mut got = 0;
        while got < reply.len() {
            let mut records = Vec::new();
            while session.wants_write() {
                session.write_tls(&mut records).unwrap();
            }
            for byte in &records {
                socket.write_all(std::slice::from_ref(byte)).unwrap();
            }
            session.read_tls(&mut socket).unwrap();
            session.process_new_packets().unwrap();
            match session.reader().read(&mut reply[got..]) {
                Ok(count) => got += count,
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
        }
        assert_eq!(&reply, b"+PONG\r\n");
    }
}

#[test]
fn what_is_not_tls_is_closed() {
    let authority = Authority::new();
    let server = authority.start(&[OPEN]);
    let mut client = server.client();
    for bytes in [&b"PING\r\nPING\r\nPING\r\n"[..], &[0x16, 3, 1, 0xff, 0xff, 1], &[0x16; 5000], &[0; 70_000]] {
        let mut socket = connect(tls_address(&server));
        // The server may close before it has everything.
        let _ = socket.write_all(bytes);
        let mut rest = Vec::new();
        match socket.read_to_end(&mut rest) {
            Ok(_) => assert!(rest.len() < 10, "it answered {rest:?}"),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset),
        }
    }
    eventually("all of them are forgotten", || client.info("connected_clients") == "1");
    assert_eq!(authority.client(&server).text(&["PING"]), "PONG");
}

#[test]
fn certificates_of_clients_are_asked_for() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let (known, unknown) = (authority.identity("alice"), stranger.identity("alice"));
    let server = authority.start(&[]);
    for version in [&TLS12, &TLS13] {
        let stream = authority.stream(&server, Some(&known), &[version]).unwrap();
        assert_eq!(Client::over(stream).text(&["PING"]), "PONG");
        assert!(refusal(authority.stream(&server, None, &[version])).to_string().contains("CertificateRequired"));
        refusal(authority.stream(&server, Some(&unknown), &[version]));
    }
    let server = authority.start(&[("tls-auth-clients", "optional")]);
    assert_eq!(authority.client(&server).text(&["PING"]), "PONG");
    refusal(authority.stream(&server, Some(&unknown), &[&TLS13]));
}

#[test]
fn a_certificate_names_its_user() {
    let authority = Authority::new();
    let alice = authority.identity("alice");
    for (setting, user) in [("CN", Some("alice")), ("off", None)] {
        let server = authority.start(&[("tls-auth-clients-user", setting)]);
        let stream = authority.stream(&server, Some(&alice), &[&TLS13]).unwrap();
        let mut client = Client::over(stream);
        assert_eq!(client.text(&["PING"]), "PONG");
        let clients = server.broker.clients().snapshot();
        let users: Vec<_> = clients.iter().map(|client| client.endpoint.certificate_user.as_deref()).collect();
        assert_eq!(users, [user]);
    }
}

#[test]
fn protocols_can_be_chosen() {
    let authority = Authority::new();
    let server = authority.start(&[OPEN, ("tls-protocols", "TLSv1.3")]);
    refusal(authority.stream(&server, None, &[&TLS12]));
    assert_eq!(authority.client(&server).text(&["PING"]), "PONG");
}

#[test]
fn certificates_change_while_clients_stay() {
    let authority = Authority::new();
    let server = authority.start(&[OPEN]);
    let shown = |stream: &Stream| stream.conn.peer_certificates().unwrap()[0].clone().into_owned();
    let old = authority.stream(&server, None, &[&TLS13]).unwrap();
    let first = shown(&old);
    let (mut old, mut admin) = (Client::over(old), server.client());
    old.subscribe("SUBSCRIBE", &["c"]);

    let second = authority.renew();
    let path = authority.path("cert");
    assert_eq!(admin.text(&["CONFIG", "SET", "tls-cert-file", &path]), "OK");
    let new = shown(&authority.stream(&server, None, &[&TLS13]).unwrap());
    assert!(new == second && new != first);

    std::fs::write(&path, "nonsense").unwrap();
    let refused = admin.text(&["CONFIG", "SET", "timeout", "9", "tls-protocols", "TLSv1.3"]);
    let reason = format!(
        "ERR CONFIG SET failed (possibly related to argument 'tls-cert-file') - {path}: it has no certificate in PEM form"
    );
    assert_eq!(refused, reason);
    let timeout = admin.call(&["CONFIG", "GET", "timeout"]);
    assert_eq!(timeout.as_elements().unwrap()[1].as_bytes(), Some(&b"0"[..]));
    assert_eq!(shown(&authority.stream(&server, None, &[&TLS12]).unwrap()), second);

    assert_eq!(admin.number(&["PUBLISH", "c", "hi"]), 1);
    old.expect_message(&["message", "c", "hi"]);
}

#[test]
fn a_server_does_not_start_without_what_tls_needs() {
    let authority = Authority::new();
    let (cert, key, ca) = (authority.path("cert"), authority.path("key"), authority.path("ca"));
    let fails = |files: &[(&str, &str)]| {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
        TestServer::try_start(&[&[("tls-port", port.as_str())], files].concat()).err().expect("it can't start")
    };
    assert_eq!(fails(&[]), "setting 'tls-cert-file': TLS needs it, and it is not set");
    let missing = authority.path("nowhere");
    assert!(fails(&[("tls-cert-file", &missing)]).contains(&missing));
    assert!(fails(&[("tls-cert-file", &cert), ("tls-key-file", &ca)]).contains("no private key"));
    let error = fails(&[("tls-cert-file", &cert), ("tls-key-file", &key)]);
    assert!(error.starts_with("setting 'tls-ca-cert-file'") && error.contains("tls-auth-clients no"), "{error}");
    let other = authority.identity("other");
    std::fs::write(&key, other.key).unwrap();
    let error = fails(&[OPEN, ("tls-cert-file", &cert), ("tls-key-file", &key)]);
    assert!(error.contains(&cert) && error.contains(&key), "{error}");
}

#[test]
fn a_handshake_must_end_in_time() {
    let authority = Authority::new();
    let server = authority.start(&[OPEN, ("tls-handshake-timeout-ms", "50")]);
    let mut silent = connect(tls_address(&server));
    assert_eq!(silent.read(&mut [0]).unwrap(), 0);
    let mut talkative = connect(tls_address(&server));
    talkative.write_all(&[0x16, 3, 1]).unwrap();
    assert_eq!(talkative.read(&mut [0]).unwrap(), 0);
    // Who is in stays.
    let mut client = server.client();
    assert_eq!(client.info("connected_clients"), "1");
}

#[test]
fn handshakes_under_way_are_limited() {
    let authority = Authority::new();
    let server = authority.start(&[OPEN, ("max-tls-handshakes", "2")]);
    let held = [connect(tls_address(&server)), connect(tls_address(&server))];
    let mut third = connect(tls_address(&server));
    assert_eq!(third.read(&mut [0]).unwrap(), 0);
    let mut admin = server.client();
    assert_eq!(admin.info("rejected_connections"), "1");
    drop(held);
    eventually("there is room again", || authority.stream(&server, None, &[&TLS13]).is_ok());
}
