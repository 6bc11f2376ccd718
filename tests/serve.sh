# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034
# serve.sh - a server, and requests to it: for tests that have sourced lib.sh.
server_pid='' server_log='' url='' port='' server_number=0

# start_server OPTION…: on a free port; sets server_pid, server_log, url (without a slash at its end)
# and port.
start_server() {
    server_number=$((server_number + 1))
    server_log=$work/serve.$server_number.log
    "$BUILD/takeup" serve --listen 127.0.0.1:0 "$@" 2>"$server_log" >&2 </dev/null &
    server_pid=$!
    pids+=("$server_pid")
    wait_for grep -q 'msg=ready' "$server_log" || return
    url=$(sed -nE 's/.* url=(http:[^ ]*)\/ .*/\1/p' "$server_log")
    port=${url##*:}
}

# stop_server [SIGNAL]: sets server_status.
stop_server() {
    kill "-${1:-TERM}" "$server_pid"
    wait_for is_gone "$server_pid" || kill -KILL "$server_pid"
    wait "$server_pid"
    server_status=$?
}

# get PATH [CURL-OPTION…]: sets status, head and body. The path goes out as it is written.
get() {
    local path=$1
    shift
    : >"$work/body" # what has no body leaves it as it is
    status=$(curl -sS --max-time 20 --path-as-is -o "$work/body" -D "$work/head" -w '%{http_code}' \
        "$@" "$url$path" 2>"$work/curl")
    head=$(<"$work/head") head=${head//$'\r'/} body=$(tr '\0' '?' <"$work/body")
}

# answers PATH STATUS NAME [CURL-OPTION…]
answers() {
    local path=$1 wanted=$2 name=$3
    shift 3
    get "$path" "$@"
    if [ "$status" = "$wanted" ]; then ok "$name"; else not_ok "$name" "$status, not $wanted:"$'\n'"$body"; fi
}

# raw BYTES: what comes back for them, as printf's format, until the server ends the connection.
raw() {
    local fd
    exec {fd}<>"/dev/tcp/127.0.0.1/$port" || return
    # shellcheck disable=SC2059
    { printf "$1" >&"$fd"; } 2>/dev/null
    timeout 20 cat <&"$fd" 2>/dev/null | tr '\0\r' '? '
    exec {fd}>&-
}

# The children that look, in no order.
lookers() { pgrep -P "$server_pid"; }
