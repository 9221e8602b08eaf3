//! Slow subscribers, publishers ahead of the fan-out, pauses and the end: what happens when something is too much.

use fanfare_wire::Protocol;

use super::{Scene, in_every_variant, in_every_variant_of, request, settings};
use crate::{CloseReason, Endpoint};

/// Hard limit 4000 bytes, soft limit 2000 for more than one second.
const SMALL_LIMITS: (&str, &str) = ("client-output-buffer-limit", "pubsub 4000 2000 1");

/// Publishes `count` messages of 100 bytes on `channel`, numbered from `first`.
fn publish_many(scene: &mut Scene, channel: &str, first: usize, count: usize) {
    let publisher = scene.publisher;
    let lines: String =
        (first..first + count).map(|at| request(&["PUBLISH", channel, &format!("{at:0100}")])).collect();
    let got = scene.harness.ask(&publisher, lines);
    assert_eq!(got, ":1\r\n".repeat(count));
}

fn numbered(scene: &Scene, channel: &str, at: usize) -> String {
    scene.message(channel, &format!("{at:0100}"))
}

#[test]
fn a_stalled_subscriber_is_closed_above_the_hard_limit() {
    in_every_variant_of(&settings(&[SMALL_LIMITS]), |scene| {
        scene.sub("SUBSCRIBE a");
        let subscriber = scene.subscriber;
        scene.harness.block(&subscriber);
        publish_many(scene, "a", 0, 10);
        assert_eq!(scene.harness.closed(&subscriber), None);
        publish_many(scene, "a", 10, 30);
        assert_eq!(scene.harness.closed(&subscriber), Some(CloseReason::OutboxHardLimit));
        assert_eq!(scene.publish("PUBLISH a x"), ":0\r\n");
        let info = scene.publish("INFO stats");
        assert!(info.contains("client_output_buffer_limit_disconnections:1\r\n"), "{info}");
    });
}

#[test]
fn a_stalled_subscriber_is_closed_when_above_the_soft_limit_for_too_long() {
    in_every_variant_of(&settings(&[SMALL_LIMITS]), |scene| {
        scene.sub("SUBSCRIBE a");
        let subscriber = scene.subscriber;
        scene.harness.block(&subscriber);
        publish_many(scene, "a", 0, 18);
        scene.harness.advance_ms(900);
        assert_eq!(scene.harness.closed(&subscriber), None);
        scene.harness.advance_ms(900);
        assert_eq!(scene.harness.closed(&subscriber), Some(CloseReason::OutboxSoftLimit));
    });
}

#[test]
fn who_takes_its_messages_in_time_stays() {
    in_every_variant_of(&settings(&[SMALL_LIMITS]), |scene| {
        scene.sub("SUBSCRIBE a");
        let subscriber = scene.subscriber;
        scene.harness.block(&subscriber);
        publish_many(scene, "a", 0, 18);
        scene.harness.advance_ms(900);
        scene.harness.unblock(&subscriber);
        scene.harness.settle();
        let expected: String = (0..18).map(|at| numbered(scene, "a", at)).collect();
        assert_eq!(scene.heard(), expected);
        scene.harness.advance_ms(5000);
        assert_eq!(scene.harness.closed(&subscriber), None);
    });
}

#[test]
fn the_oldest_messages_are_dropped_and_the_subscriber_is_told() {
    let settings = settings(&[SMALL_LIMITS, ("slow-subscriber-policy", "drop-oldest")]);
    in_every_variant_of(&settings, |scene| {
        scene.sub("SUBSCRIBE a __fanfare__:lag");
        let subscriber = scene.subscriber;
        scene.harness.block(&subscriber);
        publish_many(scene, "a", 0, 100);
        assert_eq!(scene.harness.closed(&subscriber), None);
        scene.harness.unblock(&subscriber);
        scene.harness.settle();
        let heard = scene.heard();
        let length = numbered(scene, "a", 0).len();
        let kept = heard.matches(&format!("{:090}", 0)).count();
        assert!(kept > 0 && kept * length <= 4000, "{kept} kept");
        let newest: String = (100 - kept..100).map(|at| numbered(scene, "a", at)).collect();
        let notice = heard.strip_suffix(&newest).expect("the newest come last and in order");
        let dropped = 100 - kept;
        let json = format!(
            r#"{{"count":{dropped},"bytes":{},"policy":"drop-oldest","channels":[{{"name":"a","count":{dropped}}}],"other_channels":0}}"#,
            dropped * length
        );
        assert_eq!(notice, scene.message("__fanfare__:lag", &json));
        // Once all is taken, nothing is dropped any more.
        publish_many(scene, "a", 100, 1);
        assert_eq!(scene.heard(), numbered(scene, "a", 100));
    });
}

#[test]
fn the_latest_of_each_channel_is_kept() {
    let settings = settings(&[SMALL_LIMITS, ("slow-subscriber-policy", "latest")]);
    in_every_variant_of(&settings, |scene| {
        scene.sub("SUBSCRIBE a b");
        let subscriber = scene.subscriber;
        scene.harness.block(&subscriber);
        publish_many(scene, "a", 0, 1);
        publish_many(scene, "b", 1, 1);
        publish_many(scene, "a", 2, 60);
        assert_eq!(scene.harness.closed(&subscriber), None);
        scene.harness.unblock(&subscriber);
        scene.harness.settle();
        let heard = scene.heard();
        assert!(heard.contains(&numbered(scene, "b", 1)), "{heard}");
        assert!(heard.ends_with(&numbered(scene, "a", 61)), "{heard}");
        assert!(heard.len() <= 4000);
    });
}

#[test]
fn a_stalled_subscriber_slows_no_publisher() {
    in_every_variant_of(&settings(&[("publish-window-bytes", "4096")]), |scene| {
        scene.sub("SUBSCRIBE a");
        let subscriber = scene.subscriber;
        scene.harness.block(&subscriber);
        // All answered, although nothing of it leaves.
        publish_many(scene, "a", 0, 200);
        scene.harness.unblock(&subscriber);
        scene.harness.settle();
        let expected: String = (0..200).map(|at| numbered(scene, "a", at)).collect();
        assert_eq!(scene.heard(), expected);
    });
}

#[test]
fn a_publisher_waits_for_the_fan_out_and_goes_on() {
    in_every_variant_of(&settings(&[("publish-window-bytes", "4096")]), |scene| {
        scene.sub("SUBSCRIBE a");
        let publisher = scene.publisher;
        let payload = "x".repeat(1000);
        let lines = request(&["PUBLISH", "a", &payload]).repeat(50);
        scene.harness.send(&publisher, lines + "ECHO end\r\n");
        let worker = &scene.harness.workers[publisher.worker];
        assert!(!worker.may_read(publisher.conn), "it should wait");
        let fanout = &worker.fanout;
        assert!(fanout.outbox_bytes(publisher.conn) < 10 * 4, "most requests should not have been executed");
        scene.harness.settle();
        let got = String::from_utf8(scene.harness.take(&publisher)).unwrap();
        assert_eq!(got, ":1\r\n".repeat(50) + "$3\r\nend\r\n");
        assert_eq!(scene.heard(), scene.message("a", &payload).repeat(50));
        assert!(scene.harness.workers[publisher.worker].may_read(publisher.conn));
        assert!(scene.harness.broker.stats().publisher_waits.load(std::sync::atomic::Ordering::Relaxed) > 0);
    });
}

#[test]
fn a_transaction_is_not_cut_by_the_publish_window() {
    in_every_variant_of(&settings(&[("publish-window-bytes", "4096")]), |scene| {
        scene.sub("SUBSCRIBE a");
        let publisher = scene.publisher;
        let payload = "x".repeat(1000);
        let lines = request(&["PUBLISH", "a", &payload]).repeat(20);
        let got = scene.harness.ask(&publisher, format!("MULTI\r\n{lines}EXEC\r\nECHO end\r\n"));
        assert!(got.ends_with(&format!("*20\r\n{}$3\r\nend\r\n", ":1\r\n".repeat(20))), "{got}");
        assert_eq!(scene.heard(), scene.message("a", &payload).repeat(20));
    });
}

#[test]
fn a_waiting_publisher_can_be_killed_or_can_leave() {
    in_every_variant_of(&settings(&[("publish-window-bytes", "4096")]), |scene| {
        scene.sub("SUBSCRIBE a");
        let publisher = scene.publisher;
        let lines = request(&["PUBLISH", "a", &"x".repeat(5000)]).repeat(3);
        scene.harness.send(&publisher, &lines);
        assert!(!scene.harness.workers[publisher.worker].may_read(publisher.conn));
        scene.harness.workers[publisher.worker].close(publisher.conn, CloseReason::ClientClosed);
        // Its number goes to somebody else, who has nothing to wait for.
        let next = scene.harness.connect(publisher.worker);
        assert_eq!(next.conn, publisher.conn);
        assert_eq!(scene.harness.ask(&next, "PUBLISH a y\r\n"), ":1\r\n");
        assert!(scene.heard().ends_with(&scene.message("a", "y")));
    });
}

#[test]
fn one_client_holds_only_so_many_subscriptions() {
    in_every_variant_of(&settings(&[("max-subscriptions-per-client", "3")]), |scene| {
        let refusal =
            "-ERR this client already has 3 subscriptions, as many as max-subscriptions-per-client allows\r\n";
        scene.sub("SSUBSCRIBE s");
        let got = scene.sub("SUBSCRIBE a b c a");
        let expected = [
            scene.confirmed("subscribe", "a", 1),
            scene.confirmed("subscribe", "b", 2),
            refusal.to_owned(),
            scene.confirmed("subscribe", "a", 2),
        ];
        assert_eq!(got, expected.concat());
        assert_eq!(scene.sub("PSUBSCRIBE p"), refusal);
        assert_eq!(scene.publish("PUBLISH c x\r\nPUBLISH p x"), ":0\r\n:0\r\n");
        scene.sub("UNSUBSCRIBE b");
        assert_eq!(scene.sub("PSUBSCRIBE p"), scene.confirmed("psubscribe", "p", 2));
    });
}

#[test]
fn a_pause_holds_requests_back_until_its_end() {
    in_every_variant(|scene| {
        scene.sub("SUBSCRIBE a");
        let (subscriber, publisher) = (scene.subscriber, scene.publisher);
        let other = scene.connect(&subscriber);
        assert_eq!(scene.harness.ask(&other, "CLIENT PAUSE 1000 WRITE\r\n"), "+OK\r\n");
        assert_eq!(scene.harness.ask(&publisher, "PING\r\nPUBLISH a x\r\nPING\r\n"), "+PONG\r\n");
        assert_eq!(scene.harness.ask(&other, "MULTI\r\nPUBLISH a y\r\nEXEC\r\n"), "+OK\r\n");
        scene.harness.advance_ms(500);
        assert_eq!(scene.heard(), "");
        scene.harness.advance_ms(600);
        assert_eq!(scene.harness.take(&publisher), b":1\r\n+PONG\r\n");
        assert_eq!(scene.harness.take(&other), b"+QUEUED\r\n*1\r\n:1\r\n");
        let heard = scene.heard();
        assert!(heard.contains(&scene.message("a", "x")) && heard.contains(&scene.message("a", "y")));
    });
}

#[test]
fn a_pause_of_writes_can_be_ended_early() {
    in_every_variant(|scene| {
        let (subscriber, publisher) = (scene.subscriber, scene.publisher);
        scene.harness.ask(&subscriber, "CLIENT PAUSE 100000 WRITE\r\n");
        assert_eq!(scene.harness.ask(&publisher, "PUBLISH a x\r\n"), "");
        assert_eq!(scene.harness.ask(&subscriber, "CLIENT UNPAUSE\r\n"), "+OK\r\n");
        assert_eq!(scene.harness.take(&publisher), b":0\r\n");
    });
}

#[test]
fn a_pause_of_everything_holds_subscriptions_back_too() {
    in_every_variant(|scene| {
        scene.publish("CLIENT PAUSE 1000");
        assert_eq!(scene.sub("SUBSCRIBE a"), "");
        assert_eq!(scene.publish("PUBLISH a x"), "");
        scene.harness.advance_ms(1100);
        assert_eq!(scene.heard().find(&scene.confirmed("subscribe", "a", 1)), Some(0));
        let got = String::from_utf8(scene.harness.take(&scene.publisher.clone())).unwrap();
        assert!([":0\r\n", ":1\r\n"].contains(&&got[..]), "{got}");
    });
}

#[test]
fn draining_sends_what_is_queued_and_closes() {
    in_every_variant(|scene| {
        scene.sub("SUBSCRIBE a __fanfare__:drain");
        let (subscriber, publisher) = (scene.subscriber, scene.publisher);
        scene.harness.block(&subscriber);
        assert_eq!(scene.publish("PUBLISH a last"), ":1\r\n");
        scene.harness.broker.drain();
        scene.harness.settle();
        assert_eq!(scene.harness.closed(&publisher), Some(CloseReason::Shutdown));
        assert_eq!(scene.harness.closed(&subscriber), None, "something is still queued for it");
        assert!(!scene.harness.workers[subscriber.worker].is_drained());
        scene.harness.unblock(&subscriber);
        scene.harness.settle();
        let notice = scene.message("__fanfare__:drain", r#"{"event":"drain","timeout_s":10}"#);
        assert_eq!(scene.heard(), scene.message("a", "last") + &notice);
        assert_eq!(scene.harness.closed(&subscriber), Some(CloseReason::Shutdown));
        assert!(scene.harness.workers.iter().all(crate::Worker::is_drained));
        let (worker, now) = (&mut scene.harness.workers[0], scene.harness.now);
        let late = worker.open(Endpoint::default(), now);
        assert!(matches!(worker.poll_closed(), Some((conn, _, CloseReason::Shutdown)) if conn == late));
    });
}

#[test]
fn draining_ends_who_waits_for_others() {
    in_every_variant(|scene| {
        let (subscriber, publisher) = (scene.subscriber, scene.publisher);
        scene.harness.send(&publisher, format!("CLIENT KILL ID {}\r\n", subscriber.id));
        scene.harness.broker.drain();
        scene.harness.settle();
        assert!(scene.harness.workers.iter().all(crate::Worker::is_drained));
        assert!(scene.harness.closed(&subscriber).is_some() && scene.harness.closed(&publisher).is_some());
        assert_eq!(scene.harness.take(&publisher), b":1\r\n");
    });
}

#[test]
fn requests_queued_by_multi_count_with_what_they_cost() {
    let settings = settings(&[("client-query-buffer-limit", "1mb")]);
    let mut scene = Scene::new(Protocol::Resp2, false, settings);
    assert_eq!(scene.publish("MULTI"), "+OK\r\n");
    let publisher = scene.publisher;
    for _ in 0..100 {
        scene.harness.ask(&publisher, "PING\r\n".repeat(500));
        if scene.harness.closed(&publisher).is_some() {
            break;
        }
    }
    assert_eq!(scene.harness.closed(&publisher), Some(CloseReason::QueryBufferLimit));
}

#[test]
fn an_unfinished_request_counts_against_the_query_buffer() {
    in_every_variant_of(&settings(&[("client-query-buffer-limit", "1mb")]), |scene| {
        scene.sub("SUBSCRIBE a");
        let subscriber = scene.subscriber;
        scene.harness.send(&subscriber, "*2\r\n$4\r\nPING\r\n$100000000\r\n");
        for _ in 0..20 {
            scene.harness.send(&subscriber, vec![b'x'; 64 * 1024]);
        }
        scene.harness.settle();
        assert_eq!(scene.harness.closed(&subscriber), Some(CloseReason::QueryBufferLimit));
        assert_eq!(scene.publish("PUBLISH a x"), ":0\r\n");
    });
}

#[test]
fn long_replies_to_short_requests_stay_within_the_hard_limit() {
    let settings = settings(&[("client-output-buffer-limit", "normal 256kb 0 0")]);
    in_every_variant_of(&settings, |scene| {
        let publisher = scene.publisher;
        scene.harness.send(&publisher, "COMMAND\r\n".repeat(100));
        let queued = scene.harness.workers[publisher.worker].fanout.outbox_bytes(publisher.conn);
        assert!((256 << 10..1 << 20).contains(&queued), "{queued} bytes");
        scene.harness.settle();
        assert_eq!(scene.harness.closed(&publisher), Some(CloseReason::OutboxHardLimit));
    });
}

#[test]
fn long_replies_of_a_transaction_do_too() {
    let settings = settings(&[("client-output-buffer-limit", "normal 256kb 0 0 pubsub 256kb 0 0")]);
    in_every_variant_of(&settings, |scene| {
        scene.sub("SUBSCRIBE a");
        let publisher = scene.publisher;
        scene.harness.send(&publisher, format!("MULTI\r\n{}PUBLISH a end\r\nEXEC\r\n", "COMMAND\r\n".repeat(100)));
        scene.harness.settle();
        assert_eq!(scene.harness.closed(&publisher), Some(CloseReason::OutboxHardLimit));
        let got = scene.harness.take(&publisher);
        assert!(got.starts_with(b"+OK\r\n+QUEUED\r\n") && got.ends_with(b"+QUEUED\r\n"));
        assert_eq!(scene.heard(), scene.message("a", "end"));
    });
}
