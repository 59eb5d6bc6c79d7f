"""The Python API of the service this one replaces, over the relay."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from streamset_api.errors import ConfigError, Problem

from .app import ExitCode, Relay
from .report import describe
from .settings import load


class BinanceWebSocketClient:
    """Relays `streams` from `ws_url` to the subject `nats_topic`, inside the caller's event loop.

    `start` returns once both sides are connected, `stop` when everything received has been sent or counted.
    Logging is the caller's to configure; the health endpoints listen on a free port of the loopback address.
    """

    def __init__(
        self,
        ws_url: str,
        streams: Sequence[str],
        nats_url: str,
        nats_topic: str,
        max_reconnect_attempts: int = 10,
        reconnect_delay: float = 5,
    ) -> None:
        """Check the arguments. Raises `streamset_api.errors.ConfigError` as wrong variables do."""
        given = {
            "BINANCE_WS_URL": ws_url,
            "BINANCE_STREAMS": ",".join(streams),
            "NATS_URL": nats_url,
            "NATS_TOPIC": nats_topic,
            "WEBSOCKET_MAX_RECONNECT_ATTEMPTS": str(max_reconnect_attempts),
            "WEBSOCKET_RECONNECT_DELAY": str(reconnect_delay),
            "HEALTH_PORT": "0",
        }
        if empty := [name for name, value in given.items() if not value]:  # not the default
            raise ConfigError([Problem(name, "", "a text that is not empty") for name in empty])
        settings = load(None, given, None)
        health = settings.config.health.model_copy(update={"host": "127.0.0.1"})
        config = settings.config.model_copy(update={"health": health})
        self._settings = replace(settings, config=config)
        self._relay: Relay | None = None
        self._task: asyncio.Task[ExitCode] | None = None

    async def start(self) -> None:
        """Connect and begin to relay.

        Raises `AttemptsExhausted` when the exchange could not be reached, and RuntimeError when it runs already.
        """
        if self._task is not None and not self._task.done():
            raise RuntimeError("the client runs already: stop it first")
        self._relay = Relay(self._settings)
        self._task = asyncio.create_task(self._relay.run())
        while not self._task.done():
            status = self._relay.status()
            if status.websocket_connected and status.nats_connected:
                return
            await asyncio.sleep(0.02)
        await self._task
        if self._relay.gave_up is not None:
            raise self._relay.gave_up

    async def stop(self) -> None:
        """Stop reading, send what waits, close. Harmless when not started."""
        if self._relay is not None and self._task is not None:
            self._relay.stop()
            await self._task

    def get_metrics(self) -> Mapping[str, object]:
        """The status as a dictionary, with the keys of old."""
        if self._relay is None:
            return {"is_connected": False, "is_running": False}
        return describe(self._relay.status(), self._relay.config)
