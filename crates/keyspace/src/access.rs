//! When and how often a key was used, for OBJECT and for the choice of what has to make room.
//!
//! Source: Redis, "Key eviction". One word of 32 bits a key: either the second of its last use, or the minute of its
//! last use with a logarithmic counter that grows by chance and falls with time.

/// The counter of a new key, so that it is not the first to go.
const COUNTER_START: u8 = 5;
/// How much rarer the counter grows the higher it stands.
const LOG_FACTOR: f64 = 10.0;

/// What is kept of the use of keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessTracking {
    /// How often they are used.
    Frequency,
    /// When they were used last.
    #[default]
    Time,
}

impl AccessTracking {
    /// The word of a key that comes at `now_ms`.
    pub(crate) const fn first(self, now_ms: u64) -> u32 {
        match self {
            Self::Frequency => minute(now_ms) << 8 | COUNTER_START as u32,
            Self::Time => second(now_ms),
        }
    }

    /// The word of a key that is used at `now_ms`.
    pub(crate) fn next(self, word: u32, now_ms: u64, random: &mut fastrand::Rng) -> u32 {
        match self {
            Self::Frequency => {
                let counter = frequency(word, now_ms);
                let grows = random.f64() * (f64::from(counter.saturating_sub(COUNTER_START)) * LOG_FACTOR + 1.0) < 1.0;
                minute(now_ms) << 8 | u32::from(counter.saturating_add(u8::from(grows)))
            }
            Self::Time => second(now_ms),
        }
    }
}

/// Seconds since the last use.
pub(crate) const fn idle_seconds(word: u32, now_ms: u64) -> u32 {
    second(now_ms).saturating_sub(word)
}

/// The counter: one less for every minute without a use.
pub(crate) fn frequency(word: u32, now_ms: u64) -> u8 {
    let idle_minutes = minute(now_ms).wrapping_sub(word >> 8) & 0xff_ffff;
    (word as u8).saturating_sub(u8::try_from(idle_minutes).unwrap_or(u8::MAX))
}

const fn second(now_ms: u64) -> u32 {
    (now_ms / 1000) as u32
}

/// The minute, in 24 bits.
const fn minute(now_ms: u64) -> u32 {
    (now_ms / 60_000) as u32 & 0xff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counter_grows_ever_slower_and_falls_with_time() {
        let tracking = AccessTracking::Frequency;
        let mut random = fastrand::Rng::with_seed(1);
        let mut word = tracking.first(0);
        let mut after = Vec::new();
        for uses in 1..=100_000 {
            word = tracking.next(word, 0, &mut random);
            if [1, 1000, 100_000].contains(&uses) {
                after.push(frequency(word, 0));
            }
        }
        assert_eq!(after[0], 6, "the first use always counts");
        assert!((15..=25).contains(&after[1]) && (130..=160).contains(&after[2]), "{after:?}");
        assert_eq!(frequency(word, 60_000 * 3), after[2] - 3);
        assert_eq!(frequency(word, 60_000 * 1000), 0);
    }
}
