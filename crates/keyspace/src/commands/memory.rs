//! What keys cost. Source: Redis command pages, group "server".

use crate::call::{Call, Outcome};
use crate::database::ENTRY_BYTES;
use crate::error::CommandError;

/// `MEMORY USAGE key [SAMPLES count]`.
///
/// The figure is the one that `maxmemory` is held against, whatever the samples: no value has to be walked for it.
pub fn memory_usage(call: &mut Call<'_>) -> Outcome {
    for at in (3..call.len()).step_by(2) {
        if !call.is_word(at, "samples") || at + 1 >= call.len() || call.integer(at + 1)? < 0 {
            return Err(CommandError::SYNTAX);
        }
    }
    let key = call.word(2);
    match call.keys.peek(key) {
        Some(entry) => {
            let bytes = ENTRY_BYTES + key.len() + entry.value.heap_bytes();
            return call.count(bytes);
        }
        None => call.reply.null(),
    };
    Ok(())
}
