//! What the program refuses, in which words and with which exit code.

use std::net::TcpListener;

use crate::program::{File, path_text, run};

/// Asserts that the program ends with code 1 and one line.
#[track_caller]
fn expect_refusal(args: &[&str], line: &str) {
    let ended = run(args);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(ended.stderr, format!("fanfare: {line}\n"));
    assert_eq!(ended.stdout, "");
}

#[test]
fn a_port_in_use() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let line = format!(
        "127.0.0.1:{port} is in use by another program: stop that one, or choose another port with --port (0 picks a \
         free one)"
    );
    expect_refusal(&["--bind", "127.0.0.1", "--port", &port], &line);
    expect_refusal(&["serve", "--bind", "127.0.0.1", "--port", &port], &line);
}

#[test]
fn a_bad_value() {
    for (option, value) in [("--timeout", "-1"), ("--workers", "65"), ("--port", "70000"), ("--maxclients", "many")] {
        let ended = run(&[option, value]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let is_one_line = ended.stderr.matches('\n').count() == 1 && ended.stderr.ends_with('\n');
        assert!(is_one_line && ended.stderr.starts_with(&format!("fanfare: {option}: ")), "{ended:?}");
    }
    expect_refusal(&["--bind", "nonsense"], "bind: 'nonsense' is no IP address; give one such as 127.0.0.1 or ::1");
    let ended = run(&["--bind", "", "--port", "0"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("configured to not listen anywhere"), "{ended:?}");
}

#[test]
fn an_unknown_option() {
    let ended = run(&["--prot", "7000"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.starts_with("error: unexpected argument '--prot' found"), "{ended:?}");
    assert!(ended.stderr.contains("'--port'"), "no hint: {ended:?}");
    assert_eq!(run(&["srve"]).code, Some(2));
}

#[test]
fn a_bad_line_of_the_file() {
    for (text, line, reason) in [
        ("# fine\nport 7000\ntimout 3\n", 3, "did you mean 'timeout'?"),
        ("timeout soon\n", 1, ""),
        ("\n\nrename-command CONFIG \"\"\n", 3, "commands cannot be renamed or disabled"),
        ("loglevel \"notice\n", 1, ""),
    ] {
        let file = File::new(text);
        let place = format!("fanfare: {}:{line}: ", file.name());
        for args in [&["--config", file.name()][..], &["serve", "-c", file.name()], &["check", file.name()]] {
            let ended = run(args);
            assert_eq!(ended.code, Some(1), "{args:?}: {ended:?}");
            assert!(ended.stderr.starts_with(&place) && ended.stderr.contains(reason), "{args:?}: {ended:?}");
            assert_eq!(ended.stderr.matches('\n').count(), 1, "{args:?}: {ended:?}");
        }
    }
}

#[test]
fn secrets_stay_out_of_messages() {
    let file = File::new("requirepass hunter2 and more\n");
    let ended = run(&["check", file.name()]);
    assert_eq!(ended.code, Some(1));
    assert!(!ended.stderr.contains("hunter2"), "{ended:?}");
}

#[test]
fn a_file_that_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing.conf");
    let line = format!("the config file {} can't be read: No such file or directory (os error 2)", path.display());
    expect_refusal(&["--config", path_text(&path)], &line);
    expect_refusal(&["check", path_text(&path)], &line);
}

#[test]
fn an_included_file_that_is_missing() {
    let file = File::new("port 7000\ninclude missing.conf\n");
    let ended = run(&["check", file.name()]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.starts_with(&format!("fanfare: {}:2: ", file.name())), "{ended:?}");
    assert!(ended.stderr.contains("missing.conf"), "{ended:?}");
}

#[test]
fn a_logfile_that_cannot_be_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing/log");
    let ended = run(&["--port", "0", "--bind", "127.0.0.1", "--logfile", path_text(&path)]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.starts_with("fanfare: the log can't be opened: logfile "), "{ended:?}");
    assert_eq!(ended.stderr.matches('\n').count(), 1, "{ended:?}");
}

#[test]
fn check_says_what_is_fine() {
    let file = File::new("port 7000\nmaxclients 50\nclient-output-buffer-limit pubsub 1mb 0 0\n");
    let ended = run(&["check", file.name()]);
    assert_eq!((ended.code, &*ended.stdout, &*ended.stderr), (Some(0), &*format!("{}: fine\n", file.name()), ""));
}

#[test]
fn check_warns_of_what_has_no_effect() {
    let file = File::new("save 900 1\nport 7000\nappendonly yes\n");
    let ended = run(&["check", file.name()]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let warning = |line: usize, name: &str| {
        format!(
            "warning: {}:{line}: '{name}' has no effect: keys are written to `data-dir`, in one file that needs no tuning\n",
            file.name()
        )
    };
    assert_eq!(ended.stderr, warning(1, "save") + &warning(3, "appendonly"));
}

#[test]
fn check_needs_a_file() {
    assert_eq!(run(&["check"]).code, Some(2));
}

#[test]
fn help_lists_every_setting() {
    for args in [&["--help"][..], &["serve", "--help"]] {
        let ended = run(args);
        assert_eq!(ended.code, Some(0));
        for setting in fanfare_engine::settings::SETTINGS {
            let option = format!("--{} <", setting.name);
            assert!(ended.stdout.contains(&option), "{args:?} lacks {option}");
        }
        assert!(ended.stdout.contains("--config <file>"));
        assert!(!ended.stdout.contains('\x1b'), "colours in a pipe");
    }
    assert_eq!(run(&["--version"]).stdout, format!("fanfare {}\n", env!("CARGO_PKG_VERSION")));
}
