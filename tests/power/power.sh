# shellcheck shell=bash
# power.sh - cuts of the power, and what has to be there after each.
#
# The disk under test is an image in a file on an xfs of our own in memory, so that a copy by
# reflink, which takes milliseconds, is what the disk holds at that instant. It has every write that
# was completed: a drive that loses or reorders writes in its cache is not modelled.
#
#     need_power; make_disk ext4; …; cut; …; end_disk; check_cuts
#
# What was promised when the copy was made stands in lists, which are copied with it:
#     promised   names of jobs that are there, once; inbox/PATH: such a file, wherever it is
#     reported   done/X, error/X: what the worker has logged as ended
#     cancelled  jobs that were reported as cancelled, and stay so
#     retried    jobs that have left error/, and keep the line that says so
#     pruned     done/X, error/X: were removed
#     asked      jobs that are to be cancelled, by whoever comes next
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
memory=/dev/shm
stage='' disk=$work/disk
lists=(promised cancelled retried pruned asked)
recoveries=12 # at a time

unmount_all() {
    end_pids
    umount -l "$work/cut" "$disk" 2>/dev/null
    if [ -n "$stage" ]; then
        umount -l "$work/stage" 2>/dev/null
        rm -rf "$stage"
    fi
    end_all
}
end_pids() {
    local pid
    for pid in "${pids[@]}"; do kill -KILL "$pid" 2>/dev/null; done
    wait 2>/dev/null
    pids=()
}
trap unmount_all EXIT

# need_power: the xfs in memory, or the end of the test with the reason.
need_power() {
    local why=''
    [ "$(id -u)" -eq 0 ] || why='it needs root, to mount images'
    command -v mkfs.xfs >/dev/null || why='mkfs.xfs is not installed'
    [ -d "$memory" ] && [ -w "$memory" ] || why="there is no $memory"
    if [ -z "$why" ]; then
        stage=$(mktemp -d "$memory/takeup-power-XXXXXX") && mkdir "$work/stage" "$work/cut" "$disk" &&
            truncate -s 6G "$stage/img" && mkfs.xfs -q -m reflink=1 "$stage/img" >/dev/null &&
            mount -o loop "$stage/img" "$work/stage" 2>"$work/why" ||
            why="no image can be mounted: $(head -n 1 "$work/why" 2>/dev/null)"
    fi
    [ -z "$why" ] || { skip 'power cuts' "$why"; finish; }
}

# make_disk FS [SIZE]: a new disk at $disk with a spool, on the image $image. Fails where there is no
# such filesystem.
make_disk() {
    fs=$1 image=$work/stage/$1.img
    command -v "mkfs.$fs" >/dev/null || return
    rm -f "$image"
    truncate -s "${2:-640M}" "$image"  # sparse; more than the 256 MiB that have to be free
    case $fs in
    ext4) mkfs.ext4 -q "$image" ;;
    xfs) mkfs.xfs -q "$image" ;;
    btrfs) mkfs.btrfs -q "$image" ;;
    esac >/dev/null 2>&1 || return
    mount -o loop "$image" "$disk" || return
    rm -rf "$work/cuts" "$work"/worker*.log && mkdir "$work/cuts"
    cut_count=0 worker_log=''
    for list in "${lists[@]}"; do : >"$work/$list"; done
    make_spool "$disk/spool"
    mkdir -p "$work/plugins" "$work/pipelines"
    cp "$BUILD"/tests/fixtures/plugins/{noop,poison}.so "$work/plugins/"
    rm -f "$work"/pipelines/*
    cp "$root"/pipelines/* "$work/pipelines/"
    make_pipeline noop noop
    export TAKEUP_PLUGINS=$work/plugins TAKEUP_PIPELINES=$work/pipelines
    echo x >"$spool/media/nothing"
    touch -d '1 hour ago' "$spool/media/nothing"
    sync -f "$disk"
}

# make_pipeline ID STEP [PARAMETER]: of that one step.
make_pipeline() {
    printf 'id: %s\nsteps:\n  - {id: nothing, use: %s%s}\n' "$1" "$2" "${3:+, with: {$3\}}" \
        >"$work/pipelines/$1.yaml"
}

# Copies may be mounted only then: btrfs and xfs know a filesystem by its id.
end_disk() { wait_for umount "$disk" 2>/dev/null; } # what was killed may still be on it

# cut: a copy of the disk as it is, and what had been promised before. The logs tell what workers have
# reported, and that is copied first: a promise made after the copy is none.
cut() {
    local to=$work/cuts/$cut_count logs=("$work"/worker*.log)
    cut_count=$((cut_count + 1))
    keep_lists "$to"
    sed -nE 's/.*msg="(finished|cancelled): ((done|error)\/[^"]*)".*/\2/p; s/.*see (error\/[^" ]*)".*/\1/p' \
        "${logs[@]}" >"$to/reported" 2>/dev/null # there may be none
    cp --reflink=always "$image" "$work/stage/cut.$((cut_count - 1))"
}

# keep_lists DIR: as they are now.
keep_lists() { mkdir "$1" && cp "${lists[@]/#/$work/}" "$1"; }

# cut_start COMMAND…: in the background, to be stopped after each call that changes the disk until
# cut_until has made its cut. Sets cut_pid. Several may run: they take turns.
cut_start() {
    if [ ! -p "$work/ask" ]; then
        mkfifo "$work/ask" "$work/ack"
        exec 3<>"$work/ask" 4<>"$work/ack"
    fi
    CUT_ASK=$work/ask CUT_ACK=$work/ack LD_PRELOAD=$BUILD/tests/power/cut.so "$@" 3>&- 4>&- &
    cut_pid=$!
    pids+=("$cut_pid")
}

# cut_until COMMAND…: makes the cuts until the command succeeds. At the deadline it says so, and fails.
cut_until() {
    local what end=$((SECONDS + deadline_s))
    while true; do
        if read -r -t 0.1 -u 3 what; then
            cut
            echo "$what" >"$work/cuts/$((cut_count - 1))/call"
            printf . >&4
        fi
        "$@" && return
        if [ "$SECONDS" -ge "$end" ]; then
            not_ok "$fs: $*" "waited $deadline_s s in vain"$'\n'"$(tail -n 20 "$worker_log" 2>/dev/null)"
            return 1
        fi
    done
}

# cutting COMMAND…: runs it with a cut after each call that changes the disk; its exit status.
cutting() {
    local pid
    cut_start "$@"
    pid=$cut_pid
    cut_until is_gone "$pid"
    wait "$pid"
}

# cut_kill PID: at once, wherever it is.
cut_kill() {
    kill -KILL "$1"
    wait "$1" 2>/dev/null
    while read -r -t 0.05 -u 3; do :; done # what it still asked for
}

# cut_worker OPTION…: as start_worker, with cuts.
cut_worker() {
    worker_number=$((worker_number + 1))
    worker_log=$work/worker.$worker_number.log
    cut_start "$BUILD/takeup" worker --settle 0 --backoff 0.2 "$@" 2>"$worker_log" >&2 </dev/null
    worker_pid=$cut_pid
}

# take_up COUNT OPTION…: cut_worker with jobs that run until let_go; returns when it has COUNT.
take_up() {
    local count=$1
    shift
    export NOOP_WAITS=$work/hold
    : >"$NOOP_WAITS"
    cut_worker --jobs "$count" "$@"
    cut_until has_taken_up "$count"
}
has_taken_up() { [ "$(grep -c 'msg="taken up"' "$worker_log")" -ge "$1" ]; }
let_go() { rm -f "$work/hold"; }

# What these return for is promised.
submit() { takeup submit "$spool/media/nothing" --pipeline noop --name "$1" && echo "$1" >>"$work/promised"; } >/dev/null
retry() { takeup retry "$1" 2>/dev/null && echo "$1" >>"$work/retried"; } >/dev/null
cancel() { takeup cancel "$1" 2>/dev/null && echo "$1" >>"$work/cancelled"; } >/dev/null

# waiting NAME [JOB]: is in pending/ as if for long; the caller syncs the disk.
waiting() {
    local job='{"input_path": "media/nothing", "pipeline_id": "noop"}'
    printf '%s\n' "${2:-$job}" >"$spool/pending/$1.json"
    echo "$1" >>"$work/promised"
}

# dropped PIPELINE/NAME: is in the inbox, as above.
dropped() {
    mkdir -p "$spool/inbox/${1%/*}"
    echo "no video" >"$spool/inbox/$1"
    touch -d '1 hour ago' "$spool/inbox/$1"
    echo "inbox/$1" >>"$work/promised"
}

# ---- after a cut ----

# wrong_in SPOOL CUT: prints what is wrong with the spool of that copy.
wrong_in() {
    local at=$1 cut=$work/cuts/$2 name count
    find "$at"/{pending,running,deferred,done,error,tmp} -name '*.job' -o -name '*.json' -path '*/pending/*' |
        sed -E 's|.*/||; s/\.(job|json)$//' | sort >"$work/found"
    uniq -d "$work/found" | while read -r name; do
        echo "$name: twice: $(cd "$at" && find . -name "$name.job" -o -name "$name.json" | tr '\n' ' ')"
    done
    grep -v '^inbox/' "$cut/promised" | sort | comm -23 - "$work/found" | sed 's/$/: lost/'
    while read -r name; do # a dropped file: itself, wherever it is
        count=$(find "$at" -type f -name "${name##*/}" | wc -l)
        [ "$count" -eq 1 ] || echo "$name: there $count times"
    done < <(grep '^inbox/' "$cut/promised")
    while read -r name; do
        [ -s "$at/$name/result.json" ] || echo "$name: reported, and not there"
    done <"$cut/reported"
    kept_wrong "$at" "$cut"
    not_whole "$at"
}

# kept_wrong SPOOL CUT: what holds for ever, also after a recovery.
kept_wrong() {
    local name
    while read -r name; do
        [ "$(jq -r .status "$1/error/$name/result.json" 2>/dev/null)" = cancelled ] ||
            echo "$name: reported as cancelled, and is not"
    done <"$2/cancelled"
    while read -r name; do
        [ ! -e "$1/error/$name" ] || echo "$name: was retried, and is in error/ again"
        find "$1" -name "$name.job" -printf '%h/attempts.jsonl\n' | xargs -r -d '\n' grep -qs '"retried"' ||
            echo "$name: was retried, and forgot it"
    done <"$2/retried"
    while read -r name; do
        [ ! -e "$1/$name" ] || echo "$name: was removed, and is there again"
    done <"$2/pruned"
}

# not_whole SPOOL: what was published without its record, its job file, or an artifact of that size.
not_whole() {
    local scratch
    scratch=$(mktemp -d "$work/whole-XXXXXX")
    (
        cd "$1" || exit
        # But for the probe of an edge, which a worker makes when it starts: fsck names it and removes it.
        find 'done' error -mindepth 1 -maxdepth 1 -not \( -name '.*.check' -empty \) \
            -printf '%p/result.json\n' | sort >"$scratch/wanted"
        find 'done' error -mindepth 2 -maxdepth 2 -name '*.job' -size +0 -printf '%h/result.json\n' |
            sort | comm -3 - "$scratch/wanted" | sed 's/$/: not one job file/'
        find 'done' error -mindepth 2 -type f -printf '%s %p\n' | sort >"$scratch/files"
        # shellcheck disable=SC2016
        xargs -r -d '\n' jq -r 'select(.status and .token) | (input_filename | rtrimstr("/result.json")) as $at |
            "read \($at)/result.json", (.artifacts[] | "\(.size_bytes) \($at)/\(.name)")' \
            <"$scratch/wanted" 2>"$scratch/why" >"$scratch/told" || cat "$scratch/why"
        sed -n 's/^read //p' "$scratch/told" | sort | comm -3 - "$scratch/wanted" | sed 's/$/: no whole record/'
        sed '/^read /d' "$scratch/told" | sort | comm -23 - "$scratch/files" | sed 's/$/: no such artifact/'
    )
    rm -r "$scratch"
}

# drain_all SPOOL: until nothing waits, runs or is deferred any more. Who seems to live keeps --drain
# from nothing, and a heartbeat that was not on the disk yet tells only after the lease.
drain_all() {
    local end=$((SECONDS + deadline_s))
    while takeup worker --spool "$1" --drain --settle 0 --backoff 0.2 --lease 3 >"$1.log" 2>&1 </dev/null; do
        [ -n "$(find "$1"/{running,deferred} -name '*.job')" ] || return 0
        [ "$SECONDS" -lt "$end" ] || return 0
        sleep 0.2
    done
    return 1
}

# fsck_content SPOOL: all is repaired; but a heartbeat that was torn only when its worker counts as dead.
fsck_content() {
    local end=$((SECONDS + 10))
    until takeup fsck --spool "$1" --repair --lease 3 --old 0 >"$1.log" 2>&1; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.5
    done
}

# wrong_after_worker SPOOL CUT: a worker on it: all that was promised ends once, and fsck is content.
wrong_after_worker() {
    local at=$1 cut=$work/cuts/$2 name count
    rm -rf "${at%/*}/fill" # what a test filled the disk with
    for name in media/nothing media/late; do # what a job may wait for
        [ -s "$at/$name" ] || { echo x >"$at/$name" && touch -d '1 hour ago' "$at/$name"; }
    done
    drain_all "$at" || echo "recovery: $(tail -n 1 "$at.log")"
    while read -r name; do
        name=${name##*/}
        count=$(find "$at"/{done,error} -name "$name.job" | wc -l)
        [ "$count" -eq 1 ] || echo "$name: ended $count times after the recovery"
    done <"$cut/promised"
    while read -r name; do
        [ -e "$at/done/$name" ] || echo "$name: was retried, and is not done after the recovery"
    done <"$cut/retried"
    while read -r name; do
        [ "$(jq -r .status "$at/error/$name/result.json" 2>/dev/null)" = cancelled ] ||
            echo "$name: was to be cancelled, and is not"
    done <"$cut/asked"
    takeup prune --spool "$at" --older-than 3650d >"$at.log" 2>&1 || echo "prune: $(cat "$at.log")"
    fsck_content "$at" || echo "fsck: $(cat "$at.log")"
    not_whole "$at"
    kept_wrong "$at" "$cut"
    {
        find "$at"/{pending,running,deferred,cancel,tmp} -mindepth 1 -not -name high -not -name low
        find "$at"/{done,error} -mindepth 1 -name '.*'
    } | sed "s|^$at/||; s/\$/: left after the recovery/"
}

# What is checked, and what a recovery begins with, in a line: what is in the spool, to the last byte,
# and what was promised.
state_of() {
    (cd "$1" && {
        find . -path ./heartbeat -prune -o -name STATUS.txt -prune -o -printf '%p %y\n' | sort
        find . -path ./heartbeat -prune -o -name STATUS.txt -prune -o -type f -print0 | sort -z | xargs -0 md5sum
        cat "$work/cuts/$2"/{promised,reported,cancelled,retried,pruned,asked}
    } | md5sum)
}

# recover CUT: on a copy of the spool that was mounted, beside others, since most of it is waiting.
recover() {
    local at=$work/stage/spool.$1 wrong
    while [ "$(jobs -rp | wc -l)" -ge "$recoveries" ]; do wait -n; done
    cp -a "$work/cut/spool" "$at"
    {
        wrong=$(wrong_after_worker "$at" "$1")
        [ -z "$wrong" ] || printf '%s\n' "$wrong" >"$work/cuts/$1/after"
        rm -rf "$at" "$at.log"
    } &
}

# check_cut CUT EVERY: what is wrong in the copy that is mounted; what comes of a worker is told later.
check_cut() {
    local wrong="" state
    state=$(state_of "$work/cut/spool" "$1")
    same_as[$1]=${first_of[$state]:-$1}
    if [ "${same_as[$1]}" = "$1" ]; then
        first_of[$state]=$1
        wrong=$(wrong_in "$work/cut/spool" "$1")
        [ -n "$wrong" ] || recover "$1"
    fi
    if [ -z "$wrong" ] && [ $(($1 % $2)) -eq 0 ]; then
        wrong=$(wrong_after_worker "$work/cut/spool" "$1")
    fi
    [ -z "$wrong" ] || printf '%s\n' "$wrong" >"$work/cuts/$1/wrong"
}

# check_cuts NAME [EVERY]: mounts each copy, which replays its journal. Each spool that is not like one
# before it is checked, and on a copy of it a worker runs; on one in EVERY it does so on that filesystem
# itself.
check_cuts() {
    local cut wrong bad=0 all='' every=${2:-100}
    local -A first_of=() same_as=()
    for ((cut = 0; cut < cut_count; cut++)); do
        if mount -o loop "$work/stage/cut.$cut" "$work/cut" 2>"$work/why"; then
            check_cut "$cut" "$every"
            umount "$work/cut"
        else
            echo "cannot be mounted: $(head -n 1 "$work/why")" >"$work/cuts/$cut/wrong"
        fi
        rm -f "$work/stage/cut.$cut"
    done
    wait
    for ((cut = 0; cut < cut_count; cut++)); do
        wrong=$(cat "$work/cuts/$cut"/{wrong,after} "$work/cuts/${same_as[$cut]}"/{wrong,after} 2>/dev/null)
        [ -z "$wrong" ] && continue
        bad=$((bad + 1))
        all+="cut $cut, after $(cat "$work/cuts/$cut/call" 2>/dev/null):"$'\n'"$wrong"$'\n'
    done
    printf '# %s: %d cuts on %s, %d of them unlike, %d bad\n' "$1" "$cut_count" "$fs" "${#first_of[@]}" "$bad"
    [ "$cut_count" -gt 0 ] || all='no cut was made'
    is "$(head -n 40 <<<"$all")" '' "$fs: $1: nothing is lost, doubled or torn"
}
