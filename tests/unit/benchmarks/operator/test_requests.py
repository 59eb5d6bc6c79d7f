"""Requests as the API server and the operator count them."""

import json
from typing import Any

from benchmarks.operator.requests import (
    Request,
    disagreement,
    read_audit,
    read_metrics,
    writes,
)

USER = "system:serviceaccount:streamset-system:operator"
OURS = "streamset-operator/1.0"
KOPF = "kopf/1.45"


def line(
    number: int,
    verb: str,
    resource: str | None,
    *,
    part: str = "",
    user: str = USER,
    agent: str = OURS,
    code: int = 200,
    stage: str = "ResponseComplete",
) -> str:
    event: dict[str, Any] = {
        "auditID": f"id-{number}",
        "stage": stage,
        "verb": verb,
        "user": {"username": user},
        "userAgent": agent,
        "responseStatus": {"code": code},
    }
    if resource is not None:
        event["objectRef"] = {"resource": resource, "name": "x", "subresource": part}
    return json.dumps(event)


def test_requests_are_counted_by_verb_resource_and_subresource() -> None:
    lines = [
        line(1, "patch", "binancestreamsets", part="status"),
        line(2, "patch", "binancestreamsets", part="status"),
        line(3, "get", "deployments", code=404),
    ]

    own, watches, refused = read_audit(lines, USER)

    assert own == {
        Request("patch", "binancestreamsets/status"): 2,
        Request("get", "deployments"): 1,
    }
    assert not watches
    assert refused == {404: 1}


def test_a_watch_counts_once_though_it_is_written_down_twice() -> None:
    lines = [
        line(1, "watch", "pods", agent=KOPF, stage="ResponseStarted"),
        line(1, "watch", "pods", agent=KOPF),
        line(2, "list", "pods", agent=KOPF),
    ]

    own, watches, _ = read_audit(lines, USER)

    assert not own
    assert watches == {Request("watch", "pods"): 1, Request("list", "pods"): 1}


def test_others_and_requests_for_no_object_are_left_out() -> None:
    lines = [line(1, "patch", "pods", user="admin"), line(2, "get", None)]

    assert read_audit(lines, USER) == ({}, {}, {})


def test_metrics_are_read_by_method_and_resource() -> None:
    text = """\
# TYPE streamset_operator_api_requests_total counter
streamset_operator_api_requests_total{method="patch",resource="deployments"} 12.0
streamset_operator_api_requests_total{method="get",resource="pods"} 1e+03
streamset_operator_api_requests_created{method="get",resource="pods"} 1.7e+09
streamset_operator_sets 4.0
"""

    assert read_metrics(text) == {("patch", "deployments"): 12, ("get", "pods"): 1000}


def test_both_counts_agree_in_the_words_of_http() -> None:
    audited = {
        Request("list", "pods"): 1,
        Request("get", "pods"): 2,
        Request("create", "events"): 3,
        Request("patch", "binancestreamsets/status"): 4,
    }
    counted = {("get", "pods"): 3, ("post", "events"): 3, ("patch", "binancestreamsets"): 4}

    assert disagreement(audited, counted) == {}


def test_a_difference_is_told_with_both_counts() -> None:
    audited = {Request("patch", "pods"): 2}
    counted = {("patch", "pods"): 1, ("get", "roles"): 1}

    assert disagreement(audited, counted) == {"patch pods": (2, 1), "get roles": (0, 1)}


def test_only_what_may_change_something_is_a_write() -> None:
    counts = {
        Request("list", "pods"): 5,
        Request("watch", "pods"): 1,
        Request("create", "selfsubjectaccessreviews"): 49,
        Request("create", "events"): 2,
        Request("delete", "services"): 1,
    }

    assert writes(counts) == 3
