"""The simulator as a whole: starts the exchange and its control API, and stops them without a trace."""

import asyncio
import time
from types import TracebackType
from typing import Self

from websockets.asyncio.server import Server, serve

from exchange_simulator.client import ExchangeConnection
from exchange_simulator.config import SimulatorConfig
from exchange_simulator.control import ControlServer
from exchange_simulator.exchange import Exchange
from exchange_simulator.faults import Faults
from exchange_simulator.market import Market
from exchange_simulator.sources.generated import Clock
from exchange_simulator.sources.recording import Recording, read_recording
from exchange_simulator.stats import Stats

MAX_MESSAGE = 1 << 20
"""Bytes of a message the server takes at all; what the exchange allows is far less."""
FLOOD_BUFFER = 1 << 20
"""Bytes that wait for a reader before `flood` waits for it."""


class Simulator:
    """A simulated exchange, to be used with `async with`.

    `url` is where WebSocket clients connect, without a path; `control_url` is the HTTP control API.
    """

    def __init__(self, config: SimulatorConfig | None = None) -> None:
        self.config = config or SimulatorConfig()
        self.url = ""
        self.control_url = ""
        self.faults: Faults
        self._exchange: Exchange
        self._server: Server
        self._control: ControlServer | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        """Listen.

        Raises:
            OSError: a port is taken, or the recording cannot be read.
            RecordingError: the recording is not one.
        """
        config = self.config
        recording = await asyncio.to_thread(_read, config)
        clock = Clock(asyncio.get_running_loop().time(), time.time_ns() // 1000)
        self._exchange = Exchange(config, Market(config, recording, clock), clock)
        self.faults = Faults(self._exchange)
        self._server = await serve(
            self._exchange.serve,
            config.host,
            config.port,
            process_request=self._exchange.upgrade,
            process_response=self._exchange.upgraded,
            create_connection=ExchangeConnection,
            compression=None,
            server_header=None,
            ping_interval=None,
            close_timeout=config.close_timeout,
            max_size=MAX_MESSAGE,
            write_limit=FLOOD_BUFFER if config.pace == "flood" else config.write_buffer_limit,
        )
        self.url = f"ws://{_address(config.host, self._server)}"
        if config.control_port is not None:
            self._control = ControlServer(self._exchange, self.faults)
            try:
                self.control_url = await self._control.start(config.host, config.control_port)
            except OSError:
                await self._stop_serving()
                raise
        self._tasks = [
            asyncio.create_task(self._exchange.run_market(), name="market"),
            asyncio.create_task(self._exchange.run_housekeeping(), name="housekeeping"),
        ]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close every connection with code 1001 and stop listening."""
        for task in self._tasks:
            task.cancel()
        results = await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._control is not None:
            await self._control.stop()
        await self._stop_serving()
        for result in results:
            if isinstance(result, Exception):
                raise result

    def stats(self) -> Stats:
        """What the exchange saw and did so far."""
        return self._exchange.stats()

    async def wait_failed(self) -> None:
        """Wait until the exchange fails, and raise what it failed with; forever if it does not."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()

    async def _stop_serving(self) -> None:
        clients = list(self._exchange.clients.values())
        self._server.close(close_connections=False)
        for client in clients:
            self._exchange.close(client, 1001)
        await self._server.wait_closed()


def _read(config: SimulatorConfig) -> Recording | None:
    if config.recording is None:
        return None
    with config.recording.open(encoding="utf-8") as lines:
        return read_recording(lines)


def _address(host: str, server: Server) -> str:
    port = server.sockets[0].getsockname()[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
