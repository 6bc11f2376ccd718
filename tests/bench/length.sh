#!/usr/bin/env bash
# length.sh [ROUNDS]: what a video costs by its length (1, 10, 60 minutes of 720p) and by its size (360p
# to 2160p, 20 s), beside a bare decode of the same, each on one thread: CPU and peak memory. The videos
# are drawn, a text every 3 s on a moving ground. It takes some ten minutes and 1 GB in TMPDIR.
. "$(dirname "$0")/cost.sh"
rounds=${1:-1}

# A minute: a number every 3 s, as subtitles are set, on a ground that drifts.
draw() {
    local height=$1 seconds=$2 out=$3
    ffmpeg -nostdin -v error -f lavfi -i "gradients=s=$((height * 16 / 9))x$height:r=25:speed=0.02:seed=1:d=$seconds" -vf \
        "noise=alls=6:allf=t,drawtext=text='This is sentence number %{eif\:floor(t/3)\:d} of them':x=(w-tw)/2:y=h*0.85:fontsize=h/18:fontcolor=white:borderw=3:enable='lt(mod(t,3),2.6)'" \
        -c:v libx264 -preset veryfast -crf 26 -pix_fmt yuv420p -y "$out"
}

# measure LABEL VIDEO
measure() {
    local label=$1 video=$2 r
    rm -f "$work/decode" "$work/ours"
    for ((r = 0; r < rounds; r++)); do
        decode "$video"
        rm -rf "$work/out"
        cost ours "$BUILD/takeup" run --threads 1 -o "$work/out" "$video"
    done
    awk -v label="$label" -v cpu="$(median ours 1)" -v decode="$(median decode 1)" -v mem="$(median ours 3)" \
        -v bare="$(median decode 3)" -v texts="$(jq '.segments | length' "$work/out/result.json")" 'BEGIN {
        printf "%-8s %9.2f %8.2f %7.0f %9.0f %7d\n", label, cpu, cpu / decode, mem, mem - bare, texts }'
}

printf '%-8s %9s %8s %7s %9s %7s\n' video 'cpu s' /decode MiB +decode texts
draw 720 60 "$work/1.mp4"
measure '1 min' "$work/1.mp4"
# The same minute over and over: what it costs to make 60 of them is not the matter.
for minutes in 10 60; do
    for ((i = 0; i < minutes; i++)); do echo "file '$work/1.mp4'"; done >"$work/list"
    ffmpeg -nostdin -v error -f concat -safe 0 -i "$work/list" -c copy -y "$work/$minutes.mp4"
    measure "$minutes min" "$work/$minutes.mp4"
    rm "$work/$minutes.mp4"
done
for height in 360 720 1080 2160; do
    draw "$height" 20 "$work/size.mp4"
    measure "${height}p" "$work/size.mp4"
done
