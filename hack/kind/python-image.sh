#!/usr/bin/env bash
# Prints the name of the image that the project's images are made from: python:3.13-slim where it is there
# or can be pulled, else a stand-in from Debian packages (its Python is the same minor version).
# PYTHON_IMAGE names another one.
source "$(dirname "$0")/common.sh"

official=python:3.13-slim
if [[ -n ${PYTHON_IMAGE:-} ]]; then
    echo "$PYTHON_IMAGE"
elif has_image "$official" || docker pull --quiet "$official" >/dev/null 2>&1; then
    echo "$official"
else
    "$here/rootfs.sh" binance-streamset-python trixie ca-certificates python-is-python3 python3 python3-venv
fi
