"""Logs: JSON lines on standard output, or plain lines for a person at a terminal."""

import logging
import sys
from typing import Final

from pythonjsonlogger.json import JsonFormatter

PLAIN: Final = "%(asctime)s %(levelname)-7s %(message)s"


def configure(level: str, *, json_lines: bool | None = None) -> None:
    """Set up the root logger. `json_lines` None decides by whether standard output is a terminal."""
    if json_lines is None:
        json_lines = not sys.stdout.isatty()
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_json() if json_lines else _Plain(PLAIN))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # One line per HTTP probe is noise.
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)


def _json() -> logging.Formatter:
    return JsonFormatter(
        ("timestamp", "levelname", "name", "message"),
        rename_fields={"levelname": "level", "name": "logger"},
        timestamp=True,
    )


class _Plain(logging.Formatter):
    """Appends the structured fields to the message: `key=value`."""

    _STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        fields = [f"{k}={v}" for k, v in vars(record).items() if k not in self._STANDARD]
        return "  ".join([text, *fields])
