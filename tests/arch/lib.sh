# shellcheck shell=bash
# Shared by the check_*.sh scripts: `bad MESSAGE` notes a violation, `verdict` ends the script.
set -euo pipefail

ROOT=${1:?source folder}
BUILD=${2:?build folder}
export BUILD
cd "$ROOT"
violations=0

bad() {
    printf '%s\n' "$*"
    violations=$((violations + 1))
}

verdict() {
    if [ "$violations" -gt 0 ]; then
        printf '%d violations\n' "$violations"
        exit 1
    fi
}

# our_sources [DIR…]: C sources and headers that git knows or could know, one a line
our_sources() {
    find "${@:-.}" \( -name build -o -name node_modules -o -name .cache -o -name .git \) -prune -o \
        -type f -name '*.[ch]' -print | sed 's|^\./||' | sort
}

# code FILE: the file without comments and string contents, line numbers kept
code() {
    awk '{
        out = ""; s = $0
        while (length(s)) {
            if (inside) {
                e = index(s, "*/")
                if (!e) { s = ""; break }
                s = substr(s, e + 2); inside = 0; continue
            }
            if (match(s, /^"([^"\\]|\\.)*"/)) { out = out "\"\""; s = substr(s, RLENGTH + 1); continue }
            if (match(s, /^\047([^\047\\]|\\.)*\047/)) { out = out "0"; s = substr(s, RLENGTH + 1); continue }
            if (substr(s, 1, 2) == "/*") { inside = 1; s = substr(s, 3); continue }
            if (substr(s, 1, 2) == "//") { s = ""; break }
            out = out substr(s, 1, 1); s = substr(s, 2)
        }
        print out
    }' "$1"
}
