//! Replies that describe commands: `COMMAND` and its subcommands, `ACL CAT`, and `HELP` of every container.
//!
//! Each function takes the whole request, its name included, as [`resolve`] does, and writes exactly one reply.

use fanfare_wire::{ReplyWriter, glob_match};

use super::{
    Argument, ArgumentKind, BeginSearch, COMMANDS, Categories, CommandSpec, FindKeys, Flags, KeyFlags, KeySpec,
    LookupError, lookup_full_name, resolve,
};

/// Answers `COMMAND` and `COMMAND INFO [name ...]`; a name that does not exist gives a null.
pub fn command_info(args: &[&[u8]], reply: &mut ReplyWriter<'_>) {
    let Some(names @ [_, ..]) = args.get(2..) else {
        reply.array(COMMANDS.len());
        for spec in &COMMANDS {
            write_info(spec, reply);
        }
        return;
    };
    reply.array(names.len());
    for name in names {
        match lookup_full_name(name) {
            Some(spec) => write_info(spec, reply),
            None => {
                reply.null_array();
            }
        }
    }
}

/// Answers `COMMAND COUNT`.
pub fn command_count(reply: &mut ReplyWriter<'_>) {
    reply.integer(COMMANDS.len() as i64);
}

/// Answers `COMMAND DOCS [name ...]`; a name that does not exist is left out.
pub fn command_docs(args: &[&[u8]], reply: &mut ReplyWriter<'_>) {
    let specs: Vec<&CommandSpec> = match args.get(2..) {
        Some(names @ [_, ..]) => names.iter().filter_map(|name| lookup_full_name(name)).collect(),
        _ => COMMANDS.iter().collect(),
    };
    reply.map(specs.len());
    for spec in specs {
        write_docs(spec, reply);
    }
}

/// Answers `COMMAND LIST [FILTERBY ACLCAT|MODULE|PATTERN value]`; with a filter, subcommands are listed too.
pub fn command_list(args: &[&[u8]], reply: &mut ReplyWriter<'_>) {
    let (by, value) = match args {
        [_, _] => return write_names(COMMANDS.iter(), reply),
        [_, _, keyword, by, value] if keyword.eq_ignore_ascii_case(b"filterby") => (by.to_ascii_lowercase(), *value),
        _ => (Vec::new(), &b""[..]),
    };
    match &by[..] {
        b"aclcat" => {
            let category = Categories::by_name(value);
            write_names(every().filter(|spec| category.is_some_and(|it| spec.categories.contains(it))), reply);
        }
        // There are no modules, so no command is of one.
        b"module" => write_names([].into_iter(), reply),
        b"pattern" => {
            // Names are lower case; folding the pattern makes the match ignore case.
            let pattern = value.to_ascii_lowercase();
            write_names(every().filter(|spec| glob_match(&pattern, spec.full_name.as_bytes())), reply);
        }
        _ => {
            reply.error("ERR syntax error");
        }
    }
}

/// Answers `COMMAND GETKEYS command [arg ...]`.
pub fn command_get_keys(args: &[&[u8]], reply: &mut ReplyWriter<'_>) {
    let request = args.get(2..).unwrap_or_default();
    match keys_of(request) {
        Ok(keys) => {
            reply.array(keys.len());
            for (key, _) in keys {
                reply.bulk(key);
            }
        }
        Err(text) => {
            reply.error(text);
        }
    }
}

/// Answers `COMMAND GETKEYSANDFLAGS command [arg ...]`.
pub fn command_get_keys_and_flags(args: &[&[u8]], reply: &mut ReplyWriter<'_>) {
    let request = args.get(2..).unwrap_or_default();
    match keys_of(request) {
        Ok(keys) => {
            reply.array(keys.len());
            for (key, flags) in keys {
                reply.array(2);
                reply.bulk(key);
                write_words(flags.names(), reply);
            }
        }
        Err(text) => {
            reply.error(text);
        }
    }
}

/// Answers `ACL CAT [category]`.
pub fn acl_cat(args: &[&[u8]], reply: &mut ReplyWriter<'_>) {
    match args {
        [_, _] => {
            let names = Categories::every().names();
            reply.array(names.clone().count());
            for name in names {
                reply.bulk(name.as_bytes());
            }
        }
        [_, _, name] => match Categories::by_name(name) {
            Some(category) => write_names(every().filter(|spec| spec.categories.contains(category)), reply),
            None => {
                reply.error_bytes(&[b"ERR Unknown category '", *name, b"'"].concat());
            }
        },
        _ => {
            reply.error("ERR unknown subcommand or wrong number of arguments for 'CAT'. Try ACL HELP.");
        }
    }
}

/// Answers `HELP` of a container: an array of lines in Redis's layout.
pub fn help(container: &CommandSpec, reply: &mut ReplyWriter<'_>) {
    let lines = help_lines(container);
    reply.array(lines.len());
    for line in &lines {
        reply.simple(line);
    }
}

fn help_lines(container: &CommandSpec) -> Vec<String> {
    let name = container.full_name.to_ascii_uppercase();
    let mut lines = vec![format!("{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")];
    if container.accepts_word_count(1) {
        lines.push("(no subcommand)".to_owned());
        lines.push(format!("    {}.", container.summary));
    }
    for sub in container.subcommands.iter().filter(|sub| sub.name != "help") {
        let name = sub.name.to_ascii_uppercase();
        lines.push(format!("{name} {}", sub.syntax()).trim_end().to_owned());
        lines.push(format!("    {}.", sub.summary));
    }
    lines.push("HELP".to_owned());
    lines.push("    Prints this help.".to_owned());
    lines
}

/// The keys of a request and what it does to them, or the text of Redis's refusal.
fn keys_of<'r>(request: &[&'r [u8]]) -> Result<Vec<(&'r [u8], KeyFlags)>, &'static str> {
    let has_keys = |spec: &CommandSpec| spec.keys.iter().any(|keys| !keys.is_not_key());
    let spec = resolve(request).map_err(|error| match error {
        LookupError::Arity(spec) if has_keys(spec) => "ERR Invalid number of arguments specified for command",
        LookupError::Arity(_) => NO_KEYS,
        _ => "ERR Invalid command specified",
    })?;
    if !has_keys(spec) {
        return Err(NO_KEYS);
    }
    let mut keys = Vec::new();
    for key_spec in spec.keys.iter().filter(|keys| !keys.is_not_key()) {
        let flags = key_spec.flags_for(request);
        let positions = key_spec.positions(request).ok_or(NO_SUCH_KEYS)?;
        keys.extend(positions.map(|at| (request[at], flags)));
    }
    if keys.is_empty() && !spec.flags.contains(Flags::NO_MANDATORY_KEYS) { Err(NO_SUCH_KEYS) } else { Ok(keys) }
}

fn write_info(spec: &CommandSpec, reply: &mut ReplyWriter<'_>) {
    reply.array(10);
    reply.bulk(spec.full_name.as_bytes());
    reply.integer(i64::from(spec.arity));
    write_words(spec.flags.names(), reply);
    let (first, last, step) = KeySpec::word_range(spec.keys);
    reply.integer(first);
    reply.integer(last);
    reply.integer(step);
    let categories = spec.categories.names();
    reply.set(categories.clone().count());
    for category in categories {
        reply.simple(&format!("@{category}"));
    }
    reply.set(spec.tips.len());
    for tip in spec.tips {
        reply.bulk(tip.as_bytes());
    }
    reply.set(spec.keys.len());
    for keys in spec.keys {
        write_key_spec(keys, reply);
    }
    // Redis sends a set that is always empty, or an array.
    if spec.is_container() {
        reply.array(spec.subcommands.len());
    } else {
        reply.set(0);
    }
    for sub in spec.subcommands {
        write_info(sub, reply);
    }
}

fn write_key_spec(keys: &KeySpec, reply: &mut ReplyWriter<'_>) {
    reply.map(3 + usize::from(keys.notes.is_some()));
    if let Some(notes) = keys.notes {
        write_field("notes", notes, reply);
    }
    reply.bulk(b"flags");
    write_words(keys.flags.names(), reply);
    reply.bulk(b"begin_search");
    match keys.begin {
        BeginSearch::Index(at) => {
            write_search("index", 1, reply);
            write_number("index", at as i64, reply);
        }
        BeginSearch::Keyword { keyword, start_from } => {
            write_search("keyword", 2, reply);
            write_field("keyword", keyword, reply);
            write_number("startfrom", start_from as i64, reply);
        }
    }
    reply.bulk(b"find_keys");
    match keys.find {
        FindKeys::Keynum { keynum_index, first_key, step } => {
            write_search("keynum", 3, reply);
            write_number("keynumidx", keynum_index as i64, reply);
            write_number("firstkey", first_key as i64, reply);
            write_number("keystep", step as i64, reply);
        }
        FindKeys::Range { last, step, limit } => {
            write_search("range", 3, reply);
            write_number("lastkey", i64::from(last), reply);
            write_number("keystep", step as i64, reply);
            write_number("limit", limit as i64, reply);
        }
    }
}

/// Starts a search of that type, up to its fields.
fn write_search(kind: &str, fields: usize, reply: &mut ReplyWriter<'_>) {
    reply.map(2);
    write_field("type", kind, reply);
    reply.bulk(b"spec");
    reply.map(fields);
}

fn write_docs(spec: &CommandSpec, reply: &mut ReplyWriter<'_>) {
    reply.bulk(spec.full_name.as_bytes());
    let deprecation_fields = if spec.deprecated.is_some() { 3 } else { 0 };
    let optional_fields = usize::from(!spec.arguments.is_empty()) + usize::from(spec.is_container());
    reply.map(4 + deprecation_fields + optional_fields);
    write_field("summary", spec.summary, reply);
    write_field("since", spec.since, reply);
    write_field("group", spec.group.name(), reply);
    write_field("complexity", spec.complexity, reply);
    if let Some(deprecation) = spec.deprecated {
        reply.bulk(b"doc_flags");
        write_words(["deprecated"].into_iter(), reply);
        write_field("deprecated_since", deprecation.since, reply);
        write_field("replaced_by", deprecation.replaced_by, reply);
    }
    if !spec.arguments.is_empty() {
        write_arguments(spec.arguments, reply);
    }
    if spec.is_container() {
        reply.bulk(b"subcommands");
        reply.map(spec.subcommands.len());
        for sub in spec.subcommands {
            write_docs(sub, reply);
        }
    }
}

fn write_arguments(arguments: &[Argument], reply: &mut ReplyWriter<'_>) {
    reply.bulk(b"arguments");
    reply.array(arguments.len());
    for argument in arguments {
        let is_key = argument.kind == ArgumentKind::Key;
        let is_flagged = argument.optional || argument.multiple;
        let has_parts = !argument.parts.is_empty();
        let optional_fields = [
            is_key,
            argument.token.is_some(),
            argument.since.is_some(),
            argument.deprecated_since.is_some(),
            is_flagged,
            has_parts,
        ];
        reply.map(2 + optional_fields.iter().filter(|present| **present).count());
        write_field("name", argument.name, reply);
        write_field("type", argument.kind.name(), reply);
        if is_key {
            write_number("key_spec_index", argument.key_spec as i64, reply);
        }
        if let Some(token) = argument.token {
            write_field("token", token, reply);
        }
        if let Some(since) = argument.since {
            write_field("since", since, reply);
        }
        if let Some(since) = argument.deprecated_since {
            write_field("deprecated_since", since, reply);
        }
        if is_flagged {
            let optional = argument.optional.then_some("optional");
            let multiple = argument.multiple.then_some("multiple");
            reply.bulk(b"flags");
            let token = argument.multiple_token.then_some("multiple_token");
            write_words(optional.into_iter().chain(multiple).chain(token), reply);
        }
        if has_parts {
            write_arguments(argument.parts, reply);
        }
    }
}

fn write_field(name: &str, value: &str, reply: &mut ReplyWriter<'_>) {
    reply.bulk(name.as_bytes());
    reply.bulk(value.as_bytes());
}

fn write_number(name: &str, value: i64, reply: &mut ReplyWriter<'_>) {
    reply.bulk(name.as_bytes());
    reply.integer(value);
}

fn write_words<'w>(words: impl Iterator<Item = &'w str> + Clone, reply: &mut ReplyWriter<'_>) {
    reply.set(words.clone().count());
    for word in words {
        reply.simple(word);
    }
}

fn write_names(specs: impl Iterator<Item = &'static CommandSpec>, reply: &mut ReplyWriter<'_>) {
    let names: Vec<&str> = specs.map(|spec| spec.full_name).collect();
    reply.array(names.len());
    for name in names {
        reply.bulk(name.as_bytes());
    }
}

/// Every command, each container followed by its subcommands.
fn every() -> impl Iterator<Item = &'static CommandSpec> {
    COMMANDS.iter().flat_map(|spec| std::iter::once(spec).chain(spec.subcommands))
}

const NO_KEYS: &str = "ERR The command has no key arguments";
const NO_SUCH_KEYS: &str = "ERR Invalid arguments specified for command";

#[cfg(test)]
mod tests {
    use fanfare_wire::{DecodeLimits, Protocol, Value, decode};

    use super::*;

    /// Runs an encoder and requires exactly one well-formed reply, in both protocols; gives the RESP3 one.
    fn answer(encoder: impl Fn(&[&[u8]], &mut ReplyWriter<'_>), request: &str) -> Value {
        let args: Vec<&[u8]> = request.split(' ').map(str::as_bytes).collect();
        let [_, resp3] = [Protocol::Resp2, Protocol::Resp3].map(|protocol| {
            let mut out = Vec::new();
            encoder(&args, &mut ReplyWriter::new(&mut out, protocol));
            let (value, taken) = decode(&out, &DecodeLimits::default()).unwrap().unwrap();
            assert_eq!(taken, out.len(), "one reply to {request}");
            value
        });
        resp3
    }

    fn elements(value: &Value) -> Vec<String> {
        let (Value::Array(values) | Value::Set(values)) = value else { panic!("{value:?}") };
        let text = |value: &Value| match value {
            Value::Bulk(text) | Value::Simple(text) => String::from_utf8(text.clone()).unwrap(),
            other => format!("{other:?}"),
        };
        values.iter().map(text).collect()
    }

    fn error(text: &str) -> Value {
        Value::Error(text.as_bytes().to_vec())
    }

    #[test]
    fn info_reports_the_row() {
        let Value::Array(all) = answer(command_info, "COMMAND") else { panic!("an array") };
        assert_eq!(all.len(), COMMANDS.len());
        let Value::Array(some) = answer(command_info, "COMMAND INFO publish nope CLIENT|KILL") else {
            panic!("an array")
        };
        assert_eq!((some.len(), &some[1]), (3, &Value::Null));
        let Value::Array(publish) = &some[0] else { panic!("an array") };
        assert_eq!(publish[..2], [Value::Bulk(b"publish".to_vec()), Value::Integer(3)]);
        assert_eq!(elements(&publish[2]), ["pubsub", "loading", "stale", "fast"]);
        assert_eq!(publish[3..6], [Value::Integer(0), Value::Integer(0), Value::Integer(0)]);
        assert_eq!(elements(&publish[6]), ["@pubsub", "@fast"]);
    }

    #[test]
    fn info_reports_the_forms_of_key_specs() {
        for (name, expected) in [
            (
                "lmove",
                "1 2 1 @write @list @slow \
                 flags RW access delete begin_search type index spec index 1 \
                 find_keys type range spec lastkey 0 keystep 1 limit 0 \
                 flags RW insert begin_search type index spec index 2 \
                 find_keys type range spec lastkey 0 keystep 1 limit 0",
            ),
            (
                "sintercard",
                "0 0 0 @read @set @slow \
                 flags RO access begin_search type index spec index 1 \
                 find_keys type keynum spec keynumidx 0 firstkey 1 keystep 1",
            ),
            (
                "xread",
                "0 0 0 @read @stream @slow @blocking \
                 flags RO access begin_search type keyword spec keyword STREAMS startfrom 1 \
                 find_keys type range spec lastkey -1 keystep 1 limit 2",
            ),
        ] {
            let Value::Array(rows) = answer(command_info, &format!("COMMAND INFO {name}")) else { panic!("an array") };
            let Value::Array(fields) = &rows[0] else { panic!("an array") };
            let words: Vec<String> = fields[3..].iter().flat_map(words).collect();
            assert_eq!(words.join(" "), expected);
        }
    }

    /// Everything in a value, one after the other.
    fn words(value: &Value) -> Vec<String> {
        match value {
            Value::Array(values) | Value::Set(values) => values.iter().flat_map(words).collect(),
            Value::Map(fields) => {
                fields.iter().flat_map(|(name, value)| [words(name), words(value)].concat()).collect()
            }
            Value::Bulk(text) | Value::Simple(text) => vec![String::from_utf8(text.clone()).unwrap()],
            Value::Integer(number) => vec![number.to_string()],
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn docs_leave_out_what_does_not_exist() {
        let Value::Map(all) = answer(command_docs, "COMMAND DOCS") else { panic!("a map") };
        assert_eq!(all.len(), COMMANDS.len());
        let Value::Map(some) = answer(command_docs, "COMMAND DOCS nope client|id cluster") else { panic!("a map") };
        let names: Vec<_> = some.into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, [Value::Bulk(b"client|id".to_vec()), Value::Bulk(b"cluster".to_vec())]);
    }

    #[test]
    fn list_filters() {
        assert_eq!(elements(&answer(command_list, "COMMAND LIST")).len(), COMMANDS.len());
        let list = |filter: &str| elements(&answer(command_list, &format!("COMMAND LIST FILTERBY {filter}")));
        assert_eq!(list("pattern [P-S]ING"), ["ping"]);
        assert_eq!(list("PATTERN client|se*"), ["client|setname", "client|setinfo"]);
        assert_eq!(list("ACLCAT Transaction"), ["multi", "exec", "discard", "watch", "unwatch"]);
        assert!(list("ACLCAT nope").is_empty() && list("MODULE x").is_empty());
        for request in ["COMMAND LIST x", "COMMAND LIST FILTERBY x y", "COMMAND LIST FILTERBY MODULE"] {
            assert_eq!(answer(command_list, request), error("ERR syntax error"));
        }
    }

    #[test]
    fn get_keys_picks_keys_or_says_why_not() {
        for (request, keys) in [
            ("MEMORY USAGE k samples 5", &["k"][..]),
            ("mset a 1 b 2", &["a", "b"]),
            ("zunionstore d 2 a b WEIGHTS 1 2", &["d", "a", "b"]),
            ("xread count 1 streams a b 0 0", &["a", "b"]),
        ] {
            assert_eq!(elements(&answer(command_get_keys, &format!("COMMAND GETKEYS {request}"))), keys);
        }
        for (request, text) in [
            ("publish a b", "ERR The command has no key arguments"),
            ("spublish a b", "ERR The command has no key arguments"),
            ("memory usage", "ERR Invalid number of arguments specified for command"),
            ("lmpop 5 a LEFT", "ERR Invalid arguments specified for command"),
            ("xread count 1 a 0", "ERR Invalid arguments specified for command"),
            ("memory nope", "ERR Invalid command specified"),
            ("nope x", "ERR Invalid command specified"),
        ] {
            assert_eq!(answer(command_get_keys, &format!("COMMAND GETKEYS {request}")), error(text));
            let request = format!("COMMAND GETKEYSANDFLAGS {request}");
            assert_eq!(answer(command_get_keys_and_flags, &request), error(text));
        }
        let flags = answer(command_get_keys_and_flags, "COMMAND GETKEYSANDFLAGS memory usage k");
        let pair = vec![Value::Bulk(b"k".to_vec()), Value::Set(vec![Value::Simple(b"RO".to_vec())])];
        assert_eq!(flags, Value::Array(vec![Value::Array(pair)]));
    }

    #[test]
    fn acl_cat_lists_categories_and_commands() {
        assert_eq!(elements(&answer(acl_cat, "ACL CAT")).len(), 21);
        assert!(elements(&answer(acl_cat, "ACL CAT pubsub")).contains(&"pubsub|numsub".to_owned()));
        assert_eq!(answer(acl_cat, "ACL CAT zz"), error("ERR Unknown category 'zz'"));
    }

    #[test]
    fn help_lists_every_subcommand() {
        for container in COMMANDS.iter().filter(|spec| spec.is_container()) {
            let lines = elements(&answer(|_, reply| help(container, reply), "HELP"));
            assert!(lines[0].ends_with(" <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
            for sub in container.subcommands {
                assert!(lines.iter().any(|line| line.starts_with(&sub.name.to_ascii_uppercase())), "{}", sub.full_name);
            }
            assert_eq!(lines[lines.len() - 2..], ["HELP", "    Prints this help."]);
        }
    }
}
