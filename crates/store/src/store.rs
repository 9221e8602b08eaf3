//! The handle of a running store, and what it shares with the thread that writes.

use std::mem;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::{Condvar, Mutex};

use crate::backend::Medium;
use crate::file::OpenedFile;
use crate::writer::Writer;
use crate::{Contents, Options, Source, StoreError};

/// More than this is not collected before it is written.
pub(crate) const BATCH_BYTES_MAX: usize = 16 << 20;

/// How the store is doing.
#[derive(Clone, Debug)]
pub struct Status {
    /// The number of the last entry that was appended.
    pub entries: u64,
    /// Size of the base's pieces.
    pub base_bytes: u64,
    /// Size of the entries behind the base, as far as they are committed.
    pub log_bytes: u64,
    /// Size of the file.
    pub file_bytes: u64,
    /// A rewrite is under way, or about to be.
    pub is_rewriting: bool,
    /// The last rewrite, if there was any, was completed.
    pub last_rewrite_ok: bool,
    /// How long the last completed rewrite took.
    pub last_rewrite_ms: Option<u64>,
    /// When the last rewrite was completed, or else the store was started, in Unix time.
    pub last_save_s: u64,
    /// How many commits there were.
    pub commits: u64,
    /// How long the last commit took, its transaction not included.
    pub last_commit_us: u64,
    /// Why nothing can be written at the moment.
    pub failure: Option<String>,
}

/// A running store. Clones are the same store; it is closed with the last of them, if not before.
#[derive(Clone, Debug)]
pub struct Store(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    path: PathBuf,
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What handle and thread share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) queue: Mutex<Queue>,
    /// There is something to do for the thread.
    pub(crate) wake: Condvar,
    pub(crate) synced: AtomicU64,
}

/// What waits for the thread.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) entries: Vec<Vec<u8>>,
    /// Size of what is in `entries`.
    pub(crate) bytes: usize,
    /// Size of what the thread has taken and not committed yet.
    pub(crate) bytes_in_work: usize,
    /// With this much in `entries` the thread wants to be woken.
    pub(crate) wake_bytes: usize,
    pub(crate) options: Options,
    pub(crate) is_rewrite_asked: bool,
    pub(crate) is_closing: bool,
    pub(crate) status: Status,
}

impl Queue {
    /// The batch so far.
    pub(crate) fn take(&mut self) -> Vec<Vec<u8>> {
        self.bytes_in_work += mem::take(&mut self.bytes);
        mem::take(&mut self.entries)
    }

    /// Asks for a rewrite, unless one is under way.
    pub(crate) const fn ask_rewrite(&mut self) -> bool {
        let is_new = !self.status.is_rewriting && !self.is_closing;
        if is_new {
            self.is_rewrite_asked = true;
            self.status.is_rewriting = true;
        }
        is_new
    }
}

impl Store {
    pub(crate) fn start(
        path: PathBuf,
        medium: Medium,
        file: OpenedFile,
        contents: Contents,
        options: Options,
        source: Box<dyn Source>,
    ) -> Result<Self, StoreError> {
        let status = Status {
            entries: file.last,
            base_bytes: contents.base_bytes,
            log_bytes: contents.log_bytes,
            file_bytes: 0,
            is_rewriting: false,
            last_rewrite_ok: true,
            last_rewrite_ms: None,
            last_save_s: unix_s(),
            commits: 0,
            last_commit_us: 0,
            failure: None,
        };
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue {
                entries: Vec::new(),
                bytes: 0,
                bytes_in_work: 0,
                wake_bytes: usize::MAX,
                options,
                is_rewrite_asked: false,
                is_closing: false,
                status,
            }),
            wake: Condvar::new(),
            synced: AtomicU64::new(file.last),
        });
        let writer = Writer::new(path.clone(), medium, file, contents, Arc::clone(&shared), source);
        let thread = thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| StoreError::Io { path: path.clone(), reason: format!("no thread for it: {error}") })?;
        Ok(Self(Arc::new(Handle { path, shared, thread: Mutex::new(Some(thread)) })))
    }

    /// Takes an entry and returns its number: 1, 2, ... going on from what was read. Never waits for the disk.
    ///
    /// What is appended behind [`Store::close`] is counted and not written.
    pub fn append(&self, entry: Vec<u8>) -> u64 {
        let mut queue = self.0.shared.queue.lock();
        queue.status.entries += 1;
        let number = queue.status.entries;
        if queue.is_closing {
            return number;
        }
        queue.bytes += entry.len();
        queue.entries.push(entry);
        let is_wanted = queue.bytes >= queue.wake_bytes;
        if is_wanted {
            queue.wake_bytes = usize::MAX;
        }
        drop(queue);
        if is_wanted {
            self.0.shared.wake.notify_one();
        }
        number
    }

    /// Everything up to this entry is committed, see [`Source::synced`].
    pub fn synced(&self) -> u64 {
        self.0.shared.synced.load(Ordering::Acquire)
    }

    /// Size of what was appended and is not committed yet.
    pub fn waiting_bytes(&self) -> usize {
        let queue = self.0.shared.queue.lock();
        queue.bytes + queue.bytes_in_work
    }

    /// Changes how the store works, from the next commit on.
    pub fn set_options(&self, options: Options) {
        self.0.shared.queue.lock().options = options;
        self.0.shared.wake.notify_one();
    }

    /// Begins a rewrite; false if one is under way.
    pub fn rewrite(&self) -> bool {
        let is_new = self.0.shared.queue.lock().ask_rewrite();
        self.0.shared.wake.notify_one();
        is_new
    }

    /// How the store is doing.
    pub fn status(&self) -> Status {
        let mut status = self.0.shared.queue.lock().status.clone();
        status.file_bytes = std::fs::metadata(&self.0.path).map_or(0, |metadata| metadata.len());
        status
    }

    /// Commits and syncs everything that was appended, under any policy, and closes the file. It tries once more if
    /// writing fails at the moment; [`Store::synced`] tells how far it came. Later calls do nothing.
    pub fn close(&self) {
        self.0.close();
    }
}

impl Handle {
    fn close(&self) {
        self.shared.queue.lock().is_closing = true;
        self.shared.wake.notify_one();
        let mut thread = self.thread.lock();
        // The source, which the thread owns, may have the last handle: the thread can't wait for itself.
        if let Some(thread) = thread.take_if(|thread| thread.thread().id() != thread::current().id())
            && thread.join().is_err()
        {
            tracing::error!(path = %self.path.display(), "the store's thread has panicked");
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.close();
    }
}

/// Now.
pub(crate) fn unix_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}
