"""A relay on the test's own event loop; `relay_process` runs it as users do.

    async with LocalRelay(document(exchange.url, server.url, "btcusdt@trade")) as relay:
        await relay.until(lambda status: status.ledger.published > 100)
        ledger = await relay.stop()

The relay's log is read to the end: a traceback, or a line of level ERROR or above that the test did not
announce with `allow`, fails the test.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from streamset_api.relay_config import RelayConfig
from streamset_api.validation import validate
from streamset_relay.app import ExitCode, Relay
from streamset_relay.core.ledger import Ledger
from streamset_relay.settings import Settings
from streamset_relay.status import Status

DEADLINE = 15.0

#: Times so small that a test can wait for what happens; each is a field of the configuration.
TIMING = {
    "openTimeout": 2,
    "healthyAfter": 0.3,
    "breakerOpen": 0.2,
    "connectsPerWindow": 1000,
    "silenceFloor": 0.5,
    "silenceFactor": 1,
    "noDataAfter": 10,
    "confirmInterval": 0.05,
    "natsPingTimeout": 2,
    "natsBackoffMax": 0.2,
    "gracePeriod": 15,
    "configPollInterval": 0.05,
    "forbiddenDelay": 0.5,
    "rateLimitedDelay": 0.5,
    "logInterval": 0.1,
}

#: Loggers whose lines are the relay's.
_OURS = ("streamset_relay", "asyncio", "aiohttp", "nats", "picows")


def document(exchange: str, nats: str, *streams: str, **parts: Any) -> dict[str, Any]:
    """A configuration file as a document; `parts` are merged into it, field by field."""
    base: dict[str, Any] = {
        "endpoint": exchange,
        "streams": list(streams),
        "nats": {"servers": [nats]},
        "reconnect": {"initialDelaySeconds": 0.05, "maxDelaySeconds": 0.2},
        "heartbeat": {"enabled": False},
        "health": {"port": 0, "host": "127.0.0.1"},
        "timing": TIMING,
    }
    for name, value in parts.items():
        base[name] = {**base.get(name, {}), **value} if isinstance(value, Mapping) else value
    return base


@dataclass(frozen=True)
class Line:
    """A line of the log."""

    level: str
    message: str
    fields: Mapping[str, Any]


class LocalRelay:
    """A `Relay` on the test's own event loop. With `file`, it follows the stream list of that file."""

    def __init__(
        self,
        config: Mapping[str, Any] | Settings,
        *,
        allow: Sequence[str] = (),
        file: Path | None = None,
    ) -> None:
        self._settings = (
            config
            if isinstance(config, Settings)
            else Settings(validate(RelayConfig, config), False, file)
        )
        self._allow = allow
        self._log = _Capture()
        self.relay: Relay
        self._task: asyncio.Task[ExitCode]

    async def __aenter__(self) -> Self:
        self._log.install()
        self.relay = Relay(self._settings)
        self._task = asyncio.create_task(self.relay.run())
        await eventually(lambda: self.relay.port or self._task.done(), "the relay listens")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if not self._task.done():
                self.relay.stop()
                self.relay.stop()
            await asyncio.wait({self._task}, timeout=DEADLINE)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        finally:
            self._log.remove()
        if error is None:
            self._task.result()
            check(self._log.lines, self._allow)

    @property
    def lines(self) -> list[Line]:
        return self._log.lines

    def said(self, message: str) -> list[Line]:
        """The lines so far with this message."""
        return [line for line in self._log.lines if line.message == message]

    @property
    def status(self) -> Status:
        return self.relay.status()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.relay.port}"

    async def until(
        self, condition: Callable[[Status], object], what: str = "", timeout: float = DEADLINE
    ) -> Status:
        """Wait for a status that fulfils the condition."""

        def fulfilled() -> bool:
            if self._task.done():
                raise AssertionError(f"the relay ended: {self._task.result()}")
            return bool(condition(self.relay.status()))

        try:
            await eventually(fulfilled, what, timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}; {self.relay.status()}") from None
        return self.relay.status()

    async def ended(self, timeout: float = DEADLINE) -> ExitCode:
        """Wait for the relay to end by itself."""
        async with asyncio.timeout(timeout):
            return await asyncio.shield(self._task)

    async def stop(self, timeout: float = DEADLINE) -> Ledger:
        """Stop in order; the ledger at the end, which balances."""
        self.relay.stop()
        assert await self.ended(timeout) is ExitCode.OK
        ledger = self.relay.status().ledger
        assert ledger.difference == 0
        assert ledger.in_flight == 0
        assert self.lines[-1].message == "Ledger"
        return ledger


def check(lines: Sequence[Line], allow: Sequence[str]) -> None:
    """Fail on a traceback, and on a line of level ERROR or above that nobody announced."""
    for line in lines:
        severe = line.level in ("ERROR", "CRITICAL") and line.message not in allow
        trace = line.fields.get("exc_info") or "Traceback" in line.message
        assert not severe, f"unexpected in the relay's log: {line}"
        assert not trace, f"a traceback in the relay's log: {line}"


async def get(url: str) -> tuple[int, str]:
    """Status and body of an HTTP answer."""
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.text()


class Served(Protocol):
    """A relay in whatever process."""

    @property
    def url(self) -> str:
        """Where its health endpoints are."""


async def info(relay: Served) -> dict[str, Any]:
    """What `/info` answers."""
    status, body = await get(relay.url + "/info")
    assert status == 200, body
    document: dict[str, Any] = json.loads(body)
    return document


async def metrics(relay: Served) -> dict[str, float]:
    """What `/metrics` answers: sample (`name`, or `name{label=value}`) → value."""
    _, text = await get(relay.url + "/metrics")
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{k}={v}" for k, v in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


async def eventually(
    condition: Callable[[], object], what: str = "", timeout: float = DEADLINE
) -> None:
    """Wait until the condition holds."""
    deadline = asyncio.get_running_loop().time() + timeout
    while not condition():
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"not in {timeout:g} s: {what}")
        await asyncio.sleep(0.01)


class _Capture(logging.Handler):
    """Keeps the relay's lines, and what its event loop and libraries complain about."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[Line] = []
        self._level = logging.NOTSET

    def install(self) -> None:
        ours = logging.getLogger("streamset_relay")
        self._level = ours.level
        ours.setLevel(logging.INFO)
        logging.getLogger().addHandler(self)

    def remove(self) -> None:
        logging.getLogger().removeHandler(self)
        logging.getLogger("streamset_relay").setLevel(self._level)

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith(_OURS):
            fields = {
                k: v for k, v in vars(record).items() if k not in _STANDARD or k == "exc_info"
            }
            self.lines.append(Line(record.levelname, record.getMessage(), fields))


_STANDARD = frozenset(vars(logging.makeLogRecord({})))
