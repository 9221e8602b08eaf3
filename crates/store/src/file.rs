//! The file: its tables, how it is made and opened, and what `meta` says about the rest.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};

use crate::StoreError;
use crate::backend::Medium;

/// The name of the file in the store's directory.
pub(crate) const FILE_NAME: &str = "keys.redb";
/// The meaning of the tables; another number is another meaning.
pub(crate) const FORMAT: u64 = 1;
/// Entries by their number.
pub(crate) const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");

const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
/// Entries are written once and read once: what redb keeps in memory are its inner pages and those in work.
const CACHE_BYTES: usize = 16 << 20;
const BASE_PREFIX: &str = "base-";

/// The name of a generation's table of pieces.
pub(crate) fn base_name(generation: u64) -> String {
    format!("{BASE_PREFIX}{generation}")
}

/// A base's table by its name.
pub(crate) const fn base_table(name: &str) -> TableDefinition<'_, u64, &'static [u8]> {
    TableDefinition::new(name)
}

/// A table that holds pieces of some base.
pub(crate) fn is_base(name: &str) -> bool {
    name.starts_with(BASE_PREFIX)
}

/// What `meta` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Meta {
    /// Which base is valid.
    pub(crate) generation: u64,
    /// The last entry that is part of the base; the log goes on behind it.
    pub(crate) base_through: u64,
    pub(crate) base_pieces: u64,
    pub(crate) base_bytes: u64,
    /// The store was closed behind the last commit.
    pub(crate) is_closed: bool,
}

impl Meta {
    /// Puts it into the transaction.
    pub(crate) fn write(&self, transaction: &WriteTransaction) -> Result<(), redb::Error> {
        let mut table = transaction.open_table(META)?;
        for (name, value) in [
            ("format", FORMAT),
            ("generation", self.generation),
            ("base_through", self.base_through),
            ("base_pieces", self.base_pieces),
            ("base_bytes", self.base_bytes),
            ("is_closed", u64::from(self.is_closed)),
        ] {
            table.insert(name, value)?;
        }
        Ok(())
    }
}

/// The database, what it says about itself, and the number of its last entry.
#[derive(Debug)]
pub(crate) struct OpenedFile {
    pub(crate) database: Database,
    pub(crate) meta: Meta,
    pub(crate) last: u64,
}

/// Opens the file in `dir`; makes both if they are missing.
pub(crate) fn open_or_create(dir: &Path, medium: &Medium) -> Result<OpenedFile, StoreError> {
    let of_dir = |error| StoreError::Directory { path: dir.to_owned(), error };
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(of_dir)?;
    let path = dir.join(FILE_NAME);
    if !path.try_exists().map_err(of_dir)? {
        create(dir, &path)?;
    }
    open(&path, medium)
}

/// Makes a file without entries. It gets its name when it is complete, so that an empty or half a file is always damage.
fn create(dir: &Path, path: &Path) -> Result<(), StoreError> {
    let of_dir = |error| StoreError::Directory { path: dir.to_owned(), error };
    let of_file = |error| StoreError::of_file(path, error);
    // For this user only: tempfile makes files with mode 0600.
    let new = tempfile::Builder::new().prefix(FILE_NAME).suffix(".new").tempfile_in(dir).map_err(of_dir)?;
    let backend = Medium::file().backend(new.reopen().map_err(of_dir)?).map_err(|error| of_file(error.into()))?;
    let database = Database::builder().create_with_backend(backend).map_err(|error| of_file(error.into()))?;
    let fill = || {
        let transaction = database.begin_write()?;
        Meta { is_closed: true, ..Meta::default() }.write(&transaction)?;
        transaction.open_table(LOG)?;
        transaction.open_table(base_table(&base_name(0)))?;
        transaction.commit()?;
        Ok(())
    };
    fill().map_err(of_file)?;
    database.close().map_err(|error| of_file(error.into()))?;
    match new.persist_noclobber(path) {
        Ok(_) => File::open(dir).and_then(|dir| dir.sync_all()).map_err(of_dir),
        // Another process was faster. It has it open, then, and we shall be told.
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(of_dir(error.error)),
    }
}

/// Opens a file that must be there, and verifies all that is in use of it.
pub(crate) fn open(path: &Path, medium: &Medium) -> Result<OpenedFile, StoreError> {
    let of_io = |error: io::Error| StoreError::Io { path: path.to_owned(), reason: error.to_string() };
    let damaged = |reason: String| StoreError::Damaged { path: path.to_owned(), reason };
    let file = OpenOptions::new().read(true).write(true).open(path).map_err(of_io)?;
    if file.metadata().map_err(of_io)?.len() == 0 {
        // redb would make a new database of it.
        return Err(damaged("the file is empty".to_owned()));
    }
    let open = || Ok(open_checked(medium.backend(file)?)?);
    let database = open().map_err(|error| StoreError::of_file(path, error))?;
    let read = || {
        let transaction = database.begin_read()?;
        let table = transaction.open_table(META)?;
        let number = |name| Ok::<_, redb::Error>(table.get(name)?.map(|value| value.value()));
        let format = number("format")?.unwrap_or(0);
        let meta = Meta {
            generation: number("generation")?.unwrap_or(0),
            base_through: number("base_through")?.unwrap_or(0),
            base_pieces: number("base_pieces")?.unwrap_or(0),
            base_bytes: number("base_bytes")?.unwrap_or(0),
            is_closed: number("is_closed")? == Some(1),
        };
        let last = transaction.open_table(LOG)?.last()?.map_or(0, |(number, _)| number.value());
        Ok((format, meta, last.max(meta.base_through)))
    };
    let (format, meta, last) = read().map_err(|error| StoreError::of_file(path, error))?;
    if format != FORMAT {
        return Err(StoreError::Format { path: path.to_owned(), format });
    }
    Ok(OpenedFile { database, meta, last })
}

fn open_checked(backend: crate::backend::Backend) -> Result<Database, redb::DatabaseError> {
    Database::builder().set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true).create_with_backend(backend)
}
