// BullMQ's own Worker with the job language of conformance_worker. argv[2]: its settings as JSON.
import { DelayedError, UnrecoverableError } from 'bullmq';

const config = JSON.parse(process.argv[2]);
const { Worker } = await import(config.library ?? 'bullmq');
const say = (event, job, number = 0) =>
  process.stdout.write(`${JSON.stringify({ event, job, number })}\n`);

const STEPS = {
  progress: (job, value) => job.updateProgress(value),
  log: (job, value) => job.log(value),
  set: (job, value) => job.updateData(value),
  sleep: (job, value) => new Promise((resolve) => setTimeout(resolve, value)),
  spin: (job, value) => {
    const end = Date.now() + value;
    while (Date.now() < end);
  },
  delay: async (job, value, token) => {
    await job.moveToDelayed(Date.now() + value, token);
    throw new DelayedError();
  },
  fail: (job, value) => {
    throw new Error(value);
  },
  unrecoverable: (job, value) => {
    throw new UnrecoverableError(value);
  },
  kill: (job, value) => process.kill(process.pid, value),
};

async function run(job, token) {
  say('start', job.id, job.attemptsStarted);
  for (const step of job.data.do ?? []) {
    const [[what, value]] = Object.entries(step);
    if (what === 'return') return value;
    await STEPS[what](job, value, token);
  }
  return undefined;
}

const [max, duration] = (config.limiter ?? '').split(',').map(Number);
const worker = new Worker(config.queue, run, {
  connection: { path: config.path, maxRetriesPerRequest: null },
  prefix: config.prefix, name: config.name,
  concurrency: config.concurrency ?? 1,
  lockDuration: config.lock ?? 30000,
  stalledInterval: config.stalled ?? 30000,
  maxStalledCount: config.maxStalled ?? 1,
  drainDelay: config.drain ? config.drain / 1000 : undefined,
  removeOnComplete: config.removeOnComplete, removeOnFail: config.removeOnFail,
  metrics: config.metrics ? { maxDataPoints: config.metrics } : undefined,
  limiter: max ? { max, duration } : undefined,
});
worker.on('error', (error) => process.stderr.write(`${error.stack}\n`));
worker.on('completed', (job) => say('returned', job.id));
worker.on('failed', (job) => say('failed', job?.id ?? ''));
process.on('SIGTERM', async () => {
  await worker.close();
  say('exit', '');
  process.exit(0);
});
await worker.waitUntilReady();
say('ready', '', config.concurrency ?? 1);
