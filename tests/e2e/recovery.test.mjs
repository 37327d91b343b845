// Crashes, stops and load: a job is done once, whatever happens to a worker.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { Queue, QueueEvents } from 'bullmq';
import { Redis } from 'ioredis';

import {
  clips, ffprobe, filesBelow, isAlive, parentOf, processTree, reelJob, scope, serve, startRedis, startWorker,
  tempDir, until,
} from './lib.mjs';

// One queue with its Redis, file server and output folder.
async function bench(t, name) {
  const s = scope(t);
  const redis = await startRedis(s);
  const out = tempDir(s, 'fettle-out');
  const web = await serve(s, await clips());
  const queue = new Queue(name, { connection: redis.options });
  const events = new QueueEvents(name, { connection: redis.options });
  s.defer(async () => {
    await queue.close();
    await events.close();
  });
  await events.waitUntilReady();
  const seen = [];
  for (const event of ['active', 'stalled', 'completed', 'failed', 'delayed', 'progress']) {
    events.on(event, (data) => seen.push({ event, ...data }));
  }
  const start = (args = [], env = {}) => startWorker(s, {
    redis, queue: name, roots: [out], allow: web.host, args, env,
  });
  const job = (overrides = {}) => reelJob({
    input: `${web.url}/landscape.mp4`, logo: `${web.url}/logo.png`, to: `${out}/{job_id}/`, ...overrides,
  });
  const isRunning = (id) => until(
    () => seen.some((one) => one.event === 'progress' && one.jobId === id && /run/.test(JSON.stringify(one.data))),
    `job ${id} to be in its run phase`);
  return { s, redis, out, web, queue, events, seen, start, job, isRunning };
}

function childrenOf(pid) {
  return processTree(pid).filter((one) => parentOf(one) === pid);
}

// The zygote's child: the process that decodes and encodes.
function encoderOf(worker) {
  const [encoder] = childrenOf(worker).flatMap(childrenOf);
  assert.ok(encoder, 'the zygote has a child');
  return encoder;
}

const SHORT_LEASE = ['--lock-duration', '1.5', '--stalled-interval', '1.5'];

test('kill -9 mid-encode: nothing survives, another worker finishes the job once', async (t) => {
  const b = await bench(t, 'killed');
  const first = b.start(SHORT_LEASE);
  const job = await b.queue.add('reel', b.job({ video: { speed: 'medium' } }), { jobId: 'one' });
  await b.isRunning('one');
  const tree = processTree(first.pid);
  assert.ok(tree.length >= 3, `worker, zygote and child expected, found ${tree.length} processes`);
  process.kill(first.pid, 'SIGKILL');
  const killed = Date.now();
  await until(() => !tree.some(isAlive), 'all its processes to end', 1500);
  assert.ok(Date.now() - killed < 1500);
  assert.deepEqual(filesBelow(b.out), [], 'nothing was published');

  b.start(SHORT_LEASE);
  const report = await job.waitUntilFinished(b.events, 120_000);
  assert.deepEqual(b.seen.filter((one) => ['stalled', 'completed', 'failed'].includes(one.event)).map((one) => one.event),
    ['stalled', 'completed']);
  assert.deepEqual(filesBelow(b.out), ['one/final.mp4', 'one/poster.jpg']);
  assert.equal(report.outputs[0].bytes, fs.statSync(path.join(b.out, 'one/final.mp4')).size);
  assert.equal((await b.queue.getJob('one')).stalledCounter, 1);
});

test('SIGTERM: a running job is finished within the grace time', async (t) => {
  const b = await bench(t, 'graceful');
  const worker = b.start();
  const job = await b.queue.add('reel', b.job(), { jobId: 'one' });
  await b.isRunning('one');
  worker.child.kill('SIGTERM');
  await b.queue.add('reel', b.job(), { jobId: 'two' });
  const report = await job.waitUntilFinished(b.events, 60_000);
  assert.equal(report.outputs.length, 2);
  const end = await worker.ended;
  assert.deepEqual([end.status ?? end.signal], [143], 'interrupted is said by the exit status');
  assert.equal(await (await b.queue.getJob('two')).getState(), 'waiting', 'no new job was taken');
});

test('SIGTERM: what does not fit into the grace time is handed back, attempts untouched', async (t) => {
  const b = await bench(t, 'handed-back');
  const worker = b.start(['--grace', '0.2']);
  await b.queue.add('reel', b.job({ video: { speed: 'veryslow' } }), { jobId: 'one' });
  await b.isRunning('one');
  const tree = processTree(worker.pid);
  worker.child.kill('SIGTERM');
  await worker.ended;
  assert.ok(!tree.some(isAlive), 'no process is left');
  const job = await b.queue.getJob('one');
  assert.ok(['waiting', 'delayed'].includes(await job.getState()), await job.getState());
  assert.equal(job.attemptsMade, 0);
  assert.deepEqual(filesBelow(b.out), []);
});

test('a crashed executor costs its job one more try, and the next job runs', async (t) => {
  const b = await bench(t, 'crashed');
  const worker = b.start();
  const job = await b.queue.add('reel', b.job({ video: { speed: 'medium' } }), { jobId: 'one' } /* one attempt, BullMQ's default */);
  await b.isRunning('one');
  process.kill(encoderOf(worker.pid), 'SIGSEGV');
  await job.waitUntilFinished(b.events, 120_000);
  const ended = await b.queue.getJob('one');
  assert.equal(ended.attemptsMade, 2);
  assert.match(JSON.stringify(ended.stacktrace), /CRASH.*SIGSEGV/);
  assert.deepEqual(filesBelow(b.out), ['one/final.mp4', 'one/poster.jpg']);
});

test('a job that crashes twice fails, with signal and phase, whatever tries it has left', async (t) => {
  const b = await bench(t, 'crashed-twice');
  const worker = b.start();
  const job = await b.queue.add('reel', b.job({ video: { speed: 'medium' } }), { jobId: 'one', attempts: 5 });
  for (let i = 0; i < 2; i++) {
    await b.isRunning('one');
    process.kill(encoderOf(worker.pid), 'SIGABRT');
    b.seen.length = 0;
  }
  await assert.rejects(job.waitUntilFinished(b.events, 120_000), /CRASH.*SIGABRT/);
  assert.equal((await b.queue.getJob('one')).attemptsMade, 2);
  assert.deepEqual(filesBelow(b.out), []);
});

test('a killed zygote costs the jobs it ran one more try; the worker starts another', async (t) => {
  const b = await bench(t, 'zygote');
  const worker = b.start();
  const job = await b.queue.add('reel', b.job(), { jobId: 'one', attempts: 2 });
  await b.isRunning('one');
  const [zygote] = childrenOf(worker.pid);
  process.kill(zygote, 'SIGKILL');
  await job.waitUntilFinished(b.events, 120_000);
  assert.deepEqual(filesBelow(b.out), ['one/final.mp4', 'one/poster.jpg']);
});

// The key's time to live tells how late renewals come, from outside: just before a renewal that is on
// time it is two thirds of the lock duration.
async function lowestTtl(redis, keys, isOver) {
  const client = new Redis(redis.options);
  let lowest = Infinity, samples = 0;
  const held = new Set();
  try {
    while (!isOver()) {
      for (const key of keys) {
        const ttl = await client.pttl(key);
        if (ttl < 0) continue; // not taken yet, or finished
        held.add(key);
        lowest = Math.min(lowest, ttl);
        samples++;
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  } finally {
    client.disconnect();
  }
  return { lowest, samples, held: held.size };
}

test('four AV1 jobs at once: renewals are less than 100 ms late', async (t) => {
  const b = await bench(t, 'loaded');
  const lock = 3000;
  b.start(['--concurrency', '4', '--cpus', '16', '--lock-duration', String(lock / 1000), '--stalled-interval', '2']);
  const jobs = [];
  for (let i = 0; i < 4; i++) {
    const data = b.job();
    data.outputs = [{ name: 'final.webm', format: 'mp4', video: { codec: 'av1', speed: 'faster', height: 1920 } }];
    data.outputs[0].name = 'final.mp4';
    data.filters.unshift({ filter: 'trim', start: 0, end: 2 });
    jobs.push(await b.queue.add('reel', data, { jobId: `load-${i}` }));
  }
  let over = false;
  const watch = lowestTtl(b.redis, jobs.map((job) => `bull:loaded:${job.id}:lock`), () => over);
  try {
    await Promise.all(jobs.map((job) => job.waitUntilFinished(b.events, 280_000)));
  } finally {
    over = true;
  }
  const { lowest, samples, held } = await watch;
  t.diagnostic(`lowest time to live ${lowest} ms of ${lock}, ${samples} samples`);
  assert.equal(held, 4);
  assert.ok(lowest >= (lock * 2) / 3 - 100, `a renewal came ${(lock * 2) / 3 - lowest} ms late`);
  assert.deepEqual(b.seen.filter((one) => one.event === 'stalled'), []);
});

test('twenty lock durations of CPU-bound work: one attempt, no stall', async (t) => {
  const b = await bench(t, 'long');
  const lock = 500;
  b.start(['--lock-duration', String(lock / 1000), '--stalled-interval', '0.5']);
  const started = Date.now();
  const job = await b.queue.add('reel', b.job({ video: { speed: 'veryslow' } }), { jobId: 'one' });
  let over = false;
  const watch = lowestTtl(b.redis, [`bull:long:${job.id}:lock`], () => over);
  try {
    await job.waitUntilFinished(b.events, 280_000);
  } finally {
    over = true;
    const { lowest, samples } = await watch;
    t.diagnostic(`${Date.now() - started} ms, lowest time to live ${lowest} ms of ${lock}, ${samples} samples`);
  }
  const lasted = Date.now() - started;
  assert.ok(lasted > 20 * lock, `the job took only ${lasted} ms`);
  assert.deepEqual(b.seen.filter((one) => one.event === 'stalled'), []);
  assert.equal((await b.queue.getJob('one')).attemptsMade, 1);
  const { video } = await ffprobe(path.join(b.out, 'one/final.mp4'));
  assert.equal(video.nb_read_frames, '192');
});
