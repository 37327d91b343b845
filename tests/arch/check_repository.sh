#!/usr/bin/env bash
# What must not be committed: big files, paths of one machine, download addresses.
# shellcheck source=tests/arch/lib.sh
source "$(dirname "$0")/lib.sh"

git rev-parse --git-dir >/dev/null 2>&1 || exit 77

while IFS= read -r -d '' file; do
    [ -f "$file" ] || continue
    size=$(stat -c %s "$file")
    [ "$size" -le 1048576 ] || bad "$file has $size bytes; at most 1 MiB"
done < <(git ls-files -z)

# Written in pieces so that this file does not find itself.
WORDS=("/wo""rk/" "\"reso""lved\": \"http" "\.\./sha""red" "registry\.npm""js" "deb\.deb""ian\.org"
    "/tm""p/b-" "snapshot\.deb""ian")
for word in "${WORDS[@]}"; do
    while IFS= read -r hit; do bad "must not be in the repository: $hit"; done \
        < <(git grep -nI -e "$word" -- . || true)
done

while IFS= read -r hit; do bad "white space at the end of a line: $hit"; done \
    < <(git grep -nIE '[ 	]+$' -- . ':!*.md' ':!*.json' ':!LICENSE' | head -20 || true)
while IFS= read -r hit; do bad "merge marker: $hit"; done \
    < <(git grep -nIE '^(<<<<<<<|>>>>>>>) ' -- . || true)

verdict
