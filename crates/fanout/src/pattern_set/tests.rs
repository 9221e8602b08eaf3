use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn matches<T>(set: &PatternSet<T>, channel: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    set.for_each_match(channel, |id, _| found.push(set.pattern(id).to_vec()));
    found.sort();
    found
}

#[test]
fn equal_patterns_share_an_entry() {
    let mut set = PatternSet::new();
    let id = set.get_or_insert_with(b"news:*", || 1);
    assert_eq!(set.get_or_insert_with(b"news:*", || 2), id);
    assert_eq!((set.len(), *set.value(id), set.pattern(id)), (1, 1, &b"news:*"[..]));
    *set.value_mut(id) += 10;
    assert_eq!(set.get(b"news:*").map(|id| *set.value(id)), Some(11));
    assert_eq!(set.get(b"news:"), None);
}

#[test]
fn a_removed_pattern_is_gone_and_its_id_is_reused() {
    let mut set = PatternSet::new();
    let [first, second] = [&b"a*"[..], b"b*"].map(|pattern| set.get_or_insert_with(pattern, || pattern.to_vec()));
    assert_eq!(set.remove(first), Some(b"a*".to_vec()));
    assert_eq!(set.remove(first), None);
    assert_eq!(set.get(b"a*"), None);
    assert!(matches(&set, b"abc").is_empty());
    assert_eq!(set.get_or_insert_with(b"c*", Vec::new), first);
    assert_eq!(set.remove(second), Some(b"b*".to_vec()));
    assert_eq!(set.remove(first), Some(Vec::new()));
    assert!(set.is_empty());
    assert_eq!(matches(&set, b"c"), Vec::<Vec<u8>>::new());
}

#[test]
fn a_gram_that_repeats_in_the_channel_reports_its_pattern_once() {
    let mut set = PatternSet::new();
    // More grams than the places kept without an allocation, each of them twice in the channel.
    let grams: Vec<String> = (0..60).map(|number| format!("<{number:02}>")).collect();
    for gram in &grams {
        set.get_or_insert_with(format!("*{gram}*").as_bytes(), || ());
    }
    let channel = [grams.concat(), grams.concat()].concat();
    assert_eq!(matches(&set, channel.as_bytes()).len(), grams.len());
}

#[test]
fn patterns_of_all_shapes_are_found() {
    let mut set = PatternSet::new();
    let long = "x".repeat(100);
    let matching = [
        "*",
        "?*",
        "[n]ews:eu",
        "news:eu",
        r"news\:eu",
        "n*",
        "*u",
        "news:*",
        "*:eu",
        "*ws:e*",
        "*s*",
        "n?ws*u",
        "**s:e**",
    ];
    let other = ["", "news", "*:eu:", "m*", "news:eu?", "*ws:f*", &long];
    for pattern in matching.iter().chain(&other) {
        set.get_or_insert_with(pattern.as_bytes(), || ());
    }
    let mut expected = matching.map(|pattern| pattern.as_bytes().to_vec());
    expected.sort();
    assert_eq!(matches(&set, b"news:eu"), expected);
    assert_eq!(matches(&set, b""), [b""]);
    assert_eq!(matches(&set, long.as_bytes()), [&b"*"[..], b"?*", long.as_bytes()]);
    assert_eq!(set.iter().count(), set.len());
}

/// Fills a set with 100,000 patterns and checks that a channel leads to few that do not match it.
fn assert_few_candidates(pattern: impl Fn(usize) -> String, channel: impl Fn(usize) -> String) {
    // One in a thousand.
    assert_candidates_below(100, pattern, channel);
}

fn assert_candidates_below(wasted_max: usize, pattern: impl Fn(usize) -> String, channel: impl Fn(usize) -> String) {
    const PATTERNS: usize = 100_000;
    const CHANNELS: usize = 200;
    let mut set = PatternSet::new();
    for number in 0..PATTERNS {
        set.get_or_insert_with(pattern(number).as_bytes(), || ());
    }
    let (mut candidates, mut matches) = (0, 0);
    for number in (0..PATTERNS).step_by(PATTERNS / CHANNELS) {
        let channel = channel(number);
        let before = matches;
        set.for_each_candidate(channel.as_bytes(), |_, _| candidates += 1);
        set.for_each_match(channel.as_bytes(), |_, _| matches += 1);
        assert!(matches > before, "{channel} has a match");
    }
    let wasted = (candidates - matches) / CHANNELS;
    assert!(wasted < wasted_max, "{wasted} of {} patterns were checked in vain for a channel", set.len());
}

#[test]
fn mixed_patterns_are_not_scanned() {
    let pattern = |number| match number % 20 {
        0 => format!("*order{number}*"),
        1..=7 => format!("news:{}:{number}:*", number % 97),
        8..=12 => format!("*:user:{number}"),
        13..=16 => format!("room:{number}"),
        _ => format!("a{number}*b{}*c", number % 1000),
    };
    let channel = |number| match number % 20 {
        0 => format!("shop:eu:order{number}:paid"),
        1..=7 => format!("news:{}:{number}:sport", number % 97),
        8..=12 => format!("chat:user:{number}"),
        13..=16 => format!("room:{number}"),
        _ => format!("a{number}:b{}:c", number % 1000),
    };
    assert_few_candidates(pattern, |number| channel(number + number / 500 % 20));
}

#[test]
fn patterns_with_a_prefix_are_not_scanned() {
    assert_few_candidates(|number| format!("channel:{number}:*"), |number| format!("channel:{number}:open"));
}

#[test]
fn patterns_with_a_suffix_are_not_scanned() {
    assert_few_candidates(|number| format!("*:channel:{number}"), |number| format!("eu:channel:{number}"));
}

#[test]
fn patterns_with_an_inner_literal_are_not_scanned() {
    assert_few_candidates(|number| format!("*order{number}*"), |number| format!("shop:eu:order{number}:paid"));
}

#[test]
fn patterns_with_the_same_prefix_are_not_scanned() {
    assert_few_candidates(|number| format!("news:eu:*{number}"), |number| format!("news:eu:sport:{number}"));
}

#[test]
fn patterns_with_the_same_ends_are_not_scanned() {
    assert_few_candidates(|number| format!("news:*{number}*:live"), |number| format!("news:eu:{number}:live"));
}

#[test]
fn patterns_with_two_stars_are_not_scanned() {
    assert_few_candidates(
        |number| format!("a{number}*b{}*c", number % 100),
        |number| format!("a{number}:b{}:c", number % 100),
    );
}

#[test]
fn patterns_that_share_each_of_two_parts_are_not_scanned() {
    // Each part is in 300 patterns and only both together tell them apart, so one key cannot do better than that.
    let part = |number: usize| (number % 317, number / 317);
    assert_candidates_below(
        1500,
        |number| format!("a{}*b{}*c", part(number).0, part(number).1),
        |number| format!("a{}:b{}:c", part(number).0, part(number).1),
    );
}

#[derive(Clone, Debug)]
enum Op {
    Insert(Vec<u8>),
    Remove(prop::sample::Index),
    Match(Vec<u8>),
}

fn op() -> impl Strategy<Value = Op> {
    let piece = prop::sample::select(vec![
        "a",
        "b",
        "ab",
        "aab",
        "babba",
        "abababababab",
        "*",
        "*",
        "?",
        "[ab]",
        "[^a]",
        r"\b",
        r"\*",
    ]);
    let pattern = prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat().into_bytes());
    let channel = prop::collection::vec(prop::sample::select(b"aabb*".to_vec()), 0..30);
    prop_oneof![
        5 => pattern.prop_map(Op::Insert),
        2 => any::<prop::sample::Index>().prop_map(Op::Remove),
        3 => channel.prop_map(Op::Match),
    ]
}

proptest! {
    #[test]
    fn agrees_with_a_list_of_patterns(ops in prop::collection::vec(op(), 0..120)) {
        let mut set = PatternSet::new();
        let mut model: BTreeMap<Vec<u8>, (PatternId, usize)> = BTreeMap::new();
        for (number, op) in ops.into_iter().enumerate() {
            match op {
                Op::Insert(pattern) => {
                    let id = set.get_or_insert_with(&pattern, || number);
                    let (known, _) = *model.entry(pattern).or_insert((id, number));
                    prop_assert_eq!(known, id);
                }
                Op::Remove(index) if !model.is_empty() => {
                    let pattern = model.keys().nth(index.index(model.len())).cloned().unwrap();
                    let (id, value) = model.remove(&pattern).unwrap();
                    prop_assert_eq!(set.get(&pattern), Some(id));
                    prop_assert_eq!(set.remove(id), Some(value));
                    prop_assert_eq!(set.get(&pattern), None);
                }
                Op::Remove(_) => {}
                Op::Match(channel) => {
                    let mut found = Vec::new();
                    set.for_each_match(&channel, |id, value| found.push((id, *value)));
                    found.sort();
                    let mut expected: Vec<_> = model.iter().filter(|(p, _)| glob_match(p, &channel)).map(|(_, v)| *v).collect();
                    expected.sort();
                    prop_assert_eq!(found, expected);
                }
            }
            prop_assert_eq!(set.len(), model.len());
        }
        for (pattern, (id, value)) in &model {
            prop_assert_eq!((set.pattern(*id), set.value(*id)), (&pattern[..], value));
        }
        // Every pattern sits in exactly one bucket.
        prop_assert_eq!(set.buckets.iter().map(|bucket| bucket.len as usize).sum::<usize>(), model.len());
    }
}
