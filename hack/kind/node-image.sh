#!/usr/bin/env bash
# Prints the name of the node image: the official one of this release of kind where it can be pulled and
# can run; else one that is built here, unless it is there already (about 3 minutes and 1.1 GB).
#
# NODE_IMAGE names another one. The official image needs cgroup v2.
source "$(dirname "$0")/common.sh"
cd "$here"

if [[ -n ${NODE_IMAGE:-} ]]; then
    echo "$NODE_IMAGE"
    exit
fi

# bookworm: the last release whose systemd runs on cgroup v1, too.
suite=bookworm
packages=(bash ca-certificates conntrack curl ethtool iproute2 iptables jq kmod libseccomp2 mount nftables
    pigz procps runc systemd util-linux)
binaries=$(./build.sh --path)
image=binance-streamset-kind-node:$kubernetes-$( (
    basename "$binaries"
    echo "$suite" "${packages[@]}"
    cat node-image.sh rootfs.sh Dockerfile.node 10-ptp.conflist
) | short_hash)
if has_image "$image"; then
    echo "$image"
    exit
fi

# A folder's module, where Go has put it.
module() { (cd "$1" && go mod download "$2" && go list -m -f "{{.$3}}" "$2"); }

if [[ $(docker info --format '{{.CgroupVersion}}') == 2 ]]; then
    defaults=$(module kind sigs.k8s.io/kind Dir)/pkg/apis/config/defaults/image.go
    official=$(sed -n 's/^const Image = "\(.*\)"$/\1/p' "$defaults")
    started=$SECONDS
    if has_image "$official" || docker pull --quiet "$official" >/dev/null 2>&1; then
        done_in "$started" "found the official node image"
        echo "$official"
        exit
    fi
    say "the official node image cannot be pulled here; building one"
fi

./build.sh
base=$(./rootfs.sh binance-streamset-kind-base "$suite" "${packages[@]}")
started=$SECONDS
mkdir -p "$cache"
context=$(mktemp --directory --tmpdir="$cache" node.XXXXXX)
container=
trap 'rm -rf "$context"; [[ -z $container ]] || quietly docker rm --force --volumes "$container"' EXIT
cp --link "$binaries"/* "$context/"
cp -r "$(module kind sigs.k8s.io/kind Dir)/images/base/files" Dockerfile.node 10-ptp.conflist "$context/"
chmod -R u+w "$context/files"

target() { # stage, name of the image
    build_image --file "$context/Dockerfile.node" --target "$1" --tag "$2" \
        --build-arg BASE="$base" --build-arg KUBERNETES="$kubernetes" "$context"
}

# kubeadm names the images by version; a version that is not the one built here would be a lie.
pinned_coredns=$(module coredns github.com/coredns/coredns Version)
pinned_etcd=$(module ../kube go.etcd.io/etcd/server/v3 Version)
pause=$(sed -n 's/^ *sandbox_image = "\(.*\)"$/\1/p' "$context/files/etc/containerd/config.toml")
images=("$pause")
target pause "$pause"
while read -r name; do
    stage=${name##*/} stage=${stage%%:*}
    case $name in
    */pause:*) continue ;; # containerd decides
    */coredns:*) [[ ${name##*:} == "$pinned_coredns" ]] || fail "kubeadm wants $name, go.mod $pinned_coredns" ;;
    */etcd:*) [[ v${name##*:} == "$pinned_etcd"-* ]] || fail "kubeadm wants $name, go.mod $pinned_etcd" ;;
    esac
    target "$stage" "$name"
    images+=("$name")
done < <("$binaries/kubeadm" config images list --kubernetes-version "$kubernetes")
target node "$image-empty"

# As kind does: containerd of the node imports the images, and what the node then is becomes the image.
container=$(docker run --detach --privileged --entrypoint sleep "$image-empty" infinity)
docker exec --detach "$container" containerd
until docker exec "$container" ctr version >/dev/null 2>&1; do sleep 0.2; done
docker save "${images[@]}" | quietly docker exec --interactive "$container" \
    ctr --namespace k8s.io images import --all-platforms --no-unpack --digests -
docker exec "$container" sh -c 'pkill -x containerd; while pgrep -x containerd; do sleep 0.1; done >/dev/null; rm -rf /run/containerd'
quietly docker commit --change 'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]' "$container" "$image"
quietly docker rm --force --volumes "$container"
container=
quietly docker image rm "$image-empty" "${images[@]}"
done_in "$started" "made $image"
echo "$image"
