"""`streamset render`: the objects that the operator would make of a manifest, without a cluster."""

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from streamset_api.errors import ConfigError, Problem
from streamset_api.manifest import load_manifest
from streamset_api.resource import BinanceStreamSet
from streamset_api.validation import read_yaml
from streamset_operator import labels, settings
from streamset_operator.objects import build
from streamset_operator.plan import plan
from streamset_operator.settings import Settings
from streamset_operator.shares import live_shares, next_shares

DESCRIPTION = """\
Print the Kubernetes objects that the operator would make of a BinanceStreamSet manifest, as YAML.
No cluster is needed, and none is asked.

Owner references need the uid of a set that exists: they are there if the manifest has one, as in
`kubectl get bss NAME -o yaml`.
"""

EPILOG = """\
examples:
  streamset render examples/spot-majors.yaml
  streamset render set.yaml --relay-image my-relay:2.1 | kubectl diff -f -
  kubectl get configmaps -l streams.petrosa.io/set=majors -o yaml > now.yaml
  streamset render set.yaml --current now.yaml      # streams stay on the relays that they are on

The operator's own settings count here too, as flags or from the environment.

exit codes: 0 printed; 2 wrong manifest, file or setting
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command to argparse."""
    parser.description = DESCRIPTION
    parser.epilog = EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("manifest", type=Path, metavar="MANIFEST", help="YAML or JSON; - is stdin")
    parser.add_argument(
        "--current",
        type=Path,
        metavar="FILE",
        help="the set's ConfigMaps as they are: streams move only where they have to",
    )
    parser.add_argument(
        "--namespace", "-n", metavar="NAME", help="namespace (default: the manifest's, or default)"
    )
    parser.add_argument(
        "--no-pod-monitors",
        action="store_true",
        help="as for a cluster that does not know the kind PodMonitor",
    )
    settings.add_arguments(
        parser.add_argument_group("settings of the operator"), only=settings.SHAPING
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the objects; the exit code."""
    try:
        resource = _resource(arguments.manifest, arguments.namespace)
        current = _config_maps(arguments.current, resource.metadata.name)
        configured = settings.load(os.environ, vars(arguments))
        objects = render(resource, current, configured, pod_monitors=not arguments.no_pod_monitors)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    print(to_yaml(objects), end="")
    return 0


def render(
    resource: BinanceStreamSet,
    config_maps: list[Mapping[str, Any]],
    configured: Settings,
    *,
    pod_monitors: bool,
) -> list[dict[str, Any]]:
    """Return what the operator would apply next. Raises `ConfigError`."""
    live = live_shares(resource.metadata.name, config_maps)
    shares = next_shares(resource, live, (), configured.move_patience)
    relays = plan(resource, shares, configured.report_interval)
    return build(resource, relays, configured, pod_monitors=pod_monitors)


def to_yaml(objects: list[dict[str, Any]]) -> str:
    """Return the objects as one file, with texts of several lines as such."""
    return yaml.dump_all(
        objects, Dumper=_Dumper, sort_keys=False, allow_unicode=True, explicit_start=True
    )


class _Dumper(yaml.SafeDumper):
    """Writes a text of several lines as a block, and every value out instead of an alias."""

    def ignore_aliases(self, _: Any) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def _resource(file: Path, namespace: str | None) -> BinanceStreamSet:
    where = "standard input" if str(file) == "-" else str(file)
    resource = load_manifest(_read(file, where), where)
    given = resource.metadata.namespace
    if namespace is not None and given not in (None, namespace):
        allowed = f"{given}, which the manifest says, or a manifest without a namespace"
        raise ConfigError([Problem("--namespace", namespace, allowed)])
    metadata = resource.metadata.model_copy(update={"namespace": namespace or given or "default"})
    return resource.model_copy(update={"metadata": metadata})


def _config_maps(file: Path | None, set_name: str) -> list[Mapping[str, Any]]:
    """Return the set's ConfigMaps of a file: a List, as kubectl prints it, or several documents."""
    if file is None:
        return []
    found: list[Any] = []
    for document in read_yaml(_read(file, str(file)), str(file)):
        items = document.get("items") if isinstance(document, Mapping) else None
        found += items if isinstance(items, list) else [document]
    config_maps = [thing for thing in found if _is_config_map(thing, set_name)]
    if not config_maps:
        allowed = f"ConfigMaps with the label {labels.SET}={set_name}"
        raise ConfigError([Problem(str(file), f"{len(found)} objects", allowed)])
    return config_maps


def _is_config_map(thing: Any, set_name: str) -> bool:
    if not isinstance(thing, Mapping) or thing.get("kind") != "ConfigMap":
        return False
    metadata = thing.get("metadata")
    if not isinstance(metadata, Mapping) or not isinstance(metadata.get("name"), str):
        return False
    return (metadata.get("labels") or {}).get(labels.SET) == set_name


def _read(file: Path, where: str) -> str:
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([Problem(where, str(error), "a readable UTF-8 file")]) from None
