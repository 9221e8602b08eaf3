use std::io;

use proptest::prelude::*;

use super::file::directive;
use super::foreign::{NO_EFFECT, REFUSED, no_effect};
use super::*;

fn no_include(_: &str) -> io::Result<String> {
    Err(io::Error::from(io::ErrorKind::NotFound))
}

fn parse(text: &str) -> Result<(Settings, Vec<Warning>), FileError> {
    parse_file(text, "fanfare.conf", Settings::default(), &mut no_include)
}

fn parsed(text: &str) -> Settings {
    parse(text).unwrap().0
}

/// The reply to a CONFIG SET against the defaults.
fn config_set(pairs: &[(&str, &str)]) -> Result<Settings, String> {
    let pairs: Vec<(&[u8], &[u8])> = pairs.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
    Settings::default().apply_at_runtime(&pairs)
}

fn refused(name: &str, value: &str) -> String {
    let reply = config_set(&[(name, value)]).unwrap_err();
    let head = format!("ERR CONFIG SET failed (possibly related to argument '{}') - ", name.to_ascii_lowercase());
    reply.strip_prefix(&head).unwrap_or(&reply).to_owned()
}

#[test]
fn every_default_parses_and_is_what_get_prints() {
    for setting in SETTINGS {
        let mut settings = Settings::default();
        setting.set(&mut settings, setting.default.as_bytes()).unwrap();
        assert_eq!(settings, Settings::default(), "{}", setting.name);
    }
    let printed = |name: &str| Settings::default().get(name).unwrap();
    assert_eq!(printed("client-query-buffer-limit"), "1073741824");
    assert_eq!(printed("proto-max-bulk-len"), "536870912");
    assert_eq!(printed("protected-mode"), "yes");
    assert_eq!(printed("unixsocketperm"), "0");
    assert_eq!(printed("loglevel"), "notice");
    assert_eq!(printed("requirepass"), "");
    assert_eq!(
        printed("client-output-buffer-limit"),
        "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60"
    );
}

#[test]
fn names_are_unique_lower_case_and_short() {
    for (at, setting) in SETTINGS.iter().enumerate() {
        assert_eq!(setting.name, setting.name.to_ascii_lowercase());
        assert!(setting.name.len() <= NAME_BYTES_MAX, "{}", setting.name);
        assert!(SETTINGS[..at].iter().all(|other| other.name != setting.name), "{}", setting.name);
        assert!(setting.doc.ends_with('.') && !setting.doc.contains('|'), "{}", setting.name);
        assert_eq!(no_effect(setting.name), None, "{}", setting.name);
    }
}

/// Settings that all differ from the defaults.
fn all_changed() -> Settings {
    let mut settings = Settings::default();
    for setting in SETTINGS {
        let value = match setting.kind {
            Kind::Addresses => "* -::*",
            Kind::Choice(words) => words.iter().rfind(|word| **word != setting.default).unwrap(),
            Kind::EventClasses => "lKEm",
            Kind::Integer { .. } => "12",
            Kind::Memory { .. } => "1500001",
            Kind::Octal { .. } => "750",
            Kind::OutputLimits => "pubsub 1mb 2kb 3 replica 5 6 7",
            Kind::Secret | Kind::Text => "a \"b\\ 'c' \u{e9}\n#",
            Kind::YesNo if setting.default == "no" => "yes",
            Kind::YesNo => "no",
        };
        settings.set(setting.name, value).unwrap();
    }
    settings
}

#[test]
fn what_get_prints_can_be_set() {
    let changed = all_changed();
    for setting in SETTINGS {
        let mut settings = Settings::default();
        assert_ne!(setting.get(&settings), setting.get(&changed), "{}", setting.name);
        setting.set(&mut settings, &setting.get(&changed)).unwrap();
        assert_eq!(setting.get(&settings), setting.get(&changed), "{}", setting.name);
    }
}

#[test]
fn what_rewrite_writes_can_be_read() {
    for settings in [Settings::default(), all_changed()] {
        let lines: Vec<String> = SETTINGS.iter().map(|setting| directive(setting, &settings)).collect();
        assert_eq!(parsed(&lines.join("\n")), settings);
    }
    assert_eq!(parsed("bind \"\"").bind, Vec::<String>::new());
}

#[test]
fn runtime_refusals_are_those_of_redis() {
    let unknown = |name| format!("ERR Unknown option or number of arguments for CONFIG SET - '{name}'");
    assert_eq!(config_set(&[("nosuch", "1")]).unwrap_err(), unknown("nosuch"));
    assert_eq!(config_set(&[("a\r\nb", "1")]).unwrap_err(), unknown("a  b"));
    assert_eq!(config_set(&[("maxclients", "x"), ("nosuch", "1")]).unwrap_err(), unknown("nosuch"));

    let failed = |name, reason| format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}");
    let immutable = "can't set immutable config";
    assert_eq!(config_set(&[("Databases", "4")]).unwrap_err(), failed("Databases", immutable));
    assert_eq!(config_set(&[("databases", "x"), ("nosuch", "1")]).unwrap_err(), failed("databases", immutable));
    assert_eq!(
        config_set(&[("tcp-backlog", "1"), ("tcp-backlog", "2")]).unwrap_err(),
        failed("tcp-backlog", immutable)
    );
    assert_eq!(
        config_set(&[("TIMEOUT", "5"), ("Timeout", "6")]).unwrap_err(),
        failed("Timeout", "duplicate parameter")
    );
    assert_eq!(
        config_set(&[("loglevel", "foo"), ("maxclients", "abc")]).unwrap_err(),
        failed("loglevel", "argument(s) must be one of the following: debug, verbose, notice, warning, nothing")
    );
    assert_eq!(
        config_set(&[("MAXCLIENTS", "abc")]).unwrap_err(),
        failed("maxclients", "argument couldn't be parsed into an integer")
    );
}

#[test]
fn value_refusals_are_those_of_redis() {
    let not_integer = "argument couldn't be parsed into an integer";
    for value in ["abc", "", " 5", "5 ", "+5", "05", "-0", "-", "1k", "99999999999999999999", "1 2"] {
        assert_eq!(refused("timeout", value), not_integer, "{value:?}");
    }
    let between = |min: &str, max: &str| format!("argument must be between {min} and {max} inclusive");
    assert_eq!(refused("timeout", "-1"), between("0", "2147483647"));
    assert_eq!(refused("timeout", "2147483648"), between("0", "2147483647"));
    assert_eq!(refused("maxclients", "0"), between("1", "4294967295"));
    assert_eq!(refused("maxclients", "4294967296"), between("1", "4294967295"));
    assert_eq!(refused("slowlog-max-len", "-1"), between("0", "9223372036854775807"));
    assert_eq!(refused("slowlog-log-slower-than", "-2"), between("-1", "9223372036854775807"));
    for value in ["1", "", "1m", "99999999999999999999", "99999999999gb"] {
        assert_eq!(refused("proto-max-bulk-len", value), between("1048576", "1073741824"), "{value:?}");
        let limit = refused("client-query-buffer-limit", value);
        assert_eq!(limit, between("1048576", "9223372036854775807"), "{value:?}");
    }
    for value in ["1tb", "1.5mb", "-5", "1gbx", "1mb "] {
        assert_eq!(refused("proto-max-bulk-len", value), "argument must be a memory value", "{value:?}");
    }
    assert_eq!(refused("protected-mode", "maybe"), "argument must be 'yes' or 'no'");
}

#[test]
fn octal_modes_are_refused_as_by_redis() {
    let refused = |value| Settings::default().set("unixsocketperm", value).unwrap_err().to_string();
    assert_eq!(refused("800"), "setting 'unixsocketperm': argument couldn't be parsed as an octal number");
    assert_eq!(refused("1000"), "setting 'unixsocketperm': argument must be between 0 and 777 inclusive");
    let mut settings = Settings::default();
    settings.set("unixsocketperm", "0770").unwrap();
    assert_eq!((settings.unixsocketperm, settings.get("unixsocketperm").unwrap()), (0o770, "770".into()));
}

#[test]
fn memory_units_are_those_of_redis() {
    for (text, bytes) in [("010mb", 10 << 20), ("2097152b", 2 << 20), ("2097152", 2 << 20), ("3M", 3_000_000)] {
        assert_eq!(config_set(&[("proto-max-bulk-len", text)]).unwrap().proto_max_bulk_len, bytes, "{text}");
    }
}

#[test]
fn output_limits_change_only_the_classes_named() {
    let name = "client-output-buffer-limit";
    let get = |value| config_set(&[(name, value)]).unwrap().get(name).unwrap();
    assert_eq!(
        get("pubsub 1mb 2mb 3 NORMAL 1k 2k 3"),
        "normal 1000 2000 3 slave 268435456 67108864 60 pubsub 1048576 2097152 3"
    );
    assert_eq!(get("replica 1gb 0 0"), "normal 0 0 0 slave 1073741824 0 0 pubsub 33554432 8388608 60");
    assert_eq!(get(""), Settings::default().get(name).unwrap());

    let wrong_count = "Wrong number of arguments in buffer limit configuration.";
    assert_eq!(refused(name, "normal 0 0"), wrong_count);
    assert_eq!(refused(name, "normal  1mb 0 0"), wrong_count);
    let wrong_class = "Invalid client class specified in buffer limit configuration.";
    assert_eq!(refused(name, "foo 0 0 0"), wrong_class);
    assert_eq!(refused(name, "normal 1 1 1 master 1 0 1"), wrong_class);
    let wrong_value = "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
    for value in ["normal 1mb 0 -1", "normal 1x 0 1", "pubsub 1mb 2mb 3x", "pubsub -1 2mb 3"] {
        assert_eq!(refused(name, value), wrong_value, "{value}");
    }
}

#[test]
fn bind_takes_sixteen_addresses() {
    let mut settings = Settings::default();
    settings.set("bind", "  10.0.0.1 -::1 ").unwrap();
    assert_eq!(settings.bind, ["10.0.0.1", "-::1"]);
    assert_eq!(settings.get("bind").unwrap(), "10.0.0.1 -::1");
    settings.set("BIND", &"a ".repeat(16)).unwrap();
    let error = settings.set("bind", &"a ".repeat(17)).unwrap_err();
    assert_eq!(error.to_string(), "setting 'bind': Too many bind addresses specified.");
}

#[test]
fn a_failed_config_set_changes_nothing_and_a_good_one_all() {
    assert!(config_set(&[("maxclients", "200"), ("loglevel", "foo")]).is_err());
    let settings = config_set(&[("maxclients", "200"), ("LogLevel", "DEBUG")]).unwrap();
    assert_eq!((settings.maxclients, settings.loglevel), (200, LogLevel::Debug));
    assert_eq!(config_set(&[]).unwrap(), Settings::default());
}

#[test]
fn passwords_are_bytes_and_not_in_debug_output() {
    let settings = Settings::default().apply_at_runtime(&[(b"requirepass", b"s\xffcret")]).unwrap();
    assert_eq!(settings.requirepass.as_bytes(), b"s\xffcret");
    assert_eq!(settings.matching(b"requirepass").next(), Some(("requirepass", b"s\xffcret".to_vec())));
    assert!(!format!("{settings:?}").contains("cret"));
}

#[test]
fn config_get_matches_without_regard_to_case() {
    let settings = Settings::default();
    let names = |globs: &[&[u8]]| settings.matching_any(globs).map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(&[b"MAXCL*"]), ["maxclients"]);
    assert_eq!(names(&[b"timeout", b"maxc*", b"MaxClients", b"nosuch"]), ["maxclients", "timeout"]);
    assert_eq!(names(&[b"*"]).len(), SETTINGS.len() + OLD_NAMES.len());
    assert_eq!(names(&[b"hash-max-z*-entries"]), ["hash-max-ziplist-entries"]);
    assert_eq!(settings.matching(b"tcp-[a-k]*").count(), 2);
    assert_eq!(settings.matching(b"nosuch").count(), 0);
}

#[test]
fn unknown_names_come_with_a_hint() {
    let error = |name| Settings::default().set(name, "1").unwrap_err().to_string();
    assert_eq!(error("prot"), "unknown setting 'prot', did you mean 'port'?");
    assert_eq!(error("max_clients"), "unknown setting 'max_clients', did you mean 'maxclients'?");
    assert_eq!(error("tcp_keepalive"), "unknown setting 'tcp_keepalive', did you mean 'tcp-keepalive'?");
    assert_eq!(error("wrokers"), "unknown setting 'wrokers', did you mean 'workers'?");
    assert_eq!(error("x"), "unknown setting 'x'");
    assert_eq!(error(""), "unknown setting ''");
}

#[test]
fn a_file_is_read_as_redis_reads_it() {
    let text = "\u{feff}# comment\r\n\r\n  PORT 7000\r\n\tbind 127.0.0.1 '-::1'\n\
        client-output-buffer-limit pubsub 64mb 16mb 30\nclient-output-buffer-limit normal 1mb 0 0\n\
        requirepass \"a\\x41\\n\\\"b\"\nlogfile 'it\\'s'\ntimeout 3\ntimeout 4";
    let (settings, warnings) = parse(text).unwrap();
    assert_eq!(warnings, []);
    assert_eq!((settings.port, settings.timeout), (7000, 4));
    assert_eq!(settings.bind, ["127.0.0.1", "-::1"]);
    assert_eq!(settings.requirepass.as_bytes(), b"aA\n\"b");
    assert_eq!(settings.logfile, "it's");
    assert_eq!(
        settings.get("client-output-buffer-limit").unwrap(),
        "normal 1048576 0 0 slave 268435456 67108864 60 pubsub 67108864 16777216 30"
    );
}

#[test]
fn a_bad_line_is_named_in_one_line() {
    let error = |text: &str| parse(text).unwrap_err().to_string();
    assert_eq!(error("\nprot 6379"), "fanfare.conf:2: unknown setting 'prot', did you mean 'port'? (in `prot 6379`)");
    assert_eq!(error("port"), "fanfare.conf:1: wrong number of arguments (in `port`)");
    assert_eq!(error("port 0 # c"), "fanfare.conf:1: wrong number of arguments (in `port 0 # c`)");
    assert_eq!(error("port x"), "fanfare.conf:1: argument couldn't be parsed into an integer (in `port x`)");
    for text in ["loglevel \"x", "port \"0\"x", "logfile 'x"] {
        let told = format!("fanfare.conf:1: Unbalanced quotes in configuration line (in `{text}`)");
        assert_eq!(error(text), told);
    }
    assert!(error(&format!("nosuch {}", "x".repeat(5000))).len() < 250);
    assert_eq!(error("user"), "fanfare.conf:1: wrong number of arguments (in `user`)");
    assert_eq!(
        error("user a on\nuser a +nosuch"),
        "fanfare.conf:2: Duplicate user found. A user can only be defined once in config files (in `user ...`)"
    );
    assert_eq!(
        error("user a +nosuch"),
        "fanfare.conf:1: Error in user declaration 'a': '+nosuch': Unknown command or category name in ACL (in `user ...`)"
    );
}

#[test]
fn secrets_are_not_quoted_in_errors() {
    for text in [
        "requirepass \"hunter2",
        "requirepas hunter2",
        "require-pass hunter2",
        "user a >hunter2 x",
        "user a hunter2",
        "pass hunter2",
    ] {
        let error = parse(text).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}

#[test]
fn what_only_redis_knows_is_a_warning_or_refused() {
    let (settings, warnings) = parse("save \"\"\nAppendOnly no\nreplicaof a 1").unwrap();
    assert_eq!(settings, Settings::default());
    let told: Vec<String> = warnings.iter().map(Warning::to_string).collect();
    assert_eq!(
        told[1],
        "fanfare.conf:2: 'appendonly' has no effect: keys are written to `data-dir`, in one file that needs no tuning"
    );
    assert_eq!(told.len(), 3);

    assert!(parse("rename-command CONFIG \"\"").is_err());
}

#[test]
fn foreign_directives_are_listed_once() {
    let mut names: Vec<&str> = NO_EFFECT.iter().flat_map(|(_, names)| names.split(' ')).collect();
    names.extend(REFUSED.iter().map(|refused| refused.name));
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    assert!(names.iter().all(|name| !name.is_empty() && Setting::find(name.as_bytes()).is_none()));
}

#[test]
fn files_include_files() {
    let mut include = |path: &str| match path {
        "limits.conf" => Ok("maxclients 5\nnosuch 1\n".into()),
        "good.conf" => Ok("maxclients 5\n".into()),
        "itself.conf" => Ok("include itself.conf\ninclude itself.conf\n".into()),
        _ => Err(io::Error::from(io::ErrorKind::NotFound)),
    };
    let mut parse = |text| parse_file(text, "main.conf", Settings::default(), &mut include);
    let (settings, _) = parse("maxclients 4\ninclude good.conf\ntimeout 1").unwrap();
    assert_eq!((settings.maxclients, settings.timeout), (5, 1));
    let error = parse("include limits.conf").unwrap_err();
    assert_eq!((error.file.as_str(), error.line), ("limits.conf", 2));
    assert!(parse("include itself.conf").unwrap_err().reason.contains("include each other"));
    let error = parse("include gone.conf").unwrap_err();
    assert!(error.to_string().starts_with("main.conf:1: cannot read 'gone.conf': "), "{error}");
    assert_eq!(parse("include a b").unwrap_err().reason, "wrong number of arguments");
}

#[test]
fn wide_includes_end_too() {
    let mut read = 0;
    let mut include = |_: &str| {
        read += 1;
        Ok("include x\n".repeat(if read % 15 == 0 { 0 } else { 1000 }))
    };
    let error = parse_file("include x", "main.conf", Settings::default(), &mut include).unwrap_err();
    assert!(error.reason.contains("include each other"));
    assert!(read <= 256);
}

#[test]
fn rewrite_keeps_comments_and_order() {
    let original = "# a comment\nport 7000\n\n# clients\nMaxClients 100\nclient-output-buffer-limit normal 0 0 0\n\
        client-output-buffer-limit pubsub 32mb 8mb 60\nsave \"\"\ntimeout 0\ntimeout 5\n\
        client-query-buffer-limit 1024mb # not a comment\nproto-max-bulk-len 1024kb";
    let mut settings = Settings::default();
    for line in
        ["port 7000", "maxclients 200", "timeout 7", "proto-max-bulk-len 1mb", "requirepass a\"b", "loglevel debug"]
    {
        let (name, value) = line.split_once(' ').unwrap();
        settings.set(name, value).unwrap();
    }
    settings.set("client-output-buffer-limit", "replica 1gb 0 0 pubsub 1mb 1000 3").unwrap();
    let defaults = Settings::default();
    let text = rewrite(original, &settings, &defaults);
    assert_eq!(
        text,
        "# a comment\nport 7000\n\n# clients\nmaxclients 200\n\
        client-output-buffer-limit normal 0 0 0 replica 1gb 0 0 pubsub 1mb 1000 3\nsave \"\"\ntimeout 7\n\
        client-query-buffer-limit 1024mb # not a comment\nproto-max-bulk-len 1024kb\n\n\
        # Generated by CONFIG REWRITE\nrequirepass \"a\\\"b\"\nloglevel debug\n"
    );
    assert_eq!(rewrite(&text, &settings, &defaults), text);

    settings.set("loglevel", "verbose").unwrap();
    settings.set("tcp-keepalive", "9").unwrap();
    let text = rewrite(&text, &settings, &defaults);
    assert!(text.ends_with("REWRITE\nrequirepass \"a\\\"b\"\nloglevel verbose\ntcp-keepalive 9\n"), "{text}");
}

#[test]
fn rewrite_puts_users_where_users_stood() {
    let original = "user b on +get\nport 7000\nuser a on\n";
    let mut settings = parsed(original);
    let users: Vec<_> = settings.users.iter().map(|user| (&*user.name, user.rules.len())).collect();
    assert_eq!(users, [(&b"b"[..], 2), (b"a", 1)]);
    assert_eq!(rewrite(original, &settings, &Settings::default()), original);

    settings.users[1].rules = vec![b"off".to_vec(), b"~\"x".to_vec()];
    settings.users.extend(parsed("user c (+get ~a)").users);
    let text = rewrite(original, &settings, &Settings::default());
    assert_eq!(
        text,
        "user b on +get\nport 7000\nuser a off \"~\\\"x\"\n\n# Generated by CONFIG REWRITE\nuser c (+get ~a)\n"
    );
    assert_eq!(parsed(&text), settings);
    assert_eq!(
        rewrite(&text, &parsed("port 7000"), &Settings::default()),
        "port 7000\n\n# Generated by CONFIG REWRITE\n"
    );
}

#[test]
fn users_come_from_one_place() {
    assert!(parsed("user a on").validate().is_ok() && parsed("aclfile a").validate().is_ok());
    assert!(parsed("user a on\naclfile a").validate().is_err());
    assert!(!format!("{:?}", parsed("user a >hunter2")).contains("104"));
}

#[test]
fn rewrite_of_unchanged_settings_changes_nothing() {
    for text in ["", "port 7000", "# only a comment", "timeout 5\r\n"] {
        assert_eq!(rewrite(text, &parsed(text), &Settings::default()), text);
    }
    let text = rewrite("", &parsed("port 7000"), &Settings::default());
    assert_eq!(text, "# Generated by CONFIG REWRITE\nport 7000\n");
}

#[test]
fn docs_and_sample_list_every_setting() {
    let (page, sample) = (docs(), sample());
    assert!(page.starts_with("<!-- Generated by `cargo xtask docs`"));
    for setting in SETTINGS {
        assert!(page.contains(&format!("| `{}` |", setting.name)), "{}", setting.name);
        assert!(page.contains(setting.doc) && sample.contains(setting.doc), "{}", setting.name);
    }
    assert_eq!(parsed(&sample), Settings::default());
    let is_setting = |line: &&str| SETTINGS.iter().any(|setting| line.starts_with(&format!("{} ", setting.name)));
    let lines: Vec<&str> = sample.lines().filter_map(|line| line.strip_prefix("# ")).filter(is_setting).collect();
    assert_eq!(lines.len(), SETTINGS.len());
    assert_eq!(parsed(&lines.join("\n")), Settings::default());
}

#[test]
fn one_port_is_not_for_both() {
    assert!(parsed("port 7000\ntls-port 7000").validate().is_err());
    assert_eq!(parsed("port 0\ntls-port 7000").validate(), Ok(()));
    assert_eq!(parsed("port 0\ntls-port 0").validate(), Ok(()));
}

#[test]
fn listening_nowhere_is_refused() {
    assert_eq!(Settings::default().validate(), Ok(()));
    assert!(parsed("bind \"\"").validate().is_err());
    assert!(parsed("bind \"\"").validate().is_err());
    assert_eq!(parsed("bind \"\"\nunixsocket /tmp/s").validate(), Ok(()));
}

fn line() -> impl Strategy<Value = String> {
    let names: Vec<&str> =
        SETTINGS.iter().map(|setting| setting.name).chain(["include", "save", "user", "#"]).collect();
    let value = prop_oneof![
        "[0-9]{1,20}(kb|mb|gb|k)?",
        "(normal|pubsub|replica) [0-9]{1,5} [0-9]{1,3}mb [0-9]{1,2}",
        "(yes|no|debug|latest|\"[a-z\\\\\"x0-9]*\")",
        ".{0,20}",
    ];
    (prop::sample::select(names), value).prop_map(|(name, value)| format!("{name} {value}"))
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic(text in "(?s).{0,200}") {
        let mut include = |path: &str| Ok(path.to_owned());
        let _ = parse_file(&text, "x", Settings::default(), &mut include);
        let _ = Settings::default().apply_at_runtime(&[(text.as_bytes(), text.as_bytes())]);
        let _ = Settings::default().set(&text, &text);
    }

    #[test]
    fn near_files_are_read_without_panic_and_rewritten_once(lines in prop::collection::vec(line(), 0..12)) {
        let text = lines.join("\n");
        let mut include = |_: &str| Ok(String::new());
        let _ = parse_file(&text, "x", Settings::default(), &mut include);
        let settings = all_changed();
        let once = rewrite(&text, &settings, &Settings::default());
        prop_assert_eq!(&rewrite(&once, &settings, &Settings::default()), &once);
        let silent = once.lines().filter(|line| parse(line).is_ok()).collect::<Vec<_>>().join("\n");
        prop_assert_eq!(parsed(&silent), settings);
    }

    #[test]
    fn any_value_is_refused_or_round_trips(
        at in 0..SETTINGS.len(),
        value in prop::collection::vec(any::<u8>(), 0..12),
    ) {
        let setting = &SETTINGS[at];
        let mut settings = Settings::default();
        if setting.set(&mut settings, &value).is_ok() {
            let mut again = Settings::default();
            prop_assert!(setting.set(&mut again, &setting.get(&settings)).is_ok());
            prop_assert_eq!(&again, &settings);
            // A NUL or a control character is written as an escape, so any text survives the file.
            prop_assert_eq!(parsed(&directive(setting, &settings)), settings);
        } else {
            prop_assert_eq!(settings, Settings::default());
        }
    }
}
