//! Users: logging in, refusals, and what happens to those whose rights change. The texts are those of Redis 7.0.

use std::sync::Arc;

use crate::harness::{Harness, Peer};
use crate::settings::Settings;
use crate::{Address, CloseReason, Endpoint, FailedLogin};

const NO_CHANNEL: &str = "-NOPERM this user has no permissions to access one of the channels used as arguments\r\n";

const NO_KEY: &str = "-NOPERM this user has no permissions to access one of the keys used as arguments\r\n";

fn no_command(name: &str) -> String {
    format!("-NOPERM this user has no permissions to run the '{name}' command\r\n")
}

/// An operator, and a connection of the user `u`, who has these rules.
fn scene(workers: usize, rules: &str) -> (Harness, Peer, Peer) {
    let mut harness = Harness::new(workers);
    let operator = harness.connect(0);
    let user = harness.connect(workers - 1);
    assert_eq!(harness.ask(&operator, format!("ACL SETUSER u on >secret {rules}\r\n")), "+OK\r\n");
    assert_eq!(harness.ask(&user, "AUTH u secret\r\n"), "+OK\r\n");
    (harness, operator, user)
}

#[test]
fn a_user_may_do_what_its_rules_say() {
    let (mut harness, _, user) = scene(2, "+@pubsub +get ~a &news:*");
    assert_eq!(harness.ask(&user, "GET a\r\n"), "$-1\r\n");
    assert_eq!(harness.ask(&user, "GET b\r\n"), NO_KEY);
    assert_eq!(harness.ask(&user, "SET a x\r\n"), no_command("set"));
    assert_eq!(harness.ask(&user, "CLIENT ID\r\n"), no_command("client|id"));
    assert_eq!(harness.ask(&user, "PUBLISH news:eu x\r\n"), ":0\r\n");
    assert_eq!(harness.ask(&user, "SUBSCRIBE news:eu other\r\n"), NO_CHANNEL);
    assert_eq!(harness.ask(&user, "PSUBSCRIBE news:e*\r\n"), NO_CHANNEL);
    assert_eq!(harness.ask(&user, "PSUBSCRIBE news:*\r\n"), "*3\r\n$10\r\npsubscribe\r\n$6\r\nnews:*\r\n:1\r\n");
    // The right comes before the state, as in Redis.
    assert_eq!(harness.ask(&user, "GET b\r\n"), NO_KEY);
}

#[test]
fn a_narrower_pattern_is_taken_if_the_setting_says_so() {
    let (mut harness, operator, user) = scene(2, "+@all &news:*");
    assert_eq!(harness.ask(&user, "PSUBSCRIBE news:e*\r\n"), NO_CHANNEL);
    harness.ask(&operator, "CONFIG SET acl-pattern-subset yes\r\n");
    assert!(harness.ask(&user, "PSUBSCRIBE news:e*\r\n").starts_with("*3\r\n"));
    // Going back closes nobody, but the next change of the user does.
    harness.ask(&operator, "CONFIG SET acl-pattern-subset no\r\nACL SETUSER u +get\r\n");
    assert_eq!(harness.closed(&user), Some(CloseReason::AccessRevoked));
}

#[test]
fn who_has_to_log_in_does() {
    let mut harness = Harness::with_settings(1, Settings::default());
    let operator = harness.connect(0);
    harness.ask(&operator, "ACL SETUSER u on >secret +ping\r\nACL SETUSER default resetpass\r\n");
    let peer = harness.connect(0);
    assert_eq!(harness.ask(&peer, "PING\r\n"), "-NOAUTH Authentication required.\r\n");
    let wrong = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
    for request in ["AUTH u wrong\r\n", "AUTH nobody secret\r\n", "AUTH wrong\r\n", "HELLO 3 AUTH u wrong\r\n"] {
        assert_eq!(harness.ask(&peer, request), wrong, "{request}");
    }
    assert!(harness.ask(&peer, "HELLO 2 AUTH u secret\r\n").starts_with("*14\r\n"));
    assert_eq!(harness.ask(&peer, "PING\r\n"), "+PONG\r\n");
    assert_eq!(harness.ask(&peer, "RESET\r\nPING\r\n"), "+RESET\r\n-NOAUTH Authentication required.\r\n");
    // Who is logged in stays so.
    assert_eq!(harness.ask(&operator, "PING\r\nACL SETUSER default nopass\r\n"), "+PONG\r\n+OK\r\n");
    assert_eq!(harness.ask(&peer, "PING\r\n"), "+PONG\r\n");
    assert!(harness.ask(&peer, "AUTH x\r\n").starts_with("-ERR AUTH <password> called without any password"));
}

#[test]
fn a_certificate_logs_in_as_the_user_it_names() {
    let (mut harness, operator, _) = scene(1, "+acl|whoami");
    harness.ask(&operator, "ACL SETUSER gone off nopass\r\nACL SETUSER default off\r\n");
    for (name, reply) in [
        ("u", "$1\r\nu\r\n"),
        ("gone", "-NOAUTH Authentication required.\r\n"),
        ("nobody", "-NOAUTH Authentication required.\r\n"),
    ] {
        let endpoint = Endpoint { certificate_user: Some(name.to_owned()), ..Endpoint::default() };
        let peer = harness.connect_from(0, endpoint);
        assert_eq!(harness.ask(&peer, "ACL WHOAMI\r\n"), reply, "{name}");
    }
}

#[test]
fn requirepass_is_the_password_of_the_default_user() {
    let mut harness = Harness::new(1);
    let operator = harness.connect(0);
    harness.ask(&operator, "CONFIG SET requirepass foo\r\n");
    let hash = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";
    assert!(harness.ask(&operator, "ACL LIST\r\n").ends_with(&format!("user default on #{hash} ~* &* +@all\r\n")));
    let peer = harness.connect(0);
    assert!(harness.ask(&peer, "PING\r\n").starts_with("-NOAUTH"));
    assert_eq!(harness.ask(&peer, "AUTH foo\r\nPING\r\n"), "+OK\r\n+PONG\r\n");
    harness.ask(&operator, "CONFIG SET requirepass \"\"\r\n");
    assert!(harness.ask(&operator, "ACL LIST\r\n").ends_with("user default on nopass ~* &* +@all\r\n"));
}

#[test]
fn whoever_may_no_longer_be_subscribed_is_closed_before_the_reply() {
    for (subscribe, keeps, loses) in [
        ("SUBSCRIBE a", "resetchannels &a &b", "resetchannels &b"),
        ("SSUBSCRIBE a", "allchannels", "resetchannels %P&a"),
        ("PSUBSCRIBE a*", "resetchannels &a* &b", "resetchannels &*a &a"),
        ("SUBSCRIBE a", "resetchannels (&a)", "clearselectors"),
    ] {
        let (mut harness, operator, user) = scene(2, "+@all &a &a*");
        let other = harness.connect(1);
        harness.ask(&user, format!("{subscribe}\r\n"));
        harness.ask(&other, "SUBSCRIBE a\r\n");
        assert_eq!(harness.ask(&operator, format!("ACL SETUSER u {keeps}\r\n")), "+OK\r\n");
        assert_eq!(harness.closed(&user), None, "{subscribe}");
        harness.send(&operator, format!("ACL SETUSER u {loses}\r\nCLIENT LIST\r\n"));
        harness.settle();
        let replies = String::from_utf8(harness.take(&operator)).unwrap();
        assert!(replies.starts_with("+OK\r\n") && !replies.contains("user=u"), "{replies}");
        assert_eq!(harness.closed(&user), Some(CloseReason::AccessRevoked), "{subscribe}");
        assert_eq!(harness.closed(&other), None);
    }
}

#[test]
fn a_change_of_rules_counts_for_the_next_request_on_any_worker() {
    let (mut harness, operator, user) = scene(2, "+@all &a");
    // No worker has ended its turn when the other one is asked.
    harness.send(&operator, "ACL SETUSER u resetchannels\r\n");
    harness.send(&user, "SUBSCRIBE a\r\n");
    harness.settle();
    assert_eq!(harness.take(&user), NO_CHANNEL.as_bytes());
    assert_eq!(harness.ask(&operator, "PUBSUB NUMSUB a\r\n"), "+OK\r\n*2\r\n$1\r\na\r\n:0\r\n");
}

#[test]
fn clients_of_a_removed_user_are_closed() {
    let (mut harness, operator, user) = scene(2, "+@all");
    assert_eq!(harness.ask(&operator, "ACL DELUSER u nobody\r\n"), ":1\r\n");
    assert_eq!(harness.closed(&user), Some(CloseReason::AccessRevoked));
    assert_eq!(
        harness.ask(&operator, "ACL DELUSER nobody default\r\n"),
        "-ERR The 'default' user cannot be removed\r\n"
    );

    harness.ask(&operator, "ACL SETUSER v on nopass +@all\r\nAUTH v x\r\n");
    assert_eq!(harness.ask(&operator, "ACL DELUSER v\r\n"), ":1\r\n");
    assert_eq!(harness.closed(&operator), Some(CloseReason::AccessRevoked));
}

#[test]
fn a_transaction_is_checked_when_it_is_queued_and_when_it_is_executed() {
    let (mut harness, operator, user) = scene(1, "+multi +exec +get +set +publish ~a &a");
    assert_eq!(harness.ask(&user, "MULTI\r\nGET b\r\n"), format!("+OK\r\n{NO_KEY}"));
    assert!(harness.ask(&user, "EXEC\r\n").starts_with("-EXECABORT Transaction discarded because of previous"));

    harness.ask(&user, "MULTI\r\nGET a\r\nSET a x\r\nPUBLISH a x\r\n");
    harness.ask(&operator, "ACL SETUSER u -get resetkeys resetchannels\r\n");
    let changed = "-NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This \
                   command is no longer allowed for the following reason:";
    assert_eq!(
        harness.ask(&user, "EXEC\r\n"),
        format!(
            "*3\r\n{changed} no permission to execute the command or subcommand\r\n\
             {changed} no permission to touch the specified keys\r\n\
             {changed} no permission to access one of the channels used as arguments\r\n"
        )
    );
    harness.ask(&operator, "ACL SETUSER u -exec\r\n");
    assert_eq!(
        harness.ask(&user, "MULTI\r\nEXEC\r\n"),
        "+OK\r\n-EXECABORT Transaction discarded because of: NOPERM this user has no permissions to run the 'exec' \
         command\r\n"
    );
}

#[test]
fn the_user_of_a_client_is_shown() {
    let (mut harness, operator, user) = scene(2, "+acl|whoami +client");
    assert_eq!(harness.ask(&user, "ACL WHOAMI\r\n"), "$1\r\nu\r\n");
    assert!(harness.ask(&user, "CLIENT INFO\r\n").contains(" user=u "));
    assert!(harness.ask(&operator, "CLIENT LIST\r\n").contains(" user=u "));
    assert_eq!(harness.ask(&operator, "CLIENT KILL USER nobody\r\n"), "-ERR No such user 'nobody'\r\n");
    assert_eq!(harness.ask(&operator, "CLIENT KILL USER u\r\n"), ":1\r\n");
    assert_eq!(harness.closed(&user), Some(CloseReason::Killed));
}

#[test]
fn refusals_are_logged() {
    let (mut harness, operator, user) = scene(2, "+get +publish +multi ~a &a");
    harness.ask(&user, "SET a x\r\nGET b\r\nGET b\r\nPUBLISH b x\r\nAUTH u wrong\r\nMULTI\r\nPING\r\n");
    let log = harness.ask(&operator, "ACL LOG\r\n");
    assert!(log.starts_with("*5\r\n*20\r\n"), "{log}");
    for entry in [
        "$5\r\ncount\r\n:1\r\n$6\r\nreason\r\n$7\r\ncommand\r\n$7\r\ncontext\r\n$5\r\nmulti\r\n$6\r\nobject\r\n$4\r\nping",
        "$5\r\ncount\r\n:1\r\n$6\r\nreason\r\n$4\r\nauth\r\n$7\r\ncontext\r\n$8\r\ntoplevel\r\n$6\r\nobject\r\n$4\r\nAUTH",
        "$5\r\ncount\r\n:1\r\n$6\r\nreason\r\n$7\r\nchannel\r\n$7\r\ncontext\r\n$8\r\ntoplevel\r\n$6\r\nobject\r\n$1\r\nb",
        "$5\r\ncount\r\n:2\r\n$6\r\nreason\r\n$3\r\nkey\r\n$7\r\ncontext\r\n$8\r\ntoplevel\r\n$6\r\nobject\r\n$1\r\nb",
        "$5\r\ncount\r\n:1\r\n$6\r\nreason\r\n$7\r\ncommand\r\n$7\r\ncontext\r\n$8\r\ntoplevel\r\n$6\r\nobject\r\n$3\r\nset",
    ] {
        assert!(log.contains(entry), "{entry} in {log}");
    }
    assert!(harness.ask(&operator, "ACL LOG 2\r\n").starts_with("*2\r\n"));
    let info = harness.ask(&operator, "INFO stats\r\n");
    for counter in ["auth:1", "channel:1", "cmd:2", "key:2"] {
        assert!(info.contains(&format!("acl_access_denied_{counter}\r\n")), "{info}");
    }
    assert_eq!(harness.ask(&operator, "ACL LOG RESET\r\nACL LOG\r\n"), "+OK\r\n*0\r\n");
    harness.ask(&operator, "CONFIG SET acllog-max-len 0\r\n");
    harness.ask(&user, "PING\r\n");
    assert_eq!(harness.ask(&operator, "ACL LOG\r\n"), "*0\r\n");
}

#[test]
fn dry_run_and_explain_judge_a_request() {
    let (mut harness, operator, _) = scene(1, "+@all -@dangerous ~a* %P&p &news:*");
    for (request, verdict, rules) in [
        ("GET a1", "OK", "+@all ~a*"),
        ("GET b", "This user has no permissions to access the 'b' key", "+@all"),
        ("FLUSHALL", "This user has no permissions to run the 'flushall' command", "-@dangerous"),
        ("PUBLISH p x", "OK", "+@all %P&p"),
        ("SUBSCRIBE p", "This user has no permissions to access the 'p' channel", "+@all"),
    ] {
        let dry = harness.ask(&operator, format!("ACL DRYRUN u {request}\r\n"));
        assert_eq!(dry, if verdict == "OK" { "+OK\r\n".to_owned() } else { bulk(verdict) });
        let rules: Vec<String> = rules.split(' ').map(bulk).collect();
        assert_eq!(
            harness.ask(&operator, format!("ACL EXPLAIN u {request}\r\n")),
            format!("*4\r\n$7\r\nverdict\r\n{}$5\r\nrules\r\n*{}\r\n{}", bulk(verdict), rules.len(), rules.concat())
        );
    }
    for (request, error) in [
        ("nobody GET a", "-ERR User 'nobody' not found\r\n"),
        ("u nosuch a", "-ERR Command 'nosuch' not found\r\n"),
        ("u client nosuch", "-ERR Command 'client' not found\r\n"),
        ("u get", "-ERR wrong number of arguments for 'get' command\r\n"),
    ] {
        assert_eq!(harness.ask(&operator, format!("ACL DRYRUN {request}\r\n")), error);
    }
}

fn bulk(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}

#[test]
fn users_are_shown_by_the_kinds_of_their_rules() {
    let (mut harness, operator, _) = scene(1, "resetpass nopass +get ~a (+set %W~b &c)");
    assert_eq!(
        harness.ask(&operator, "ACL GETUSER u\r\n"),
        "*12\r\n$5\r\nflags\r\n*2\r\n$2\r\non\r\n$6\r\nnopass\r\n$9\r\npasswords\r\n*0\r\n\
         $8\r\ncommands\r\n$10\r\n-@all +get\r\n$4\r\nkeys\r\n$2\r\n~a\r\n$8\r\nchannels\r\n$0\r\n\r\n\
         $9\r\nselectors\r\n*1\r\n*6\r\n$8\r\ncommands\r\n$10\r\n-@all +set\r\n$4\r\nkeys\r\n$4\r\n%W~b\r\n\
         $8\r\nchannels\r\n$2\r\n&c\r\n"
    );
    assert_eq!(harness.ask(&operator, "ACL GETUSER nobody\r\n"), "$-1\r\n");
    assert_eq!(harness.ask(&operator, "ACL USERS\r\n"), "*2\r\n$7\r\ndefault\r\n$1\r\nu\r\n");
}

#[test]
fn passwords_are_made_of_what_the_outside_gives() {
    let mut harness = Harness::new(1);
    let peer = harness.connect(0);
    assert_eq!(harness.ask(&peer, "ACL GENPASS 5\r\n"), "$2\r\na5\r\n");
    assert_eq!(harness.ask(&peer, "ACL GENPASS\r\n"), bulk(&"a5".repeat(32)));
    assert_eq!(harness.ask(&peer, "ACL GENPASS 4\r\n"), "$1\r\na\r\n");
    for bits in ["0", "-1", "4097"] {
        assert!(harness.ask(&peer, format!("ACL GENPASS {bits}\r\n")).starts_with("-ERR ACL GENPASS argument must"));
    }
    assert_eq!(harness.ask(&peer, "ACL GENPASS x\r\n"), "-ERR value is not an integer or out of range\r\n");
    assert!(harness.ask(&peer, "ACL GENPASS 1 2\r\n").starts_with("-ERR unknown subcommand or wrong number"));
}

#[test]
fn the_slow_log_shows_no_passwords() {
    let mut harness = Harness::new(1);
    let peer = harness.connect(0);
    harness.ask(&peer, "CONFIG SET slowlog-log-slower-than 0\r\n");
    harness.ask(&peer, "ACL SETUSER u >hunter2\r\nCONFIG SET requirepass hunter2\r\nHELLO 2 AUTH default hunter2\r\n");
    let log = harness.ask(&peer, "SLOWLOG GET\r\n");
    assert!(log.contains("(redacted)") && log.contains("SETUSER") && !log.contains("hunter2"), "{log}");
}

#[test]
fn load_keeps_who_may_stay_and_changes_nothing_for_a_bad_file() {
    let settings = Settings { aclfile: "users.acl".to_owned(), ..Settings::default() };
    let mut harness = Harness::with_settings(2, settings);
    let file = Arc::clone(&harness.acl_file);
    *file.lock().unwrap() = b"user a on nopass &a +@all\nuser b on nopass &b +@all\n".to_vec();
    harness.broker.load_users().unwrap();
    let operator = harness.connect(0);
    let [a, b] = ["a", "b"].map(|name| {
        let peer = harness.connect(1);
        assert_eq!(harness.ask(&peer, format!("AUTH {name} x\r\n")), "+OK\r\n");
        assert!(harness.ask(&peer, format!("SUBSCRIBE {name}\r\n")).starts_with("*3\r\n"));
        peer
    });
    assert_eq!(harness.ask(&operator, "ACL SETUSER c +get\r\nACL SAVE\r\n"), "+OK\r\n+OK\r\n");
    let saved = String::from_utf8(file.lock().unwrap().clone()).unwrap();
    assert!(saved.contains("user c off resetchannels -@all +get\n"), "{saved}");

    *file.lock().unwrap() = b"user a on\nuser a off\n".to_vec();
    assert_eq!(
        harness.ask(&operator, "ACL LOAD\r\n"),
        "-ERR WARNING: Duplicate user 'a' found on line 2. WARNING: ACL errors detected, no change to the previously \
         active ACL rules was performed\r\n"
    );
    assert_eq!(harness.ask(&operator, "ACL USERS\r\n"), "*4\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n$7\r\ndefault\r\n");

    *file.lock().unwrap() = b"user a on nopass &a +get\n".to_vec();
    assert_eq!(harness.ask(&operator, "ACL LOAD\r\n"), "+OK\r\n");
    assert_eq!((harness.closed(&a), harness.closed(&b)), (None, Some(CloseReason::AccessRevoked)));
    assert_eq!(harness.ask(&a, "PING\r\n"), no_command("ping"));
}

#[test]
fn without_a_file_there_is_nothing_to_load_or_save() {
    let mut harness = Harness::new(1);
    let peer = harness.connect(0);
    for request in ["ACL LOAD\r\n", "ACL SAVE\r\n"] {
        assert!(
            harness.ask(&peer, request).starts_with("-ERR This Redis instance is not configured to use an ACL file")
        );
    }
}

const WRONG: &str = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";

const NO_AUTH: &str = "-NOAUTH Authentication required.\r\n";

/// A connection from another machine.
fn connect_from(harness: &mut Harness, ip: [u8; 4]) -> Peer {
    let endpoint = Endpoint { address: Address::Tcp((ip, 5000).into()), ..Endpoint::default() };
    harness.connect_from(0, endpoint)
}

#[test]
fn who_does_not_log_in_in_time_is_closed() {
    let (mut harness, operator, user) = scene(2, "+ping");
    harness.ask(&operator, "CONFIG SET requirepass secret\r\n");
    let [silent, knocking, in_time] = [(); 3].map(|()| harness.connect(1));
    harness.advance_ms(50_000);
    // Neither failing nor saying RESET prolongs it.
    assert_eq!(harness.ask(&knocking, "PING\r\nAUTH wrong\r\nRESET\r\n"), format!("{NO_AUTH}{WRONG}+RESET\r\n"));
    assert_eq!(harness.ask(&in_time, "AUTH secret\r\n"), "+OK\r\n");
    let late = harness.connect(0);
    harness.advance_ms(11_000);
    for peer in [silent, knocking] {
        assert_eq!(harness.closed(&peer), Some(CloseReason::UnauthenticatedTimeout));
    }
    // Who has logged in stays, and has the whole time again when it gives that up.
    harness.ask(&in_time, "RESET\r\n");
    harness.advance_ms(49_000);
    assert_eq!([operator, user, in_time].map(|peer| harness.closed(&peer)), [None; 3]);
    assert_eq!(harness.closed(&late), None);
    harness.advance_ms(12_000);
    for peer in [late, in_time] {
        assert_eq!(harness.closed(&peer), Some(CloseReason::UnauthenticatedTimeout));
    }
    assert!(harness.ask(&operator, "INFO stats\r\n").contains("closed_unauthenticated_timeout:4\r\n"));
}

#[test]
fn nobody_is_closed_where_nobody_has_to_log_in() {
    for (setting, value) in [("requirepass", "\"\""), ("unauthenticated-timeout", "0")] {
        let mut harness = Harness::new(1);
        let operator = harness.connect(0);
        harness.ask(&operator, "CONFIG SET requirepass secret\r\n");
        let peer = harness.connect(0);
        assert_eq!(harness.ask(&operator, format!("CONFIG SET {setting} {value}\r\n")), "+OK\r\n");
        harness.advance_ms(1_000_000);
        assert_eq!(harness.closed(&peer), None, "{setting}");
    }
}

#[test]
fn a_pause_keeps_nobody_from_logging_in() {
    let mut harness = Harness::new(1);
    let operator = harness.connect(0);
    harness.ask(&operator, "CONFIG SET requirepass secret\r\n");
    let peer = harness.connect(0);
    harness.ask(&operator, "CLIENT PAUSE 70000\r\n");
    assert_eq!(harness.ask(&peer, "AUTH secret\r\n"), "");
    harness.advance_ms(65_000);
    assert_eq!(harness.closed(&peer), None);
    harness.advance_ms(6_000);
    assert_eq!(String::from_utf8_lossy(&harness.take(&peer)), "+OK\r\n");
}

#[test]
fn passwords_are_not_compared_for_an_address_that_failed_too_often() {
    let (mut harness, operator, _) = scene(2, "+ping");
    let guesser = connect_from(&mut harness, [192, 0, 2, 1]);
    let request = "HELLO 2 AUTH u wrong\r\nAUTH u wrong\r\nAUTH nobody secret\r\n";
    assert_eq!(harness.ask(&guesser, request), WRONG.repeat(3));
    assert_eq!(harness.closed(&guesser), None);
    // The connection ends with its fourth failure in a row, the address gets one more try.
    assert_eq!(harness.ask(&guesser, "AUTH u wrong\r\nAUTH u secret\r\n"), WRONG);
    assert_eq!(harness.closed(&guesser), Some(CloseReason::AuthFailures));
    let again = connect_from(&mut harness, [192, 0, 2, 1]);
    assert_eq!(harness.ask(&again, "AUTH u wrong\r\nAUTH u secret\r\n"), WRONG.repeat(2));

    let other = connect_from(&mut harness, [192, 0, 2, 2]);
    assert_eq!(harness.ask(&other, "AUTH u secret\r\n"), "+OK\r\n");
    let info = harness.ask(&operator, "INFO stats\r\n");
    for field in ["acl_access_denied_auth:6", "acl_logins_limited:1", "closed_auth_failures:1"] {
        assert!(info.contains(&format!("{field}\r\n")), "{field} in {info}");
    }
    // What was refused meanwhile does not prolong it.
    harness.advance_ms(59_000);
    assert_eq!(harness.ask(&again, "AUTH u secret\r\n"), WRONG);
    harness.advance_ms(1_000);
    let neighbour = connect_from(&mut harness, [192, 0, 2, 1]);
    assert_eq!(harness.ask(&neighbour, "AUTH u secret\r\nPING\r\n"), "+OK\r\n+PONG\r\n");
}

#[test]
fn a_login_that_succeeds_ends_the_count_of_its_connection() {
    let (mut harness, operator, _) = scene(2, "+ping");
    harness.ask(&operator, "CONFIG SET auth-failures-per-minute 100\r\n");
    let peer = connect_from(&mut harness, [192, 0, 2, 1]);
    for _ in 0..5 {
        let failures = "AUTH u wrong\r\n".repeat(3);
        assert_eq!(harness.ask(&peer, format!("{failures}AUTH u secret\r\n")), format!("{}+OK\r\n", WRONG.repeat(3)));
    }
    assert_eq!(harness.closed(&peer), None);
}

#[test]
fn failures_are_not_limited_on_this_machine_or_without_a_limit() {
    let (mut harness, operator, _) = scene(2, "+ping");
    let local = harness.connect(0);
    assert_eq!(harness.ask(&local, "AUTH u wrong\r\n".repeat(20)), WRONG.repeat(20));
    assert_eq!(harness.ask(&local, "AUTH u secret\r\n"), "+OK\r\n");
    harness.ask(&operator, "CONFIG SET auth-failures-per-minute 0\r\n");
    let other = connect_from(&mut harness, [192, 0, 2, 1]);
    assert_eq!(harness.ask(&other, "AUTH u wrong\r\n".repeat(20)), WRONG.repeat(20));
    assert_eq!(harness.ask(&other, "AUTH u secret\r\n"), "+OK\r\n");
}

#[test]
fn failed_logins_are_reported_by_address_without_the_password() {
    let (mut harness, _, _) = scene(1, "+ping");
    let name = format!("a\n{}", "b".repeat(1000));
    let [first, second] = [(); 2].map(|()| connect_from(&mut harness, [192, 0, 2, 1]));
    harness.ask(&first, super::request(&["AUTH", &name, "hunter2"]));
    harness.ask(&second, "AUTH u hunter2\r\n");
    for last in 0..100 {
        let peer = connect_from(&mut harness, [192, 0, 3, last]);
        harness.ask(&peer, "AUTH u wrong\r\n");
    }
    let reports: Vec<FailedLogin> = std::iter::from_fn(|| harness.workers[0].poll_failed_login()).collect();
    assert_eq!(reports.len(), 16, "what nobody would read is not kept");
    let report = reports.iter().find(|report| report.client == first.id).unwrap();
    assert_eq!((report.count, report.address.to_string()), (2, "192.0.2.1:5000".to_owned()));
    assert_eq!(report.user, format!("a\\n{}", "b".repeat(62)));
    assert!(!format!("{reports:?}").contains("hunter2"));
}
