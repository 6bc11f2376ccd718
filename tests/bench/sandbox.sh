#!/usr/bin/env bash
# sandbox.sh [VIDEO…|DIR]: what the sandbox of a runner costs. CPU seconds of `takeup run` with it and
# without, on one thread, in 9 alternated pairs (PAIRS): the median of the pairs' ratios and their
# spread. Without a video, on some of those that the tests draw. Both give the same result.
. "$(dirname "$0")/cost.sh"
pairs=${PAIRS:-9}
if [ $# -eq 0 ]; then
    "$root/tests/fixtures/make" "$work" long.mp4 captions.mp4 deck.mp4 terminal.mp4
    set -- "$work"
fi
find_videos "$@"
echo 'sandbox: full' >"$work/full.yaml"
echo 'sandbox: none' >"$work/none.yaml"

run() { # full|none VIDEO
    rm -rf "$work/out.$1"
    cost "$1" "$BUILD/takeup" run --config "$work/$1.yaml" --threads 1 -o "$work/out.$1" "$2"
}

for video in "${videos[@]}"; do
    rm -f "$work/full" "$work/none"
    for ((i = 0; i < pairs; i++)); do
        # The first of a pair is not always the same.
        if ((i % 2)); then run full "$video" && run none "$video"; else run none "$video" && run full "$video"; fi
        cmp "$work/out.full/result.json" "$work/out.none/result.json"
    done
    paste -d' ' "$work/full" "$work/none" | awk '{ printf "%.3f\n", $1 / $4 }' | sort -g |
        awk -v name="$(basename "$video")" '{ a[NR] = $1 }
            END { printf "%-16s with to without  %.3f  (%.3f to %.3f)", name, a[int((NR + 1) / 2)], a[1], a[NR] }'
    printf '   %6.2f %6.2f CPU s\n' "$(median full 1)" "$(median none 1)"
done
