#!/usr/bin/env bash
# Builds the Go clients that the relay is measured against, from modules pinned by go.mod and go.sum.
#
#   benchmarks/peers/go/build.sh           build them where they are missing (half a minute, once)
#   benchmarks/peers/go/build.sh --path    only print the folder the binaries are in, or would be
#
# Binaries go into a cache outside the checkout, named by all that decides what is built: Go's version, too,
# because it decides how fast they are. Set GOFLAGS=-p=1 to leave processors to others.
set -euo pipefail
cd "$(dirname "$0")"
command -v go >/dev/null || {
    echo "the clients in Go need Go 1.26 or newer in PATH" >&2
    exit 1
}

hash=$( (uname -sm && go env GOVERSION && cat build.sh go.mod go.sum ./*/*.go) | openssl dgst -sha256 -r | cut -c1-12)
folder=${XDG_CACHE_HOME:-$HOME/.cache}/binance-streamset/peers-$hash
if [[ ${1:-} == --path ]]; then
    echo "$folder"
    exit
fi

export CGO_ENABLED=0 GOFLAGS="${GOFLAGS:-} -mod=readonly -trimpath -buildvcs=false"
for name in relay jetstream; do
    [[ -x $folder/$name ]] && continue
    echo "building the Go client $name ..." >&2
    mkdir -p "$folder"
    go build -o "$folder/.$name.$$" "./$name"
    mv "$folder/.$name.$$" "$folder/$name" # whole or not at all
done
