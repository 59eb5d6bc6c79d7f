import argparse
from pathlib import Path

import pytest

from exchange_simulator import DEFAULT_RECORDING
from exchange_simulator.command import add_arguments


def parse(*options: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(options)


def test_replay_takes_a_file_or_the_default_recording() -> None:
    assert parse().replay is None
    assert parse("--replay").replay == DEFAULT_RECORDING
    assert parse("--replay", "other.jsonl").replay == Path("other.jsonl")


def test_symbols_are_lower_case() -> None:
    assert parse("--symbols", "BTCUSDT, ethusdt,").symbols == ("btcusdt", "ethusdt")


def test_rates_of_streams() -> None:
    assert parse("--streams-rate", "*@trade=100", "--streams-rate", "*=0.5").streams_rate == [
        ("*@trade", 100.0),
        ("*", 0.5),
    ]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--port", "65536"), "65536 is no port"),
        (("--speed", "0"), "0 is not a number above 0"),
        (("--rate", "inf"), "inf is not a number above 0"),
        (("--streams-rate", "trade"), "'trade' is not PATTERN=N"),
        (("--limit", "-1"), "-1 is negative"),
        (("--market", "moon"), "invalid choice: 'moon'"),
    ],
)
def test_a_wrong_option_is_explained(
    options: tuple[str, ...], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        parse(*options)

    assert stopped.value.code == 2
    assert problem in capsys.readouterr().err
