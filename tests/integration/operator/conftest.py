"""A real API server with garbage collection, and an operator with the rights that it asks for."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from streamset_operator.settings import Settings
from tests.integration.operator.world import (
    World,
    account_kubeconfig,
    grant_operator,
    install_crds,
    made_namespace,
)
from tests.support.kube import ControlPlane, MissingBinaryError, binary
from tests.support.kube_client import KubeClient
from tests.support.nats_server import free_ports


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A running control plane. Without its binaries these tests fail: a skip would look like a pass."""
    try:
        binary("etcd"), binary("kube-apiserver"), binary("kube-controller-manager")
    except MissingBinaryError as missing:
        pytest.fail(str(missing), pytrace=False)
    with ControlPlane(tmp_path_factory.mktemp("cluster")) as plane:
        asyncio.run(_install_crds(plane))
        plane.start_controllers()  # after the CRD, whose objects own others
        yield plane


async def _install_crds(plane: ControlPlane) -> None:
    async with plane.client() as client:
        await install_crds(client)


@pytest_asyncio.fixture
async def bare_admin(cluster: ControlPlane) -> AsyncIterator[KubeClient]:
    """A client of the administrator, whether or not the CRD is installed."""
    async with cluster.client() as client:
        yield client


@pytest_asyncio.fixture
async def admin(bare_admin: KubeClient) -> KubeClient:
    """A client of the administrator; the CRDs are installed."""
    await install_crds(bare_admin)
    return bare_admin


@pytest_asyncio.fixture
async def namespace(bare_admin: KubeClient) -> str:
    """A namespace of this test alone."""
    return await made_namespace(bare_admin)


@pytest_asyncio.fixture
async def kubeconfig(
    cluster: ControlPlane, bare_admin: KubeClient, namespace: str, tmp_path: Path
) -> Path:
    """A kubeconfig of an account that may do in the test's namespace what the preflight asks for."""
    await grant_operator(bare_admin, namespace)
    return await account_kubeconfig(cluster, bare_admin, namespace, "operator", tmp_path)


@pytest.fixture
def settings(namespace: str) -> Settings:
    """Settings of an operator of the test's namespace, in a hurry; it relies on its watches."""
    health_port, metrics_port = free_ports(2)
    return Settings(
        version="1.2.3",
        watch_namespaces=(namespace,),
        report_interval=60.0,
        resync_interval=3600.0,
        retry_initial_delay=0.1,
        retry_max_delay=2.0,
        move_patience=60.0,
        watch_timeout=60.0,
        health_port=health_port,
        metrics_port=metrics_port,
    )


@pytest.fixture
def world(
    admin: KubeClient,
    namespace: str,
    settings: Settings,
    kubeconfig: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> World:
    """The test's namespace, and what can be done in it."""
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    return World(admin, namespace, settings)
