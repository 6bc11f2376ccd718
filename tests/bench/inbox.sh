#!/usr/bin/env bash
# inbox.sh [COUNT [WORKERS…]]: what COUNT (10000) small files in inbox/ cost, with 1, 2 and 4 workers.
#
#   files/s with no-op jobs, and for each file how many were gone when it was their turn
#   seconds until all of it is known, and bytes of memory for each file that waits, of one worker
#
# In memory (/dev/shm, or BENCH_DIR): the disk is not what is asked about.
set -euo pipefail
count=${1:-10000}
shift || true
[ $# -gt 0 ] || set -- 1 2 4
root=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=${BUILD:-$root/build/plain}
work=$(mktemp -d "${BENCH_DIR:-/dev/shm}/bench-inbox-XXXXXX")
spool=$work/spool
export OMP_THREAD_LIMIT=1 TAKEUP_SPOOL=$spool TAKEUP_PIPELINES=$work/pipelines TAKEUP_PLUGINS=$work/plugins
export TAKEUP_CONFIG=$work/takeup.yaml # not the machine's
: >"$TAKEUP_CONFIG"
pids=()
# shellcheck disable=SC2317
end() {
    [ ${#pids[@]} -eq 0 ] || kill -KILL "${pids[@]}" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap end EXIT
mkdir "$work/pipelines" "$work/plugins"
cp "$BUILD/tests/fixtures/plugins/noop.so" "$work/plugins/"
printf 'id: noop\nsteps:\n  - id: nothing\n    use: noop\n' >"$work/pipelines/noop.yaml"

new_spool() {
    rm -rf "$spool"
    "$BUILD/takeup" init "$spool" >/dev/null
    mkdir "$spool/inbox/noop"
    (cd "$spool/inbox/noop" && seq -f 'f%07.0f.mp4' "$count" | awk '{ print "x" >$1; close($1) }')
    sleep 2.1 # so that all have settled
}

new_spool
"$BUILD/bench/drops" "$spool"
echo
echo "workers    files/s   gone for each file"
for workers; do
    new_spool
    pids=()
    start=$(date +%s.%N)
    for ((i = 0; i < workers; i++)); do
        "$BUILD/takeup" worker --drain --log-level error 2>/dev/null &
        pids+=($!)
    done
    # The counts of those that have ended go with their heartbeats, so they are noted on the way.
    echo '{}' >"$work/seen"
    while compgen -G "$spool/inbox/noop/*" >/dev/null; do
        if cat "$spool"/heartbeat/*.json 2>/dev/null | jq -s 'map({ (.worker): [.claims, .missed] }) | add // {}' \
            >"$work/now" 2>/dev/null && jq -s '.[0] * .[1]' "$work/seen" "$work/now" >"$work/both" 2>/dev/null; then
            mv "$work/both" "$work/seen"
        fi
        sleep 0.2
    done
    end=$(date +%s.%N)
    wait "${pids[@]}" || true
    pids=()
    printf '%-10d %7s   %s\n' "$workers" "$(echo "$start $end" | awk -v n="$count" '{ printf "%.0f", n / ($2 - $1) }')" \
        "$(jq -r '[.[]] | (map(.[1]) | add) / (map(.[0]) | add) * 1000 | round / 1000' "$work/seen")"
    [ "$(find "$spool/done" -mindepth 1 -maxdepth 1 | wc -l)" -eq "$count" ] || echo "not all of $count are done"
done
