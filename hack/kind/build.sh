#!/usr/bin/env bash
# Builds what a kind cluster consists of, from Go modules pinned by go.mod and go.sum: kind, and for the
# node image Kubernetes, containerd, CNI plugins and CoreDNS. Each upstream project is a module of its
# own, so that it is built with the dependencies that its authors chose.
#
#   hack/kind/build.sh           build what is missing (about 12 minutes on two cores, once)
#   hack/kind/build.sh kind      build only kind (seconds)
#   hack/kind/build.sh --path    only print the folder the binaries are in, or would be
#
# As in hack/kube/build.sh: binaries go into a cache outside the checkout, named by all that decides what
# is built, each whole or not at all, so an interrupted build goes on where it stopped. The parts of
# Kubernetes that tests without a cluster use, too, come from there.
source "$(dirname "$0")/common.sh"
cd "$here"

kube=$(../kube/build.sh --path)
hash=$( (basename "$kube" && cat build.sh ./*/go.mod ./*/go.sum pause/main.go) | short_hash)
folder=$cache/kind-${kubernetes#v}-$hash
if [[ ${1:-} == --path ]]; then
    echo "$folder"
    exit
fi

[[ $(awk '$1 == "k8s.io/kubernetes" { print $2 }' kubernetes/go.mod) == "$kubernetes" ]] ||
    fail "hack/kind/kubernetes/go.mod is to require k8s.io/kubernetes $kubernetes, as hack/kube/go.mod does"

build() { # name, folder of the module, package, linker flags, build tags
    local name=$1 module=$2 package=$3 flags=${4:-} tags=${5:-} started=$SECONDS
    [[ -x $folder/$name ]] && return
    command -v go >/dev/null || fail "$name is missing: install Go 1.26.3 or newer"
    mkdir -p "$folder"
    (cd "$module" && go build -o "$folder/.$name.$$" -ldflags "-s -w $flags" -tags "$tags" "$package")
    mv "$folder/.$name.$$" "$folder/$name"
    done_in "$started" "built $name"
}

export CGO_ENABLED=0 GOFLAGS="${GOFLAGS:-} -mod=readonly -trimpath -buildvcs=false"
build kind kind sigs.k8s.io/kind
[[ ${1:-} == kind ]] && exit

env --unset=KUBEBUILDER_ASSETS GOFLAGS="${GOFLAGS%% -mod=*}" ../kube/build.sh
for name in etcd kube-apiserver kube-controller-manager kubectl; do
    [[ -x $folder/$name ]] || ln -f "$kube/$name" "$folder/$name" # both are in the same cache
done

version=k8s.io/component-base/version
minor=$(cut -d. -f2 <<<"$kubernetes")
flags="-X $version.gitVersion=$kubernetes -X $version.gitMajor=1 -X $version.gitMinor=$minor"
for name in kubelet kube-proxy kube-scheduler kubeadm; do
    build "$name" kubernetes "k8s.io/kubernetes/cmd/$name" "$flags"
done

containerd=github.com/containerd/containerd/v2
release=$(awk -v module="$containerd" '$1 == module { print $2 }' containerd/go.mod)
for name in containerd ctr containerd-shim-runc-v2; do
    build "$name" containerd "$containerd/cmd/$name" "-X $containerd/version.Version=$release" \
        no_aufs,no_btrfs,no_devmapper,no_zfs # as kind does: snapshotters that a node never selects
done
for plugin in ipam/host-local main/loopback main/ptp meta/portmap; do
    build "${plugin#*/}" cni "github.com/containernetworking/plugins/plugins/$plugin"
done
build coredns coredns github.com/coredns/coredns
build pause pause .
