"""A plain client of the Kubernetes API for tests: every request is what it says, and nothing more."""

import io
import json
import ssl
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import aiohttp

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"

PLURALS = {
    "BinanceStreamSet": "binancestreamsets",
    "CustomResourceDefinition": "customresourcedefinitions",
    "NetworkPolicy": "networkpolicies",
}
CLUSTER_WIDE = {"CustomResourceDefinition", "Namespace", "ClusterRole", "ClusterRoleBinding"}

Object = dict[str, Any]


class KubeError(Exception):
    """The API refused: `code` and `reason` of its Status, `causes` as field → messages."""

    def __init__(self, code: int, status: Mapping[str, Any]) -> None:
        super().__init__(code, status.get("message", ""))
        self.code = code
        self.reason: str = status.get("reason", "")
        self.message: str = status.get("message", "")
        self.causes: dict[str, list[str]] = {}
        for cause in status.get("details", {}).get("causes", ()):
            self.causes.setdefault(cause.get("field", ""), []).append(cause.get("message", ""))


class KubeClient:
    """Talks to one API server, as `user` where one is named."""

    def __init__(
        self,
        url: str,
        tls: ssl.SSLContext,
        token: str,
        *,
        user: str | None = None,
        groups: Sequence[str] = (),
    ) -> None:
        self._url = url
        self._tls = tls
        self._headers = [("Authorization", f"Bearer {token}")]
        if user is not None:
            self._headers.append(("Impersonate-User", user))
            self._headers.extend(("Impersonate-Group", group) for group in groups)
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            self._url,
            headers=self._headers,
            connector=aiohttp.TCPConnector(ssl=self._tls),
            timeout=aiohttp.ClientTimeout(total=60),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        content_type: str = "application/json",
        accept: str = "application/json",
        **query: str,
    ) -> Object:
        """Send one request and return the answer's JSON. Raises `KubeError`."""
        async with self._session.request(
            method,
            path,
            params=query,
            data=None if body is None else _encoded(body),
            headers={"Content-Type": content_type, "Accept": accept},
        ) as answer:
            text = await answer.text()
            try:
                document: Object = json.loads(text)
            except ValueError:
                document = {"message": text}
            if answer.status >= 400:
                raise KubeError(answer.status, document)
            return document

    async def create(self, document: Mapping[str, Any], **query: str) -> Object:
        """POST the object; `dryRun="All"` and `fieldValidation="Strict"` are queries."""
        return await self.request("POST", path_of(document, named=False), document, **query)

    async def apply(
        self,
        document: Mapping[str, Any],
        manager: str = "test",
        *,
        subresource: str = "",
        force: bool = True,
        **query: str,
    ) -> Object:
        """Apply the object on the server."""
        return await self.request(
            "PATCH",
            path_of(document) + (f"/{subresource}" if subresource else ""),
            document,
            content_type=APPLY,
            fieldManager=manager,
            force=str(force).lower(),
            **query,
        )

    async def patch(
        self, document: Mapping[str, Any], patch: object, content_type: str = MERGE, **query: str
    ) -> Object:
        """Patch the object that `document` names."""
        return await self.request(
            "PATCH", path_of(document), patch, content_type=content_type, **query
        )

    async def get(self, document: Mapping[str, Any], **query: str) -> Object:
        """Read the object that `document` names."""
        return await self.request("GET", path_of(document), **query)

    async def list(self, document: Mapping[str, Any], **query: str) -> list[Object]:
        """Read all objects of the kind and namespace that `document` names."""
        answer = await self.request("GET", path_of(document, named=False), **query)
        items: list[Object] = answer["items"]
        return items

    async def table(self, document: Mapping[str, Any]) -> Object:
        """Read the object as the table that `kubectl get` prints."""
        return await self.request("GET", path_of(document), accept=TABLE)

    async def delete(self, document: Mapping[str, Any], **query: str) -> Object:
        """Delete the object that `document` names."""
        return await self.request("DELETE", path_of(document), **query)


def _encoded(body: object) -> io.BytesIO:
    return io.BytesIO(json.dumps(body, ensure_ascii=False).encode())


def path_of(document: Mapping[str, Any], *, named: bool = True) -> str:
    """Return the path of an object, or of all its kind in its namespace."""
    version, kind, metadata = document["apiVersion"], document["kind"], document["metadata"]
    path = f"/apis/{version}" if "/" in version else f"/api/{version}"
    if kind not in CLUSTER_WIDE:
        path += f"/namespaces/{metadata.get('namespace', 'default')}"
    path += f"/{PLURALS.get(kind, kind.lower() + 's')}"
    return f"{path}/{metadata['name']}" if named else path
