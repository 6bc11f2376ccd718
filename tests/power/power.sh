# shellcheck shell=bash
# power.sh - cuts of the power, and what has to be there after each.
#
# The disk under test is an image in a file on an xfs of our own in memory, so that a copy by
# reflink, which takes milliseconds, is what the disk holds at that instant. It has every write that
# was completed: a drive that loses or reorders writes in its cache is not modelled.
#
#     need_power; make_disk ext4; …; cut; …; end_disk; check_cuts
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
memory=/dev/shm
stage='' disk=$work/disk

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

# make_disk FS: a new disk at $disk with a spool, on the image $image. Fails where there is no such
# filesystem.
make_disk() {
    fs=$1 image=$work/stage/$1.img
    command -v "mkfs.$fs" >/dev/null || return
    rm -f "$image"
    truncate -s 640M "$image"  # sparse; more than the 256 MiB that have to be free
    case $fs in
    ext4) mkfs.ext4 -q "$image" ;;
    xfs) mkfs.xfs -q "$image" ;;
    btrfs) mkfs.btrfs -q "$image" ;;
    esac >/dev/null 2>&1 || return
    mount -o loop "$image" "$disk" || return
    rm -rf "$work/cuts" && mkdir "$work/cuts"
    cut_count=0 worker_log=''
    : >"$work/promised"
    make_spool "$disk/spool"
    mkdir -p "$work/plugins" "$work/pipelines"
    cp "$BUILD/tests/fixtures/plugins/noop.so" "$work/plugins/"
    cp "$root"/pipelines/* "$work/pipelines/"
    printf 'id: noop\nsteps:\n  - id: nothing\n    use: noop\n' >"$work/pipelines/noop.yaml"
    export TAKEUP_PLUGINS=$work/plugins TAKEUP_PIPELINES=$work/pipelines
    echo x >"$spool/media/nothing"
    touch -d '1 hour ago' "$spool/media/nothing"
    sync -f "$disk"
}

# Copies may be mounted only then: btrfs and xfs know a filesystem by its id.
end_disk() { wait_for umount "$disk" 2>/dev/null; } # what was killed may still be on it

# cut: a copy of the disk as it is, and what had been promised before. The newest log tells what the
# worker has reported, and that is copied first: a promise made after the copy is none.
cut() {
    local to=$work/cuts/$cut_count
    cut_count=$((cut_count + 1))
    cp "$work/promised" "$to.promised"
    sed -nE 's/.*msg="finished: (done\/[^"]*)".*/\1/p; s/.*see (error\/[^" ]*)".*/\1/p' \
        ${worker_log:+"$worker_log"} >"$to.reported" </dev/null
    cp --reflink=always "$image" "$work/stage/cut.$((cut_count - 1))"
}

# cutting COMMAND…: runs it with a cut after each call that changes the disk.
cutting() {
    local what status
    [ -p "$work/ask" ] || mkfifo "$work/ask" "$work/ack"
    exec 3<>"$work/ask" 4<>"$work/ack"
    CUT_ASK=$work/ask CUT_ACK=$work/ack LD_PRELOAD=$BUILD/tests/power/cut.so "$@" 3>&- 4>&- &
    pids+=("$!")
    while true; do
        if read -r -t 0.2 -u 3 what; then
            cut
            echo "$what" >>"$work/cuts/$((cut_count - 1)).call"
            printf . >&4
        elif is_gone "$!"; then
            break
        fi
    done
    wait "$!"
    status=$?
    exec 3>&- 4>&-
    return "$status"
}

submit() { takeup submit "$spool/media/nothing" --pipeline noop --name "$1" && echo "$1" >>"$work/promised"; } >/dev/null

# ---- after a cut ----

# wrong_in DIR CUT: prints what is wrong with the spool of that copy.
wrong_in() {
    local at=$1/spool cut=$2 name count
    find "$at"/{pending,running,deferred,done,error} -name '*.job' -o -name '*.json' -path '*/pending/*' |
        sed -E 's|.*/||; s/\.(job|json)$//' | sort >"$work/found"
    uniq -d "$work/found" | sed 's/$/: twice/'
    while read -r name; do
        if [ "${name#inbox/}" != "$name" ]; then # a dropped file: itself, wherever it is
            count=$(find "$at" -type f -name "${name##*/}" | wc -l)
            [ "$count" -eq 1 ] || echo "$name: there $count times"
        else
            grep -qxF "$name" "$work/found" || echo "$name: lost"
        fi
    done <"$work/cuts/$cut.promised"
    while read -r name; do
        [ -s "$at/$name/result.json" ] || echo "$name: reported, and not there"
    done <"$work/cuts/$cut.reported"
    not_whole "$at"
}

# not_whole SPOOL: what was published without its record, its job file, or an artifact of that size.
not_whole() {
    (
        cd "$1" || exit
        find 'done' error -mindepth 1 -maxdepth 1 -printf '%p/result.json\n' | sort >"$work/wanted"
        find 'done' error -mindepth 2 -maxdepth 2 -name '*.job' -size +0 -printf '%h/result.json\n' |
            sort | comm -3 - "$work/wanted" | sed 's/$/: not one job file/'
        find 'done' error -mindepth 2 -type f -printf '%s %p\n' | sort >"$work/files"
        # shellcheck disable=SC2016
        xargs -r -d '\n' jq -r 'select(.status and .token) | (input_filename | rtrimstr("/result.json")) as $at |
            "read \($at)/result.json", (.artifacts[] | "\(.size_bytes) \($at)/\(.name)")' \
            <"$work/wanted" 2>"$work/why" >"$work/told" || cat "$work/why"
        sed -n 's/^read //p' "$work/told" | sort | comm -3 - "$work/wanted" | sed 's/$/: no whole record/'
        sed '/^read /d' "$work/told" | sort | comm -23 - "$work/files" | sed 's/$/: no such artifact/'
    )
}

# drain_all SPOOL: until no dead worker holds a job any more. Who seems to live keeps --drain from
# nothing, and a heartbeat that was not on the disk yet tells only after the lease.
drain_all() {
    local end=$((SECONDS + deadline_s))
    while takeup worker --spool "$1" --drain --settle 0 --lease 3 >"$work/recovery.log" 2>&1 </dev/null; do
        [ -n "$(find "$1/running" -name '*.job')" ] && [ "$SECONDS" -lt "$end" ] || return 0
    done
    return 1
}

# wrong_after_worker CUT: a worker on that copy (mounted at $work/cut): all that was promised ends once.
wrong_after_worker() {
    local at=$work/cut/spool name count
    drain_all "$at" || echo "recovery: $(tail -n 1 "$work/recovery.log")"
    while read -r name; do
        name=${name##*/}
        count=$(find "$at"/{done,error} -name "$name.job" | wc -l)
        [ "$count" -eq 1 ] || echo "$name: ended $count times after the recovery"
    done <"$work/cuts/$1.promised"
    find "$at/running" "$at/pending" -mindepth 1 -not -name high -not -name low -not -name '*.tmp' |
        sed "s|^$at/||; s/\$/: left after the recovery/"
}

# check_cuts NAME EVERY: mounts each copy, which replays its journal; on one in EVERY a worker runs.
check_cuts() {
    local cut wrong bad=0 recovered=0 all=''
    for ((cut = 0; cut < cut_count; cut++)); do
        if mount -o loop "$work/stage/cut.$cut" "$work/cut" 2>"$work/why"; then
            wrong=$(wrong_in "$work/cut" "$cut")
            if [ -z "$wrong" ] && [ $((cut % $2)) -eq 0 ]; then
                recovered=$((recovered + 1))
                wrong=$(wrong_after_worker "$cut")
            fi
            umount "$work/cut"
        else
            wrong="cannot be mounted: $(head -n 1 "$work/why")"
        fi
        rm -f "$work/stage/cut.$cut"
        [ -z "$wrong" ] && continue
        bad=$((bad + 1))
        all+="cut $cut, after $(cat "$work/cuts/$cut.call" 2>/dev/null):"$'\n'"$wrong"$'\n'
    done
    printf '# %s: %d cuts on %s, %d with a worker afterwards, %d bad\n' "$1" "$cut_count" "$fs" "$recovered" "$bad"
    [ "$cut_count" -gt 0 ] || all='no cut was made'
    is "$(head -n 40 <<<"$all")" '' "$fs: $1: nothing is lost, doubled or torn"
}
