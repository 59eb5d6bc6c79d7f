import subprocess
import sys

import pytest

from streamset_api.errors import ConfigError
from streamset_operator import failpoints, kinds
from streamset_operator.failpoints import Failpoint

PROGRAM = """
from streamset_operator.failpoints import Failpoint, from_environment
import os
passed = from_environment(os.environ)
for number in range(1, 4):
    print(number, flush=True)
    passed(Failpoint.STATUS)
    passed(Failpoint.PRUNE)
"""


@pytest.mark.parametrize(("given", "passes"), [("apply-status", 1), ("apply-status:3", 3)])
def test_the_process_ends_at_the_pass_that_is_named(given: str, passes: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={failpoints.VARIABLE: given},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == failpoints.EXIT_CODE
    assert done.stdout.split() == [str(number) for number in range(1, passes + 1)]


@pytest.mark.parametrize("given", ["apply", "apply-status:x", "apply-secret"])
def test_an_unknown_failpoint_is_refused(given: str) -> None:
    with pytest.raises(ConfigError, match=failpoints.VARIABLE):
        failpoints.from_environment({failpoints.VARIABLE: given})


def test_without_the_variable_nothing_happens() -> None:
    passed = failpoints.from_environment({})
    for failpoint in Failpoint:
        passed(failpoint)

    assert passed is failpoints.ignore


def test_every_kind_that_is_applied_has_one() -> None:
    applied = {f"apply-{kind.kind.lower()}" for kind in (*kinds.OWNED, kinds.POD_MONITORS)}

    assert applied <= {failpoint.value for failpoint in Failpoint}
