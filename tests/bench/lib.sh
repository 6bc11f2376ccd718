# shellcheck shell=bash
# lib.sh - what the benches of no-op jobs share: a spool, a pipeline that does nothing, medians.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=${BUILD:-$root/build/plain}
disk=$(mktemp -d "${SPOOL_DIR:-$root}/bench-XXXXXX")
memory=$(mktemp -d /dev/shm/takeup-bench-XXXXXX)
worker=''
end_all() {
    [ -n "$worker" ] && kill "$worker" 2>/dev/null
    wait 2>/dev/null
    rm -rf "$disk" "$memory"
}
trap end_all EXIT
export OMP_THREAD_LIMIT=1
mkdir "$disk/pipelines" "$disk/plugins" "$disk/results"
cp "$BUILD/tests/fixtures/plugins/noop.so" "$disk/plugins/"
printf 'id: noop\nsteps:\n  - {id: nothing, use: noop}\n' >"$disk/pipelines/noop.yaml"
# shellcheck disable=SC2034
places=(--pipelines "$disk/pipelines" --plugins "$disk/plugins")
job='{"input_path": "media/in", "pipeline_id": "noop"}'

# new_spool DIR [none]: with an input that is settled; none: not durable.
new_spool() {
    "$BUILD/takeup" init "$1" >/dev/null
    echo x >"$1/media/in"
    [ "${2:-}" != none ] || echo 'durability: none' >"$1/takeup.yaml"
    sleep 2.1
}

# drop_jobs DIR COUNT: job files, on disk.
drop_jobs() {
    local i
    for ((i = 0; i < $2; i++)); do echo "$job" >"$1/job$i.json"; done
    sync -f "$1"
}

# spread NAME: median, lowest and highest of the numbers in results/NAME.
spread() {
    sort -g "$disk/results/$1" | awk -v name="$1" '
        { t[NR] = $1 }
        END { printf "%-28s median %9.2f  (%.2f to %.2f)\n", name, t[int((NR + 1) / 2)], t[1], t[NR] }'
}

# ratio A B: of each pair of one round.
ratio() {
    local name="$1 to $2"
    paste "$disk/results/$1" "$disk/results/$2" | awk '$2 > 0 { printf "%.3f\n", $1 / $2 }' >"$disk/results/$name"
    spread "$name"
}
