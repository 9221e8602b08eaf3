//! A save: the requests that make all keys again as they were at one moment, while they go on changing.
//!
//! It walks over the keys piece by piece, each under a short lock. A key that changes before the walk has come to it is
//! saved as it was just before, and one that was made since the save began is left out, so what comes out is the state
//! of the moment in which it began. Nothing is copied that does not change, and no second process is needed.

#[cfg(test)]
mod tests;

use crate::database::{Database, Entry};
use crate::keys::Keys;
use crate::keyspace::Keyspace;
use crate::rebuild::append_key;
use crate::record::select;

/// Entries that are walked over at once at most, so that a walk over what is saved already is short as well.
const WALKED_MAX: usize = 1_000;

/// A save under way.
#[derive(Debug, Default)]
pub(crate) struct Save {
    piece: Piece,
    /// Databases that were emptied before the walk was through with them.
    flushed: Vec<Database>,
}

/// What is saved and was not taken yet.
#[derive(Debug, Default)]
struct Piece {
    out: Vec<u8>,
    /// How much of it was taken.
    taken: usize,
    /// The database that the requests so far end in.
    db: u32,
}

impl Piece {
    /// Saves an entry unless it is part of the save already, or came later.
    fn add(&mut self, epoch: u32, db: u32, key: &[u8], entry: &mut Entry) {
        if std::mem::replace(&mut entry.epoch, epoch) == epoch {
            return;
        }
        if self.db != db {
            select(&mut self.out, db);
            self.db = db;
        }
        append_key(&mut self.out, key, &entry.value, entry.deadline_ms);
    }

    /// Walks over one entry of a database; false if it has none left.
    fn walk(&mut self, epoch: u32, database: &mut Database) -> bool {
        // Those that are gone have made it shorter; what took their places is behind, or was seen.
        let Some(at) = database.unsaved.min(database.entries.len()).checked_sub(1) else { return false };
        database.unsaved = at;
        if let Some((key, entry)) = database.entries.get_index_mut(at) {
            self.add(epoch, database.saved_as, key, entry);
        }
        true
    }

    /// Moves up to `max` bytes to the end of `to`.
    fn take(&mut self, max: usize, to: &mut Vec<u8>) {
        let end = self.out.len().min(self.taken.saturating_add(max));
        to.extend_from_slice(&self.out[self.taken..end]);
        self.taken = end;
        if self.taken == self.out.len() {
            self.taken = 0;
            self.out.clear();
        }
    }
}

impl Keyspace {
    /// Begins a save of all keys as they are now; one that is under way is given up.
    pub fn begin_save(&mut self) {
        self.abandon_save();
        self.epoch = self.epoch.wrapping_add(1);
        for (number, database) in (0..).zip(&mut self.databases) {
            database.unsaved = database.entries.len();
            database.saved_as = number;
        }
        self.save = Some(Box::default());
    }

    /// Appends the next piece of the save, at most `bytes` long and perhaps empty, to `out`; false if nothing is left.
    ///
    /// The pieces, one behind the other, are requests as [`Keyspace::take_records`] has them; a piece may end within
    /// one.
    pub fn save_some(&mut self, bytes: usize, out: &mut Vec<u8>) -> bool {
        let Self { save: Some(save), databases, epoch, .. } = self else { return false };
        let Save { piece, flushed } = &mut **save;
        let mut is_through = false;
        for _ in 0..WALKED_MAX {
            if piece.out.len() - piece.taken >= bytes {
                break;
            }
            is_through = !flushed.iter_mut().chain(databases.iter_mut()).any(|database| piece.walk(*epoch, database));
            if is_through {
                break;
            }
        }
        piece.take(bytes, out);
        let has_more = !is_through || !piece.out.is_empty();
        if !has_more {
            self.abandon_save();
        }
        has_more
    }

    /// Gives up the save under way.
    pub fn abandon_save(&mut self) {
        self.flushed.extend(self.save.take().into_iter().flat_map(|save| save.flushed));
    }

    /// Keeps the entries of an emptied database as long as a save needs them; gives it back if none does.
    pub(crate) fn save_flushed(&mut self, database: Database) -> Option<Database> {
        match &mut self.save {
            Some(save) if database.unsaved > 0 => {
                save.flushed.push(database);
                None
            }
            _ => Some(database),
        }
    }
}

impl Keys<'_> {
    /// Lets a save that is under way have a key before it changes.
    pub(crate) fn save_before_change(&mut self, key: &[u8]) {
        let Keyspace { save: Some(save), databases, epoch, .. } = &mut *self.keyspace else { return };
        let database = &mut databases[self.db as usize];
        if let Some(entry) = database.entries.get_mut(key) {
            save.piece.add(*epoch, database.saved_as, key, entry);
        }
    }
}
