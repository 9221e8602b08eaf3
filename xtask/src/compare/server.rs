//! The servers: how each is started, pinned to its core, and looked at from outside.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::results::Described;
use crate::paths;
use crate::process::{command, output, quoted};

/// One program with its options.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) name: String,
    pub(super) program: Program,
    file: PathBuf,
    /// As `taskset` takes them.
    cores: String,
    pub(super) load_cores: String,
}

/// What a server takes and speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    /// With one worker.
    Fanfare,
    FanfareAllCores,
    Floor,
    Nats,
    /// `redis-server`, or one that takes its options.
    Redis,
}

/// The servers that are here: Fanfare, the floor, those on the search path and the named ones.
pub(super) fn available(peers: &[(String, PathBuf)], cores: usize) -> Vec<Server> {
    let server = |name: &str, program, file| {
        let (server, load) = if program == Program::FanfareAllCores {
            let all = format!("0-{}", cores.saturating_sub(1));
            (all.clone(), all)
        } else {
            (SERVER_CORE.to_owned(), LOAD_CORE.to_owned())
        };
        Server { name: name.to_owned(), program, file, cores: server, load_cores: load }
    };
    let mut servers = vec![
        server(FANFARE, Program::Fanfare, paths::release_program()),
        server(ALL_CORES, Program::FanfareAllCores, paths::release_program()),
    ];
    for (name, program) in
        [(REFERENCE, Program::Redis), ("valkey-server", Program::Redis), ("nats-server", Program::Nats)]
    {
        let named = peers.iter().any(|(peer, _)| peer == name);
        servers.extend(paths::on_search_path(name).filter(|_| !named).map(|file| server(name, program, file)));
    }
    for (name, file) in peers {
        let program = if speaks_nats(name, file) { Program::Nats } else { Program::Redis };
        servers.push(server(name, program, file.clone()));
    }
    servers.push(server(FLOOR, Program::Floor, paths::target().join("release").join("floor")));
    servers
}

fn speaks_nats(name: &str, file: &Path) -> bool {
    name.contains("nats") || output(command(file).arg("--version")).is_ok_and(|version| version.contains("nats"))
}

/// Parses `NAME=PATH`.
pub(super) fn peer(text: &str) -> Result<(String, PathBuf), String> {
    let (name, path) = text.split_once('=').ok_or("NAME=PATH is needed")?;
    let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if !plain || name.starts_with(FANFARE) || name == FLOOR {
        return Err("the name needs letters, digits, `-`, `_` and `.`, and must not be Fanfare's own".to_owned());
    }
    let path = fs::canonicalize(path).map_err(|error| format!("{path}: {error}"))?;
    Ok((name.to_owned(), path))
}

impl Program {
    /// For the load.
    pub(super) fn protocol(self) -> &'static str {
        if self == Self::Nats { "nats" } else { "resp" }
    }

    fn arguments(self, port: &str, clients_max: u32) -> Vec<String> {
        let clients_max = clients_max.to_string();
        let network = ["--bind", "127.0.0.1", "--port", port];
        let redis = [&network[..], &["--maxclients", &clients_max]].concat();
        let words = match self {
            Self::Fanfare => [&redis[..], &["--workers", "1"]].concat(),
            Self::FanfareAllCores => [&redis[..], &["--workers", "0"]].concat(),
            Self::Floor => network.to_vec(),
            Self::Nats => vec!["-a", "127.0.0.1", "-p", port],
            // Nothing of them may go to disk; protected, they take no client from another loopback address.
            Self::Redis => {
                let quiet = ["--daemonize", "no", "--save", "", "--appendonly", "no", "--protected-mode", "no"];
                [&redis[..], &quiet].concat()
            }
        };
        words.into_iter().map(str::to_owned).collect()
    }
}

impl Server {
    /// Its version and how it is started, for the results.
    pub(super) fn described(&self) -> Result<Described> {
        let version = output(command(&self.file).arg("--version"))?;
        // The folder it lies in is of no interest to anyone else.
        let program = self.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let words = ["taskset", "-c", &self.cores, &program].map(str::to_owned).into_iter();
        let arguments = self.program.arguments("PORT", CLIENTS_MAX);
        let words: Vec<_> = words.chain(arguments).map(|word| quoted(word.as_ref())).collect();
        Ok(Described {
            name: self.name.clone(),
            version: version.trim().to_owned(),
            command: words.join(" "),
            load_cores: self.load_cores.clone(),
        })
    }

    /// Starts it on a free port and waits until it answers.
    ///
    /// # Errors
    /// If it does not start, or not within [`START_MAX`].
    pub(super) fn start(&self, clients_max: u32) -> Result<Running> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr())?.port();
        let mut pinned = command("taskset");
        let arguments = self.program.arguments(&port.to_string(), clients_max);
        pinned.args(["-c", &self.cores]).arg(&self.file).args(arguments);
        pinned.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // `taskset` becomes the server, so the process is the server's.
        let process = pinned.spawn().with_context(|| format!("{} did not start", self.name))?;
        let mut running = Running { process, port };
        let start = Instant::now();
        while !answers(port, self.program) {
            if let Some(status) = running.process.try_wait()? {
                bail!("{} ended at its start: {status}", self.name);
            }
            if start.elapsed() > START_MAX {
                bail!("{} does not answer", self.name);
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(running)
    }
}

/// A server that answers; killed when dropped.
pub(super) struct Running {
    process: Child,
    pub(super) port: u16,
}

impl Running {
    /// The CPU time of all its threads so far.
    ///
    /// # Errors
    /// If it has ended.
    pub(super) fn cpu_s(&self, ticks_per_s: f64) -> Result<f64> {
        let stat = self.proc("stat")?;
        Ok(ticks(&stat).context("the server's CPU time can't be read")? as f64 / ticks_per_s)
    }

    /// Its resident memory in KiB: now, and the most so far.
    ///
    /// # Errors
    /// If it has ended.
    pub(super) fn memory_kib(&self) -> Result<(u64, u64)> {
        let status = self.proc("status")?;
        let field = |name| kib(&status, name).with_context(|| format!("the server has no {name}"));
        Ok((field("VmRSS:")?, field("VmHWM:")?))
    }

    fn proc(&self, file: &str) -> Result<String> {
        let path = format!("/proc/{}/{file}", self.process.id());
        fs::read_to_string(path).context("the server has ended")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Nothing can be done about a process that can't be killed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// User and system time of a process in the kernel's ticks.
fn ticks(stat: &str) -> Option<u64> {
    // The name before it may hold anything, closing brackets included.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

fn kib(status: &str, name: &str) -> Option<u64> {
    status.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB")?.parse().ok())
}

/// NATS greets, the others answer.
fn answers(port: u16, program: Program) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        let expected: &[u8] = if program == Program::Nats { b"INFO " } else { b"+PONG\r\n" };
        if program != Program::Nats {
            stream.write_all(b"*1\r\n$4\r\nPING\r\n")?;
        }
        let mut reply = vec![0; expected.len()];
        stream.read_exact(&mut reply)?;
        Ok(reply == expected)
    };
    ask().unwrap_or(false)
}

/// Fanfare with one worker; what the targets are about.
pub(super) const FANFARE: &str = "fanfare";
/// What the others are compared with.
pub(super) const REFERENCE: &str = "redis-server";
/// Fanfare with a worker per core, all of which it shares with the load.
pub(super) const ALL_CORES: &str = "fanfare-all-cores";
/// What one system call per delivery costs.
pub(super) const FLOOR: &str = "floor";
/// The largest row has 10,000 subscribers, which is the usual limit, and a few more connections.
pub(super) const CLIENTS_MAX: u32 = 12_000;
const SERVER_CORE: &str = "0";
const LOAD_CORE: &str = "1";
const START_MAX: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_found_behind_any_name() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 9 9 20 0 1 0 100";
        assert_eq!(ticks(stat), Some(300));
        assert_eq!(ticks("7 (a) S 1"), None);
    }

    #[test]
    fn memory_is_found_by_name() {
        let status = "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(
            (kib(status, "VmRSS:"), kib(status, "VmHWM:"), kib(status, "VmSwap:")),
            (Some(1024), Some(2048), None)
        );
    }

    #[test]
    fn a_peer_needs_a_name_and_a_path() {
        assert!(peer("/usr/bin/env").is_err());
        assert!(peer("fanfare=/").is_err());
        assert!(peer("floor=/").is_err());
        assert!(peer("valkey=/no such file").is_err());
        assert_eq!(peer("valkey-8.1=/").unwrap(), ("valkey-8.1".to_owned(), PathBuf::from("/")));
    }
}
