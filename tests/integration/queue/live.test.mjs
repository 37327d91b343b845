// Timing, gates and identity of a running worker, judged by BullMQ's own Queue and QueueEvents.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';

import { openEvents, openQueue, scope, startRedis, startWorker, until } from './lib.mjs';

const steps = (...list) => ({ do: list });
const ok = (value = 1) => steps({ return: value });

const setUp = async (t) => {
  const s = scope(t);
  const redis = await startRedis(s);
  const queue = openQueue(s, redis, 'q');
  await queue.waitUntilReady();
  const events = await openEvents(s, redis, 'q');
  return { s, redis, queue, events };
};

const activeTimes = async (queue, jobs) =>
  (await Promise.all(jobs.map(({ id }) => queue.getJob(id)))).map((job) => job.processedOn);

test('an idle worker takes a new job at once', async (t) => {
  const { s, redis, queue, events } = await setUp(t);
  const worker = await startWorker(s, redis, 'q', 'ours', { drain: 20000 });
  await (await queue.add('encode', ok())).waitUntilFinished(events);
  const delays = [];
  for (let i = 0; i < 20; i++) {
    const job = await queue.add('encode', ok());
    await job.waitUntilFinished(events, 5000);
    const { timestamp, processedOn } = await queue.getJob(job.id);
    delays.push(processedOn - timestamp);
  }
  delays.sort((a, b) => a - b);
  assert.ok(delays[10] < 50, `median ${delays[10]} ms`);
  assert.equal(worker.stderr(), '');
});

test('a delayed job starts when due, and a nearer one added later is not missed', async (t) => {
  const { s, redis, queue, events } = await setUp(t);
  await startWorker(s, redis, 'q', 'ours', { drain: 20000 });
  const far = await queue.add('encode', ok(), { delay: 1500 });
  const near = await queue.add('encode', ok(), { delay: 400 });
  await far.waitUntilFinished(events, 10_000);
  for (const { id, delay } of [{ id: near.id, delay: 400 }, { id: far.id, delay: 1500 }]) {
    const job = await queue.getJob(id);
    const late = job.processedOn - (job.timestamp + delay);
    assert.ok(late >= -2 && late < 250, `started ${late} ms after it was due`);
  }
});

test('concurrency: exactly that many at once', async (t) => {
  const { s, redis, queue, events } = await setUp(t);
  const jobs = await queue.addBulk(Array.from({ length: 12 }, (_, i) => (
    { name: 'encode', data: steps({ sleep: 150 }, { return: i }) })));
  let running = 0;
  let most = 0;
  events.on('active', () => (most = Math.max(most, ++running)));
  events.on('completed', () => running--);
  await startWorker(s, redis, 'q', 'ours', { concurrency: 4, drain: 200 });
  for (const job of jobs) await job.waitUntilFinished(events, 20_000);
  assert.equal(most, 4);
});

test('global concurrency 1, with a Node worker on the same queue', async (t) => {
  const { s, redis, queue, events } = await setUp(t);
  await queue.setGlobalConcurrency(1);
  const jobs = await queue.addBulk(Array.from({ length: 16 }, (_, i) => (
    { name: 'encode', data: steps({ sleep: 40 }, { return: i }) })));
  let running = 0;
  let most = 0;
  events.on('active', () => (most = Math.max(most, ++running)));
  events.on('completed', () => running--);
  await startWorker(s, redis, 'q', 'ours', { concurrency: 3, drain: 100, name: 'c' });
  await startWorker(s, redis, 'q', 'node', { concurrency: 3, drain: 100, name: 'node' });
  for (const job of jobs) await job.waitUntilFinished(events, 20_000);
  assert.equal(most, 1);
});

test('pause: the running job ends, nothing starts; resume: at once', async (t) => {
  const { s, redis, queue, events } = await setUp(t);
  const worker = await startWorker(s, redis, 'q', 'ours', { drain: 20000 });
  const running = await queue.add('encode', steps({ sleep: 400 }, { return: 'ran' }));
  await worker.started(running.id);
  await queue.pause();
  const next = await queue.add('encode', ok('next'));
  assert.equal(await running.waitUntilFinished(events, 5000), 'ran');
  await new Promise((resolve) => setTimeout(resolve, 300)); // nothing must happen
  assert.equal(await next.getState(), 'waiting');
  const before = Date.now();
  await queue.resume();
  assert.equal(await next.waitUntilFinished(events, 5000), 'next');
  const took = (await queue.getJob(next.id)).processedOn - before;
  assert.ok(took < 300, `started ${took} ms after resume`);
});

test("the worker's limiter: two per 500 ms", async (t) => {
  const { s, redis, queue, events } = await setUp(t);
  const jobs = await queue.addBulk(Array.from({ length: 6 }, () => ({ name: 'encode', data: ok() })));
  await startWorker(s, redis, 'q', 'ours', { limiter: '2,500', concurrency: 3, drain: 200 });
  for (const job of jobs) await job.waitUntilFinished(events, 10_000);
  const times = (await activeTimes(queue, jobs)).sort((a, b) => a - b);
  for (let i = 2; i < 6; i++) assert.ok(times[i] - times[i - 2] >= 480, times.join(' '));
  assert.ok(times[5] - times[0] < 2500, times.join(' '));
});

test('a global rate limit', async (t) => {
  const { s, redis, queue, events } = await setUp(t);
  await queue.setGlobalRateLimit(1, 300);
  const jobs = await queue.addBulk(Array.from({ length: 4 }, () => ({ name: 'encode', data: ok() })));
  await startWorker(s, redis, 'q', 'ours', { concurrency: 2, drain: 200 });
  for (const job of jobs) await job.waitUntilFinished(events, 10_000);
  const times = (await activeTimes(queue, jobs)).sort((a, b) => a - b);
  for (let i = 1; i < 4; i++) assert.ok(times[i] - times[i - 1] >= 280, times.join(' '));
});

test('getWorkers shows exactly one, also after its connections are closed', async (t) => {
  const { s, redis, queue, events } = await setUp(t);
  await startWorker(s, redis, 'q', 'ours', { concurrency: 4, drain: 500, name: 'encoder 1' });
  const names = async () => (await queue.getWorkers()).map((worker) => worker.rawname);
  await until(async () => (await names()).length > 0, 'the worker to be seen');
  assert.deepEqual(await names(), ['bull:cQ==:w:encoder_1']);
  const client = redis.connect();
  const [, id] = /id=(\d+) .*name=bull:cQ==:w:/.exec(String(await client.client('LIST')));
  await client.client('KILL', 'ID', id);
  await until(async () => (await names()).length === 1, 'the worker to be back');
  const job = await queue.add('encode', ok());
  await job.waitUntilFinished(events, 5000);
  assert.equal((await queue.getJob(job.id)).processedBy, 'encoder 1');
  assert.deepEqual(await names(), ['bull:cQ==:w:encoder_1']);
});

test('jitter keeps the delay within its bounds', async (t) => {
  const { s, redis, queue } = await setUp(t);
  const jobs = await queue.addBulk(Array.from({ length: 20 }, () => ({ name: 'encode', data: steps({ fail: 'x' }),
    opts: { attempts: 2, backoff: { type: 'fixed', delay: 100000, jitter: 0.5 } } })));
  await startWorker(s, redis, 'q', 'ours', { drain: 200 });
  await until(async () => await queue.getDelayedCount() === 20, 'all to be delayed');
  const delays = await Promise.all(jobs.map(async ({ id }) => (await queue.getJob(id)).delay));
  for (const delay of delays) assert.ok(delay >= 50000 && delay <= 100000, delays.join(' '));
  assert.ok(new Set(delays).size > 5, delays.join(' '));
});

test('an unknown back-off type fails the job with a reason that says so', async (t) => {
  const { s, redis, queue, events } = await setUp(t);
  const failed = once(events, 'failed');
  await queue.add('encode', steps({ fail: 'x' }), { attempts: 3, backoff: { type: 'moonphase', delay: 5 } });
  await startWorker(s, redis, 'q', 'ours', { drain: 200 });
  assert.equal((await failed)[0].failedReason, 'x (not retried: its back-off type "moonphase" is unknown here)');
});

test('a job of a scheduler runs, and one warning is given', async (t) => {
  const { s, redis, queue, events } = await setUp(t);
  await queue.upsertJobScheduler('often', { every: 60000 }, { name: 'tick', data: ok('tick') });
  const completed = once(events, 'completed');
  const worker = await startWorker(s, redis, 'q', 'ours', { drain: 200 });
  await completed;
  assert.equal(worker.stderr().match(/job scheduler/g).length, 1);
});

test('busy: one call a job to the server, no more', async (t) => {
  const { s, redis, queue, events } = await setUp(t);
  const count = 200;
  const jobs = await queue.addBulk(Array.from({ length: count }, (_, i) => ({ name: 'encode', data: ok(i) })));
  const client = redis.connect();
  const calls = async () => Number(/cmdstat_evalsha:calls=(\d+)/.exec(await client.info('commandstats'))?.[1] ?? 0);
  const before = await calls();
  await startWorker(s, redis, 'q', 'ours', { concurrency: 2, drain: 5000 });
  await jobs.at(-1).waitUntilFinished(events, 20_000);
  await until(async () => await queue.getCompletedCount() === count, 'all');
  const spent = (await calls()) - before;
  assert.ok(spent <= 1.2 * count, `${spent} calls for ${count} jobs`);
});

test('a password, a user and a database by URL; a wrong one is told without secrets', async (t) => {
  const s = scope(t);
  const redis = await startRedis(s);
  const client = redis.connect();
  await client.call('ACL', 'SETUSER', 'enc', 'on', '>s3cr&t:x', '~*', '+@all');
  const queue = openQueue(s, { options: { ...redis.options, db: 3 } }, 'q');
  const job = await queue.add('encode', ok());
  const url = (password) => `unix://enc:${encodeURIComponent(password)}@${redis.socket}?db=3`;
  const worker = await startWorker(s, { url: url('s3cr&t:x') }, 'q', 'ours', {});
  await worker.line((line) => line.event === 'returned' && line.job === job.id);
  await assert.rejects(startWorker(s, { url: url('wr0ng') }, 'q', 'ours', {}), (error) => {
    assert.match(error.message, /log in to redis: redis says: WRONGPASS/);
    assert.doesNotMatch(error.message, /wr0ng|s3cr/);
    return true;
  });
});
