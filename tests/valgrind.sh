#!/usr/bin/env bash
# valgrind finds no error of ours in a short run, in any of its processes.
# usage: valgrind.sh FRAMELANE SOURCE-DIRECTORY
set -euo pipefail
framelane=$1
source=$2

if [ -n "${FRAMELANE_SANITIZED:-}" ]; then
    echo "skipped: this build has a sanitizer of its own"
    exit 77
fi
if ! command -v valgrind >/dev/null; then
    echo "skipped: valgrind is not installed"
    exit 77
fi
place=$(mktemp -d "${TMPDIR:-/tmp}/framelane-valgrind-XXXXXX")
trap 'rm -rf "$place"' EXIT

ffmpeg -nostdin -loglevel error -y -f lavfi -i testsrc2=size=64x64:rate=10 -f lavfi -i sine -t 1 \
    -c:v mpeg4 -c:a aac "$place/film.mkv"

check() { # a pipeline, run under valgrind; what its processes reported is shown if there is anything
    local status=0
    valgrind --quiet --trace-children=yes --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite \
        --suppressions="$source/tests/valgrind.supp" --log-file="$place/log.%p" "$framelane" run --quiet -e "$1" || status=$?
    if [ "$status" -ne 0 ] || [ -n "$(find "$place" -name 'log.*' -size +0)" ]; then
        cat "$place"/log.*
        echo "FAILED with $status under valgrind: $1"
        exit 1
    fi
}

check "decode $place/film.mkv threads=1 ! scale 32:32 ! encode $place/out.mkv codec=mpeg4 threads=1"
check "pattern size=64x64 frames=5 as p ! crop 32:32 ! hash $place/a.framemd5 ; p ! null when-full=drop"
echo "no error of ours"
