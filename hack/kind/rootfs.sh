#!/usr/bin/env bash
# Makes a base image from Debian packages, with debootstrap: a stand-in where no image registry is reachable.
#
#   hack/kind/rootfs.sh NAME SUITE PACKAGE...    prints NAME:HASH; made only where it is missing
#
# The mirror is the one that this machine's apt uses for Debian, else debootstrap's own default.
source "$(dirname "$0")/common.sh"

name=$1 suite=$2
shift 2
image=$name:$(cat "$0" <(echo "$suite" "$@") | short_hash)
echo "$image"
has_image "$image" && exit

((EUID == 0)) || fail "debootstrap has to run as root"
need debootstrap debian-archive-keyring
started=$SECONDS
mkdir -p "$cache"
folder=$(mktemp --directory --tmpdir="$cache" rootfs.XXXXXX)
trap 'rm -rf "$folder"' EXIT
# shellcheck disable=SC2016  # apt-get fills in $(SITE)
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Label: Debian' | head -n 1)
quietly debootstrap --variant=minbase --include="$(IFS=, && echo "$*")" "$suite" "$folder/tree" ${mirror:+"$mirror"}
rm -rf "$folder"/tree/var/{cache/apt,lib/apt/lists}/* "$folder"/tree/usr/share/{doc,man,locale}/*
tar --directory "$folder/tree" --numeric-owner --create . | docker import - "$image" >/dev/null
done_in "$started" "made $image from Debian $suite"
