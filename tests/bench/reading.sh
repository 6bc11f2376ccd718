#!/usr/bin/env bash
# reading.sh [DIR [ROUNDS]]: what reading the videos in DIR costs, each beside three others in
# alternated rounds (3):
#
#   decode   ffmpeg on one thread, which throws the frames away
#   floor    that and one Tesseract that reads what takeup read, each line once, from the images that
#            it made (--param text.keep_images=true): as if somebody had told where and when to look
#   script   what everybody writes: a PNG a second (or two), one tesseract each, on all cores
#
# Without DIR two that are drawn: a screen a second for a minute, and one without text. Without the
# command tesseract, or with PEER=0, the last two are left out; with PEER=1 the script makes a PNG a
# second only. Medians, of the ratios with their spread; peak memory. Videos that have a NAME.gt.json
# are scored as well, by the command in SCORE, which gets that file and the result.
#
# Wherever these machines are shared, only the ratios mean anything.
. "$(dirname "$0")/cost.sh"
rounds=${2:-3}
set_dir=${1:-$work/set}
[ -n "${1:-}" ] || "$root/tests/fixtures/make" "$set_dir" long.mp4 blank.mp4
command -v tesseract >/dev/null || PEER=0

# ratios NAME…: CPU of ours by the sum of these, round by round: median, lowest, highest; "-" without.
ratios() {
    local name files=()
    for name; do
        [ -s "$work/$name" ] || { echo -; return; }
        files+=("$work/$name")
    done
    paste -d' ' "$work/ours" "${files[@]}" | awk 'NF % 3 == 0 && NF > 3 {
        sum = 0
        for (i = 4; i <= NF; i += 3) sum += $i
        if (sum > 0) printf "%.2f\n", $1 / sum }' | sort -g |
        awk '{ a[NR] = $1 } END { printf "%.2f(%.2f-%.2f)\n", a[int((NR + 1) / 2)], a[1], a[NR] }'
}

ours() {
    rm -rf "$work/out"
    cost ours "$BUILD/takeup" run -o "$work/out" "$1"
}
# images VIDEO: what was read, for the floor.
images() {
    rm -rf "$work/images"
    "$BUILD/takeup" run --param text.keep_images=true -o "$work/images" "$1" >/dev/null 2>&1
    find "$work/images" -name '*.png' | sort >"$work/list"
}
floor() { cost floor tesseract "$work/list" "$work/floor.out" --psm 7; }
# script VIDEO FPS: what it costs is the same however many run at a time.
script() {
    rm -rf "$work/peer"
    mkdir "$work/peer"
    # shellcheck disable=SC2016 # the inner shell expands them
    cost "script$2" sh -c 'ffmpeg -nostdin -v error -i "$1" -vf fps="$3" "$2/f%05d.png" &&
        ls "$2" | sed "s/\.png$//" | xargs -P "$(nproc)" -I{} tesseract "$2/{}.png" "$2/{}" 2>/dev/null' \
        sh "$1" "$work/peer" "$2"
}

printf '%-14s %7s %16s %16s %16s %16s %7s %9s %5s %7s\n' \
    video 'cpu s' /decode /floor '/script 1 fps' '/script 2 fps' 'wall s' '/script 1' MiB +decode
for video in "$set_dir"/*.mp4 "$set_dir"/*.mkv "$set_dir"/*.webm "$set_dir"/*.mov "$set_dir"/*.avi "$set_dir"/*.ts; do
    [ -f "$video" ] || continue
    rm -f "$work/decode" "$work/ours" "$work/floor" "$work/script1" "$work/script2" "$work/list"
    [ "${PEER:-1}" = 0 ] || images "$video"
    for ((r = 0; r < rounds; r++)); do
        decode "$video"
        ours "$video"
        if [ -s "$work/list" ]; then floor; fi
    done
    wall=-
    if [ "${PEER:-1}" != 0 ]; then
        script "$video" 1
        [ "${PEER:-2}" = 1 ] || script "$video" 2
        wall=$(awk -v ours="$(median ours 2)" '{ printf "%.2f", ours / $2 }' "$work/script1")
    fi
    name=$(basename "$video") name=${name%.*}
    printf '%-14s %7.2f %16s %16s %16s %16s %7.2f %9s %5d %7d\n' "$name" "$(median ours 1)" "$(ratios decode)" \
        "$(ratios decode floor)" "$(ratios script1)" "$(ratios script2)" "$(median ours 2)" "$wall" \
        "$(median ours 3)" $(($(median ours 3) - $(median decode 3)))
    if [ -n "${SCORE:-}" ] && [ -f "$set_dir/$name.gt.json" ]; then
        $SCORE "$set_dir/$name.gt.json" "$work/out/result.json" --name "$name"
    fi
done
