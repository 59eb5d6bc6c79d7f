"""`streamset demo` as a user runs it: real processes, a real nats-server, the ledger at the end."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[3] / "examples"
DEADLINE = 90


def demo(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "streamset_cli.main", "demo", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)


def test_it_ends_with_a_ledger_that_the_consumer_confirms() -> None:
    done = demo("--seconds", "4", "--json")
    report = json.loads(done.stdout.splitlines()[-1])

    assert done.returncode == 0, done.stderr
    assert report["accounted_for"]
    assert report["delivered"] == report["ledger"]["published"] > 100
    assert report["ledger"]["dropped"] == {}
    assert len(report["streams"]) == 9
    assert report["streams"]["btcusdt@trade"]["messages"] > 20


@pytest.mark.parametrize("name", ["spot-majors.yaml", "usdm-futures.yaml"])
def test_the_examples_without_jetstream_run(name: str) -> None:
    done = demo(str(EXAMPLES / name), "--seconds", "3", "--json")
    report = json.loads(done.stdout.splitlines()[-1])

    assert done.returncode == 0, done.stderr
    assert report["delivered"] == report["ledger"]["published"] > 100


def test_several_relays_share_a_set(tmp_path: Path) -> None:
    manifest = tmp_path / "set.yaml"
    text = (EXAMPLES / "demo.yaml").read_text()
    manifest.write_text(
        text.replace("  market: spot\n", "  market: spot\n  maxStreamsPerRelay: 5\n")
    )
    done = demo(str(manifest), "--seconds", "3", "--json")
    report = json.loads(done.stdout.splitlines()[-1])

    assert done.returncode == 0, done.stderr
    assert len(report["streams"]) == 9


def test_ctrl_c_ends_it_in_order_with_the_last_words() -> None:
    command = [sys.executable, "-m", "streamset_cli.main", "demo", "--seconds", "60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        with pytest.raises(subprocess.TimeoutExpired):
            running.wait(timeout=8)
        running.send_signal(signal.SIGINT)
        output, errors = running.communicate(timeout=DEADLINE)

    assert running.returncode == 0, errors.decode()
    assert "every frame is accounted for" in " ".join(output.decode().split())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("market: spot", "market: mars"), "spec.market"),
        (("channels:", "chanels:"), "channels"),
        (("kind: BinanceStreamSet", "kind: Deployment"), "kind"),
    ],
)
def test_a_wrong_manifest_is_one_error_and_exit_code_2(
    change: tuple[str, str], said: str, tmp_path: Path
) -> None:
    manifest = tmp_path / "wrong.yaml"
    manifest.write_text((EXAMPLES / "demo.yaml").read_text().replace(*change))
    done = demo(str(manifest), "--seconds", "2", "--json")

    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_is_not_there_is_named() -> None:
    done = demo("no/such/file.yaml")

    assert done.returncode == 2
    assert "no/such/file.yaml" in done.stderr
