"""The roles grant what the operator asks for at its start, where it looks, and nothing else."""

import pytest

from streamset_operator.objects.role import role
from streamset_operator.preflight import POD_MONITOR_RIGHTS, RIGHTS
from tests.unit.chart.rendered.conftest import Render
from tests.unit.chart.rendered.objects import Grant, Objects, grants

ASKED_FOR = sorted(
    Grant(right.kind.group, "/".join(filter(None, (right.kind.plural, right.part))), right.verb)
    for right in (*RIGHTS, *POD_MONITOR_RIGHTS)
)
NARROW = {"watch.namespaces": ["market-data", "research"]}


def aggregated(objects: Objects) -> list[str]:
    return sorted(
        found["metadata"]["name"]
        for found in objects.of("ClusterRole")
        if any("aggregate-to" in label for label in found["metadata"]["labels"])
    )


def test_cluster_wide_it_is_what_the_preflight_asks_for(render: Render) -> None:
    objects = render()
    [granted] = [
        found
        for found in objects.of("ClusterRole")
        if found["metadata"]["name"] == "streamset-binance-streamset-operator"
    ]

    assert sorted(grants(granted)) == ASKED_FOR
    assert objects.of("Role") == []


def test_each_namespace_gets_the_same_and_the_cluster_nothing(render: Render) -> None:
    objects = render(NARROW)

    assert objects.of("ClusterRole") == []
    assert objects.of("ClusterRoleBinding") == []
    roles = {found["metadata"]["namespace"]: found for found in objects.of("Role")}
    assert set(roles) == {"market-data", "research"}
    for found in roles.values():
        assert sorted(grants(found)) == ASKED_FOR
    assert objects.environment["WATCH_NAMESPACES"] == "market-data,research"


@pytest.mark.parametrize("values", [{}, NARROW])
def test_the_operators_account_has_the_role(render: Render, values: dict[str, object]) -> None:
    objects = render(values)
    kind = "Role" if values else "ClusterRole"
    account = objects.one("ServiceAccount")["metadata"]

    for binding in objects.of(f"{kind}Binding"):
        assert binding["roleRef"]["kind"] == kind
        [granted] = [
            found
            for found in objects.of(kind)
            if found["metadata"]["name"] == binding["roleRef"]["name"]
            and found["metadata"].get("namespace") == binding["metadata"].get("namespace")
        ]
        assert grants(granted)
        assert binding["subjects"] == [
            {"kind": "ServiceAccount", "name": account["name"], "namespace": account["namespace"]}
        ]
    assert objects.pod["serviceAccountName"] == account["name"]


def test_it_holds_what_it_hands_on_to_relays(render: Render) -> None:
    """Whoever makes a Role has to hold what that grants, or the API server refuses it."""
    [granted] = render({**NARROW, "watch.namespaces": ["one"]}).of("Role")

    assert set(grants(role("majors"))) <= set(grants(granted))


def test_nothing_is_granted_on_secrets_and_nothing_by_wildcard(render: Render) -> None:
    granted = [grant for found in render().of("ClusterRole") for grant in grants(found)]

    assert len(granted) > 50
    assert [
        grant for grant in granted if "*" in grant or grant.resource.startswith("secrets")
    ] == []


def test_users_roles_are_made_once_cluster_wide_and_on_request(render: Render) -> None:
    name = "streamset-binance-streamset-operator"

    assert aggregated(render()) == [f"{name}-edit", f"{name}-view"]
    assert aggregated(render({"rbac.aggregate": False})) == []


def test_without_rbac_no_role_is_made_and_the_account_may_be_anothers(render: Render) -> None:
    objects = render(
        {"rbac.create": False, "serviceAccount.create": False, "serviceAccount.name": "mine"}
    )

    assert not {"ClusterRole", "ClusterRoleBinding", "ServiceAccount"} & set(objects.kinds)
    assert objects.pod["serviceAccountName"] == "mine"
