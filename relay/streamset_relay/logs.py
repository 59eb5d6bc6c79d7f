"""Logs: JSON lines on standard output, or plain lines for a person at a terminal."""

import logging
import sys
from typing import Final, TextIO

from pythonjsonlogger.json import JsonFormatter

PLAIN: Final = "%(asctime)s %(levelname)-7s %(message)s"


def configure(level: str, *, json_lines: bool | None = None) -> None:
    """Set up the root logger. `json_lines` None decides by whether standard output is a terminal."""
    if json_lines is None:
        json_lines = not sys.stdout.isatty()
    handler = _Output(sys.stdout)
    handler.setFormatter(_json() if json_lines else _Plain(PLAIN))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # One line per HTTP probe is noise.
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)


class _Output(logging.StreamHandler[TextIO]):
    """Raises for want of memory, which concerns whoever logs; any other trouble with a line ends with it."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        if isinstance(error := sys.exc_info()[1], MemoryError):
            raise error
        super().handleError(record)


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
