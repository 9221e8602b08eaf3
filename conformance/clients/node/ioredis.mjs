// ioredis with its default settings: node ioredis.mjs HOST PORT
import assert from 'node:assert/strict';
import { Redis } from 'ioredis';
import { Inbox, allReady, restartServer, run, within } from './common.mjs';

await run(async (host, port) => {
  const client = new Redis(port, host);
  const subscriber = new Redis(port, host);
  // Its own connection: once the last shard channel is gone, this client takes no messages of channels any more.
  const shards = new Redis(port, host);
  const errors = [];
  client.on('error', (error) => errors.push(error));
  subscriber.on('error', (error) => errors.push(error));
  shards.on('error', (error) => errors.push(error));
  await within(allReady(client, subscriber, shards), 'connection');

  assert.equal(await client.ping(), 'PONG');
  assert.equal(await client.publish('nobody', 'x'), 0);

  const inbox = new Inbox();
  subscriber.on('message', (channel, message) => inbox.put('message', channel, message));
  subscriber.on('pmessage', (pattern, channel, message) => inbox.put('pmessage', pattern, channel, message));
  shards.on('smessage', (channel, message) => inbox.put('smessage', channel, message));
  assert.equal(await within(subscriber.subscribe('news', 'other'), 'confirmation'), 2);
  assert.equal(await within(subscriber.psubscribe('n*s'), 'confirmation'), 3);
  assert.equal(await within(shards.ssubscribe('shard'), 'confirmation'), 1);

  assert.equal(await client.publish('news', 'hello'), 2);
  await inbox.expect('message', 'news', 'hello');
  await inbox.expect('pmessage', 'n*s', 'news', 'hello');
  assert.equal(await client.spublish('shard', 's'), 1);
  await inbox.expect('smessage', 'shard', 's');
  const large = 'line\r\n'.repeat(20_000);
  assert.equal(await client.publish('other', large), 1);
  await inbox.expect('message', 'other', large);
  assert.deepEqual(await client.multi().publish('other', 'one').publish('nobody', 'two').exec(), [[null, 1], [null, 0]]);
  await inbox.expect('message', 'other', 'one');

  assert.deepEqual(await client.pubsub('NUMSUB', 'news', 'nobody'), ['news', 1, 'nobody', 0]);
  assert.deepEqual((await client.pubsub('CHANNELS')).sort(), ['news', 'other']);
  assert.equal(await client.pubsub('NUMPAT'), 1);
  assert.deepEqual(await client.pubsub('SHARDCHANNELS'), ['shard']);
  assert.deepEqual(await client.pubsub('SHARDNUMSUB', 'shard'), ['shard', 1]);

  assert.equal(await within(subscriber.unsubscribe('other'), 'confirmation'), 2);
  assert.equal(await within(subscriber.punsubscribe('n*s'), 'confirmation'), 1);
  await within(shards.sunsubscribe('shard'), 'confirmation');
  assert.equal(await client.publish('news', 'still'), 1);
  await inbox.expect('message', 'news', 'still');
  assert.deepEqual(errors, []);
  await shards.quit();

  const ready = allReady(client, subscriber);
  await restartServer();
  await within(ready, 'new connection');
  // The client subscribes again by itself once it is ready, and does not say when that is confirmed.
  await within((async () => {
    while ((await client.pubsub('NUMSUB', 'news'))[1] !== 1);
  })(), 'subscription');
  assert.equal(await client.publish('news', 'again'), 1);
  await inbox.expect('message', 'news', 'again');

  assert.equal(await client.client('SETNAME', 'tester'), 'OK');
  assert.equal(await client.client('GETNAME'), 'tester');
  await client.quit();
  await subscriber.quit();
});
