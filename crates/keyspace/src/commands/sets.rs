//! Set commands. Source: Redis command pages, group "set".

use fanfare_wire::ReplyWriter;

use crate::call::{Call, Outcome};
use crate::error::CommandError;
use crate::event::EventClasses;
use crate::keys::Keys;
use crate::keyspace::EncodingLimits;
use crate::scan::{self, OwnOption, ScanOptions};
use crate::values::Typed;
use crate::values::set::{self, Member, Set};

/// `SADD key member [member ...]`.
pub fn sadd(call: &mut Call<'_>) -> Outcome {
    let (key, first, members, limits) = (call.word(1), call.word(2), call.words(2), call.keys.limits());
    let set = call.keys.write_or_create::<Set>(key)?;
    set.reserve(first, members.len(), &limits);
    let added = members.filter(|member| set.insert(*member, &limits)).count();
    if added > 0 {
        call.keys.changed(EventClasses::SET, "sadd", key);
    }
    call.count(added)
}

/// `SREM key member [member ...]`.
pub fn srem(call: &mut Call<'_>) -> Outcome {
    let (key, members) = (call.word(1), call.words(2));
    let Some(set) = call.keys.write_as::<Set>(key)? else { return call.count(0) };
    let removed = members.filter(|member| set.remove(*member)).count();
    if removed > 0 {
        call.keys.changed(EventClasses::SET, "srem", key);
        call.keys.remove_if_empty(key);
    }
    call.count(removed)
}

/// `SMOVE source destination member`.
pub fn smove(call: &mut Call<'_>) -> Outcome {
    let (source, destination, member, limits) = (call.word(1), call.word(2), call.word(3), call.keys.limits());
    if call.keys.write_as::<Set>(source)?.is_none() {
        return call.count(0);
    }
    // Its type is checked before anything is taken from the source.
    call.keys.write_as::<Set>(destination)?;
    let Some(set) = call.keys.write_as::<Set>(source)? else { return call.count(0) };
    if source == destination {
        let is_member = set.contains(member);
        return call.count(usize::from(is_member));
    }
    if !set.remove(member) {
        return call.count(0);
    }
    call.keys.changed(EventClasses::SET, "srem", source);
    call.keys.remove_if_empty(source);
    if call.keys.write_or_create::<Set>(destination)?.insert(member, &limits) {
        call.keys.changed(EventClasses::SET, "sadd", destination);
    }
    call.count(1)
}

/// `SPOP key [count]`.
pub fn spop(call: &mut Call<'_>) -> Outcome {
    let key = call.word(1);
    let count = match call.len() {
        2 => None,
        3 => Some(call.integer_from(2, 0, "ERR value is out of range, must be positive")?),
        _ => return Err(CommandError::SYNTAX),
    };
    let len = call.keys.write_as::<Set>(key)?.map_or(0, |set| set.len());
    let popped = count.unwrap_or(1).min(len);
    match count {
        None if len == 0 => call.reply.null(),
        None => &mut call.reply,
        Some(_) => call.reply.set(popped),
    };
    let random = call.keys.random();
    // Each of them is one of those that are left by then.
    let places: Vec<usize> = (0..popped).map(|gone| random.usize(..len - gone)).collect();
    let Some(set) = call.keys.write_as::<Set>(key)?.filter(|_| popped > 0) else { return Ok(()) };
    let mut effect = vec![b"SREM".to_vec(), key.to_vec()];
    for place in places {
        let member = set.get(place);
        reply_member(&mut call.reply, member);
        effect.extend(member.map(|member| member.with_bytes(<[u8]>::to_vec)));
        set.remove_at(place);
    }
    call.keys.record_effect(&effect);
    call.keys.tells_effects();
    call.keys.changed(EventClasses::SET, "spop", key);
    call.keys.remove_if_empty(key);
    Ok(())
}

/// `SRANDMEMBER key [count]`.
pub fn srandmember(call: &mut Call<'_>) -> Outcome {
    let key = call.word(1);
    let count = match call.len() {
        2 => None,
        3 => Some(call.integer(2)?),
        _ => return Err(CommandError::SYNTAX),
    };
    if count == Some(i64::MIN) {
        return Err(CommandError::new(
            "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
        ));
    }
    let len = call.keys.read_as::<Set>(key)?.map_or(0, Set::len);
    let places = if len == 0 { Vec::new() } else { call.keys.draw(len, count.unwrap_or(1))? };
    match count {
        None if len == 0 => call.reply.null(),
        None => &mut call.reply,
        Some(_) => call.reply.array(places.len()),
    };
    let Some(set) = call.keys.again::<Set>(key) else { return Ok(()) };
    for place in places {
        reply_member(&mut call.reply, set.get(place));
    }
    Ok(())
}

/// `SMEMBERS key`.
pub fn smembers(call: &mut Call<'_>) -> Outcome {
    let key = call.word(1);
    match call.keys.read_as::<Set>(key)? {
        Some(set) => reply_set(&mut call.reply, set.iter()),
        None => reply_set(&mut call.reply, [].into_iter()),
    }
    Ok(())
}

/// `SISMEMBER key member`.
pub fn sismember(call: &mut Call<'_>) -> Outcome {
    let (key, member) = (call.word(1), call.word(2));
    let is_member = call.keys.read_as::<Set>(key)?.is_some_and(|set| set.contains(member));
    call.count(usize::from(is_member))
}

/// `SMISMEMBER key member [member ...]`.
pub fn smismember(call: &mut Call<'_>) -> Outcome {
    let (key, members) = (call.word(1), call.words(2));
    let set = call.keys.read_as::<Set>(key)?;
    call.reply.array(members.len());
    for member in members {
        call.reply.integer(i64::from(set.is_some_and(|set| set.contains(member))));
    }
    Ok(())
}

/// `SCARD key`.
pub fn scard(call: &mut Call<'_>) -> Outcome {
    let len = call.keys.read_as::<Set>(call.word(1))?.map_or(0, Set::len);
    call.count(len)
}

/// `SSCAN key cursor [MATCH pattern] [COUNT count]`.
pub fn sscan(call: &mut Call<'_>) -> Outcome {
    let key = call.word(1);
    let cursor = scan::cursor(call.word(2))?;
    let mut found: Vec<Box<[u8]>> = Vec::new();
    if call.keys.read_as::<Set>(key)?.is_none() {
        scan::reply_page(&mut call.reply, 0, &found);
        return Ok(());
    }
    let options = ScanOptions::parse(call, 3, OwnOption::None)?;
    let Some(set) = call.keys.again::<Set>(key) else { return Ok(()) };
    let mut take = |member: Member<'_>| {
        member.with_bytes(|bytes| {
            if options.wants(bytes) {
                found.push(bytes.into());
            }
        });
    };
    let next = match set {
        Set::Table(_) => options.walk(cursor, set.len(), |place| set.get(place).into_iter().for_each(&mut take)),
        // What is small is told at once.
        Set::Integers(_) | Set::Packed(_) => {
            set.iter().for_each(take);
            0
        }
    };
    scan::reply_page(&mut call.reply, next, &found);
    Ok(())
}

/// `SINTER key [key ...]`.
pub fn sinter(call: &mut Call<'_>) -> Outcome {
    let keys: Vec<&[u8]> = call.words(1).collect();
    read_all(&mut call.keys, &keys)?;
    let common: Vec<_> = intersection(&call.keys, &keys).collect();
    reply_set(&mut call.reply, common.into_iter());
    Ok(())
}

/// `SINTERCARD numkeys key [key ...] [LIMIT limit]`.
pub fn sintercard(call: &mut Call<'_>) -> Outcome {
    let num_keys = call.integer_from(1, 1, "ERR numkeys should be greater than 0")?;
    if num_keys > call.len() - 2 {
        return Err(CommandError::new("ERR Number of keys can't be greater than number of args"));
    }
    let mut limit = 0;
    let mut at = num_keys + 2;
    while at < call.len() {
        if !call.is_word(at, "LIMIT") || at + 1 == call.len() {
            return Err(CommandError::SYNTAX);
        }
        limit = call.integer_from(at + 1, 0, "ERR LIMIT can't be negative")?;
        at += 2;
    }
    let keys: Vec<&[u8]> = call.words(2).take(num_keys).collect();
    read_all(&mut call.keys, &keys)?;
    let count = intersection(&call.keys, &keys).take(if limit == 0 { usize::MAX } else { limit }).count();
    call.count(count)
}

/// `SINTERSTORE destination key [key ...]`.
pub fn sinterstore(call: &mut Call<'_>) -> Outcome {
    store(call, "sinterstore", |keys, names, limits| {
        let mut common = Set::default();
        for member in intersection(keys, names) {
            common.insert(member, limits);
        }
        common
    })
}

/// `SUNION key [key ...]`.
pub fn sunion(call: &mut Call<'_>) -> Outcome {
    reply_combined(call, union)
}

/// `SUNIONSTORE destination key [key ...]`.
pub fn sunionstore(call: &mut Call<'_>) -> Outcome {
    store(call, "sunionstore", union)
}

/// `SDIFF key [key ...]`.
pub fn sdiff(call: &mut Call<'_>) -> Outcome {
    reply_combined(call, difference)
}

/// `SDIFFSTORE destination key [key ...]`.
pub fn sdiffstore(call: &mut Call<'_>) -> Outcome {
    store(call, "sdiffstore", difference)
}

/// Makes one set of those at the keys, which have been read.
type Combine = fn(&Keys<'_>, &[&[u8]], &EncodingLimits) -> Set;

/// The members of all sets; none if one of the sets does not exist.
fn intersection<'k>(keys: &'k Keys<'_>, names: &[&[u8]]) -> impl Iterator<Item = Member<'k>> + use<'k> {
    let sets: Option<Vec<&Set>> = names.iter().map(|name| keys.again(name)).collect();
    set::intersection(sets.unwrap_or_default())
}

fn union(keys: &Keys<'_>, names: &[&[u8]], limits: &EncodingLimits) -> Set {
    let sets: Vec<&Set> = names.iter().filter_map(|name| keys.again(name)).collect();
    set::union(&sets, limits)
}

fn difference(keys: &Keys<'_>, names: &[&[u8]], limits: &EncodingLimits) -> Set {
    let Some(first) = names.first().and_then(|name| keys.again::<Set>(name)) else { return Set::default() };
    let others: Vec<&Set> = names.iter().skip(1).filter_map(|name| keys.again(name)).collect();
    set::difference(first, &others, limits)
}

fn reply_combined(call: &mut Call<'_>, combine: Combine) -> Outcome {
    let keys: Vec<&[u8]> = call.words(1).collect();
    read_all(&mut call.keys, &keys)?;
    let combined = combine(&call.keys, &keys, &call.keys.limits());
    reply_set(&mut call.reply, combined.iter());
    Ok(())
}

fn store(call: &mut Call<'_>, event: &'static str, combine: Combine) -> Outcome {
    let (destination, keys) = (call.word(1), call.words(2).collect::<Vec<_>>());
    read_all(&mut call.keys, &keys)?;
    let combined = combine(&call.keys, &keys, &call.keys.limits());
    let len = combined.len();
    if len > 0 {
        call.keys.replace(destination, combined.into_value());
        call.keys.changed(EventClasses::SET, event, destination);
    } else if call.keys.remove(destination).is_some() {
        call.keys.notify(EventClasses::GENERIC, "del", destination);
    }
    call.count(len)
}

/// Reads all keys, so that what is there can be looked at side by side; each of them has to be a set or missing.
fn read_all(keys: &mut Keys<'_>, names: &[&[u8]]) -> Outcome {
    names.iter().try_for_each(|name| keys.read_as::<Set>(name).map(drop))
}

fn reply_set<'m>(reply: &mut ReplyWriter<'_>, members: impl ExactSizeIterator<Item = Member<'m>>) {
    reply.set(members.len());
    members.for_each(|member| reply_member(reply, Some(member)));
}

fn reply_member(reply: &mut ReplyWriter<'_>, member: Option<Member<'_>>) {
    member.into_iter().for_each(|member| {
        member.with_bytes(|bytes| {
            reply.bulk(bytes);
        });
    });
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use fanfare_wire::Protocol;

    use super::*;
    use crate::testing::{Bench, Command};

    #[test]
    fn commands_reply_and_report_as_redis_does() {
        let steps: &[(Command, &str, &str, &[&str])] = &[
            (sadd, "sadd a 1 2 2 3", ":3", &["new a", "sadd a"]),
            (sadd, "sadd a 1", ":0", &[]),
            (srem, "srem a 9", ":0", &[]),
            (srem, "srem a 3", ":1", &["srem a"]),
            (scard, "scard a", ":2", &[]),
            (scard, "scard none", ":0", &["keymiss none"]),
            (sismember, "sismember a 01", ":0", &[]),
            (smismember, "smismember a 1 x 2", "*3 :1 :0 :1", &[]),
            (smismember, "smismember none 1 2", "*2 :0 :0", &["keymiss none"]),
            (smembers, "smembers a", "*2 $1 1 $1 2", &[]),
            (smove, "smove a a 9", ":0", &[]),
            (smove, "smove a a 1", ":1", &[]),
            (smove, "smove a b 9", ":0", &[]),
            (smove, "smove a b 1", ":1", &["srem a", "new b", "sadd b"]),
            (sadd, "sadd b 2", ":1", &["sadd b"]),
            (smove, "smove a b 2", ":1", &["srem a", "del a"]),
            (smove, "smove a b 2", ":0", &[]),
            (sadd, "sadd c 2 3", ":2", &["new c", "sadd c"]),
            (sinter, "sinter b c", "*1 $1 2", &[]),
            (sinter, "sinter b none", "*0", &["keymiss none"]),
            (sunion, "sunion none b c", "*3 $1 1 $1 2 $1 3", &["keymiss none"]),
            (sdiff, "sdiff c b none", "*1 $1 3", &["keymiss none"]),
            (sdiff, "sdiff c c", "*0", &[]),
            (sintercard, "sintercard 2 b c", ":1", &[]),
            (sintercard, "sintercard 1 b limit 1", ":1", &[]),
            (sintercard, "sintercard 0 b", "-ERR numkeys should be greater than 0", &[]),
            (sintercard, "sintercard 2 b", "-ERR Number of keys can't be greater than number of args", &[]),
            (sintercard, "sintercard 1 b limit -1", "-ERR LIMIT can't be negative", &[]),
            (sintercard, "sintercard 1 b top 1", "-ERR syntax error", &[]),
            (sunionstore, "sunionstore d b c", ":3", &["new d", "sunionstore d"]),
            (sinterstore, "sinterstore d b c", ":1", &["overwritten d", "sinterstore d"]),
            (sdiffstore, "sdiffstore d b b", ":0", &["del d"]),
            (sdiffstore, "sdiffstore d b b", ":0", &[]),
            (spop, "spop c 0", "*0", &[]),
            (spop, "spop c -1", "-ERR value is out of range, must be positive", &[]),
            (spop, "spop none", "$-1", &[]),
            (srandmember, "srandmember none", "$-1", &["keymiss none"]),
            (srandmember, "srandmember none 2", "*0", &["keymiss none"]),
            (srem, "srem c 3", ":1", &["srem c"]),
            (srandmember, "srandmember c -3", "*3 $1 2 $1 2 $1 2", &[]),
            (srandmember, "srandmember c 3", "*1 $1 2", &[]),
            (srandmember, "srandmember c -9223372036854775807", "-ERR value is out of range", &[]),
            (spop, "spop c", "$1 2", &["spop c", "del c"]),
            (sscan, "sscan b 0 MATCH [2-9]", "*2 $1 0 *1 $1 2", &[]),
            (sscan, "sscan none 0 COUNT 0", "*2 $1 0 *0", &["keymiss none"]),
            (sscan, "sscan b x", "-ERR invalid cursor", &[]),
        ];
        let mut bench = Bench::new();
        for (command, words, reply, events) in steps {
            assert_eq!(bench.run(*command, words), *reply, "{words}");
            assert_eq!(bench.events(), *events, "{words}");
        }
        bench.protocol = Protocol::Resp3;
        for (command, words, reply) in [
            (smembers as Command, "smembers b", "~2 $1 1 $1 2"),
            (spop, "spop none 1", "~0"),
            (srandmember, "srandmember b 0", "*0"),
            (sunion, "sunion b", "~2 $1 1 $1 2"),
        ] {
            assert_eq!(bench.run(command, words), reply, "{words}");
        }
    }

    /// The members in a reply that begins with how many there are.
    fn members(reply: &str) -> Vec<String> {
        let members: Vec<String> = reply.split(' ').skip(2).step_by(2).map(str::to_owned).collect();
        assert_eq!(reply.split(' ').next(), Some(&*format!("*{}", members.len())));
        members
    }

    #[test]
    fn random_members_are_members_and_each_may_be_drawn() {
        // As integers, as one piece of memory, as a table.
        for prefix in ["", "m", &"m".repeat(100)] {
            let mut bench = Bench::new();
            let all: BTreeSet<String> = (0..20).map(|number| format!("{prefix}{number}")).collect();
            let words = all.iter().fold("sadd a".to_owned(), |words, member| words + " " + member);
            bench.run(sadd, &words);
            let mut seen = BTreeSet::new();
            for _ in 0..200 {
                let drawn = members(&bench.run(srandmember, "srandmember a 5"));
                assert_eq!(drawn.iter().collect::<BTreeSet<_>>().len(), 5, "they are different");
                seen.extend(drawn);
            }
            assert_eq!(seen, all);
            assert_eq!(members(&bench.run(srandmember, "srandmember a -50")).len(), 50);
            let mut popped = members(&bench.run(spop, "spop a 7"));
            assert_eq!(bench.run(scard, "scard a"), ":13");
            popped.extend(members(&bench.run(spop, "spop a 100")));
            assert_eq!(popped.into_iter().collect::<BTreeSet<_>>(), all);
            assert_eq!(bench.run(scard, "scard a"), ":0");
        }
    }

    #[test]
    fn a_scan_of_a_large_set_comes_in_pages() {
        let mut bench = Bench::new();
        let words = (0..300).fold("sadd a".to_owned(), |words, number| format!("{words} m{number}"));
        bench.run(sadd, &words);
        let (mut cursor, mut found, mut pages) = ("0".to_owned(), BTreeSet::new(), 0);
        loop {
            let reply = bench.run(sscan, &format!("sscan a {cursor} COUNT 25 MATCH m*"));
            let mut parts = reply.splitn(4, ' ');
            cursor = parts.nth(2).expect("a cursor").to_owned();
            found.extend(members(parts.next().expect("members")));
            pages += 1;
            if cursor == "0" {
                break;
            }
        }
        assert_eq!((found.len(), pages), (300, 12));
    }

    #[test]
    fn a_key_of_another_type_is_left_alone() {
        let mut bench = Bench::new();
        bench.run(crate::commands::lists::rpush, "rpush l 1");
        bench.run(sadd, "sadd a 1");
        bench.events();
        let wrong = format!("-{}", CommandError::WRONG_TYPE.text().escape_ascii());
        for (command, words) in [
            (sadd as Command, "sadd l 1"),
            (srem, "srem l 1"),
            (smove, "smove a l 1"),
            (smove, "smove l a 1"),
            (spop, "spop l"),
            (srandmember, "srandmember l 1"),
            (sscan, "sscan l 0 COUNT x"),
            (sinter, "sinter a l"),
            (sunionstore, "sunionstore a a l"),
            (sintercard, "sintercard 1 l"),
        ] {
            assert_eq!(bench.run(command, words), wrong, "{words}");
        }
        assert_eq!(bench.run(smembers, "smembers a"), "*1 $1 1");
        assert_eq!(bench.events(), [""; 0]);
        assert_eq!(bench.run(sinterstore, "sinterstore l a"), ":1");
        assert_eq!(bench.events(), ["overwritten l", "type_changed l", "sinterstore l"]);
    }
}
