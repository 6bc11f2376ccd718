# shellcheck shell=bash
# lib.sh - what the tests with the real binary share.
#
#     . "$(dirname "$0")/../lib.sh"
#     make_spool; start_worker; drop clip '{"input_path": …}'; wait_for is_ended clip; …; finish
#
# A test waits for an event, with a deadline that only a failure ever reaches. Whatever is started
# here is ended and reaped by a trap, and all files lie in $work, which goes with it.
set -u
LC_ALL=C.UTF-8
tests=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$tests")
BUILD=${BUILD:-$root/build/plain}
work=$(mktemp -d "${TMPDIR:-/tmp}/takeup-test-XXXXXX") || exit 3
export TAKEUP_PIPELINES=$root/pipelines OMP_THREAD_LIMIT=1
# What this machine's administrator has set is not what is tested.
export TAKEUP_CONFIG=$work/etc-takeup.yaml
: >"$TAKEUP_CONFIG"
unset TAKEUP_SPOOL TAKEUP_PLUGINS JOURNAL_STREAM
spool=$work/spool
deadline_s=${DEADLINE_S:-60}
# Sanitizers make everything slower; what a test may wait for is not what it tests.
[ -n "${SANITIZE:-}" ] && deadline_s=$((deadline_s * 3))
worker_pid='' worker_log='' worker_number=0 pids=() inside=()

takeup() { "$BUILD/takeup" "$@"; }

end_all() {
    local pid
    for pid in "${pids[@]}"; do
        kill -KILL "$pid" 2>/dev/null
        kill -CONT "$pid" 2>/dev/null
    done
    wait 2>/dev/null
    chmod -R u+rwx "$work" 2>/dev/null
    rm -rf "$work"
}
trap end_all EXIT
trap 'exit 130' INT TERM

# ---- TAP ----

tests_run=0 tests_failed=0
ok() {
    tests_run=$((tests_run + 1))
    printf 'ok %d - %s\n' "$tests_run" "$1"
}

# not_ok NAME [DETAIL…]
not_ok() {
    local line
    tests_run=$((tests_run + 1)) tests_failed=$((tests_failed + 1))
    printf 'not ok %d - %s\n' "$tests_run" "$1"
    shift
    while IFS= read -r line; do printf '#   %s\n' "$line"; done <<<"$*"
}

skip() {
    tests_run=$((tests_run + 1))
    printf 'ok %d - %s # SKIP %s\n' "$tests_run" "$1" "$2"
}

is() { # GOT WANTED NAME
    if [ "$1" = "$2" ]; then ok "$3"; else not_ok "$3" "got:    $1"$'\n'"wanted: $2"; fi
}

like() { # GOT REGEX NAME
    if [[ $1 =~ $2 ]]; then ok "$3"; else not_ok "$3" "got:     $1"$'\n'"wanted: /$2/"; fi
}

unlike() { # GOT REGEX NAME
    if [[ $1 =~ $2 ]]; then not_ok "$3" "got:        $1"$'\n'"not wanted: /$2/"; else ok "$3"; fi
}

check() { # NAME COMMAND…
    local name=$1
    shift
    if "$@"; then ok "$name"; else not_ok "$name" "failed: $*"; fi
}

finish() {
    printf '1..%d\n' "$tests_run"
    [ "$tests_failed" -eq 0 ]
    exit
}

# ---- waiting ----

# pause SECONDS: as sleep, and no process, of which all tests together would start a hundred a second.
exec {quiet}<> <(:) # nobody ever writes into it
pause() { read -rt "$1" -u "$quiet" || :; }

# wait_for COMMAND…: until it succeeds. At the deadline it says what was waited for, and fails.
wait_for() {
    local end=$((SECONDS + deadline_s))
    until "$@"; do
        if [ "$SECONDS" -ge "$end" ]; then
            printf '# waited %d s in vain for: %s\n' "$deadline_s" "$*"
            [ -n "$worker_log" ] && [ -f "$worker_log" ] && tail -n 20 "$worker_log" | sed 's/^/# /'
            return 1
        fi
        pause 0.05
    done
}

not() { ! "$@"; }
exists() { [ -e "$1" ]; }
# No such process, or a zombie that nobody has reaped yet.
is_gone() {
    local state
    state=$(sed -nE 's/^[0-9]+ \(.*\) ([A-Za-z]) .*/\1/p' "/proc/$1/stat" 2>/dev/null)
    [ -z "$state" ] || [ "$state" = Z ]
}

# ---- fixtures ----

# install_built DIR: `make install` below it, of what is built, as it is: with another prefix, or with
# other flags than it was built with, make would compile it anew under the tests that use it.
install_built() {
    (cd "$root" && env -u MAKEFLAGS -u MAKELEVEL make -s install DESTDIR="$1" \
        BUILD="${BUILD#"$root"/}" SANITIZE="${SANITIZE:-}") >"$work/install.log" 2>&1 ||
        not_ok 'make install' "$(cat "$work/install.log")"
}

# fixture NAME: prints the path of that video; made once for all builds.
fixture() {
    "$tests/fixtures/cached" "$BUILD/../fixtures" - "$1" && printf '%s\n' "$BUILD/../fixtures/$1"
}

# ---- a spool and its worker ----

make_spool() {
    spool=${1:-$work/spool}
    takeup init "$spool" >/dev/null || { not_ok "init $spool"; finish; }
    export TAKEUP_SPOOL=$spool
}

# drop NAME JSON: a job file, by hand and whole.
drop() {
    printf '%s\n' "$2" >"$work/drop" && mv "$work/drop" "$spool/pending/$1.json"
}

# drop_video NAME FIXTURE [MORE]: the video into media/, if it is not there, and its job. (To copy it
# again would change it under a job that reads it.) MORE: further keys, ', "k": 1'.
drop_video() {
    [ -e "$spool/media/$2" ] || cp -r "$(fixture "$2")" "$spool/media/$2" || return
    drop "$1" "{\"input_path\": \"media/$2\"${3:-}}"
}

# start_worker OPTION…: in the background; sets worker_pid and worker_log. Short times, so that
# nothing waits for what a person would. $inside is a command that runs it, if not empty.
start_worker() {
    worker_number=$((worker_number + 1))
    worker_log=$work/worker.$worker_number.log
    "${inside[@]}" "$BUILD/takeup" worker --settle 0.3 --backoff 0.2 "$@" 2>"$worker_log" >&2 </dev/null &
    worker_pid=$!
    pids+=("$worker_pid")
}

start_ready_worker() {
    start_worker "$@"
    wait_for has_logged 'msg=ready'
}

# drain OPTION…: a worker until nothing is left; its exit status is this one's.
drain() {
    start_worker --drain "$@"
    wait_worker
}

# Reaps the worker; sets worker_status. Fails when it does not end in time.
wait_worker() {
    if ! wait_for is_gone "$worker_pid"; then
        kill -KILL "$worker_pid"
        wait "$worker_pid" 2>/dev/null
        worker_status=timeout
        return 1
    fi
    wait "$worker_pid" 2>/dev/null
    worker_status=$?
    return "$worker_status"
}

stop_worker() {
    kill "-${1:-TERM}" "$worker_pid"
    wait_worker
}

has_logged() { grep -qE -- "$1" "$worker_log" 2>/dev/null; }

# The process of the job in hand: only after "taken up" was logged.
runner_of() { sed -nE "s/.*msg=\"taken up\".* job=$1 .*runner=([0-9]+).*/\1/p" "$worker_log" | tail -n 1; }

is_done() { [ -e "$spool/done/$1/result.json" ]; }
is_error() { [ -e "$spool/error/$1/result.json" ]; }
is_ended() { is_done "$1" || is_error "$1"; }
is_deferred() { compgen -G "$spool/deferred/$1@*" >/dev/null; }
is_running() { compgen -G "$spool/running/*/*/$1.job" >/dev/null; }

# record NAME FILTER: of the job that has ended.
record() {
    local at=$spool/done/$1
    [ -d "$at" ] || at=$spool/error/$1
    jq -r "$2" "$at/result.json"
}

# The newest heartbeat: heartbeat FILTER.
heartbeat() {
    local newest
    newest=$(find "$spool/heartbeat" -name '*.json' -printf '%T@ %p\n' 2>/dev/null | sort -n | tail -n 1)
    [ -n "$newest" ] && jq -r "$1" "${newest#* }"
}

# expect STATUS COMMAND…: sets out and err to what it printed; a test of its exit status.
expect() {
    local wanted=$1 status
    shift
    "$@" >"$work/out" 2>"$work/err" </dev/null
    status=$?
    out=$(cat "$work/out") err=$(cat "$work/err")
    if [ "$status" -eq "$wanted" ]; then
        ok "status $wanted: ${*//$work/W}"
    else
        not_ok "status $wanted: ${*//$work/W}" "status: $status"$'\n'"$out"$'\n'"$err"
    fi
}
