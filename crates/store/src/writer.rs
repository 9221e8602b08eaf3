//! The thread that writes: what has come together goes into one transaction, with a step of whatever else there is to do.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use redb::{Database, WriteTransaction};

use crate::backend::Medium;
use crate::file::{self, LOG, Meta, OpenedFile};
use crate::rewrite::{self, Rewrite};
use crate::store::{BATCH_BYTES_MAX, Shared, unix_s};
use crate::{Contents, Source, SyncPolicy};

/// How long an entry waits for others before it is committed. The rest of a second is for the commit.
const COLLECT_TIME: Duration = Duration::from_millis(700);
/// How long after a failure the file is tried again; tests let the disk fail often.
const RETRY_TIME: Duration = Duration::from_millis(if cfg!(test) { 10 } else { 500 });
/// A commit that takes longer is worth a line in the log.
const COMMIT_TIME_MAX: Duration = Duration::from_secs(1);
/// After a rewrite that failed, the next one by itself has to wait: it would probably fail for the same reason.
const REWRITE_RETRY_TIME: Duration = Duration::from_secs(60);

/// What the thread has to do besides what it carries.
struct Task {
    policy: SyncPolicy,
    is_closing: bool,
}

/// The thread's own.
pub(crate) struct Writer {
    path: PathBuf,
    medium: Medium,
    shared: Arc<Shared>,
    source: Box<dyn Source>,
    /// `None` while writing fails.
    database: Option<Database>,
    meta: Meta,
    log_bytes: u64,
    /// The last entry that is committed.
    saved: u64,
    /// What comes behind it, in work. A failed commit leaves it here, and the next one writes it again under the same
    /// numbers: even if the file has it already, its pages may be such that the system failed to write.
    unsaved: Vec<Vec<u8>>,
    /// Entries that come now are to be committed at this time.
    due: Option<Instant>,
    rewrite: Option<Rewrite>,
    /// A rewrite whose transaction has failed: it may have been committed all the same.
    doubtful: Option<Rewrite>,
    /// A rewrite that failed forbids another by itself until then.
    rewrite_after: Option<Instant>,
    /// There may be something to remove that no rewrite needs any more.
    has_leftovers: bool,
    /// `meta` has to be written with the next commit.
    is_meta_due: bool,
    /// The policy of the last commit.
    policy: SyncPolicy,
}

impl Writer {
    pub(crate) fn new(
        path: PathBuf,
        medium: Medium,
        file: OpenedFile,
        contents: Contents,
        shared: Arc<Shared>,
        source: Box<dyn Source>,
    ) -> Self {
        let policy = shared.queue.lock().options.policy;
        Self {
            path,
            medium,
            shared,
            source,
            database: Some(file.database),
            meta: Meta { is_closed: false, ..file.meta },
            log_bytes: contents.log_bytes,
            saved: file.last,
            unsaved: Vec::new(),
            due: None,
            rewrite: None,
            doubtful: None,
            rewrite_after: None,
            has_leftovers: true,
            is_meta_due: true,
            policy,
        }
    }

    pub(crate) fn run(mut self) {
        loop {
            let task = self.wait();
            match self.turn(&task) {
                Ok(()) => self.succeed(),
                Err(reason) => self.fail(&reason),
            }
            if task.is_closing {
                return self.end();
            }
        }
    }

    /// Sleeps until there is something to write, and takes it.
    fn wait(&mut self) -> Task {
        let mut queue = self.shared.queue.lock();
        if self.database.is_none() {
            let retry = Instant::now() + RETRY_TIME;
            while !queue.is_closing && !self.shared.wake.wait_until(&mut queue, retry).timed_out() {}
        } else {
            loop {
                let now = Instant::now();
                let has_work = self.rewrite.is_some() || self.has_leftovers || queue.is_rewrite_asked;
                let must_sync = self.policy == SyncPolicy::Never && queue.options.policy != SyncPolicy::Never;
                if has_work || must_sync || queue.is_closing {
                    break;
                }
                if queue.entries.is_empty() {
                    self.due = None;
                    queue.wake_bytes = 0;
                    self.shared.wake.wait(&mut queue);
                } else {
                    let due = *self.due.get_or_insert(now + COLLECT_TIME);
                    if queue.options.policy == SyncPolicy::Always || now >= due || queue.bytes >= BATCH_BYTES_MAX {
                        break;
                    }
                    queue.wake_bytes = BATCH_BYTES_MAX;
                    self.shared.wake.wait_until(&mut queue, due);
                }
            }
        }
        queue.wake_bytes = usize::MAX;
        self.unsaved.append(&mut queue.take());
        self.due = Some(Instant::now() + COLLECT_TIME);
        Task { policy: queue.options.policy, is_closing: queue.is_closing }
    }

    /// Opens the file if it has to be, and commits.
    fn turn(&mut self, task: &Task) -> Result<(), String> {
        let is_sync_skipped = task.policy == SyncPolicy::Never && !task.is_closing;
        self.medium.is_sync_skipped.store(is_sync_skipped, Ordering::Release);
        self.policy = task.policy;
        let database = match self.database.take() {
            Some(database) => database,
            None => self.reopen()?,
        };
        if task.is_closing {
            if self.rewrite.take().is_some() {
                self.source.abandon_save();
            }
        } else if self.rewrite.is_none() && !self.has_leftovers {
            let is_asked = std::mem::take(&mut self.shared.queue.lock().is_rewrite_asked);
            self.rewrite = is_asked.then(|| Rewrite::begin(&self.meta, self.saved, self.source.as_mut()));
        }
        // A database that has failed is not used again: it closes here.
        self.commit(&database, task).map_err(|error| error.to_string())?;
        self.database = Some(database);
        Ok(())
    }

    /// One transaction.
    fn commit(&mut self, database: &Database, task: &Task) -> Result<(), redb::Error> {
        let transaction = database.begin_write()?;
        let mut meta = Meta { is_closed: task.is_closing, ..self.meta };
        let mut has_leftovers = self.has_leftovers;
        let mut is_rewritten = false;
        self.insert_unsaved(&transaction)?;
        if let Some(rewrite) = &mut self.rewrite {
            is_rewritten = rewrite.step(&transaction, self.source.as_mut())?;
            if is_rewritten {
                meta = rewrite.meta();
                has_leftovers = true;
            }
        } else if has_leftovers && !task.is_closing {
            has_leftovers = rewrite::remove_leftovers(&transaction, &meta)?;
        }
        if self.is_meta_due || meta != self.meta {
            meta.write(&transaction)?;
        }
        let began = Instant::now();
        transaction.commit()?;
        let took = began.elapsed();
        if took > COMMIT_TIME_MAX {
            let ms = took.as_millis() as u64;
            tracing::warn!(path = %self.path.display(), ms, "the disk is slow: a commit took longer than a second");
        }
        self.count_unsaved();
        self.meta = meta;
        self.is_meta_due = false;
        self.has_leftovers = has_leftovers;
        if let Some(rewrite) = self.rewrite.take_if(|_| is_rewritten) {
            self.finish_rewrite(&rewrite);
        }
        let mut queue = self.shared.queue.lock();
        queue.status.commits += 1;
        queue.status.last_commit_us = took.as_micros() as u64;
        Ok(())
    }

    fn insert_unsaved(&self, transaction: &WriteTransaction) -> Result<(), redb::Error> {
        let mut log = transaction.open_table(LOG)?;
        for (number, entry) in (self.saved + 1..).zip(&self.unsaved) {
            log.insert(number, entry.as_slice())?;
        }
        Ok(())
    }

    /// What was unsaved is committed.
    fn count_unsaved(&mut self) {
        let bytes_behind = |through: u64| {
            let covered = usize::try_from(through.saturating_sub(self.saved)).unwrap_or(usize::MAX);
            self.unsaved.iter().skip(covered).map(|entry| entry.len() as u64).sum::<u64>()
        };
        self.log_bytes += bytes_behind(self.meta.base_through);
        if let Some(rewrite) = &mut self.rewrite {
            rewrite.log_bytes += bytes_behind(rewrite.through);
        }
        self.saved += self.unsaved.len() as u64;
        self.unsaved = Vec::new();
    }

    /// The commit that `rewrite` ends with has succeeded.
    fn finish_rewrite(&mut self, rewrite: &Rewrite) {
        self.log_bytes = rewrite.log_bytes;
        self.rewrite_after = None;
        let ms = rewrite.began.elapsed().as_millis() as u64;
        tracing::info!(path = %self.path.display(), ms, base_bytes = self.meta.base_bytes, "log rewritten");
        let mut queue = self.shared.queue.lock();
        queue.status.is_rewriting = false;
        queue.status.last_rewrite_ok = true;
        queue.status.last_rewrite_ms = Some(ms);
        queue.status.last_save_s = unix_s();
    }

    /// Tells everyone that a turn went well.
    fn succeed(&mut self) {
        let mut queue = self.shared.queue.lock();
        queue.bytes_in_work = 0;
        queue.status.base_bytes = self.meta.base_bytes;
        queue.status.log_bytes = self.log_bytes;
        let had_failed = queue.status.failure.take().is_some();
        let options = &queue.options;
        let share = self.meta.base_bytes.saturating_mul(u64::from(options.rewrite_percentage)) / 100;
        if options.rewrite_percentage != 0
            && self.log_bytes > share.max(options.rewrite_min_bytes)
            && self.rewrite_after.is_none_or(|after| Instant::now() >= after)
        {
            queue.ask_rewrite();
        }
        drop(queue);
        self.shared.synced.store(self.saved, Ordering::Release);
        if had_failed {
            tracing::info!(path = %self.path.display(), "the store can be written again");
            self.source.failed(None);
        }
        self.source.synced(self.saved);
    }

    /// Tells everyone that a turn has failed.
    fn fail(&mut self, reason: &str) {
        if let Some(rewrite) = self.rewrite.take() {
            self.source.abandon_save();
            self.doubtful = Some(rewrite);
        }
        let is_news = {
            let failure = &mut self.shared.queue.lock().status.failure;
            let is_news = failure.as_deref() != Some(reason);
            *failure = Some(reason.to_owned());
            is_news
        };
        if is_news {
            tracing::warn!(path = %self.path.display(), error = reason, "the store can't be written; trying again");
            self.source.failed(Some(reason));
        }
    }

    /// Opens the file after a failure, and finds out how far it came.
    fn reopen(&mut self) -> Result<Database, String> {
        let OpenedFile { database, meta, last } =
            file::open(&self.path, &self.medium).map_err(|error| error.to_string())?;
        if last < self.saved {
            return Err(format!(
                "{} ends with entry {last}, though entry {} was committed: restart from a backup, or save the keys \
                 elsewhere first",
                self.path.display(),
                self.saved
            ));
        }
        self.meta = Meta { is_closed: false, ..meta };
        self.is_meta_due = true;
        self.has_leftovers = true;
        if let Some(rewrite) = self.doubtful.take() {
            if rewrite.meta() == self.meta {
                self.finish_rewrite(&rewrite);
            } else {
                self.rewrite_after = Some(Instant::now() + REWRITE_RETRY_TIME);
                let mut queue = self.shared.queue.lock();
                queue.status.is_rewriting = false;
                queue.status.last_rewrite_ok = false;
            }
        }
        Ok(database)
    }

    /// Closes the file.
    fn end(mut self) {
        let lost = self.unsaved.len();
        if lost > 0 {
            tracing::error!(path = %self.path.display(), entries = lost, "closed without the last entries");
        }
        if let Some(database) = self.database.take()
            && let Err(error) = database.close()
        {
            tracing::warn!(path = %self.path.display(), error = %error, "not closed well; the next start will check it");
        }
        self.shared.queue.lock().status.is_rewriting = false;
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let reason = "the store's thread has panicked";
            let mut queue = self.shared.queue.lock();
            queue.is_closing = true;
            queue.status.failure = Some(reason.to_owned());
            drop(queue);
            self.source.failed(Some(reason));
        }
    }
}
