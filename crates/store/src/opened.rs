//! A store between its opening and its start, when it can be read.

use std::cell::OnceCell;
use std::ops::Bound::{Excluded, Unbounded};
use std::path::{Path, PathBuf};

use redb::{ReadableDatabase, ReadableTable};

use crate::backend::Medium;
use crate::file::{self, FILE_NAME, LOG, OpenedFile, base_name, base_table};
use crate::{Options, Source, Store, StoreError};

/// What was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Pieces of the base.
    pub base_entries: u64,
    /// Their size.
    pub base_bytes: u64,
    /// Entries of the log.
    pub log_entries: u64,
    /// Their size.
    pub log_bytes: u64,
}

/// A store that was opened and not yet started.
#[derive(Debug)]
pub struct Opened {
    path: PathBuf,
    medium: Medium,
    file: OpenedFile,
    contents: OnceCell<Contents>,
}

impl Opened {
    /// Opens the store in `dir` and verifies its pages; makes directory and file, for this user only, if they are missing.
    ///
    /// # Errors
    ///
    /// If the directory can't be made or written to, or the file is damaged, of another format or in use.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        Self::open_with(dir, Medium::file())
    }

    pub(crate) fn open_with(dir: &Path, medium: Medium) -> Result<Self, StoreError> {
        let file = file::open_or_create(dir, &medium)?;
        Ok(Self { path: dir.join(FILE_NAME), medium, file, contents: OnceCell::new() })
    }

    /// The last process did not close the store: it is as of its last commit.
    pub const fn was_repaired(&self) -> bool {
        !self.file.meta.is_closed
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Hands every entry to `each`: those of the base first, then those of the log in their order.
    ///
    /// # Errors
    ///
    /// What `each` returns, with the entry's name, and it ends there; or that something of what must be there is not.
    pub fn read(&self, each: &mut dyn FnMut(&[u8]) -> Result<(), String>) -> Result<Contents, StoreError> {
        let of_file = |error| StoreError::of_file(&self.path, error);
        let damaged = |reason| StoreError::Damaged { path: self.path.clone(), reason };
        let refused = |entry, reason| StoreError::Refused { path: self.path.clone(), entry, reason };
        let meta = &self.file.meta;
        let transaction = self.file.database.begin_read().map_err(|error| of_file(error.into()))?;
        let name = base_name(meta.generation);
        let base = transaction.open_table(base_table(&name)).map_err(|error| of_file(error.into()))?;
        let log = transaction.open_table(LOG).map_err(|error| of_file(error.into()))?;
        let mut contents = Contents::default();

        for item in base.iter().map_err(|error| of_file(error.into()))? {
            let (number, piece) = item.map_err(|error| of_file(error.into()))?;
            if number.value() != contents.base_entries {
                return Err(damaged(format!("piece {} of the base is missing", contents.base_entries)));
            }
            each(piece.value()).map_err(|reason| refused(format!("piece {} of the base", number.value()), reason))?;
            contents.base_entries += 1;
            contents.base_bytes += piece.value().len() as u64;
        }
        if (contents.base_entries, contents.base_bytes) != (meta.base_pieces, meta.base_bytes) {
            return Err(damaged(format!(
                "the base has {} pieces of {} bytes instead of {} of {}",
                contents.base_entries, contents.base_bytes, meta.base_pieces, meta.base_bytes
            )));
        }
        for item in log.range((Excluded(meta.base_through), Unbounded)).map_err(|error| of_file(error.into()))? {
            let (number, entry) = item.map_err(|error| of_file(error.into()))?;
            let expected = meta.base_through + 1 + contents.log_entries;
            if number.value() != expected {
                return Err(damaged(format!("entry {expected} of the log is missing")));
            }
            each(entry.value()).map_err(|reason| refused(format!("entry {expected} of the log"), reason))?;
            contents.log_entries += 1;
            contents.log_bytes += entry.value().len() as u64;
        }
        Ok(*self.contents.get_or_init(|| contents))
    }

    /// Starts the thread that writes. Numbers go on from the last entry that the file has.
    ///
    /// # Errors
    ///
    /// If the file has not been read and can't be, or the thread can't be started.
    pub fn start(self, options: Options, source: Box<dyn Source>) -> Result<Store, StoreError> {
        let contents = match self.contents.get() {
            Some(contents) => *contents,
            None => self.read(&mut |_| Ok(()))?,
        };
        Store::start(self.path, self.medium, self.file, contents, options, source)
    }
}
