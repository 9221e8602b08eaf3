//! Makes a failing sequence shorter while it still fails.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::generate::Sequence;
use super::runner::Mismatch;

/// A failure that shows as a missing answer costs seconds a try.
const SHRINK_MAX: Duration = Duration::from_secs(90);

/// The shortest sequence found for which `play` still returns a difference; `None` if not even `whole` does.
///
/// # Errors
///
/// What `play` returns.
pub(super) fn shrink(
    whole: &Sequence,
    mut play: impl FnMut(&Sequence) -> Result<Option<Mismatch>>,
) -> Result<Option<(Sequence, Mismatch)>> {
    let start = Instant::now();
    let Some(mut mismatch) = play(whole)? else {
        return Ok(None);
    };
    let mut best = whole.clone();
    best.steps.truncate(mismatch.step + 1);

    let mut try_one = |best: &mut Sequence, mismatch: &mut Mismatch, candidate: Sequence| -> Result<bool> {
        if start.elapsed() > SHRINK_MAX {
            return Ok(false);
        }
        let Some(found) = play(&candidate)? else {
            return Ok(false);
        };
        *best = candidate;
        best.steps.truncate(found.step + 1);
        *mismatch = found;
        Ok(true)
    };

    let mut width = best.steps.len();
    while width > 0 {
        let mut at = 0;
        while at < best.steps.len() {
            let mut candidate = best.clone();
            candidate.steps.drain(at..(at + width).min(candidate.steps.len()));
            if !try_one(&mut best, &mut mismatch, candidate)? {
                at += width;
            }
        }
        width /= 2;
    }
    for step in (0..best.steps.len()).rev() {
        let mut at = 0;
        while step < best.steps.len() && at < best.steps[step].items.len() && best.steps[step].items.len() > 1 {
            let mut candidate = best.clone();
            candidate.steps[step].items.remove(at);
            if !try_one(&mut best, &mut mismatch, candidate)? {
                at += 1;
            }
        }
        if step < best.steps.len() && !best.steps[step].cuts.is_empty() {
            let mut candidate = best.clone();
            candidate.steps[step].cuts.clear();
            try_one(&mut best, &mut mismatch, candidate)?;
        }
    }
    Ok(Some((best, mismatch)))
}
