// What happens when workers, locks, connections or servers die. Judged by BullMQ's own Queue and
// QueueEvents.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';

import * as bullmq5 from 'bullmq5';

import { openEvents, openQueue, scope, snapshot, startRedis, startWorker, until } from './lib.mjs';

const steps = (...list) => ({ do: list });
// Short locks, so that a dead worker is noticed soon.
const SHORT = { lock: 600, stalled: 300, drain: 200 };

const setUp = async (t) => {
  const s = scope(t);
  const redis = await startRedis(s);
  const queue = openQueue(s, redis, 'q');
  await queue.waitUntilReady();
  const events = await openEvents(s, redis, 'q');
  return { s, redis, queue, events, client: redis.connect() };
};

// A server that is stopped and started: without QueueEvents, whose close() hangs after that.
const setUpDurable = async (t) => {
  const s = scope(t);
  const redis = await startRedis(s, { appendonly: true });
  const queue = openQueue(s, redis, 'q');
  await queue.waitUntilReady();
  return { s, redis, queue };
};

for (const [victim, heir] of [['ours', 'ours'], ['node', 'ours'], ['ours', 'node']]) {
  test(`a killed worker (${victim}) stalls its job, another (${heir}) finishes it`, async (t) => {
    const { s, redis, queue, events } = await setUp(t);
    const stalled = once(events, 'stalled');
    // The first start hangs; data are rewritten meanwhile so that the second start returns.
    const job = await queue.add('encode', steps({ set: steps({ return: 'second' }) }, { sleep: 60000 }));
    const first = await startWorker(s, redis, 'q', victim, { ...SHORT, name: 'first' });
    await first.started(job.id);
    await until(async () => (await queue.getJob(job.id)).data.do.length === 1, 'the data to be set');
    await first.stop('SIGKILL');
    await startWorker(s, redis, 'q', heir, { ...SHORT, name: 'heir' });
    assert.equal(await job.waitUntilFinished(events, 20_000), 'second');
    assert.deepEqual((await stalled)[0], { jobId: job.id });
    const after = await queue.getJob(job.id);
    assert.deepEqual([after.stalledCounter, after.attemptsStarted, after.attemptsMade, after.processedBy],
      [1, 2, 1, 'heir']);
  });
}

test('a job that stalls more often than allowed fails without being run again', async (t) => {
  const { s, redis, queue, events } = await setUp(t);
  const job = await queue.add('encode', steps({ kill: 9 }), { attempts: 5 });
  const first = await startWorker(s, redis, 'q', 'ours', { ...SHORT, maxStalled: 0 });
  await once(first.child, 'exit');
  const second = await startWorker(s, redis, 'q', 'ours', { ...SHORT, maxStalled: 0 });
  await assert.rejects(job.waitUntilFinished(events, 20_000),
    { message: 'job stalled more than allowable limit' });
  assert.deepEqual(second.lines.filter((line) => line.event === 'start'), []);
  const after = await queue.getJob(job.id);
  assert.deepEqual([await after.getState(), after.stalledCounter, after.attemptsMade], ['failed', 1, 1]);
});

test('a busy job of many lock times is renewed all the time', async (t) => {
  const { s, redis, queue, events } = await setUp(t);
  const stalls = [];
  events.on('stalled', (event) => stalls.push(event));
  await startWorker(s, redis, 'q', 'ours', { lock: 300, stalled: 100, concurrency: 2, drain: 100 });
  const jobs = await queue.addBulk([1, 2, 3].map((n) => (
    { name: 'encode', data: steps({ spin: 2500 }, { return: n }) })));
  for (const job of jobs) await job.waitUntilFinished(events, 20_000);
  assert.deepEqual(stalls, []);
  for (const { id } of jobs) assert.equal((await queue.getJob(id)).attemptsStarted, 1);
});

test('a stolen lock: the work is dropped within a lock time and nothing is written', async (t) => {
  const { s, redis, queue, client } = await setUp(t);
  const job = await queue.add('encode', steps({ sleep: 60000 }, { return: 'never' }));
  const worker = await startWorker(s, redis, 'q', 'ours', { lock: 900, drain: 200 });
  await worker.started(job.id);
  await client.set(`bull:q:${job.id}:lock`, 'thief', 'PX', 60000);
  const before = await snapshot(client);
  const refused = await worker.line((line) => line.event === 'lost' || line.event === 'refused');
  assert.equal(refused.event, 'lost');
  assert.deepEqual(await snapshot(client), before);
  assert.equal(await client.get(`bull:q:${job.id}:lock`), 'thief');
});

test('a lock stolen just before the end: code -6, nothing written', async (t) => {
  const { s, redis, queue, client } = await setUp(t);
  const job = await queue.add('encode', steps({ sleep: 400 }, { return: 'never' }));
  const worker = await startWorker(s, redis, 'q', 'ours', { lock: 30000 });
  await worker.started(job.id);
  await client.set(`bull:q:${job.id}:lock`, 'thief', 'PX', 60000);
  const before = await snapshot(client);
  assert.equal((await worker.line((line) => line.event === 'refused')).number, -6);
  assert.deepEqual(await snapshot(client), before);
});

test('a job removed by force while it runs: code -1, the worker lives on', async (t) => {
  const { s, redis, queue, events } = await setUp(t);
  const job = await queue.add('encode', steps({ sleep: 300 }, { return: 'never' }));
  const worker = await startWorker(s, redis, 'q', 'ours', { drain: 200 });
  await worker.started(job.id);
  assert.equal(await queue.remove(job.id), 0, 'an active job is protected by its lock');
  await queue.pause();
  await queue.obliterate({ force: true });
  assert.equal((await worker.line((line) => line.event === 'refused')).number, -1);
  await queue.resume();
  const next = await queue.add('encode', steps({ return: 'alive' }));
  assert.equal(await next.waitUntilFinished(events, 20_000), 'alive');
});

test('a ghost: the hash of an active job is deleted', async (t) => {
  const { s, redis, queue, client, events } = await setUp(t);
  const job = await queue.add('encode', steps({ sleep: 60000 }));
  const first = await startWorker(s, redis, 'q', 'ours', SHORT);
  await first.started(job.id);
  await first.stop('SIGKILL');
  await client.del(`bull:q:${job.id}`);
  const second = await startWorker(s, redis, 'q', 'ours', SHORT);
  await second.line((line) => line.event === 'returned' && line.job === job.id);
  const next = await queue.add('encode', steps({ return: 'alive' }));
  assert.equal(await next.waitUntilFinished(events, 20_000), 'alive');
});

test('data that are not JSON fail the job with a reason', async (t) => {
  const { s, redis, queue, client, events } = await setUp(t);
  const job = await queue.add('encode', {}, { delay: 300, attempts: 3 });
  await client.hset(`bull:q:${job.id}`, 'data', '{"a":1,"a":2}');
  const worker = await startWorker(s, redis, 'q', 'ours', { drain: 200 });
  const [event] = await once(events, 'failed');
  assert.match(event.failedReason, /^the job's data cannot be read: /);
  assert.deepEqual(worker.lines.filter((line) => line.event === 'start'), []);
});

test('SCRIPT FLUSH during work goes unnoticed', async (t) => {
  const { s, redis, queue, client, events } = await setUp(t);
  const worker = await startWorker(s, redis, 'q', 'ours', { lock: 300, stalled: 200, drain: 100 });
  for (let i = 0; i < 10; i++) {
    const job = await queue.add('encode', steps({ sleep: 150 }, { progress: i }, { return: i }));
    await worker.started(job.id);
    await client.script('FLUSH');
    assert.equal(await job.waitUntilFinished(events, 20_000), i);
  }
  assert.equal(worker.stderr(), '');
});

test('redis is restarted in the middle of a job: the result arrives, once', async (t) => {
  const { s, redis, queue } = await setUpDurable(t);
  const worker = await startWorker(s, redis, 'q', 'ours', { lock: 20000, stalled: 20000, drain: 200 });
  const job = await queue.add('encode', steps({ sleep: 1000 }, { return: 'kept' }));
  await worker.started(job.id);
  await redis.restart();
  await worker.line((line) => line.event === 'returned');
  const client = redis.connect();
  const after = await client.hgetall(`bull:q:${job.id}`);
  assert.deepEqual([after.returnvalue, after.ats, after.atm], ['"kept"', '1', '1']);
  assert.equal(await client.zcard('bull:q:completed'), 1);
});

test('redis is away when a job ends, and comes back', async (t) => {
  const { s, redis, queue } = await setUpDurable(t);
  const worker = await startWorker(s, redis, 'q', 'ours', { lock: 20000, stalled: 20000, drain: 200 });
  const job = await queue.add('encode', steps({ sleep: 300 }, { return: 'late' }));
  await worker.started(job.id);
  await redis.stop();
  await until(() => /did not reach the queue/.test(worker.stderr()), 'the worker to notice');
  await redis.start();
  await worker.line((line) => line.event === 'returned');
  assert.equal(await redis.connect().hget(`bull:q:${job.id}`, 'returnvalue'), '"late"');
});

test('every connection of the worker is closed again and again', async (t) => {
  const { s, redis, queue, client, events } = await setUp(t);
  await startWorker(s, redis, 'q', 'ours', { concurrency: 3, lock: 3000, drain: 200, name: 'w' });
  const jobs = await queue.addBulk(Array.from({ length: 60 }, (_, i) => (
    { name: 'encode', data: steps({ sleep: 20 }, { return: i }) })));
  const mine = String(await client.client('ID'));
  let isDone = false;
  let kills = 0;
  const killer = (async () => {
    while (!isDone) {
      for (const line of String(await client.client('LIST')).split('\n')) {
        const [, id] = /^id=(\d+) .* cmd=(?:evalsha|eval|bzpopmin)/.exec(line) ?? [];
        if (id && id !== mine) kills += await client.client('KILL', 'ID', id).catch(() => 0);
      }
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
  })();
  for (const job of jobs) await job.waitUntilFinished(events, 40_000);
  isDone = true;
  await killer;
  assert.ok(kills >= 5, `only ${kills} connections were closed`);
  assert.equal(await queue.getCompletedCount(), 60);
  for (const { id } of jobs) assert.equal((await queue.getJob(id)).attemptsStarted, 1, `job ${id}`);
});

test('redis out of memory: the result of a job is not dropped', async (t) => {
  const { s, redis, queue, client } = await setUp(t);
  const worker = await startWorker(s, redis, 'q', 'ours', { lock: 900, stalled: 300, drain: 200 });
  const job = await queue.add('encode', steps({ sleep: 1500 }, { return: 'kept' }));
  await worker.started(job.id);
  await client.config('SET', 'maxmemory', '1');
  await assert.rejects(client.set('x', '1'), /OOM/);
  await new Promise((resolve) => setTimeout(resolve, 2500)); // longer than lock and job: nothing happens meanwhile
  await client.config('SET', 'maxmemory', '0');
  await until(async () => await client.hget(`bull:q:${job.id}`, 'returnvalue') === '"kept"', 'the result');
  assert.equal(await client.hget(`bull:q:${job.id}`, 'ats'), '1');
});

test('a queue paused by BullMQ 5: retries and recoveries lose no job', async (t) => {
  const s = scope(t);
  const redis = await startRedis(s);
  const queue = openQueue(s, redis, 'q', { library: bullmq5 });
  const events = await openEvents(s, redis, 'q', { library: bullmq5 });
  const worker = await startWorker(s, redis, 'q', 'ours', { ...SHORT, concurrency: 2 });
  const flaky = await queue.add('encode', steps({ set: steps({ return: 'again' }) }, { sleep: 300 }, { fail: 'x' }),
    { attempts: 2 });
  await worker.started(flaky.id);
  const second = await queue.add('encode', steps({ return: 'second' }));
  await worker.started(second.id); // before the pause, or it waits in the paused list too
  await queue.pause();
  const waiting = once(events, 'waiting');
  await worker.line((line) => line.event === 'failed' && line.job === flaky.id);
  await waiting;
  const client = redis.connect();
  assert.deepEqual([await client.llen('bull:q:wait'), await client.llen('bull:q:paused')], [0, 1]);
  await queue.resume();
  assert.equal(await flaky.waitUntilFinished(events, 20_000), 'again');
  await until(async () => await queue.getCompletedCount() === 2, 'both jobs');
});

test('SIGTERM: the running job ends under its lock, no new one starts', async (t) => {
  const { s, redis, queue, events } = await setUp(t);
  const worker = await startWorker(s, redis, 'q', 'ours', { lock: 300, stalled: 100 });
  const [first, second] = await queue.addBulk([
    { name: 'encode', data: steps({ sleep: 1500 }, { return: 'first' }) },
    { name: 'encode', data: steps({ return: 'second' }) }]);
  await worker.started(first.id);
  const ended = worker.stop('SIGTERM');
  assert.equal(await first.waitUntilFinished(events, 20_000), 'first');
  await ended;
  assert.equal(worker.child.exitCode, 0);
  assert.equal(await second.getState(), 'waiting');
  assert.equal((await queue.getJob(first.id)).attemptsStarted, 1);
});
