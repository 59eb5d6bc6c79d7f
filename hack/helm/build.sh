#!/usr/bin/env bash
# Builds the Helm that tests and `make dist` run, from Go modules pinned by go.mod and go.sum.
#
#   hack/helm/build.sh           build it where it is missing (a few minutes on two cores, once)
#   hack/helm/build.sh --path    only print the path of the binary, or where it would be
#
# The binary goes into a cache outside the checkout, named by its version and by all that decides what
# is built. Where HELM names a binary, or a Helm 4 is in PATH, that one is used and nothing is built.
# Set GOFLAGS=-p=1 to leave processors to others.
set -euo pipefail

if [[ -n ${HELM:-} ]]; then
    helm=$HELM
elif found=$(command -v helm) && [[ $("$found" version --template '{{ .Version }}' 2>/dev/null) == v4.* ]]; then
    helm=$found
else
    cd "$(dirname "$0")"
    version=$(awk '$2 == "helm.sh/helm/v4" { print substr($3, 2) }' go.mod)
    platform=$(uname -sm)
    hash=$( (echo "$platform" && cat build.sh go.mod go.sum) | openssl dgst -sha256 -r | cut -c1-12)
    helm=${XDG_CACHE_HOME:-$HOME/.cache}/binance-streamset/helm-$version-$hash/helm
fi
if [[ ${1:-} == --path ]]; then
    echo "$helm"
    exit
fi
[[ -x $helm ]] && exit
[[ -z ${HELM:-} ]] || { echo "HELM names $HELM, which is no program" >&2; exit 1; }
command -v go >/dev/null || {
    echo "helm is missing: install Go 1.26 or newer, or Helm 4, or set HELM to its path" >&2
    exit 1
}

echo "building helm $version ..." >&2
mkdir -p "$(dirname "$helm")"
CGO_ENABLED=0 GOFLAGS="${GOFLAGS:-} -mod=readonly -trimpath -buildvcs=false" \
    go build -o "$helm.$$" -ldflags "-s -w -X helm.sh/helm/v4/internal/version.version=v$version" \
    helm.sh/helm/v4/cmd/helm
mv "$helm.$$" "$helm" # whole or not at all
echo "built helm in $SECONDS s" >&2
