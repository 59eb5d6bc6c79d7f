"""A Secret as the kubelet mounts it: each key a symlink through `..data`, which is replaced at once.

The order of events is that of `AtomicWriter` in kubernetes/kubernetes, pkg/volume/util.
"""

import itertools
import os
import shutil
from pathlib import Path


class MountedSecret:
    """A folder that is there from the start; a Secret that does not exist (yet) leaves it empty."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._versions = (folder / f"..version_{number}" for number in itertools.count())
        folder.mkdir(parents=True)

    def path(self, key: str) -> str:
        """Return the file of a key, whether it is there or not."""
        return str(self._folder / key)

    def write(self, **contents: str | bytes) -> None:
        """Replace all keys."""
        data = self._folder / "..data"
        old = data.resolve() if data.is_symlink() else None
        version = next(self._versions)
        version.mkdir()
        for key, content in contents.items():
            (version / key).write_bytes(content.encode() if isinstance(content, str) else content)
        (self._folder / "..data_tmp").symlink_to(version.name)
        os.replace(self._folder / "..data_tmp", data)
        for key in contents:
            if not (self._folder / key).is_symlink():
                (self._folder / key).symlink_to(f"..data/{key}")
        for entry in self._folder.iterdir():
            if not entry.name.startswith("..") and entry.name not in contents:
                entry.unlink()
        if old is not None:
            shutil.rmtree(old)

    def remove(self) -> None:
        """Leave no key, as after the Secret was deleted."""
        self.write()
