// `fettle queue` against the real BullMQ client and a worker with made-up work.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { test } from 'node:test';

import { BUILD, openQueue, scope, startRedis } from '../queue/lib.mjs';
import { startRig, work } from './rig.mjs';

async function fettle(redis, args, input = '') {
  const child = spawn(path.join(BUILD, 'fettle'), ['queue', ...args], {
    env: { PATH: process.env.PATH, ...(redis ? { REDIS_URL: redis.url } : {}) },
  });
  const out = [], err = [];
  child.stdout.on('data', (chunk) => out.push(chunk));
  child.stderr.on('data', (chunk) => err.push(chunk));
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [status] = await once(child, 'close');
  return { status, out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString() };
}

async function bench(t) {
  const s = scope(t);
  const redis = await startRedis(s);
  const queue = openQueue(s, redis, 'fettle');
  const add = (job, ...args) => fettle(redis, ['add', '-', ...args], JSON.stringify(job));
  return { s, redis, queue, add };
}

test('add: what was said is what BullMQ sees', async (t) => {
  const { queue, add } = await bench(t);
  const plain = await add(work());
  assert.equal(plain.status, 0, plain.err);
  const job = await queue.getJob(plain.out.trim());
  assert.deepEqual(job.data, work());
  assert.equal(job.name, 'fettle');
  assert.deepEqual([job.opts.attempts, job.opts.backoff], [3, { type: 'exponential', delay: 5000 }]);
  const rich = await add(work(), '--json', '--name', 'reel', '--job-id', 'mine', '--delay', '1h', '--priority', '7',
    '--attempts', '5', '--backoff', 'fixed:250ms');
  assert.deepEqual(JSON.parse(rich.out), { id: 'mine' });
  const mine = await queue.getJob('mine');
  assert.deepEqual([mine.name, mine.delay, mine.priority, mine.opts.attempts, mine.opts.backoff],
    ['reel', 3_600_000, 7, 5, { type: 'fixed', delay: 250 }]);
  assert.equal(await mine.getState(), 'delayed');
  assert.equal((await add(work(), '--job-id', 'mine')).out.trim(), 'mine');
});

test('add: what a worker would refuse is refused', async (t) => {
  const { redis, queue, add } = await bench(t);
  const bad = await add({ ...work(), inptu: 1, filters: [{ filter: 'aspectt' }] });
  assert.equal(bad.status, 2);
  assert.match(bad.err, /\/inptu: .*input/);
  assert.match(bad.err, /\/filters\/0/);
  for (const [args, input, says] of [
    [['add', '-'], '{"a":', /SPEC/],
    [['add', '-'], '{"a":1,"a":2}', /a/],
    [['add', '-'], JSON.stringify({ ...work(), upload: undefined }), /upload/],
    [['add', '-', '--backoff', 'soon'], JSON.stringify(work()), /backoff/],
    [['add', '-', '--priority', '-1'], JSON.stringify(work()), /priority/],
    [['add', '-', '--job-id', '17'], JSON.stringify(work()), /id/],
    [['add'], '', /job file/],
    [['remove', 'x'], '', /remove/],
    [[], '', /add, stats or show/],
  ]) {
    const { status, err } = await fettle(redis, args, input);
    assert.equal(status, 2, args.join(' '));
    assert.match(err, says);
  }
  assert.equal((await fettle(redis, ['add', '/nonexistent.json'])).status, 3);
  assert.equal((await queue.getJobs()).length, 0);
});

test('add --wait prints the report, or the reason with its exit status', async (t) => {
  const { s, redis, add } = await bench(t);
  startRig(s, redis, 'fettle');
  const good = await add(work('phase:run', 'sleep:50'), '--job-id', 'good', '--wait');
  assert.equal(good.status, 0, good.err);
  assert.equal(JSON.parse(good.out).done, 'good');
  const bad = await add(work('fail:TRUNCATED'), '--job-id', 'bad', '--wait');
  assert.equal(bad.status, 4);
  assert.match(bad.err, /job bad failed: TRUNCATED \/input: on purpose/);
});

test('stats and show', async (t) => {
  const { s, redis, queue, add } = await bench(t);
  await queue.addBulk([{ name: 'x', data: {} }, { name: 'x', data: {}, opts: { delay: 60_000 } }]);
  await queue.pause();
  const paused = await fettle(redis, ['stats', '--json']);
  assert.deepEqual(JSON.parse(paused.out), [{
    queue: 'fettle', waiting: 1, prioritized: 0, delayed: 1, 'waiting-children': 0, active: 0, completed: 0,
    failed: 0, paused: true,
  }]);
  await queue.obliterate({ force: true });
  await queue.resume();
  const rig = startRig(s, redis, 'fettle');
  const image = { url: 'https://h/logo.png', headers: { 'x-key': 'S3CRET' } };
  const ended = await add({ ...work('phase:run', 'fail:CRASH'), filters: [{ filter: 'watermark', image }] },
    '--job-id', 'one', '--wait', '--attempts', '1');
  assert.equal(ended.status, 6, ended.err);
  await rig.stop();
  const table = await fettle(redis, ['stats', 'fettle', 'other']);
  assert.match(table.out, /^fettle\n/);
  assert.match(table.out, / {2}failed +1\n/);
  assert.match(table.out, /other\n/);
  const shown = await fettle(redis, ['show', 'one']);
  assert.match(shown.out, /^job one {2}fettle {2}failed\n/);
  assert.match(shown.out, /failed: CRASH \/input/);
  assert.match(shown.out, /last words of the executor/);
  assert.match(shown.out, /run: started/);
  assert.ok(!shown.out.includes('S3CRET'));
  const whole = JSON.parse((await fettle(redis, ['show', 'one', '--json'])).out);
  assert.equal(whole.state, 'failed');
  assert.equal(whole.data.input, 'do/phase:run/fail:CRASH');
  const none = await fettle(redis, ['show', 'nobody']);
  assert.equal(none.status, 3);
});

test('no Redis is a clear error', async () => {
  const { status, err } = await fettle({ url: 'unix:///nonexistent/redis.sock' }, ['stats']);
  assert.equal(status, 9);
  assert.match(err, /QUEUE/);
});
