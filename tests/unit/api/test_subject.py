"""Subjects: always legal, never shared, readable."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamset_api.errors import InvalidValueError
from streamset_api.stream import normalise
from streamset_api.subject import check_template, decode, pattern, render, token
from tests.unit.api import strategies

# What a server takes in the subject of a PUB: tokens of characters that are no space, dot or wildcard.
LEGAL = re.compile(r"[A-Za-z0-9_=%-]+(\.[A-Za-z0-9_=%-]+)*")

texts = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("btcusdt", "btcusdt"),
        ("depth20@100ms", "depth20=100ms"),
        ("btcusd_perp", "btcusd_perp"),
        ("kline_1d@+08:00", "kline_1d=%2B08%3A00"),
        ("!miniTicker@arr", "%21miniTicker=arr"),
        ("币usdt", "%E5%B8%81usdt"),
        ("a.b*c>d e~f%g=h", "a%2Eb%2Ac%3Ed%20e%7Ef%25g%3Dh"),
        ("", "_all"),
    ],
)
def test_tokens_are_readable(text: str, encoded: str) -> None:
    assert token(text) == encoded
    assert decode(encoded) == text


@given(texts)
def test_tokens_are_legal_and_can_be_read_back(text: str) -> None:
    encoded = token(text)

    assert LEGAL.fullmatch(encoded)
    assert "." not in encoded
    assert decode(encoded) == text or text == "_all"


@given(strategies.names, strategies.names)
def test_two_streams_share_no_subject(one: str, other: str) -> None:
    same = normalise(one) == normalise(other)

    assert (render("x.{stream}", "spot", one) == render("x.{stream}", "spot", other)) is same


@given(strategies.names.filter(lambda name: "@" in name and not name.startswith("!")))
def test_a_symbol_is_never_taken_for_the_whole_market(name: str) -> None:
    assert render("{symbol}", "spot", name) != "_all"


@given(
    strategies.names, st.sampled_from(["{stream}", "a.{market}.{symbol}.{channel}", "x{symbol}"])
)
def test_rendered_subjects_are_legal(name: str, template: str) -> None:
    assert LEGAL.fullmatch(render(check_template(template), "spot-data", name))


@pytest.mark.parametrize(
    ("template", "stream", "subject"),
    [
        ("binance.websocket.data", "btcusdt@trade", "binance.websocket.data"),
        ("b.{market}.{symbol}.{channel}", "BTCUSDT@depth@100ms", "b.usdm.btcusdt.depth=100ms"),
        ("b.{symbol}.{channel}", "!miniTicker@arr", "b._all.miniTicker=arr"),
        ("{stream}", "btcusdt@depth20@100ms", "btcusdt=depth20=100ms"),
        ("{market}-{symbol}", "btcusdt@trade", "usdm-btcusdt"),
    ],
)
def test_placeholders_are_filled(template: str, stream: str, subject: str) -> None:
    assert render(template, "usdm", stream) == subject


@pytest.mark.parametrize(
    ("template", "filtered"),
    [
        ("binance.websocket.data", "binance.websocket.data"),
        ("b.{market}.{symbol}.{channel}", "b.usdm.*.*"),
        ("{market}-{symbol}.x{stream}y.end", "*.*.end"),
        ("{market}.a-{market}", "usdm.a-usdm"),
    ],
)
def test_one_filter_matches_all_that_a_template_renders(template: str, filtered: str) -> None:
    assert pattern(template, "usdm") == filtered


@pytest.mark.parametrize(
    "template",
    [
        *("", ".", "a.", ".a", "a..b", "a.*", "a.>", "a b", "a\t", "a\n", "a\x00", "{symbol", "}"),
        *("{nope}", "{}", "{Symbol}", "{symbol!r}", "币", "$SYS.a", "$JS.API", "a" * 256),
    ],
)
def test_templates_of_illegal_subjects_are_refused(template: str) -> None:
    with pytest.raises(InvalidValueError, match="tokens joined by dots"):
        check_template(template)


@given(st.text(max_size=20), strategies.names)
def test_a_template_is_refused_or_renders_a_legal_subject(template: str, name: str) -> None:
    try:
        check_template(template)
    except InvalidValueError:
        return
    subject = render(template, "spot", name)
    assert re.fullmatch(r"[!-~]+", subject)
    assert not any(part in {"", "*", ">"} for part in subject.split("."))
