#!/usr/bin/env bash
# Builds the control plane that tests run against, from Go modules pinned by go.mod and go.sum, and
# crdcheck, which validates a CRD as the oldest supported Kubernetes does.
#
#   hack/kube/build.sh           build what is missing (about 10 minutes on two cores, once)
#   hack/kube/build.sh --path    only print the folder the binaries are in, or would be
#
# Binaries go into a cache outside the checkout, named by their version and by all that decides what is
# built. What is there is kept, so an interrupted build goes on where it stopped. What KUBEBUILDER_ASSETS
# offers is not built. Set GOFLAGS=-p=1 to leave processors to others.
set -euo pipefail
cd "$(dirname "$0")"

version=$(awk '$1 == "k8s.io/kubernetes" { print substr($2, 2) }' go.mod)
platform=$(uname -sm)
hash=$( (echo "$platform" && cat build.sh go.mod go.sum crdcheck/*) | openssl dgst -sha256 -r | cut -c1-12)
folder=${XDG_CACHE_HOME:-$HOME/.cache}/binance-streamset/kube-$version-$hash
if [[ ${1:-} == --path ]]; then
    echo "$folder"
    exit
fi

symbols=k8s.io/component-base/version
kube_flags="-s -w -X $symbols.gitVersion=v$version -X $symbols.gitMajor=${version%%.*}"
kube_flags+=" -X $symbols.gitMinor=$(cut -d. -f2 <<<"$version")"

build() { # name, folder of the module, package, linker flags
    local name=$1 module=$2 package=$3 flags=$4 started=$SECONDS
    [[ -x ${KUBEBUILDER_ASSETS:+$KUBEBUILDER_ASSETS/$name} || -x $folder/$name ]] && return
    command -v go >/dev/null || {
        echo "$name is missing: install Go 1.26 or newer, or set KUBEBUILDER_ASSETS to a folder that has it" >&2
        exit 1
    }
    echo "building $name ..." >&2
    mkdir -p "$folder"
    (cd "$module" && go build -o "$folder/.$name.$$" -ldflags "$flags" "$package")
    mv "$folder/.$name.$$" "$folder/$name" # whole or not at all
    echo "built $name in $((SECONDS - started)) s" >&2
}

export CGO_ENABLED=0 GOFLAGS="${GOFLAGS:-} -mod=readonly -trimpath -buildvcs=false"
build etcd . go.etcd.io/etcd/server/v3 "-s -w"
build crdcheck crdcheck . "-s -w"
build kube-apiserver . k8s.io/kubernetes/cmd/kube-apiserver "$kube_flags"
build kube-controller-manager . k8s.io/kubernetes/cmd/kube-controller-manager "$kube_flags"
build kubectl . k8s.io/kubernetes/cmd/kubectl "$kube_flags -X k8s.io/client-go/pkg/version.gitVersion=v$version"
