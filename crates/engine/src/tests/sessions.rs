//! What a connection may say when, and how replies and pushes follow each other.

use fanfare_wire::Protocol;

use super::{Scene, bulk, frame, in_every_variant, settings};
use crate::CloseReason;

fn refused_in_subscribe_mode(name: &str) -> String {
    format!(
        "-ERR Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this \
         context\r\n"
    )
}

#[test]
fn subscribe_mode_is_for_resp2_only() {
    in_every_variant(|scene| {
        for subscribes in ["SUBSCRIBE a", "PSUBSCRIBE a", "SSUBSCRIBE a"] {
            scene.sub(subscribes);
            if scene.is_resp3() {
                assert_eq!(scene.sub("ECHO x"), bulk("x"));
                assert_eq!(scene.sub("PING"), "+PONG\r\n");
                assert_eq!(scene.sub("PING x"), bulk("x"));
            } else {
                assert_eq!(scene.sub("ECHO x"), refused_in_subscribe_mode("echo"));
                assert_eq!(scene.sub("CLIENT ID"), refused_in_subscribe_mode("client|id"));
                assert_eq!(scene.sub("HELLO 3"), refused_in_subscribe_mode("hello"));
                assert_eq!(scene.sub("PING"), "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
                assert_eq!(scene.sub("PING x"), "*2\r\n$4\r\npong\r\n$1\r\nx\r\n");
            }
            assert_eq!(scene.sub("PING x y"), "-ERR wrong number of arguments for 'ping' command\r\n");
            let all = subscribes.replace("SUB", "UNSUB");
            scene.sub(all.split(' ').next().unwrap());
            assert_eq!(scene.sub("PING"), "+PONG\r\n");
            assert_eq!(scene.sub("PING x"), bulk("x"));
        }
    });
}

#[test]
fn reset_takes_everything_back_in_silence() {
    in_every_variant(|scene| {
        scene.sub("CLIENT SETNAME someone");
        scene.sub("SELECT 3");
        scene.sub("CLIENT SETINFO LIB-NAME lib");
        scene.sub("SUBSCRIBE a b");
        scene.sub("PSUBSCRIBE p*");
        scene.sub("SSUBSCRIBE s");
        assert_eq!(scene.sub("RESET"), "+RESET\r\n");
        assert_eq!(scene.publish("PUBLISH a x\r\nPUBLISH p1 x\r\nSPUBLISH s x"), ":0\r\n:0\r\n:0\r\n");
        assert_eq!(scene.sub("ECHO x"), bulk("x"));
        // In RESP2 again, whatever it was.
        assert_eq!(scene.sub("CLIENT GETNAME"), "$-1\r\n");
        let info = scene.sub("CLIENT INFO");
        for field in [" name= ", " db=0 ", " sub=0 ", " psub=0 ", " ssub=0 ", " resp=2 ", " lib-name=lib "] {
            assert!(info.contains(field), "{field} in {info}");
        }
        scene.sub("MULTI");
        assert_eq!(scene.sub("RESET"), "+RESET\r\n");
        assert_eq!(scene.sub("EXEC"), "-ERR EXEC without MULTI\r\n");
    });
}

#[test]
fn reset_asks_for_the_password_again() {
    for is_split in [false, true] {
        let mut scene = Scene::new(Protocol::Resp2, is_split, settings(&[("requirepass", "secret")]));
        assert_eq!(scene.sub("SUBSCRIBE a"), "-NOAUTH Authentication required.\r\n");
        assert_eq!(scene.sub("AUTH secret"), "+OK\r\n");
        scene.sub("SUBSCRIBE a");
        assert_eq!(scene.sub("RESET\r\nPUBLISH a x"), "+RESET\r\n-NOAUTH Authentication required.\r\n");
    }
}

#[test]
fn quit_is_answered_before_the_end() {
    in_every_variant(|scene| {
        scene.sub("SUBSCRIBE a");
        assert_eq!(scene.sub("QUIT\r\nPING"), "+OK\r\n");
        assert_eq!(scene.harness.closed(&scene.subscriber), Some(CloseReason::ClientQuit));
        assert_eq!(scene.publish("PUBLISH a x"), ":0\r\n");
    });
}

#[test]
fn confirmations_and_messages_come_with_replies_off() {
    in_every_variant(|scene| {
        assert_eq!(scene.sub("CLIENT REPLY OFF\r\nPING\r\nSUBSCRIBE a"), scene.confirmed("subscribe", "a", 1));
        assert_eq!(scene.publish("PUBLISH a x"), ":1\r\n");
        assert_eq!(scene.heard(), scene.message("a", "x"));
        assert_eq!(scene.sub("UNSUBSCRIBE a"), scene.confirmed("unsubscribe", "a", 0));
        assert_eq!(scene.sub("PING\r\nNONSENSE\r\nSUBSCRIBE"), "");
        assert_eq!(scene.sub("CLIENT REPLY ON"), "+OK\r\n");
    });
}

#[test]
fn skipping_a_reply_skips_one() {
    in_every_variant(|scene| {
        assert_eq!(scene.sub("CLIENT REPLY SKIP\r\nPING\r\nPING"), "+PONG\r\n");
        assert_eq!(scene.sub("CLIENT REPLY SKIP\r\nNONSENSE\r\nPING"), "+PONG\r\n");
        let got = scene.sub("CLIENT REPLY SKIP\r\nSUBSCRIBE a\r\nPING");
        let pong = if scene.is_resp3() { "+PONG\r\n" } else { "*2\r\n$4\r\npong\r\n$0\r\n\r\n" };
        assert_eq!(got, scene.confirmed("subscribe", "a", 1) + pong);
    });
}

#[test]
fn a_silent_publisher_to_itself_gets_the_push() {
    in_every_variant(|scene| {
        if scene.is_resp3() {
            scene.sub("SUBSCRIBE a");
            assert_eq!(scene.sub("CLIENT REPLY OFF\r\nPUBLISH a x\r\nPING"), scene.message("a", "x"));
            assert_eq!(scene.sub("MULTI\r\nPUBLISH a y\r\nEXEC"), scene.message("a", "y"));
        }
    });
}

#[test]
fn what_was_published_before_hello_comes_in_the_old_protocol() {
    in_every_variant(|scene| {
        if !scene.is_resp3() {
            return;
        }
        let (subscriber, publisher) = (scene.subscriber, scene.publisher);
        scene.sub("SUBSCRIBE a");
        scene.harness.send(&publisher, "PUBLISH a before\r\n");
        scene.harness.send(&subscriber, "HELLO 2\r\n");
        scene.harness.send(&publisher, "PUBLISH a after\r\n");
        scene.harness.settle();
        let heard = scene.heard();
        let message = |protocol, payload: &str| frame(protocol, &["message".into(), "a".into(), payload.into()]);
        assert!(heard.starts_with(&(message(Protocol::Resp3, "before") + "*14\r\n")), "{heard}");
        assert!(heard.ends_with(&message(Protocol::Resp2, "after")), "{heard}");
        // Subscribed in RESP2, it is in subscribe mode now.
        assert_eq!(scene.sub("ECHO x"), refused_in_subscribe_mode("echo"));
    });
}

#[test]
fn hello_inside_a_transaction_divides_the_messages() {
    in_every_variant(|scene| {
        if !scene.is_resp3() {
            return;
        }
        scene.sub("SUBSCRIBE a");
        let got = scene.sub("MULTI\r\nPUBLISH a 1\r\nHELLO 2\r\nPUBLISH a 2\r\nEXEC");
        let message = |protocol, payload: &str| frame(protocol, &["message".into(), "a".into(), payload.into()]);
        let ending = format!(":1\r\n{}{}", message(Protocol::Resp3, "1"), message(Protocol::Resp2, "2"));
        assert!(got.ends_with(&ending), "{got}");
    });
}

#[test]
fn a_refused_request_spoils_the_transaction() {
    in_every_variant(|scene| {
        scene.sub("SUBSCRIBE a");
        for bad in ["NONSENSE", "PUBLISH a", "SUBSCRIBE"] {
            let got = scene.publish(&format!("MULTI\r\n{bad}\r\nPUBLISH a x\r\nEXEC"));
            assert!(got.starts_with("+OK\r\n-ERR "), "{got}");
            assert!(got.ends_with("-EXECABORT Transaction discarded because of previous errors.\r\n"), "{got}");
        }
        assert_eq!(scene.heard(), "");
        assert_eq!(scene.publish("EXEC"), "-ERR EXEC without MULTI\r\n");
        assert_eq!(scene.publish("DISCARD"), "-ERR DISCARD without MULTI\r\n");
        assert_eq!(scene.publish("MULTI\r\nMULTI"), "+OK\r\n-ERR MULTI calls can not be nested\r\n");
    });
}

#[test]
fn a_subscriber_killed_inside_a_transaction_is_gone() {
    in_every_variant(|scene| {
        scene.sub("SUBSCRIBE a");
        scene.sub("PSUBSCRIBE *");
        let id = scene.subscriber.id;
        let got = scene.publish(&format!("MULTI\r\nPUBLISH a x\r\nCLIENT KILL ID {id}\r\nPUBLISH a y\r\nEXEC"));
        assert!(got.contains("*3\r\n:2\r\n:1\r\n:"), "{got}");
        assert_eq!(scene.harness.closed(&scene.subscriber), Some(CloseReason::Killed));
        assert_eq!(scene.publish("PUBLISH a z"), ":0\r\n");
        assert_eq!(scene.publish("PUBSUB NUMPAT"), ":0\r\n");
    });
}

#[test]
fn a_killed_subscriber_no_longer_counts_once_that_is_answered() {
    in_every_variant(|scene| {
        scene.sub("SUBSCRIBE a");
        let id = scene.subscriber.id;
        assert_eq!(scene.publish(&format!("CLIENT KILL ID {id}\r\nPUBLISH a x")), ":1\r\n:0\r\n");
        assert_eq!(scene.harness.closed(&scene.subscriber), Some(CloseReason::Killed));
    });
}

#[test]
fn who_kills_itself_inside_a_transaction_still_gets_the_reply() {
    in_every_variant(|scene: &mut Scene| {
        let id = scene.subscriber.id;
        let got = scene.sub(&format!("MULTI\r\nSUBSCRIBE a\r\nCLIENT KILL ID {id} SKIPME no\r\nPING\r\nEXEC\r\nPING"));
        assert!(got.contains(&format!("*3\r\n{}:1\r\n", scene.confirmed("subscribe", "a", 1))), "{got}");
        assert_eq!(scene.harness.closed(&scene.subscriber), Some(CloseReason::Killed));
        assert_eq!(scene.publish("PUBLISH a x"), ":0\r\n");
    });
}

#[test]
fn two_clients_that_kill_each_other_are_both_gone() {
    in_every_variant(|scene| {
        let (first, second) = (scene.subscriber, scene.publisher);
        scene.harness.send(&first, format!("CLIENT KILL ID {}\r\n", second.id));
        scene.harness.send(&second, format!("CLIENT KILL ID {}\r\n", first.id));
        scene.harness.settle();
        assert_eq!(scene.harness.closed(&first), Some(CloseReason::Killed));
        assert_eq!(scene.harness.closed(&second), Some(CloseReason::Killed));
        assert_eq!(scene.harness.broker.clients().len(), 0);
    });
}

#[test]
fn requests_may_come_byte_by_byte() {
    in_every_variant(|scene| {
        let peer = scene.subscriber;
        for byte in super::request(&["SUBSCRIBE", "a", "b"]).bytes().chain(*b"PING x\r\n") {
            scene.harness.send(&peer, [byte]);
        }
        scene.harness.settle();
        let ping = if scene.is_resp3() { bulk("x") } else { format!("*2\r\n$4\r\npong\r\n{}", bulk("x")) };
        let expected = scene.confirmed("subscribe", "a", 1) + &scene.confirmed("subscribe", "b", 2) + &ping;
        assert_eq!(scene.heard(), expected);
    });
}

#[test]
fn a_breach_of_the_protocol_is_told_and_ends_the_connection() {
    in_every_variant(|scene| {
        scene.sub("SUBSCRIBE a");
        let got = scene.sub("*1\r\n!4\r\nPING\r\nPING");
        assert_eq!(got, "-ERR Protocol error: expected '$', got '!'\r\n");
        assert_eq!(scene.harness.closed(&scene.subscriber), Some(CloseReason::ProtocolError));
        assert_eq!(scene.publish("PUBLISH a x"), ":0\r\n");
    });
}

#[test]
fn an_error_that_quotes_the_request_is_one_line() {
    in_every_variant(|scene| {
        let peer = scene.subscriber;
        for args in [
            &["HELLO", "3", "x\r\n:1\r\n"][..],
            &["no\r\n:1\r\n"],
            &["CLIENT", "SETINFO", "x\r\n:1\r\n", "y"],
            &["CLIENT", "KILL", "TYPE", "x\r\n:1\r\n"],
            &["CONFIG", "SET", "x\r\n:1\r\n", "y"],
            &["PUBSUB", "x\r\n:1\r\n"],
        ] {
            let got = scene.harness.ask(&peer, super::request(args));
            assert!(got.starts_with('-') && got.find("\r\n") == Some(got.len() - 2), "{args:?}: {got}");
        }
    });
}
