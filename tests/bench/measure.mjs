// Wall and CPU seconds of whole command lines, in interleaved rounds, so that what else the machine does
// falls on all sides alike. Numbers are ratios of medians within one run.
import { spawnSync } from 'node:child_process';

// CPU counts every descendant that was waited for: bash's `time` reads it from the kernel.
export function timed(script, cwd) {
  const timing = `TIMEFORMAT='@@ %R %U %S'; time { ${script}\n}`;
  const result = spawnSync('bash', ['-ec', timing], { cwd, encoding: 'utf8', maxBuffer: 1 << 26 });
  const match = /@@ ([\d.]+) ([\d.]+) ([\d.]+)\s*$/.exec(result.stderr ?? '');
  if (result.status !== 0 || !match) throw new Error(`${script}\n${result.stderr}`);
  return { wall: Number(match[1]), cpu: Number(match[2]) + Number(match[3]), stdout: result.stdout };
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

// sides: {name: () => ({wall, cpu, …})}; returns {name: {wall, cpu, …}} of medians over the rounds.
export function interleave(sides, rounds, progress = () => {}) {
  const samples = Object.fromEntries(Object.keys(sides).map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, measure] of Object.entries(sides)) {
      samples[name].push(measure());
      progress(round, name);
    }
  }
  return Object.fromEntries(Object.entries(samples).map(([name, list]) => {
    const keys = Object.keys(list[0]).filter((key) => typeof list[0][key] === 'number');
    return [name, Object.fromEntries(keys.map((key) => [key, median(list.map((one) => one[key]))]))];
  }));
}

export const round3 = (value) => Math.round(value * 1000) / 1000;
