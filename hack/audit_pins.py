"""Look up the pinned packages in the advisory database. Where it cannot be reached, say so: that is no pass."""

import subprocess
import sys


def main() -> int:
    """Exit code 1 for a known vulnerability, 0 for none or for an audit that could not run, which is printed."""
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "--disable-pip",
        "--require-hashes",
        "-r",
        sys.argv[1],
    ]
    audit = subprocess.run(command, capture_output=True, text=True, check=False)
    output = audit.stdout + audit.stderr
    if "could not be audited" in output or "ConnectionError" in output or "HTTPError" in output:
        print(
            f"NOT RUN: the audit of {sys.argv[1]}; the advisory database cannot be reached from here"
        )
        return 0
    print(output.strip())
    return audit.returncode


if __name__ == "__main__":
    sys.exit(main())
