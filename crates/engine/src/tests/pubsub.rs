//! Frames, counts, order and introspection of subscriptions.

use super::{bulk, in_every_variant, request};

#[test]
fn every_name_of_a_subscription_is_confirmed_with_the_count() {
    in_every_variant(|scene| {
        let expected = [("a", 1), ("b", 2), ("a", 2)].map(|(name, count)| scene.confirmed("subscribe", name, count));
        assert_eq!(scene.sub("SUBSCRIBE a b a"), expected.concat());
        assert_eq!(scene.sub("PSUBSCRIBE a*"), scene.confirmed("psubscribe", "a*", 3));
        assert_eq!(scene.sub("SSUBSCRIBE a s"), {
            scene.confirmed("ssubscribe", "a", 1) + &scene.confirmed("ssubscribe", "s", 2)
        });
        assert_eq!(scene.sub("UNSUBSCRIBE nobody a"), {
            scene.confirmed("unsubscribe", "nobody", 3) + &scene.confirmed("unsubscribe", "a", 2)
        });
        assert_eq!(scene.sub("PUNSUBSCRIBE a*"), scene.confirmed("punsubscribe", "a*", 1));
        assert_eq!(scene.sub("SUNSUBSCRIBE a"), scene.confirmed("sunsubscribe", "a", 1));
    });
}

#[test]
fn unsubscribing_from_everything_names_each_or_nothing() {
    in_every_variant(|scene| {
        for (kind, count) in [("UNSUBSCRIBE", 0), ("PUNSUBSCRIBE", 0), ("SUNSUBSCRIBE", 0)] {
            assert_eq!(scene.sub(kind), scene.confirmed_nothing(&kind.to_lowercase(), count));
        }
        scene.sub("PSUBSCRIBE p1 p2");
        assert_eq!(scene.sub("UNSUBSCRIBE"), scene.confirmed_nothing("unsubscribe", 2));
        assert_eq!(scene.sub("SUNSUBSCRIBE"), scene.confirmed_nothing("sunsubscribe", 0));
        scene.sub("SUBSCRIBE a b");
        let first = |scene: &super::Scene, name| scene.confirmed("unsubscribe", name, 3);
        let second = |scene: &super::Scene, name| scene.confirmed("unsubscribe", name, 2);
        let got = scene.sub("UNSUBSCRIBE");
        let orders = [first(scene, "a") + &second(scene, "b"), first(scene, "b") + &second(scene, "a")];
        assert!(orders.contains(&got), "{got}");
        let got = scene.sub("PUNSUBSCRIBE");
        assert!(got.ends_with(":0\r\n") && got.matches("punsubscribe").count() == 2, "{got}");
        assert_eq!(scene.sub("PING"), "+PONG\r\n");
    });
}

#[test]
fn each_matching_subscription_counts_and_delivers() {
    in_every_variant(|scene| {
        scene.sub("PSUBSCRIBE a*");
        scene.sub("SUBSCRIBE abc");
        scene.sub("PSUBSCRIBE *c no*");
        assert_eq!(scene.publish("PUBLISH abc x"), ":3\r\n");
        let heard = scene.heard();
        let channel = scene.message("abc", "x");
        let patterns = [scene.pmessage("a*", "abc", "x"), scene.pmessage("*c", "abc", "x")];
        // Which pattern comes first is not promised.
        let orders = [[&patterns[0][..], &patterns[1]], [&patterns[1], &patterns[0]]];
        assert!(orders.iter().any(|order| heard == channel.clone() + &order.concat()), "{heard}");
        assert_eq!(scene.publish("PUBLISH other x"), ":0\r\n");
        assert_eq!(scene.heard(), "");
    });
}

#[test]
fn channel_and_pattern_copies_come_in_that_order() {
    in_every_variant(|scene| {
        scene.sub("SUBSCRIBE a");
        scene.sub("PSUBSCRIBE a*");
        assert_eq!(scene.publish("PUBLISH a x"), ":2\r\n");
        assert_eq!(scene.heard(), scene.message("a", "x") + &scene.pmessage("a*", "a", "x"));
        assert_eq!(scene.publish("PUBLISH a 1\r\nPUBLISH ab 2\r\nPUBLISH a 3"), ":2\r\n:1\r\n:2\r\n");
        let expected = [
            scene.message("a", "1"),
            scene.pmessage("a*", "a", "1"),
            scene.pmessage("a*", "ab", "2"),
            scene.message("a", "3"),
            scene.pmessage("a*", "a", "3"),
        ];
        assert_eq!(scene.heard(), expected.concat());
    });
}

#[test]
fn shard_channels_are_a_name_space_of_their_own() {
    in_every_variant(|scene| {
        scene.sub("SSUBSCRIBE a");
        assert_eq!(scene.publish("PUBLISH a x"), ":0\r\n");
        scene.sub("SUBSCRIBE a");
        scene.sub("PSUBSCRIBE *");
        assert_eq!(scene.publish("SPUBLISH a s"), ":1\r\n");
        assert_eq!(scene.heard(), scene.push(&["smessage".into(), "a".into(), "s".into()]));
        assert_eq!(scene.publish("PUBLISH a x"), ":2\r\n");
        assert_eq!(scene.heard(), scene.message("a", "x") + &scene.pmessage("*", "a", "x"));
    });
}

#[test]
fn messages_are_bytes_and_ignore_the_database() {
    in_every_variant(|scene| {
        let channel = "a \0\r\n$1\r\nb";
        let (subscriber, publisher) = (scene.subscriber, scene.publisher);
        let got = scene.harness.ask(&subscriber, request(&["SUBSCRIBE", channel, ""]));
        assert_eq!(got, scene.confirmed("subscribe", channel, 1) + &scene.confirmed("subscribe", "", 2));
        assert_eq!(scene.publish("SELECT 7"), "+OK\r\n");
        assert_eq!(scene.harness.ask(&publisher, request(&["PUBLISH", channel, "\r\n"])), ":1\r\n");
        assert_eq!(scene.harness.ask(&publisher, request(&["PUBLISH", "", ""])), ":1\r\n");
        assert_eq!(scene.heard(), scene.message(channel, "\r\n") + &scene.message("", ""));
    });
}

#[test]
fn large_payloads_keep_their_place() {
    in_every_variant(|scene| {
        let large = "L".repeat(100_000);
        scene.sub("SUBSCRIBE a");
        let publisher = scene.publisher;
        let lines = ["s1", &large, "s2"].map(|payload| request(&["PUBLISH", "a", payload]));
        assert_eq!(scene.harness.ask(&publisher, lines.concat()), ":1\r\n:1\r\n:1\r\n");
        assert_eq!(scene.heard(), ["s1", &large, "s2"].map(|payload| scene.message("a", payload)).concat());
    });
}

#[test]
fn what_was_published_before_a_subscription_stays_out() {
    in_every_variant(|scene| {
        let (subscriber, publisher) = (scene.subscriber, scene.publisher);
        // All without a turn in between, so the first message still lies in the mailbox.
        scene.sub("SUBSCRIBE other");
        let second = scene.connect(&subscriber);
        scene.harness.ask(&second, "SUBSCRIBE a\r\n");
        scene.harness.send(&publisher, "PUBLISH a before\r\n");
        scene.harness.send(&subscriber, "SUBSCRIBE a\r\n");
        scene.harness.send(&publisher, "PUBLISH a within\r\n");
        scene.harness.send(&subscriber, "UNSUBSCRIBE a\r\n");
        scene.harness.send(&publisher, "PUBLISH a after\r\n");
        scene.harness.settle();
        let expected = [
            scene.confirmed("subscribe", "a", 2),
            scene.message("a", "within"),
            scene.confirmed("unsubscribe", "a", 1),
        ];
        assert_eq!(scene.heard(), expected.concat());
        assert_eq!(scene.harness.take(&publisher), b":1\r\n:2\r\n:1\r\n");
        let expected = ["before", "within", "after"].map(|payload| scene.message("a", payload));
        assert_eq!(String::from_utf8(scene.harness.take(&second)).unwrap(), expected.concat());
    });
}

#[test]
fn a_client_that_publishes_to_itself_gets_reply_push_next_reply() {
    in_every_variant(|scene| {
        if !scene.is_resp3() {
            return;
        }
        scene.sub("SUBSCRIBE a");
        assert_eq!(scene.sub("PUBLISH a x\r\nECHO y"), format!(":1\r\n{}{}", scene.message("a", "x"), bulk("y")));
        let got = scene.sub("MULTI\r\nPUBLISH a 1\r\nPUBLISH a 2\r\nEXEC\r\nECHO z");
        let pushes = scene.message("a", "1") + &scene.message("a", "2");
        assert_eq!(got, format!("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n:1\r\n{pushes}{}", bulk("z")));
        let got = scene.sub("MPUBLISH a 1 b 2 a 3\r\nECHO z");
        let pushes = scene.message("a", "1") + &scene.message("a", "3");
        assert_eq!(got, format!("*3\r\n:1\r\n:0\r\n:1\r\n{pushes}{}", bulk("z")));
    });
}

#[test]
fn subscriptions_and_publishes_work_inside_a_transaction() {
    in_every_variant(|scene| {
        let got = scene.sub("MULTI\r\nSUBSCRIBE a\r\nPUBLISH a x\r\nUNSUBSCRIBE a\r\nPUBLISH a y\r\nEXEC");
        let expected = format!(
            "+OK\r\n{}*4\r\n{}:1\r\n{}:0\r\n{}",
            "+QUEUED\r\n".repeat(4),
            scene.confirmed("subscribe", "a", 1),
            scene.confirmed("unsubscribe", "a", 0),
            scene.message("a", "x"),
        );
        assert_eq!(got, expected);
        let got = scene.sub("MULTI\r\nSSUBSCRIBE a\r\nPSUBSCRIBE p\r\nEXEC");
        let refusal = "-ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client\r\n";
        assert!(
            got.ends_with(&format!("*2\r\n{refusal}{}", scene.confirmed("psubscribe", "p", 1)))
                || got.contains("EXECABORT"),
            "{got}"
        );
    });
}

#[test]
fn a_transaction_publishes_when_it_is_executed() {
    in_every_variant(|scene| {
        scene.sub("SUBSCRIBE a");
        assert_eq!(scene.publish("MULTI\r\nPUBLISH a 1\r\nPUBLISH a 2"), "+OK\r\n+QUEUED\r\n+QUEUED\r\n");
        assert_eq!(scene.heard(), "");
        assert_eq!(scene.publish("EXEC"), "*2\r\n:1\r\n:1\r\n");
        assert_eq!(scene.heard(), scene.message("a", "1") + &scene.message("a", "2"));
        scene.publish("MULTI\r\nPUBLISH a 3\r\nDISCARD");
        assert_eq!(scene.heard(), "");
    });
}

#[test]
fn patterns_match_as_redis_globs() {
    in_every_variant(|scene| {
        let cases = [
            ("h?llo", "hello", true),
            ("h[ae]llo", "hillo", false),
            ("h[^e]llo", "hallo", true),
            ("[z-a]", "m", true),
            ("a\\*", "a*", true),
            ("a\\*", "ab", false),
            ("tail\\", "tail\\", true),
            ("open[ab", "opena", true),
            ("**", "any.thing/else", true),
            ("Case", "case", false),
        ];
        for (pattern, channel, matches) in cases {
            let (subscriber, publisher) = (scene.subscriber, scene.publisher);
            scene.harness.ask(&subscriber, request(&["PSUBSCRIBE", pattern]));
            let got = scene.harness.ask(&publisher, request(&["PUBLISH", channel, "x"]));
            assert_eq!(got, format!(":{}\r\n", i32::from(matches)), "{pattern} on {channel}");
            assert_eq!(scene.heard() == scene.pmessage(pattern, channel, "x"), matches);
            scene.harness.ask(&subscriber, request(&["PUNSUBSCRIBE", pattern]));
        }
    });
}

#[test]
fn pubsub_tells_what_is_subscribed() {
    in_every_variant(|scene| {
        assert_eq!(scene.publish("PUBSUB CHANNELS"), "*0\r\n");
        assert_eq!(scene.publish("PUBSUB NUMSUB"), "*0\r\n");
        assert_eq!(scene.publish("PUBSUB SHARDNUMSUB"), "*0\r\n");
        scene.sub("SUBSCRIBE news");
        scene.sub("PSUBSCRIBE n* m*");
        scene.sub("SSUBSCRIBE shard");
        let like = scene.publisher;
        let second = scene.connect(&like);
        scene.harness.ask(&second, "SUBSCRIBE news\r\n");
        scene.harness.ask(&second, "PSUBSCRIBE n*\r\n");
        assert_eq!(scene.publish("PUBSUB CHANNELS"), "*1\r\n$4\r\nnews\r\n");
        assert_eq!(scene.publish("PUBSUB CHANNELS n*"), "*1\r\n$4\r\nnews\r\n");
        assert_eq!(scene.publish("PUBSUB CHANNELS x*"), "*0\r\n");
        let pair = |name: &str, count: i32| format!("{}:{count}\r\n", bulk(name));
        assert_eq!(scene.publish("PUBSUB NUMSUB news x news"), {
            format!("*6\r\n{}{}{}", pair("news", 2), pair("x", 0), pair("news", 2))
        });
        assert_eq!(scene.publish("PUBSUB NUMPAT"), ":2\r\n");
        assert_eq!(scene.publish("PUBSUB SHARDCHANNELS"), "*1\r\n$5\r\nshard\r\n");
        assert_eq!(scene.publish("PUBSUB SHARDNUMSUB shard news"), {
            format!("*4\r\n{}{}", pair("shard", 1), pair("news", 0))
        });
        assert!(scene.publish("PUBSUB HELP").starts_with('*'));
        assert!(scene.publish("PUBSUB NOTHING").starts_with("-ERR unknown subcommand"));
        let info = scene.publish("INFO");
        for line in ["pubsub_channels:1", "pubsub_patterns:2", "pubsubshard_channels:1", "pubsub_clients:2"] {
            assert!(info.contains(&format!("{line}\r\n")), "{line} in {info}");
        }
    });
}

#[test]
fn pubsub_names_the_subscribers_of_a_channel() {
    in_every_variant(|scene| {
        scene.sub("CLIENT SETNAME reader");
        scene.sub("SUBSCRIBE a");
        let id = scene.subscriber.id;
        let got = scene.publish("PUBSUB SUBSCRIBERS a");
        let expected = format!("*1\r\n*8\r\n$2\r\nid\r\n:{id}\r\n$4\r\nname\r\n$6\r\nreader\r\n$4\r\naddr\r\n");
        assert!(got.starts_with(&expected) && got.ends_with("$12\r\nqueued-bytes\r\n:0\r\n"), "{got}");
        scene.sub("PSUBSCRIBE a*");
        scene.sub("UNSUBSCRIBE a");
        assert_eq!(scene.publish("PUBSUB SUBSCRIBERS a"), "*0\r\n");
    });
}

#[test]
fn several_messages_go_out_in_one_request() {
    in_every_variant(|scene| {
        scene.sub("SUBSCRIBE a b");
        assert_eq!(scene.publish("MPUBLISH a 1 b 2 c 3 a 4"), "*4\r\n:1\r\n:1\r\n:0\r\n:1\r\n");
        assert_eq!(scene.heard(), scene.message("a", "1") + &scene.message("b", "2") + &scene.message("a", "4"));
        assert_eq!(scene.publish("MPUBLISH a 1 b"), "-ERR wrong number of arguments for 'mpublish' command\r\n");
        assert_eq!(scene.heard(), "");
    });
}

#[test]
fn the_servers_own_channels_are_for_listening_only() {
    in_every_variant(|scene| {
        assert_eq!(scene.sub("SUBSCRIBE __fanfare__:x"), scene.confirmed("subscribe", "__fanfare__:x", 1));
        for line in ["PUBLISH __fanfare__:x 1", "SPUBLISH __fanfare__:x 1", "MPUBLISH a 1 __fanfare__:x 1"] {
            let got = scene.publish(line);
            assert!(got.starts_with("-ERR channels that start with '__fanfare__:'"), "{got}");
        }
        assert_eq!(scene.heard(), "");
    });
}
