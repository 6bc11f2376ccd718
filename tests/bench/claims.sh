#!/usr/bin/env bash
# claims.sh [MOST [ROUNDS]]: what a long queue costs, up to MOST jobs (1000000), median of ROUNDS (3).
#
#   first claim after start, claims/s, memory a job, a rescan, at 1e3 … MOST pending
#   names that others had taken, for each job, with 1, 2, 4, 8 workers and no-op jobs
#   what an idle worker takes of a core with a tenth of MOST deferred
#
# In memory (/dev/shm, or BENCH_DIR): the disk is not what is asked about.
set -euo pipefail
most=${1:-1000000} rounds=${2:-3}
root=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=${BUILD:-$root/build/plain}
work=$(mktemp -d "${BENCH_DIR:-/dev/shm}/bench-claims-XXXXXX")
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

new_spool() { # COUNT KIND
    rm -rf "$spool"
    "$BUILD/takeup" init "$spool" >/dev/null
    echo x >"$spool/media/any"
    touch -d '-1 min' "$spool/media/any"
    "$BUILD/bench/fill" "$spool" "$1" "$2"
}

median() { sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

echo "pending    first claim s   claims/s   bytes/job   rescan s"
base=
for count in 1000 10000 100000 1000000; do
    [ "$count" -le "$most" ] || break
    new_spool "$count" pending
    : >"$work/rows"
    for ((r = 0; r < rounds; r++)); do
        "$BUILD/bench/claims" "$spool" $((count / 10 < 20000 ? count / 10 : 20000)) >>"$work/rows"
    done
    rate=$(cut -d' ' -f2 "$work/rows" | median)
    [ "$count" -ne 10000 ] || base=$rate
    printf '%-10d %13s %10s %11s %10s' "$count" "$(cut -d' ' -f1 "$work/rows" | median)" "$rate" \
        "$(cut -d' ' -f3 "$work/rows" | median)" "$(cut -d' ' -f4 "$work/rows" | median)"
    if [ -n "$base" ]; then awk -v a="$rate" -v b="$base" 'BEGIN { printf "   %.2f of the rate at 1e4", a / b }'; fi
    echo
    if [ "$count" -ge 1000000 ]; then
        for command in status health; do
            /usr/bin/time -f "takeup $command: %e s, %M KiB" "$BUILD/takeup" "$command" >/dev/null 2>"$work/time" || true
            tail -n 1 "$work/time"
        done
    fi
done

echo
echo "workers    jobs/s   names missed for each job"
for workers in 1 2 4 8; do
    new_spool $((most / 50)) pending
    pids=()
    start=$(date +%s.%N)
    for ((i = 0; i < workers; i++)); do
        "$BUILD/takeup" worker --drain --log-level error 2>/dev/null &
        pids+=($!)
    done
    # The counts of those that have ended go with their heartbeats, so they are noted on the way.
    echo '{}' >"$work/seen"
    while kill -0 "${pids[@]}" 2>/dev/null; do
        if cat "$spool"/heartbeat/*.json 2>/dev/null | jq -s 'map({ (.worker): [.claims, .missed] }) | add // {}' \
            >"$work/now" 2>/dev/null && jq -s '.[0] * .[1]' "$work/seen" "$work/now" >"$work/both" 2>/dev/null; then
            mv "$work/both" "$work/seen"
        fi
        compgen -G "$spool/pending/*.json" >/dev/null || break
        sleep 0.3
    done
    end=$(date +%s.%N)
    wait "${pids[@]}" || true
    pids=()
    printf '%-10d %6s   %s\n' "$workers" "$(echo "$start $end" | awk -v n=$((most / 50)) '{ printf "%.0f", n / ($2 - $1) }')" \
        "$(jq -r '[.[]] | (map(.[1]) | add) / (map(.[0]) | add) * 1000 | round / 1000' "$work/seen")"
done

echo
new_spool $((most / 10)) deferred
"$BUILD/takeup" worker --log-level error 2>/dev/null &
pids=($!)
sleep 15 # until it relies on its lists
cpu() { awk '{ print $14 + $15 + $16 + $17 }' "/proc/${pids[0]}/stat"; }
before=$(cpu)
sleep 60
awk -v ticks=$(($(cpu) - before)) -v hz="$(getconf CLK_TCK)" -v n=$((most / 10)) \
    'BEGIN { printf "idle with %d deferred: %.3f %% of a core\n", n, ticks / hz / 60 * 100 }'
