#!/usr/bin/env bash
# Makes the kind cluster $CLUSTER (streamset), or starts it again, and waits until it is ready.
#
#   hack/kind/up.sh                 make it
#   hack/kind/up.sh --kubeconfig    only print the path of its kubeconfig
#
# The kubeconfig is a file of its own in the cache: the user's, and its current context, stay as they are.
source "$(dirname "$0")/common.sh"
cd "$here"
if [[ ${1:-} == --kubeconfig ]]; then
    echo "$kubeconfig"
    exit
fi

start=$SECONDS
./docker.sh
./build.sh kind
kind=$(./build.sh --path)/kind
mkdir -p "$(dirname "$kubeconfig")"

# The cluster's configuration, with what this host asks for.
configuration() { # node image
    local bounding
    cat cluster.yaml
    if [[ $1 == binance-streamset-kind-node:* ]]; then
        printf '%s\n' 'networking:' '  disableDefaultCNI: true' # it brings its own
    fi
    # Without CAP_SYS_RESOURCE (24) nobody may lower an oom_score_adj, on which kubelet and containerd insist.
    bounding=$((16#$(awk '/^CapBnd/ { print $2 }' /proc/self/status)))
    if ((!(bounding >> 24 & 1))); then
        printf '%s\n' 'featureGates:' '  KubeletInUserNamespace: true' 'containerdConfigPatches:' '- |' \
            '  [plugins."io.containerd.grpc.v1.cri"]' '    restrict_oom_score_adj = true'
    fi
}

in_node() { docker exec "$node" kubectl --kubeconfig /etc/kubernetes/admin.conf "$@"; }

if ! "$kind" get clusters --quiet | grep -qx "$cluster"; then
    image=$(./node-image.sh)
    started=$SECONDS
    configuration "$image" | quietly "$kind" create cluster --name "$cluster" --image "$image" \
        --config - --kubeconfig "$kubeconfig" --wait 180s
    done_in "$started" "made the cluster $cluster"
elif ! in_node get --raw /readyz >/dev/null 2>&1; then
    # After a restart of the machine, or of Docker, which may have started the node by itself.
    quietly docker start "$node"
    until in_node get --raw /readyz >/dev/null 2>&1; do
        ((SECONDS - start < 300)) || fail "the node $node does not come back; make kind-down, then make kind-up"
        sleep 0.5
    done
    # What the API server knows of pods is from before; new ones cannot be ready but by what is now.
    quietly in_node --namespace kube-system rollout restart deployment/coredns
fi
"$kind" --quiet export kubeconfig --name "$cluster" --kubeconfig "$kubeconfig"

in_node wait --for=condition=Ready node --all --timeout=120s >/dev/null
for workload in deployment/coredns daemonset/kube-proxy; do
    in_node --namespace kube-system rollout status "$workload" --timeout=120s >/dev/null
done
done_in "$start" "the cluster $cluster is ready"
say "to use it: export KUBECONFIG=$kubeconfig"
