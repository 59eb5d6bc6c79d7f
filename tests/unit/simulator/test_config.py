import math

import pytest

from exchange_simulator import DEFAULT_RECORDING, SimulatorConfig
from exchange_simulator.core.rules import RULES


def test_limits_are_the_market_s_unless_given() -> None:
    assert SimulatorConfig(market="usdm").rules == RULES["usdm"]

    rules = SimulatorConfig(control_rate=50, ping_interval=math.inf, max_connection_age=3.0).rules
    assert (rules.control_rate, rules.ping_interval, rules.max_age) == (50, math.inf, 3.0)
    assert rules.max_streams == 1024


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"market": "moon"}, "market"),
        ({"pace": "fast"}, "pace"),
        ({"error_shape": "round"}, "error_shape"),
        ({"speed": 0.0}, "speed"),
        ({"speed": math.inf}, "speed"),
        ({"rate": -1.0}, "rate"),
        ({"rates": {"*": 0.0}}, "rates"),
        ({"limit": -1}, "limit"),
        ({"tick": math.nan}, "tick"),
    ],
)
def test_a_wrong_value_is_named(changes: dict[str, object], field: str) -> None:
    with pytest.raises(ValueError, match=f"^{field}: "):
        SimulatorConfig(**changes)  # type: ignore[arg-type]  # wrong on purpose


def test_the_default_recording_is_in_the_package() -> None:
    assert DEFAULT_RECORDING.is_file()
    assert DEFAULT_RECORDING.with_name("README.md").is_file()
