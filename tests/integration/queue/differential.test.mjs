// The same jobs through BullMQ's Worker and through ours: afterwards every key, value and event of
// the queue must be the same.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import * as bullmq from 'bullmq';
import * as bullmq5 from 'bullmq5';

import { openQueue, scope, snapshot, startRedis, startWorker, until } from './lib.mjs';

const steps = (...list) => ({ do: list });
const ok = (value = 1) => steps({ return: value });
const bad = (text = 'it broke') => steps({ fail: text });

const addAll = (...jobs) => (queue) => queue.addBulk(jobs.map(([data, opts, name = 'encode']) =>
  ({ name, data, opts })));
const flow = (options, ...children) => (queue, redis, s) => {
  const producer = new bullmq.FlowProducer({ connection: redis.options });
  s.defer(() => producer.close());
  return producer.add({
    name: 'parent', queueName: queue.name, data: ok('parent'), opts: { jobId: 'P', ...options },
    children: children.map(([data, opts], i) => (
      { name: 'child', queueName: queue.name, data, opts: { jobId: `C${i}`, ...opts } })),
  });
};

// name: [add, worker options]. Jobs are added before the worker starts, so that order is fixed.
const SCENARIOS = {
  'a value': [addAll([ok({ out: 'x.mp4', n: [1, 2.5, null], deep: { a: { b: true } } })])],
  'no value': [addAll([steps()])],
  'UTF-8 everywhere': [addAll(
    [steps({ log: 'Zeile ü 漢字 🎬' }, { progress: { 'größe': 'ß' } }, { return: 'ägypten 🎬' }), {}, 'wandeln ü'],
    [bad('Fehler: 漢字 "quoted" \\ /'), {}, 'n2'])],
  'failure without attempts': [addAll([bad()])],
  'three attempts, fixed back-off': [addAll([bad(), { attempts: 3, backoff: { type: 'fixed', delay: 30 } }])],
  'three attempts, exponential back-off':
    [addAll([bad(), { attempts: 3, backoff: { type: 'exponential', delay: 20 } }])],
  'a back-off that is a number': [addAll([bad(), { attempts: 2, backoff: 20 }])],
  'three attempts, no back-off': [addAll([bad(), { attempts: 3 }])],
  'no back-off, with a priority': [addAll([bad(), { attempts: 3, priority: 4 }], [ok(), { priority: 4 }])],
  'no back-off, last in first out': [addAll([ok()], [bad(), { attempts: 2, lifo: true }])],
  'delayed retry of a prioritised job':
    [addAll([bad(), { attempts: 2, priority: 3, backoff: { type: 'fixed', delay: 20 } }])],
  'unrecoverable on the first of three': [addAll([steps({ unrecoverable: 'never' }), { attempts: 3 }])],
  'stack traces limited to two of four': [addAll([bad(), { attempts: 4, stackTraceLimit: 2 }])],
  'stack traces limited to none': [addAll([bad(), { attempts: 2, stackTraceLimit: 0 }])],
  'progress as number, text and object':
    [addAll([steps({ progress: 50 }, { progress: 'half' }, { progress: { pct: 100, at: null } }, { return: 2 })])],
  'logs': [addAll([steps({ log: 'one' }, { log: 'two' }, { log: 'three' }, { return: 0 })])],
  'logs, two kept': [addAll([steps({ log: 'one' }, { log: 'two' }, { log: 'three' }), { keepLogs: 2 }])],
  'data rewritten': [addAll([steps({ set: { n: 1 } }, { return: false })])],
  'first in first out': [addAll(...Array.from({ length: 12 }, (_, i) => [ok(i)]))],
  'last in first out': [addAll([ok(1)], [ok(2)], [ok(3), { lifo: true }])],
  'priorities after the standard ones':
    [addAll([ok(1), { priority: 7 }], [ok(2), { priority: 2 }], [ok(3)], [ok(4), { priority: 2 }], [ok(5)])],
  'delayed': [addAll([ok(1), { delay: 60 }], [ok(2), { delay: 30 }], [ok(3)])],
  'delayed, with a priority': [addAll([ok(1), { delay: 30, priority: 2 }])],
  'removed on completion': [addAll([ok(), { removeOnComplete: true }], [bad(), { removeOnFail: true }])],
  'two kept': [addAll(...Array.from({ length: 5 }, (_, i) => [ok(i), { removeOnComplete: 2 }]),
    ...Array.from({ length: 4 }, () => [bad(), { removeOnFail: { count: 1 } }]))],
  'kept by age': [addAll([ok(), { removeOnComplete: { age: 3600, count: 10 } }], [ok()])],
  "the worker's own retention": [addAll([ok()], [ok(), { removeOnComplete: false }], [bad()], [ok()]),
    { removeOnComplete: { count: 1 }, removeOnFail: { count: 0 } }],
  'metrics': [addAll([ok()], [ok()], [bad()]), { metrics: 5 }],
  'a named worker': [addAll([ok()], [bad()]), { name: 'encoder 1' }],
  'a job that delays itself': [addAll([steps({ delay: 40 }), { attempts: 2 }]), {},
    async (queue) => until(async () => (await queue.getJob('1')).attemptsStarted >= 2, 'a second start')],
  'simple deduplication': [async (queue) => {
    await queue.add('encode', ok(1), { deduplication: { id: 'd' } });
    await queue.add('encode', ok(2), { deduplication: { id: 'd' } });
  }],
  'deduplication with a time': [async (queue) => {
    await queue.add('encode', ok(1), { deduplication: { id: 'd', ttl: 60000 } });
  }],
  'deduplication that keeps the last': [async (queue) => {
    await queue.add('encode', steps({ sleep: 400 }, { return: 1 }),
      { deduplication: { id: 'd', keepLastIfActive: true } });
  }, {}, async (queue) => {
    await until(async () => await queue.getActiveCount() === 1, 'the first to be active');
    await queue.add('encode', ok(2), { deduplication: { id: 'd', keepLastIfActive: true } });
    await queue.add('last', ok(3), { deduplication: { id: 'd', keepLastIfActive: true } });
    await until(async () => await queue.getCompletedCount() === 2, 'both to be completed');
  }],
  'metrics over minutes': [addAll([ok()], [ok()]), { metrics: 5 }, async (queue, client) => {
    await until(async () => await queue.getCompletedCount() === 2, 'two to be completed');
    const key = 'bull:diff:metrics:completed';
    await client.hset(key, 'prevTS', String(await client.hget(key, 'prevTS') - 3 * 60000));
    await queue.add('encode', ok());
    await until(async () => await queue.getCompletedCount() === 3, 'three to be completed');
  }],
  'a flow over two queues, the parent elsewhere': [async (queue, redis, s) => {
    const producer = new bullmq.FlowProducer({ connection: redis.options });
    s.defer(() => producer.close());
    await producer.add({ name: 'parent', queueName: 'other', data: {}, opts: { jobId: 'P' }, children: [
      { name: 'a', queueName: queue.name, data: ok('a'), opts: { jobId: 'A' } },
      { name: 'b', queueName: queue.name, data: bad('b'), opts: { jobId: 'B', failParentOnFailure: true } }] });
  }],
  'custom ids, one twice': [addAll([ok(1), { jobId: 'a' }], [ok(2), { jobId: 'b' }], [ok(3), { jobId: 'a' }])],
  'flow': [flow({}, [ok('a')], [ok('b')])],
  'flow, parent with a priority': [flow({ priority: 3 }, [ok('a')])],
  'flow, parent with a delay': [flow({ delay: 30 }, [ok('a')])],
  'flow, failParentOnFailure': [flow({}, [bad('child'), { failParentOnFailure: true }])],
  'flow, continueParentOnFailure':
    [flow({}, [bad('child'), { continueParentOnFailure: true }], [ok('late')])],
  'flow, ignoreDependencyOnFailure':
    [flow({}, [bad('child'), { ignoreDependencyOnFailure: true }], [ok('b')])],
  'flow, removeDependencyOnFailure':
    [flow({}, [bad('child'), { removeDependencyOnFailure: true }], [ok('b')])],
  'flow, child fails without an option': [flow({}, [bad('child')], [ok('b')])],
  'flow, failing child is removed': [flow({}, [bad('child'), { removeOnFail: true }])],
  'flow, children retried': [flow({}, [bad('child'), { attempts: 2, failParentOnFailure: true }], [ok()])],
};

// Nothing is left to do: only parents whose children failed may still wait.
async function settled(queue) {
  const counts = await queue.getJobCounts('wait', 'active', 'delayed', 'prioritized');
  return Object.values(counts).every((n) => n === 0);
}

async function play(t, kind, name, more = {}, library = bullmq) {
  const [add, options = {}, finished] = SCENARIOS[name];
  const s = scope(t);
  const redis = await startRedis(s);
  const queue = openQueue(s, redis, 'diff', { library });
  await queue.waitUntilReady();
  await add(queue, redis, s);
  const worker = await startWorker(s, redis, 'diff', kind, { drain: 200, ...options, ...more });
  if (finished) await finished(queue, redis.connect());
  else await until(() => settled(queue), `the queue to be empty (${kind})`);
  await worker.stop();
  return snapshot(redis.connect());
}

describe('differential', { concurrency: 3 }, () => {
  for (const name of Object.keys(SCENARIOS)) {
    test(name, async (t) => {
      const expected = await play(t, 'node', name);
      assert.deepEqual(await play(t, 'ours', name), expected);
    });
  }
});

// The same, when each fetch is a call of its own.
describe('differential, fetching apart', { concurrency: 3 }, () => {
  for (const name of ['first in first out', 'three attempts, fixed back-off', 'flow', 'delayed']) {
    test(name, async (t) => {
      const expected = await play(t, 'ours', name);
      assert.deepEqual(await play(t, 'ours', name, { separate: true }), expected);
    });
  }
});

// A queue of BullMQ 5, through its own Worker and ours.
describe('differential, BullMQ 5', { concurrency: 3 }, () => {
  for (const name of ['a value', 'three attempts, fixed back-off', 'no back-off, with a priority', 'two kept',
    'unrecoverable on the first of three', 'priorities after the standard ones', 'delayed', 'metrics over minutes',
    'deduplication that keeps the last', 'removed on completion']) {
    test(name, async (t) => {
      const expected = await play(t, 'node', name, { library: 'bullmq5' }, bullmq5);
      assert.deepEqual(await play(t, 'ours', name, {}, bullmq5), expected);
    });
  }
});
