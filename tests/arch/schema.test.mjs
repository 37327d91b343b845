// The generated JSON Schema against an independent validator: every sample is valid, every bad job is
// refused by the schema and by fettle alike.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { before, test } from 'node:test';

import addFormats from 'ajv-formats';
import Ajv2020 from 'ajv/dist/2020.js';

import { fettle, ROOT } from '../e2e/lib.mjs';

const samples = path.join(ROOT, 'samples/jobs');
let validate;

before(async () => {
  const { status, stdout, stderr } = await fettle('schema');
  assert.equal(status, 0, stderr);
  const schema = JSON.parse(stdout);
  assert.equal(schema.$schema, 'https://json-schema.org/draft/2020-12/schema');
  const ajv = new Ajv2020.default({ allErrors: true, strict: true, strictRequired: false, allowUnionTypes: true });
  addFormats.default(ajv);
  validate = ajv.compile(schema);
});

for (const name of fs.readdirSync(samples).filter((file) => file.endsWith('.json'))) {
  test(`samples/jobs/${name} is valid`, () => {
    const job = JSON.parse(fs.readFileSync(path.join(samples, name), 'utf8'));
    assert.ok(validate(job), JSON.stringify(validate.errors, null, 1));
  });
}

const good = () => ({
  input: 'clip.mp4',
  filters: [{ filter: 'aspect', ratio: '9:16', fit: 'blur' }, { filter: 'loudness', integrated: -16 }],
  outputs: [{ name: 'final.mp4', video: { codec: 'h264', crf: 21 } }, { name: 'p.jpg', thumbnail: { at: 'best' } }],
});

test('the job that the bad ones are made from is valid', () => {
  assert.ok(validate(good()), JSON.stringify(validate.errors));
});

const bad = {
  'no outputs': (job) => delete job.outputs,
  'outputs empty': (job) => { job.outputs = []; },
  'no input': (job) => delete job.input,
  'unknown member': (job) => { job.ouputs = []; },
  'unknown filter': (job) => { job.filters[0].filter = 'aspekt'; },
  'filter without its name': (job) => delete job.filters[0].filter,
  'unknown filter option': (job) => { job.filters[0].ratoi = '1:1'; },
  'wrong type': (job) => { job.filters[0].ratio = true; },
  'out of range': (job) => { job.filters[1].integrated = 20; },
  'bad choice': (job) => { job.filters[0].fit = 'squeeze'; },
  'missing required option': (job) => delete job.filters[0].ratio,
  'unknown codec': (job) => { job.outputs[0].video.codec = 'divx'; },
  'output without a name': (job) => delete job.outputs[0].name,
  'fraction for a whole number': (job) => { job.outputs[1].thumbnail.width = 10.5; },
  'not an object': () => [],
};

for (const [what, spoil] of Object.entries(bad)) {
  test(`refused: ${what}`, async () => {
    const job = good();
    const document = spoil(job) ?? job;
    const spoiled = Array.isArray(document) ? document : job;
    assert.ok(!validate(spoiled), 'the schema lets it through');
    const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'fettle-schema-')), 'job.json');
    fs.writeFileSync(file, JSON.stringify(spoiled));
    const { status } = await fettle('run', file, '--dry-run');
    fs.rmSync(path.dirname(file), { recursive: true });
    assert.equal(status, 2, 'fettle lets it through');
  });
}
