use std::time::{Duration, Instant};

use super::super::operation::{Kind, Operation, key};
use super::super::replay::Answer;
use super::super::state::{Deadline, now_ms};
use super::*;

const CLIENT: usize = 0;

/// These writes, of which the first `acknowledged` were so, a millisecond after each other until `end`.
fn writes(kinds: &[Kind], acknowledged: usize, end: Instant) -> Vec<Sent> {
    let at_ms = now_ms();
    let write = |(index, &kind): (usize, &Kind)| Sent {
        operation: Operation { number: 1 + index as u64, kind },
        at_ms,
        answer: (index < acknowledged).then(|| Answer {
            at: end - Duration::from_millis((acknowledged - index) as u64),
            at_ms,
            popped: None,
        }),
    };
    kinds.iter().enumerate().map(write).collect()
}

/// What is there after `sent`.
fn after<'a>(sent: impl IntoIterator<Item = &'a Sent>) -> Observed {
    let mut state = State::new();
    let mut observed = Observed { began_ms: now_ms(), ended_ms: now_ms(), ..Observed::default() };
    for write in sent {
        write.apply(CLIENT, &mut state, &observed);
    }
    let found = |entry: Entry| (entry.value, entry.deadline.map(|deadline| deadline.from_ms));
    observed.entries = state.into_iter().map(|(key, entry)| (key, found(entry))).collect();
    observed
}

fn check(sent: &[Sent], observed: &Observed, end: Instant) -> Result<Survived, Difference> {
    survived(CLIENT, &State::new(), sent, observed, end)
}

const MIXED: [Kind; 8] = [
    Kind::Increment,
    Kind::Push,
    Kind::Transaction,
    Kind::HashCount,
    Kind::SetAdd,
    Kind::ScoreCount { member: 1 },
    Kind::Append,
    Kind::StreamAdd,
];

#[test]
fn any_number_of_writes_from_the_first_is_found() {
    let end = Instant::now();
    for acknowledged in 0..=MIXED.len() {
        let sent = writes(&MIXED, acknowledged, end);
        for kept in 0..=MIXED.len() {
            let found = check(&sent, &after(&sent[..kept]), end).unwrap();
            let lost = acknowledged.saturating_sub(kept);
            let seen = (found.kept, found.lost, found.loss);
            assert_eq!(seen, (kept, lost, Duration::from_millis(lost as u64)), "{acknowledged} acknowledged");
        }
    }
}

#[test]
fn a_write_missing_between_others_is_found() {
    let end = Instant::now();
    let sent = writes(&MIXED, 0, end);
    for missing in 0..MIXED.len() - 1 {
        let others = sent.iter().enumerate().filter(|&(index, _)| index != missing).map(|(_, write)| write);
        check(&sent, &after(others), end).unwrap_err();
    }
}

#[test]
fn a_write_done_twice_is_found() {
    let end = Instant::now();
    let sent = writes(&MIXED, MIXED.len(), end);
    for twice in 0..MIXED.len() {
        let mut done: Vec<&Sent> = sent.iter().collect();
        done.insert(twice, &sent[twice]);
        // A member added twice is the same set.
        let is_found = check(&sent, &after(done), end).is_err();
        assert_eq!(is_found, MIXED[twice] != Kind::SetAdd, "{:?}", MIXED[twice]);
    }
}

#[test]
fn half_a_transaction_is_found() {
    let end = Instant::now();
    let sent = writes(&[Kind::Transaction, Kind::Transaction], 1, end);
    let mut observed = after(&sent);
    let left = after(&sent[..1]).entries.remove(&key(CLIENT, "left")).unwrap();
    observed.entries.insert(key(CLIENT, "left"), left);
    let difference = check(&sent, &observed, end).unwrap_err().to_string();
    assert!(difference.contains("c0:left: \"1\" instead of \"2\""), "{difference}");
}

#[test]
fn a_key_that_was_never_written_is_found() {
    let end = Instant::now();
    let sent = writes(&[Kind::Push], 1, end);
    let mut observed = after(&sent);
    observed.entries.insert(key(CLIENT, "stranger"), (Value::String(b"1".to_vec()), None));
    check(&sent, &observed, end).unwrap_err();
}

#[test]
fn a_deleted_key_that_is_back_is_found() {
    let end = Instant::now();
    let sent = writes(&[Kind::Push, Kind::Delete(&["list"]), Kind::Increment], 3, end);
    let mut observed = after(&sent);
    observed.entries.extend(after(&sent[..1]).entries);
    check(&sent, &observed, end).unwrap_err();
}

#[test]
fn a_member_taken_without_a_reply_is_any_that_is_missing() {
    let end = Instant::now();
    let sent = writes(&[Kind::SetAdd, Kind::SetAdd, Kind::SetAdd, Kind::SetPop, Kind::SetPop], 3, end);
    for (gone, kept) in [(0, 3), (1, 4), (2, 5)] {
        for first in 0..3 {
            let mut observed = after(&sent[..3]);
            let Some((Value::Set(members), _)) = observed.entries.get_mut(&key(CLIENT, "members")) else { panic!() };
            for index in 0..gone {
                members.remove(&sent[(first + index) % 3].operation.text());
            }
            assert_eq!(check(&sent, &observed, end).unwrap().kept, kept);
        }
    }
}

#[test]
fn a_key_may_expire_while_it_is_read_but_not_before_and_not_come_back() {
    let key = b"c0:short:1";
    let entry =
        |from_ms, to_ms| Entry { value: Value::String(b"1".to_vec()), deadline: Some(Deadline { from_ms, to_ms }) };
    let mut observed = Observed { began_ms: 1000, ended_ms: 1010, ..Observed::default() };
    assert!(observed.agrees(key, Some(&entry(1005, 1008))), "it expired meanwhile");
    assert!(!observed.agrees(key, Some(&entry(1011, 1020))), "it should be there");

    let mut found = |at_ms| observed.entries.insert(key.to_vec(), (Value::String(b"1".to_vec()), at_ms));
    found(Some(1006));
    assert!(observed.agrees(key, Some(&entry(1005, 1008))), "it was read before its time");
    assert!(!observed.agrees(key, Some(&entry(1007, 1008))), "its deadline has moved");
    assert!(!observed.agrees(key, Some(&entry(980, 1000))), "it should be gone");
    observed.entries.insert(key.to_vec(), (Value::String(b"1".to_vec()), None));
    assert!(!observed.agrees(key, Some(&entry(1005, 1008))), "its deadline is lost");
}
