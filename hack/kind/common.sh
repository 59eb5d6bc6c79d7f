# shellcheck shell=bash disable=SC2034  # what is set here is used there
# Sourced by the scripts of this folder: where things are, and how a step is reported.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/binance-streamset
cluster=${CLUSTER:-streamset}
node=$cluster-control-plane
kubeconfig=$cache/kind/$cluster.kubeconfig
kubernetes=$(awk '$1 == "k8s.io/kubernetes" { print $2 }' "$here/../kube/go.mod")

short_hash() { openssl dgst -sha256 -r | cut -c1-12; }

say() { echo "$*" >&2; } # standard output is for what a script returns: a path, the name of an image

done_in() { say "$2 in $((SECONDS - $1)) s"; }

fail() {
    say "$*"
    exit 1
}

# Runs a command that talks a lot; what it said is shown only where it fails.
quietly() {
    local log
    log=$(mktemp)
    if "$@" >"$log" 2>&1; then
        rm "$log"
    else
        local code=$?
        tail -n 20 "$log" >&2
        rm "$log"
        return "$code"
    fi
}

# Installs the Debian packages that are missing.
need() {
    local missing=() package
    for package in "$@"; do
        [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
            missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    command -v apt-get >/dev/null || fail "install ${missing[*]}: without apt-get this script cannot"
    ((EUID == 0)) || fail "install ${missing[*]}, or run this as root"
    local started=$SECONDS
    quietly apt-get update --quiet
    quietly env DEBIAN_FRONTEND=noninteractive apt-get install --quiet --yes --no-install-recommends "${missing[@]}"
    done_in "$started" "installed ${missing[*]}"
}

has_image() { docker image inspect "$1" >/dev/null 2>&1; }

# Builds with BuildKit: inside of the daemon for clients before 23, for later ones in their plugin buildx,
# which not every machine with a newer client has; there, Debian's client may be the older one.
build_image() {
    local client major
    for client in docker /usr/bin/docker; do
        major=$("$client" version --format '{{.Client.Version}}' 2>/dev/null | cut -d. -f1) || continue
        if ((major < 23)) || "$client" buildx version >/dev/null 2>&1; then
            # The network of the host: registries may be reached through its resolver, or its loopback.
            DOCKER_BUILDKIT=1 quietly "$client" build --network host "$@" </dev/null
            return
        fi
    done
    fail "docker build needs BuildKit: install the buildx plugin of Docker"
}
