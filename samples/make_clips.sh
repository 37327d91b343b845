#!/usr/bin/env bash
# Makes the demo's clips with ffmpeg's own test sources: nothing is downloaded, nothing is committed.
#   landscape.mp4  1280x720, 24 fps, 8 s, with sound at about -24 LUFS
#   phone.mp4      stored 1280x720 with a display matrix, so it shows as 720x1280; 6 s, with sound
#   silent.mp4     1280x720, 5 s, no audio stream
# Usage: samples/make_clips.sh [OUTDIR]    (default: samples/clips/, which git ignores)
set -euo pipefail

out=${1:-$(dirname "$0")/clips}
mkdir -p "$out"

ff() { ffmpeg -nostdin -hide_banner -loglevel error -y "$@"; }

# Slow camera-like motion over detailed ground: a fractal, slowly changing hue, a little grain.
picture() { # picture SECONDS SEED
    printf '%s' "mandelbrot=size=1280x720:rate=24:start_scale=2:end_scale=0.8:end_pts=$(($1 * 40)),
        trim=duration=$1,hue=h=40*t+$2:s=0.8,noise=alls=2:allf=t:all_seed=$2,format=yuv420p" | tr -d '\n '
}

# Speech-like sound: voiced harmonics with a syllable rhythm, breath noise, a pause now and then,
# and plosives whose peaks stand far above the rest.
voice() { # voice SECONDS PITCH
    local wave='' k
    for k in 1 2 3 4 5 6; do
        wave+="+sin(2*PI*$2*$k*t+0.3*sin(2*PI*5*t))/$k"
    done
    printf '%s' "aevalsrc='0.14*(0$wave)*(0.55+0.45*sin(2*PI*3.1*t))*gt(sin(2*PI*0.35*t),-0.8)
        +0.012*(random(0)-0.5)+0.8*exp(-45*mod(t,0.9))*sin(2*PI*95*t)':sample_rate=48000:duration=$1:channel_layout=mono,
        highpass=f=110,aformat=channel_layouts=stereo" | tr -d '\n '
}

X264=(-c:v libx264 -preset veryfast -crf 24 -pix_fmt yuv420p -colorspace bt709 -color_primaries bt709
    -color_trc bt709 -threads 2)
AAC=(-c:a aac -b:a 160k)

ff -f lavfi -i "$(picture 8 1)" -f lavfi -i "$(voice 8 140)" "${X264[@]}" "${AAC[@]}" -shortest \
    -movflags +faststart "$out/landscape.mp4"

ff -f lavfi -i "$(picture 6 7)" -f lavfi -i "$(voice 6 210)" "${X264[@]}" "${AAC[@]}" -shortest \
    "$out/stored.mp4"
# A phone stores what its sensor gives and says how to turn it.
ff -i "$out/stored.mp4" -c copy -metadata:s:v:0 rotate=90 "$out/phone.mp4"
rm -f "$out/stored.mp4"

ff -f lavfi -i "$(picture 5 3)" "${X264[@]}" -an -movflags +faststart "$out/silent.mp4"
