// A warm worker: how long an executor takes to start a job, and what an idle worker weighs.
import { spawn } from 'node:child_process';
import fs from 'node:fs';

import { Queue, QueueEvents } from 'bullmq';

import { FETTLE, startRedis, until } from '../e2e/lib.mjs';
import { median, round3 } from './measure.mjs';

const JOBS = 20;

function residentMb(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
}

export async function warmWorker({ clip, dir, scope }) {
  const redis = await startRedis(scope);
  const child = spawn(FETTLE, ['worker', '--redis', redis.url, '--queue', 'bench', '--roots', dir, '--concurrency', '1'],
    { stdio: ['ignore', 'ignore', 'pipe'] });
  scope.defer(() => new Promise((resolve) => {
    child.once('close', resolve);
    child.kill('SIGTERM');
  }));
  let log = '';
  child.stderr.on('data', (chunk) => { log += chunk; });
  await until(() => log.includes('taking jobs'), 'the worker');
  const idle = residentMb(child.pid);
  const queue = new Queue('bench', { connection: redis.options });
  const events = new QueueEvents('bench', { connection: redis.options });
  scope.defer(() => Promise.all([queue.close(), events.close()]));
  await events.waitUntilReady();
  const starts = [];
  for (let i = 0; i < JOBS; i++) {
    const job = await queue.add('still', {
      input: clip, outputs: [{ name: 'still.jpg', thumbnail: { at: 0, width: 160 } }], upload: { to: `${dir}/worker` },
    });
    const report = await job.waitUntilFinished(events, 30_000);
    starts.push(report.executor.start_ms);
  }
  return {
    executor_start_ms: round3(median(starts.slice(1))), executor_start_worst_ms: round3(Math.max(...starts.slice(1))),
    idle_rss_mb: round3(idle), rss_after_jobs_mb: round3(residentMb(child.pid)),
  };
}

export const warmWorkerBounds = { executor_start_ms: 10, idle_rss_mb: 20 };
