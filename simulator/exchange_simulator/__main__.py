"""`python -m exchange_simulator`."""

import argparse
import sys

from exchange_simulator.command import add_arguments, run

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="exchange_simulator")
    add_arguments(parser)
    sys.exit(run(parser.parse_args()))
