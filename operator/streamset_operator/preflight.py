"""Before anything is watched: is the kind there, and may the operator do what it will have to do?

A right that is missing would show hours later, as one set that stays as it is. So each is asked for
at the start, by SelfSubjectAccessReview, and named with verb, resource and namespace. `RIGHTS` is
what the Roles of an installation have to grant.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

from streamset_operator import errors, kinds
from streamset_operator.cluster import Cluster
from streamset_operator.kinds import Kind

log = logging.getLogger(__name__)

T = TypeVar("T")


class Right(NamedTuple):
    """A verb on a kind, or on a part of it."""

    verb: str
    kind: Kind
    part: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.kind.resource}{f'/{self.part}' if self.part else ''}"


FOLLOWED = ("list", "watch")
MADE = ("get", *FOLLOWED, "create", "patch", "delete")

RIGHTS: tuple[Right, ...] = (
    *(Right(verb, kinds.SETS) for verb in FOLLOWED),
    Right("patch", kinds.SETS, "status"),
    *(Right(verb, kind) for kind in kinds.OWNED for verb in MADE),
    *(Right(verb, kinds.PODS) for verb in (*FOLLOWED, "patch")),
    Right("create", kinds.EVENTS),
)
"""What the operator may do in every namespace that it looks after."""

POD_MONITOR_RIGHTS = tuple(Right(verb, kinds.POD_MONITORS) for verb in MADE)
"""And where the cluster knows PodMonitors."""

TRIES = 3
"""Times that a right is asked for: an API server follows Roles by a watch of its own, and knows one
that was made with the operator's pod only a moment later."""


async def check_rights(
    cluster: Cluster, namespaces: Sequence[str], *, pod_monitors: bool, wait: float
) -> None:
    """Ask for every right, in each namespace or in all at once. Raises `MissingRights`.

    What is lacking is asked for again after `wait` seconds, as is an API server that fails.
    """
    rights = (*RIGHTS, *(POD_MONITOR_RIGHTS if pod_monitors else ()))
    lacking = [(namespace, right) for namespace in namespaces or (None,) for right in rights]
    for again in range(TRIES):
        if again:
            log.warning("Rights are missing; asking again", extra={"rights": _told(lacking)})
            await asyncio.sleep(wait)
        lacking = [asked for asked in lacking if not await _has(cluster, *asked, wait)]
        if not lacking:
            return
    raise errors.MissingRights(_told(lacking))


async def wait_for_kind(cluster: Cluster, poll: float, missing: Callable[[], None]) -> None:
    """Wait until the API server knows sets: the CRD may be installed after the operator.

    `missing` is called each time that it does not; it is asked again after `poll` seconds.
    """
    told = False
    while not await patiently(lambda: cluster.serves(kinds.SETS), poll):
        missing()
        if not told:
            log.warning("The CRD is not installed; waiting", extra={"crd": kinds.SETS.resource})
        told = True
        await asyncio.sleep(poll)


async def patiently(request: Callable[[], Awaitable[T]], wait: float) -> T:
    """Return the answer, asking until the API server gives one.

    A refusal is no answer either: a kind whose definition is replaced is not there for a moment.
    """
    while True:
        try:
            return await request()
        except errors.ClusterError as error:
            log.warning("The API server fails at the start", extra={"error": str(error)})
            asked_for = error.retry_after if isinstance(error, errors.Unavailable) else None
            await asyncio.sleep(max(asked_for or 0.0, wait))


async def _has(cluster: Cluster, namespace: str | None, right: Right, wait: float) -> bool:
    ask = partial(cluster.may, right.verb, right.kind, right.part, namespace)
    return await patiently(ask, wait)


def _told(lacking: Sequence[tuple[str | None, Right]]) -> list[str]:
    return [
        f"{right} {f'in namespace {namespace}' if namespace else 'in all namespaces'}"
        for namespace, right in lacking
    ]
