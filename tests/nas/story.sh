# shellcheck shell=bash
# story.sh - what a queue on a share must show, whatever the share is.
. "$(dirname "${BASH_SOURCE[0]}")/nas.sh"

done_count() { find "$spool/done" -mindepth 1 -maxdepth 1 -name "$1*" | wc -l; }
are_done() { [ "$(done_count "$1")" -ge "$2" ]; } # PREFIX COUNT

done_by() { # PREFIX: how many each host has done
    jq -r .worker "$spool/done/$1"*/result.json 2>/dev/null |
        sed -E "s/\..*//; s/^$(uname -n | tr -c 'A-Za-z0-9\n' -)\$/here/" | sort | uniq -c
}
have_been_done_by() { done_by crowd | awk -v host="$1" -v least="$2" '$2 == host && $1 >= least { found = 1 } END { exit !found }'; }

# In how many places a job is.
places_of() {
    find "$spool"/{pending,running,deferred,done,error} -name "$1.json" -o -name "$1.job" | wc -l
}
is_taken_on() { said "$1" "msg=\"taken up\".* job=$2"; } # HOST NAME

attempts_of() { # NAME: class of each end, and whether it was charged
    cat "$spool"/{done,error}/"$1"/attempts.jsonl 2>/dev/null |
        jq -r 'select(.event == "end") | [.class // "done", .charged] | join(" ")' | paste -sd,
}

# drop_on HOST NAME…: as somebody there would, by hand.
drop_on() {
    local host=$1
    shift
    on "$host" "for job in $*; do echo '{\"input_path\": \"media/nothing\", \"pipeline_id\": \"noop\"}' >\$TAKEUP_SPOOL/pending/\$job.json; done"
}
submit_on() {
    local host=$1
    shift
    on "$host" "for job in $*; do takeup submit --name \$job --pipeline noop \$TAKEUP_SPOOL/media/nothing || exit; done"
}
# With what mv says when the reply got lost nothing is wrong: what counts is that the job is done.
inbox_on() {
    local host=$1
    shift
    on "$host" "cd \$TAKEUP_SPOOL/inbox/noop && for job in $*; do echo x >.\$job.part; mv .\$job.part \$job; done 2>/dev/null"
}

fsck_on() { # HOST
    local found
    if found=$(on "$1" 'takeup fsck'); then ok "$1: fsck is content"; else not_ok "$1: fsck is content" "$found"; fi
}

nothing_is_left() {
    is "$(find "$spool"/{running,pending,deferred,tmp,cancel} "$spool/inbox/noop" -mindepth 1 -not -name high -not -name low)" '' \
        "nothing is left, $1"
}

# held_on HOST NAME: a job that is in mid-job there.
held_on() {
    hold_on "$1"
    drop_on here "$2"
    wait_for is_taken_on "$1" "$2 "
}

# ---- all at work ----

# crowd A B: workers at both, drops from both, each job once.
crowd() {
    local host kind names total=0
    for host in "$1" "$2"; do
        hold_on "$host"
        worker_on "$host"
    done
    for host in "$1" "$2"; do
        names=$(for i in $(seq 12); do printf "crowd.%s.drop%d " "$host" "$i"; done)
        drop_on "$host" "$names"
        check "$host submits" submit_on "$host" "${names//drop/submit}" >"$work/submitted"
        grep -v '^crowd' "$work/submitted"
        inbox_on "$host" "${names//drop/inbox}"
        total=$((total + 36))
    done
    # Neither does it alone: each is held back until the other has done some.
    for host in "$1" "$2"; do
        let_go_on "$host"
        check "$host does some" wait_for have_been_done_by "$host" 12
        [ "$host" = "$2" ] || hold_on "$host"
    done
    let_go_on "$1"
    check "$total jobs of two hosts are done by workers of two" wait_for are_done crowd "$total"
    for host in "$1" "$2"; do
        for kind in drop submit inbox; do
            is "$(done_count "crowd.$host.$kind")" 12 "$host: $kind: none is lost and none is twice"
        done
    done
    is "$(find "$spool/error" -mindepth 1)" '' 'none is an error'
    done_by crowd | sed 's/^/# done by /'
    for host in "$1" "$2"; do
        fsck_on "$host"
        stop_on "$host"
    done
    nothing_is_left 'after all those'
}

# how_soon A B: for people; how long a drop at A waits for a worker at B, in ms.
is_taken() { [ ! -e "$spool/pending/$1.json" ]; }
how_soon() {
    local i start
    worker_on "$2"
    for i in $(seq 10); do
        start=$(date +%s%N)
        drop_on "$1" "soon$i"
        until is_taken "soon$i"; do sleep 0.01; done
        echo $((($(date +%s%N) - start) / 1000000))
        wait_for is_done "soon$i"
    done | sort -n | paste -sd' ' | sed "s/^/# dropped at $1, taken at $2 after ms: /"
    stop_on "$2"
}

# ---- one dies, the other carries on ----

# death A B NAME: the worker at A is killed in mid-job.
death() {
    worker_on "$1" --lease 8
    held_on "$1" "$3"
    signal_on "$1" KILL
    worker_on "$2" --lease 8
    check "killed at $1 in mid-job: the worker at $2 does it" wait_for is_done "$3"
    check "and says that it was taken over" said "$2" 'taken over from a worker that died'
    is "$(places_of "$3")" 1 'it is in one place'
    is "$(attempts_of "$3")" 'lost true,done true' 'adopted once'
    let_go_on "$1"
    stop_on "$2"
    nothing_is_left "when the worker at $1 was killed"
}

# sleeper A B NAME STOP CONT: the worker at A is stopped, adopted from, and wakes.
sleeper() {
    worker_on "$1" --lease 8
    held_on "$1" "$3"
    "$4" "$1"
    worker_on "$2" --lease 8
    check "stopped at $1 in mid-job: the worker at $2 does it" wait_for is_done "$3"
    result=$(cat "$spool/done/$3/result.json")
    "$5" "$1"
    let_go_on "$1"
    check 'who wakes up takes another name' wait_for said "$1" 'takes a new name'
    stop_on "$2"
    drop_on here "$3.after"
    check 'and goes on to claim' wait_for is_done "$3.after"
    like "$(record "$3.after" .worker)" "^$1\\." 'the next job is its own'
    is "$(places_of "$3")" 1 'the job that was adopted is in one place'
    is "$(attempts_of "$3")" 'lost true,done true' 'adopted once'
    is "$(cat "$spool/done/$3/result.json")" "$result" 'what was published is as it was'
    fsck_on "$1"
    stop_on "$1"
    nothing_is_left "when the worker at $1 was stopped"
}
stop_worker_on() { signal_on "$1" STOP; }
wake_worker_on() { signal_on "$1" CONT; }
stop_host() { kill -STOP "${guest_pid[$1]}"; }
wake_host() { kill -CONT "${guest_pid[$1]}"; }

# power_off A B NAME: the host A is gone in mid-job.
power_off() {
    worker_on "$1" --lease 8
    held_on "$1" "$3"
    { kill -KILL "${guest_pid[$1]}" && wait "${guest_pid[$1]}"; } 2>/dev/null
    worker_on "$2" --lease 8
    check "$1 is gone in mid-job: the worker at $2 does it" wait_for is_done "$3"
    is "$(attempts_of "$3")" 'lost true,done true' 'adopted once'
    fsck_on "$2"
    stop_on "$2"
    nothing_is_left "when $1 was gone"
}

# tell A B: all of it.
tell() {
    crowd "$1" "$2"
    how_soon "$2" "$1"
    death "$1" "$2" killed-there
    death "$2" "$1" killed-here
    sleeper "$1" "$2" stopped-worker stop_worker_on wake_worker_on
    sleeper "$1" "$2" stopped-host stop_host wake_host
    power_off "$1" "$2" dark
}

begin() { # the spool, before anybody mounts it
    make_spool "$disk/spool"
    mkdir "$spool/inbox/noop"
    echo x >"$spool/media/nothing"
    touch -d '1 hour ago' "$spool/media/nothing"
}
