#!/usr/bin/env bash
# cores.sh VIDEO…|DIR: how much sooner a video is read on two cores than on one. Wall seconds of
# `takeup run --threads 1`, held to one core, and of --threads 2, in 9 alternated pairs (PAIRS), with
# the median of the pairs' ratios and their spread; CPU seconds and peak memory of both, beside a
# bare decode on one thread. Both have to give the same result.
#
# Beside it what the machine itself gives: the first command, alone on one core, against two of it at
# the same time that know nothing of each other, one on each. Cores that share a clock, a cache or
# their arithmetic units are not two; then that is below 2, and no program can do better.
#
# It wants two cores that nobody else uses: on a busy machine a process with more threads gets more of
# it, and what is told is how busy it was. FAVOUR is a command before each run, for a machine that
# cannot be had alone: FAVOUR='chrt -r 1', as root, for short videos.
. "$(dirname "$0")/cost.sh"
pairs=${PAIRS:-9}
if [ $# -eq 0 ]; then
    echo "left out: name videos, or a directory of them: $0 VIDEO…|DIR"
    exit 0
fi
read -r first second _ < <(taskset -cp $$ | sed 's/.*: //' | awk -F, '{
    for (i = 1; i <= NF; i++) { n = split($i, a, "-"); for (c = a[1]; c <= a[n]; c++) printf "%d ", c } print "" }')
if [ -z "${second:-}" ]; then
    echo "left out: this process may use one core only"
    exit 0
fi

# run N CORES VIDEO
run() {
    rm -rf "$work/out.$1"
    # shellcheck disable=SC2086 # a command and its options
    cost "run.$1" ${FAVOUR:-} taskset -c "$2" "$BUILD/takeup" run --threads "$1" -o "$work/out.$1" "$3"
}

# at_once VIDEO: two runs on one core each.
at_once() {
    rm -rf "$work"/out.at_once.*
    # shellcheck disable=SC2016,SC2086 # the inner shell expands them; a command and its options
    cost run.at_once ${FAVOUR:-} sh -c 'for core; do
        taskset -c "$core" "$BUILD/takeup" run --threads 1 -o "$work/out.at_once.$core" "$video" & done; wait' \
        sh "$first" "$second"
    cmp "$work/out.at_once.$first/result.json" "$work/out.at_once.$second/result.json"
}

# ratios NAME TIMES: of each round, TIMES the wall on one core by that of NAME; median, lowest,
# highest.
ratios() {
    paste -d' ' "$work/run.1" "$work/$1" | awk -v times="$2" '{ printf "%.3f\n", times * $2 / $5 }' | sort -g |
        awk '{ a[NR] = $1 } END { printf "%.2f (%.2f to %.2f)", a[int((NR + 1) / 2)], a[1], a[NR] }'
}

find_videos "$@"

printf '%-16s %-22s %-22s %15s %15s %18s\n' video 'times faster on 2' 'two at once' 'wall s, 1 and 2' 'CPU s, 1 and 2' 'MiB, 1, 2, decode'
export BUILD work video
for video in "${videos[@]}"; do
    rm -f "$work"/run.* "$work/decode"
    # shellcheck disable=SC2086
    decode "$video" ${FAVOUR:-} taskset -c "$first"
    for ((i = 0; i < pairs; i++)); do
        run 1 "$first" "$video"
        run 2 "$first,$second" "$video"
        at_once "$video"
        cmp "$work/out.1/result.json" "$work/out.2/result.json"
    done
    name=$(basename "$video")
    printf '%-16s %-22s %-22s %7.2f %7.2f %7.2f %7.2f %5d %5d %6d\n' "${name%.*}" \
        "$(ratios run.2 1)" "$(ratios run.at_once 2)" \
        "$(median run.1 2)" "$(median run.2 2)" "$(median run.1 1)" "$(median run.2 1)" \
        "$(median run.1 3)" "$(median run.2 3)" "$(median decode 3)"
done
