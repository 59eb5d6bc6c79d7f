"""What a machine may lack, and which tests are left out then: printed as NOT RUN, never skipped in silence.

In CI nothing is left out for want of what CI has to have: there the tests run and fail.
"""

import os
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.support import helm
from tests.support.kube import MissingBinaryError, binary

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Capability:
    """Something outside the package index that tests in `folders` need."""

    name: str
    present: Callable[[], bool]
    how: str
    folders: tuple[str, ...]
    required_in_ci: bool = True

    def needed_by(self, path: Path) -> bool:
        """Whether a test file cannot do without."""
        return any(path.is_relative_to(HERE / folder) for folder in self.folders)


def _kube() -> bool:
    try:
        binary("etcd"), binary("kube-apiserver")
    except MissingBinaryError:
        return False
    return True


def _docker() -> bool:
    try:
        return subprocess.run(["docker", "info"], capture_output=True, timeout=20).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _official_node() -> bool:
    node = f"{os.environ.get('CLUSTER', 'streamset')}-control-plane"
    command = ["docker", "inspect", "--format", "{{.Config.Image}}", node]
    try:
        printed = subprocess.run(command, capture_output=True, timeout=20, text=True).stdout
    except (OSError, subprocess.TimeoutExpired):
        return False
    return "kindest/node" in printed


CAPABILITIES = (
    Capability(
        "a Kubernetes API server",
        _kube,
        "install Go 1.26 or newer and run `make kube` (once, about 10 minutes), or set KUBEBUILDER_ASSETS",
        ("integration/kube", "integration/operator"),
    ),
    Capability(
        "Helm 4",
        helm.is_there,
        "install Go 1.26 or newer and run `make helm` (once, a few minutes), or set HELM to a Helm 4",
        ("unit/chart/rendered", "integration/operator/helm"),
    ),
    Capability(
        "a Docker daemon",
        _docker,
        "start one and run `make e2e`; as root on Debian, `make kind-up` starts one itself",
        ("e2e",),
    ),
    Capability(
        "a node that enforces NetworkPolicies",
        _official_node,
        "run `make e2e` where kind's official node image can be pulled",
        ("e2e/enforced",),
        required_in_ci=False,  # a machine without an image registry cannot have it
    ),
)


def missing(folders: Iterable[Path], *, ci: bool) -> list[Capability]:
    """The capabilities that this machine lacks and that tests in the folders may be left out for."""
    wanted = set(folders)
    return [
        capability
        for capability in CAPABILITIES
        if not (ci and capability.required_in_ci)
        and any(capability.needed_by(folder) for folder in wanted)
        and not capability.present()
    ]
