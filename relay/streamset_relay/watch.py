"""Live changes: the stream list of the configuration file may change while the relay runs.

The file is a mounted ConfigMap, which the kubelet replaces through a symlink, so its text is read again and
compared; inode and time would say nothing. Only the stream list is taken from a changed file.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

from streamset_api.errors import ConfigError
from streamset_api.relay_config import RelayConfig

from .settings import Settings, read_again

log = logging.getLogger(__name__)


class Change(NamedTuple):
    """The stream list in force from now on, and the hash of the file if the relay runs all that it says."""

    streams: tuple[str, ...]
    config_hash: str | None


async def changed_streams(settings: Settings, interval: float) -> AsyncIterator[Change]:
    """Yield a change of the file of `settings`, each time its streams or its hash change.

    A bad file is logged once, and the old list stays in force. A change of anything but the streams takes a
    restart: it is logged, and until then no hash is given.
    """
    file = settings.file
    if file is None:
        return
    running, text = _rest(settings.config), None
    now = Change(settings.config.streams, settings.config_hash)
    while True:
        new_text = await _read(file)
        if new_text is not None and new_text != text:
            text = new_text
            if parsed := _parse(text, settings):
                config, hashed = parsed
                same = _rest(config) == running
                if not same:
                    log.warning(
                        "The configuration changed in more than its streams; that takes a restart"
                    )
                if now != (now := Change(config.streams, hashed if same else None)):
                    yield now
        await asyncio.sleep(interval)


async def _read(file: Path) -> str | None:
    try:
        return await asyncio.to_thread(file.read_text, "utf-8")
    except (OSError, UnicodeDecodeError):
        return None  # it is just being replaced


def _parse(text: str, settings: Settings) -> tuple[RelayConfig, str] | None:
    try:
        return read_again(settings, text)
    except ConfigError as error:
        log.error("The configuration file is wrong; it is ignored", extra={"error": str(error)})
        return None


def _rest(config: RelayConfig) -> RelayConfig:
    return config.model_copy(update={"streams": ()})
