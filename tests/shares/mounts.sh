# shellcheck shell=bash
# mounts.sh - several hosts in one: FUSE mounts of one directory, each with a cache of its own.
#
#     . "$(dirname "$0")/mounts.sh"
#     share bindfs anna; share sshfs bert -o …; make_spool "$work/anna/spool"; …; cut_share anna; share …
#
# As over a NAS: no event crosses from one mount to the other, locks are granted to both, and what
# one wrote the other may see only later. sshfs talks to its server over a pipe, so nobody needs to
# listen anywhere; to the filesystem that is the same.
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
disk=$work/disk
server=/usr/lib/openssh/sftp-server
mkdir -p "$disk"
declare -A share_pid=()

# is_mounted PATH: without asking the mount itself, which may not answer.
is_mounted() { grep -qF " $1 fuse" /proc/self/mounts; }

# share KIND HOST OPTION…: mounts $disk at $work/HOST. Fails when that does not work here.
share() {
    local kind=$1 at=$work/$2 host=$2
    shift 2
    mkdir -p "$at"
    case $kind in
    bindfs) bindfs -f "$@" "$disk" "$at" >"$work/$host.fuse" 2>&1 & ;;
    sshfs)
        printf '#!/bin/sh\necho $$ >%s\nexec %s\n' "$at.server" "$server" >"$at.ssh"
        chmod +x "$at.ssh"
        sshfs -f -o "ssh_command=$at.ssh" "$@" "nas:$disk" "$at" >"$work/$host.fuse" 2>&1 & ;;
    esac
    share_pid[$host]=$!
    wait_for eval "is_mounted $at || is_gone ${share_pid[$host]}"
    is_mounted "$at"
}

# signal_server SIGNAL HOST: to the process at the other end of sshfs's pipe.
signal_server() { kill "-$1" "$(cat "$work/$2.server")"; }

# cut_share HOST: its FUSE process dies, and the mount point is bare.
cut_share() {
    kill -KILL "${share_pid[$1]}"
    wait "${share_pid[$1]}" 2>/dev/null
    umount -l "$work/$1"
}

end_shares() {
    local host
    for host in "${!share_pid[@]}"; do
        [ ! -e "$work/$host.server" ] || signal_server KILL "$host" 2>/dev/null
        kill -KILL "${share_pid[$host]}" 2>/dev/null
        umount -l "$work/$host" 2>/dev/null
    done
    end_all
}
trap end_shares EXIT

# need KIND: ends the test as skipped where such a mount cannot be made.
need() {
    command -v "$1" >/dev/null || { skip "$1" "$1 is not installed"; finish; }
    [ "$1" != sshfs ] || [ -x "$server" ] || { skip sshfs "there is no $server"; finish; }
    share "$1" probe || { skip "$1" "it cannot be mounted here: $(head -n 1 "$work/probe.fuse")"; finish; }
    cut_share probe
}

# ---- workers on them ----

# worker_on HOST OPTION…: a worker whose spool lies on that host's mount. What the tests themselves
# look at ($spool) is the disk, which always answers.
declare -A log_of=() pid_of=()
worker_on() {
    local host=$1
    shift
    start_worker --spool "$work/$host/spool" "$@"
    log_of[$host]=$worker_log pid_of[$host]=$worker_pid
    wait_for has_logged 'msg=ready'
}

said() { grep -qE -- "$2" "${log_of[$1]}"; } # HOST REGEX

stop_on() { # HOST
    worker_pid=${pid_of[$1]} worker_log=${log_of[$1]}
    stop_worker TERM
}

# hold_on HOST NAME: a job whose runner is stopped, so that it is in mid-job for as long as we want.
hold_on() {
    drop_video "$2" long.mp4
    wait_for said "$1" "msg=\"taken up\".* job=$2 "
    worker_log=${log_of[$1]}
    runner=$(runner_of "$2")
    kill -STOP "$runner"
    pids+=("$runner")
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

# drop_over HOST NAME: as somebody at that host would.
drop_over() {
    printf '{"input_path": "media/nothing", "pipeline_id": "noop"}\n' >"$work/$1/spool/pending/$2.json"
}

# each_once COUNT PREFIX NAME: a test that all of PREFIX1 … PREFIXCOUNT are done, once each.
each_once() {
    local found
    found=$(find "$spool"/{pending,running,deferred,done,error} -name "$2*.job" -o -name "$2*.json" \
        -not -name result.json | sed -E 's|.*/||; s/\.(job|json)$//' | sort | uniq -c |
        awk '$1 == 1 { n++ } END { print n + 0 }')
    is "$found/$(find "$spool/done" -mindepth 1 -maxdepth 1 -name "$2*" | wc -l)" "$1/$1" "$3"
}
