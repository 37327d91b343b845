// Queues Fettle jobs with the real BullMQ client and prints what came of them. Copy it: nothing in it
// is particular to Fettle but the shape of the job's data.
//
//   node samples/producer.mjs JOB.json…
//
// REDIS_URL (redis://… or unix:///path/of/socket) and QUEUE say where; FETTLE_BULLMQ=bullmq5 uses BullMQ 5.
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const { Queue, QueueEvents } = await import(process.env.FETTLE_BULLMQ ?? 'bullmq');

export function connectionFrom(url) {
  const options = url.startsWith('unix://') ? { path: new URL(url).pathname } : { url };
  return { ...options, maxRetriesPerRequest: null };
}

// jobs: [{id, data}]; resolves to [{id, report} or {id, error}] in the same order.
export async function produce(jobs, { redis, queue: name, onProgress = () => {} }) {
  const connection = connectionFrom(redis);
  const queue = new Queue(name, { connection });
  const events = new QueueEvents(name, { connection });
  try {
    await events.waitUntilReady();
    events.on('progress', ({ jobId, data }) => onProgress(jobId, data));
    const added = await queue.addBulk(jobs.map(({ id, data }) => ({
      name: 'reel', data, opts: { jobId: id, attempts: 3, backoff: { type: 'exponential', delay: 1000 } },
    })));
    return await Promise.all(added.map(async (job) => {
      try {
        return { id: job.id, report: await job.waitUntilFinished(events) };
      } catch (error) {
        return { id: job.id, error: error.message };
      }
    }));
  } finally {
    await Promise.all([queue.close(), events.close()]);
  }
}

const lufs = (loudness) => (loudness == null ? '-' : loudness.is_silent ? 'silent' : loudness.integrated.toFixed(1));

// Columns from `right` on are numbers and stand to the right.
function table(rows, right) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row) => row.map((cell, i) => (i < right ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ').trimEnd();
  return [line(rows[0]), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.slice(1).map(line)].join('\n');
}

// One row per delivered file, and the seconds each job spent in its phases.
export function describe(results) {
  const phases = ['wait', 'fetch', 'plan', 'run', 'verify', 'upload', 'total'];
  const files = [['job', 'file', 'picture', 'kB', 'seconds', 'LUFS before', 'LUFS after']];
  const times = [['job', ...phases]];
  const failed = [];
  for (const { id, report, error } of results) {
    if (error !== undefined) {
      failed.push(`${id}: failed: ${error}`);
      continue;
    }
    for (const { name, video, audio, bytes, duration_s: seconds } of report.outputs) {
      files.push([
        id, name, video ? `${video.width}x${video.height}` : '-', (bytes / 1000).toFixed(0),
        seconds ? seconds.toFixed(2) : '-', audio ? lufs(report.run?.loudness?.source) : '-',
        audio ? lufs(audio.loudness) : '-',
      ]);
    }
    times.push([id, ...phases.map((phase) => (report.seconds[phase] ?? 0).toFixed(2))]);
  }
  const parts = [];
  if (files.length > 1) parts.push(table(files, 3), `Seconds per phase:\n${table(times, 1)}`);
  return [...parts, ...failed].join('\n\n');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const paths = process.argv.slice(2);
  if (paths.length === 0) {
    console.error('Usage: node samples/producer.mjs JOB.json…');
    process.exit(2);
  }
  const stamp = Date.now().toString(36);
  const jobs = paths.map((file, i) => ({
    id: `${path.basename(file, '.json')}-${stamp}-${i}`, data: JSON.parse(fs.readFileSync(file, 'utf8')),
  }));
  const results = await produce(jobs, {
    redis: process.env.REDIS_URL ?? 'redis://localhost:6379', queue: process.env.QUEUE ?? 'video-generation',
  });
  console.log(describe(results));
  process.exitCode = results.some((result) => result.error !== undefined) ? 1 : 0;
}
