"""A kind cluster with the operator installed by its chart, and a namespace for each test.

The cluster and the images are made by `make e2e`; a cluster that is not there fails every test.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e import parts
from tests.e2e.cluster import Cluster, Space, kubeconfig
from tests.e2e.release import Release
from tests.support.subscriber import Subscriber

FAILED = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """The kind cluster."""
    path = kubeconfig()
    if not path.exists():
        pytest.fail(
            "there is no cluster: run `make e2e`, or `make kind-up kind-load`", pytrace=False
        )
    return Cluster(path)


@pytest.fixture(scope="session")
def helm_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home for Helm."""
    return tmp_path_factory.mktemp("helm")


@pytest_asyncio.fixture
async def release(cluster: Cluster, helm_home: Path) -> Release:
    """The operator, installed by its chart for the whole cluster and ready."""
    installed = Release(cluster, helm_home)
    await installed.ensure()
    return installed


@pytest_asyncio.fixture
async def space(
    release: Release, cluster: Cluster, request: pytest.FixtureRequest
) -> AsyncIterator[Space]:
    """A namespace of this test alone, with NATS and the simulated exchange in it."""
    made = Space(cluster)
    await made.make()
    try:
        await made.apply(*parts.nats(), *parts.simulator())
        await made.rollout("nats")
        await made.rollout("simulator")
        yield made
        if request.node.stash.get(FAILED, False):
            print(await made.diagnose())
            print(await release.log())
    finally:
        await cluster.kubectl(
            "delete", "namespace", made.name, "--wait=false", "--ignore-not-found"
        )


@pytest_asyncio.fixture
async def consumer(space: Space) -> AsyncIterator[Subscriber]:
    """A subscriber to all of NATS, outside of the cluster."""
    url = await space.url("nats", "nats", 4222)
    async with Subscriber(url, "binance.>", keep=True, reconnect=True) as subscriber:
        yield subscriber


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Remember that a test failed, so that its namespace is described before it goes."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]  # pluggy's result, untyped here
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
