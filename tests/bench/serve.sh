#!/usr/bin/env bash
# How many requests a second `takeup serve` answers, and how soon, with JOBS jobs that wait and as many
# that ended: by wrk, over loopback, on the cores that the server has too.
set -u
here=$(cd "$(dirname "$0")" && pwd)
BUILD=${BUILD:-$here/../../build/plain}
JOBS=${JOBS:-100000} SECONDS_EACH=${SECONDS_EACH:-5}
command -v wrk >/dev/null || { echo 'wrk is not installed: make bench installs it'; exit 0; }
work=$(mktemp -d) || exit 3
server=''
trap '[ -n "$server" ] && kill "$server"; wait; rm -rf "$work"' EXIT
spool=$work/spool
"$BUILD/takeup" init "$spool" >/dev/null || exit 3
awk -v n="$JOBS" -v spool="$spool" 'BEGIN {
    for (i = 0; i < n; i++) {
        file = sprintf("%s/pending/20260131T140310.%06dZ-clip-3f9a2c07.json", spool, i)
        print "{\"input_path\": \"media/clip.mp4\", \"pipeline_id\": \"ocr_only\"}" >file
        close(file)
    }
    for (i = 0; i < n; i++) printf "%s/done/20260130T140310.%06dZ-clip-3f9a2c07\n", spool, i
}' | xargs -d '\n' mkdir
awk -v n="$JOBS" -v spool="$spool" 'BEGIN {
    for (i = 0; i < n; i++) {
        file = sprintf("%s/done/20260130T140310.%06dZ-clip-3f9a2c07/result.json", spool, i)
        print "{\"name\": \"clip\", \"status\": \"done\", \"pipeline\": {\"id\": \"ocr_only\"}, \"result\": null}" >file
        close(file)
    }
}'
"$BUILD/takeup" serve --spool "$spool" --listen 127.0.0.1:0 2>"$work/log" &
server=$!
until grep -q msg=ready "$work/log"; do kill -0 "$server" || exit 3; sleep 0.1; done
url=$(sed -nE 's/.* url=(http:[^ ]*)\/ .*/\1/p' "$work/log")

memory() { # kB of the server and of all that look, peak
    local pid sum=0
    for pid in "$server" $(pgrep -P "$server"); do
        sum=$((sum + $(awk '/^VmHWM/ { print $2 }' "/proc/$pid/status")))
    done
    printf '%d MiB, the server itself %d MiB' $((sum / 1024)) \
        $(($(awk '/^VmHWM/ { print $2 }' "/proc/$server/status") / 1024))
}

printf '%d jobs wait, %d have ended\n' "$JOBS" "$JOBS"
for path in '/v1/worker/health' '/v1/jobs' '/v1/jobs?state=done&order=desc&limit=200' '/v1/jobs?q=099999' \
    '/v1/jobs?pipeline=none' '/metrics' '/v1/dashboard'; do
    first=$(curl -sS -o "$work/body" -w '%{http_code} in %{time_total} s' "$url$path")
    printf '\n%s\n  the first: %s\n' "$path" "$first"
    wrk -t 2 -c 64 -d "$SECONDS_EACH" --latency "$url$path" |
        sed -nE 's/^ *((50|99)% .*|Requests\/sec.*|Non-2xx.*|Socket.*)/  \1/p'
done
printf '\nmemory: %s\n' "$(memory)"
