// ./dev bench [NAME…] [--rounds N]: blur-fill, filters, worker. Results go to build/bench.json; a bound that is missed
// is said and makes the exit status 1. Never part of the tests: a timed test is a flaky test.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { BUILD, FETTLE, LOGO, ROOT } from '../e2e/lib.mjs';
import { blurFill, blurFillBounds } from './blur_fill.mjs';
import { filterCpu, filterCpuBounds, filterSsimFloor } from './filter_cpu.mjs';
import { timed } from './measure.mjs';
import { warmWorker, warmWorkerBounds } from './worker.mjs';

const at = (object, dotted) => dotted.split('.').reduce((value, key) => value?.[key], object);

function judge(result, bounds) {
  return Object.entries(bounds).map(([name, bound]) => {
    const value = at(result, name);
    return { name, value, bound, ok: value <= bound };
  });
}

function print(title, rows) {
  console.log(`\n${title}`);
  for (const { name, value, bound, ok, isFloor } of rows) {
    console.log(`  ${ok ? 'ok  ' : 'MISS'} ${name.padEnd(28)} ${String(value).padStart(8)}  (${isFloor ? '≥' : '≤'} ${bound})`);
  }
}

async function main(args) {
  const roundsAt = args.indexOf('--rounds');
  const rounds = roundsAt >= 0 ? Number(args.splice(roundsAt, 2)[1]) : 5;
  const wanted = (name) => args.length === 0 || args.includes(name);
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'fettle-bench-'));
  const undo = [() => fs.rmSync(dir, { recursive: true, force: true })];
  const say = (text) => process.stderr.isTTY && process.stderr.write(`\r\x1b[K${text}`);
  const results = {};
  let rows = [];
  try {
    timed(`bash ${path.join(ROOT, 'samples/make_clips.sh')} ${dir}/clips`, dir);
    const clip = path.join(dir, 'clips/landscape.mp4');
    const common = { fettle: FETTLE, clip, logo: LOGO, dir, rounds, say, scope: { defer: (fn) => undo.push(fn) } };
    const sections = [
      ['blur-fill', () => blurFill(common), (r) => judge(r, blurFillBounds)],
      ['filters', () => filterCpu(common), (r) => [...judge(r, filterCpuBounds),
        { name: 'background_ssim', value: r.background_ssim, bound: filterSsimFloor, isFloor: true, ok: r.background_ssim >= filterSsimFloor }]],
      ['worker', () => warmWorker(common), (r) => judge(r, warmWorkerBounds)],
    ];
    for (const [name, measure, verdict] of sections.filter(([section]) => wanted(section))) {
      results[name] = await measure();
      say('');
      const own = verdict(results[name]);
      print(name, own);
      rows = rows.concat(own);
    }
  } finally {
    while (undo.length > 0) await undo.pop()();
  }
  fs.writeFileSync(path.join(BUILD, 'bench.json'), `${JSON.stringify({ cores: os.cpus().length, rounds, results }, null, 2)}\n`);
  console.log('\nAll figures: build/bench.json');
  return rows.every((row) => row.ok) ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
