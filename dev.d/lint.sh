# shellcheck shell=bash
# ./dev lint: the style gates. clang-tidy's verdicts are kept under build/lint/ by content, so that
# only what changed is looked at again.

MAX_COMPLEXITY=20
MAX_FUNCTION_LINES=80

our_c_files() { # NUL-separated
    find src filters include tests -name '*.[ch]' -print0
}

format_files() { our_c_files; }

shell_files() {
    printf '%s\0' dev .ci/run
    find dev.d tests samples -name '*.sh' -print0
}

lint_step() { # lint_step NAME FUNCTION: runs it, says how it went
    local name=$1 log=build/lint/$2.log start=$SECONDS
    if "$2" >"$log" 2>&1; then
        printf 'ok    %-12s %4d s\n' "$name" $((SECONDS - start))
        PASSED=$((PASSED + 1))
    else
        cat "$log"
        printf 'FAIL  %-12s %4d s\n' "$name" $((SECONDS - start))
        FAILED=$((FAILED + 1))
    fi
}

lint_format() { our_c_files | xargs -0 clang-format-14 --dry-run --Werror; }

lint_shell() { shell_files | xargs -0 shellcheck -x; }

lint_complexity() { # cyclomatic complexity
    find src filters -name '*.c' -print0 | xargs -0 pmccabe | awk -v max="$MAX_COMPLEXITY" \
        '$1 > max {printf "%s: %s has complexity %d, at most %d\n", $6, $7, $1, max; bad = 1} END {exit bad}'
}

lint_length() { # lines per function, in the tests too
    our_c_files | tr '\0' '\n' | grep '\.c$' |
        ctags -L - --languages=C --kinds-C=f --fields=+ne -o - 2>/dev/null |
        awk -F'\t' -v max="$MAX_FUNCTION_LINES" '{
            line = 0; end = 0
            for (i = 4; i <= NF; i++) {
                if ($i ~ /^line:/) line = substr($i, 6)
                if ($i ~ /^end:/) end = substr($i, 5)
            }
            if (end - line + 1 > max) {
                printf "%s:%d: %s has %d lines, at most %d\n", $2, line, $1, end - line + 1, max; bad = 1
            }
        } END {exit bad}'
}

# The compile database as "FILE<TAB>COMMAND", one translation unit a line; CMake writes one member a line.
compile_commands() {
    awk '/^  "command":/ {
            sub(/^  "command": "/, ""); sub(/",?$/, "")
            gsub(/\\\\/, "\001"); gsub(/\\"/, "\""); gsub(/\001/, "\\")
            command = $0
        }
        /^  "file":/ {sub(/^  "file": "/, ""); sub(/",?$/, ""); print $0 "\t" command}' "$1"
}

# tidy_one FILE COMMAND: clang-tidy, unless this very content has passed before
tidy_one() {
    local file=$1 command=$2 key
    # The preprocessed text covers every header, the raw file its comments (NOLINT).
    key=$({ cat .clang-tidy "$file" && bash -c "${command/ -o * -c / -E }"; } | sha256sum | cut -c1-40)
    if [ -e "build/lint/tidy/$key" ]; then return 0; fi
    if clang-tidy-14 --quiet -p build/clang "$file" 2>/dev/null; then
        : >"build/lint/tidy/$key"
    else
        printf 'clang-tidy: %s\n' "$file"
        return 1
    fi
}

# The second compiler; clang-tidy then uses its compile database.
lint_clang() { build_preset clang; }

lint_tidy() {
    mkdir -p build/lint/tidy
    export -f tidy_one
    # shellcheck disable=SC2016 # expanded by the inner shell
    compile_commands build/clang/compile_commands.json | grep -E "^$ROOT/(src|filters)/" |
        while IFS=$'\t' read -r file command; do
            printf '%s\0%s\0' "${file#"$ROOT"/}" "${command#*ccache }"
        done | xargs -0 -n 2 -P "$JOBS" bash -c 'tidy_one "$1" "$2"' _
}

cmd_lint() {
    need build test lint
    mkdir -p build/lint
    lint_step clang lint_clang
    lint_step format lint_format
    lint_step shellcheck lint_shell
    lint_step complexity lint_complexity
    lint_step length lint_length
    lint_step clang-tidy lint_tidy
    finish
}
