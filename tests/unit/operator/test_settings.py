"""Settings of the operator: a table, checked as one."""

import argparse

import pytest

from streamset_api.errors import ConfigError
from streamset_operator.settings import (
    SHAPING,
    TABLE,
    Settings,
    add_arguments,
    built_in_image,
    flag_of,
    load,
)

GIVEN: dict[str, tuple[str, object, str]] = {
    "RELAY_IMAGE": ("relay:7", "relay:7", "two words"),
    "RELAY_IMAGE_PULL_SECRETS": ("a, b,a", ("a", "b"), "UPPER"),
    "REPORT_INTERVAL": ("1.5", 1.5, "0"),
    "WATCH_NAMESPACES": ("one,two", ("one", "two"), "o.ne"),
    "API_SERVER_PORTS": ("443,6443", (443, 6443), "0"),
    "API_SERVER_CIDRS": ("10.0.0.1,fd00::/8", ("10.0.0.1/32", "fd00::/8"), "10.0.0.1/8"),
    "INGRESS_NAMESPACES": ("none", (), "-"),
    "MONITORING_NAMESPACES": ("prometheus", ("prometheus",), "a-"),
    "MOVE_PATIENCE": ("3", 3.0, "nan"),
    "RESYNC_INTERVAL": ("15", 15.0, "-1"),
    "RETRY_INITIAL_DELAY": ("0.05", 0.05, "1e3"),
    "RETRY_MAX_DELAY": ("15", 15.0, "86401"),
    "WORKERS": ("9", 9, "0"),
    "WATCH_TIMEOUT": ("15", 15.0, "soon"),
    "REQUEST_TIMEOUT": ("2", 2.0, "two"),
    "HEALTH_PORT": ("81", 81, "65536"),
    "METRICS_PORT": ("82", 82, "x"),
    "LOG_LEVEL": ("debug", "DEBUG", "LOUD"),
}
"""Variable → a good value, what it becomes, a bad value."""


def test_every_setting_is_tried_here() -> None:
    assert GIVEN.keys() == TABLE.keys()
    assert {setting.field for setting in TABLE.values()} | {"version"} == set(
        Settings.__dataclass_fields__
    )
    assert set(SHAPING) <= TABLE.keys()


@pytest.mark.parametrize("variable", TABLE)
def test_a_variable_sets_its_field(variable: str) -> None:
    text, value, _ = GIVEN[variable]

    settings = load({variable: f" {text} "})

    assert (
        getattr(settings, TABLE[variable].field)
        == value
        != getattr(load({}), TABLE[variable].field)
    )


@pytest.mark.parametrize("variable", TABLE)
def test_a_wrong_value_names_where_it_came_from(variable: str) -> None:
    wrong = GIVEN[variable][2]

    with pytest.raises(ConfigError) as caught:
        load({variable: wrong})
    assert [problem.where for problem in caught.value.problems] == [variable]
    assert wrong in str(caught.value)

    with pytest.raises(ConfigError) as caught:
        load({}, {TABLE[variable].field: wrong})
    assert [problem.where for problem in caught.value.problems] == [flag_of(variable)]


def test_all_wrong_values_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        load({variable: wrong for variable, (_, _, wrong) in GIVEN.items()})

    assert [problem.where for problem in caught.value.problems] == list(TABLE)


def test_flags_win_and_are_those_of_the_table() -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    line = [word for variable, given in GIVEN.items() for word in (flag_of(variable), given[0])]

    settings = load({"WORKERS": "3"}, vars(parser.parse_args(line)))

    for variable, (_, value, _) in GIVEN.items():
        assert getattr(settings, TABLE[variable].field) == value
    assert "WORKERS; default: 5" in " ".join(parser.format_help().split())


def test_what_is_empty_is_not_set() -> None:
    assert load(dict.fromkeys(TABLE, ""), {"workers": None}) == Settings()


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"RETRY_INITIAL_DELAY": "9", "RETRY_MAX_DELAY": "3"}, "RETRY_MAX_DELAY"),
        ({"HEALTH_PORT": "9090"}, "METRICS_PORT"),
    ],
)
def test_contradictions_are_refused(given: dict[str, str], where: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(given)

    assert [problem.where for problem in caught.value.problems] == [where]


def test_the_default_image_is_that_of_the_operators_version() -> None:
    assert Settings(version="9.9").default_image == built_in_image("9.9")
    assert Settings(relay_image="relay:1").default_image == "relay:1"
