#!/usr/bin/env bash
# The include matrix of src/README.md, and which module may see which library.
# shellcheck source=tests/arch/lib.sh
source "$(dirname "$0")/lib.sh"

declare -A MAY=(
    [base]="" [media]="base" [filters]="base" [job]="base filters" [ipc]="base"
    [exec]="base ipc job media filters" [execc]="base ipc" [queue]="base" [transfer]="base"
    [provider]="base transfer" [worker]="base ipc execc job queue transfer provider"
    [http]="base execc job queue transfer provider worker"
    [cli]="base filters job ipc execc queue transfer provider worker http"
)
# library header -> modules that may include it
LIBRARIES=(
    'libav|libsw:media'
    'hiredis:queue'
    'curl/:transfer provider'
    'microhttpd:http'
    'seccomp|linux/landlock|linux/seccomp:exec'
    'ebur128:media'
    'openssl/:job queue transfer provider http worker'
    'cjson/:base job ipc exec execc queue transfer provider worker http cli'
)

module_of() {
    case $1 in
    src/*/*) one=${1#src/} && printf '%s' "${one%%/*}" ;;
    filters/*) printf filters ;;
    *) printf 'no module' ;;
    esac
}

check_include() { # check_include FILE LINE MODULE TARGET
    local file=$1 line=$2 module=$3 target=$4 other
    case $target in
    */*) other=${target%%/*} ;;
    *) bad "$file:$line: \"$target\" must be named with its folder"; return ;;
    esac
    [ "$other" = "$module" ] && return
    case " ${MAY[$module]} " in
    *" $other "*) ;;
    *) bad "$file:$line: $module must not include \"$target\"" ;;
    esac
}

check_library() { # check_library FILE LINE MODULE HEADER
    local file=$1 line=$2 module=$3 header=$4 rule
    for rule in "${LIBRARIES[@]}"; do
        [[ $header =~ ^(${rule%%:*}) ]] || continue
        case " ${rule#*:} " in
        *" $module "*) ;;
        *) bad "$file:$line: $module must not include <$header>" ;;
        esac
    done
}

while IFS= read -r file; do
    module=$(module_of "$file")
    if [ -z "${MAY[$module]+known}" ]; then
        bad "$file: $module has no row in the include matrix"
        continue
    fi
    while IFS=$'\t' read -r line kind target; do
        if [ "$kind" = '"' ]; then
            check_include "$file" "$line" "$module" "$target"
        else
            check_library "$file" "$line" "$module" "$target"
        fi
    done < <(sed -nE '/^[ \t]*#[ \t]*include/{=;s/^[ \t]*#[ \t]*include[ \t]*(["<])([^">]*)[">].*/\1\t\2/p}' "$file" |
        paste - - | sed 's/</&/')
done < <(our_sources src filters)

# media never sees JSON; filters see of our public headers only what carries no libav
while IFS= read -r hit; do bad "$hit: media must not see JSON"; done \
    < <(grep -nE '#include ("base/json.h"|<cjson/)' src/media/*.[ch] 2>/dev/null || true)

# the public headers lean on nothing but themselves and the C library
while IFS= read -r hit; do bad "$hit: a public header includes only <fettle/…> and the C library"; done \
    < <(grep -nE '#include ("|<(lib|hiredis|curl|cjson|openssl|seccomp|ebur128))' include/fettle/*.h || true)

# libav's version numbers are tested in one header
while IFS= read -r hit; do bad "$hit: version tests belong in src/media/av_compat.h"; done \
    < <(grep -nE '^[ \t]*#[ \t]*(el)?if.*LIB(AV|SW)[A-Z]*_VERSION' -r src filters include --include='*.[ch]' |
        grep -v '^src/media/av_compat\.h:' || true)

verdict
