"""One real API server for all tests of this package, with the CRD installed."""

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from streamset_api import crd
from tests.integration.kube.sets import eventually, is_served
from tests.support.kube import ControlPlane, MissingBinaryError, binary
from tests.support.kube_client import KubeClient


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A running etcd and kube-apiserver. Without them these tests fail: a skip would look like a pass."""
    try:
        binary("etcd"), binary("kube-apiserver")
    except MissingBinaryError as missing:
        pytest.fail(str(missing), pytrace=False)
    with ControlPlane(tmp_path_factory.mktemp("kube")) as plane:
        yield plane


@pytest_asyncio.fixture
async def admin(control_plane: ControlPlane) -> AsyncIterator[KubeClient]:
    """A client of the cluster's administrator; the CRD is installed."""
    async with control_plane.client() as client:
        if not await is_served(client):
            await client.apply(crd.definition(), "installer")
            await eventually(lambda: is_served(client))
        yield client


@pytest_asyncio.fixture
async def namespace(admin: KubeClient) -> str:
    """A namespace of this test alone."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    await admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return name
