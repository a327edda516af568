#!/usr/bin/env bash
# The rules of this source that no tool knows: which functions are not used, how long files and
# functions get, that every file says what it is for, that nothing unfinished and no machine's path
# is left in. Called by `./dev lint` from anywhere; prints file:line: what, and fails when it printed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

self=tests/support/checksrc.sh

# Files git tracks or would track, those that are there. Fixtures and lock files are others' words.
files() {
    git ls-files -co --exclude-standard -- "$@" |
        while read -r f; do
            case "$f" in tests/fixtures/* | */package-lock.json | "$self") continue ;; esac
            [ -f "$f" ] && printf '%s\n' "$f"
        done
}

# C, line by line, without comments and the insides of strings.
check_c() {
    awk '
    function complain(what) { printf "%s:%d: %s\n", FILENAME, FNR, what }
    function calls(names) { return code ~ "(^|[^A-Za-z0-9_.>])(" names ")[ ]*\\(" }
    function finish() {
        if (lines > 900) printf "%s:%d: more than 900 lines\n", file, lines
        if (file != "" && !explained) printf "%s:1: does not begin by saying what it is for\n", file
    }
    FNR == 1 {
        finish()
        file = FILENAME; in_comment = 0; opened = 0; explained = 0
        is_product = file !~ /^tests\//
    }
    { lines = FNR; code = $0 }
    # A header has its guard first.
    FNR <= (file ~ /\.h$/ ? 5 : 1) && /^\/\*/ { explained = 1 }
    {
        if (code ~ /"/) gsub(/"([^"\\]|\\.)*"/, "\"\"", code)
        if (in_comment) {
            if (code !~ /\*\//) next
            sub(/^.*\*\//, "", code)
            in_comment = 0
        }
        if (code ~ /\/[*\/]/) {
            gsub(/\/\*([^*]|\*+[^*\/])*\*+\//, "", code)
            sub(/\/\/.*$/, "", code)
            if (code ~ /\/\*/) { in_comment = 1; sub(/\/\*.*$/, "", code) }
        }
    }
    /^{/ { opened = FNR }
    /^}/ {
        if (opened && FNR - opened > 80) complain("a function of more than 80 lines")
        opened = 0
    }
    code !~ /\(/ { next }
    calls("v?sprintf|st[rp]cpy|strcat|strncpy|strncat|strtok(_r)?|ato(i|l|ll|f)|gets|v?[fs]?scanf|alloca") && \
        !(file ~ /^tests\// && code ~ /sscanf/) { complain("not used here: " $0) }
    calls("gmtime|localtime|asctime|ctime|s?rand|mktemp|tmpnam|system|popen") {
        complain("not used here: " $0)
    }
    calls("strto(l|ll|ul|ull|f|d|ld|imax|umax|q|uq)") && file != "base/parse.c" {
        complain("numbers are read by base/parse.h: " $0)
    }
    calls("malloc|calloc|realloc|reallocarray|strn?dup|v?asprintf|posix_memalign|aligned_alloc") && \
        file != "base/mem.c" { complain("memory comes from base/mem.h: " $0) }
    # What a library hands out goes back to it; the line says whose it is.
    calls("free") && file != "base/mem.c" && $0 !~ /\/\* [A-Za-z]+'\''s \*\// {
        complain("memory goes back by base/mem.h, or the line says whose it is: " $0)
    }
    END { finish() }
    ' "$@"
}

# Anything that people wrote.
check_text() {
    grep -nHE '\b(TODO|FIXME|XXX|HACK)\b' "$@" | sed 's/$/   <- unfinished/' || true
    grep -nHE '(^|[^A-Za-z0-9_.])/(work|root|home)/|/tmp/bash_' "$@" |
        sed 's/$/   <- a path of one machine/' || true
    grep -nHP '[ \t]+$' "$@" | sed 's/$/   <- blanks at the end/' || true
}

mapfile -t c < <(files '*.c' '*.h')
mapfile -t text < <(files '*.c' '*.h' '*.py' '*.sh' '*.sql' '*.cmake' '*.txt' '*.md' '*.yaml' '*.yml' \
    '*.html' '*.json' .ci dev LICENSE)
found=$(check_c "${c[@]}"; check_text "${text[@]}")
[ -z "$found" ] || { printf '%s\n' "$found"; exit 1; }
