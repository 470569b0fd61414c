#!/usr/bin/env bash
# `meson install` into a prefix of its own gives a program that runs from there and a library that others can build on.
# usage: install.sh SOURCE-DIRECTORY
set -euo pipefail
source=$1
cc=${CC:-cc}
place=$(mktemp -d "${TMPDIR:-/tmp}/framelane-install-XXXXXX")
trap 'rm -rf "$place"' EXIT

quietly() {
    "$@" >"$place/said" 2>&1 || {
        local status=$?
        cat "$place/said"
        echo "FAILED with $status: $*"
        exit 1
    }
}

quietly meson setup "$place/build" "$source" --prefix="$place/prefix" -Dlibdir=lib -Dbuildtype=plain
quietly ninja -C "$place/build"
quietly meson install -C "$place/build" --no-rebuild
echo "installed:"
(cd "$place/prefix" && find . -type f -o -type l | sort)

# The library, as another program meets it: pkg-config alone says where it is.
export PKG_CONFIG_PATH=$place/prefix/lib/pkgconfig
quietly pkg-config --exists --print-errors framelane
read -r -a flags <<<"$(pkg-config --cflags --libs framelane)"
quietly "$cc" -std=gnu11 -Wall -Wextra -Wno-unused-parameter -Werror -o "$place/tour" "$source/tests/tour.c" "${flags[@]}"
LD_LIBRARY_PATH=$place/prefix/lib quietly "$place/tour"

# The build directory must not be needed any more.
rm -rf "$place/build"
fl=$place/prefix/bin/framelane
quietly env -u FRAMELANE_STAGES "$fl" run -e "pattern size=320x180 frames=10 ! scale 160:90 ! hash $place/a.framemd5"
lines=$(grep -vc '^#' "$place/a.framemd5")
[ "$lines" -eq 10 ] || { echo "FAILED: $lines hashes of 10 frames"; exit 1; }

# Nor the prefix: a tree that was moved still finds its parts.
mv "$place/prefix" "$place/moved"
quietly env LD_LIBRARY_PATH="$place/moved/lib" "$place/moved/bin/framelane" run -e "pattern size=320x180 frames=10 ! null"
quietly "$place/moved/bin/framelane" bench --micro --quick --rounds 1 --only spin-poll --only calls-poll
echo "the installed program runs, the installed library can be built on, and both can be moved"
