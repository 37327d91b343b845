# shellcheck shell=bash
# ./dev test. The last line is always "N passed, N failed, N skipped".

PASSED=0 FAILED=0 SKIPPED=0

tally() { # tally "PASSED FAILED SKIPPED"
    local p f s
    read -r p f s <<<"$1"
    PASSED=$((PASSED + p)) FAILED=$((FAILED + f)) SKIPPED=$((SKIPPED + s))
}

finish() {
    printf '%d passed, %d failed, %d skipped\n' "$PASSED" "$FAILED" "$SKIPPED"
    [ "$FAILED" -eq 0 ] && [ $((PASSED + SKIPPED)) -gt 0 ]
}

# run_ctest PRESET [CTEST ARGUMENT…]: counts cmocka's cases where a test prints them, else the test
run_ctest() {
    local preset=$1 dir junit
    shift
    dir=$(preset_dir "$preset")
    junit=$dir/junit.xml
    rm -f "$junit"
    say "ctest in $dir"
    ctest --test-dir "$dir" --output-on-failure --output-junit junit.xml \
        --test-output-size-passed 1000000 --test-output-size-failed 1000000 -j "$JOBS" \
        --no-tests=ignore "$@" || true
    if [ ! -f "$junit" ]; then
        tally "0 1 0"
        return 0
    fi
    tally "$(awk -f dev.d/count.awk "$junit")"
}

# run_node BUILD PATTERN FOLDER…: the *.test.mjs files below the folders, on the programs in BUILD
run_node() {
    local build=$1 pattern=$2 files tap=$1/node.tap
    shift 2
    mapfile -t files < <(find "$@" -name '*.test.mjs' | sort | { grep -E -- "${pattern:-.}" || true; })
    [ ${#files[@]} -gt 0 ] || return 0
    rm -f "$tap"
    say "node --test on $build (${#files[@]} files)"
    FETTLE_BUILD=$ROOT/$build timeout 1500 node --test \
        --test-reporter=spec --test-reporter-destination=stdout \
        --test-reporter=tap --test-reporter-destination="$tap" "${files[@]}" </dev/null || true
    tally "$(count_tap "$tap")"
}

# Only the closing summary counts; without one the runner itself died.
count_tap() {
    awk '/^# pass / {passed = $3; done = 1} /^# (fail|cancelled) / {failed += $3}
        /^# (skipped|todo) / {skipped += $3}
        END {if (done) print passed, failed, skipped; else print 0, 1, 0}' "$1" 2>/dev/null || printf '0 1 0'
}

cmd_test() {
    local mode=dev pattern='' unit_only=
    while [ $# -gt 0 ]; do
        case $1 in
        --asan | --clang | --slow | --debian13 | --fresh) mode=${1#--} ;;
        --unit) unit_only=yes ;;
        -*) die "unknown flag \"$1\"; see ./dev help" ;;
        *) pattern=$1 ;;
        esac
        shift
    done
    case $mode in
    debian13) root_debian13 ;;
    fresh) root_fresh ;;
    slow) test_slow "$pattern" ;;
    *) test_here "$mode" "$pattern" "$unit_only" ;;
    esac
    finish
}

# test_here PRESET PATTERN UNIT_ONLY
test_here() {
    local preset=$1 pattern=$2 unit_only=$3 lists=(build test)
    if [ "$preset" = clang ]; then lists+=(clang); fi
    need "${lists[@]}"
    build_preset "$preset"
    sanitizer_options
    run_ctest "$preset" ${pattern:+-R "$pattern"}
    if [ -n "$unit_only" ]; then return 0; fi
    npm_sync
    run_node "build/$preset" "$pattern" tests/integration
    if [ "$preset" = dev ]; then # what is shipped is what goes through the whole path
        build_preset release
        run_node build "$pattern" tests/arch tests/e2e
    else
        run_node "build/$preset" "${pattern:-main_path|cli}" tests/e2e
    fi
}

sanitizer_options() {
    export ASAN_OPTIONS=detect_stack_use_after_return=1:detect_leaks=1:abort_on_error=0
    export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
    if [ -f tests/lsan.supp ]; then export LSAN_OPTIONS=suppressions=$ROOT/tests/lsan.supp; fi
}
