//! What the engine may not find out by itself: the time, and facts of the process.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use fanfare_engine::{Load, Now, ServerFacts};

/// The time of both clocks.
pub(crate) fn now() -> Now {
    Now { monotonic_us: monotonic_us(), unix_us: unix_us() }
}

/// Microseconds since the process first asked.
pub(crate) fn monotonic_us() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_micros() as u64
}

fn unix_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64)
}

/// Resident memory in bytes, 0 where the system does not tell. Source: proc(5), statm.
pub(crate) fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|statm| statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()));
    pages.unwrap_or(0) * 4096
}

/// Processor seconds, as (user, system), 0 where the system does not tell. Source: proc(5), stat.
pub(crate) fn cpu_seconds() -> (f64, f64) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The program's name, in brackets, may have spaces.
    let mut fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11);
    let mut ticks = || fields.next().and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(0.0) / 100.0;
    (ticks(), ticks())
}

/// The facts that INFO shows, for a server on `tcp_port`.
pub(crate) fn facts(tcp_port: u16, config_file: &str) -> ServerFacts {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let executable = std::env::current_exe().map(|path| path.display().to_string()).unwrap_or_default();
    ServerFacts {
        process_id: std::process::id(),
        run_id: run_id(),
        os: format!("{} {} {}", std::env::consts::OS, release.trim(), std::env::consts::ARCH),
        tcp_port,
        executable,
        config_file: config_file.to_owned(),
    }
}

/// 40 hexadecimal digits from the seeds that the standard library draws for its hash tables.
fn run_id() -> String {
    use std::hash::{BuildHasher, RandomState};
    let mut id: String = (0..3).map(|part: u64| format!("{:016x}", RandomState::new().hash_one(part))).collect();
    id.truncate(40);
    id
}

/// Looks at what the scheduler gives the thread that it was made on.
pub(crate) struct LoadMeter {
    looked_at: Instant,
    before: CoreTime,
}

impl LoadMeter {
    pub(crate) fn new() -> Self {
        Self { looked_at: Instant::now(), before: core_time() }
    }

    /// The load since the last look.
    pub(crate) fn load(&mut self) -> Load {
        let (at, now) = (Instant::now(), core_time());
        let elapsed_ns = (at - std::mem::replace(&mut self.looked_at, at)).as_nanos() as f64;
        let before = std::mem::replace(&mut self.before, now);
        let waited_ns = now.waited_ns.saturating_sub(before.waited_ns) as f64;
        let wanted_ns = waited_ns + now.ran_ns.saturating_sub(before.ran_ns) as f64;
        Load { wanted: wanted_ns / elapsed_ns.max(1.0), waited: waited_ns / wanted_ns.max(1.0) }
    }
}

/// What the scheduler has given a thread since it began.
#[derive(Clone, Copy, Default)]
struct CoreTime {
    /// Nanoseconds on a core.
    ran_ns: u64,
    /// Nanoseconds in which it could have run, and waited for a core.
    waited_ns: u64,
}

/// The calling thread's; zero where the system does not tell. Source: Linux, `/proc/thread-self/schedstat`.
fn core_time() -> CoreTime {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let mut numbers = text.split_ascii_whitespace().map_while(|word| word.parse().ok());
    let ran_ns = numbers.next().unwrap_or_default();
    CoreTime { ran_ns, waited_ns: numbers.next().unwrap_or_default() }
}

/// A number that nobody can guess.
pub(crate) fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0)
}
