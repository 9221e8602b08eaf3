//! A server in this process and a client that shows every byte's meaning.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use fanfare_engine::Broker;
use fanfare_engine::settings::Settings;
use fanfare_server::{Server, ServerOptions, StartError};
use fanfare_wire::{DecodeLimits, Decoder, Value};
use tokio::sync::oneshot;

/// How long anything that must happen may take; only a failing test waits that long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A server on a thread of its own, stopped when dropped.
pub(crate) struct TestServer {
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) tls_addresses: Vec<SocketAddr>,
    pub(crate) broker: Arc<Broker>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<usize>>,
}

impl TestServer {
    /// Starts a server on a free port of 127.0.0.1, with these settings beside the defaults.
    pub(crate) fn start(settings: &[(&str, &str)]) -> Self {
        Self::try_start(settings).expect("the server starts")
    }

    /// Starts a server with TLS, with and without on ports that were free.
    pub(crate) fn start_tls(settings: &[(&str, &str)]) -> Self {
        loop {
            let ports = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
            let [plain, tls] = ports.map(|port| port.local_addr().expect("its address").port().to_string());
            match Self::try_start(&[&[("port", plain.as_str()), ("tls-port", &tls)], settings].concat()) {
                // Someone else was quicker.
                Err(error) if error.contains("is in use") => {}
                started => return started.expect("the server starts"),
            }
        }
    }

    /// As [`TestServer::start`]; the error's text if it can't start.
    pub(crate) fn try_start(settings: &[(&str, &str)]) -> Result<Self, String> {
        let mut all = Settings::default();
        for (name, value) in [("bind", "127.0.0.1"), ("port", "0"), ("maxclients", "500"), ("shutdown-timeout", "20")]
            .iter()
            .chain(settings)
        {
            all.set(name, value).expect("a valid setting");
        }
        let (started, starting) = mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                match Server::bind(ServerOptions { settings: all, config_file: None, log: None }) {
                    Ok(server) => {
                        let places = (server.addresses(), server.tls_addresses());
                        started.send(Ok((places, Arc::clone(server.broker())))).expect("the test waits");
                        let stop = async {
                            let _ = stopped.await;
                        };
                        server.run(stop).await.expect("no worker dies")
                    }
                    Err(error) => {
                        started.send(Err(error)).expect("the test waits");
                        0
                    }
                }
            })
        });
        let ((addresses, tls_addresses), broker) =
            starting.recv_timeout(PATIENCE).expect("an answer").map_err(|error: StartError| error.to_string())?;
        Ok(Self { addresses, tls_addresses, broker, stop: Some(stop), thread: Some(thread) })
    }

    /// A new client.
    pub(crate) fn client(&self) -> Client {
        Client::tcp(self.addresses[0])
    }

    /// A new client that speaks RESP3.
    pub(crate) fn client3(&self) -> Client {
        let mut client = self.client();
        assert!(matches!(client.call(&["HELLO", "3"]), Value::Map(_)));
        client
    }

    /// Tells it to stop, as a signal does, and does not wait.
    pub(crate) fn begin_stop(&mut self) {
        self.stop.take();
    }

    /// Waits until it has stopped; how many clients were cut off.
    pub(crate) fn join(&mut self) -> usize {
        self.thread.take().expect("not joined yet").join().expect("the server did not panic")
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.begin_stop();
        if let Some(thread) = self.thread.take() {
            let result = thread.join();
            if !std::thread::panicking() {
                result.expect("the server did not panic");
            }
        }
    }
}

trait Socket: Read + Write + Send {}

impl<S: Read + Write + Send> Socket for S {}

/// A connection; every wait on it ends after [`PATIENCE`].
pub(crate) struct Client {
    socket: Box<dyn Socket>,
    decoder: Decoder,
    buffer: Vec<u8>,
}

impl Client {
    pub(crate) fn tcp(address: SocketAddr) -> Self {
        Self::over(connect(address))
    }

    pub(crate) fn over(socket: impl Read + Write + Send + 'static) -> Self {
        Self { socket: Box::new(socket), decoder: decoder(), buffer: Vec::new() }
    }

    pub(crate) fn unix(path: &Path) -> Self {
        let socket = UnixStream::connect(path).expect("the Unix socket takes connections");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Self { socket: Box::new(socket), decoder: decoder(), buffer: Vec::new() }
    }

    /// Sends bytes as they are.
    pub(crate) fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.socket.write_all(bytes)
    }

    /// Sends a request.
    pub(crate) fn send<A: AsRef<[u8]>>(&mut self, args: &[A]) {
        self.send_raw(&request(args)).expect("the request can be sent");
    }

    /// Sends a request and returns the value that comes next.
    pub(crate) fn call<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Value {
        self.send(args);
        self.receive()
    }

    /// The number of an integer reply.
    pub(crate) fn number(&mut self, args: &[&str]) -> i64 {
        let reply = self.call(args);
        reply.as_integer().unwrap_or_else(|| panic!("{args:?} answered {reply:?}"))
    }

    /// The text of a reply of one string, errors included.
    pub(crate) fn text(&mut self, args: &[&str]) -> String {
        let reply = self.call(args);
        let bytes = reply.as_bytes().unwrap_or_else(|| panic!("{args:?} answered {reply:?}"));
        String::from_utf8_lossy(bytes).into_owned()
    }

    /// The value of a field of INFO.
    pub(crate) fn info(&mut self, field: &str) -> String {
        let info = self.text(&["INFO", "everything"]);
        let line = info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':').map(str::to_owned));
        line.unwrap_or_else(|| panic!("INFO has no {field}:\n{info}"))
    }

    /// The next value.
    pub(crate) fn receive(&mut self) -> Value {
        self.try_receive().expect("a value comes").expect("the connection is still open")
    }

    /// The next value, nothing once the connection has closed.
    pub(crate) fn try_receive(&mut self) -> io::Result<Option<Value>> {
        loop {
            if let Some((value, len)) = self.decoder.decode(&self.buffer).map_err(io::Error::other)? {
                self.buffer.drain(..len);
                return Ok(Some(value));
            }
            let mut piece = [0; 64 * 1024];
            match self.socket.read(&mut piece) {
                Ok(0) => return Ok(None),
                Ok(count) => self.buffer.extend_from_slice(&piece[..count]),
                // What the server has not read when it closes makes the kernel reset the connection.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }

    /// Subscribes and awaits the confirmations.
    pub(crate) fn subscribe(&mut self, command: &str, names: &[&str]) {
        self.send(&[&[command], names].concat());
        for name in names {
            self.expect_confirmation(command, name);
        }
    }

    /// Asserts that the next value confirms the subscription to `name`.
    pub(crate) fn expect_confirmation(&mut self, command: &str, name: &str) {
        let confirmation = self.receive();
        let elements = confirmation.as_elements().unwrap_or_else(|| panic!("{command}: {confirmation:?}"));
        assert_eq!(elements[0].as_bytes(), Some(command.to_lowercase().as_bytes()));
        assert_eq!(elements[1].as_bytes(), Some(name.as_bytes()));
    }

    /// Asserts that the next value is this message.
    pub(crate) fn expect_message(&mut self, parts: &[&str]) {
        let message = self.receive();
        let elements = message.as_elements().unwrap_or_else(|| panic!("{parts:?} expected, not {message:?}"));
        let shown: Vec<_> =
            elements.iter().map(|part| String::from_utf8_lossy(part.as_bytes().unwrap_or_default())).collect();
        assert_eq!(shown, parts);
    }

    /// Asserts that nothing comes before the reply to a PING.
    pub(crate) fn expect_nothing(&mut self) {
        let reply = self.call(&["PING", "fence"]);
        // In RESP2's subscribe mode the answer is an array.
        let last = reply.as_elements().and_then(<[Value]>::last).unwrap_or(&reply);
        assert_eq!(last.as_bytes(), Some(&b"fence"[..]), "a message came that should not: {reply:?}");
    }

    /// Asserts that the server closes the connection, and sends nothing more.
    pub(crate) fn expect_close(&mut self) {
        let value = self.try_receive().expect("the connection closes");
        assert_eq!(value, None, "a value came instead of the end");
    }
}

/// A connected socket whose reads end after [`PATIENCE`].
pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(address).expect("the server takes connections");
    socket.set_nodelay(true).expect("no delay");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    socket.set_write_timeout(Some(PATIENCE)).expect("a timeout");
    socket
}

/// The bytes of a request.
pub(crate) fn request<A: AsRef<[u8]>>(args: &[A]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        bytes.extend_from_slice(format!("${}\r\n", arg.as_ref().len()).as_bytes());
        bytes.extend_from_slice(arg.as_ref());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// Asks until the answer is yes.
pub(crate) fn eventually(what: &str, mut ask: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !ask() {
        assert!(Instant::now() < until, "in vain: {what}");
    }
}

fn decoder() -> Decoder {
    Decoder::new(DecodeLimits::DEFAULT)
}
