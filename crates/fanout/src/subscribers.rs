//! The subscribers of one channel on one worker.

use std::collections::HashMap;

/// A connection as fan-out sees it: its number on its worker.
pub type SubscriberId = u32;

/// Up to this many a scan finds one faster than a table, and costs no memory.
const SCANNED_MAX: usize = 64;

/// A set that is walked for each message, so it lies in one piece of memory.
#[derive(Default)]
pub(crate) struct Subscribers {
    ids: Vec<SubscriberId>,
    /// Where each one is, once there are many: a busy channel's subscribers come and go one by one.
    #[expect(clippy::box_collection, reason = "most channels have few subscribers and none of it")]
    positions: Option<Box<HashMap<SubscriberId, u32, foldhash::fast::RandomState>>>,
}

impl Subscribers {
    pub(crate) fn iter(&self) -> impl Iterator<Item = SubscriberId> + '_ {
        self.ids.iter().copied()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Adds one that is not in it.
    pub(crate) fn insert(&mut self, id: SubscriberId) {
        if let Some(positions) = &mut self.positions {
            positions.insert(id, self.ids.len() as u32);
        } else if self.ids.len() == SCANNED_MAX {
            let mut positions: HashMap<_, _, _> = self.ids.iter().copied().zip(0..).collect();
            positions.insert(id, SCANNED_MAX as u32);
            self.positions = Some(Box::new(positions));
        }
        self.ids.push(id);
    }

    /// Removes one; false if it is not in it.
    pub(crate) fn remove(&mut self, id: SubscriberId) -> bool {
        let at = match &mut self.positions {
            Some(positions) => positions.remove(&id).map(|at| at as usize),
            None => self.ids.iter().position(|other| *other == id),
        };
        let Some(at) = at else { return false };
        self.ids.swap_remove(at);
        if let (Some(positions), Some(moved)) = (&mut self.positions, self.ids.get(at)) {
            positions.insert(*moved, at as u32);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_come_and_go_in_any_order() {
        let mut subscribers = Subscribers::default();
        for id in 0..500 {
            subscribers.insert(id);
        }
        for id in (0..500).step_by(3).chain((1..500).step_by(3)) {
            assert!(subscribers.remove(id));
            assert!(!subscribers.remove(id));
        }
        let mut left: Vec<_> = subscribers.iter().collect();
        left.sort_unstable();
        assert_eq!(left, (2..500).step_by(3).collect::<Vec<_>>());
    }
}
