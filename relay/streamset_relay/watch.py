"""Live changes: the stream list of the configuration file may change while the relay runs.

The file is a mounted ConfigMap, which the kubelet replaces through a symlink, so its text is read again and
compared; inode and time would say nothing. Only the stream list is taken from a changed file.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import NamedTuple

from streamset_api.errors import ConfigError
from streamset_api.relay_config import RelayConfig, config_hash, relay_document
from streamset_api.validation import validate

log = logging.getLogger(__name__)


class Change(NamedTuple):
    """A new stream list, and the hash of the file that holds it."""

    streams: tuple[str, ...]
    config_hash: str


async def changed_streams(
    file: Path, streams: tuple[str, ...], interval: float
) -> AsyncIterator[Change]:
    """Yield the stream list each time it changes; `streams` is the one in force, from an earlier look at the file.

    A bad file is logged once, and the old list stays in force.
    """
    text: str | None = None
    config: RelayConfig | None = None
    while True:
        new_text = await _read(file)
        if new_text is not None and new_text != text:
            text = new_text
            new, hashed = _parse(text, file)
            if new is not None and new.streams != streams:
                streams = new.streams
                yield Change(streams, hashed)
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


def _parse(text: str, file: Path) -> tuple[RelayConfig | None, str]:
    try:
        document = relay_document(text, str(file))
        config = validate(RelayConfig, document, where=f"{file}: ")
    except ConfigError as error:
        log.error("The configuration file is wrong; it is ignored", extra={"error": str(error)})
        return None, ""
    return config, config_hash(document if isinstance(document, Mapping) else config)


def _rest(config: RelayConfig) -> RelayConfig:
    return config.model_copy(update={"streams": ()})
