"""What `helm test` runs in the operator's image: is the operator ready, and how many sets does it see?

Arguments: host and port of the operator's Service, which leads nowhere until the operator is ready.
"""

import http.client
import sys
import time
from contextlib import closing

PATIENCE = 60.0
"""Seconds: `helm test` may follow an installation that did not wait."""

SETS = "streamset_operator_sets "


def main(host: str, port: int) -> None:
    """Wait for the operator, and say what it sees. Exits with a message when it does not answer."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            count = sets(host, port)
        except (OSError, http.client.HTTPException, ValueError) as error:
            if time.monotonic() > deadline:
                sys.exit(f"The operator does not answer at {host}:{port}: {error}")
            time.sleep(1)
        else:
            sys.stdout.write(f"The operator is ready; sets: {count}\n")
            return


def sets(host: str, port: int) -> int:
    """Return how many sets the operator knows. Raises `ValueError` where it does not say."""
    with closing(http.client.HTTPConnection(host, port, timeout=5)) as connection:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    for line in text.splitlines():
        if line.startswith(SETS):
            return int(float(line.removeprefix(SETS)))
    raise ValueError(f"its metrics lack {SETS.strip()}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
