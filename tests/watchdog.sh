# shellcheck shell=bash
# watchdog.sh - what the tests of the watchdog share, on top of lib.sh.
# start_watchdog OPTION… -- WORKER-OPTION…
dog_pid='' dog_status=''
start_watchdog() {
    worker_number=$((worker_number + 1))
    worker_log=$work/watchdog.$worker_number.log
    "$BUILD/takeup" watchdog "$@" 2>"$worker_log" >&2 </dev/null &
    dog_pid=$!
    pids+=("$dog_pid")
}
# The processes of the workers that it started, the newest last.
workers() { sed -nE 's/.*msg="watchdog: the worker is started" pid=([0-9]+).*/\1/p' "$worker_log"; }
has_started() { [ "$(workers | wc -l)" -ge "$1" ] && [ "$(grep -c 'msg=ready' "$worker_log")" -ge "$1" ]; }
newest() { workers | tail -n 1; }
note() { jq -r "$1" "$spool"/heartbeat/.watchdog.* 2>/dev/null; }
has_note() { [ "$(note "$1")" = "$2" ]; }
wait_dog() {
    wait_for is_gone "$dog_pid" || return
    wait "$dog_pid"
    dog_status=$?
}
