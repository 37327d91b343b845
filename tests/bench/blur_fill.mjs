// The blur-fill job of README.md against ffmpeg: the best commands that we can write by hand for the same
// result, and the usual chain of one command per step. Encoder settings are the same on all sides.
import fs from 'node:fs';
import path from 'node:path';

import { interleave, round3, timed } from './measure.mjs';

const WIDTH = 1080, HEIGHT = 1920, CRF = 21;

function job(clip, logo, speed) {
  return {
    input: clip,
    filters: [
      { filter: 'aspect', ratio: '9:16', fit: 'blur' },
      { filter: 'watermark', image: logo, anchor: 'bottom-right', size: '18%', margin: '4%', opacity: 0.85 },
      { filter: 'loudness', integrated: -16, true_peak: -1.0 },
    ],
    outputs: [
      { name: 'final.mp4', video: { codec: 'h264', crf: CRF, speed, height: HEIGHT }, audio: { codec: 'aac', bitrate: '128k' } },
      { name: 'poster.jpg', thumbnail: { at: 'best', width: 720 } },
    ],
  };
}

const FF = 'ffmpeg -nostdin -hide_banner -loglevel error -y';
const AUDIO = '-c:a aac -b:a 128k';

function x264(speed, threads) {
  return `-c:v libx264 -preset ${speed} -crf ${CRF} -g 48 -threads ${threads} -pix_fmt yuv420p`;
}

const PICTURE = '[0:v]split=2[a][b];' +
  `[a]crop=404:720,scale=136:240:flags=area,gblur=sigma=2.5,scale=${WIDTH}:${HEIGHT}:flags=bilinear[bg];` +
  `[b]scale=${WIDTH}:608:flags=bicubic[fg];[bg][fg]overlay=0:656[v];` +
  '[1:v]scale=194:-1,format=yuva420p,colorchannelmixer=aa=0.85[l];[v][l]overlay=W-w-43:H-h-43';

// Three commands by the book, with our cheap background: loudnorm's measurement, one encode with linear loudnorm,
// a poster chosen by `thumbnail`.
function handWritten(clip, logo, speed, threads) {
  return `
    export LC_ALL=C
    measured=$(ffmpeg -nostdin -hide_banner -nostats -i ${clip} -vn -af loudnorm=I=-16:TP=-1.5:LRA=11:print_format=json -f null - 2>&1 | sed -n '/^{/,/^}/p')
    get() { sed -n 's/.*"'"$1"'" : "\\(.*\\)".*/\\1/p' <<<"$measured"; }
    ${FF} -i ${clip} -i ${logo} -filter_complex '${PICTURE}[o]' -map '[o]' -map 0:a \
      -af "loudnorm=I=-16:TP=-1.5:LRA=11:linear=true:measured_I=$(get input_i):measured_TP=$(get input_tp):measured_LRA=$(get input_lra):measured_thresh=$(get input_thresh):offset=$(get target_offset)" -ar 48000 \
      ${x264(speed, threads)} ${AUDIO} -movflags +faststart hand.mp4
    ${FF} -i hand.mp4 -vf thumbnail=100,scale=720:1280 -frames:v 1 -q:v 3 hand.jpg`;
}

// Harder still, and not what people write: our own gain and limiter, and the poster of a fixed frame out of the same
// graph. Shown beside the others, without a bound: two cores are busy throughout on both sides.
function tight(clip, logo, speed, threads) {
  return `
    measured=$(ffmpeg -nostdin -hide_banner -nostats -vn -i ${clip} -af ebur128=peak=true -f null - 2>&1)
    level=$(sed -n 's/^ *I: *\\(-[0-9.]*\\) LUFS/\\1/p' <<<"$measured" | tail -1)
    gain=$(awk -v l="$level" 'BEGIN { print -16 - l }')
    ${FF} -i ${clip} -i ${logo} -filter_complex '${PICTURE},split=2[o][s];[s]trim=start=4,scale=720:1280[p]' \
      -map '[o]' -map 0:a -af "volume=$gain"dB,aresample=192000,alimiter=limit=0.84:level=0,aresample=48000 \
      ${x264(speed, threads)} ${AUDIO} -movflags +faststart tight.mp4 -map '[p]' -frames:v 1 -q:v 3 tight.jpg`;
}

// What is found in repositories: every step a command, and every step an encode.
function usualChain(clip, logo, speed, threads) {
  const v = x264(speed, threads);
  return `
    ${FF} -i ${clip} -i ${logo} -filter_complex '[1:v]scale=194:-1[l];[0:v][l]overlay=W-w-43:H-h-43' ${v} -c:a copy c1.mp4
    ${FF} -i c1.mp4 -filter_complex '[0:v]scale=${WIDTH}:${HEIGHT}:force_original_aspect_ratio=increase,crop=${WIDTH}:${HEIGHT},boxblur=20:5[bg];[0:v]scale=${WIDTH}:-2[fg];[bg][fg]overlay=(W-w)/2:(H-h)/2' ${v} -c:a copy c2.mp4
    ${FF} -i c2.mp4 -af loudnorm=I=-16:TP=-1.5:LRA=11 -ar 48000 -c:v copy ${AUDIO} c3.mp4
    ${FF} -i c3.mp4 ${v} ${AUDIO} -movflags +faststart c4.mp4
    ${FF} -ss 4 -i c4.mp4 -frames:v 1 -vf scale=720:-2 c5.jpg`;
}

function ours(fettle, file, dir) {
  const { wall, cpu, stdout } = timed(`${fettle} run ${file} -o ${dir}/ours/ -y --json`, dir);
  const report = JSON.parse(stdout);
  const verifyWall = report.seconds.verify;
  return {
    wall, cpu: cpu - report.executor.verify_cpu_s, wall_without_verify: wall - verifyWall,
    verify_wall: verifyWall, verify_cpu: report.executor.verify_cpu_s,
  };
}

export function blurFill({ fettle, clip, logo, dir, rounds, say }) {
  const result = {};
  for (const speed of ['medium', 'veryfast']) {
    const file = path.join(dir, `${speed}.json`);
    fs.writeFileSync(file, JSON.stringify(job(clip, logo, speed)));
    const plan = JSON.parse(timed(`${fettle} run ${file} --dry-run`, dir).stdout).plan;
    const { threads } = plan.outputs[0].video;
    const sides = {
      ours: () => ours(fettle, file, dir),
      hand: () => timed(handWritten(clip, logo, speed, threads), dir),
      tight: () => timed(tight(clip, logo, speed, threads), dir),
      chain: () => timed(usualChain(clip, logo, speed, threads), dir),
    };
    const m = interleave(sides, rounds, (round, name) => say(`${speed} ${round + 1}/${rounds} ${name}`));
    result[speed] = {
      medians: m,
      cpu_to_hand: round3(m.ours.cpu / m.hand.cpu),
      wall_to_hand: round3(m.ours.wall_without_verify / m.hand.wall),
      wall_to_hand_with_verify: round3(m.ours.wall / m.hand.wall),
      wall_to_tight: round3(m.ours.wall_without_verify / m.tight.wall),
      cpu_to_tight: round3(m.ours.cpu / m.tight.cpu),
      wall_to_chain: round3(m.ours.wall_without_verify / m.chain.wall),
      wall_to_chain_with_verify: round3(m.ours.wall / m.chain.wall),
    };
  }
  return result;
}

export const blurFillBounds = {
  'medium.cpu_to_hand': 1.05, 'medium.wall_to_hand': 0.85, 'medium.wall_to_chain': 0.36,
  'veryfast.cpu_to_hand': 1.05, 'veryfast.wall_to_hand': 0.75, 'veryfast.wall_to_chain': 0.30,
};
