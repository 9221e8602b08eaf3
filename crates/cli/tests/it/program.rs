//! Running the program.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

/// How long anything that must happen may take; only a failing test waits that long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fanfare"));
    command.args(args);
    command
}

fn piped(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped())
}

/// How the program ended that was to end by itself.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the program to its end.
pub(crate) fn run(args: &[&str]) -> Ended {
    let Output { status, stdout, stderr } = piped(&mut command(args)).output().expect("the program runs");
    Ended { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("the program writes UTF-8")
}

/// A file in a folder that goes with the test.
pub(crate) struct File {
    pub(crate) path: PathBuf,
    _folder: tempfile::TempDir,
}

impl File {
    pub(crate) fn new(content: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("fanfare.conf");
        std::fs::write(&path, content).expect("the file can be written");
        Self { path, _folder: folder }
    }

    pub(crate) fn name(&self) -> &str {
        path_text(&self.path)
    }
}

pub(crate) fn path_text(path: &Path) -> &str {
    path.to_str().expect("a path of UTF-8")
}

/// A server that runs; killed when dropped.
pub(crate) struct Running {
    child: Child,
    output: BufReader<ChildStdout>,
    /// What it has printed up to the line that says where it listens.
    pub(crate) printed: String,
    pub(crate) port: u16,
}

impl Running {
    /// Starts the server with these options and waits until it listens.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::start_as(command(args))
    }

    /// As [`Running::start`], after this line of a shell, which can lower limits.
    pub(crate) fn start_behind(line: &str, args: &[&str]) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{line}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_fanfare")]).args(args);
        Self::start_as(shell)
    }

    fn start_as(mut command: Command) -> Self {
        let mut child = piped(&mut command).spawn().expect("the program starts");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut printed = String::new();
        let port = loop {
            let mut line = String::new();
            if output.read_line(&mut line).expect("a line") == 0 {
                let mut complaint = String::new();
                let _ = child.stderr.take().expect("a pipe").read_to_string(&mut complaint);
                panic!("it ended instead of listening: {printed}{complaint}");
            }
            printed.push_str(&line);
            if let Some((_, place)) = line.split_once(" listens on 127.0.0.1:") {
                let digits = place.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
                break digits.parse().expect("a port");
            }
        };
        Self { child, output, printed, port }
    }

    /// A connection to it.
    pub(crate) fn connect(&self) -> Connection {
        let socket = TcpStream::connect(("127.0.0.1", self.port)).expect("it takes connections");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Connection { socket: BufReader::new(socket) }
    }

    /// Waits for a line with this text.
    pub(crate) fn await_line(&mut self, text: &str) {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert!(self.output.read_line(&mut line).expect("a line") > 0, "it ended without a line with {text}");
            self.printed.push_str(&line);
        }
    }

    /// Sends it a signal, by name.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.child.id())]).status();
        assert!(status.expect("a shell").success());
    }

    /// Lifts the limit of the files that it may write.
    pub(crate) fn lift_file_limit(&self) {
        let id = self.child.id().to_string();
        let status = Command::new("prlimit").args(["--fsize=unlimited", "--pid", &id]).status();
        assert!(status.expect("prlimit is there").success());
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> Ended {
        let mut stdout = std::mem::take(&mut self.printed);
        self.output.read_to_string(&mut stdout).expect("its output");
        let mut stderr = String::new();
        self.child.stderr.take().expect("a pipe").read_to_string(&mut stderr).expect("its complaints");
        let status = self.child.wait().expect("its end");
        Ended { code: status.code(), stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connection on which requests go as lines.
pub(crate) struct Connection {
    socket: BufReader<TcpStream>,
}

impl Connection {
    /// Sends a request and returns the first line of the reply.
    pub(crate) fn ask(&mut self, request: &str) -> String {
        self.send(request);
        self.line()
    }

    /// Sends a request.
    pub(crate) fn send(&mut self, request: &str) {
        self.socket.get_mut().write_all(format!("{request}\r\n").as_bytes()).expect("it can be sent");
    }

    /// The next line, empty at the end.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.socket.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }

    /// Everything up to the end of the connection.
    pub(crate) fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.socket.read_to_string(&mut rest).expect("the end");
        rest
    }
}
