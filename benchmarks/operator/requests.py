"""Requests by verb and resource: as the API server wrote them down, and as the operator counted them.

Pure. The two agree when both say the same of what the operator's own client did; kopf's client
watches beside it and is told apart by its user agent.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

MUTATING = frozenset({"create", "update", "patch", "delete", "deletecollection"})
REVIEWS = "selfsubjectaccessreviews"
"""Created, but nothing of them is kept: the question of whether one may do something."""

OWN_CLIENT = "streamset-operator/"
"""How the user agent of the operator's own client begins."""

METHODS = {"get": "get", "list": "get", "create": "post", "update": "put", "patch": "patch",
           "delete": "delete"}  # fmt: skip
"""Verb of the API server → HTTP method, in which the operator counts."""

SAMPLE = re.compile(
    r'streamset_operator_api_requests_total\{method="(\w+)",resource="(\w+)"\} (\S+)'
)


class Request(NamedTuple):
    """A kind of request: `patch`, `binancestreamsets/status`."""

    verb: str
    resource: str

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}"

    @property
    def writes(self) -> bool:
        """Whether it can change anything."""
        return self.verb in MUTATING and self.resource != REVIEWS


Counts = Counter[Request]


class Audit(NamedTuple):
    """What the API server wrote down: the operator's own requests, and those of its watches.

    `refused` counts the answers by status code, from 400 on.
    """

    own: Counts
    watches: Counts
    refused: Counter[int]


def read_audit(lines: Iterable[str | bytes], user: str) -> Audit:
    """Count the requests of a user for objects, from an audit log in JSON lines.

    A watch is written down when it begins and when it ends, under the same id. Requests for no
    object (`/apis/apps/v1`) are left out, as the operator leaves them out.
    """
    found = Audit(Counter(), Counter(), Counter())
    seen: set[str] = set()
    for line in lines:
        event = json.loads(line)
        target = event.get("objectRef")
        if event["user"]["username"] != user or target is None or event["auditID"] in seen:
            continue
        seen.add(event["auditID"])
        part = f"/{target['subresource']}" if target.get("subresource") else ""
        own = event.get("userAgent", "").startswith(OWN_CLIENT)
        counts = found.own if own else found.watches
        counts[Request(event["verb"], target["resource"] + part)] += 1
        if (code := event.get("responseStatus", {}).get("code", 200)) >= 400:
            found.refused[code] += 1
    return found


def read_metrics(text: str) -> Counter[tuple[str, str]]:
    """Return the operator's own counts, by HTTP method and resource, from its Prometheus text."""
    samples = (SAMPLE.match(line) for line in text.splitlines())
    return Counter({(s[1], s[2]): round(float(s[3])) for s in samples if s is not None})


def disagreement(
    audited: Mapping[Request, int], counted: Mapping[tuple[str, str], int]
) -> dict[str, tuple[int, int]]:
    """Return where the two differ: what, as often as audited, as often as counted."""
    folded: Counter[tuple[str, str]] = Counter()
    for request, count in audited.items():
        method = METHODS.get(request.verb, request.verb)
        folded[method, request.resource.partition("/")[0]] += count
    return {
        " ".join(what): (folded[what], counted.get(what, 0))
        for what in sorted(folded.keys() | counted.keys())
        if folded[what] != counted.get(what, 0)
    }


def writes(counts: Mapping[Request, int]) -> int:
    """Return how many requests could change something."""
    return sum(count for request, count in counts.items() if request.writes)
