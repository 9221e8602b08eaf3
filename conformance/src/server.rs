//! Servers to test: a process on a free loopback port, ended on drop.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};

/// How long a server may take to say that it is ready.
const START_MAX: Duration = Duration::from_secs(20);

/// What both servers say of a port that somebody else has.
const PORT_TAKEN: &str = "Address already in use";

/// What to start, or what already runs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Target {
    /// The built `fanfare` program.
    Fanfare,
    /// `redis-server` from the search path.
    Redis,
    /// A server somebody else started.
    Running(SocketAddr),
}

impl Target {
    /// What `FANFARE_TARGET` names, or the built program.
    ///
    /// # Errors
    ///
    /// If it names nothing known.
    pub fn from_env() -> Result<Self> {
        match env::var("FANFARE_TARGET") {
            Ok(text) => text.parse().map_err(|error: String| anyhow!(error)),
            Err(_) => Ok(Self::Fanfare),
        }
    }
}

impl std::str::FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "fanfare" => Ok(Self::Fanfare),
            "redis" => Ok(Self::Redis),
            address => address
                .parse()
                .map(Self::Running)
                .map_err(|_| format!("{text:?} is neither `fanfare`, `redis` nor an IP:PORT")),
        }
    }
}

/// A server that ended, or was ended, before it was ready.
#[derive(Debug)]
pub struct NotReady {
    /// How it ended by itself; `None` if it still ran after 20 seconds.
    pub status: Option<ExitStatus>,
    /// What it wrote to its standard output and its standard error.
    pub said: String,
    command: String,
}

impl std::error::Error for NotReady {}

impl fmt::Display for NotReady {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, said, command } = self;
        match status {
            Some(status) => write!(out, "{command} did not get ready, it ended with {status}; it said:\n{said}"),
            None => write!(out, "{command} did not get ready within {START_MAX:?}; it said:\n{said}"),
        }
    }
}

/// A server under test, ended when dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    target: Target,
    arguments: Vec<String>,
    process: Option<Child>,
}

impl Server {
    /// Starts `target` on a free port with further command-line `arguments`, or takes the one that runs.
    ///
    /// # Errors
    ///
    /// If the program is not there, or [`NotReady`] if it does not say within 20 seconds that it is.
    pub fn start(target: &Target, arguments: &[&str]) -> Result<Self> {
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let (address, process) = match target {
            Target::Running(address) => (*address, None),
            Target::Fanfare | Target::Redis => {
                let (address, process) = spawn(target, 0, &arguments)?;
                (address, Some(process))
            }
        };
        Ok(Self { address, target: target.clone(), arguments, process })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The id of its process, if it was started here.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// Ends the process at once, as a crash would.
    ///
    /// # Errors
    ///
    /// If the server was not started here, or cannot be ended.
    pub fn kill(&mut self) -> Result<()> {
        let mut process = self.process.take().ok_or_else(|| anyhow!("this server was not started here"))?;
        process.kill()?;
        process.wait()?;
        Ok(())
    }

    /// Asks the process to end in order, and returns how it ended.
    ///
    /// # Errors
    ///
    /// If the server was not started here, or has not ended within 20 seconds.
    pub fn terminate(&mut self) -> Result<ExitStatus> {
        let mut process = self.process.take().ok_or_else(|| anyhow!("this server was not started here"))?;
        let pid = process.id().to_string();
        ensure!(Command::new("kill").args(["-TERM", &pid]).status()?.success(), "process {pid} got no SIGTERM");
        let (ended_tx, ended_rx) = mpsc::channel();
        thread::spawn(move || ended_tx.send(process.wait()));
        match ended_rx.recv_timeout(START_MAX) {
            Ok(status) => Ok(status?),
            Err(_) => {
                Command::new("kill").args(["-KILL", &pid]).status()?;
                bail!("the server has not ended {START_MAX:?} after SIGTERM");
            }
        }
    }

    /// Starts `target` as [`Server::start`] does, and ends the process at once after `delay`, ready or not.
    ///
    /// # Errors
    ///
    /// If the program is not there.
    pub fn crash_while_starting(target: &Target, arguments: &[&str], delay: Duration) -> Result<()> {
        let mut command = command(target, free_port()?)?;
        let mut process = command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        // Nothing to wait for: any moment will do.
        thread::sleep(delay);
        process.kill()?;
        process.wait()?;
        Ok(())
    }

    /// Starts it again on the port it had.
    ///
    /// # Errors
    ///
    /// As [`Server::start`].
    pub fn start_again(&mut self) -> Result<()> {
        let (_, process) = spawn(&self.target, self.address.port(), &self.arguments)?;
        self.process = Some(process);
        Ok(())
    }

    /// Resident memory of the process, in bytes.
    ///
    /// # Errors
    ///
    /// If the server was not started here or the system does not tell.
    pub fn resident_bytes(&self) -> Result<u64> {
        let pid = self.pid().ok_or_else(|| anyhow!("this server was not started here"))?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let kib = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.trim().strip_suffix(" kB"))
            .ok_or_else(|| anyhow!("no VmRSS"))?;
        Ok(kib.parse::<u64>()? * 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // Either may fail only because the process is gone already.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Starts one process; port 0 means any free one.
fn spawn(target: &Target, port: u16, arguments: &[String]) -> Result<(SocketAddr, Child)> {
    // A port that was free a moment ago may be taken when the server binds it; another one will do.
    let mut tries_left = if port == 0 { 5 } else { 1 };
    loop {
        tries_left -= 1;
        match spawn_once(target, if port == 0 { free_port()? } else { port }, arguments) {
            Err(error) if tries_left > 0 && error.to_string().contains(PORT_TAKEN) => {}
            result => return result,
        }
    }
}

fn spawn_once(target: &Target, port: u16, arguments: &[String]) -> Result<(SocketAddr, Child)> {
    let mut command = command(target, port)?;
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().with_context(|| format!("starting {command:?}"))?;

    let (lines_tx, lines_rx) = mpsc::channel();
    if let Some(stdout) = process.stdout.take() {
        forward_lines(stdout, lines_tx.clone());
    }
    if let Some(stderr) = process.stderr.take() {
        forward_lines(stderr, lines_tx);
    }
    let ready = if *target == Target::Redis { "Ready to accept connections" } else { "listens on" };
    let mut said = String::new();
    let status = loop {
        match lines_rx.recv_timeout(START_MAX) {
            Ok(line) if line.contains(ready) => {
                return Ok((SocketAddr::from((Ipv4Addr::LOCALHOST, port)), process));
            }
            Ok(line) => {
                said.push_str(&line);
                said.push('\n');
            }
            // Its outputs are closed: it is about to end.
            Err(RecvTimeoutError::Disconnected) => break Some(process.wait()?),
            Err(RecvTimeoutError::Timeout) => {
                process.kill()?;
                process.wait()?;
                break None;
            }
        }
    };
    Err(NotReady { status, said, command: format!("{command:?}") }.into())
}

/// The server's command line up to what a test adds.
fn command(target: &Target, port: u16) -> Result<Command> {
    let mut command = match target {
        Target::Fanfare => {
            let mut command = Command::new(fanfare_program()?);
            command.arg("serve");
            command
        }
        Target::Redis => {
            let mut command = Command::new("redis-server");
            command.args(["--save", "", "--appendonly", "no", "--daemonize", "no"]);
            command
        }
        Target::Running(_) => bail!("a server that already runs cannot be started"),
    };
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1"]).stdin(Stdio::null());
    Ok(command)
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Passes on the lines of a server's output, and keeps reading when nobody listens: a full pipe would stop the server.
fn forward_lines(output: impl std::io::Read + Send + 'static, lines: mpsc::Sender<String>) {
    thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n') {
            let Ok(line) = line else { return };
            let line = String::from_utf8_lossy(&line).into_owned();
            let _ = lines.send(line);
        }
    });
}

/// `FANFARE_BIN`, or the program built beside this test.
fn fanfare_program() -> Result<OsString> {
    if let Some(program) = env::var_os("FANFARE_BIN") {
        return Ok(program);
    }
    let test_program = env::current_exe()?;
    let beside: Option<PathBuf> = test_program
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join("fanfare"))
        .find(|candidate| candidate.is_file());
    beside
        .map(PathBuf::into_os_string)
        .ok_or_else(|| anyhow!("no fanfare program: build it with `cargo build -p fanfare-cli`, or set FANFARE_BIN"))
}
