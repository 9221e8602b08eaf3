//! A new base beside the valid one, step by step, and the removal of what it replaces.

use std::time::{Duration, Instant};

use redb::{ReadableTable, Table, TableHandle, WriteTransaction};

use crate::Source;
use crate::file::{LOG, Meta, base_name, base_table, is_base};

/// A step ends with this much in its transaction, or after this time: whoever waits for a commit waits for one step.
const STEP_BYTES_MAX: usize = 1 << 20;
const STEP_TIME_MAX: Duration = Duration::from_millis(10);
/// How many entries are removed between two looks at the clock.
const REMOVED_AT_ONCE: u64 = 256;

/// A rewrite under way.
#[derive(Debug)]
pub(crate) struct Rewrite {
    pub(crate) began: Instant,
    /// The last entry that is part of it.
    pub(crate) through: u64,
    /// Size of the entries behind it, as far as they are committed.
    pub(crate) log_bytes: u64,
    generation: u64,
    pieces: u64,
    bytes: u64,
    piece: Vec<u8>,
}

impl Rewrite {
    /// Begins a save that follows the one that `meta` describes; entries up to `saved` are committed.
    pub(crate) fn begin(meta: &Meta, saved: u64, source: &mut dyn Source) -> Self {
        Self {
            began: Instant::now(),
            // Whoever owns the keys may have added nothing yet since the start.
            through: source.begin_save().max(saved),
            log_bytes: 0,
            generation: meta.generation + 1,
            pieces: 0,
            bytes: 0,
            piece: Vec::new(),
        }
    }

    /// Puts the next pieces into the transaction; true when they were the last.
    pub(crate) fn step(
        &mut self,
        transaction: &WriteTransaction,
        source: &mut dyn Source,
    ) -> Result<bool, redb::Error> {
        let name = base_name(self.generation);
        let mut table = transaction.open_table(base_table(&name))?;
        let began = Instant::now();
        let mut bytes = 0;
        while bytes < STEP_BYTES_MAX && began.elapsed() < STEP_TIME_MAX {
            self.piece.clear();
            let has_more = source.save_some(&mut self.piece);
            if !self.piece.is_empty() {
                table.insert(self.pieces, self.piece.as_slice())?;
                self.pieces += 1;
                self.bytes += self.piece.len() as u64;
                bytes += self.piece.len();
            }
            if !has_more {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What `meta` says from the commit on that has the last piece.
    pub(crate) const fn meta(&self) -> Meta {
        Meta {
            generation: self.generation,
            base_through: self.through,
            base_pieces: self.pieces,
            base_bytes: self.bytes,
            is_closed: false,
        }
    }
}

/// Removes a part of what `meta` does not call valid; true when there may be more.
pub(crate) fn remove_leftovers(transaction: &WriteTransaction, meta: &Meta) -> Result<bool, redb::Error> {
    let until = Instant::now() + STEP_TIME_MAX;
    if !remove_through(&mut transaction.open_table(LOG)?, meta.base_through, until)? {
        return Ok(true);
    }
    let valid = base_name(meta.generation);
    let stale: Vec<String> = transaction
        .list_tables()?
        .filter(|table| is_base(table.name()) && table.name() != valid)
        .map(|table| table.name().to_owned())
        .collect();
    for name in stale {
        if !remove_through(&mut transaction.open_table(base_table(&name))?, u64::MAX, until)? {
            return Ok(true);
        }
        transaction.delete_table(base_table(&name))?;
    }
    Ok(false)
}

/// Removes from the front of the table, up to this number or until it is time; true when nothing is left to remove.
fn remove_through(
    table: &mut Table<'_, u64, &'static [u8]>,
    through: u64,
    until: Instant,
) -> Result<bool, redb::Error> {
    loop {
        let first = table.first()?.map(|(number, _)| number.value());
        let Some(first) = first.filter(|first| *first <= through) else { return Ok(true) };
        if Instant::now() >= until {
            return Ok(false);
        }
        table.retain_in(first..=first.saturating_add(REMOVED_AT_ONCE - 1).min(through), |_, _| false)?;
    }
}
