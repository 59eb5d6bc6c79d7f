"""A real Kubernetes API under a test's control: etcd, kube-apiserver, and garbage collection on demand.

    with ControlPlane(folder) as plane:
        async with plane.client() as admin:
            await admin.apply(manifest)

Binaries come from the folder KUBEBUILDER_ASSETS, else from the cache that hack/kube/build.sh fills.
Everything listens on 127.0.0.1. RBAC is on; `client(user=…)` acts as someone without rights until a
test grants some, by impersonation, which RBAC judges like a login of that name.
"""

import contextlib
import os
import shutil
import signal
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import yaml

from tests.support.certificates import Authority
from tests.support.kube_client import KubeClient
from tests.support.nats_server import free_ports

START_DEADLINE = 90.0
STOP_DEADLINE = 20.0
ADMIN_TOKEN = "admin"

BUILD = Path(__file__).parents[2] / "hack" / "kube" / "build.sh"
HOW_TO_GET = (
    "{name} is missing, so nothing that needs a Kubernetes API can be tested. Either run "
    "hack/kube/build.sh (needs Go; 10 minutes, once), or set KUBEBUILDER_ASSETS to a folder with "
    "kube-apiserver and etcd."
)

# What the tests look at: garbage by owner reference, and the end of namespaces.
CONTROLLERS = "garbage-collector-controller,namespace-controller"


class MissingBinaryError(Exception):
    """The control plane was neither given nor built."""


def binary(name: str) -> Path:
    """Return the path of a binary of the control plane. Raises `MissingBinaryError`."""
    for folder in (os.environ.get("KUBEBUILDER_ASSETS"), _cache()):
        if folder and (path := Path(folder) / name).exists():
            return path
    raise MissingBinaryError(HOW_TO_GET.format(name=name))


class ControlPlane:
    """One API server with its store, in a folder of its own.

    `stop` and `start` keep port and store, so that a test can take the API away for a while.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._etcd_port, self._peer_port, self.port = free_ports(3)
        self._authority: Authority | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def certificate(self) -> Path:
        """The authority that signed the server's certificate."""
        return self._folder / "ca.pem"

    @property
    def kubeconfig(self) -> Path:
        """Path of a kubeconfig of the cluster's administrator."""
        return self._folder / "kubeconfig"

    def log(self, name: str = "kube-apiserver") -> str:
        """What a process logged since it was first started."""
        path = self._folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def client(self, user: str | None = None, groups: Sequence[str] = ()) -> KubeClient:
        """Return a client of the administrator, or one that acts as `user`."""
        return KubeClient(self.url, self.tls(), ADMIN_TOKEN, user=user, groups=groups)

    def tls(self) -> ssl.SSLContext:
        """Return a context that trusts this server alone."""
        return ssl.create_default_context(cafile=str(self.certificate))

    def start(self) -> None:
        """Start what does not run, and wait until the API is ready."""
        if self._authority is None:
            self._prepare()
        self._launch("etcd", self._etcd())
        self._launch("kube-apiserver", self._apiserver())
        self._wait_until_ready()

    def start_controllers(self) -> None:
        """Start garbage collection by owner reference, and the controller that empties namespaces.

        It finds kinds that were there before it at once, and others within half a minute.
        """
        self._launch("kube-controller-manager", self._controller_manager())

    def stop(self) -> None:
        """End the processes: whoever uses another goes before it."""
        for name in reversed(list(self._processes)):
            process = self._processes.pop(name)
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_DEADLINE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _prepare(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._authority = Authority(self._folder)
        self._authority.server_context("IP:127.0.0.1,DNS:localhost")
        key = ("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "accounts.key")
        subprocess.run(["openssl", *key], cwd=self._folder, check=True, capture_output=True)
        (self._folder / "tokens.csv").write_text(f"{ADMIN_TOKEN},admin,admin,system:masters\n")
        self.kubeconfig.write_text(yaml.safe_dump(self._kubeconfig()))

    def _launch(self, name: str, arguments: Sequence[str]) -> None:
        running = self._processes.get(name)
        if running is not None and running.poll() is None:
            return
        with (self._folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [str(binary(name)), *arguments],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _etcd(self) -> list[str]:
        clients = f"http://127.0.0.1:{self._etcd_port}"
        peers = f"http://127.0.0.1:{self._peer_port}"
        return [
            f"--data-dir={self._folder / 'etcd'}",
            *(f"--listen-client-urls={clients}", f"--advertise-client-urls={clients}"),
            *(f"--listen-peer-urls={peers}", f"--initial-advertise-peer-urls={peers}"),
            f"--initial-cluster=default={peers}",
            "--unsafe-no-fsync",  # what a crash of the machine would cost is no concern here
        ]

    def _apiserver(self) -> list[str]:
        return [
            f"--etcd-servers=http://127.0.0.1:{self._etcd_port}",
            *("--bind-address=127.0.0.1", f"--secure-port={self.port}"),
            *("--tls-cert-file=server.pem", "--tls-private-key-file=server.key"),
            *("--authorization-mode=RBAC", "--token-auth-file=tokens.csv", "--anonymous-auth=true"),
            # TokenRequest works: a test can log in as a service account, as a pod would.
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-account-key-file=accounts.key",
            "--service-account-signing-key-file=accounts.key",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--endpoint-reconciler-type=none",
            "--profiling=false",
        ]

    def _controller_manager(self) -> list[str]:
        return [
            f"--kubeconfig={self.kubeconfig}",
            f"--controllers={CONTROLLERS}",
            *("--leader-elect=false", "--bind-address=127.0.0.1", "--secure-port=0"),
        ]

    def _kubeconfig(self) -> dict[str, object]:
        name = "test"
        cluster = {"server": self.url, "certificate-authority": str(self.certificate)}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "clusters": [{"name": name, "cluster": cluster}],
            "users": [{"name": name, "user": {"token": ADMIN_TOKEN}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        }

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_DEADLINE
        request = urllib.request.Request(
            f"{self.url}/readyz", headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}
        )
        while time.monotonic() < deadline:
            for name, process in self._processes.items():
                if process.poll() is not None:
                    raise RuntimeError(f"{name} ended:\n{self.log(name)[-4000:]}")
            with (
                contextlib.suppress(urllib.error.URLError, OSError),
                urllib.request.urlopen(request, timeout=5, context=self.tls()) as answer,
            ):
                if answer.status == 200:
                    return
            time.sleep(0.1)
        raise RuntimeError(f"kube-apiserver is not ready:\n{self.log()[-4000:]}")


def _cache() -> str | None:
    if shutil.which("bash") is None:
        return None
    printed = subprocess.run([str(BUILD), "--path"], check=True, capture_output=True, text=True)
    return printed.stdout.strip()
