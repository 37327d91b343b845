// The worker with made-up work (worker_rig.c), as a process whose events and log are collected.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import readline from 'node:readline';

import { BUILD, until } from '../queue/lib.mjs';

const RIG = path.join(BUILD, 'tests/worker_rig');

export function startRig(s, redis, queues, options = {}) {
  const args = ['--redis', redis.url];
  for (const queue of [queues].flat()) args.push('--queue', queue);
  for (const [key, value] of Object.entries(options)) args.push(`--${key}`, String(value));
  const child = spawn(RIG, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const rig = { child, events: [], log: [], text: '' };
  readline.createInterface({ input: child.stdout }).on('line', (line) => rig.events.push(JSON.parse(line)));
  readline.createInterface({ input: child.stderr }).on('line', (line) => {
    rig.text += `${line}\n`;
    rig.log.push(JSON.parse(line));
  });
  rig.ended = once(child, 'close').then(([status, signal]) => ({ status, signal }));
  rig.stop = async (signal = 'SIGTERM') => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    return rig.ended;
  };
  rig.saw = (event, job) => rig.events.filter((e) => e.event === event && e.job === job).length;
  rig.until = (event, job, times = 1) =>
    until(() => rig.saw(event, job) >= times, `${event} of ${job}; log: ${rig.text}`);
  s.defer(() => rig.stop('SIGKILL'));
  return rig;
}

// A job whose `input` names the steps.
export const work = (...steps) => ({
  input: ['do', ...steps].join('/'), outputs: [{ name: 'o.mp4' }], upload: { to: '/nowhere/' },
});
