"""`streamset relay`: settings in, exit code out."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

from streamset_api.errors import ConfigError

from . import logs, watchdog
from .app import ExitCode, Relay
from .settings import Settings, load

DESCRIPTION = """\
Relay Binance market streams to NATS: connect, subscribe, wrap every message in an envelope, publish.

Settings come from the configuration file, a .env file in this folder and the environment; the
environment wins. Without any, it relays btcusdt@trade, btcusdt@ticker and btcusdt@depth20@100ms of
the spot market to nats://localhost:4222, subject binance.websocket.data.
"""

EPILOG = """\
exit codes: 0 stopped; 1 a bug, a lost task, no memory, or a standstill; 2 wrong configuration;
4 reconnect attempts exhausted
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command to argparse."""
    parser.description = DESCRIPTION
    parser.epilog = EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="the relay's configuration, YAML or JSON"
    )
    parser.add_argument(
        "--log-format",
        choices=("auto", "json", "plain"),
        default="auto",
        help="json lines, or plain text; auto is plain on a terminal (default: auto)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run a relay until SIGTERM or SIGINT; a second signal ends it without sending what waits."""
    json_lines = {"auto": None, "json": True, "plain": False}[arguments.log_format]
    with watchdog.ended_without_memory():
        try:
            settings = load(arguments.config, os.environ, Path(".env"))
            logs.configure(settings.config.log_level.value, json_lines=json_lines)
            with asyncio.Runner(loop_factory=loop_factory()) as runner:
                return runner.run(_run(settings))
        except ConfigError as error:
            print(error, file=sys.stderr)  # noqa: T201 - for a person; perhaps there is no log yet
            return ExitCode.CONFIGURATION
        except Exception:
            logging.getLogger(__name__).critical("The relay failed", exc_info=True)
            return ExitCode.FAILED


def loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    """The event loop: uvloop's where it is installed, else Python's own."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.Loop


async def _run(settings: Settings) -> int:
    relay = Relay(settings)
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, relay.stop)
    loop.set_exception_handler(watchdog.on_exception)
    watching = asyncio.create_task(watchdog.watch(lambda: relay.alive))
    try:
        return await relay.run()
    finally:
        watching.cancel()
