"""`streamset operator`: settings in, exit code out."""

import argparse
import asyncio
import logging
import os
import sys

from streamset_api.errors import ConfigError
from streamset_operator import app, failpoints, logs, settings, watches
from streamset_operator.app import ExitCode
from streamset_operator.errors import MissingRights
from streamset_operator.settings import Settings

DESCRIPTION = """\
Look after BinanceStreamSets: make the objects of each, keep them as they should be, report in status.

Runs as the pod's ServiceAccount, or outside of a cluster with the kubeconfig (KUBECONFIG). Every
setting is a flag and an environment variable; the flag wins.
"""

EPILOG = """\
exit codes: 0 stopped; 1 a bug; 2 wrong configuration; 3 a right is missing, the log names it
"""

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command to argparse."""
    parser.description = DESCRIPTION
    parser.epilog = EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    settings.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the operator until SIGTERM or SIGINT."""
    try:
        loaded = settings.load(os.environ, vars(arguments))
        passed = failpoints.from_environment(os.environ)
        logs.configure(loaded.log_level.value)
        asyncio.run(_run(loaded, passed))
    except ConfigError as error:
        print(error, file=sys.stderr)  # noqa: T201 - for a person; perhaps there is no log yet
        return ExitCode.CONFIGURATION
    except MissingRights as error:
        log.critical("Rights are missing", extra={"rights": list(error.rights)})
        return ExitCode.RIGHTS
    except Exception:
        log.critical("The operator failed", exc_info=True)
        return ExitCode.FAILED
    return ExitCode.OK


async def _run(loaded: Settings, passed: failpoints.Passed) -> None:
    stop = asyncio.Event()
    watches.stop_by_signals(stop)
    await app.run(loaded, stop, passed)
