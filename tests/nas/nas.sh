# shellcheck shell=bash
# nas.sh - another host, with a kernel and a network filesystem of its own.
#
#     . "$(dirname "$0")/nas.sh"
#     need_nas ganesha.nfsd; make_initramfs nfsv4; serve_nfs 1; boot gus nfs4 …; on gus 'takeup status'
#
# The host is a guest of qemu without kvm, on an initramfs with busybox, takeup and the modules of
# Debian's kernel; it mounts $disk from a server of ours on 127.0.0.1. Nothing is installed as this
# machine's kernel, and nobody needs to be root in the guest's network.
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
disk=$work/disk
cache=$BUILD/nas # the kernel, once for a build directory
deadline_s=${DEADLINE_S:-240}
mkdir -p "$disk"
declare -A guest_pid=() guest_to=() guest_from=() log_of=() pid_of=()

# ---- what the guest is made of ----

# fetch_kernel: unpacks what is needed of Debian's kernel into $cache/kernel. Fails with a reason in $why.
fetch_kernel() {
    local package new
    [ -e "$cache/kernel/vmlinuz" ] && return
    package=$(apt-cache depends linux-image-amd64 2>/dev/null | sed -nE 's/ *Depends: (linux-image-.*)/\1/p')
    [ -n "$package" ] || { why='apt-cache knows no linux-image-amd64'; return 1; }
    new=$(mktemp -d "$cache/.new-XXXXXX") || return
    chmod 755 "$new"
    if (cd "$new" && apt-get download -q "$package" >out 2>&1 &&
        dpkg-deb --fsys-tarfile "$package"_*.deb |
        tar -x --wildcards './boot/vmlinuz-*' './lib/modules/*/kernel/'{crypto,arch,lib,net/core,net/dns_resolver,net/sunrpc,drivers/virtio,drivers/char,drivers/net,fs} &&
        mv boot/vmlinuz-* vmlinuz && rm ./*.deb && busybox depmod -b . "$(ls lib/modules)"); then
        rm -rf "$cache/kernel"
        mv "$new" "$cache/kernel"
    else
        why="no kernel: $(tail -n 1 "$new/out")"
        rm -rf "$new"
        return 1
    fi
}

# add_module NAME…: those and what they need, into the initramfs; their names into /modules.
add_module() {
    local name lib file files
    lib=$(echo "$cache"/kernel/lib/modules/*)
    for name in "$@"; do
        files=$(grep -E "/$name\.ko[^/ ]*:" "$lib/modules.dep" | tr -d :) || { echo "no module $name"; return 1; }
        for file in $files; do
            install -D -m 644 "$lib/$file" "$ram/lib/modules/${lib##*/}/$file"
        done
    done
    printf '%s\n' "$@" >>"$ram/modules"
}

add_program() { # what ldd names goes to where it is looked for
    local library
    install -D -m 755 "$1" "$ram/bin/${1##*/}"
    for library in $(ldd "$1" | grep -oE '/[^ ]+'); do
        [ -e "$ram$library" ] || install -D -m 755 "$library" "$ram$library"
    done
}

make_initramfs() {
    local applet
    ram=$work/ram
    mkdir -p "$ram"/{bin,dev,proc,sys,etc,pipelines,plugins}
    install -m 755 "$(command -v busybox)" "$ram/bin/busybox"
    for applet in $(busybox --list); do
        [ -e "$ram/bin/$applet" ] || ln -s busybox "$ram/bin/$applet"
    done
    ln -s bin "$ram/sbin"
    install -m 755 "$tests/nas/guest.init" "$ram/init"
    add_program "$BUILD/takeup"
    cp "$work"/pipelines/* "$ram/pipelines/"
    cp "$work"/plugins/* "$ram/plugins/"
    cat >"$ram/environment" <<'END'
export TAKEUP_SPOOL=/mnt/spool TAKEUP_PIPELINES=/pipelines TAKEUP_PLUGINS=/plugins RUN=/run NOOP_WAITS=/run/hold
END
    add_module virtio_pci virtio_net virtio_console "$@" || return
    busybox depmod -b "$ram" "$(ls "$ram/lib/modules")"
    (cd "$ram" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1 >"$work/initrd")
    rm -rf "$ram"
}

need_nas() {
    local program
    why=''
    for program in qemu-system-x86_64 busybox python3 apt-get dpkg-deb "$1"; do
        PATH=$PATH:/usr/sbin command -v "$program" >/dev/null || why="$program is not installed"
    done
    [ -z "${SANITIZE:-}" ] || why='a sanitizer asks for more memory than the guest has'
    [ "$(id -u)" -eq 0 ] || why='it needs root, to open files by their handles'
    [ -n "$why" ] || { mkdir -p "$cache" && exec 9>"$cache/lock" && flock 9 && fetch_kernel; exec 9>&-; }
    [ -z "$why" ] || { skip "${1##*/}" "$why"; finish; }
}

# ---- servers ----

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

free_port() { # sets port
    port=$((20000 + RANDOM % 20000))
    while listens "$port"; do port=$((20000 + RANDOM % 20000)); done
}

# serve PROGRAM OPTION…: a server that ends with the test. It listens on $port, or the test is over.
serve() {
    PATH=$PATH:/usr/sbin "$@" >"$work/server.out" 2>&1 </dev/null &
    server_pid=$!
    pids+=("$server_pid")
    wait_for eval "listens $port || is_gone $server_pid"
    listens "$port" || { not_ok "$1" "$(cat "$work"/server.*)"; finish; }
}

# Over NFS nobody else would change what is exported, and so it remembers for a minute; here the
# other host works in the directory itself.
serve_nfs() {
    local state=$work/ganesha
    mkdir -p "$state"
    cat >"$work/ganesha.conf" <<END
NFS_CORE_PARAM {
    Protocols = 4; NFS_Port = $port; Bind_addr = 127.0.0.1;
    Enable_NLM = false; Enable_RQUOTA = false; Enable_UDP = false;
}
NFSV4 { Graceless = true; RecoveryRoot = $state; Minor_Versions = $1; Only_Numeric_Owners = true; }
MDCACHE { Dir_Chunk = 0; }
EXPORT_DEFAULTS { Attr_Expiration_Time = 0; }
EXPORT {
    Export_Id = 1; Path = $disk; Pseudo = /disk; Protocols = 4; Transports = TCP;
    Access_Type = RW; Squash = No_Root_Squash; SecType = sys;
    FSAL { Name = VFS; }
}
END
    serve ganesha.nfsd -F -f "$work/ganesha.conf" -L "$work/server.log" -p "$work/ganesha.pid" -N EVENT
}

# Each connection is a process of its own, which ends when its parent has gone.
serve_smb() {
    local state=$work/samba
    mkdir -p "$state/run"
    cat >"$work/smb.conf" <<END
[global]
    server role = standalone server
    interfaces = 127.0.0.1
    bind interfaces only = yes
    smb ports = $port
    disable netbios = yes
    server min protocol = SMB3_11
    map to guest = Bad User
    guest account = root
    load printers = no
    disable spoolss = yes
    lock directory = $state
    state directory = $state
    cache directory = $state
    private dir = $state
    pid directory = $state/run
    ncalrpc dir = $state/run/rpc
    log file = $work/server.log
[disk]
    path = $disk
    read only = no
    guest ok = yes
END
    serve smbd -F --no-process-group --debuglevel=1 -s "$work/smb.conf"
}

# lose_replies ALL SOME: a proxy before the server; see proxy.py. $port is then the proxy's.
lose_replies() {
    python3 "$tests/nas/proxy.py" "$port" "$work/lost" "$@" >"$work/proxy.port" 2>"$work/proxy.err" &
    pids+=($!)
    wait_for test -s "$work/proxy.port"
    port=$(cat "$work/proxy.port")
}

# lose NAME: the reply to the next rename to that name. is_lost: it was.
lose() { echo "$1" >"$work/lost.name"; }
is_lost() { [ ! -e "$work/lost.name" ]; }

# ---- the hosts ----

# boot HOST TYPE FROM OPTIONS: a guest of that name mounts it.
boot() {
    mkfifo "$work/$1.in" "$work/$1.out"
    qemu-system-x86_64 -accel tcg -cpu max -m 384 -nodefaults -no-user-config -display none -no-reboot \
        -kernel "$cache/kernel/vmlinuz" -initrd "$work/initrd" \
        -append "console=ttyS0 quiet panic=-1 mitigations=off random.trust_cpu=on nas_host=$1 nas_type=$2 nas_from=$3 nas_options=$4" \
        -serial "file:$work/$1.console" \
        -netdev user,id=net -device virtio-net-pci,netdev=net,romfile= \
        -device virtio-serial-pci -chardev "pipe,id=control,path=$work/$1" \
        -device virtserialport,chardev=control,name=control \
        >"$work/$1.qemu" 2>&1 </dev/null &
    guest_pid[$1]=$!
    pids+=("${guest_pid[$1]}")
    exec {to}<>"$work/$1.in" {from}<>"$work/$1.out"
    guest_to[$1]=$to guest_from[$1]=$from
    on "$1" true || { not_ok "$1 starts" "$(cat "$work/$1.qemu" "$work/$1.console")"; finish; }
}

# on HOST LINE: a line of sh, done there; its output, and its exit status. HOST is a guest, or `here`:
# that is this machine, in the directory that is exported. 255: it does not answer.
on() {
    local line='' piece status end=$((SECONDS + deadline_s)) from=${guest_from[$1]:-}
    if [ "$1" = here ]; then
        PATH=$BUILD:$PATH RUN=$work/here NOOP_WAITS=$work/here/hold sh -c "$2" 2>&1 </dev/null
        return
    fi
    printf '%s\n' "$2" >&"${guest_to[$1]}"
    until is_gone "${guest_pid[$1]}" || [ "$SECONDS" -ge "$end" ]; do
        IFS= read -r -t 1 piece <&"$from"
        status=$? line+=$piece
        [ "$status" -eq 0 ] || continue # a second has gone, perhaps in mid-line
        [[ $line == '=end '* ]] && return "${line#=end }"
        printf '%s\n' "$line"
        line=''
    done
    printf '# %s does not answer: %s\n' "$1" "$2" >&2
    return 255
}

# worker_on HOST OPTION…
worker_on() {
    local host=$1
    shift
    worker_number=$((worker_number + 1))
    log_of[$host]="\$RUN/$worker_number.log"
    pid_of[$host]=$(on "$host" "takeup worker --settle 0.3 --backoff 0.2 $* >${log_of[$host]} 2>&1 & echo \$!")
    [ "$host" != here ] || pids+=("${pid_of[$host]}")
    wait_for said "$host" 'msg=ready' || { not_ok "a worker starts at $host" "$(log_on "$host")"; finish; }
}

said() { on "$1" "grep -qE '$2' ${log_of[$1]}"; }           # HOST REGEX
log_on() { on "$1" "tail -n 40 ${log_of[$1]}"; }             # HOST
signal_on() { on "$1" "kill -$2 ${pid_of[$1]}"; }          # HOST SIGNAL
has_ended_on() { on "$1" "! grep -q '^State:.*[^Z] (' /proc/${pid_of[$1]}/status 2>/dev/null"; }
stop_on() { # HOST
    signal_on "$1" TERM
    wait_for has_ended_on "$1"
}

# Jobs that run at that host stay in mid-job until they are let go.
hold_on() { on "$1" ": >\$NOOP_WAITS"; }
let_go_on() { on "$1" "rm \$NOOP_WAITS"; }

# use_noop: a pipeline that does nothing, on every host.
use_noop() {
    mkdir -p "$work/plugins" "$work/pipelines" "$work/here"
    cp "$BUILD/tests/fixtures/plugins/noop.so" "$work/plugins/"
    printf 'id: noop\nsteps:\n  - id: nothing\n    use: noop\n' >"$work/pipelines/noop.yaml"
    export TAKEUP_PLUGINS=$work/plugins TAKEUP_PIPELINES=$work/pipelines
}
