#!/usr/bin/env bash
# Every header compiles alone, in C; the public ones also in C++.
# shellcheck source=tests/arch/lib.sh
source "$(dirname "$0")/lib.sh"

WARN=(-Wall -Wextra -Wpedantic -Werror -fsyntax-only -D_GNU_SOURCE -DFTL_VERSION=\"0\" -DFTL_SANDBOX
    -Iinclude -Isrc -I.)
for generated in "$BUILD"/src/*; do
    [ -d "$generated" ] && WARN+=("-I$generated")
done

compile() { # compile LANGUAGE STANDARD COMPILER HEADER
    printf '#include "%s"\n#include "%s"\nextern int ftl_header_alone;\n' "$4" "$4" |
        "$3" -x "$1" "-std=$2" "${WARN[@]}" - 2>&1 | head -5 || true
}

while IFS= read -r header; do
    case $header in
    include/*) name=${header#include/} ;;
    src/*) name=${header#src/} ;;
    *) name=$header ;;
    esac
    out=$(compile c gnu17 "${CC:-cc}" "$name")
    [ -z "$out" ] || bad "$header does not compile alone in C: $out"
    case $header in
    include/fettle/*)
        out=$(compile c++ c++17 "${CXX:-c++}" "$name")
        [ -z "$out" ] || bad "$header does not compile alone in C++: $out"
        ;;
    esac
done < <(our_sources include src filters | grep '\.h$')

verdict
