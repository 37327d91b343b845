#!/usr/bin/env bash
# The trust split: fettle links no libav*, fettle-exec nothing that talks to a network.
# shellcheck source=tests/arch/lib.sh
source "$(dirname "$0")/lib.sh"

if [ ! -x "$BUILD/fettle" ] || [ ! -x "$BUILD/fettle-exec" ]; then exit 77; fi

needed() { readelf -d "$1" | sed -nE 's/.*\(NEEDED\).*\[(.*)\]/\1/p'; }

while IFS= read -r library; do
    case $library in
    libav* | libsw* | libpostproc* | libebur128*) bad "fettle links $library" ;;
    esac
done < <(needed "$BUILD/fettle")
while IFS= read -r library; do
    case $library in
    libhiredis* | libcurl* | libmicrohttpd* | libssl* | libgnutls*) bad "fettle-exec links $library" ;;
    esac
done < <(needed "$BUILD/fettle-exec")
needed "$BUILD/fettle-exec" | grep -q '^libavcodec' || bad "fettle-exec does not link libavcodec"

verdict
