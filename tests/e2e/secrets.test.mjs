// Unique strings are planted as an API key, a bearer token and a signed query; afterwards they are
// looked for wherever Fettle writes: logs, events, return values, job logs, stack traces, argv. Core files
// are not made.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { Queue, QueueEvents } from 'bullmq';
import { Redis } from 'ioredis';

import {
  clips, processTree, reelJob, scope, SECRETS, sendFile, serve, startRedis, startWorker, tempDir,
} from './lib.mjs';

const SIGNED = `X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=${SECRETS.signature}`;
const HEADERS = { authorization: `Bearer ${SECRETS.bearer}`, 'x-api-key': SECRETS.apiKey };
const found = (text) => Object.values(SECRETS).filter((secret) => text.includes(secret));

// The whole database as text, without the fields in which the producer itself keeps the job.
async function everythingIn(redis) {
  const client = new Redis(redis.options);
  const parts = [];
  try {
    for (const key of await client.keys('*')) {
      const type = await client.type(key);
      if (type === 'hash') {
        const hash = await client.hgetall(key);
        delete hash.data;
        parts.push(key, JSON.stringify(hash));
      } else if (type === 'stream') parts.push(key, JSON.stringify(await client.xrange(key, '-', '+')));
      else if (type === 'list') parts.push(key, JSON.stringify(await client.lrange(key, 0, -1)));
      else if (type === 'string') parts.push(key, await client.get(key));
      else if (type === 'zset') parts.push(key, JSON.stringify(await client.zrange(key, 0, -1)));
      else if (type === 'set') parts.push(key, JSON.stringify(await client.smembers(key)));
    }
  } finally {
    client.disconnect();
  }
  return parts.join('\n');
}

// argv and environment of every process of the worker, while it works.
function commandLines(pid) {
  return processTree(pid).map((one) => {
    try {
      return fs.readFileSync(`/proc/${one}/cmdline`, 'utf8') + fs.readFileSync(`/proc/${one}/environ`, 'utf8');
    } catch {
      return '';
    }
  }).join('\n');
}

test('planted secrets are used, and occur nowhere', async (t) => {
  const s = scope(t);
  const redis = await startRedis(s);
  const out = tempDir(s, 'fettle-out');
  const dir = await clips();
  let authorised = 0;
  const guarded = (req, res, file) => {
    const ok = req.headers.authorization === HEADERS.authorization && req.headers['x-api-key'] === SECRETS.apiKey &&
      req.url.includes(SECRETS.signature);
    if (!ok) return res.writeHead(403).end('no');
    authorised++;
    return sendFile(req, res, file);
  };
  const web = await serve(s, dir, {
    '/silent.mp4': guarded,
    '/refused.mp4': (req, res) => res.writeHead(403).end(`denied: ${req.url} ${JSON.stringify(req.headers)}`),
    '/page.mp4': (req, res) => res.writeHead(200, { 'content-type': 'text/html' }).end(`<p>${req.url}</p>`),
    '/moved.mp4': (req, res) => res.writeHead(302, { location: `http://10.1.2.3/x?${SIGNED}` }).end(),
    '/broken.mp4': (req, res) => {
      res.writeHead(200, { 'content-length': 1_000_000 });
      res.write('x');
      setImmediate(() => res.destroy());
    },
  });
  const worker = startWorker(s, {
    redis, queue: 'secrets', roots: [out], allow: web.host, args: ['--concurrency', '2', '--log-level', 'debug'],
  });
  const queue = new Queue('secrets', { connection: redis.options });
  const events = new QueueEvents('secrets', { connection: redis.options });
  s.defer(async () => {
    await queue.close();
    await events.close();
  });
  await events.waitUntilReady();

  const told = [];
  for (const event of ['completed', 'failed', 'progress', 'active']) events.on(event, (data) => told.push(JSON.stringify(data)));
  const job = (name) => ({
    ...reelJob({ input: { url: `${web.url}/${name}?${SIGNED}`, headers: HEADERS }, logo: `${web.url}/logo.png?${SIGNED}`, to: `${out}/{job_id}/` }),
  });
  const lines = [];
  events.on('progress', () => lines.push(commandLines(worker.pid)));
  const names = ['silent', 'refused', 'page', 'moved', 'broken'];
  const bad = job('silent.mp4');
  bad.input.headers = { authorization: [SECRETS.bearer] }; // a wrong type: the error must not quote it
  const jobs = await queue.addBulk([
    ...names.map((name) => ({ name: 'reel', data: job(`${name}.mp4`), opts: { jobId: name } })),
    { name: 'reel', data: bad, opts: { jobId: 'spec' } },
  ]);
  const ends = await Promise.allSettled(jobs.map((one) => one.waitUntilFinished(events, 120_000)));
  assert.deepEqual(ends.map((end) => end.status),
    ['fulfilled', ...Array(names.length).fill('rejected')], JSON.stringify(ends.map((end) => end.reason?.message)));
  assert.ok(authorised > 0, 'the headers and the query reached the source');
  assert.match(fs.readFileSync(`/proc/${worker.pid}/limits`, 'utf8'), /^Max core file size +0 +0 /m);
  await worker.stop();

  assert.ok(worker.lines.length > 20, 'the worker logged at debug level');
  assert.deepEqual(found(worker.text), [], 'log');
  assert.deepEqual(found(told.join('\n')), [], 'events');
  assert.ok(lines.length > 0, 'the command lines were looked at');
  assert.deepEqual(found(lines.join('\n')), [], 'argv and environment');
  assert.deepEqual(found(await everythingIn(redis)), [], 'Redis');
  for (const name of fs.readdirSync(out)) {
    for (const file of fs.readdirSync(path.join(out, name))) {
      assert.deepEqual(found(fs.readFileSync(path.join(out, name, file), 'latin1')), [], file);
    }
  }
});
