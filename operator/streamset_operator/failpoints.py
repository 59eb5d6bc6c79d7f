"""Where a test may have the operator die: right after a write, before anything that follows it.

The variable STREAMSET_FAILPOINT names one of `Failpoint`, and `:3` behind it means its third pass.
The process then ends at once, as if killed, with exit code 70. Nobody sets it outside of tests.
"""

import os
from collections.abc import Callable, Mapping
from enum import StrEnum

from streamset_api.errors import ConfigError, Problem

VARIABLE = "STREAMSET_FAILPOINT"
EXIT_CODE = 70


class Failpoint(StrEnum):
    """Every write of the operator. The value is what the variable names."""

    SERVICE_ACCOUNT = "apply-serviceaccount"
    ROLE = "apply-role"
    ROLE_BINDING = "apply-rolebinding"
    NETWORK_POLICY = "apply-networkpolicy"
    SERVICE = "apply-service"
    POD_MONITOR = "apply-podmonitor"
    CONFIG_MAP = "apply-configmap"
    DEPLOYMENT = "apply-deployment"
    REPAIR = "repair"
    PRUNE = "prune"
    TOUCH = "touch-pod"
    ENTRIES = "remove-entries"
    STATUS = "apply-status"
    EVENT = "create-event"


Passed = Callable[[Failpoint], None]


def from_environment(environ: Mapping[str, str]) -> Passed:
    """Return what to call after each write. Raises `ConfigError` for an unknown failpoint."""
    given = environ.get(VARIABLE, "").strip()
    if not given:
        return ignore
    name, _, count = given.partition(":")
    if name not in set(Failpoint) or (count and not count.isdecimal()):
        raise ConfigError([Problem(VARIABLE, given, f"one of {', '.join(Failpoint)}")])
    left = int(count or 1)

    def passed(failpoint: Failpoint) -> None:
        nonlocal left
        left -= failpoint == name
        if failpoint == name and left == 0:
            os._exit(EXIT_CODE)

    return passed


def ignore(_: Failpoint) -> None:
    """Go on: what happens outside of tests."""
