//! The file as redb sees it.

use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::backends::FileBackend;
use redb::{BackendError, StorageBackend};

type Wrap = dyn Fn(FileBackend) -> Box<dyn StorageBackend> + Send + Sync;

/// What a store's file is opened through, each time.
#[derive(Clone)]
pub(crate) struct Medium {
    wrap: Arc<Wrap>,
    /// Commits are not synced: [`SyncPolicy::Never`](crate::SyncPolicy::Never).
    pub(crate) is_sync_skipped: Arc<AtomicBool>,
}

impl Medium {
    /// The file itself.
    pub(crate) fn file() -> Self {
        Self::wrapped(|file| Box::new(file))
    }

    /// Whatever `wrap` makes of it: tests let the disk fail.
    pub(crate) fn wrapped(wrap: impl Fn(FileBackend) -> Box<dyn StorageBackend> + Send + Sync + 'static) -> Self {
        Self { wrap: Arc::new(wrap), is_sync_skipped: Arc::default() }
    }

    pub(crate) fn backend(&self, file: File) -> Result<Backend, redb::DatabaseError> {
        Ok(Backend { inner: (self.wrap)(FileBackend::new(file)?), is_sync_skipped: Arc::clone(&self.is_sync_skipped) })
    }
}

impl fmt::Debug for Medium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Medium").finish_non_exhaustive()
    }
}

/// A file that is synced only where the policy asks for it.
#[derive(Debug)]
pub(crate) struct Backend {
    inner: Box<dyn StorageBackend>,
    is_sync_skipped: Arc<AtomicBool>,
}

impl StorageBackend for Backend {
    fn sync_data(&self) -> io::Result<()> {
        if self.is_sync_skipped.load(Ordering::Acquire) { Ok(()) } else { self.inner.sync_data() }
    }

    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.inner.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.inner.set_len(len)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.inner.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.inner.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.query_lock_range(start, end)
    }
}
