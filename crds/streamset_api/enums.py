"""Choices that both the resource and the relay's configuration offer."""

from enum import StrEnum


class Overflow(StrEnum):
    """What a full buffer does with the next message."""

    DROP_NEWEST = "DropNewest"
    DROP_OLDEST = "DropOldest"


class LogLevel(StrEnum):
    """The least severe log line that is written."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"
