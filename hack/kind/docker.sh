#!/usr/bin/env bash
# Starts a Docker daemon where none is reachable: Debian's, as root, with its data in this project's cache,
# so that neither containers nor settings of another daemon are touched.
#
#   hack/kind/docker.sh          start it, unless a daemon is reachable
#   hack/kind/docker.sh --stop   stop the one that was started so
source "$(dirname "$0")/common.sh"

folder=$cache/docker
if [[ ${1:-} == --stop ]]; then
    [[ -f $folder/docker.pid ]] || fail "no daemon was started by this script"
    kill "$(<"$folder/docker.pid")"
    exit
fi

docker info >/dev/null 2>&1 && exit
[[ -z ${DOCKER_HOST:-} ]] || fail "DOCKER_HOST names a Docker daemon that is not reachable: $DOCKER_HOST"
((EUID == 0)) || fail "no Docker daemon is reachable: start one, or run this as root, to have one started"
need docker.io containerd runc iptables jq
docker info >/dev/null 2>&1 && exit # installing the package starts it where there is an init system

started=$SECONDS
mkdir -p "$folder"
options=(--data-root "$folder/data" --exec-root "$folder/exec" --pidfile "$folder/docker.pid")
bounding=$((16#$(awk '/^CapBnd/ { print $2 }' /proc/self/status)))
if ((!(bounding >> 24 & 1))); then # CAP_SYS_RESOURCE is number 24, capabilities(7)
    install "$here/runc-without-sys-resource" "$folder/" # the checkout may go, the daemon stays
    options+=(--add-runtime "capped=$folder/runc-without-sys-resource" --default-runtime capped)
fi
setsid dockerd "${options[@]}" >"$folder/log" 2>&1 </dev/null &
until docker info >/dev/null 2>&1; do
    if ! kill -0 $! 2>/dev/null || ((SECONDS - started > 60)); then
        tail -n 5 "$folder/log" >&2
        fail "the Docker daemon did not start; its log is $folder/log"
    fi
    sleep 0.5
done
done_in "$started" "started a Docker daemon (hack/kind/docker.sh --stop ends it)"
