#!/usr/bin/env bash
# A build with sanitizers passes the tests too. Builds its variant in a folder of its own, again only what changed.
# usage: sanitize.sh address|thread SOURCE-DIRECTORY BUILD-DIRECTORY
set -euo pipefail
kind=$1
source=$2
build=$3/sanitize-$kind

case $kind in
    address) sanitizers=address,undefined ;;
    thread) sanitizers=thread ;;
    *) echo "usage: sanitize.sh address|thread SOURCE-DIRECTORY BUILD-DIRECTORY" >&2; exit 2 ;;
esac
if ! echo 'int main(void) { return 0; }' | cc -fsanitize="$sanitizers" -x c -o /dev/null - 2>/dev/null; then
    echo "skipped: this compiler has no -fsanitize=$sanitizers"
    exit 77
fi

[ -f "$build/build.ninja" ] || meson setup "$build" "$source" -Db_sanitize="$sanitizers" -Db_lundef=false -Doptimization=1
ninja -C "$build"

# Reports end a process with a code no test expects; libav*, GLib and the rest are not ours to mend (tests/sanitize-*.supp).
export ASAN_OPTIONS="exitcode=99:detect_stack_use_after_return=1:strict_string_checks=1"
export LSAN_OPTIONS="exitcode=99:suppressions=$source/tests/sanitize-leak.supp:print_suppressions=0"
export UBSAN_OPTIONS="halt_on_error=1:exitcode=99:print_stacktrace=1"
export TSAN_OPTIONS="exitcode=99:halt_on_error=0:suppressions=$source/tests/sanitize-thread.supp:history_size=4"
export FRAMELANE_SANITIZED=$kind
export FRAMELANE_TEST_PATIENCE=5
meson test -C "$build" --no-rebuild --print-errorlogs --timeout-multiplier 5 --num-processes 2 \
    --no-suite sanitize --no-suite house
