#!/usr/bin/env bash
# Builds this project's images, binance-streamset-NAME:VERSION.
#
#   hack/kind/images.sh NAME...             operator, relay, and for tests: test-nats, test-simulator
#   hack/kind/images.sh --names NAME...     only print the images' names
#
# Packages come from where this machine's pip gets them; how it does is given to the build as secrets.
source "$(dirname "$0")/common.sh"

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$root/pyproject.toml")
image() { echo "binance-streamset-$1:$version"; }
if [[ ${1:-} == --names ]]; then
    for name in "${@:2}"; do image "$name"; done
    exit
fi

# What pip is told here, by its files or by the environment, as a file for a build.
pip_configuration() {
    local key variable value
    echo "[global]"
    for key in index-url extra-index-url trusted-host proxy timeout; do
        variable=PIP_${key//-/_}
        variable=${variable^^}
        value=${!variable:-$(python3 -m pip config get "global.$key" 2>/dev/null)} || continue
        echo "$key = ${value//$'\n'/ }"
    done
    [[ ! -f $authorities ]] || echo "cert = /run/secrets/ca"
}

"$here/docker.sh"
base=$("$here/python-image.sh")
secrets=$(mktemp --directory)
trap 'rm -rf "$secrets"' EXIT
authorities=${PIP_CERT:-${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}}
pip_configuration >"$secrets/pip.conf"
options=(--secret "id=pip.conf,src=$secrets/pip.conf")
[[ ! -f $authorities ]] || options+=(--secret "id=ca,src=$authorities")
for variable in HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy; do
    options+=(--build-arg "$variable") # from the environment; Docker keeps these out of the image
done

for name in "$@"; do
    started=$SECONDS
    case $name in
    test-*) file=$here/Dockerfile.${name#test-} ;;
    *) file=$root/Dockerfile.$name ;;
    esac
    build_image --file "$file" --tag "$(image "$name")" --build-arg PYTHON_IMAGE="$base" \
        --build-arg VERSION="$version" "${options[@]}" "$root"
    # What had the name before.
    quietly docker image prune --force --filter "label=org.opencontainers.image.title=binance-streamset-$name"
    done_in "$started" "built $(image "$name")"
done
