#!/usr/bin/env bash
# submit.sh [COUNT [ROUNDS]]: COUNT jobs (200) submitted by one command, and one by one: a command
# for each, and, as what a command costs is not what is asked about, a job a batch in one process
# (submit_one, linked against the spool). The directory is in SPOOL_DIR or here, on a real disk.
# Median of ROUNDS (5), alternated.
set -euo pipefail
count=${1:-200} rounds=${2:-5}
root=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=${BUILD:-$root/build/plain}
work=$(mktemp -d "${SPOOL_DIR:-$root}/bench-submit-XXXXXX")
trap 'rm -rf "$work"' EXIT
export OMP_THREAD_LIMIT=1
: >"$work/clip.mp4"

# round KIND: prints the seconds for COUNT jobs.
round() {
    local spool=$work/spool start end files=() i
    rm -rf "$spool"
    "$BUILD/takeup" init "$spool" >/dev/null
    for ((i = 0; i < count; i++)); do files+=("$work/clip.mp4"); done
    start=$(date +%s.%N)
    case $1 in
    batch) "$BUILD/takeup" submit --spool "$spool" "${files[@]}" >/dev/null ;;
    commands) for ((i = 0; i < count; i++)); do
        "$BUILD/takeup" submit --spool "$spool" "$work/clip.mp4" >/dev/null
    done ;;
    one-by-one) "$BUILD/bench/submit_one" "$spool" "$count" ;;
    esac
    end=$(date +%s.%N)
    [ "$(find "$spool/pending" -name '*.json' | wc -l)" -eq "$count" ] || { echo "jobs are missing" >&2; exit 1; }
    echo "$start $end" | awk '{ printf "%.4f\n", $2 - $1 }'
}

for ((r = 0; r < rounds; r++)); do
    for kind in batch one-by-one commands; do round "$kind" >>"$work/$kind"; done
done
for kind in batch one-by-one commands; do
    sort -n "$work/$kind" | awk -v kind="$kind" -v count="$count" '
        { t[NR] = $1 }
        END { m = t[int((NR + 1) / 2)]
              printf "%-11s median %7.3f s (%.3f to %.3f) %8.0f jobs/s\n", kind, m, t[1], t[NR], count / m }'
done
