#!/usr/bin/env bash
# filters.def: sorted, one row per file, one file per row; each file exports its descriptor.
# shellcheck source=tests/arch/lib.sh
source "$(dirname "$0")/lib.sh"

rows=$(sed -nE 's/^FILTER\(([a-z0-9_]+)\)$/\1/p' filters/filters.def)
[ -n "$rows" ] || bad "filters.def has no row"
[ "$rows" = "$(LC_ALL=C sort -u <<<"$rows")" ] || bad "filters.def is not sorted, or has a row twice"
odd=$(grep -vnE '^(FILTER\([a-z0-9_]+\)|/\*.*\*/)?$' filters/filters.def || true)
[ -z "$odd" ] || bad "filters.def has other lines: $odd"

for name in $rows; do
    if [ ! -f "filters/$name.c" ]; then
        bad "filters.def names $name, but there is no filters/$name.c"
        continue
    fi
    grep -qE "^const struct ftl_filter ftl_filter_$name\b" "filters/$name.c" ||
        bad "filters/$name.c does not define ftl_filter_$name"
done
for file in filters/*.c; do
    name=$(basename "$file" .c)
    case $name in registry | fragments) continue ;; esac
    grep -qx "$name" <<<"$rows" || bad "filters/$name.c has no row in filters.def"
done

verdict
