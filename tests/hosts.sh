# shellcheck shell=bash
# hosts.sh - several workers on one spool, each as if on a host of its own.
#
#     . "$(dirname "$0")/../hosts.sh"
#     make_spool; use_noop; inside=(unshare -u); start_on anna; inside=(); …; stop_on anna
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

declare -A log_of=() pid_of=()

# start_on HOST OPTION…: and waits until it is ready. $inside is what it runs in.
start_on() {
    local host=$1
    shift
    start_worker "$@"
    log_of[$host]=$worker_log pid_of[$host]=$worker_pid
    wait_for has_logged 'msg=ready'
}

said() { grep -qE -- "$2" "${log_of[$1]}"; } # HOST REGEX

stop_on() { # HOST
    worker_pid=${pid_of[$1]} worker_log=${log_of[$1]}
    kill -TERM "$(process_on "$1")"
    wait_worker
}

# The worker itself, where $inside forks.
process_on() { # HOST
    local pid=${pid_of[$1]}
    [[ $(readlink "/proc/$pid/exe") == */takeup ]] || pid=$(pgrep -P "$pid")
    printf '%s\n' "$pid"
}

# How often a job is anywhere, and how many results there are.
places_of() {
    find "$spool"/{pending,running,deferred,done,error} -name "$1.json" -o -name "$1.job" | wc -l
}

attempts_of() { # NAME: class of each end, and whether it was charged
    cat "$spool"/{done,error}/"$1"/attempts.jsonl 2>/dev/null |
        jq -r 'select(.event == "end") | [.class // "done", .charged] | join(" ")' | paste -sd,
}

# use_noop: jobs that cost nothing, and a settled input for them.
use_noop() {
    mkdir -p "$work/plugins" "$work/pipelines"
    cp "$BUILD/tests/fixtures/plugins/noop.so" "$work/plugins/"
    cp "$root"/pipelines/* "$work/pipelines/"
    printf 'id: noop\nsteps:\n  - id: nothing\n    use: noop\n' >"$work/pipelines/noop.yaml"
    export TAKEUP_PLUGINS=$work/plugins TAKEUP_PIPELINES=$work/pipelines
    echo x >"$spool/media/nothing"
    touch -d '1 hour ago' "$spool/media/nothing"
}

drop_noop() { drop "$1" '{"input_path": "media/nothing", "pipeline_id": "noop"}'; }

# each_once COUNT PREFIX NAME: a test that all of PREFIX1 … PREFIXCOUNT are done, once each.
each_once() {
    local found
    found=$(find "$spool"/{pending,running,deferred,done,error} -name "$2*.job" -o -name "$2*.json" \
        -not -name result.json | sed -E 's|.*/||; s/\.(job|json)$//' | sort | uniq -c |
        awk '$1 == 1 { n++ } END { print n + 0 }')
    is "$found/$(find "$spool/done" -mindepth 1 -maxdepth 1 -name "$2*" | wc -l)" "$1/$1" "$3"
}

# ---- who is dead ----

# name_on HOST: the WORKER that it is, by its log.
name_on() { sed -nE 's/.*(msg=ready.* worker|takes a new name.* is)=([^ ]+).*/\2/p' "${log_of[$1]}" | tail -n 1; }

# has_in_hand HOST JOB: it lies where that worker claimed it.
has_in_hand() { compgen -G "$spool/running/$(name_on "$1")/*/$2.job" >/dev/null; }

signal() { kill "-$1" "$(process_on "$2")"; } # SIGNAL HOST

# hold_in HOST OPTION…: starts it, with a job in hand (of-HOST) for as long as $work/HOST is there. It
# runs no other until then.
hold_in() {
    local host=$1
    shift
    : >"$work/$host"
    export NOOP_WAITS=$work/$host
    start_on "$host" "$@"
    drop_noop "of-$host"
    wait_for has_in_hand "$host" "of-$host"
}

# bait NAME: what a worker left that died an hour ago. Who adopts that has seen every other beat stand
# still for as long: what it has not adopted by then it takes for alive.
bait() {
    mkdir -p "$spool/running/bait.1.$1/t"
    printf '{"input_path": "media/nothing", "pipeline_id": "noop"}\n' >"$spool/running/bait.1.$1/t/$1.job"
    touch -d '1 hour ago' "$spool/running/bait.1.$1"
}

# spared WATCHER HOST…: a test that WATCHER, who has something to adopt, takes none of the others,
# which stand still, for dead.
spared() {
    local watcher=$1 host
    shift
    for host; do signal STOP "$host"; done
    bait "seen-by-$watcher"
    wait_for said "$watcher" "taken over.* job=seen-by-$watcher "
    for host; do
        check "$watcher does not take $host for dead" has_in_hand "$host" "of-$host"
        signal CONT "$host"
    done
}

# ---- clocks ----

# set_clocks HOST WALL_S BOOT_S: by how much its clocks are ahead from now on.
set_clocks() {
    printf '%d %d\n' "$2" "$3" >"$work/clocks.new"
    mv "$work/clocks.new" "$work/clocks.$1"
}

# with_clocks HOST: what is started next has them. See fixtures/clocks.c.
with_clocks() { inside=(env "CLOCKS=$work/clocks.$1" "LD_PRELOAD=$BUILD/tests/fixtures/clocks.so"); }

need_clocks() {
    [ -z "${SANITIZE:-}" ] || { skip 'clocks' 'a sanitizer will not be preloaded after another library'; finish; }
}
