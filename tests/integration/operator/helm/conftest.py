"""An API server of this package alone, to which Helm installs the CRD and takes it away again."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.integration.operator.world import eventually, is_served
from tests.support.helm import Helm
from tests.support.kube import ControlPlane, MissingBinaryError, binary
from tests.support.kube_client import KubeClient, KubeError, Object

CRD: Object = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "binancestreamsets.streams.petrosa.io"},
}


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A running API server without controllers. Without its binaries these tests fail."""
    try:
        binary("etcd"), binary("kube-apiserver")
    except MissingBinaryError as missing:
        pytest.fail(str(missing), pytrace=False)
    with ControlPlane(tmp_path_factory.mktemp("helm-cluster")) as plane:
        yield plane


@pytest.fixture
def helm(cluster: ControlPlane, tmp_path: Path) -> Helm:
    """Helm, as the cluster's administrator."""
    return Helm(tmp_path / "helm", cluster.kubeconfig)


@pytest_asyncio.fixture
async def bare(bare_admin: KubeClient) -> KubeClient:
    """A client of the administrator of a cluster without the CRD."""
    with contextlib.suppress(KubeError):
        await bare_admin.delete(CRD)

    async def gone() -> bool:
        return not await is_served(bare_admin, "BinanceStreamSet")

    await eventually(gone)
    return bare_admin
