"""Logs: JSON lines on standard output, or plain lines for a person at a terminal."""

import logging
import sys

from pythonjsonlogger.json import JsonFormatter

PLAIN = "%(asctime)s %(levelname)-7s %(message)s"


def configure(level: str) -> None:
    """Set up the root logger."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter(PLAIN) if sys.stdout.isatty() else _json())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # kopf tells of every event and handler; what the operator makes of them is told by its own lines.
    logging.getLogger("kopf").setLevel(max(logging.getLogger().level, logging.WARNING))
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)


def _json() -> logging.Formatter:
    return JsonFormatter(
        ("timestamp", "levelname", "name", "message"),
        rename_fields={"levelname": "level", "name": "logger"},
        timestamp=True,
    )
