"""The command line: `streamset simulator`, or `python -m exchange_simulator`."""

import argparse
import asyncio
import json
import logging
import math
import signal
import sys
from pathlib import Path
from typing import get_args

from exchange_simulator.config import DEFAULT_RECORDING, SimulatorConfig
from exchange_simulator.core.protocol import ErrorShape
from exchange_simulator.core.rules import RULES
from exchange_simulator.simulator import Simulator
from exchange_simulator.sources.recording import RecordingError

DESCRIPTION = """\
Run a look-alike of Binance's market streams on this machine. It answers SUBSCRIBE, pings, limits and closes
connections as the exchange does, and sends made-up or recorded market data.

When it is ready it prints one line of JSON with its addresses: "url" for WebSocket clients (add /ws or /stream),
"control" for the HTTP API that causes faults and tells what was sent, for example:

  curl -X POST CONTROL/faults/close -d '{"code": 1001}'     end every connection
  curl CONTROL/stats                                        what was sent to whom
  curl CONTROL/faults                                       all faults and their arguments

Stop it with Ctrl-C or SIGTERM.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the simulator's options to a parser."""
    parser.description = DESCRIPTION
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    address = parser.add_argument_group("where to listen")
    address.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on (default: %(default)s, this machine only)",
    )
    address.add_argument(
        "--port",
        type=_port,
        default=9443,
        help="port for WebSocket clients; 0 takes any free one (default: %(default)s)",
    )
    address.add_argument(
        "--control-port",
        type=_port,
        default=9444,
        help="port of the HTTP control API; 0 takes any free one (default: %(default)s)",
    )
    market = parser.add_argument_group("what to send")
    market.add_argument(
        "--market",
        choices=tuple(RULES),
        default="spot",
        help="which market to be; decides streams, payloads and limits (default: %(default)s)",
    )
    market.add_argument(
        "--replay",
        type=Path,
        nargs="?",
        const=DEFAULT_RECORDING,
        metavar="FILE",
        help="replay a recording for the streams it holds and make up the others; without FILE, 45 seconds of"
        " btcusdt@trade, btcusdt@depth@100ms and btcusdt@bookTicker that come with the simulator",
    )
    market.add_argument(
        "--speed",
        type=_positive,
        default=1.0,
        metavar="FACTOR",
        help="replay so many times faster than recorded (default: %(default)s)",
    )
    market.add_argument(
        "--loop",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="begin the replay again at its end (default: yes)",
    )
    market.add_argument(
        "--renumber",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="let ids and times of a later pass go on growing; otherwise every pass is the same bytes"
        " (default: yes)",
    )
    market.add_argument(
        "--symbols",
        type=_symbols,
        metavar="A,B",
        help="the only symbols listed on the exchange (default: every well-formed one)",
    )
    market.add_argument(
        "--today",
        action="store_true",
        help="move the times inside replayed events to the present, so that lags can be measured",
    )
    market.add_argument(
        "--rate",
        type=_positive,
        metavar="N",
        help="make up N events per second in all, shared equally by the streams that clients are subscribed to"
        " (default: each stream at the speed it usually has)",
    )
    market.add_argument(
        "--streams-rate",
        type=_stream_rate,
        action="append",
        default=[],
        metavar="PATTERN=N",
        help="make up N events per second for each stream whose name matches, such as '*@trade=100';"
        " may be given several times, the first match counts",
    )
    market.add_argument(
        "--flood",
        action="store_true",
        help="send as fast as the clients read, for benchmarks; rates and speed do not count then",
    )
    market.add_argument(
        "--limit",
        type=_count,
        metavar="N",
        help="stop making up events after N of them (default: never)",
    )
    limits = parser.add_argument_group("limits (those of the market unless given)")
    limits.add_argument(
        "--error-shape",
        choices=get_args(ErrorShape),
        default="nested",
        help="error replies as the live hosts send them, or as the documents show them"
        " (default: %(default)s)",
    )
    limits.add_argument(
        "--ping-interval",
        type=_positive,
        metavar="S",
        help="seconds between two pings of the server",
    )
    limits.add_argument(
        "--pong-timeout",
        type=_positive,
        metavar="S",
        help="seconds a client may take to answer one",
    )
    limits.add_argument(
        "--max-connection-age",
        type=_positive,
        metavar="S",
        help="seconds after which a connection is closed (the exchange: 24 hours)",
    )
    limits.add_argument(
        "--connection-attempts",
        type=_count,
        metavar="N",
        help="connection attempts per address in 5 minutes (the exchange: 300)",
    )
    parser.add_argument(
        "--verbose", action="store_true", help="log every connection that the exchange ends"
    )


def run(args: argparse.Namespace) -> int:
    """Run the simulator until SIGTERM or SIGINT; gives the exit code."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO if args.verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(message)s",
    )
    logging.getLogger("websockets").setLevel(logging.CRITICAL)
    config = SimulatorConfig(
        host=args.host,
        port=args.port,
        control_port=args.control_port,
        market=args.market,
        pace="flood" if args.flood else "clock",
        rate=args.rate,
        rates=dict(args.streams_rate),
        limit=args.limit,
        recording=args.replay,
        speed=args.speed,
        loop=args.loop,
        today=args.today,
        renumber=args.renumber,
        symbols=args.symbols,
        error_shape=args.error_shape,
        ping_interval=args.ping_interval,
        pong_timeout=args.pong_timeout,
        max_connection_age=args.max_connection_age,
        connection_attempts=args.connection_attempts,
    )
    try:
        asyncio.run(_serve(config))
    except (OSError, RecordingError) as error:
        print(f"simulator: {error}", file=sys.stderr)  # noqa: T201 - a command prints
        return 1
    return 0


async def _serve(config: SimulatorConfig) -> None:
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with Simulator(config) as exchange:
        ready = {"event": "ready", "url": exchange.url, "control": exchange.control_url}
        print(json.dumps(ready), flush=True)  # noqa: T201 - what a caller waits for
        async with asyncio.TaskGroup() as tasks:
            failing = tasks.create_task(exchange.wait_failed())
            await stopping.wait()
            failing.cancel()


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{port} is no port; allowed: 0 to 65535")
    return port


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return number


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return number


def _symbols(text: str) -> tuple[str, ...]:
    return tuple(symbol.strip().lower() for symbol in text.split(",") if symbol.strip())


def _stream_rate(text: str) -> tuple[str, float]:
    pattern, equals, rate = text.rpartition("=")
    if not (pattern and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not PATTERN=N, such as '*@trade=100'")
    return pattern, _positive(rate)
