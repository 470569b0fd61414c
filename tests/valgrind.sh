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

build=$(cd "$(dirname "$framelane")/.." && pwd)
valgrind=(valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite
    --errors-for-leak-kinds=definite
    "--suppressions=$source/tests/valgrind.supp" "--log-file=$place/log.%p")

# The stages run under valgrind because a wrapper stands where the supervisor, a copy of itself, looks for them.
cp "$framelane" "$place/framelane"
cat >"$place/framelane-stage" <<END
#!/bin/bash
exec ${valgrind[*]} $build/pipeline/framelane-stage "\$@"
END
chmod +x "$place/framelane-stage"
export FRAMELANE_STAGES=$build/stages LD_LIBRARY_PATH=$build/transport

look_at_logs() { # what valgrind had to say about the command whose exit code and name are given
    # 449 is futex_waitv: where it is unknown the library waits otherwise.
    find "$place" -name 'log.*' -exec sed -i '/unhandled .*syscall: 449$/,/bug_reports\.html\.$/d' {} +
    if [ "$1" -ne 0 ] || [ -n "$(find "$place" -name 'log.*' -size +0)" ]; then
        cat "$place"/log.* 2>/dev/null
        echo "FAILED with $1 under valgrind: $2"
        exit 1
    fi
}

stages() {
    local status=0
    "$place/framelane" run --quiet -e "$1" || status=$?
    look_at_logs "$status" "$1"
}

supervisor() {
    local status=0
    "${valgrind[@]}" "$framelane" "$@" >"$place/said" || status=$?
    look_at_logs "$status" "$*"
}

ffmpeg -nostdin -loglevel error -y -f lavfi -i testsrc2=size=64x64:rate=10 -f lavfi -i sine -t 1 \
    -c:v mpeg4 -c:a aac "$place/film.mkv"
stages "decode $place/film.mkv threads=1 ! scale 32:32 ! encode $place/out.mkv codec=mpeg4 option.threads=1"
stages "pattern size=64x64 frames=5 as p ! crop 32:32 ! filter hflip ! hash $place/a.framemd5 ; p ! null when-full=drop"
supervisor check -e "decode $place/film.mkv ! scale 32:32 ! encode $place/out.mkv"
supervisor run --dry-run -e "pattern frames=5 ! null"
supervisor inspect

# A valgrind that does not know pidfd_open cannot run a supervisor that starts processes.
said=$(valgrind --quiet "$framelane" run --quiet -e "pattern size=64x64 frames=1 ! null" 2>&1 || true)
if grep -q "unhandled.*syscall" <<<"$said"; then
    echo "not tried: a supervisor at work (this valgrind lacks system calls it needs)"
else
    supervisor run --quiet -e "pattern size=64x64 frames=5 ! hash $place/b.framemd5"
fi
echo "no error of ours"
