#!/usr/bin/env bash
# Builds the images and loads them into the cluster $CLUSTER (streamset), those of them that it lacks.
source "$(dirname "$0")/common.sh"

in_node() { docker exec "$node" "$@" 2>/dev/null; } # ctr warns of cgroup v1 each time it is called

# Whether the node has this very image. Docker knows an image by the digest of its configuration, or of its
# manifest where containerd stores its images; the node's containerd knows both.
on_node() { # image
    local id digest
    id=$(docker image inspect --format '{{.Id}}' "$1")
    digest=$(awk -v name="docker.io/library/$1" '$1 == name { print $3 }' <<<"$present")
    [[ -n $digest ]] && [[ $id == "$digest" || $id == $(in_node \
        sh -c "ctr --namespace k8s.io content get $digest | jq --raw-output .config.digest") ]]
}

present=$(in_node ctr --namespace k8s.io images list) || fail "the cluster $cluster is not running: make kind-up"
names=(operator relay test-nats test-simulator)
"$here/images.sh" "${names[@]}"
mapfile -t images < <("$here/images.sh" --names "${names[@]}")
missing=()
for image in "${images[@]}"; do on_node "$image" || missing+=("$image"); done
((${#missing[@]})) || exit 0
started=$SECONDS
quietly "$("$here/build.sh" --path)/kind" load docker-image --name "$cluster" "${missing[@]}"
done_in "$started" "loaded ${missing[*]}"

# The tag stays the same, so a running operator would stay the old one.
if [[ ${missing[*]} == *operator* ]]; then
    selector=app.kubernetes.io/name=binance-streamset-operator
    in_node kubectl --kubeconfig /etc/kubernetes/admin.conf get deployments --all-namespaces --selector "$selector" \
        --output 'jsonpath={range .items[*]}{.metadata.namespace} {.metadata.name}{"\n"}{end}' |
        while read -r namespace name; do
            quietly docker exec "$node" kubectl --kubeconfig /etc/kubernetes/admin.conf \
                --namespace "$namespace" rollout restart deployment "$name" </dev/null
        done
fi
