#!/usr/bin/env bash
# Calls that c-style forbids, unfinished places, size limits, and what must not be in the repository.
# shellcheck source=tests/arch/lib.sh
source "$(dirname "$0")/lib.sh"

CALLS='sprintf|vsprintf|strcpy|strcat|strncpy|strncat|strtok|strtok_r|atoi|atol|atof|gets|scanf|sscanf|fscanf|localtime|gmtime|ctime|asctime|system|popen|alloca|mktemp|tmpnam|rand|srand|strerror|getenv_unsafe'
HEAP='malloc|calloc|realloc|reallocarray|free|strdup|strndup|asprintf|vasprintf'
NUMBERS='strtol|strtoul|strtoll|strtoull|strtod|strtof'

while IFS= read -r file; do
    if [ "$file" = src/base/banned.h ]; then continue; fi # it bans them
    stripped=$(code "$file")
    hits=$(grep -nE "(^|[^A-Za-z0-9_>.])($CALLS)\(" <<<"$stripped" || true)
    [ -z "$hits" ] || bad "$file uses a banned call: $hits"
    case $file in
    src/base/mem.c | src/base/mem.h) ;;
    *)
        hits=$(grep -nE "(^|[^A-Za-z0-9_>.])($HEAP)\(" <<<"$stripped" || true)
        [ -z "$hits" ] || bad "$file uses the raw heap: $hits"
        ;;
    esac
    case $file in
    src/base/*) ;;
    *)
        hits=$(grep -nE "(^|[^A-Za-z0-9_>.])($NUMBERS)\(" <<<"$stripped" || true)
        [ -z "$hits" ] || bad "$file parses numbers itself, base has a checked parser: $hits"
        ;;
    esac
    hits=$(grep -nE '(^|[^A-Za-z0-9_>.])(sleep|usleep|nanosleep)\(' <<<"$stripped" || true)
    [ -z "$hits" ] || bad "$file sleeps: $hits"
    lines=$(wc -l <"$file")
    case $file in
    *.h) [ "$lines" -le 200 ] || case $file in include/fettle/*) [ "$lines" -le 320 ] ;; *) false ;; esac ||
        bad "$file has $lines lines, a header at most 200" ;;
    *) [ "$lines" -le 800 ] || bad "$file has $lines lines, a source at most 800" ;;
    esac
done < <(our_sources src filters include)

while IFS= read -r hit; do bad "unfinished: $hit"; done \
    < <(grep -rnwE 'TO''DO|FIX''ME|X''XX|HA''CK|place''holder|for now' src filters include dev dev.d samples \
        --include='*.[ch]' --include='*.sh' --include='*.mjs' --include=dev |
        grep -viE 'place''holders?(_expand)?[^a-z]*' || true)

verdict
