"""Live changes: the stream list of the configuration file may change while the relay runs.

The file is a mounted ConfigMap, which the kubelet replaces through a symlink, so its text is read again and
compared; inode and time would say nothing. Only the stream list is taken from a changed file.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

from streamset_api.errors import ConfigError
from streamset_api.relay_config import RelayConfig, parse_relay_config

log = logging.getLogger(__name__)


async def changed_streams(
    file: Path, streams: tuple[str, ...], interval: float
) -> AsyncIterator[tuple[str, ...]]:
    """Yield the stream list each time it changes; `streams` is the one in force, from an earlier look at the file.

    A bad file is logged once, and the old list stays in force.
    """
    text: str | None = None
    config: RelayConfig | None = None
    while True:
        new_text = await _read(file)
        if new_text is not None and new_text != text:
            text = new_text
            new = _parse(text, file)
            if new is not None and new.streams != streams:
                streams = new.streams
                yield streams
            if new is not None and config is not None and _rest(new) != _rest(config):
                log.warning(
                    "The configuration changed in more than its streams; that takes a restart"
                )
            config = new or config
        await asyncio.sleep(interval)


async def _read(file: Path) -> str | None:
    try:
        return await asyncio.to_thread(file.read_text, "utf-8")
    except (OSError, UnicodeDecodeError):
        return None  # it is just being replaced


def _parse(text: str, file: Path) -> RelayConfig | None:
    try:
        return parse_relay_config(text, str(file))
    except ConfigError as error:
        log.error("The configuration file is wrong; it is ignored", extra={"error": str(error)})
        return None


def _rest(config: RelayConfig) -> RelayConfig:
    return config.model_copy(update={"streams": ()})
