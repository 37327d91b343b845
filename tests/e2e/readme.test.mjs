// README's walk-through, line by line: every line of its ```sh blocks runs from the root of the
// repository and ends with 0.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { filesBelow, ROOT, run } from './lib.mjs';

// What this very run is, or what needs a machine of its own (./dev test --fresh does those).
const LEFT_OUT = [/^git clone /, /^cd /, /^\.\/dev test/];

function commands() {
  const text = fs.readFileSync(path.join(ROOT, 'README.md'), 'utf8');
  const lines = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap((match) => match[1].split('\n'));
  return lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
}

test('README walk-through', async (t) => {
  const all = commands();
  assert.ok(all.some((line) => line.startsWith('./dev demo')) && all.some((line) => line.startsWith('./dev test')));
  for (const line of all.filter((one) => !LEFT_OUT.some((pattern) => pattern.test(one)))) {
    await t.test(line, async () => {
      const { status, stdout, stderr } = await run('bash', ['-c', line], { timeout: 300_000 });
      assert.equal(status, 0, `${stdout}\n${stderr}`);
    });
  }
  const made = filesBelow(path.join(ROOT, 'out'));
  for (const name of ['demo/landscape-to-reel/final.mp4', 'demo/phone-to-square/square.mp4', 'demo/silent-to-reel/final.mp4']) {
    assert.ok(made.includes(name), `${name} in ${made.join(' ')}`);
  }
});

test('the job in README is valid', async () => {
  const text = fs.readFileSync(path.join(ROOT, 'README.md'), 'utf8');
  const jobs = [...text.matchAll(/^```json\n([\s\S]*?)^```$/gm)].map((match) => match[1]);
  assert.ok(jobs.length > 0);
  for (const job of jobs) {
    const { status, stderr } = await run(path.join(ROOT, 'build/fettle'), ['run', '-', '--dry-run'], { input: job });
    assert.equal(status, 0, stderr);
  }
});
