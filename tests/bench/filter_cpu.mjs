// CPU of blur-fill's filters alone, on all frames of a clip, without an encoder: a job with the filter less the
// same job without it, against ffmpeg's graph with a full-size blur less ffmpeg's decode.
import fs from 'node:fs';
import path from 'node:path';

import { interleave, round3, timed } from './measure.mjs';

const FF = 'ffmpeg -nostdin -hide_banner -loglevel error -y -threads 1 -filter_threads 1';

function full(blur) {
  return '[0:v]split=2[a][b];' +
    `[a]crop=404:720,scale=1080:1920:flags=bicubic,${blur}[bg];[b]scale=1080:608:flags=bicubic[fg];[bg][fg]overlay=0:656`;
}

// A still of the last frame: every frame is decoded and filtered, one is written.
function stillJob(clip, filters, name, size = {}) {
  return { input: clip, filters, outputs: [{ name, thumbnail: { at: '100%', ...size } }] };
}

const ASPECT = [{ filter: 'aspect', ratio: '9:16', fit: 'blur' }];

export function filterCpu({ fettle, clip, dir, rounds, say }) {
  const write = (file, job) => {
    const to = path.join(dir, file);
    fs.writeFileSync(to, JSON.stringify(job));
    return to;
  };
  const fullSize = { width: 1080, height: 1920 };
  const blurred = write('blur.json', stillJob(clip, ASPECT, 'last.jpg', fullSize));
  const plain = write('plain.json', stillJob(clip, [], 'last.jpg', { width: 1280 }));
  write('picture.json', stillJob(clip, ASPECT, 'last.png', fullSize));
  const executor = (file) => () => {
    const { stdout } = timed(`${fettle} run ${file} -o ${dir}/still/ -y --json`, dir);
    return { cpu: JSON.parse(stdout).executor.run_cpu_s };
  };
  const sides = {
    plain: executor(plain),
    ours: executor(blurred),
    decode: () => timed(`${FF} -i ${clip} -an -f null -`, dir),
    boxblur: () => timed(`${FF} -i ${clip} -an -filter_complex '${full('boxblur=20:5')}' -f null -`, dir),
    gblur: () => timed(`${FF} -i ${clip} -an -filter_complex '${full('gblur=20')}' -f null -`, dir),
  };
  const m = interleave(sides, rounds, (round, name) => say(`filters ${round + 1}/${rounds} ${name}`));
  const own = m.ours.cpu - m.plain.cpu;
  return {
    medians: m,
    cpu_to_boxblur: round3(own / (m.boxblur.cpu - m.decode.cpu)),
    cpu_to_gblur: round3(own / (m.gblur.cpu - m.decode.cpu)),
    background_ssim: background(fettle, clip, dir),
  };
}

// SSIM of the strip above the picture against the full-size Gaussian of sigma 20.
function background(fettle, clip, dir) {
  timed(`${fettle} run picture.json -o still/ -y -q`, dir);
  const last = 'select=gte(n\\,191)';
  timed(`${FF} -i ${clip} -an -filter_complex '${full('gblur=20')},${last},format=rgb24' -frames:v 1 gauss.png`, dir);
  const out = timed(`ffmpeg -nostdin -hide_banner -i still/last.png -i gauss.png -filter_complex \
    '[0:v]scale=1080:1920,crop=1080:640:0:0[a];[1:v]crop=1080:640:0:0[b];[a][b]ssim' -f null - 2>&1`, dir).stdout;
  return Number(/All:([\d.]+)/.exec(out)[1]);
}

export const filterCpuBounds = { cpu_to_boxblur: 0.2, cpu_to_gblur: 0.5 };
export const filterSsimFloor = 0.97;
