"""Write what is generated from the models: the CRD, for the chart too, and its reference. `--check` only compares.

python hack/generate.py            write
python hack/generate.py --check    exit 1 when a file is not what the models say
"""

import argparse
import sys
from pathlib import Path

from streamset_api import crd, crd_reference

ROOT = Path(__file__).resolve().parents[1]
FILES = {
    Path("crds/binancestreamsets.yaml"): crd.text,
    Path("charts/binance-streamset-operator/files/binancestreamsets.yaml"): crd.text,
    Path("docs/reference/binancestreamset.md"): crd_reference.text,
}


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Run the command; the exit code is 0, or 1 when `--check` found a difference."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    check = parser.parse_args(arguments).check
    stale = [path for path, render in FILES.items() if not _is(root / path, render())]
    for path in stale:
        if check:
            print(f"{path} is not what the models say: run {crd.GENERATOR}", file=sys.stderr)
        else:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(FILES[path](), encoding="utf-8")
            print(f"wrote {path}")
    return 1 if check and stale else 0


def _is(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
