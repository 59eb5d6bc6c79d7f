"""Installs some of this project's packages into a virtual environment, for an image that needs no more.

`python install.py ENVIRONMENT PACKAGE...` does for these folders what `pip install --no-deps .` does
for all: copies them, and writes the distribution's metadata, and its command where its package is among
them. The project is where this runs; the environment has this Python's version.
"""

import shutil
import stat
import sys
import sysconfig
import tomllib
from pathlib import Path

SCRIPT = """\
#!{python}
import sys

from {module} import {function}

sys.exit({function}())
"""


def install(environment: Path, packages: list[Path]) -> None:
    """Copy the packages into the environment and describe them there."""
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    variables = {"base": str(environment), "platbase": str(environment)}
    site = Path(sysconfig.get_path("purelib", "venv", variables))
    for package in packages:
        shutil.copytree(package, site / package.name)
    metadata = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    for name, target in project["scripts"].items():
        module, function = target.split(":")
        if module.partition(".")[0] in {package.name for package in packages}:
            script = environment / "bin" / name
            script.write_text(
                SCRIPT.format(
                    python=environment / "bin" / "python", module=module, function=function
                )
            )
            script.chmod(script.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


if __name__ == "__main__":
    install(Path(sys.argv[1]), [Path(package) for package in sys.argv[2:]])
