"""redis-py with its default settings: `pubsub.py HOST PORT`.

Talks to the runner over standard input and output: the line `restart` asks for the server to be killed and started
again on its port, `restarted` is the answer.
"""

import sys
import time

import redis

WAIT_MAX = 20


def next_message(pubsub):
    """The next message or confirmation, as (type, pattern, channel, data)."""
    deadline = time.monotonic() + WAIT_MAX
    while time.monotonic() < deadline:
        message = pubsub.get_message(timeout=deadline - time.monotonic())
        if message is not None:
            return message["type"], message["pattern"], message["channel"], message["data"]
    raise TimeoutError("no message")


def check(found, expected):
    assert found == expected, f"{found!r} instead of {expected!r}"


def main():
    host, port = sys.argv[1], int(sys.argv[2])
    client = redis.Redis(host=host, port=port)
    check(client.ping(), True)
    check(client.publish("nobody", "x"), 0)

    pubsub = client.pubsub()
    pubsub.subscribe("news", b"bin\x00\xff")
    check(next_message(pubsub), ("subscribe", None, b"news", 1))
    check(next_message(pubsub), ("subscribe", None, b"bin\x00\xff", 2))
    pubsub.psubscribe("n*s")
    check(next_message(pubsub), ("psubscribe", None, b"n*s", 3))
    pubsub.ssubscribe("shard")
    check(next_message(pubsub), ("ssubscribe", None, b"shard", 1))

    check(client.publish("news", "hello"), 2)
    check(next_message(pubsub), ("message", None, b"news", b"hello"))
    check(next_message(pubsub), ("pmessage", b"n*s", b"news", b"hello"))
    check(client.publish(b"bin\x00\xff", b"\r\n\x00" * 1000), 1)
    check(next_message(pubsub), ("message", None, b"bin\x00\xff", b"\r\n\x00" * 1000))
    check(client.spublish("shard", "s"), 1)
    check(next_message(pubsub), ("smessage", None, b"shard", b"s"))
    check(client.publish("shard", "s"), 0)

    with client.pipeline() as pipeline:
        pipeline.publish("news", "one")
        pipeline.publish("nobody", "two")
        check(pipeline.execute(), [2, 0])
    check(next_message(pubsub), ("message", None, b"news", b"one"))
    check(next_message(pubsub), ("pmessage", b"n*s", b"news", b"one"))

    check(client.pubsub_numsub("news", "nobody"), [(b"news", 1), (b"nobody", 0)])
    check(sorted(client.pubsub_channels()), [b"bin\x00\xff", b"news"])
    check(client.pubsub_channels("n*"), [b"news"])
    check(client.pubsub_numpat(), 1)
    check(client.pubsub_shardchannels(), [b"shard"])
    check(client.pubsub_shardnumsub("shard"), [(b"shard", 1)])

    pubsub.ping("alive")
    check(next_message(pubsub)[3], b"alive")
    pubsub.unsubscribe(b"bin\x00\xff")
    check(next_message(pubsub), ("unsubscribe", None, b"bin\x00\xff", 2))
    pubsub.punsubscribe()
    check(next_message(pubsub), ("punsubscribe", None, b"n*s", 1))
    pubsub.sunsubscribe("shard")
    check(next_message(pubsub), ("sunsubscribe", None, b"shard", 0))
    check(client.publish("news", "still"), 1)
    check(next_message(pubsub), ("message", None, b"news", b"still"))

    print("restart", flush=True)
    check(sys.stdin.readline().strip(), "restarted")
    deadline = time.monotonic() + WAIT_MAX
    while True:
        try:
            check(next_message(pubsub), ("subscribe", None, b"news", 1))
            break
        except redis.ConnectionError:
            # The old connection is found to be gone; the next call makes a new one.
            assert time.monotonic() < deadline, "no new connection"
    check(client.publish("news", "again"), 1)
    check(next_message(pubsub), ("message", None, b"news", b"again"))

    check(client.client_setname("tester"), True)
    check(client.client_getname(), "tester")
    assert client.info()["redis_version"]
    pubsub.close()
    client.close()


main()
