#!/usr/bin/env bash
# noop.sh [COUNT [ROUNDS]]: jobs that do nothing, COUNT (300) a round, in jobs/s.
#
# One worker with spare runners (JOBS=1 at a time) against `least`, which does the least that a queue
# of files can do and links and holds as much as a worker, so that its forks cost the same: durable
# on the disk (SPOOL_DIR or here), not durable on tmpfs. Then task-spooler and nq, which run `true`,
# and python3-dirq, which runs nothing, each on tmpfs. Everything is queued before the clock starts;
# for a worker the time of a run that finds nothing is taken off. Median of alternated rounds (5).
. "$(dirname "$0")/lib.sh"
count=${1:-300} rounds=${2:-5} jobs=${JOBS:-1}
held_mb=${HELD_MB:-6} # what a worker holds of its own (Pss_Anon)

seconds() { # COMMAND…
    local start=$EPOCHREALTIME
    "$@" >"$disk/log" 2>&1 || { tail -3 "$disk/log" >&2; return 1; }
    local end=$EPOCHREALTIME
    echo $((${end/./} - ${start/./})) | awk '{ print $1 / 1e6 }'
}

worker_round() { # DIR NAME
    local empty full
    local run=("$BUILD/takeup" worker --spool "$1" "${places[@]}" --drain --jobs "$jobs")
    rm -rf "$1"/done/*
    empty=$(seconds "${run[@]}")
    drop_jobs "$1/pending" "$count"
    full=$(seconds "${run[@]}")
    [ "$(find "$1/done" -name result.json | wc -l)" -eq "$count" ] || { echo "jobs are missing" >&2; exit 1; }
    echo "$count $full $empty" | awk '{ print $1 / ($2 - $3) }' >>"$disk/results/$2"
}

least_round() { # DIR sync|nosync NAME
    rm -rf "$1"
    mkdir -p "$1/pending" "$1/running" "$1/done"
    drop_jobs "$1/pending" "$count"
    "$BUILD/bench/least" "$1" "$held_mb" "$2" >>"$disk/results/$3"
}

rate() { # NAME COUNT START END
    echo "$2 $((${4/./} - ${3/./}))" | awk '{ print $1 / $2 * 1e6 }' >>"$disk/results/$1"
}

# Queue and run, as the peers below, which have no other way.
whole_round() {
    local start i files=()
    rm -rf "$memory"/spool/done/*
    for ((i = 0; i < count; i++)); do files+=("$memory/spool/media/in"); done
    start=$EPOCHREALTIME
    "$BUILD/takeup" submit --spool "$memory/spool" --pipeline noop "${files[@]}" >"$disk/log" 2>&1
    "$BUILD/takeup" worker --spool "$memory/spool" "${places[@]}" --drain --jobs "$jobs" >"$disk/log" 2>&1
    rate "submit and run" "$count" "$start" "$EPOCHREALTIME"
}

tsp_round() {
    local i start
    export TS_SOCKET=$memory/tsp TS_MAXFINISHED=10 TMPDIR=$memory
    start=$EPOCHREALTIME
    for ((i = 0; i < count; i++)); do tsp -n true >/dev/null; done
    tsp -w
    rate task-spooler "$count" "$start" "$EPOCHREALTIME"
    tsp -K
    unset TS_SOCKET TS_MAXFINISHED TMPDIR
}

nq_round() {
    local i start
    export NQDIR=$memory/nq
    rm -rf "$NQDIR"
    mkdir "$NQDIR"
    start=$EPOCHREALTIME
    for ((i = 0; i < count; i++)); do nq -q true >/dev/null; done
    nq -w >/dev/null 2>&1 || :
    rate nq "$count" "$start" "$EPOCHREALTIME"
    unset NQDIR
}

dirq_round() {
    rm -rf "$memory/dirq"
    /usr/bin/python3 - "$memory/dirq" "$count" >>"$disk/results/python3-dirq" <<'END'
import sys, time
from dirq.QueueSimple import QueueSimple
queue, count = QueueSimple(sys.argv[1]), int(sys.argv[2])
start = time.time()
for i in range(count):
    queue.add("job")
for name in queue:
    if queue.lock(name):
        queue.get(name)
        queue.remove(name)
print(count / (time.time() - start))
END
}

new_spool "$disk/spool"
new_spool "$memory/spool" none
for ((r = 0; r < rounds; r++)); do
    worker_round "$disk/spool" durable
    least_round "$disk/least" sync "least durable"
    worker_round "$memory/spool" "not durable"
    least_round "$memory/least" nosync "least not durable"
    whole_round
    if command -v tsp >/dev/null; then tsp_round; fi
    if command -v nq >/dev/null; then nq_round; fi
    if /usr/bin/python3 -c 'import dirq' 2>/dev/null; then dirq_round; fi
done
echo "jobs/s"
for name in durable "least durable" "not durable" "least not durable" \
    "submit and run" task-spooler nq python3-dirq; do
    if [ -e "$disk/results/$name" ]; then spread "$name"; fi
done
echo "ratios"
ratio durable "least durable"
ratio "not durable" "least not durable"
for peer in task-spooler nq python3-dirq; do
    if [ -e "$disk/results/$peer" ]; then ratio "submit and run" "$peer"; fi
done
