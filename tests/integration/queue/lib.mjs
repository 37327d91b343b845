// What the queue's tests share: a private redis-server, workers of both kinds that run the same job
// language, and snapshots of a whole queue made comparable.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';

import IORedis from 'ioredis';
import * as bullmq from 'bullmq';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
export const BUILD = path.resolve(process.env.FETTLE_BUILD ?? path.join(ROOT, 'build'));
export const PROGRAM = path.join(BUILD, 'tests/conformance_worker');
const NODE_WORKER = path.join(path.dirname(fileURLToPath(import.meta.url)), 'node_worker.mjs');

// until CONDITION holds; polls an outside state that gives no event.
export async function until(condition, what, ms = 20_000) {
  const end = Date.now() + ms;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${ms} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

// Collects what must end; runs it last-in first-out after the test.
export function scope(t) {
  const undo = [];
  t.after(async () => {
    while (undo.length > 0) await undo.pop()();
  });
  return { defer: (fn) => undo.push(fn) };
}

async function stop(child, signal = 'SIGTERM', ms = 10_000) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), ms);
  await ended;
  clearTimeout(timer);
}

// A redis-server on a unix socket in a directory of its own. restart() stops and starts it again on
// the same data when it was started with { appendonly: true }.
export async function startRedis(s, { appendonly = false, args = [] } = {}) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'fettle-queue-'));
  s.defer(() => fs.rmSync(dir, { recursive: true, force: true }));
  const socket = path.join(dir, 'redis.sock');
  const redis = { socket, url: `unix://${socket}` };
  const start = async () => {
    redis.child = spawn('redis-server', ['--port', '0', '--unixsocket', socket, '--save', '', '--dir', dir,
      '--appendonly', appendonly ? 'yes' : 'no', '--appendfsync', 'always', ...args], { stdio: 'ignore' });
    const client = new IORedis({ path: socket, maxRetriesPerRequest: null, retryStrategy: () => 20 });
    client.on('error', () => {}); // not up yet
    await until(() => client.ping().then(() => true, () => false), 'redis-server');
    client.disconnect();
  };
  redis.stop = () => stop(redis.child);
  redis.kill = () => stop(redis.child, 'SIGKILL');
  redis.start = start;
  redis.restart = async () => {
    await redis.stop();
    await start();
  };
  await start();
  s.defer(() => stop(redis.child));
  redis.connect = (options = {}) => {
    const client = new IORedis({ path: socket, maxRetriesPerRequest: null, ...options });
    client.on('error', () => {});
    s.defer(() => client.disconnect());
    return client;
  };
  redis.options = { path: socket, maxRetriesPerRequest: null };
  return redis;
}

const closing = (s, thing) => {
  thing.on('error', () => {}); // the server is stopped on purpose in some tests
  s.defer(() => thing.close().catch(() => {}));
  return thing;
};

export function openQueue(s, redis, name, { library = bullmq, ...options } = {}) {
  return closing(s, new library.Queue(name, { connection: redis.options, ...options }));
}

export async function openEvents(s, redis, name, { library = bullmq, ...options } = {}) {
  const events = closing(s, new library.QueueEvents(name, { connection: redis.options, ...options }));
  await events.waitUntilReady();
  return events;
}

// Collects a process's JSON lines. line(test) resolves with the first one, past or future.
function collectLines(child) {
  const lines = [];
  const waiting = new Set();
  readline.createInterface({ input: child.stdout }).on('line', (text) => {
    const line = JSON.parse(text);
    lines.push(line);
    for (const check of waiting) check();
  });
  const line = (test, ms = 20_000) => new Promise((resolve, reject) => {
    const timer = setTimeout(() => done(reject, new Error(
      `no such line of the worker within ${ms} ms; it said ${JSON.stringify(lines)}`)), ms);
    const check = () => {
      const found = lines.find(test);
      if (found) done(resolve, found);
    };
    const done = (settle, value) => {
      clearTimeout(timer);
      waiting.delete(check);
      settle(value);
    };
    waiting.add(check);
    check();
  });
  return { lines, line };
}

async function startProcess(s, command, args) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk) => (stderr += chunk));
  const { lines, line } = collectLines(child);
  s.defer(() => stop(child));
  const worker = {
    child, lines, line, stderr: () => stderr, stop: (signal) => stop(child, signal),
    started: (job, ms) => line((l) => l.event === 'start' && l.job === job, ms),
  };
  await Promise.race([
    line((l) => l.event === 'ready'),
    once(child, 'exit').then(() => { throw new Error(`the worker ended: ${stderr}`); }),
  ]);
  return worker;
}

const FLAGS = {
  concurrency: 'concurrency', lock: 'lock', stalled: 'stalled', maxStalled: 'max-stalled', drain: 'drain',
  limiter: 'limiter', metrics: 'metrics', name: 'name', removeOnComplete: 'remove-on-complete',
  removeOnFail: 'remove-on-fail', pauseMode: 'pause-mode', prefix: 'prefix',
};

// A worker of one kind, 'ours' or 'node', as a process of its own. Options as in FLAGS.
export function startWorker(s, redis, queue, kind, options = {}) {
  if (kind === 'node') {
    const config = { path: redis.socket, queue, ...options };
    return startProcess(s, process.execPath, [NODE_WORKER, JSON.stringify(config)]);
  }
  const args = ['--redis', redis.url, '--queue', queue];
  for (const [key, value] of Object.entries(options)) {
    if (key === 'separate') args.push('--separate-fetch');
    else args.push(`--${FLAGS[key]}`, typeof value === 'object' ? JSON.stringify(value) : String(value));
  }
  return startProcess(s, PROGRAM, args);
}

const pairs = (flat) => {
  const out = [];
  for (let i = 0; i < flat.length; i += 2) out.push([flat[i], flat[i + 1]]);
  return out;
};

const TIMES = new Set(['timestamp', 'processedOn', 'finishedOn', 'prevTS']);

// The one reason whose wording the protocol leaves free.
const reason = (text) => (/pending dependencies|unfinished children/.test(text) ? 'UNFINISHED CHILDREN' : text);

function normaliseField(name, value) {
  if (name === 'failedReason') return reason(value);
  if (TIMES.has(name)) return 'TIME';
  if (name === 'stacktrace') return JSON.parse(value).length;
  if (['data', 'opts', 'progress', 'returnvalue', 'parent'].includes(name)) {
    const parsed = JSON.parse(value);
    if (name === 'opts') delete parsed.timestamp;
    return parsed;
  }
  return value;
}

const sorted = (object) => Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));

// Events by job, in their order, and the order in which jobs were started; a due time becomes TIME.
function groupEvents(entries) {
  const jobs = {};
  const order = [];
  for (const [, flat] of entries) {
    const event = Object.fromEntries(pairs(flat));
    if (event.event === 'delayed') event.delay = 'TIME';
    if (event.failedReason) event.failedReason = reason(event.failedReason);
    if (event.event === 'active') order.push(event.jobId);
    const list = (jobs[event.jobId ?? '-'] ??= []);
    list.push(event);
  }
  return { order, ...sorted(jobs) };
}

const READERS = {
  string: (client, key) => client.get(key),
  list: (client, key) => client.lrange(key, 0, -1),
  set: async (client, key) => (await client.smembers(key)).sort(),
  hash: async (client, key) =>
    sorted(Object.fromEntries(pairs(Object.entries(await client.hgetall(key)).flat())
      .map(([name, value]) => [name, normaliseField(name, value)]))),
  zset: async (client, key) => {
    const members = pairs(await client.zrange(key, 0, -1, 'WITHSCORES'));
    // Scores that are times differ from run to run, and so may the order of equal ones.
    return /:(completed|failed|delayed|waiting-children|unsuccessful)$/.test(key)
      ? members.map(([member]) => member).sort() : members;
  },
  stream: async (client, key) => groupEvents(await client.xrange(key, '-', '+')),
};

// Everything under the prefix but what only steers sleeping and stall checks.
export async function snapshot(client, prefix = 'bull') {
  const result = {};
  for (const key of (await client.keys(`${prefix}:*`)).sort()) {
    if (/:(marker|stalled|stalled-check)$/.test(key)) continue;
    const type = await client.type(key);
    if (type === 'none') continue; // ran out just now
    const value = await READERS[type](client, key);
    result[key] = [type, /:lock$/.test(key) ? 'TOKEN' : value];
  }
  return result;
}
