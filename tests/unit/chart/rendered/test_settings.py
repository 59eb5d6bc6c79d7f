"""Every setting of the operator has a value of the chart, with the same default."""

from typing import Any

import pytest
import yaml

from streamset_operator.settings import TABLE, Settings, load
from tests.support.helm import CHART, Helm, HelmError, given
from tests.unit.chart.rendered.conftest import Render

DIGEST = "sha256:" + "0a" * 32
VERSION = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]

VALUES: dict[str, tuple[dict[str, Any], Any]] = {
    "RELAY_IMAGE": ({"relayImage.repository": "far/relay"}, f"far/relay:{VERSION}"),
    "RELAY_IMAGE_PULL_SECRETS": ({"relayImage.pullSecrets": ["a", "b"]}, ("a", "b")),
    "REPORT_INTERVAL": ({"reportInterval": 0.5}, 0.5),
    "WATCH_NAMESPACES": ({"watch.namespaces": ["a", "123"]}, ("a", "123")),
    "API_SERVER_PORTS": ({"networkPolicy.apiServerPorts": [8443]}, (8443,)),
    "API_SERVER_CIDRS": ({"networkPolicy.apiServerCIDRs": ["fd00::/8"]}, ("fd00::/8",)),
    "INGRESS_NAMESPACES": ({"networkPolicy.ingressNamespaces": []}, ()),
    "MONITORING_NAMESPACES": ({"networkPolicy.monitoringNamespaces": ["a"]}, ("a",)),
    "MOVE_PATIENCE": ({"timing.movePatience": 15}, 15.0),
    "RESYNC_INTERVAL": ({"timing.resyncInterval": 86400}, 86400.0),
    "RETRY_INITIAL_DELAY": ({"timing.retryInitialDelay": 0.1}, 0.1),
    "RETRY_MAX_DELAY": ({"timing.retryMaxDelay": 60}, 60.0),
    "WORKERS": ({"workers": 1}, 1),
    "WATCH_TIMEOUT": ({"timing.watchTimeout": 100}, 100.0),
    "REQUEST_TIMEOUT": ({"timing.requestTimeout": 5}, 5.0),
    "HEALTH_PORT": ({"health.port": 8081}, 8081),
    "METRICS_PORT": ({"metrics.port": 9091}, 9091),
    "LOG_LEVEL": ({"logLevel": "DEBUG"}, "DEBUG"),
}
"""Variable → values of the chart that set it, and what the operator reads then."""


def test_the_defaults_are_the_operators_own(render: Render) -> None:
    assert load(render().environment) == Settings(relay_image=f"binance-streamset-relay:{VERSION}")


def test_every_setting_is_reachable() -> None:
    assert set(VALUES) == set(TABLE)


@pytest.mark.parametrize("variable", TABLE)
def test_a_value_becomes_the_setting(render: Render, variable: str) -> None:
    everything = {path: value for values, _ in VALUES.values() for path, value in values.items()}

    settings = load(render(everything).environment)

    assert getattr(settings, TABLE[variable].field) == VALUES[variable][1]


@pytest.mark.parametrize(
    ("values", "image", "relay"),
    [
        ({}, f"binance-streamset-operator:{VERSION}", f"binance-streamset-relay:{VERSION}"),
        (
            {"imageRegistry": "registry.example.com:5000/team"},
            f"registry.example.com:5000/team/binance-streamset-operator:{VERSION}",
            f"registry.example.com:5000/team/binance-streamset-relay:{VERSION}",
        ),
        (
            {"image.repository": "a/b", "image.tag": "7", "relayImage.tag": "1.0"},
            "a/b:7",
            "binance-streamset-relay:1.0",
        ),
        (
            {"image.digest": DIGEST, "image.tag": "7", "relayImage.digest": DIGEST},
            f"binance-streamset-operator@{DIGEST}",
            f"binance-streamset-relay@{DIGEST}",
        ),
    ],
)
def test_images(render: Render, values: dict[str, str], image: str, relay: str) -> None:
    objects = render(values)

    assert objects.container["image"] == image
    assert objects.one("Pod")["spec"]["containers"][0]["image"] == image
    assert objects.environment["RELAY_IMAGE"] == relay


def test_the_operator_has_no_other_variables_but_extra_ones(render: Render) -> None:
    extra = [
        {"name": "PYTHONFAULTHANDLER", "value": "1"},
        {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
    ]
    plain, more = render(), render({"extraEnv": extra})

    assert set(plain.environment) <= set(TABLE)
    assert more.container["env"] == plain.container["env"] + extra


@pytest.mark.parametrize(
    "variable", ["LOG_LEVEL", "WATCH_NAMESPACES"]
)  # one that is set, one empty
def test_extra_variables_do_not_hide_a_value(helm: Helm, variable: str) -> None:
    flags = given({"extraEnv": [{"name": variable, "value": "x"}]})

    with pytest.raises(HelmError, match=f"extraEnv: {variable} is what a value"):
        helm.run("template", "streamset", str(CHART), *flags)
