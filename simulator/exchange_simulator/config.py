"""What a simulated exchange is: its market, what it sends how fast, and its limits."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypeVar, get_args

from exchange_simulator.core.protocol import ErrorShape
from exchange_simulator.core.rules import RULES, MarketName, Rules

RECORDINGS = Path(__file__).parent / "recordings"
DEFAULT_RECORDING = RECORDINGS / "spot-btcusdt-20230405.jsonl"
"""45 seconds of btcusdt@trade, btcusdt@depth@100ms and btcusdt@bookTicker on spot."""

Pace = Literal["clock", "flood"]


@dataclass(frozen=True)
class SimulatorConfig:
    """A simulated exchange. Every field has a default; limits left at None are those of the market.

    Raises:
        ValueError: a field has a value it cannot have; the text names the field.
    """

    host: str = "127.0.0.1"
    port: int = 0
    """0 takes a free port."""
    control_port: int | None = 0
    """Port of the HTTP control API; 0 takes a free port, None leaves it out."""
    market: MarketName = "spot"
    symbols: tuple[str, ...] | None = None
    """The symbols listed on the exchange, in lower case; None lists every well-formed one."""

    pace: Pace = "clock"
    """`clock`: at the rates below. `flood`: as fast as the clients read, all at the pace of the slowest."""
    rate: float | None = None
    """Generated events per second in all, shared equally by the streams somebody is subscribed to."""
    rates: Mapping[str, float] = field(default_factory=dict)
    """Pattern of stream names (`*@trade`) to events per second; the first match counts."""
    limit: int | None = None
    """Generated events after which the market stands still."""
    first_id: int | None = None
    """Where ids begin; None derives it from the time, so that a restarted exchange does not go back."""
    seed: int = 0
    """Seed of prices and quantities."""

    recording: Path | None = None
    """JSON lines to replay for the streams they hold; every other stream is generated."""
    speed: float = 1.0
    """How many times faster than recorded."""
    loop: bool = True
    """Begin again after the last frame."""
    renumber: bool = True
    """Let ids and times go on growing in later passes; otherwise every pass is the same bytes."""
    today: bool = False
    """Move the times inside recorded events to the present; otherwise they stay as recorded."""

    error_shape: ErrorShape = "nested"
    max_streams: int | None = None
    max_control_chars: int = 8000
    control_rate: int | None = None
    ping_interval: float | None = None
    """Seconds; `math.inf` sends no pings."""
    pong_timeout: float | None = None
    max_connection_age: float | None = None
    connection_attempts: int | None = None
    """Upgrade requests per address in 5 minutes."""

    write_buffer_limit: int = 32 << 20
    """Bytes that may wait for a slow reader before the exchange cuts it off; `flood` waits instead."""
    tick: float = 0.005
    """Seconds between two writes; everything due meanwhile goes out with one."""
    close_timeout: float = 1.0
    """Seconds to wait for the client's part of a closing handshake."""
    ledger_runs: int = 1000
    """How many stretches of ids to remember per stream; 0 remembers counts only."""

    def __post_init__(self) -> None:
        allowed = {
            "market": tuple(RULES),
            "pace": get_args(Pace),
            "error_shape": get_args(ErrorShape),
        }
        for name, values in allowed.items():
            if getattr(self, name) not in values:
                raise ValueError(f"{name}: {getattr(self, name)!r} is none of {', '.join(values)}")
        for name in ("speed", "tick", "rate", "close_timeout"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"{name}: {value!r} is not above 0 and finite")
        for pattern, rate in self.rates.items():
            if not 0 < rate < math.inf:
                raise ValueError(f"rates: {rate!r} of {pattern!r} is not above 0 and finite")
        for name in ("limit", "ledger_runs", "write_buffer_limit", "max_streams"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise ValueError(f"{name}: {value!r} is negative")

    @property
    def rules(self) -> Rules:
        """The market's rules with this configuration's changes."""
        rules = RULES[self.market]
        return replace(
            rules,
            max_streams=_either(self.max_streams, rules.max_streams),
            control_rate=_either(self.control_rate, rules.control_rate),
            ping_interval=_either(self.ping_interval, rules.ping_interval),
            pong_timeout=_either(self.pong_timeout, rules.pong_timeout),
            max_age=_either(self.max_connection_age, rules.max_age),
            connection_attempts=_either(self.connection_attempts, rules.connection_attempts),
        )


T = TypeVar("T")


def _either(given: T | None, usual: T) -> T:
    return usual if given is None else given
