// The main job on real input: the real bullmq client queues it, `fettle worker` does it, ffmpeg's
// own tools judge what came out.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { Queue, QueueEvents } from 'bullmq';

import {
  clips, differenceBox, ebur128, ffprobe, filesBelow, mp4Boxes, reelJob, run, scope, sendFile, serve, ssim,
  startRedis, startWorker, tempDir,
} from './lib.mjs';

const QUEUE = 'video-generation';
let s, out, web, queue, events, worker;
const file = (job, name) => path.join(out, job, name);

before(async () => {
  s = scope({ after: () => {} });
  const dir = await clips();
  const redis = await startRedis(s);
  out = tempDir(s, 'fettle-out');
  // Every background differs from one of its fields.
  const checker = path.join(tempDir(s), 'checker.png');
  await run('ffmpeg', ['-nostdin', '-v', 'error', '-f', 'lavfi', '-i',
    "color=black:s=300x100,format=gray,geq=lum='255*mod(floor(X/10)+floor(Y/10),2)'", '-frames:v', '1', checker]);
  web = await serve(s, dir, {
    '/checker.png': (req, res) => sendFile(req, res, checker),
    '/truncated.mp4': (req, res) => {
      // a generator that died: the whole declared file, less its last two thirds
      const data = fs.readFileSync(path.join(dir, 'landscape.mp4'));
      const part = data.subarray(0, Math.floor(data.length / 3));
      res.writeHead(200, { 'content-length': part.length, 'content-type': 'video/mp4' }).end(part);
    },
  });
  worker = startWorker(s, { redis, queue: QUEUE, roots: [out], allow: web.host, args: ['--concurrency', '2'] });
  queue = new Queue(QUEUE, { connection: redis.options });
  events = new QueueEvents(QUEUE, { connection: redis.options });
  s.defer(async () => {
    await queue.close();
    await events.close();
  });
  await events.waitUntilReady();
});
after(() => s.end());

// Adds a job and waits for its end; the report, or an error with the failure's text.
async function done(id, data, opts = {}) {
  const job = await queue.add('reel', data, { jobId: id, ...opts });
  return job.waitUntilFinished(events, 180_000);
}

const job = (clip, overrides = {}) => reelJob({
  input: `${web.url}/${clip}`, logo: `${web.url}/logo.png`, to: `${out}/{job_id}/`, ...overrides,
});

test('landscape clip becomes a conforming vertical video', async (t) => {
  const report = await done('landscape', job('landscape.mp4'));
  const mp4 = file('landscape', 'final.mp4');

  await t.test('files and report agree', async () => {
    assert.deepEqual(filesBelow(path.join(out, 'landscape')), ['final.mp4', 'poster.jpg']);
    assert.deepEqual(report.outputs.map((output) => output.name), ['final.mp4', 'poster.jpg']);
    assert.equal(report.outputs[0].bytes, fs.statSync(mp4).size);
    const { stdout } = await run('sha256sum', [mp4]);
    assert.equal(report.outputs[0].sha256, stdout.split(' ')[0]);
  });
  await t.test('picture format', async () => {
    const { video } = await ffprobe(mp4);
    assert.deepEqual([video.codec_name, video.width, video.height, video.pix_fmt],
      ['h264', 1080, 1920, 'yuv420p']);
    assert.deepEqual([video.color_space, video.color_primaries, video.color_transfer, video.color_range],
      ['bt709', 'bt709', 'bt709', 'tv']);
    assert.equal(video.sample_aspect_ratio, '1:1');
  });
  await t.test('moov first', () => {
    const boxes = mp4Boxes(mp4);
    assert.ok(boxes.indexOf('moov') > 0 && boxes.indexOf('moov') < boxes.indexOf('mdat'), boxes.join(' '));
  });
  await t.test('no frame lost or added', async () => {
    const source = await ffprobe(path.join(await clips(), 'landscape.mp4'));
    const result = await ffprobe(mp4);
    assert.equal(result.video.nb_read_frames, source.video.nb_read_frames);
    assert.ok(Math.abs(Number(result.format.duration) - Number(source.format.duration)) < 0.05);
  });
  await t.test('loudness of the encoded file', async () => {
    const heard = await ebur128(mp4);
    assert.ok(Math.abs(heard.integrated + 16) <= 0.2, `${heard.integrated} LUFS`);
    assert.ok(heard.truePeak <= -1.0, `${heard.truePeak} dBTP`);
  });
  await t.test('poster', async () => {
    const { video } = await ffprobe(file('landscape', 'poster.jpg'));
    assert.deepEqual([video.codec_name, video.width, video.height], ['mjpeg', 720, 1280]);
  });
});

test('the logo stands where it should and changes nothing else', async () => {
  const overrides = { video: { crf: 12 } };
  await Promise.all([
    done('with-logo', job('landscape.mp4', { ...overrides, logo: `${web.url}/checker.png` })),
    done('without-logo', job('landscape.mp4', { ...overrides, logo: null })),
  ]);
  const [a, b] = ['with-logo', 'without-logo'].map((id) => file(id, 'final.mp4'));
  const box = await differenceBox(a, b);
  assert.ok(box.frames > 180, `difference in ${box.frames} frames`);
  // 300x100 scaled to 18 % of the canvas' short side, 4 % from the edges.
  const [width, height, margin] = [0.18 * 1080, 0.18 * 1080 / 3, 0.04 * 1080];
  const expected = {
    x1: 1080 - margin - width, x2: 1080 - margin - 1, y1: 1920 - margin - height, y2: 1920 - margin - 1,
  };
  for (const edge of Object.keys(expected)) {
    assert.ok(Math.abs(box[edge] - expected[edge]) <= 3, `${edge}: ${box[edge]}, expected ${expected[edge]}`);
  }
  const outside = await ssim(a, b, 'drawbox=x=835:y=1804:w=210:h=81:color=black:t=fill');
  assert.ok(outside > 0.99, `SSIM outside the logo ${outside}`);
});

test('a phone clip is turned upright', async () => {
  const report = await done('phone', {
    ...job('phone.mp4'),
    filters: [{ filter: 'loudness', integrated: -14 }],
    outputs: [{ name: 'upright.mp4', video: { speed: 'veryfast' } }],
  });
  const { video, format } = await ffprobe(file('phone', 'upright.mp4'));
  assert.ok(Math.abs(report.outputs[0].duration_s - Number(format.duration)) < 0.002, 'padding of the sound is not counted');
  assert.deepEqual([video.width, video.height], [720, 1280]);
  assert.ok(!video.side_data_list?.some((data) => data.rotation), 'no rotation left in the file');
  // Against ffmpeg's own idea of upright.
  const reference = path.join(out, 'reference.mp4');
  await run('ffmpeg', ['-nostdin', '-v', 'error', '-y', '-i', path.join(await clips(), 'phone.mp4'),
    '-c:v', 'libx264', '-preset', 'veryfast', '-crf', '16', '-an', reference]);
  assert.ok(await ssim(file('phone', 'upright.mp4'), reference) > 0.9);
});

test('a clip without audio has none afterwards, and no failure', async () => {
  const report = await done('silent', job('silent.mp4'));
  const { video, audio } = await ffprobe(file('silent', 'final.mp4'));
  assert.equal(audio, undefined);
  assert.deepEqual([video.width, video.height, video.nb_read_frames], [1080, 1920, '120']);
  assert.equal(report.outputs[0].audio, undefined);
});

test('progress reaches the client', async () => {
  const seen = [];
  const watch = ({ jobId, data }) => jobId === 'progress' && seen.push(data);
  events.on('progress', watch);
  await done('progress', job('silent.mp4'));
  events.off('progress', watch);
  assert.ok(seen.length > 0, 'no progress event');
});

test('a truncated source fails as TRUNCATED and publishes nothing', async () => {
  await assert.rejects(done('truncated', job('truncated.mp4'), { attempts: 3 }), /TRUNCATED/);
  assert.deepEqual(filesBelow(path.join(out, 'truncated')), []);
  const ended = await queue.getJob('truncated');
  assert.equal(ended.attemptsMade, 1, 'the same file fails the same way: no second try');
});

test('a bad spec fails at once, with all pointers, before any download', async () => {
  const before = web.requests.length;
  const bad = job('landscape.mp4');
  bad.filters[1].opacity = 1.5;
  bad.filters[0].ratoi = '9:16';
  delete bad.filters[0].ratio;
  await assert.rejects(done('bad', bad, { attempts: 5, backoff: { type: 'fixed', delay: 50 } }), (error) => {
    assert.match(error.message, /SPEC/);
    return true;
  });
  const ended = await queue.getJob('bad');
  assert.equal(ended.attemptsMade, 1);
  const told = `${ended.failedReason}\n${ended.stacktrace.join('\n')}\n${(await queue.getJobLogs('bad')).logs.join('\n')}`;
  assert.match(told, /\/filters\/1\/opacity/);
  assert.match(told, /\/filters\/0\/ratoi/);
  assert.match(told, /"ratio"/);
  assert.equal(web.requests.length, before);
});

test('addresses a job may not name', async () => {
  for (const [id, url] of [
    ['metadata', 'http://169.254.169.254/latest/meta-data/'], ['loopback', 'http://127.0.0.1:1/x.mp4'],
    ['scheme', 'file:///etc/passwd'], ['local', '/etc/passwd'],
  ]) {
    await assert.rejects(done(id, { ...job('landscape.mp4'), input: url }), /SOURCE|SPEC/, url);
  }
  await assert.rejects(done('escape', { ...job('silent.mp4'), upload: { to: `${out}/../escaped/` } }), /SPEC|STORE|SOURCE/);
  assert.ok(!fs.existsSync(path.join(out, '../escaped')));
  // a target outside the roots is refused before the source is asked for
  const before = web.requests.length;
  await assert.rejects(done('outside', { ...job('silent.mp4'), upload: { to: '/srv/elsewhere/' } }), /STORE \/upload\/to/);
  assert.equal(web.requests.length, before);
});

test('a missing source fails without another try', async () => {
  await assert.rejects(done('missing', job('nothing-here.mp4'), { attempts: 3 }), /SOURCE/);
  assert.equal((await queue.getJob('missing')).attemptsMade, 1);
});

test('log lines are JSON with their keys', () => {
  assert.ok(worker.lines.length > 0);
  for (const line of worker.lines) {
    assert.equal(line.raw, undefined, `not JSON: ${line.raw}`);
    assert.ok(line.ts && line.level && line.msg, JSON.stringify(line));
  }
  assert.ok(worker.lines.some((line) => line.job === 'landscape'));
});
