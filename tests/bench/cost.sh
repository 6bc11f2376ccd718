# shellcheck shell=bash
# cost.sh - what the benches of reading share: a place to work in, what a command costs, medians.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=${BUILD:-$root/build/plain}
[ -x /usr/bin/time ] || { echo "left out: /usr/bin/time (package time) is not there"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMP_THREAD_LIMIT=1 TAKEUP_PIPELINES=${TAKEUP_PIPELINES:-$root/pipelines}

# cost NAME COMMAND…: a line "CPU WALL MIB" more in $work/NAME; seconds, and the peak.
cost() {
    local name=$1
    shift
    /usr/bin/time -f '%U %S %e %M' -o "$work/time" "$@" >"$work/log" 2>&1 || { tail -n 3 "$work/log" >&2; return 1; }
    awk '{ printf "%.2f %.2f %.0f\n", $1 + $2, $3, $4 / 1024 }' "$work/time" >>"$work/$name"
}

# decode VIDEO [COMMAND…]: in $work/decode, by ffmpeg on one thread; COMMAND is before it.
decode() {
    local video=$1
    shift
    cost decode "$@" ffmpeg -nostdin -v error -threads 1 -i "$video" -an -sn -f null -
}

# find_videos VIDEO…|DIR: sets videos.
find_videos() {
    local at video
    videos=()
    for at; do
        if [ -d "$at" ]; then
            for video in "$at"/*.mp4 "$at"/*.mkv "$at"/*.webm "$at"/*.mov; do
                if [ -f "$video" ]; then videos+=("$video"); fi # under set -e the last one decides
            done
        else
            videos+=("$at")
        fi
    done
}

# median NAME COLUMN
median() { cut -d' ' -f"$2" "$work/$1" | sort -g | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'; }
