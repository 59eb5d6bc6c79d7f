"""The API server, as the operator uses it. No other module reads or writes the cluster.

Made of the asynchronous half of the official client: its dynamic client, with kinds from our own
table instead of discovery, which would need a writable cache file and rights of its own. Every
failure comes out as one of `errors`; what the library raises ends here.

No method repeats a request. Who asks decides when to ask again.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.dynamic import DynamicClient
from kubernetes.aio.dynamic.resource import Resource

from streamset_operator import errors, kinds, login, refusal
from streamset_operator.failpoints import Failpoint, Passed
from streamset_operator.kinds import Key, Kind
from streamset_operator.labels import MANAGER
from streamset_operator.metrics import Metrics
from streamset_operator.settings import Settings

APPLY = "application/apply-patch+yaml"
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"

PAGE = 500
"""Objects per page of a list."""

Object = dict[str, Any]


class Cluster:
    """Reads and writes objects. `passed` is called after each write, with its failpoint."""

    def __init__(self, api: ApiClient, timeout: float, passed: Passed, metrics: Metrics) -> None:
        self._dynamic = DynamicClient(api)
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._passed = passed
        self._metrics = metrics

    async def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """Return the object, or None where there is none of that name."""
        try:
            return await self._request("get", kind, namespace, name)
        except errors.NotFound:
            return None

    async def list(
        self, kind: Kind, namespace: str | None, labels: str
    ) -> tuple[list[Object], int]:
        """Return all objects with the labels, and the version that the list is of."""
        items: list[Object] = []
        more: str | None = None
        while True:
            page = await self._request(
                "get", kind, namespace, limit=PAGE, label_selector=labels or None, _continue=more
            )
            # A list names its kind once; its items leave it out.
            head = {"apiVersion": kind.api_version, "kind": kind.kind}
            items.extend(head | item for item in page["items"])
            more = page["metadata"].get("continue")
            if not more:
                return items, int(page["metadata"]["resourceVersion"])

    async def apply(self, wanted: Mapping[str, Any]) -> Object:
        """Make the object what is wanted, by server-side apply; returns what it is now."""
        kind = kinds.of(wanted)
        metadata = wanted["metadata"]
        found = await self._apply(kind, metadata["namespace"], metadata["name"], wanted)
        self._passed(Failpoint(f"apply-{kind.kind.lower()}"))
        return found

    async def apply_status(self, body: Mapping[str, Any]) -> Object:
        """Make the operator's part of a set's status what it is to be; returns the set.

        Nothing but status is written: the subresource ignores all else.
        """
        metadata = body["metadata"]
        found = await self._apply(
            kinds.SETS, metadata["namespace"], metadata["name"], body, "status"
        )
        self._passed(Failpoint.STATUS)
        return found

    async def patch_status(self, key: Key, operations: Sequence[Mapping[str, Any]]) -> Object:
        """Apply a JSON Patch to a set's status. Raises `Conflict` when one of its tests fails."""
        try:
            found = await self._request(
                "patch",
                kinds.SETS,
                *key,
                "status",
                body=[dict(operation) for operation in operations],
                content_type=JSON_PATCH,
                field_manager=MANAGER,
            )
        except errors.Invalid as invalid:
            raise errors.Conflict(invalid.request, invalid.message) from invalid
        self._passed(Failpoint.ENTRIES)
        return found

    async def patch(self, kind: Kind, key: Key, operations: Sequence[Mapping[str, Any]]) -> Object:
        """Apply a JSON Patch to an object. Raises `Invalid` when one of its tests fails."""
        found = await self._request(
            "patch",
            kind,
            *key,
            body=[dict(operation) for operation in operations],
            content_type=JSON_PATCH,
            field_manager=MANAGER,
        )
        self._passed(Failpoint.REPAIR)
        return found

    async def annotate(self, kind: Kind, key: Key, annotations: Mapping[str, str]) -> Object:
        """Set annotations of an object that exists."""
        found = await self._request(
            "patch",
            kind,
            *key,
            body={"metadata": {"annotations": dict(annotations)}},
            content_type=MERGE_PATCH,
            field_manager=MANAGER,
        )
        self._passed(Failpoint.TOUCH)
        return found

    async def delete(self, kind: Kind, namespace: str, name: str, uid: str) -> None:
        """Delete the object if it still is the one of that uid."""
        options = {"preconditions": {"uid": uid}, "propagationPolicy": "Background"}
        try:
            await self._request("delete", kind, namespace, name, body=options)
        except (errors.NotFound, errors.Conflict):
            return  # gone, or another one of the same name
        self._passed(Failpoint.PRUNE)

    async def create_event(self, event: Mapping[str, Any]) -> None:
        """Post an Event."""
        await self._request("post", kinds.EVENTS, event["metadata"]["namespace"], body=dict(event))
        self._passed(Failpoint.EVENT)

    async def may(self, verb: str, kind: Kind, subresource: str, namespace: str | None) -> bool:
        """Tell whether the operator has a right; `namespace` None is all of them."""
        attributes = {
            "verb": verb,
            "group": kind.group,
            "resource": kind.plural,
            "subresource": subresource,
            "namespace": namespace or "",
        }
        body = {
            "apiVersion": kinds.REVIEWS.api_version,
            "kind": kinds.REVIEWS.kind,
            "spec": {"resourceAttributes": attributes},
        }
        answer = await self._request("post", kinds.REVIEWS, None, body=body)
        return bool(answer["status"]["allowed"])

    async def serves(self, kind: Kind) -> bool:
        """Tell whether the API server knows the kind."""
        request = f"get the kinds of {kind.api_version}"
        try:
            found = await self._send(request, "get", f"/apis/{kind.api_version}", {})
        except errors.NotFound:
            return False
        return any(resource["name"] == kind.plural for resource in found["resources"])

    async def _apply(
        self, kind: Kind, namespace: str, name: str, body: Mapping[str, Any], part: str = ""
    ) -> Object:
        return await self._request(
            "patch",
            kind,
            namespace,
            name,
            part,
            body=dict(body),
            content_type=APPLY,
            field_manager=MANAGER,
            force_conflicts=True,
        )

    async def _request(
        self,
        method: str,
        kind: Kind,
        namespace: str | None,
        name: str | None = None,
        part: str = "",
        **parameters: Any,
    ) -> Object:
        path = _resource(kind).path(name=name, namespace=namespace) + (f"/{part}" if part else "")
        what = f"{method} {kind.resource}{f'/{part}' if part else ''}"
        where = f" in namespace {namespace}" if namespace else ""
        self._metrics.requests.labels(method=method, resource=kind.plural).inc()
        return await self._send(f"{what} {name or ''}{where}", method, path, parameters)

    async def _send(
        self, request: str, method: str, path: str, parameters: Mapping[str, Any]
    ) -> Object:
        try:
            answer = await self._dynamic.request(
                method, path, serialize=False, _request_timeout=self._timeout, **parameters
            )
            found: Object = await answer.json()
        except ApiException as error:
            raise refusal.read(request, error.status, error.headers or {}, error.body) from error
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise errors.Unavailable(request, str(error) or type(error).__name__) from error
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # Not we: a task of the client, which kopf took for its own when it ended.
            raise errors.Unavailable(request, "cut off") from error
        return found


@asynccontextmanager
async def connect(settings: Settings, passed: Passed, metrics: Metrics) -> AsyncIterator[Cluster]:
    """Connect as the pod's ServiceAccount, or outside of a cluster as the kubeconfig says."""
    configuration, tls = await asyncio.to_thread(login.configuration)  # reads files
    # As kopf, no proxy and no .netrc of the environment: looking for them costs each request two
    # trips to a thread, which is a third of its CPU time.
    configuration.client_session_kwargs = {"trust_env": False}
    async with ApiClient(configuration) as api:
        api.user_agent = f"{MANAGER}/{settings.version}"
        if tls is not None:
            api.rest_client.ssl_context = tls
        yield Cluster(api, settings.request_timeout, passed, metrics)


def _resource(kind: Kind) -> Resource:
    return Resource(
        prefix="apis" if kind.group else "api",
        group=kind.group,
        api_version=kind.version,
        kind=kind.kind,
        namespaced=True,
        name=kind.plural,
    )
