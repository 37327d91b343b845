# shellcheck shell=bash
# ./dev fuzz and ./dev test --slow.

# cmd_fuzz [SECONDS] [TARGET…]
cmd_fuzz() {
    local seconds=60
    if [[ ${1:-} =~ ^[0-9]+$ ]]; then
        seconds=$1
        shift
    fi
    need build test fuzz
    fuzz_all "$seconds" "$@"
    finish
}

# fuzz_all SECONDS [TARGET…]: findings go to build/fuzz/findings/, new inputs stay out of the tree
fuzz_all() {
    local seconds=$1 target name
    shift
    build_preset fuzz
    mkdir -p build/fuzz/findings
    for target in build/fuzz/fuzz/*_fuzz_*; do
        [ -x "$target" ] || continue
        name=$(basename "$target")
        if [ $# -gt 0 ] && [[ " $* " != *" $name "* ]]; then continue; fi
        say "fuzzing $name for $seconds s"
        if fuzz_one "$name" "$seconds" >"build/fuzz/$name.log" 2>&1; then
            PASSED=$((PASSED + 1))
            grep -E 'stat::number_of_executed_units' "build/fuzz/$name.log" || true
        else
            FAILED=$((FAILED + 1))
            tail -40 "build/fuzz/$name.log"
        fi
    done
}

# fuzz_one NAME SECONDS; NAME is <module>_fuzz_<x>
fuzz_one() {
    local name=$1 source=tests/fuzz/${1%%_fuzz_*}/fuzz_${1#*_fuzz_} options=()
    mkdir -p "build/fuzz/new/$name"
    if [ -f "$source.dict" ]; then options+=("-dict=$source.dict"); fi
    "build/fuzz/fuzz/$name" -max_total_time="$2" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="build/fuzz/findings/$name-" "${options[@]}" "build/fuzz/new/$name" \
        "$source.corpus"
}

# test_slow PATTERN
test_slow() {
    need build test fuzz slow
    npm_sync
    build_preset dev
    build_preset release
    slow_valgrind "$1"
    slow_analyzer
    fuzz_all 120
    FETTLE_SLOW=1 run_node build/dev "$1" tests/integration
    FETTLE_SLOW=1 run_node build "$1" tests/e2e
}

# Unit tests under valgrind, in a build without the sandbox, which valgrind cannot run in.
slow_valgrind() {
    local program log start
    build_preset valgrind
    for program in build/valgrind/tests/*_test_*; do
        # Whole encodes take an hour each in there.
        if [[ $program == */golden_* || $program == */media_test_pipeline ]]; then continue; fi
        [ -x "$program" ] || continue
        if [[ ! $program =~ ${1:-.} ]]; then continue; fi
        log=build/valgrind/$(basename "$program").log
        start=$SECONDS
        if (cd build/valgrind && timeout 900 valgrind --quiet --error-exitcode=99 --leak-check=full \
            --errors-for-leak-kinds=definite --suppressions="$ROOT/tests/valgrind.supp" \
            --child-silent-after-fork=yes "$ROOT/$program") >"$log" 2>&1; then
            PASSED=$((PASSED + 1))
            say "valgrind $(basename "$program"): ok, $((SECONDS - start)) s"
        elif grep -q 'unhandled amd64-linux syscall: 434' "$log"; then
            SKIPPED=$((SKIPPED + 1))
            say "valgrind $(basename "$program"): skipped, valgrind 3.19 has no pidfd_open for its children"
        else
            FAILED=$((FAILED + 1))
            say "valgrind $(basename "$program") failed:"
            tail -40 "$log"
        fi
    done
}

# gcc's analyser understands the cleanup attribute; its warnings are errors.
slow_analyzer() {
    say "gcc -fanalyzer"
    if build_preset analyzer; then
        PASSED=$((PASSED + 1))
    else
        FAILED=$((FAILED + 1))
    fi
}
