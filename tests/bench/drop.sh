#!/usr/bin/env bash
# drop.sh [COUNT [ROUNDS]]: from the drop of a job to the first instruction of its runner, in us,
# COUNT (200) drops a round: a worker with spare runners, inotify and fork (drop.c), and a loop that
# looks every half second; also to the first instruction of a step, which is in a plugin, without a
# sandbox, from which it could not tell. Medians of alternated rounds (5). The spool is in SPOOL_DIR; not a slow disk, or the syncs of the job before
# are what is measured.
SPOOL_DIR=${SPOOL_DIR:-/dev/shm}
. "$(dirname "$0")/lib.sh"
count=${1:-200} rounds=${2:-5}

note() { # NAME MEDIAN P99 LONGEST
    echo "$2" >>"$disk/results/$1 median"
    echo "$3" >>"$disk/results/$1 p99"
}

run_dropper() { # NAME DIRECTORY COUNT
    # shellcheck disable=SC2046
    note "$1" $("$BUILD/bench/dropper" "$disk/from" "$2" "$disk/stamps" "$3")
}

worker_round() { # NAME VARIABLE
    rm -f "$disk/stamps" "$disk/log"
    env "$2=$disk/stamps" LD_PRELOAD="$BUILD/bench/first.so" \
        "$BUILD/takeup" worker --spool "$disk/spool" "${places[@]}" >"$disk/log" 2>&1 &
    worker=$!
    until grep -q "msg=ready" "$disk/log" 2>/dev/null; do sleep 0.1; done
    run_dropper "$1" "$disk/spool/pending" "$count"
    kill "$worker"
    wait "$worker"
    worker=''
}

fork_round() {
    rm -f "$disk/stamps"
    "$BUILD/bench/drop" "$disk/plain" "$disk/stamps" &
    worker=$!
    sleep 0.2
    run_dropper fork "$disk/plain" "$count"
    kill "$worker"
    wait "$worker" 2>/dev/null || :
    worker=''
    rm -f "$disk/plain"/*
}

polling() {
    while :; do
        for file in "$disk/plain"/*; do
            [ -e "$file" ] || continue
            rm -f "$file"
            awk '{ printf "%.0f\n", $1 * 1e9 }' /proc/uptime >>"$disk/stamps"
        done
        sleep 0.5
    done
}

polling_round() {
    rm -f "$disk/stamps"
    polling &
    worker=$!
    run_dropper "0.5 s polling" "$disk/plain" 20
    kill "$worker"
    wait "$worker" 2>/dev/null || :
    worker=''
}

mkdir "$disk/from" "$disk/plain"
new_spool "$disk/spool"
for ((r = 0; r < rounds; r++)); do
    worker_round runner FIRST_STAMPS
    fork_round
    echo 'sandbox: none' >"$disk/spool/takeup.yaml"
    worker_round step NOOP_STAMPS
    rm "$disk/spool/takeup.yaml"
done
polling_round
for name in runner fork step "0.5 s polling"; do
    spread "$name median"
    spread "$name p99"
done
ratio "runner median" "fork median"
ratio "runner p99" "fork p99"
