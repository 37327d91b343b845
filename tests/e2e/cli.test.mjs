// The command line: exit statuses of design, data on stdout and talk on stderr, help from the tables.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';

import {
  clips, ebur128, fettle, FETTLE, ffprobe, filesBelow, LOGO, ROOT, run, scope, startRedis, startWorker, tempDir, until,
} from './lib.mjs';

let s, dir, source;
const at = (name) => path.join(dir, name);
const json = (name, value) => {
  fs.writeFileSync(at(name), JSON.stringify(value));
  return at(name);
};

before(async () => {
  s = scope({ after: () => {} });
  dir = tempDir(s);
  source = await clips();
  // two seconds are enough for most of what is asked here
  await run('ffmpeg', ['-nostdin', '-v', 'error', '-t', '2', '-i', path.join(source, 'landscape.mp4'), '-vf',
    'scale=480:270', '-c:v', 'libx264', '-preset', 'ultrafast', '-c:a', 'aac', at('small.mp4')]);
  fs.writeFileSync(at('noise.mp4'), Buffer.alloc(50_000, 'not a video. '));
  const whole = fs.readFileSync(at('small.mp4'));
  fs.writeFileSync(at('cut.mp4'), whole.subarray(0, Math.floor(whole.length / 2)));
});
after(() => s.end());

const FAST = ['--set', 'outputs.0.video.speed=ultrafast'];

test('usage', async (t) => {
  for (const [args, status] of [
    [[], 2], [['nonsense'], 2], [['run'], 2], [['run', '--nonsense'], 2], [['run', 'a', 'b'], 2],
    [['--help'], 0], [['help', 'run'], 0], [['--version'], 0], [['version'], 0],
    [['filters', 'nothing'], 2], [['queue'], 2], [['queue', 'nonsense'], 2],
  ]) {
    await t.test(`fettle ${args.join(' ')} → ${status}`, async () => {
      const result = await fettle(...args);
      assert.equal(result.status, status, result.stderr);
      if (status === 0) assert.ok(result.stdout.length > 0 && result.stderr === '');
      else assert.equal(result.stdout, '');
    });
  }
});

test('output that gets lost is a failure, a reader that has seen enough is none', async (t) => {
  for (const [shell, status] of [
    ['"$0" schema >/dev/full', 7], ['"$0" filters >/dev/full', 7], ['"$0" run --help >/dev/full', 7],
    ['"$0" schema | true', 0], ['"$0" filters | true', 0], ['"$0" schema | head -1 >/dev/null', 0],
  ]) {
    await t.test(`${shell} → ${status}`, async () => {
      const result = await run('bash', ['-c', `set -o pipefail; ${shell}`, FETTLE]);
      assert.equal(result.status, status, result.stderr);
      assert.equal(result.stderr !== '', status !== 0);
    });
  }
});

test('every command has help that names its flags', async (t) => {
  const { stdout } = await fettle('--help');
  const commands = [...stdout.matchAll(/^ {2}([a-z]+) {2,}\S/gm)].map((match) => match[1]).filter((name) => name !== 'fettle');
  for (const name of ['run', 'worker', 'up', 'probe', 'queue', 'filters', 'schema', 'doctor', 'version']) {
    assert.ok(commands.includes(name), `${name} is not listed`);
  }
  for (const name of commands) {
    await t.test(name, async () => {
      const help = await fettle(name, '--help');
      assert.equal(help.status, 0);
      assert.match(help.stdout, new RegExp(`fettle ${name}`));
    });
  }
});

test('filters and schema come from the tables', async () => {
  const list = JSON.parse((await fettle('filters', '--json')).stdout);
  assert.deepEqual(list.map((one) => one.filter), ['aspect', 'fps', 'loudness', 'scale', 'trim', 'watermark']);
  const text = (await fettle('filters')).stdout;
  for (const one of list) assert.match(text, new RegExp(`^${one.filter}: `, 'm'));
  JSON.parse((await fettle('schema')).stdout);
});

test('run: an input with filters and two outputs', async () => {
  const out = at('made');
  const result = await fettle('run', at('small.mp4'), '-f', 'aspect,ratio=1:1,fit=crop', '-f', 'loudness,integrated=-14',
    '-o', `${out}/square.mp4`, '-o', `${out}/still.png`, '--json', ...FAST);
  assert.equal(result.status, 0, result.stderr);
  const report = JSON.parse(result.stdout);
  assert.deepEqual(filesBelow(out), ['square.mp4', 'still.png']);
  const { video } = await ffprobe(`${out}/square.mp4`);
  assert.deepEqual([video.width, video.height], [270, 270]);
  assert.equal((await ffprobe(`${out}/still.png`)).video.codec_name, 'png');
  assert.ok(Math.abs((await ebur128(`${out}/square.mp4`)).integrated + 14) <= 0.5);
  assert.equal(report.outputs[0].bytes, fs.statSync(`${out}/square.mp4`).size);
  for (const phase of ['fetch', 'plan', 'run', 'verify', 'upload', 'total']) {
    assert.equal(typeof report.seconds[phase], 'number', phase);
  }
});

test('run: same job, same bytes', async () => {
  const hashes = [];
  for (const name of ['one', 'two']) {
    const result = await fettle('run', at('small.mp4'), '-f', 'loudness', '-o', at(`${name}/x.mp4`), '--json', ...FAST);
    assert.equal(result.status, 0, result.stderr);
    hashes.push(JSON.parse(result.stdout).outputs[0].sha256);
  }
  assert.equal(hashes[0], hashes[1]);
});

test('run --dry-run prints the plan and makes nothing', async () => {
  const result = await fettle('run', path.join(ROOT, 'samples/jobs/vertical.json'), '--set', `input=${at('small.mp4')}`,
    '--set', `filters.1.image=${LOGO}`, '-o', at('never/'), '--dry-run');
  assert.equal(result.status, 0, result.stderr);
  const plan = JSON.parse(result.stdout);
  assert.match(JSON.stringify(plan), /"width":1080/);
  assert.match(JSON.stringify(plan), /"height":1920/);
  assert.ok(!fs.existsSync(at('never')));
});

test('run refuses to overwrite unless told', async () => {
  const args = ['run', at('small.mp4'), '-o', at('twice.mp4'), ...FAST];
  assert.equal((await fettle(...args)).status, 0);
  const { mtimeMs } = fs.statSync(at('twice.mp4'));
  const again = await fettle(...args);
  assert.equal(again.status, 7, again.stderr);
  assert.equal(fs.statSync(at('twice.mp4')).mtimeMs, mtimeMs);
  assert.equal((await fettle(...args, '-y')).status, 0);
});

test('run: how failures end', async (t) => {
  const output = [{ name: 'x.mp4', video: { speed: 'ultrafast' } }];
  const cases = [
    ['missing input', 3, { input: at('nowhere.mp4'), outputs: output }, /nowhere\.mp4/],
    ['not media', 4, { input: at('noise.mp4'), outputs: output }, /INPUT/],
    ['truncated', 4, { input: at('cut.mp4'), outputs: output }, /TRUNCATED|INPUT/],
    ['bad spec', 2, { input: at('small.mp4'), filters: [{ filter: 'watermark' }], outputs: output }, /\/filters\/0/],
    ['all errors at once', 2, { input: 5, filters: [{ filter: 'aspect', fit: 'x' }], outputs: [{ name: 'a.xyz' }] },
      /\/input[\s\S]*\/filters\/0[\s\S]*\/outputs\/0/],
    ['a suggestion', 2, { input: at('small.mp4'), filters: [{ filter: 'fps', rat: 30 }], outputs: output }, /did you mean/],
    ['two outputs of one name', 2, { input: at('small.mp4'), outputs: [output[0], output[0]] }, /\/outputs\/1\/name/],
  ];
  for (const [what, status, job, text] of cases) {
    await t.test(what, async () => {
      const result = await fettle('run', json('job.json', job), '-o', at('failed/'));
      assert.equal(result.status, status, result.stderr);
      assert.match(result.stderr, text);
      assert.equal(result.stdout, '');
      assert.deepEqual(filesBelow(at('failed')), []);
    });
  }
  await t.test('nowhere to write', async () => {
    fs.writeFileSync(at('plain-file'), '');
    const result = await fettle('run', at('small.mp4'), '-o', at('plain-file/x.mp4'), ...FAST);
    assert.equal(result.status, 7, result.stderr);
  });
  await t.test('no output', async () => {
    const result = await fettle('run', at('small.mp4'));
    assert.equal(result.status, 2, result.stderr);
    assert.match(result.stderr, /give -o/);
  });
  await t.test('no Redis', async () => {
    const result = await fettle('worker', '--redis', `unix://${at('no.sock')}`, '--queue', 'q');
    assert.equal(result.status, 9, result.stderr);
  });
  await t.test('a missing executor', async () => {
    const result = await fettle('run', at('small.mp4'), '-o', at('x2.mp4'), '--executor', at('no-exec'));
    assert.equal(result.status, 6, result.stderr);
    assert.match(result.stderr, /no-exec/);
  });
});

test('probe', async () => {
  const result = await fettle('probe', path.join(source, 'phone.mp4'), '--json');
  assert.equal(result.status, 0, result.stderr);
  const text = JSON.stringify(JSON.parse(result.stdout));
  assert.match(text, /"width":720/);
  assert.match(text, /"height":1280/);
  assert.equal((await fettle('probe', at('noise.mp4'))).status, 4);
  assert.equal((await fettle('probe', at('nowhere.mp4'))).status, 3);
});

test('doctor says which sandbox layers hold', async () => {
  const { status, stdout, stderr } = await fettle('doctor');
  assert.ok([0, 1].includes(status), stderr);
  assert.match(stdout, /seccomp|sandbox/i);
  assert.match(stdout, /libx264/);
});

test('config shows where each value came from, and no secret', async () => {
  const env = { REDIS_URL: 'redis://user:planted-password@localhost:1/2' };
  for (const flags of [[], ['--json']]) {
    const { status, stdout, stderr } = await fettle('config', ...flags, { env });
    assert.equal(status, 0, stderr);
    assert.ok(!stdout.includes('planted-password'));
    assert.match(stdout, /REDIS_URL/);
  }
  const settings = JSON.parse((await fettle('config', '--json', { env })).stdout);
  assert.deepEqual([settings.redis.value, settings.redis.origin], ['***', 'environment']);
  assert.equal(settings.worker_name.value, null);
});

test('queue add, stats, show with a worker', async () => {
  const redis = await startRedis(s);
  const env = { REDIS_URL: redis.url };
  const job = json('queued.json', {
    input: at('small.mp4'), outputs: [{ name: 'x.mp4', video: { speed: 'ultrafast' } }], upload: { to: at('queued/') },
  });
  const added = await fettle('queue', 'add', job, '--queue', 'cli', '--job-id', 'first', { env });
  assert.equal(added.status, 0, added.stderr);
  assert.match(added.stdout, /first/);
  const stats = async () => JSON.parse((await fettle('queue', 'stats', 'cli', '--json', { env })).stdout);
  assert.equal([await stats()].flat()[0].waiting, 1);
  startWorker(s, { redis, queue: 'cli', roots: [dir] });
  const waited = await fettle('queue', 'add', job, '--queue', 'cli', '--job-id', 'second', '--wait', { env });
  assert.equal(waited.status, 0, waited.stderr);
  // two slots: the first job may end after the second
  await until(async () => [await stats()].flat()[0].completed === 2, 'both jobs');
  const shown = await fettle('queue', 'show', 'first', '--queue', 'cli', '--json', { env });
  assert.equal(JSON.parse(shown.stdout).state, 'completed');
  assert.notEqual((await fettle('queue', 'show', 'nobody', '--queue', 'cli', { env })).status, 0);
});

test('an interrupted run ends with 130 and leaves nothing', async () => {
  const { spawn } = await import('node:child_process');
  const { FETTLE } = await import('./lib.mjs');
  const child = spawn(FETTLE, ['run', path.join(source, 'landscape.mp4'), '-o', at('interrupted/x.mp4'), '--ndjson',
    '--set', 'outputs.0.video.speed=veryslow'], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise((resolve) => child.once('close', (status) => resolve(status)));
  let told = '';
  await new Promise((resolve) => {
    const look = (chunk) => {
      told += chunk;
      if (/"run"/.test(told)) resolve();
    };
    child.stdout.on('data', look);
    child.stderr.on('data', look);
    child.once('close', resolve);
  });
  child.kill('SIGINT');
  assert.equal(await ended, 130);
  assert.deepEqual(filesBelow(at('interrupted')), []);
});
