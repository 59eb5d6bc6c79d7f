"""What is in the images and what is not, and how they run. `make build` makes them."""

import importlib.metadata
import json
import subprocess
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
VERSION = importlib.metadata.version("binance-streamset")
HARDENED = (
    *("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
    *("--network", "none"),
)
INSTALLERS_AND_COMPILERS = (
    *("pip", "pip3", "ensurepip", "uv", "setuptools"),
    *("cc", "gcc", "g++", "clang", "tcc", "ld", "as", "make", "cython"),
)
#: Runs in the image: what Python finds there, as JSON.
LOOK_AROUND = """
import importlib.metadata, importlib.util, json, os, pathlib, shutil, sys, sysconfig
names = json.loads(sys.argv[1])
site = pathlib.Path(sysconfig.get_path("purelib"))
print(json.dumps({
    "identity": [os.getuid(), os.getgid(), os.getgroups()],
    "python": "{}.{}".format(*sys.version_info),
    "distributions": {d.name.lower().replace("_", "-"): d.version for d in importlib.metadata.distributions()},
    "modules": [name for name in names if importlib.util.find_spec(name)],
    "programs": [name for name in names if shutil.which(name, path=os.defpath + ":" + os.environ["PATH"])],
    "sources without bytecode": [
        str(file) for file in site.rglob("*.py")
        if not pathlib.Path(importlib.util.cache_from_source(str(file))).is_file()
    ],
}))
"""


@dataclass(frozen=True)
class Image:
    """One of the project's images, and what sets it apart from the others."""

    component: str
    entrypoint: tuple[str, ...]
    packages: tuple[str, ...]
    foreign: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"binance-streamset-{self.component}:{VERSION}"


RELAY = Image(
    "relay",
    ("streamset", "relay"),
    ("streamset_api", "streamset_relay", "streamset_cli"),
    ("kopf", "kubernetes", "streamset_operator", "exchange_simulator"),
)
OPERATOR = Image(
    "operator",
    ("python", "-m", "streamset_operator"),
    ("streamset_api", "streamset_operator"),
    ("websockets", "picows", "nats", "streamset_relay", "exchange_simulator"),
)

each_image = pytest.mark.parametrize("image", [RELAY, OPERATOR], ids=lambda image: image.component)


@each_image
def test_image_is_run_by_an_unprivileged_user(image: Image) -> None:
    assert _described(image)["Config"]["User"] == "65532:65532"
    assert _found_in(image)["identity"] == [65532, 65532, [65532]]


@each_image
def test_entrypoint_is_a_command_and_no_shell(image: Image) -> None:
    assert _described(image)["Config"]["Entrypoint"] == list(image.entrypoint)


@each_image
def test_labels_say_what_it_is(image: Image) -> None:
    labels = _described(image)["Config"]["Labels"]
    prefix = "org.opencontainers.image."
    assert labels[f"{prefix}title"] == image.name.partition(":")[0]
    assert labels[f"{prefix}version"] == VERSION
    assert labels[f"{prefix}licenses"] == "MIT"


@each_image
def test_help_needs_neither_capabilities_nor_network_nor_a_file_system_to_write_to(
    image: Image,
) -> None:
    shown = _run(image, "--help")
    assert shown.returncode == 0, shown.stderr
    assert f"usage: streamset {image.component}" in shown.stdout


@each_image
def test_packages_are_the_pinned_ones_and_no_others(image: Image) -> None:
    found = _found_in(image)
    assert found["distributions"] == {
        "binance-streamset": VERSION,
        **_pinned(image.component, found["python"]),
    }


@each_image
def test_image_holds_its_own_part_of_the_project_only(image: Image) -> None:
    found = _found_in(image)
    assert set(image.packages) <= set(found["modules"])
    assert not set(image.foreign) & set(found["modules"])


@each_image
def test_image_holds_no_installer_and_no_compiler(image: Image) -> None:
    found = _found_in(image)
    assert not set(INSTALLERS_AND_COMPILERS) & {*found["modules"], *found["programs"]}
    assert "python" in found["programs"]  # or the search would prove nothing


@each_image
def test_bytecode_is_in_the_image_because_a_read_only_one_cannot_keep_it(image: Image) -> None:
    assert _found_in(image)["sources without bytecode"] == []


@each_image
def test_size_is_bounded(image: Image, capsys: pytest.CaptureFixture[str]) -> None:
    megabytes = _described(image)["Size"] / 1e6
    with capsys.disabled():
        print(f" [{image.name}: {megabytes:.0f} MB]", end="")
    assert megabytes < 350


def test_relay_is_there_under_the_name_by_which_the_operators_pods_start_it() -> None:
    refused = _run(RELAY, "relay", "--config", "/none.yaml", entrypoint="streamset")
    assert refused.returncode == 2
    assert "/none.yaml" in refused.stderr


def test_wrong_setting_is_named() -> None:
    refused = _run(RELAY, options=("--env", "MAX_QUEUE_SIZE=many"))
    assert refused.returncode == 2
    assert "MAX_QUEUE_SIZE" in refused.stderr


def test_relay_gets_the_signal_and_leaves_in_order() -> None:
    started = _docker("run", "--detach", *HARDENED, RELAY.name, "--log-format", "json")
    container = started.stdout.strip()
    try:
        deadline = time.monotonic() + 30
        while not (logged := _docker("logs", container)).stdout + logged.stderr:
            assert time.monotonic() < deadline, "the relay said nothing"
            time.sleep(0.1)
        _docker("stop", "--time", "30", container)
        state = json.loads(_docker("inspect", container).stdout)[0]["State"]
    finally:
        _docker("rm", "--force", container)
    assert (state["Status"], state["ExitCode"]) == ("exited", 0)


def _run(
    image: Image, *arguments: str, options: tuple[str, ...] = (), entrypoint: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a container as a cluster of the `restricted` standard does."""
    chosen = ("--entrypoint", entrypoint) if entrypoint else ()
    return _docker("run", "--rm", *HARDENED, *chosen, *options, image.name, *arguments, check=False)


@cache
def _described(image: Image) -> dict[str, Any]:
    shown = _docker("image", "inspect", image.name, check=False)
    assert shown.returncode == 0, f"{shown.stderr.strip()}: make build"
    return dict(json.loads(shown.stdout)[0])


@cache
def _found_in(image: Image) -> dict[str, Any]:
    names = json.dumps([*INSTALLERS_AND_COMPILERS, *image.packages, *image.foreign, "python"])
    looked = _run(image, "-c", LOOK_AROUND, names, entrypoint="python")
    assert looked.returncode == 0, looked.stderr
    return dict(json.loads(looked.stdout))


def _pinned(component: str, python: str) -> dict[str, str]:
    """Return name and version of what `requirements/` pins for Linux and this Python."""
    lines = (ROOT / "requirements" / f"{component}.txt").read_text().splitlines()
    pins = [Requirement(line.rstrip(" \\")) for line in lines if "==" in line and line[0].isalpha()]
    there = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": "linux",
    }
    return {
        pin.name: str(pin.specifier).removeprefix("==")
        for pin in pins
        if pin.marker is None or pin.marker.evaluate(there)
    }


def _docker(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", *arguments], check=check, capture_output=True, text=True, timeout=100
    )
