//! Keys on the disk: the store of `data-dir` behind the broker.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use fanfare_engine::settings::{AppendSync, Settings};
use fanfare_engine::{Broker, Journal, JournalStatus};
use fanfare_store::{Opened, Options, Source, Store, StoreError, SyncPolicy};

use crate::process::now;

/// Brings the keys of `data-dir` back and lets their changes go there from now on; `None` if keys are in memory only.
///
/// # Errors
/// What is wrong with the folder or the file.
pub(crate) fn start(broker: &Arc<Broker>) -> Result<Option<Store>, StoreError> {
    let settings = broker.settings();
    if settings.data_dir.is_empty() {
        return Ok(None);
    }
    let began = Instant::now();
    let opened = Opened::open(Path::new(&settings.data_dir))?;
    let file = opened.path().display().to_string();
    if opened.was_repaired() {
        tracing::warn!(
            file,
            "the last process did not close the file of keys: it is back at its last commit, what came later is gone"
        );
    }
    let mut restore = broker.restore();
    let contents = opened.read(&mut |piece| restore.feed(piece))?;
    let finished = restore.finish(now().unix_us / 1000);
    let keys = finished.map_err(|reason| StoreError::Damaged { path: opened.path().to_owned(), reason })?;
    tracing::info!(
        keys,
        file,
        base_bytes = contents.base_bytes,
        log_entries = contents.log_entries,
        took_ms = began.elapsed().as_millis() as u64,
        "keys came back"
    );
    let store = opened.start(options(&settings), Box::new(Keys(Arc::clone(broker))))?;
    broker.set_journal(Box::new(KeysFile(store.clone())));
    Ok(Some(store))
}

/// What the settings say of the store.
pub(crate) fn options(settings: &Settings) -> Options {
    Options {
        policy: match settings.appendfsync {
            AppendSync::Always => SyncPolicy::Always,
            AppendSync::EverySecond => SyncPolicy::EverySecond,
            AppendSync::No => SyncPolicy::Never,
        },
        rewrite_min_bytes: settings.auto_aof_rewrite_min_size as u64,
        rewrite_percentage: settings.auto_aof_rewrite_percentage,
    }
}

/// The keys, as the store asks for them.
struct Keys(Arc<Broker>);

impl Source for Keys {
    fn begin_save(&mut self) -> u64 {
        self.0.begin_save()
    }

    fn save_some(&mut self, out: &mut Vec<u8>) -> bool {
        self.0.save_some(out)
    }

    fn abandon_save(&mut self) {
        self.0.abandon_save();
    }

    fn synced(&mut self, _: u64) {
        self.0.journal_has_synced();
    }

    fn failed(&mut self, reason: Option<&str>) {
        self.0.set_journal_failure(reason);
    }
}

/// The store, as the broker sees it.
struct KeysFile(Store);

impl Journal for KeysFile {
    fn append(&self, entry: Vec<u8>) -> u64 {
        self.0.append(entry)
    }

    fn synced(&self) -> u64 {
        self.0.synced()
    }

    fn waiting_bytes(&self) -> usize {
        self.0.waiting_bytes()
    }

    fn rewrite(&self) -> bool {
        self.0.rewrite()
    }

    fn status(&self) -> JournalStatus {
        let status = self.0.status();
        JournalStatus {
            base_bytes: status.base_bytes,
            log_bytes: status.log_bytes,
            is_rewriting: status.is_rewriting,
            last_rewrite_ok: status.last_rewrite_ok,
            last_rewrite_ms: status.last_rewrite_ms,
            last_save_s: status.last_save_s,
        }
    }
}
