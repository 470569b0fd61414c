#!/usr/bin/env bash
# What `./bootstrap demo` shows, and a test that it can be shown: a film through three processes, and the commands to go on with.
# usage: demo.sh [--check] FRAMELANE DIRECTORY [FILE]     (--check: run the commands it ends with, too)
set -euo pipefail
exec 2>&1 # in the order in which it is said

check=false
if [ "${1:-}" = --check ]; then
    check=true
    shift
fi
framelane=$1
directory=$2
file=${3:-}

mkdir -p "$directory"
if [ -z "$file" ]; then
    file=$directory/clip.mp4
    if [ ! -s "$file" ]; then
        echo "== no file given: FFmpeg makes one (10 s of its test picture, 1920x1080, with a tone)"
        ffmpeg -nostdin -loglevel error -y -f lavfi -i testsrc2=size=1920x1080:rate=30:duration=10 \
            -f lavfi -i sine=frequency=440:duration=10 -c:v libx264 -preset veryfast -pix_fmt yuv420p -c:a aac \
            -shortest "$file.new.mp4"
        mv "$file.new.mp4" "$file"
    fi
fi
output=$directory/small.mp4

shorten() { # a path as a person here would type it
    case $1 in "$PWD"/*) printf '%s' "${1#"$PWD"/}" ;; *) printf '%s' "$1" ;; esac
}
quote() { # one word of a pipeline, whatever is in it
    printf "'%s'" "${1//\'/\'\\\'\'}"
}
fl=$(shorten "$framelane")
in=$(quote "$(shorten "$file")")
out=$(quote "$(shorten "$output")")
dir=$(shorten "$directory")

pipeline="decode $in ! scale 1280:-2 ! encode $out codec=libx264 option.preset=veryfast"
printf '\n== %s run -e "%s"\n' "$fl" "$pipeline"
echo "   three processes; each frame stays where the one before it wrote it, and the next reads it there"
"$framelane" run -e "$pipeline"

printf '\n== what it made\n'
ffprobe -v error -count_packets -select_streams v:0 -of default=nw=1 \
    -show_entries stream=codec_name,width,height,nb_read_packets,duration "$output"
stat -c 'bytes=%s' "$output"

# The commands to go on with: shown to people, run by --check.
go_on=(
    "$fl run -e \"decode $in ! hash\" --frames 5"
    "$fl run -e \"decode $in ! crop 960:540 ! encode '$dir/middle.mkv' codec=libx264\""
    "$fl run -e \"decode $in as film ! scale 640:-2 ! encode '$dir/a.mp4' ; film ! hash '$dir/film.framemd5'\""
    "$fl run -e \"pattern size=1280x720 rate=60 frames=600 ! filter 'hue=s=0' ! null\" --transport pipe"
    "$fl check -e \"decode $in ! scale 1280:-2 ! encode $out\""
    "$fl inspect encode"
    "$fl doctor"
)
printf '\n== how to go on\n'
printf '    %s\n' "${go_on[@]}"

if $check; then
    for command in "${go_on[@]}"; do
        bash -c "$command" >"$directory/said" 2>&1 || {
            status=$?
            cat "$directory/said"
            echo "failed with $status: $command"
            exit 1
        }
    done
    echo "== all of them work"
fi
