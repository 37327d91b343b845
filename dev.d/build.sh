# shellcheck shell=bash
# Configure and build through the presets of CMakePresets.json.

preset_dir() {
    case $1 in release) printf 'build' ;; *) printf 'build/%s' "$1" ;; esac
}

# build_preset PRESET [TARGET…]
build_preset() {
    local preset=$1 dir log
    shift
    dir=$(preset_dir "$preset")
    if [ ! -f "$dir/build.ninja" ]; then
        say "configuring $dir"
        mkdir -p "$dir"
        log=$dir/configure.log
        if ! cmake --preset "$preset" -DCMAKE_C_COMPILER_LAUNCHER=ccache >"$log" 2>&1; then
            cat "$log" >&2
            die "configuring $dir failed"
        fi
    fi
    say "building $dir"
    ninja -C "$dir" -j "$JOBS" --quiet "$@" >&2
}
