"""A configuration file as the kubelet mounts it."""

from pathlib import Path
from typing import Any

import yaml


class Mounted:
    """The file of a ConfigMap's volume: replaced by swapping one symlink, whole or not at all."""

    def __init__(self, folder: Path, config: dict[str, Any] | str) -> None:
        self._folder = folder
        self._revision = 0
        self.file = folder / "relay.yaml"
        self.replace(config)
        self.file.symlink_to(Path("..data") / "relay.yaml")

    def replace(self, config: dict[str, Any] | str) -> None:
        """Put another text in its place."""
        self._revision += 1
        data = self._folder / f"..{self._revision}"
        data.mkdir()
        text = config if isinstance(config, str) else yaml.safe_dump(config)
        (data / "relay.yaml").write_text(text)
        link = self._folder / "..data_tmp"
        link.symlink_to(data.name)
        link.rename(self._folder / "..data")
