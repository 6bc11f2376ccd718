#!/usr/bin/env bash
# reading.sh [DIR [ROUNDS]]: what reading the videos in DIR costs, beside a bare decode of the same
# and the script that everybody writes (a PNG a second, one tesseract each; without the command
# tesseract, or with PEER=0, it is left out). Without DIR two that are drawn: a screen a second for a
# minute, and one without text. CPU seconds and wall seconds, peak memory; medians of alternated
# rounds (3). Videos that have a NAME.gt.json are scored as well, by the command in SCORE, which gets
# that file and the result.
#
# Wherever these machines are shared, only the ratios mean anything.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=${BUILD:-$root/build/plain}
rounds=${2:-3}
[ -x /usr/bin/time ] || { echo "left out: /usr/bin/time (package time) is not there"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
set_dir=${1:-$work/set}
[ -n "${1:-}" ] || "$root/tests/fixtures/make" "$set_dir" long.mp4 blank.mp4
command -v tesseract >/dev/null || PEER=0
export OMP_THREAD_LIMIT=1

# cost NAME COMMAND…: a line "CPU WALL KIB" more in $work/NAME.
cost() {
    local name=$1
    shift
    /usr/bin/time -f '%U %S %e %M' -o "$work/time" "$@" >"$work/log" 2>&1 || { tail -3 "$work/log" >&2; return 1; }
    awk '{ printf "%.2f %.2f %d\n", $1 + $2, $3, $4 }' "$work/time" >>"$work/$name"
}

# column NAME N: its median.
column() { cut -d' ' -f"$2" "$work/$1" | sort -g | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'; }

decode() { cost decode ffmpeg -nostdin -v error -threads 1 -i "$1" -an -sn -f null -; }
ours() {
    rm -rf "$work/out"
    cost ours "$BUILD/takeup" run -o "$work/out" "$1"
}
# As many at a time as there are cores; what it costs is the same.
peer() {
    rm -rf "$work/peer"
    mkdir "$work/peer"
    # shellcheck disable=SC2016 # the inner shell expands them
    cost script sh -c 'ffmpeg -nostdin -v error -i "$1" -vf fps=1 "$2/f%05d.png" &&
        ls "$2" | sed "s/\.png$//" | xargs -P "$(nproc)" -I{} tesseract "$2/{}.png" "$2/{}" 2>/dev/null' sh "$1" "$work/peer"
}

printf '%-16s %8s %8s %8s %8s %8s %8s %8s\n' video 'cpu s' /decode /script 'wall s' MiB 'dec MiB' 'dec cpu'
for video in "$set_dir"/*.mp4 "$set_dir"/*.mkv "$set_dir"/*.webm "$set_dir"/*.mov; do
    [ -f "$video" ] || continue
    rm -f "$work/decode" "$work/ours" "$work/script"
    for ((r = 0; r < rounds; r++)); do
        decode "$video"
        ours "$video"
    done
    peer_cpu=-
    if [ "${PEER:-1}" != 0 ]; then
        peer "$video"
        peer_cpu=$(awk '{ print $1 }' "$work/script")
    fi
    name=$(basename "$video") name=${name%.*}
    echo "$name $(column ours 1) $(column decode 1) $peer_cpu $(column ours 2) $(column ours 3) $(column decode 3)" |
        awk '{ printf "%-16s %8.2f %8.2f %8s %8.2f %8.0f %8.0f %8.2f\n", $1, $2, $2 / $3,
               $4 == "-" ? "-" : sprintf("%.2f", $2 / $4), $5, $6 / 1024, $7 / 1024, $3 }'
    if [ -n "${SCORE:-}" ] && [ -f "$set_dir/$name.gt.json" ]; then
        $SCORE "$set_dir/$name.gt.json" "$work/out/result.json" --name "$name"
    fi
done
