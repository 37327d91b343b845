// What the end-to-end tests share: a private Redis, a file server, workers, and ffmpeg's tools as
// independent judges. Everything lives in a temporary directory and ends by pid with the test.
import { spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const BUILD = path.resolve(process.env.FETTLE_BUILD ?? path.join(ROOT, 'build'));
export const FETTLE = path.join(BUILD, 'fettle');
export const LOGO = path.join(ROOT, 'samples/logo.png');

// Strings that must turn up nowhere; secrets.test.mjs plants and looks for them.
export const SECRETS = {
  bearer: 'planted-bearer-6f1d0c',
  apiKey: 'planted-api-key-93ab7e',
  signature: 'planted-signature-c27f55',
};

// until CONDITION holds; polls an outside state that gives no event.
export async function until(condition, what, ms = 30_000) {
  const end = Date.now() + ms;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${ms} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

// A scope collects what must end; `t.after` runs it last-in first-out.
export function scope(t) {
  const undo = [];
  const end = async () => {
    while (undo.length > 0) await undo.pop()();
  };
  t.after(end);
  return { defer: (fn) => undo.push(fn), end };
}

export function tempDir(s, name = 'fettle-e2e') {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), `${name}-`));
  s.defer(() => fs.rmSync(dir, { recursive: true, force: true }));
  return dir;
}

// Runs a program to its end.
export function run(program, args = [], { env = {}, cwd = ROOT, input, timeout = 120_000 } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: { ...process.env, ...env }, cwd });
    const out = [], err = [];
    const timer = setTimeout(() => child.kill('SIGKILL'), timeout);
    child.stdout.on('data', (chunk) => out.push(chunk));
    child.stderr.on('data', (chunk) => err.push(chunk));
    child.stdin.on('error', () => {});
    child.stdin.end(input ?? '');
    child.on('error', reject);
    child.on('close', (status, signal) => {
      clearTimeout(timer);
      resolve({
        status, signal, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString(),
      });
    });
  });
}

export async function fettle(...args) {
  const options = typeof args.at(-1) === 'object' ? args.pop() : {};
  return run(FETTLE, args, options);
}

async function judge(program, args) {
  const result = await run(program, args);
  if (result.status !== 0) throw new Error(`${program} ${args.join(' ')}: ${result.stderr}`);
  return result;
}

async function stop(child, signal = 'SIGTERM', ms = 10_000) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('close', resolve));
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), ms);
  await ended;
  clearTimeout(timer);
}

// A redis-server of our own on a unix socket.
export async function startRedis(s) {
  const dir = tempDir(s, 'fettle-redis');
  const socket = path.join(dir, 'redis.sock');
  const child = spawn('redis-server', ['--port', '0', '--unixsocket', socket, '--save', '',
    '--appendonly', 'no', '--dir', dir], { stdio: 'ignore' });
  s.defer(() => stop(child));
  await until(() => fs.existsSync(socket), 'redis-server');
  return { url: `unix://${socket}`, options: { path: socket, maxRetriesPerRequest: null }, child };
}

// Serves files of a directory over HTTP with ranges. `rules` maps a path to a function (req, res,
// file) that answers instead. requests[] records what was asked.
export async function serve(s, dir, rules = {}) {
  const requests = [];
  const server = http.createServer((req, res) => {
    const url = new URL(req.url, 'http://localhost');
    const file = path.join(dir, path.basename(url.pathname));
    requests.push({ path: url.pathname, search: url.search, headers: req.headers });
    const rule = rules[url.pathname];
    if (rule) return rule(req, res, file);
    sendFile(req, res, file);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  s.defer(() => new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections?.();
  }));
  const { port } = server.address();
  return { host: `127.0.0.1:${port}`, url: `http://127.0.0.1:${port}`, requests };
}

export function sendFile(req, res, file) {
  if (!fs.existsSync(file)) return res.writeHead(404).end();
  const size = fs.statSync(file).size;
  const range = /^bytes=(\d+)-(\d*)$/.exec(req.headers.range ?? '');
  const from = range ? Number(range[1]) : 0;
  const to = range && range[2] !== '' ? Math.min(Number(range[2]), size - 1) : size - 1;
  if (from >= size) return res.writeHead(416, { 'content-range': `bytes */${size}` }).end();
  res.writeHead(range ? 206 : 200, {
    'content-length': to - from + 1, 'accept-ranges': 'bytes',
    'content-type': file.endsWith('.png') ? 'image/png' : 'video/mp4', etag: `"${size}"`,
    ...(range ? { 'content-range': `bytes ${from}-${to}/${size}` } : {}),
  });
  if (req.method === 'HEAD') return res.end();
  return fs.createReadStream(file, { start: from, end: to }).pipe(res);
}

// `fettle worker`, its log lines parsed as they come.
export function startWorker(s, { redis, queue, roots = [], allow = '', args = [], env = {} }) {
  const argv = ['worker', '--queue', queue, ...args];
  for (const root of roots) argv.push('--roots', root);
  const child = spawn(FETTLE, argv, {
    env: { ...process.env, REDIS_URL: redis.url, FETTLE_ALLOW_HOSTS: allow, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const worker = { child, pid: child.pid, text: '', lines: [] };
  const take = (chunk) => {
    worker.text += chunk;
    const parts = worker.text.split('\n');
    while (worker.lines.length < parts.length - 1) {
      const line = parts[worker.lines.length];
      try { worker.lines.push(JSON.parse(line)); } catch { worker.lines.push({ raw: line }); }
    }
  };
  child.stderr.on('data', take);
  child.stdout.on('data', take);
  worker.ended = new Promise((resolve) => child.once('close', (status, signal) => resolve({ status, signal })));
  worker.stop = (signal = 'SIGTERM', ms) => stop(child, signal, ms);
  s.defer(() => worker.stop('SIGTERM', 40_000));
  return worker;
}

// State and parent of a process; null when there is none.
function statOf(pid) {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state, parent: Number(parent) };
  } catch {
    return null; // ended meanwhile
  }
}

export const isAlive = (pid) => ![undefined, 'Z'].includes(statOf(pid)?.state);
export const parentOf = (pid) => statOf(pid)?.parent;

// Live processes below `pid`, itself included, by /proc.
export function processTree(pid) {
  const parents = new Map();
  for (const entry of fs.readdirSync('/proc')) {
    const stat = /^\d+$/.test(entry) ? statOf(entry) : null;
    if (stat !== null && stat.state !== 'Z') parents.set(Number(entry), stat.parent);
  }
  const found = new Set([pid]);
  for (let grown = true; grown;) {
    grown = false;
    for (const [child, parent] of parents) {
      if (found.has(parent) && !found.has(child)) {
        found.add(child);
        grown = true;
      }
    }
  }
  return [...found].filter((one) => parents.has(one));
}

// The demo's clips, made once per version of their script.
export async function clips() {
  const script = path.join(ROOT, 'samples/make_clips.sh');
  const version = createHash('sha256').update(fs.readFileSync(script)).digest('hex').slice(0, 16);
  const dir = path.join(ROOT, 'build/clips', version);
  if (!fs.existsSync(dir)) {
    const fresh = `${dir}.${randomUUID()}`;
    await judge('bash', [script, fresh]);
    fs.copyFileSync(LOGO, path.join(fresh, 'logo.png'));
    try {
      fs.renameSync(fresh, dir);
    } catch { // another test was faster
      fs.rmSync(fresh, { recursive: true, force: true });
    }
  }
  return dir;
}

// ---- independent judges --------------------------------------------------------------------

export async function ffprobe(file) {
  const { stdout } = await judge('ffprobe', ['-v', 'error', '-show_streams', '-show_format',
    '-count_frames', '-of', 'json', file]);
  const data = JSON.parse(stdout);
  return {
    format: data.format,
    video: data.streams.find((stream) => stream.codec_type === 'video'),
    audio: data.streams.find((stream) => stream.codec_type === 'audio'),
  };
}

// Integrated loudness (LUFS) and true peak (dBTP) of the decoded file.
export async function ebur128(file) {
  const { stderr } = await judge('ffmpeg', ['-nostdin', '-hide_banner', '-i', file, '-map', '0:a:0',
    '-af', 'ebur128=peak=true', '-f', 'null', '-']);
  const summary = stderr.slice(stderr.lastIndexOf('Summary:'));
  return {
    integrated: Number(/I:\s+(-?[\d.]+) LUFS/.exec(summary)[1]),
    truePeak: Number(/Peak:\s+(-?[\d.]+|-inf) dBFS/.exec(summary)[1]),
  };
}

// SSIM of two videos after the same filters on both.
export async function ssim(a, b, filters = 'null') {
  const { stderr } = await judge('ffmpeg', ['-nostdin', '-hide_banner', '-i', a, '-i', b, '-lavfi',
    `[0:v]${filters}[a];[1:v]${filters}[b];[a][b]ssim`, '-f', 'null', '-']);
  return Number(/All:([\d.]+)/.exec(stderr)[1]);
}

// Bounding box of the pixels in which two videos differ by more than `threshold` (0…255), over all
// frames: the median of each edge, so that coding noise in single frames does not count.
export async function differenceBox(a, b, threshold = 32) {
  const { stderr } = await judge('ffmpeg', ['-nostdin', '-hide_banner', '-i', a, '-i', b, '-lavfi',
    `[0:v]format=gray[a];[1:v]format=gray[b];[a][b]blend=all_mode=difference,bbox=min_val=${threshold}`,
    '-f', 'null', '-']);
  const edges = { x1: [], x2: [], y1: [], y2: [] };
  for (const match of stderr.matchAll(/x1:(\d+) x2:(\d+) y1:(\d+) y2:(\d+)/g)) {
    ['x1', 'x2', 'y1', 'y2'].forEach((edge, i) => edges[edge].push(Number(match[i + 1])));
  }
  const median = (list) => list.sort((p, q) => p - q)[Math.floor(list.length / 2)];
  return { frames: edges.x1.length, ...Object.fromEntries(Object.entries(edges).map(([k, v]) => [k, median(v)])) };
}

// Names of the top-level boxes of an MP4, in order.
export function mp4Boxes(file) {
  const data = fs.readFileSync(file);
  const names = [];
  for (let at = 0; at + 8 <= data.length;) {
    let size = data.readUInt32BE(at);
    names.push(data.toString('latin1', at + 4, at + 8));
    if (size === 1) size = Number(data.readBigUInt64BE(at + 8));
    if (size < 8) break;
    at += size;
  }
  return names;
}

// Every file below a directory, relative, sorted.
export function filesBelow(dir) {
  if (!fs.existsSync(dir)) return [];
  return fs.readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(dir, path.join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}

// ---- jobs ----------------------------------------------------------------------------------

// The main job of the README: blur-fill to 9:16, logo, loudness; MP4 and a poster.
export function reelJob({ input, logo, to, video = {}, extra = {} }) {
  return {
    input,
    filters: [
      { filter: 'aspect', ratio: '9:16', fit: 'blur' },
      ...(logo ? [{
        filter: 'watermark', image: logo, anchor: 'bottom-right', size: '18%', margin: '4%', opacity: 0.85,
      }] : []),
      { filter: 'loudness', integrated: -16, true_peak: -1.0 },
    ],
    outputs: [
      {
        name: 'final.mp4', video: { codec: 'h264', crf: 21, speed: 'veryfast', height: 1920, ...video },
        audio: { codec: 'aac', bitrate: '128k' },
      },
      { name: 'poster.jpg', thumbnail: { at: 'best', width: 720 } },
    ],
    ...(to ? { upload: { to } } : {}),
    ...extra,
  };
}
