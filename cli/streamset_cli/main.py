"""`streamset`: relay, operator, exchange simulator, and a demo of all that runs on one machine."""

import argparse
import importlib
import importlib.metadata
import sys
from collections.abc import Sequence

DESCRIPTION = """\
Keep Binance market data flowing into NATS.

New here? `streamset demo` shows the whole thing on this machine, with a simulated exchange and an
embedded NATS server; nothing leaves the machine.
"""

#: Command → (module with `add_arguments` and `run`, one line of help, extra that it needs).
COMMANDS = {
    "relay": ("streamset_relay.command", "relay Binance streams to NATS", "relay"),
    "simulator": ("exchange_simulator.command", "run a look-alike of Binance's streams", "demo"),
    "operator": ("streamset_operator.command", "look after the sets of a cluster", "operator"),
    "render": ("streamset_cli.render", "print what the operator would make", "operator"),
    "demo": ("streamset_cli.demo", "watch simulated market data go into NATS", "demo"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code is the command's, 2 for wrong usage."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(
        prog="streamset",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    version = importlib.metadata.version("binance-streamset")
    parser.add_argument("--version", action="version", version=f"streamset {version}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    asked = next((word for word in words if not word.startswith("-")), None)
    for name, (module, summary, extra) in COMMANDS.items():
        command = commands.add_parser(name, help=summary)
        if name == asked:
            # Only the command that runs is imported: an image holds only what its command needs.
            try:
                part = importlib.import_module(module)
            except ModuleNotFoundError as error:
                parser.exit(
                    2,
                    f"streamset {name} needs the package {error.name}: "
                    f"pip install 'binance-streamset[{extra}]'\n",
                )
            part.add_arguments(command)
            command.set_defaults(run=part.run)
    arguments = parser.parse_args(words)
    return int(arguments.run(arguments))


if __name__ == "__main__":
    sys.exit(main())
