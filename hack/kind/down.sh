#!/usr/bin/env bash
# Deletes the kind cluster $CLUSTER (streamset) and its kubeconfig; images, binaries and other clusters stay.
source "$(dirname "$0")/common.sh"

docker info >/dev/null 2>&1 || fail "no Docker daemon is reachable, so no cluster is either"
"$here/build.sh" kind
quietly "$("$here/build.sh" --path)/kind" delete cluster --name "$cluster" --kubeconfig "$kubeconfig"
rm -f "$kubeconfig"
