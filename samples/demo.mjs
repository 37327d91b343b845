// ./dev demo: three generated clips, a file server, `fettle up`, and jobs queued by the real BullMQ
// client. Everything started here is ended here.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, produce } from './producer.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.dirname(here);
const clips = path.join(here, 'clips');
const out = path.join(root, 'out/demo');
const log = path.join(root, 'out/demo.log');
const QUEUE = 'video-generation';

const say = (text) => console.error(`==> ${text}`);

function makeClips() {
  const script = path.join(here, 'make_clips.sh');
  const newest = path.join(clips, 'silent.mp4'); // the script's last
  if (fs.existsSync(newest) && fs.statSync(newest).mtimeMs > fs.statSync(script).mtimeMs) return;
  say('making the clips');
  const { status } = spawnSync('bash', [script, clips], { stdio: 'inherit' });
  if (status !== 0) throw new Error('the clips could not be made');
}

// What a generation service's CDN would be.
async function fileServer() {
  const names = new Map([...fs.readdirSync(clips).map((name) => [`/${name}`, path.join(clips, name)]),
    ['/logo.png', path.join(here, 'logo.png')]]);
  const server = http.createServer((req, res) => {
    const file = names.get(new URL(req.url, 'http://localhost').pathname);
    if (file === undefined) return res.writeHead(404).end();
    res.writeHead(200, {
      'content-length': fs.statSync(file).size, 'content-type': file.endsWith('.png') ? 'image/png' : 'video/mp4',
    });
    return fs.createReadStream(file).pipe(res);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

// `fettle up`: a private Redis on a unix socket, and a worker. Its log goes to a file.
async function startFettle(stateDir, host) {
  const sink = fs.openSync(log, 'w');
  const { REDIS_URL: _, ...env } = process.env; // its own Redis, whatever is configured here
  const child = spawn(path.join(root, 'build/fettle'), [
    'up', '--state-dir', stateDir, '--queue', QUEUE, '--roots', out, '--allow-hosts', host,
  ], { stdio: ['ignore', sink, sink], env });
  fs.closeSync(sink);
  const ended = new Promise((resolve) => child.once('close', resolve));
  const socket = path.join(stateDir, 'redis.sock');
  const deadline = Date.now() + 20_000;
  while (!fs.existsSync(socket)) {
    if (child.exitCode !== null || Date.now() > deadline) {
      throw new Error(`fettle up did not start:\n${fs.readFileSync(log, 'utf8')}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20)); // a file that appears gives no event
  }
  return { child, ended, redis: `unix://${socket}` };
}

// Three jobs, one per kind of clip.
function jobs(base) {
  const logo = (anchor) => ({
    filter: 'watermark', image: `${base}/logo.png`, anchor, size: '18%', margin: '4%', opacity: 0.85,
  });
  const upload = { to: `${out}/{job_id}/` };
  const poster = { name: 'poster.jpg', thumbnail: { at: 'best', width: 720 } };
  return [
    {
      id: 'landscape-to-reel',
      data: {
        input: `${base}/landscape.mp4`,
        filters: [
          { filter: 'aspect', ratio: '9:16', fit: 'blur' }, logo('bottom-right'),
          { filter: 'loudness', integrated: -16, true_peak: -1.0 },
        ],
        outputs: [
          {
            name: 'final.mp4', video: { codec: 'h264', crf: 21, speed: 'medium', height: 1920 },
            audio: { codec: 'aac', bitrate: '128k' },
          },
          poster,
        ],
        upload,
      },
    },
    {
      id: 'phone-to-square',
      data: {
        input: `${base}/phone.mp4`,
        filters: [
          { filter: 'aspect', ratio: '1:1', fit: 'crop' }, logo('top-left'),
          { filter: 'loudness', integrated: -14 },
        ],
        outputs: [{ name: 'square.mp4', video: { speed: 'veryfast' } }, poster],
        upload,
      },
    },
    {
      id: 'silent-to-reel',
      data: {
        input: `${base}/silent.mp4`,
        filters: [
          { filter: 'aspect', ratio: '9:16', fit: 'pad', color: '#101828' }, logo('bottom-left'), { filter: 'loudness' },
        ],
        outputs: [{ name: 'final.mp4', video: { speed: 'veryfast', height: 1280 } }, poster],
        upload,
      },
    },
  ];
}

makeClips();
fs.rmSync(out, { recursive: true, force: true });
fs.mkdirSync(out, { recursive: true });
const stateDir = fs.mkdtempSync(path.join(os.tmpdir(), 'fettle-demo-'));
let server, fettle, failed = true;
try {
  server = await fileServer();
  const host = `127.0.0.1:${server.address().port}`;
  fettle = await startFettle(stateDir, host);
  say('queueing three jobs with BullMQ');
  const seen = new Map();
  const results = await Promise.race([
    produce(jobs(`http://${host}`), {
      redis: fettle.redis,
      queue: QUEUE,
      onProgress: (id, data) => {
        if (seen.get(id) === data?.phase) return;
        seen.set(id, data?.phase);
        say(`${id}: ${data?.phase}`);
      },
    }),
    fettle.ended.then(() => {
      throw new Error(`fettle up ended early; its log is ${log}`);
    }),
  ]);
  failed = results.some((result) => result.error !== undefined);
  console.log(`\n${describe(results)}\n
Files:   ${path.relative(root, out)}/<job>/     the clips they came from: ${path.relative(root, clips)}/
Log:     ${path.relative(root, log)}
Next:    build/fettle run samples/jobs/vertical.json -o out/     the first job again, without a queue
         build/fettle run --help, samples/producer.mjs, README.md`);
} catch (error) {
  console.error(`demo: ${error.message}`);
} finally {
  if (fettle !== undefined && fettle.child.exitCode === null) {
    fettle.child.kill('SIGTERM');
    await fettle.ended;
  }
  server?.close();
  fs.rmSync(stateDir, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
