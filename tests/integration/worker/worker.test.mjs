// The worker's own decisions, seen through the real BullMQ client: what becomes of failures, stops,
// lost leases, permits. The work itself is made up (worker_rig.c).
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';

import { openEvents, openQueue, scope, startRedis, until } from '../queue/lib.mjs';
import { startRig, work } from './rig.mjs';

async function bench(t, name = 'work') {
  const s = scope(t);
  const redis = await startRedis(s);
  const queue = openQueue(s, redis, name);
  const events = await openEvents(s, redis, name);
  return { s, redis, queue, events, rig: (options) => startRig(s, redis, name, options) };
}

test('a job runs to its report, with progress, log lines and a wait time', async (t) => {
  const b = await bench(t);
  const seen = [];
  b.events.on('progress', ({ data }) => seen.push(data));
  const rig = b.rig();
  const job = await b.queue.add('reel', work('phase:fetch', 'phase:run', 'progress:0.5', 'sleep:600',
    'progress:0.75', 'progress:0.8', 'progress:0.85', 'phase:upload'), { jobId: 'one' });
  const report = await job.waitUntilFinished(b.events, 10_000);
  assert.equal(report.done, 'one');
  assert.ok(report.waited >= 0);
  const phases = seen.map((one) => one.phase);
  assert.deepEqual(phases.filter((phase, i) => phase !== phases[i - 1]), ['fetch', 'run', 'upload']);
  const running = seen.filter((one) => one.phase === 'run');
  assert.ok(running.length < 5, 'not every report within half a second is passed on');
  assert.ok(running.some((one) => one.percent === 75 && one.frames === 75), JSON.stringify(seen));
  const { logs } = await b.queue.getJobLogs('one');
  assert.deepEqual(logs.map((line) => line.split(' ').slice(1).join(' ')), ['fetch: started', 'run: started', 'upload: started']);
  assert.ok(rig.log.some((line) => line.msg === 'job completed' && line.job === 'one' && line.queue === 'work'));
  assert.deepEqual(await rig.stop(), { status: 0, signal: null });
});

const failing = (code) => work('phase:run', `fail:${code}`);

test('the retry class decides: never, later, once', async (t) => {
  const b = await bench(t);
  const rig = b.rig();
  const options = { attempts: 3, backoff: { type: 'fixed', delay: 20 } };
  for (const [code, tries] of [['TRUNCATED', 1], ['SPEC', 1], ['NET', 3], ['CRASH', 2], ['INTERNAL', 2], ['STORE', 3]]) {
    const job = await b.queue.add('reel', failing(code), { jobId: code, ...options });
    await assert.rejects(job.waitUntilFinished(b.events, 10_000),
      { message: `${code} /input: on purpose, at http://h/x: really` });
    const ended = await b.queue.getJob(code);
    assert.equal(ended.attemptsMade, tries, code);
    assert.equal(rig.saw('start', code), tries, code);
    assert.equal(ended.stacktrace.length, tries);
    assert.match(ended.stacktrace[0], /at phase run, retry \w+, origin 11/);
    if (code !== 'SPEC') assert.match(ended.stacktrace[0], /last words of the executor/);
  }
  const { logs } = await b.queue.getJobLogs('NET');
  assert.ok(!`${rig.text}${JSON.stringify(await b.queue.getJobs())}${logs}`.includes('S3CRET'));
});

test('data that are no job fail at once with what is wrong', async (t) => {
  const b = await bench(t);
  const rig = b.rig();
  const options = { attempts: 3 };
  const told = async (id, data) => {
    const job = await b.queue.add('reel', data, { jobId: id, ...options });
    await assert.rejects(job.waitUntilFinished(b.events, 10_000));
    const ended = await b.queue.getJob(id);
    assert.equal(ended.attemptsMade, 1);
    return ended;
  };
  assert.match((await told('no-outputs', { userId: 7 })).failedReason, /^SPEC: .*outputs/);
  assert.match((await told('nowhere', { ...work(), upload: undefined })).failedReason, /^SPEC \/upload: /);
  const many = await told('many', { ...work(), inptu: 1, filters: [{ filter: 'aspectt' }] });
  assert.match(many.failedReason, /\/inptu/);
  assert.match(many.stacktrace[0], /\n\/inptu: .*\n\/filters\/0/s);
  const client = b.redis.connect();
  await client.hset('bull:work:broken', 'name', 'x', 'data', '{"a":', 'opts', '{}', 'timestamp', '1', 'delay', '0', 'priority', '0');
  await client.lpush('bull:work:wait', 'broken');
  await client.zadd('bull:work:marker', 0, '0');
  await until(async () => (await client.hget('bull:work:broken', 'failedReason')) !== null, 'the broken job to fail');
  assert.match(await client.hget('bull:work:broken', 'failedReason'), /data cannot be read/);
  assert.equal(rig.events.length, 0);
});

test('a job that this machine cannot do goes elsewhere, attempts untouched', async (t) => {
  const b = await bench(t);
  const first = b.rig();
  await b.queue.add('reel', failing('DISK'), { jobId: 'full', attempts: 2 });
  await first.until('end', 'full');
  await until(async () => (await (await b.queue.getJob('full')).getState()) === 'delayed', 'the job to be handed back');
  const handed = await b.queue.getJob('full');
  assert.equal(handed.attemptsMade, 0);
  assert.deepEqual(handed.data.fettle, { handovers: 1 });
  // Not by the same worker: it gives the job back without trying.
  await handed.promote();
  await until(async () => (await b.queue.getJob('full')).attemptsStarted >= 2, 'the worker to look at it again');
  await until(async () => (await (await b.queue.getJob('full')).getState()) === 'delayed', 'the job to be handed back');
  assert.equal(first.saw('start', 'full'), 1);
  await first.stop();
  // The fifth hand-over was the last: then it counts as a failure.
  await (await b.queue.getJob('full')).updateData({ ...failing('DISK'), fettle: { handovers: 5 } });
  const second = b.rig();
  await (await b.queue.getJob('full')).promote();
  await second.until('end', 'full', 2);
  await until(async () => (await (await b.queue.getJob('full')).getState()) === 'failed', 'the job to fail');
  assert.equal((await b.queue.getJob('full')).attemptsMade, 2);
});

test('a plan that needs more memory than this worker has goes elsewhere', async (t) => {
  const b = await bench(t);
  b.rig({ memory: 1000 });
  await b.queue.add('reel', work('memory:2000'), { jobId: 'big' });
  await until(async () => (await (await b.queue.getJob('big')).getState()) === 'delayed', 'the job to be handed back');
  assert.deepEqual((await b.queue.getJob('big')).data.fettle, { handovers: 1 });
});

test('SIGTERM: jobs in progress end, no further one is taken', async (t) => {
  const b = await bench(t);
  const rig = b.rig();
  const one = await b.queue.add('reel', work('sleep:700'), { jobId: 'one' });
  await rig.until('start', 'one');
  await b.queue.add('reel', work(), { jobId: 'two' });
  const asked = Date.now();
  assert.equal((await rig.stop()).status, 0);
  assert.ok(Date.now() - asked < 3000);
  assert.equal((await one.waitUntilFinished(b.events)).done, 'one');
  assert.equal(await (await b.queue.getJob('two')).getState(), 'waiting');
});

test('SIGTERM: idle slots take nothing more', async (t) => {
  const b = await bench(t);
  const rig = b.rig({ concurrency: 4 });
  await b.queue.add('reel', work('sleep:700'), { jobId: 'one' });
  await rig.until('start', 'one');
  rig.child.kill('SIGTERM');
  await until(() => rig.log.some((line) => /stopping/.test(line.msg)), 'the worker to stop');
  await b.queue.addBulk([1, 2, 3, 4].map((n) => ({ name: 'reel', data: work(), opts: { jobId: `next-${n}` } })));
  assert.equal((await rig.ended).status, 0);
  assert.equal(rig.saw('end', 'one'), 1);
  assert.deepEqual(await b.queue.getJobCounts('waiting', 'active', 'completed'), { waiting: 4, active: 0, completed: 1 });
});

test('SIGTERM: what does not fit into the grace time goes to the front of the line', async (t) => {
  const b = await bench(t);
  const rig = b.rig({ grace: 200, concurrency: 2, cores: 1 });
  await b.queue.add('reel', work('permit:1', 'sleep:60000'), { jobId: 'running' });
  await rig.until('permit', 'running');
  await b.queue.add('reel', work('permit:1', 'sleep:60000'), { jobId: 'queued-up' });
  await rig.until('start', 'queued-up');
  await b.queue.add('reel', work(), { jobId: 'later' });
  const asked = Date.now();
  assert.equal((await rig.stop()).status, 0);
  assert.ok(Date.now() - asked < 3000);
  for (const id of ['running', 'queued-up']) {
    const job = await b.queue.getJob(id);
    assert.deepEqual([await job.getState(), job.attemptsMade, job.data.fettle], ['waiting', 0, { handovers: 1 }]);
  }
  assert.notEqual((await b.queue.getWaiting())[0].id, 'later');
});

test('a lost lease ends the work and writes nothing', async (t) => {
  const b = await bench(t);
  const rig = b.rig({ lock: 600 });
  await b.queue.add('reel', work('phase:run', 'sleep:60000'), { jobId: 'one' });
  await rig.until('start', 'one');
  const client = b.redis.connect();
  await client.set('bull:work:one:lock', 'someone-else', 'PX', 60_000);
  await rig.until('end', 'one');
  await until(() => rig.log.some((line) => /lease was lost/.test(line.msg)), 'the log line');
  const job = await b.queue.getJob('one');
  assert.deepEqual([await job.getState(), job.attemptsMade, job.failedReason ?? null], ['active', 0, null]);
  assert.equal(await client.get('bull:work:one:lock'), 'someone-else');
});

test('permits: weights are shared, and nothing is fetched while a job waits for one', async (t) => {
  const b = await bench(t);
  const rig = b.rig({ concurrency: 3, cores: 2 });
  await b.queue.add('reel', work('permit:2', 'sleep:1200'), { jobId: 'heavy' });
  await rig.until('permit', 'heavy');
  await b.queue.add('reel', work('permit:1', 'sleep:50'), { jobId: 'light' });
  await rig.until('start', 'light');
  await until(async () => (await b.queue.getJob('light')).progress.phase === 'wait', 'the light job to wait');
  await b.queue.add('reel', work('permit:1'), { jobId: 'third' });
  await rig.until('end', 'third');
  const at = (event, job) => rig.events.find((e) => e.event === event && e.job === job).at;
  assert.ok(at('permit', 'light') >= at('end', 'heavy') - 50);
  assert.ok(at('start', 'third') >= at('permit', 'light') - 5, 'fetched although a job waited');
});

test('several queues', async (t) => {
  const s = scope(t);
  const redis = await startRedis(s);
  const rig = startRig(s, redis, ['a', 'b'], { concurrency: 2 });
  for (const name of ['a', 'b']) {
    const queue = openQueue(s, redis, name);
    const events = await openEvents(s, redis, name);
    const jobs = await queue.addBulk([1, 2, 3].map((n) => ({ name: 'reel', data: work('sleep:50'), opts: { jobId: `${name}${n}` } })));
    for (const job of jobs) assert.equal((await job.waitUntilFinished(events, 10_000)).done, job.id);
  }
  assert.equal((await rig.stop()).status, 0);
});

test('an idle worker is small', async (t) => {
  const b = await bench(t);
  const rig = b.rig({ concurrency: 8 });
  const job = await b.queue.add('reel', work(), { jobId: 'one' });
  await job.waitUntilFinished(b.events, 10_000);
  const rss = Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${rig.child.pid}/status`, 'utf8'))[1]);
  assert.ok(rss < 20_000, `${rss} KiB`);
});

test('a Redis that is not there is an error at the start', async (t) => {
  const s = scope(t);
  const rig = startRig(s, { url: 'unix:///nonexistent/redis.sock' }, 'q');
  assert.deepEqual(await rig.ended, { status: 9, signal: null });
  assert.match(rig.text, /QUEUE/);
});
