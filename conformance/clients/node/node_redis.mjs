// node-redis with its default settings: node node_redis.mjs HOST PORT
import assert from 'node:assert/strict';
import { createClient } from 'redis';
import { Inbox, allReady, restartServer, run, within } from './common.mjs';

await run(async (host, port) => {
  const client = createClient({ url: `redis://${host}:${port}` });
  const subscriber = client.duplicate();
  const errors = [];
  client.on('error', (error) => errors.push(error));
  subscriber.on('error', (error) => errors.push(error));
  await within(Promise.all([client.connect(), subscriber.connect()]), 'connection');

  assert.equal(await client.ping(), 'PONG');
  assert.equal(await client.publish('nobody', 'x'), 0);

  const inbox = new Inbox();
  const onNews = (message, channel) => inbox.put('message', channel, message);
  await within(subscriber.subscribe(['news', 'other'], onNews), 'confirmation');
  await within(subscriber.pSubscribe('n*s', (message, channel) => inbox.put('pmessage', channel, message)), 'confirmation');
  await within(subscriber.sSubscribe('shard', (message, channel) => inbox.put('smessage', channel, message)), 'confirmation');

  assert.equal(await client.publish('news', 'hello'), 2);
  await inbox.expect('message', 'news', 'hello');
  await inbox.expect('pmessage', 'news', 'hello');
  assert.equal(await client.sPublish('shard', 's'), 1);
  await inbox.expect('smessage', 'shard', 's');
  const large = 'line\r\n'.repeat(20_000);
  assert.equal(await client.publish('other', large), 1);
  await inbox.expect('message', 'other', large);
  assert.deepEqual(await client.multi().publish('other', 'one').publish('nobody', 'two').exec(), [1, 0]);
  await inbox.expect('message', 'other', 'one');

  assert.deepEqual({ ...(await client.pubSubNumSub(['news', 'nobody'])) }, { news: 1, nobody: 0 });
  assert.deepEqual((await client.pubSubChannels()).sort(), ['news', 'other']);
  assert.equal(await client.pubSubNumPat(), 1);
  assert.deepEqual(await client.pubSubShardChannels(), ['shard']);
  assert.deepEqual({ ...(await client.pubSubShardNumSub(['shard'])) }, { shard: 1 });

  await within(subscriber.unsubscribe('other'), 'confirmation');
  await within(subscriber.pUnsubscribe(), 'confirmation');
  await within(subscriber.sUnsubscribe('shard'), 'confirmation');
  assert.equal(await client.publish('news', 'still'), 1);
  await inbox.expect('message', 'news', 'still');
  assert.deepEqual(errors, []);

  const ready = allReady(client, subscriber);
  await restartServer();
  await within(ready, 'new connection');
  assert.equal(await client.publish('news', 'again'), 1);
  await inbox.expect('message', 'news', 'again');

  await within(subscriber.unsubscribe(), 'confirmation');
  assert.equal(await client.publish('news', 'gone'), 0);
  assert.equal(await client.clientSetName('tester'), 'OK');
  assert.equal(await client.clientGetName(), 'tester');
  await client.close();
  await subscriber.close();
});
