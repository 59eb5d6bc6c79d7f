"""`python -m streamset_operator`: the command of the operator's image."""

import argparse
import sys

from streamset_operator import command

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="streamset operator")
    command.add_arguments(parser)
    sys.exit(command.run(parser.parse_args()))
