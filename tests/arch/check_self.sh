#!/usr/bin/env bash
# The other checks find what they are for: each gets a small tree with a planted violation.
# shellcheck source=tests/arch/lib.sh
source "$(dirname "$0")/lib.sh"

here=$PWD/tests/arch
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

# clean_tree: what every check is content with
clean_tree() {
    rm -rf "${tree:?}"/*
    mkdir -p "$tree"/{src/{base,media,queue,worker},filters,include/fettle,samples,dev.d}
    touch "$tree/dev"
    printf '#ifndef X_H\n#define X_H\n#include <stddef.h>\n\nstruct ftl_x {\n    size_t n;\n};\n#endif\n' >"$tree/include/fettle/x.h"
    printf 'const struct ftl_filter ftl_filter_one = {0};\n' >"$tree/filters/one.c"
    printf 'FILTER(one)\n' >"$tree/filters/filters.def"
    printf '#include "base/a.h"\n\nint ftl_a(void)\n{\n    return 0; /* free(x) in a comment */\n}\n' >"$tree/src/base/a.c"
    printf 'int ftl_a(void);\n' >"$tree/src/base/a.h"
    printf '#include "base/a.h"\n' >"$tree/src/media/m.c"
}

# finds CHECK WHAT FILE TEXT: the check passes the clean tree, and fails once FILE holds TEXT
finds() {
    local check=$here/check_$1.sh what=$2 file=$tree/$3
    clean_tree
    if ! bash "$check" "$tree" "$tree/none" >"$tree/log" 2>&1; then
        bad "$1 fails on a clean tree: $(cat "$tree/log")"
    fi
    printf '%b' "$4" >>"$file"
    if bash "$check" "$tree" "$tree/none" >"$tree/log" 2>&1; then bad "$1 does not find $what"; fi
}

finds includes "an upward include" src/base/a.c '#include "media/m.h"\n'
finds includes "a sideways include" src/queue/q.c '#include "transfer/t.h"\n'
finds includes "an include without a folder" src/base/a.c '#include "b.h"\n'
finds includes "libav outside media" src/worker/w.c '#include <libavcodec/avcodec.h>\n'
finds includes "JSON in media" src/media/m.c '#include "base/json.h"\n'
finds includes "a module without a row" src/newmodule.c ''
finds includes "a version test outside av_compat.h" src/media/m.c '#if LIBAVCODEC_VERSION_MAJOR > 60\n#endif\n'
finds includes "a public header that leans on ours" include/fettle/x.h '#include "base/a.h"\n'
finds headers "a header that needs another" src/base/b.h '#ifndef B_H\n#define B_H\nsize_t ftl_b(void);\n#endif\n'
finds headers "a public header that C++ refuses" include/fettle/y.h '#ifndef Y_H\n#define Y_H\nstruct ftl_y {\n    int class;\n};\n#endif\n'
finds filters "a row without a file" filters/filters.def 'FILTER(two)\n'
finds filters "rows out of order" filters/filters.def 'FILTER(a)\n'
finds filters "a file without a row" filters/two.c 'const struct ftl_filter ftl_filter_two = {0};\n'
finds banned "sprintf" src/base/a.c 'void f(char *p) { sprintf(p, "x"); }\n'
finds banned "the raw heap" src/base/a.c 'void f(char *p) { free(p); }\n'
finds banned "sleep" src/worker/w.c 'void f(void) { usleep(5); }\n'
finds banned "an unfinished place" src/base/a.c "/* TO""DO: more */\n"
finds banned "a long file" src/base/a.c "$(printf '\\n%.0s' {1..801})"
finds banned "a long header" src/base/b.h "$(printf '\\n%.0s' {1..201})"

verdict
