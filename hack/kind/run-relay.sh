#!/usr/bin/env bash
# Runs the relay's image alone, on the host's network, with the settings of the environment and of .env.
# The environment wins. Docker reads .env itself: there, quotes would be a part of a value.
source "$(dirname "$0")/common.sh"

image=$("$here/images.sh" --names relay)
options=(--rm --network host --read-only --cap-drop ALL --security-opt no-new-privileges)
[[ ! -t 0 ]] || options+=(--interactive --tty)
[[ ! -f $root/.env ]] || options+=(--env-file "$root/.env")
code='from streamset_relay.settings import ENVIRONMENT; print(*ENVIRONMENT, sep="\n")'
variables=$(docker run --rm --network none --entrypoint python "$image" -c "$code")
for variable in $variables $(compgen -e OTEL_); do
    options+=(--env "$variable") # the name alone: its value where it is set here, else nothing
done
exec docker run "${options[@]}" "$image" "$@"
