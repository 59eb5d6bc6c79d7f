"""Values that are wrong are refused and named; right ones pass Helm's own checks."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from streamset_api.resource import parse
from tests.support.helm import CHART, Helm, HelmError, given

RIGHT: dict[str, dict[str, Any]] = {
    "default": {},
    "narrow": {"watch.namespaces": ["a", "b"], "rbac.aggregate": False},
    "everything": {
        "networkPolicy.enabled": True,
        "metrics.podMonitor.enabled": True,
        "metrics.podMonitor.interval": "1m30s",
        "imageRegistry": "registry.example.com",
        "image.pullSecrets": ["one"],
        "commonLabels": {"team": "data"},
        "podAnnotations": {"a": "b"},
        "extraEnv": [{"name": "A", "value": "b"}],
        "tolerations": [{"operator": "Exists", "tolerationSeconds": 5}],
        "priorityClassName": "high",
    },
    "nothing": {"crds.enabled": False, "rbac.create": False, "serviceAccount.create": False},
    "below another chart": {"global": {"imageRegistry": "x"}, "enabled": True},
}

WRONG: list[dict[str, tuple[Any, str]]] = [
    {
        "replicas": (2, "additional properties 'replicas' not allowed"),
        "image.tagg": ("7", "'/image': additional properties 'tagg' not allowed"),
        "image.tag": (7, "'/image/tag': got number, want string"),
        "image.digest": ("sha256:12", "'/image/digest'"),
        "image.repository": ("", "'/image/repository'"),
        "image.pullPolicy": ("Sometimes", "'/image/pullPolicy'"),
        "imageRegistry": ("registry.example.com/", "'/imageRegistry'"),
        "watch.namespaces": (["A"], "'/watch/namespaces/0'"),
        "logLevel": ("LOUD", "'/logLevel'"),
        "reportInterval": ("30s", "'/reportInterval': got string, want number"),
        "timing.watchTimeout": (86401, "'/timing/watchTimeout'"),
        "workers": (101, "'/workers'"),
        "health.port": (0, "'/health/port'"),
        "networkPolicy.apiServerPorts": ([], "'/networkPolicy/apiServerPorts'"),
        "networkPolicy.apiServerCIDRs": (["10.0.0.1"], "'/networkPolicy/apiServerCIDRs/0'"),
        "nodeSelector": ({"gpu": True}, "'/nodeSelector/gpu'"),
        "resources.limit": ({}, "'/resources': additional properties 'limit' not allowed"),
        "extraEnv": ([{"value": "x"}], "'/extraEnv/0': missing property 'name'"),
        "metrics.podMonitor.interval": ("often", "'/metrics/podMonitor/interval'"),
    },
    {
        "image.tag": ("a b", "'/image/tag'"),
        "image.repository": ("a@sha256:1", "'/image/repository'"),
        "watch.namespaces": ("a,b", "'/watch/namespaces': got string, want array"),
        "reportInterval": (0, "'/reportInterval'"),
        "networkPolicy.apiServerPorts": (None, "missing property 'apiServerPorts'"),
        "extraEnv": ([{"name": "A", "vale": "x"}], "additional properties 'vale' not allowed"),
    },
    {"watch.namespaces": (["a", "a"], "'/watch/namespaces': items at 0 and 1 are equal")},
    {"timing.retryMaxDelay": (0.5, "timing.retryMaxDelay: at least timing.retryInitialDelay")},
    {"metrics.port": (8080, "metrics.port: another one than health.port")},
]
"""Each all at once: path → wrong value, and how Helm names it."""


@pytest.mark.parametrize("values", RIGHT.values(), ids=RIGHT)
def test_lint_finds_nothing(helm: Helm, values: dict[str, Any]) -> None:
    printed = helm.run("lint", "--strict", str(CHART), *given(values))

    assert "1 chart(s) linted, 0 chart(s) failed" in printed
    assert "[WARNING]" not in printed


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_values_are_named(helm: Helm, wrong: dict[str, tuple[Any, str]]) -> None:
    flags = given({path: value for path, (value, _) in wrong.items()})

    with pytest.raises(HelmError) as raised:
        helm.run("template", "streamset", str(CHART), *flags)

    assert [named for _, named in wrong.values() if named not in str(raised.value)] == []


@pytest.mark.parametrize("oldest", ["1.30.0", "1.31.4-eks-1", "1.37.0"])
def test_supported_clusters_are_taken(helm: Helm, oldest: str) -> None:
    assert helm.run("template", "streamset", str(CHART), "--kube-version", oldest)


def test_older_clusters_are_refused(helm: Helm) -> None:
    with pytest.raises(HelmError, match=re.escape(">=1.30.0")):
        helm.run("template", "streamset", str(CHART), "--kube-version", "1.29.9")


@pytest.mark.parametrize(("namespaces", "where"), [([], "default"), (["data", "b"], "data")])
def test_the_notes_say_what_to_do_next(helm: Helm, namespaces: list[str], where: str) -> None:
    flags = given({"watch.namespaces": namespaces})
    printed = helm.run("install", "bss", str(CHART), "--dry-run=client", "--namespace=ops", *flags)
    notes = printed.partition("NOTES:")[2]
    manifest = re.search(r"<<'EOF'\n(.*?)\n *EOF", notes, re.DOTALL)

    assert "helm test bss --namespace ops" in notes
    assert f"kubectl apply --namespace {where} " in notes
    assert f"kubectl get bss --namespace {where} --watch" in notes
    assert manifest is not None
    assert parse(yaml.safe_load(manifest[1]), strict=True).metadata.name == "majors"


def test_a_package_holds_all_that_is_needed(helm: Helm, tmp_path: Path) -> None:
    helm.run("package", str(CHART), "--destination", str(tmp_path))
    [package] = tmp_path.glob("*.tgz")

    assert helm.template(package, {}) == helm.template(CHART, {})
