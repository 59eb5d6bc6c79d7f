"""Messages of errors: they say where, what was given and what is allowed, and keep secrets."""

import pytest

from streamset_api.errors import ABSENT, SHOWN, ConfigError, InvalidValueError, Problem, show


def test_config_error_says_each_problem_on_a_line() -> None:
    error = ConfigError([Problem("NATS_TOPIC", "a b", "no spaces"), Problem("spec", ABSENT, "it")])

    assert str(error) == (
        'NATS_TOPIC: given "a b"; allowed: no spaces\nspec: given nothing; allowed: it'
    )


@pytest.mark.parametrize(
    "given",
    ["nats://u:hush@h", ["nats://u:hush@h"], {"url": ["tls://hush@h"]}, "h,tls://u:hush@h"],
)
def test_a_problem_never_holds_credentials(given: object) -> None:
    problem = Problem("NATS_URL", given, "x")

    assert "hush" not in str(problem)
    assert "hush" not in repr(problem)
    assert "hush" not in repr(ConfigError([problem]))
    assert "hush" not in str(InvalidValueError(given, "x"))


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (None, "null"),
        (ABSENT, "nothing"),
        (5.5, "5.5"),
        ("币安", '"币安"'),
        (["a"], '["a"]'),
        ({1j: 1}, "dict"),
    ],
)
def test_values_are_shown_as_json(given: object, shown: str) -> None:
    assert show(given) == shown


def test_a_listen_key_is_masked() -> None:
    assert show("pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1") == '"pqia***"'


def test_long_values_are_cut() -> None:
    assert show("x" * 10_000) == '"' + "x" * (SHOWN - 1) + "… (10002 characters)"
