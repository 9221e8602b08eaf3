//! Why a store can't be opened or read.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why the store can't be used. The text names the file, and what to do.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// The file has something else than what was written to it.
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The directory can't be made, or not be written to.
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The file is of a version that this one does not know.
    Format {
        /// The file.
        path: PathBuf,
        /// The format that it claims to have.
        format: u64,
    },
    /// Another process, or another store of this one, has the file open.
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The system refused to read or write.
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        reason: String,
    },
    /// An entry was read well, and its reader wants none of it.
    Refused {
        /// The file.
        path: PathBuf,
        /// Which entry: of the base or of the log, and its number there.
        entry: String,
        /// What the reader said.
        reason: String,
    },
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged { path, reason } => write!(
                f,
                "{} is damaged: {reason}; nothing of it was used. Restore it from a backup, or move it away to start \
                 without keys",
                path.display()
            ),
            Self::Directory { path, error } => write!(
                f,
                "the directory {} can't be used: {error}; check that its parent exists and that this user may write \
                 there",
                path.display()
            ),
            Self::Format { path, format } => write!(
                f,
                "{} has format {format}, and this version knows only {}; start the version that wrote it",
                path.display(),
                crate::file::FORMAT
            ),
            Self::InUse { path } => write!(
                f,
                "{} is open already, by another process or another store: stop that one, or use another directory",
                path.display()
            ),
            Self::Io { path, reason } => {
                write!(f, "{} can't be read or written: {reason}; check the disk and the permissions", path.display())
            }
            Self::Refused { path, entry, reason } => write!(
                f,
                "{entry} of {} can't be executed: {reason}; restore the file from a backup, or move it away to start \
                 without keys",
                path.display()
            ),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Directory { error, .. } => Some(error),
            _ => None,
        }
    }
}

impl StoreError {
    /// What redb found about the file at `path`.
    pub(crate) fn of_file(path: &Path, error: redb::Error) -> Self {
        let path = path.to_owned();
        match error {
            redb::Error::DatabaseAlreadyOpen => Self::InUse { path },
            redb::Error::Io(error)
                if !matches!(
                    error.kind(),
                    // What redb says about files that are none of its own, or that end too early.
                    io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof
                ) =>
            {
                Self::Io { path, reason: error.to_string() }
            }
            redb::Error::Corrupted(reason) => Self::Damaged { path, reason },
            error => Self::Damaged { path, reason: error.to_string() },
        }
    }
}
